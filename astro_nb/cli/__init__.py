"""The command line."""

from .program import app, main
from .specs import PUBLISHED

__all__ = ["PUBLISHED", "app", "main"]

"""The command line: the one room that prints."""

from .program import app, main
from .specs import PUBLISHED

__all__ = ["PUBLISHED", "app", "main"]

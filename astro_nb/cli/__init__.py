"""The command line `astro-nb`, one module per command."""

from .program import app, main
from .specs import PUBLISHED

__all__ = ["PUBLISHED", "app", "main"]

"""What was sent and what came back, append-only."""

from .history import FOLDER, Errors, History

__all__ = ["FOLDER", "Errors", "History"]

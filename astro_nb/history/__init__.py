"""What was sent and what came back, append-only."""

from .file import texts_in
from .history import FOLDER, Errors, History

__all__ = ["FOLDER", "Errors", "History", "texts_in"]

"""What was sent and what came back, append-only."""

from .file import texts_in
from .history import FOLDER, Errors, History
from .trail import Trail

__all__ = ["FOLDER", "Errors", "History", "Trail", "texts_in"]

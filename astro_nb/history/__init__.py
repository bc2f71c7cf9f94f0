"""What was sent and what came back, append-only."""

from .file import texts_in
from .history import FOLDER, Errors, History
from .journal import Journal, Mark, Run
from .trail import Trail

__all__ = ["FOLDER", "Errors", "History", "Journal", "Mark", "Run", "Trail", "texts_in"]

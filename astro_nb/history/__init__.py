"""An append-only store of exchanges, and the journal of bulk runs."""

from .database import texts_in
from .history import FOLDER, Errors, History, Trail
from .journal import Journal, Mark, Run

__all__ = ["FOLDER", "Errors", "History", "Journal", "Mark", "Run", "Trail", "texts_in"]

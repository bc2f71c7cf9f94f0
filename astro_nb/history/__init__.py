"""An append-only store of exchanges, and the journal of bulk runs."""

from .database import texts_in
from .history import FOLDER, Errors, ExchangeList, History
from .journal import Journal, Mark, Run

__all__ = ["FOLDER", "Errors", "ExchangeList", "History", "Journal", "Mark", "Run", "texts_in"]

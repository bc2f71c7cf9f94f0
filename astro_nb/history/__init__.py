"""An append-only store of exchanges, and the journal of bulk runs."""

from .database import texts_in
from .history import FOLDER, Errors, ExchangeList, History
from .journal import Journal, Mark, Run
from .location import history_path

__all__ = ["FOLDER", "Errors", "ExchangeList", "History", "Journal", "Mark", "Run", "history_path", "texts_in"]

"""One thing changed, and all else of it left as it is."""

from .changed import Changed
from .changing import change

__all__ = ["Changed", "change"]

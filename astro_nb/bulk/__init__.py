"""Send a table as many requests of one operation."""

from .bulk import Bulk, prepare_bulk

__all__ = ["Bulk", "prepare_bulk"]

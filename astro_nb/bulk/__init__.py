"""A table as many requests of one operation."""

from .bulk import Bulk, bulk

__all__ = ["Bulk", "bulk"]

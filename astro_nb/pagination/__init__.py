"""Read every page of a list."""

from .pages import Pages, read_pages
from .paging import first_call, paging_of

__all__ = ["Pages", "first_call", "paging_of", "read_pages"]

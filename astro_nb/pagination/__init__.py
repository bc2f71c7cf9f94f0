"""Read every page of a list."""

from .pages import Pages
from .paging import first_call, paging_of
from .read_pages import read_pages

__all__ = ["Pages", "first_call", "paging_of", "read_pages"]

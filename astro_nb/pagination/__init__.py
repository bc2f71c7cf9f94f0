"""Every page of a list."""

from .pages import Pages, counted
from .paging import Paging, first_call, paging_of
from .read_pages import read_pages
from .reading import Page, read_page, skipped

__all__ = ["Page", "Pages", "Paging", "counted", "first_call", "paging_of", "read_page", "read_pages", "skipped"]

"""What a page is, and what all of them are together."""

from .pages import Pages
from .scheme import Page, Paging, first_call, paging_of, read_page, skipped

__all__ = ["Page", "Pages", "Paging", "first_call", "paging_of", "read_page", "skipped"]

"""What a page is, and what all of them are together."""

from .drawing import counted
from .pages import Pages
from .reading import Page, read_page, skipped
from .scheme import Paging, first_call, paging_of

__all__ = ["Page", "Pages", "Paging", "counted", "first_call", "paging_of", "read_page", "skipped"]

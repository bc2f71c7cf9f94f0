"""The values of one form, without a widget."""

from .nested import Location
from .shown import has_files, has_lines, is_shown
from .typed import parse, show
from .values import Form

__all__ = ["Form", "Location", "has_files", "has_lines", "is_shown", "parse", "show"]

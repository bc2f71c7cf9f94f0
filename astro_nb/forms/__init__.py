"""The values of one form, without widgets."""

from .form import Form
from .parsing import has_files, has_lines, is_shown, parse, show

__all__ = ["Form", "has_files", "has_lines", "is_shown", "parse", "show"]

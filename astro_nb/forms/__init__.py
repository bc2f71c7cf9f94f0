"""The values of one form without widgets: set, typed, checked, and turned into a call."""

from .form import Form
from .headers import format_headers, parse_headers
from .parsing import fits_control, format_value, is_file_list, is_line_list, parse_text

__all__ = [
    "Form",
    "fits_control",
    "format_headers",
    "format_value",
    "is_file_list",
    "is_line_list",
    "parse_headers",
    "parse_text",
]

"""Further headers as text: one `Name: value` per line."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import UsageError
from ..openapi import is_token


def parse_headers(text: str) -> dict[str, str]:
    """Return headers typed one `Name: value` per line.

    Raises:
        UsageError: a line has no colon, its name cannot be the name of a header (RFC 9110, section 5.1), or two lines
            have the same name.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        name = name.strip()
        if not (colon and name):
            raise UsageError("A header line has no name or no colon.", "Enter one `Name: value` per line.")
        if not is_token(name):
            raise UsageError(f"{name!r} cannot be the name of a header.", "Enter one `Name: value` per line.")
        if name.lower() in map(str.lower, found):
            raise UsageError(f"The header {name} is given twice.", "Write its values on one line, joined by commas.")
        found[name] = value.strip()
    return found


def format_headers(headers: Mapping[str, str]) -> str:
    """Return headers as text, one `Name: value` per line."""
    return "\n".join(f"{name}: {value}" for name, value in headers.items())

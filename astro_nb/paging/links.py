"""The Link header (RFC 8288): which address stands in which relation to an answer."""

from __future__ import annotations

import re

from ..message import Headers

_NAME, _VALUE = r'[^\s=;,"<>]+', r'"(?:[^"\\]|\\.)*"|[^\s;,"]*'
_PARAMETER = re.compile(rf"\s*;\s*({_NAME})(?:\s*=\s*({_VALUE}))?")
_LINK = re.compile(rf"<([^<>]*)>((?:\s*;\s*{_NAME}(?:\s*=\s*(?:{_VALUE}))?)*)")


def target_of(headers: Headers, relation: str) -> str | None:
    """The first target that stands in this relation, whatever else the header fields hold; None where none does."""
    values = (value for name, value in headers if name.lower() == "link")
    links = (link for value in values for link in _LINK.findall(value))
    return next((target for target, parameters in links if relation in _relations(parameters)), None)


def _relations(parameters: str) -> list[str]:
    """The relations of a link: the words of its first `rel`, without regard to case (section 3.3)."""
    told = next((value for name, value in _PARAMETER.findall(parameters) if name.lower() == "rel"), "")
    return str(told).strip('"').lower().split()

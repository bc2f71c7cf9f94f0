"""Formats of text, such as `date-time`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([zZ]|[+-]([01]\d|2[0-3]):[0-5]\d)"
_DAYS, _HOURS = r"(\d+D|\d+M(\d+D)?|\d+Y(\d+M(\d+D)?)?)", r"T(\d+S|\d+M(\d+S)?|\d+H(\d+M(\d+S)?)?)"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_CHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_HOST = rf"//({_CHAR}*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:\d*)?(/{_CHAR}*)*"
_RELATIVE = rf"(?![^/?#]*:)(/?({_CHAR}+/)*{_CHAR}*)(\?({_CHAR}|[/?])*)?(#({_CHAR}|[/?])*)?"
_URI = rf"[A-Za-z][A-Za-z0-9+.-]*:({_HOST}|(?!//)({_CHAR}|/)*)(\?({_CHAR}|[/?])*)?(#({_CHAR}|[/?])*)?"


def has_format(value: str, name: str) -> bool:
    """Whether a text has the format of that name; a format that is not known here binds nobody."""
    check = _CHECKS.get(name)
    return check is None or check(value)


def _is_date(value: str) -> bool:
    try:
        return len(value) == 10 and value[4] == value[7] == "-" and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_date_time(value: str) -> bool:
    day, mark, time = value[:10], value[10:11], value[11:]
    return _is_date(day) and mark in ("T", "t") and bool(re.fullmatch(_TIME, time, re.ASCII))


def _is_address(version: int) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        import ipaddress  # imported at first use: few documents have addresses

        try:
            return ipaddress.ip_address(value).version == version and "%" not in value
        except ValueError:
            return False

    return check


def _is_regex(value: str) -> bool:
    try:
        return bool(re.compile(value))
    except re.error:
        return False


def _like(pattern: str) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(pattern, value, re.ASCII))  # compiled, and kept, at first use


_CHECKS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_date_time,
    "date": _is_date,
    "time": _like(_TIME),
    "duration": _like(rf"P(\d+W|{_DAYS}({_HOURS})?|{_HOURS})"),
    "uuid": _like(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "email": _like(rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*"),
    "idn-email": _like(r"(?!.*\.\.)[^@\s\"\[\]]+@[^@\s\"\[\]]+"),
    "uri": _like(_URI),
    "iri": _like(_URI),
    "uri-reference": _like(rf"{_URI}|{_RELATIVE}"),
    "iri-reference": _like(rf"{_URI}|{_RELATIVE}"),
    "uri-template": _like(rf"({_CHAR}|[/?#]|\{{[A-Za-z0-9_.,]+\}})*"),
    "hostname": _like(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*"),
    "idn-hostname": _like(rf"{_LABEL}(\.{_LABEL})*"),
    "ipv4": _is_address(4),
    "ipv6": _is_address(6),
    "json-pointer": _like(r"(/([^~/]|~[01])*)*"),
    "regex": _is_regex,
    "relative-json-pointer": _like(r"(0|[1-9]\d*)(#|(/([^~/]|~[01])*)*)"),
}

SAMPLES = {
    "date-time": "2026-03-14T09:30:00Z",
    "date": "2026-03-14",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "uuid": "6f1c1b1e-8f3a-4d55-9a57-0c2b8a1f6e42",
    "email": "ada.lindqvist@example.com",
    "idn-email": "ada.lindqvist@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/",
    "iri-reference": "/",
    "uri-template": "https://example.com/{id}",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/a",
    "relative-json-pointer": "0/a",
    "regex": ".*",
    "byte": "c2FtcGxl",
}
"""A text of each format that is more than any text."""

"""What looks like a credential though nobody knows it, by a table of looks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from .names import URL_NAMES

_PLACEHOLDERS = re.compile(
    r"\*{3}|\{|\}|<|>|\$|%7b|…|\.{3}|x{4}|X{4}|0{8}|environ|getenv|example|placeholder|redacted|your[-_]|changeme"
    r"|SECRET__|^env:|^dotenv:|^keyring:|^prompt:|^held:",
    re.IGNORECASE,
)
"""What is written where a credential would stand: stars, templates, names of variables, words for people."""

_SHOWN = 4  # characters of a possible secret that are told, at the most


@dataclass(frozen=True)
class Look:
    """One look of credentials: its name, the pattern whose group is the value, and what decides beside it."""

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]


def looks_in(text: str) -> Iterator[tuple[int, str, str]]:
    """What looks like a credential in a text: offset, kind and value, each part of the text once."""
    taken: list[tuple[int, int]] = []
    for look in LOOKS:
        for match in look.pattern.finditer(text):
            start, end = match.span(1)
            if any(start < over and begun < end for begun, over in taken) or not look.holds(match[1]):
                continue
            taken.append((start, end))
            yield start, _kind(look.kind, match[1]), match[1]


def starred(value: str) -> str:
    """A possible secret as it may be told: its first characters at the most, and stars."""
    return f"{value[: min(_SHOWN, len(value) // 4)]}*****"


def _kind(kind: str, value: str) -> str:
    claims = _decoded(value.split(".")[1]) if kind == "JWT" else None
    return "Astro API token" if isinstance(claims, dict) and "apiTokenId" in claims else kind


def _decoded(part: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None


def _is_jwt(value: str) -> bool:
    header = _decoded(value.split(".")[0])
    return isinstance(header, dict) and ("alg" in header or "typ" in header)


def _is_filled(value: str) -> bool:
    """Whether this is a value and no word for one: no placeholder, and not of a few characters again and again."""
    return not _PLACEHOLDERS.search(unquote(value)) and len(set(value)) > 4


def _is_coined(value: str) -> bool:
    """As `_is_filled`, and no word of a language: credentials have digits."""
    return _is_filled(value) and any(sign.isdigit() for sign in value)


def _is_login(value: str) -> bool:
    """Whether this is a user and a password in base64, as Basic authentication sends them."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return False
    return bool(colon and password) and password.isprintable() and not _PLACEHOLDERS.search(f"{user} {password}")


def _is_password(value: str) -> bool:
    """Whether this may be a password before an @, and no port, and no word for one."""
    if value.isdigit() and len(value) <= 5:
        return False
    return not _PLACEHOLDERS.search(unquote(value)) and value.lower() not in ("password", "pass", "secret", "token")


def _look(kind: str, pattern: str, holds: Callable[[str], bool] = _is_filled, flags: int = 0) -> Look:
    return Look(kind, re.compile(pattern, flags), holds)


_VALUE = r"[A-Za-z0-9._~+/=-]"

LOOKS: tuple[Look, ...] = (
    _look(
        "private key",
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----((?:\s|\\[rn]|[A-Za-z0-9+/=:,-]){40})",
    ),
    _look("JWT", r"(?<![\w-])(eyJ[\w-]{8,4000}\.[\w-]{2,16000}\.[\w-]{16,4000})", _is_jwt, re.ASCII),
    _look("AWS key", r"(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z0-9])"),
    _look("GitHub token", r"(?<![\w])(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,255})", _is_filled, re.ASCII),
    _look("Slack token", r"(?<![\w-])(xox[abeoprs]-[A-Za-z0-9-]{20,250})", _is_coined, re.ASCII),
    _look("Google key", r"(?<![\w-])(AIza[\w-]{35})(?![\w-])", _is_coined, re.ASCII),
    _look("Basic credential", r"\bBasic\s{1,4}([A-Za-z0-9+/]{8,4000}={0,2})", _is_login, re.IGNORECASE),
    _look("bearer token", rf"\bBearer\s{{1,4}}({_VALUE}{{16,8000}})", _is_coined, re.IGNORECASE),
    _look(
        "Authorization header",
        rf"\bAuthorization[\"'\\]{{0,4}}\s{{0,4}}[:=,]\s{{0,4}}[\"'\\]{{0,4}}(?:(?:Token|ApiKey|Key)\s+)?({_VALUE}{{16,8000}})",
        _is_coined,
        re.IGNORECASE,
    ),
    _look(
        "credential in a URL",
        rf"[?&](?:amp;)?(?:[\w-]{{0,40}}[-_])?(?:{URL_NAMES})=([^&\s\"'<>#\\`)]{{8,4000}})",
        _is_coined,
        re.IGNORECASE | re.ASCII,
    ),
    _look(
        "password in a URL",
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'<>?#\\]{1,200}:([^\s/@\"'<>\\]{3,200})@[A-Za-z0-9\[]",
        _is_password,
    ),
)
"""Every look; a new one is a new row. What a row before has found is not looked at again."""

"""Which names mean a secret, and which texts look like a credential, by tables of patterns.

Whether a field with such a name is a secret also depends on its type and on the document: see `schema/`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import orjson

SECRET_HEADERS = frozenset(("set-cookie", "authorization", "proxy-authorization", "cookie", "x-api-key"))
"""Headers whose value is a credential, in lower case."""


def _secret_words(separator: str) -> str:
    """Return the pattern of the last word of a secret's name; `separator` is a pattern for what may join its parts."""
    return (
        rf"pass(?:word|wd|phrase)|(?:client{separator})?secret|(?:private|api|secret){separator}key"
        rf"|(?:access|refresh){separator}token"
    )


_SECRET_NAME = re.compile(rf"(?i)(?:.*_)?(?:{_secret_words('_?')})\Z")

URL_NAMES = rf"{_secret_words('[-_]?')}|(?:auth|id)_token|sig(?:nature)?|token"
"""The pattern of a URL parameter's name whose value may be a credential.

It is wider than `is_secret_name`: it is used on any text, and the value has to look like a credential too.
"""


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a name means that its value is a secret, whatever the document declares."""
    return bool(_SECRET_NAME.fullmatch(name))


def is_secret_header(name: str) -> bool:
    """Whether a header carries a credential; case does not count (RFC 9110, section 5.1)."""
    return name.lower() in SECRET_HEADERS


_PLACEHOLDERS = re.compile(
    r"\*{3}|\{|\}|<|>|\$|%7b|…|\.{3}|x{4}|X{4}|0{8}|environ|getenv|example|placeholder|redacted|your[-_]|changeme"
    r"|SECRET__|^env:|^dotenv:|^keyring:|^prompt:|^held:",
    re.IGNORECASE,
)
"""What people write in place of a credential: stars, templates, names of variables, words such as "example"."""

_SHOWN = 4  # characters of a possible secret that are shown, at most
_FEWEST_CHARACTERS = 5  # different ones: a value with fewer is a placeholder such as "aaaa-bbbb"
_LONGEST_PORT = 5  # digits


@dataclass(frozen=True)
class CredentialPattern:
    """One kind of credential: its name, a regular expression whose group 1 is the value, and a check of that value."""

    kind: str
    pattern: re.Pattern[str]
    is_credential: Callable[[str], bool]


def match_patterns(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield offset, kind and value of everything that looks like a credential; no part of the text twice."""
    matched: list[tuple[int, int]] = []
    for candidate in PATTERNS:
        for match in candidate.pattern.finditer(text):
            start, end = match.span(1)
            if any(start < upper and lower < end for lower, upper in matched) or not candidate.is_credential(match[1]):
                continue
            matched.append((start, end))
            yield start, _kind(candidate.kind, match[1]), match[1]


def abbreviate(value: str) -> str:
    """Return the first characters of a possible secret, at most four, and stars."""
    return f"{value[: min(_SHOWN, len(value) // 4)]}*****"


def _kind(kind: str, value: str) -> str:
    claims = _decode_json(value.split(".")[1]) if kind == "JWT" else None
    return "Astro API token" if isinstance(claims, dict) and "apiTokenId" in claims else kind


def _decode_json(part: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None


def _is_jwt(value: str) -> bool:
    header = _decode_json(value.split(".")[0])
    return isinstance(header, dict) and ("alg" in header or "typ" in header)


def _is_no_placeholder(value: str) -> bool:
    return not _PLACEHOLDERS.search(unquote(value)) and len(set(value)) >= _FEWEST_CHARACTERS


def _is_random(value: str) -> bool:
    """Whether a value is neither a placeholder nor words of a language: credentials contain digits."""
    return _is_no_placeholder(value) and any(character.isdigit() for character in value)


def _is_login(value: str) -> bool:
    """Whether a value is user and password in base64, as Basic authentication sends them (RFC 7617)."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return False
    return bool(colon and password) and password.isprintable() and not _PLACEHOLDERS.search(f"{user} {password}")


def _is_password(value: str) -> bool:
    """Whether the text before an @ can be a password, and is neither a port nor a placeholder."""
    if value.isdigit() and len(value) <= _LONGEST_PORT:
        return False
    return not _PLACEHOLDERS.search(unquote(value)) and value.lower() not in ("password", "pass", "secret", "token")


def _pattern(
    kind: str, pattern: str, is_credential: Callable[[str], bool] = _is_no_placeholder, flags: int = 0
) -> CredentialPattern:
    return CredentialPattern(kind, re.compile(pattern, flags), is_credential)


_VALUE = r"[A-Za-z0-9._~+/=-]"

PATTERNS: tuple[CredentialPattern, ...] = (
    _pattern(
        "private key",
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----((?:\s|\\[rn]|[A-Za-z0-9+/=:,-]){40})",
    ),
    _pattern("JWT", r"(?<![\w-])(eyJ[\w-]{8,4000}\.[\w-]{2,16000}\.[\w-]{16,4000})", _is_jwt, re.ASCII),
    _pattern("AWS key", r"(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z0-9])"),
    _pattern("GitHub token", r"(?<![\w])(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,255})", flags=re.ASCII),
    _pattern("Slack token", r"(?<![\w-])(xox[abeoprs]-[A-Za-z0-9-]{20,250})", _is_random, re.ASCII),
    _pattern("Google key", r"(?<![\w-])(AIza[\w-]{35})(?![\w-])", _is_random, re.ASCII),
    _pattern("Basic credential", r"\bBasic\s{1,4}([A-Za-z0-9+/]{8,4000}={0,2})", _is_login, re.IGNORECASE),
    _pattern("bearer token", rf"\bBearer\s{{1,4}}({_VALUE}{{16,8000}})", _is_random, re.IGNORECASE),
    _pattern(
        "Authorization header",
        rf"\bAuthorization[\"'\\]{{0,4}}\s{{0,4}}[:=,]\s{{0,4}}[\"'\\]{{0,4}}(?:(?:Token|ApiKey|Key)\s+)?({_VALUE}{{16,8000}})",
        _is_random,
        re.IGNORECASE,
    ),
    _pattern(
        "credential in a URL",
        rf"[?&](?:amp;)?(?:[\w-]{{0,40}}[-_])?(?:{URL_NAMES})=([^&\s\"'<>#\\`)]{{8,4000}})",
        _is_random,
        re.IGNORECASE | re.ASCII,
    ),
    _pattern(
        "password in a URL",
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'<>?#\\]{1,200}:([^\s/@\"'<>\\]{3,200})@[A-Za-z0-9\[]",
        _is_password,
    ),
)
"""Every pattern, in order: text that one has matched is not matched again by a later one. A new kind is a new row."""

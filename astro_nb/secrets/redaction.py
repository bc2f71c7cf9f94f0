"""Secrets starred out of a text, in every spelling that they may have there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from .references import MASK

_SHORTEST = 6  # characters: shorter values would be found by chance in any text
_MOST = 100  # places in one text that are told
_KEPT = ("", "/", "*", "!'()*", ":/?#[]@!$&'()*+,;=")  # what one encoder or another leaves as it is inside a URL

Form = tuple[str, re.Pattern[str] | None]
"""What is looked for, and what is replaced where it is found; None for just that."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text with every known secret starred out: plain, URL-encoded, in JSON, and in base64 at any alignment."""
    for form, pattern in _forms(frozenset(secrets)):
        if form in text:
            text = pattern.sub(MASK, text) if pattern else text.replace(form, MASK)
    return text


def find_occurrences(text: str, secret: str) -> list[int]:
    """Where a text holds a secret in one spelling or another: the offsets, in order."""
    found: dict[int, int] = {}
    for form, _ in _forms(frozenset((secret,))):
        at = text.find(form)
        while at >= 0:
            if not any(start <= at < end for start, end in found.items()):  # a longer form begins here or before
                found[at] = at + len(form)
            if len(found) >= _MOST:
                return sorted(found)
            at = text.find(form, at + len(form))
    return sorted(found)


@lru_cache(maxsize=64)
def _forms(secrets: frozenset[str]) -> tuple[Form, ...]:
    """Every spelling of the secrets that are long enough, the longest first: one may be a part of another."""
    found: dict[str, re.Pattern[str] | None] = {}
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            found |= dict(_base64_forms(secret))
            found |= dict.fromkeys(spelling for spell in _SPELLINGS for spelling in _seen(spell(secret)))
    return tuple(sorted(found.items(), key=lambda form: (-len(form[0]), form[0])))


def _seen(text: str) -> tuple[str, str]:
    """A spelling, and what it looks like where its bytes were read one by one."""
    return text, text.encode("utf-8", "surrogatepass").decode("latin-1")


def _in_json(secret: str) -> str:
    return json.dumps(secret, ensure_ascii=False)[1:-1]


def _in_ascii_json(secret: str) -> str:
    return json.dumps(secret)[1:-1]


def _as_python(secret: str) -> str:
    return repr(secret)[1:-1]


def _in_careful_json(unsafe: str) -> Callable[[str], str]:
    """JSON as encoders write it that escape what HTML could mistake, in capital digits or small ones."""
    marks = {sign: f"\\u{ord(sign):04x}" for sign in unsafe}
    return lambda secret: "".join(marks.get(sign, _in_ascii_json(sign)) for sign in secret)


def _in_html(names: Mapping[str, str]) -> Callable[[str], str]:
    return lambda secret: "".join(names.get(sign, sign) for sign in secret)


def _then(first: Callable[[str], str], second: Callable[[str], str]) -> Callable[[str], str]:
    return lambda secret: second(first(secret))


def _in_capitals(spell: Callable[[str], str]) -> Callable[[str], str]:
    return lambda secret: re.sub(r"\\u....", lambda code: f"\\u{code[0][2:].upper()}", spell(secret))


def _in_url(kept: str) -> Callable[[str], str]:
    return lambda secret: quote(secret, safe=kept, errors="surrogatepass")


def _in_lower_url(kept: str) -> Callable[[str], str]:
    return lambda secret: re.sub("%..", lambda code: code[0].lower(), _in_url(kept)(secret))


_ANGLES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_HTML = (
    _ANGLES,
    {**_ANGLES, '"': "&quot;"},
    {**_ANGLES, '"': "&quot;", "'": "&#x27;"},
    {**_ANGLES, '"': "&quot;", "'": "&#39;"},
    {**_ANGLES, '"': "&#34;", "'": "&#39;"},
    {**_ANGLES, '"': "&quot;", "'": "&apos;"},
)
"""What one writer of HTML or another makes of the signs that mean something there."""

_CAREFUL = ("<>&", "<>&'\"+`")  # what Go escapes in JSON, and what .NET does

_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    _in_json,
    _in_ascii_json,
    lambda secret: _in_json(_in_json(secret)),  # a body of JSON that is kept as a text in JSON
    lambda secret: _in_ascii_json(_in_ascii_json(secret)),
    lambda secret: _in_json(secret).replace("/", "\\/"),
    lambda secret: _in_ascii_json(secret).replace("/", "\\/"),
    lambda secret: quote_plus(secret, errors="surrogatepass"),
    lambda secret: re.sub("%..", lambda code: code[0].lower(), quote_plus(secret, errors="surrogatepass")),
    _as_python,
    lambda secret: _in_json(_as_python(secret)),
    *(_in_careful_json(unsafe) for unsafe in _CAREFUL),
    *(_in_capitals(_in_careful_json(unsafe)) for unsafe in _CAREFUL),
    *(_then(_in_careful_json(unsafe), _in_json) for unsafe in _CAREFUL),
    *(_then(_in_capitals(_in_careful_json(unsafe)), _in_json) for unsafe in _CAREFUL),
    *(_in_html(names) for names in _IN_HTML),
    *(_then(_in_html(names), write) for names in _IN_HTML for write in (_in_json, _in_ascii_json)),
    lambda secret: _in_html(_IN_HTML[3])(_in_json(secret)),
    lambda secret: _in_html(_IN_HTML[3])(_as_python(secret)),
    lambda secret: _in_url("")(_in_url("")(secret)),
    *map(_in_url, _KEPT),
    *map(_in_lower_url, _KEPT),
)
"""How a secret may be written in a text; most are alike for most secrets, and looked for once."""


def _base64_forms(secret: str) -> Iterator[Form]:
    """What base64 makes of the secret inside a longer text, by alignment.

    What is looked for is the part that no neighbour can change; what is replaced has the characters at its ends too,
    which hold a few bits of the secret beside those of a neighbour, and the padding.
    """
    data = secret.encode("utf-8", "surrogatepass")
    for shift in range(3):
        start, end = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(b"\0" * shift + data + b"\0\0")[start:end].decode()
            before = "[A-Za-z0-9+/_-]?" if shift else ""
            after = "[A-Za-z0-9+/_-]?" if (shift + len(data)) % 3 else ""
            yield form, re.compile(f"{before}{re.escape(form)}{after}={{0,2}}")

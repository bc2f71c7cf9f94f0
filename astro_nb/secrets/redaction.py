"""Known secrets replaced by the mask, or found, in every spelling that they can have in a text.

| to do what                                              | use                |
|---------------------------------------------------------|--------------------|
| replace secrets in a text                               | `redact`           |
| replace secrets in a body, whatever its encoding        | `redact_bytes`     |
| replace secrets in every text of nested data            | `redact_data`      |
| find where a text contains a secret                     | `find_occurrences` |

Secrets that are not known but marked by the document are masked by their schema: see `schema/masking`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from ..json_text import Number
from .patterns import is_distinctive
from .references import MASK
from .texts import find_named_values

_MOST_OCCURRENCES = 100
_SHORTEST_IN_BASE64 = 6  # characters
_SAFE_IN_URLS = ("", "/", "*", "!'()*", ":/?#[]@!$&'()*+,;=")  # what encoders leave unencoded, each its own set
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

Spelling = tuple[str, re.Pattern[str] | None]
"""The text to look for, and the pattern to replace where it is found; None to replace just that text."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every known secret masked: plain, URL-encoded, in JSON, and in base64 at any alignment.

    A secret that is short or common is masked only after a name that means one, as in `password=admin`: elsewhere a
    text that equals it is something else.
    """
    secrets = frozenset(secrets)
    text = _redact_spellings(text, secrets)
    common = [secret for secret in secrets if secret and secret in text and not is_distinctive(secret)]
    places = [span for span in find_named_values(text) if text[slice(*span)] in common] if common else []
    for start, end in reversed(
        [span for span in places if not _BARE_IN_JSON.search(text, max(0, span[0] - 20), span[0])]
    ):
        text = f"{text[:start]}{MASK}{text[end:]}"
    return text


_BARE_IN_JSON = re.compile(r'"\s*:\s*\Z')
"""What is before a number or a flag in JSON, where the mask would be none of its values."""


def _redact_spellings(text: str, secrets: frozenset[str]) -> str:
    for spelling, pattern in _spellings(secrets):
        if spelling in text:
            text = pattern.sub(MASK, text) if pattern else text.replace(spelling, MASK)
    return text


def redact_bytes(data: bytes, secrets: Iterable[str]) -> bytes:
    """Return a body with every known secret masked, and all else as it was; the same object if there is none.

    What stands after the names of secrets is masked where the body is shown or stored, and not looked for here.
    """
    text = data.decode("latin-1")
    redacted = _redact_spellings(text, frozenset(secrets))
    return data if redacted == text else redacted.encode("latin-1")


def redact_data(data: Any, secrets: Iterable[str]) -> Any:
    """Return nested data with every known secret masked, in texts, numbers and names of members."""
    secrets = frozenset(secrets)
    if isinstance(data, str):
        return redact_terminal_text(data, secrets)
    if isinstance(data, Number) and not isinstance(data, bool):
        redacted = redact(str(data), secrets)
        return data if redacted == str(data) else redacted
    if isinstance(data, dict):
        copied = type(data)()
        copied.update({redact_data(name, secrets): redact_data(value, secrets) for name, value in data.items()})
        return copied
    return [redact_data(value, secrets) for value in data] if isinstance(data, list) else data


def redact_terminal_text(text: str, secrets: frozenset[str]) -> str:
    """Return the text redacted; also without its ANSI colours, if one of them is inside a secret."""
    redacted = redact(text, secrets)
    plain = strip_ansi(redacted)
    without_colours = redact(plain, secrets)
    return redacted if without_colours == plain else without_colours


def strip_ansi(text: str) -> str:
    """Return the text without its ANSI escape sequences."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def find_occurrences(text: str, secret: str) -> list[int]:
    """Return the offsets at which a text contains a secret in any spelling, in order, up to a limit."""
    found: dict[int, int] = {}
    for spelling, _ in _spellings(frozenset((secret,))):
        at = text.find(spelling)
        while at >= 0:
            if not any(start <= at < end for start, end in found.items()):  # else it is part of a longer spelling
                found[at] = at + len(spelling)
            if len(found) >= _MOST_OCCURRENCES:
                return sorted(found)
            at = text.find(spelling, at + len(spelling))
    if secret and not is_distinctive(secret) and secret in text:
        found |= {start: end for start, end in find_named_values(text) if text[start:end] == secret}
    return sorted(found)


@lru_cache(maxsize=64)
def _spellings(secrets: frozenset[str]) -> tuple[Spelling, ...]:
    """Every spelling of the distinctive secrets, the longest first, because one can be part of another.

    In base64, common ones are distinctive as well.
    """
    found: dict[str, re.Pattern[str] | None] = {}
    for secret in secrets:
        if len(secret) >= _SHORTEST_IN_BASE64:
            found |= dict(_in_base64(secret))
        if is_distinctive(secret):
            found |= dict.fromkeys(spelling for spell in _SPELLINGS for spelling in _with_latin_1(spell(secret)))
    return tuple(sorted(found.items(), key=lambda spelling: (-len(spelling[0]), spelling[0])))


def _with_latin_1(text: str) -> tuple[str, str]:
    """A spelling, and what it looks like if its UTF-8 bytes are read as Latin-1."""
    return text, text.encode("utf-8", "surrogatepass").decode("latin-1")


def _in_json(secret: str) -> str:
    return json.dumps(secret, ensure_ascii=False)[1:-1]


def _in_ascii_json(secret: str) -> str:
    return json.dumps(secret)[1:-1]


def _as_python(secret: str) -> str:
    return repr(secret)[1:-1]


def _in_html_safe_json(unsafe: str) -> Callable[[str], str]:
    """JSON by an encoder that also escapes the characters that HTML gives a meaning to."""
    escapes = {character: f"\\u{ord(character):04x}" for character in unsafe}
    return lambda secret: "".join(escapes.get(character, _in_ascii_json(character)) for character in secret)


def _in_html(names: Mapping[str, str]) -> Callable[[str], str]:
    return lambda secret: "".join(names.get(character, character) for character in secret)


def _compose(first: Callable[[str], str], second: Callable[[str], str]) -> Callable[[str], str]:
    return lambda secret: second(first(secret))


def _with_capital_digits(spell: Callable[[str], str]) -> Callable[[str], str]:
    return lambda secret: re.sub(r"\\u....", lambda code: f"\\u{code[0][2:].upper()}", spell(secret))


def _in_url(safe: str) -> Callable[[str], str]:
    return lambda secret: quote(secret, safe=safe, errors="surrogatepass")


def _in_lower_url(safe: str) -> Callable[[str], str]:
    return lambda secret: re.sub("%..", lambda code: code[0].lower(), _in_url(safe)(secret))


_BRACKETS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_HTML = (
    _BRACKETS,
    {**_BRACKETS, '"': "&quot;"},
    {**_BRACKETS, '"': "&quot;", "'": "&#x27;"},
    {**_BRACKETS, '"': "&quot;", "'": "&#39;"},
    {**_BRACKETS, '"': "&#34;", "'": "&#39;"},
    {**_BRACKETS, '"': "&quot;", "'": "&apos;"},
)
"""The entities of the characters that HTML gives a meaning to, as one library or another writes them."""

_ESCAPED_IN_JSON = ("<>&", "<>&'\"+`")  # by Go, and by .NET

_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    _in_json,
    _in_ascii_json,
    lambda secret: _in_json(_in_json(secret)),  # a JSON body as a string in JSON
    lambda secret: _in_ascii_json(_in_ascii_json(secret)),
    lambda secret: _in_json(secret).replace("/", "\\/"),
    lambda secret: _in_ascii_json(secret).replace("/", "\\/"),
    lambda secret: quote_plus(secret, errors="surrogatepass"),
    lambda secret: re.sub("%..", lambda code: code[0].lower(), quote_plus(secret, errors="surrogatepass")),
    _as_python,
    lambda secret: _in_json(_as_python(secret)),
    *(_in_html_safe_json(unsafe) for unsafe in _ESCAPED_IN_JSON),
    *(_with_capital_digits(_in_html_safe_json(unsafe)) for unsafe in _ESCAPED_IN_JSON),
    *(_compose(_in_html_safe_json(unsafe), _in_json) for unsafe in _ESCAPED_IN_JSON),
    *(_compose(_with_capital_digits(_in_html_safe_json(unsafe)), _in_json) for unsafe in _ESCAPED_IN_JSON),
    *(_in_html(names) for names in _IN_HTML),
    *(_compose(_in_html(names), write) for names in _IN_HTML for write in (_in_json, _in_ascii_json)),
    lambda secret: _in_html(_IN_HTML[3])(_in_json(secret)),
    lambda secret: _in_html(_IN_HTML[3])(_as_python(secret)),
    lambda secret: _in_url("")(_in_url("")(secret)),
    *map(_in_url, _SAFE_IN_URLS),
    *map(_in_lower_url, _SAFE_IN_URLS),
)
"""The ways to write a secret in a text. For most secrets most of them are equal, and each is looked for once."""


def _in_base64(secret: str) -> Iterator[Spelling]:
    """Yield what base64 makes of the secret inside a longer text, for each of the three alignments.

    What is looked for is the part that does not depend on the bytes before and after the secret. What is replaced also
    includes the characters at both ends, which contain some bits of the secret, and the padding.
    """
    data = secret.encode("utf-8", "surrogatepass")
    for shift in range(3):
        start, end = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            spelling = encode(b"\0" * shift + data + b"\0\0")[start:end].decode()
            before = "[A-Za-z0-9+/_-]?" if shift else ""
            after = "[A-Za-z0-9+/_-]?" if (shift + len(data)) % 3 else ""
            yield spelling, re.compile(f"{before}{re.escape(spelling)}{after}={{0,2}}")

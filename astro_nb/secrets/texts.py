"""Texts that are no data: what stands after the name of a secret is masked, whatever the syntax.

`mask_text` reads no syntax completely. It finds the names of secrets and looks at what follows each:

| what stands there                                                   | what happens                            |
|---------------------------------------------------------------------|-----------------------------------------|
| `"name": "value"`, `name=value`, `name: value`, `<name>value</name>` | the value is masked                     |
| the name in a sentence: `Invalid password`                          | nothing                                 |
| anything else, such as a column of a table, or a name as a value    | the text cannot be masked: it is refused |

So a text is shown only if all that may be a secret in it is known. A text that is cut inside of a value is masked to
its end.
"""

from __future__ import annotations

import base64
import html
import re
import string
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import unquote

from .patterns import (
    NAME_PARTS,
    is_random,
    is_secret_header,
    is_secret_name,
    is_secrets_name,
    match_patterns,
    may_be_secret_name,
)
from .references import MASK

_LONGEST_NAME = 200  # characters
_MOST_NAMES = 100_000
_LONGEST_VALUE = 4_096  # characters; so many at most are read after each name, so that the time is linear in the text
_NAME_END = re.compile(r"[\w.\-]{0,200}")
_SEPARATOR = re.compile(r"(?P<close>\\*[\"'`]?\]?)(?P<space>[ \t]*)(?P<sign>=>|:=|[:=])[ \t]*")
_SEPARATOR_IN_JSON = re.compile(r"(?P<close>\\*[\"'])(?P<space>\s*)(?P<sign>[:=])\s*")
_IS = re.compile(r"[\"'`]?[ \t]+(?:is|was|are)(?: now)?[ \t]*:?[ \t]+[\"'`]?(?P<value>[^\s\"'`]{3,200})")
_QUOTED = {
    '"': re.compile(rf'"(?:[^"\\]|\\.){{0,{_LONGEST_VALUE}}}("|\\?\Z)', re.DOTALL),
    "'": re.compile(rf"'(?:[^'\\]|\\.|''){{0,{_LONGEST_VALUE}}}('|\\?\Z)", re.DOTALL),
    "`": re.compile(rf"`[^`]{{0,{_LONGEST_VALUE}}}(`|\Z)"),
}
_AFTER_QUOTED = re.compile(r"\s*(?:[,;}\])&<>/?#|]|\Z)|[ \t]*\r?\n(?!\s*[\"'`+.])|[ \t]+[\w<#/;]")
_BARE_IN_JSON = re.compile(rf"[^,}}\]\r\n]{{0,{_LONGEST_VALUE}}}")
_BARE = re.compile(rf"[^&\r\n]{{0,{_LONGEST_VALUE}}}")
_HARMLESS = re.compile(r"(?:null|none|nil|true|false|undefined|~|\*{3,8}|\*{5}.{0,3}|)[ \t]*,?[ \t]*\Z", re.IGNORECASE)
_UNREADABLE = re.compile(r"[\[{<|>!&*$(]|\\|[bruf]['\"]|(['\"])\1\1|-\s")
"""The beginnings of values whose end is not looked for: lists, objects, blocks of YAML, escaped quotes."""

_NAMESPACE = re.compile(r"</?[\w.-]{1,100}:\Z")

Verdict = tuple[int, int] | Literal["sentence", "unreadable"]


@dataclass(frozen=True)
class _Name:
    """A name of a secret in a text: its place, and whether only a random value after it is one."""

    start: int
    end: int
    is_hint: bool


@dataclass(frozen=True)
class _Wanted:
    """Names of secrets: in one spelling each, and for each a part that every spelling of it contains."""

    names: frozenset[str]
    parts: frozenset[str]

    @classmethod
    def of(cls, names: Collection[str]) -> _Wanted:
        words = [_WORDS.findall(name) or [name] for name in names if name]
        return cls(frozenset(map(_fold, filter(None, names))), frozenset(max(w, key=len).lower() for w in words))


_NO_NAMES = _Wanted(frozenset(), frozenset())
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[^\W\d_]+|\d+")


class _RandomWords:
    """The words of a text that look like keys or tokens: found once, and only if somebody asks."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def starts(self) -> list[int]:
        """Where they begin, in order."""
        return [word.start() for word in _LONG_WORD.finditer(self._text) if is_random(word[0])]

    def is_within(self, start: int, end: int) -> bool:
        """Whether one begins there."""
        at = bisect_left(self.starts, start)
        return at < len(self.starts) and self.starts[at] < end


_LONG_WORD = re.compile(r"[^\s\"'`,;<>(){}\[\]]{15,8000}")


def mask_text(text: str, names: Collection[str] = (), is_table: bool = False) -> str | None:
    """Return the text with every secret masked; None if it cannot be known what of it is one.

    Args:
        text: the text.
        names: names of secrets besides those that `is_secret_name` knows.
        is_table: whether it is a table, such as CSV, in which values do not stand after their names.
    """
    wanted = _Wanted.of(names)
    masked = _mask_once(text, wanted, is_table)
    for decode in _DECODERS if masked is not None else ():
        decoded = decode(masked or "")
        if decoded != masked and _mask_once(decoded, wanted, is_table) != decoded:
            return None  # a secret that is spelled in another way
    return masked


def find_named_values(text: str) -> list[tuple[int, int]]:
    """Return start and end of every value that stands after a name of a secret, in order, where the end is known."""
    found: list[tuple[int, int]] = []
    words, done = _RandomWords(text), 0
    for name in _find_names(text, _NO_NAMES):
        if name.start < done or (name.is_hint and not words.starts):
            continue
        verdict = _classify(text, name)
        if isinstance(verdict, tuple) and (not name.is_hint or words.is_within(*verdict)):
            found.append(verdict)
            done = verdict[1]
    return found


def mask_url_secrets(text: str) -> str:
    """Return a text with the values of secret parameters masked in its URLs (RFC 3986, section 3.4)."""
    return _URL_PARAMETER.sub(_mask_parameter, text) if "=" in text else text


_URL_PARAMETER = re.compile(r"(?P<name>(?<=[?&#;])[\w.\-\[\]%]{1,200})=(?P<value>[^&#;\s<>\"']{1,8000})")


def _mask_parameter(parameter: re.Match[str]) -> str:
    name, value = unquote(parameter["name"]).rstrip("]").rpartition("[")[2], parameter["value"]
    is_secret = is_secret_name(name) or (may_be_secret_name(name) and is_random(unquote(value)))
    return f"{parameter['name']}={MASK}" if is_secret else parameter[0]


def _mask_once(text: str, wanted: _Wanted, is_table: bool) -> str | None:
    spans: list[tuple[int, int]] = []
    words, done = _RandomWords(text), 0
    for number, name in enumerate(_find_names(text, wanted)):
        if name.start < done:
            continue
        if number > _MOST_NAMES:
            return None
        if name.is_hint and not words.starts:
            continue
        found = "unreadable" if is_table and not name.is_hint else _classify(text, name)
        if found == "unreadable":
            return None
        if isinstance(found, tuple) and (not name.is_hint or words.is_within(*found)):
            if _is_name(text[slice(*found)].strip("\"' "), wanted):
                return None  # a list of names and values: the value is elsewhere
            spans.append(found)
            done = found[1]
    spans += [(start, start + len(value)) for start, _, value in match_patterns(text)]
    return _with_masks(text, spans)


def _with_masks(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, done = [], 0
    for start, end in sorted(spans):
        if end > done:
            pieces += [text[done : max(start, done)], MASK] if start >= done else []
            done = max(done, end)
    return "".join([*pieces, text[done:]])


# --- names ------------------------------------------------------------------------------------------------------------


def _find_names(text: str, wanted: _Wanted) -> Iterator[_Name]:
    """Yield the names of secrets in a text, in order."""
    folded = text.lower()
    if len(folded) != len(text):  # the lower case of a few letters is longer
        folded = text.translate(_ASCII_LOWER)
    parts = [part for part in (*NAME_PARTS, *wanted.parts) if part in folded]
    if not parts:
        return
    done = 0
    for found in re.finditer("|".join(re.escape(part) for part in sorted(set(parts), key=len, reverse=True)), folded):
        if found.start() < done:
            continue
        start, end = found.span()
        while start > max(done, found.start() - _LONGEST_NAME) and (
            text[start - 1].isalnum() or text[start - 1] in "_.-"
        ):
            start -= 1
        after = _NAME_END.match(text, end)
        end = after.end() if after else end
        stripped = text[start:end].rstrip(".-")
        end = start + len(stripped)
        start += len(stripped) - len(stripped.lstrip(".-"))
        done = max(found.end(), end)
        word = text[start:end]
        previous = _WORD_BEFORE.search(text, max(0, start - _LONGEST_WORD), start)
        if previous and not is_secret_name(word) and is_secret_name(f"{previous[1]}_{word}"):
            word = f"{previous[1]}_{word}"  # as in "API key: …"
        filler = _FILLER.match(text, end)
        end = filler.end() if filler else end
        certain = _is_name(word, wanted)
        if certain or may_be_secret_name(word):
            yield _Name(start, end, not certain)


_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_LONGEST_WORD = 40
_WORD_BEFORE = re.compile(r"([A-Za-z]{2,30}) \Z")
_FILLER = re.compile(r"(?i) (?:hash|value|text|string|data)(?=[\"']?\s*[:=])")
"""A word between a name and its value, as in `password hash: …`."""


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_name(word: str, wanted: _Wanted) -> bool:
    """Whether a word is the name of a secret; `wanted` holds further names."""
    if len(word) > _LONGEST_NAME:
        return False
    known = is_secret_name(word) or is_secrets_name(word) or is_secret_header(word)
    return known or _fold(word) in wanted.names or _fold(word.rpartition(".")[2]) in wanted.names


# --- what follows a name ----------------------------------------------------------------------------------------------


def _classify(text: str, name: _Name) -> Verdict:
    before = text[name.start - 1] if name.start else ""
    if before in ("<", "/") or (before == ":" and _NAMESPACE.search(text, max(0, name.start - 120), name.start)):
        found = _element(text, name)
        if found is not None:
            return found
    separator = _SEPARATOR_IN_JSON.match(text, name.end) or _SEPARATOR.match(text, name.end)
    if separator:
        return _value(text, name, separator)
    stated = _IS.match(text, name.end)
    if stated and not stated["value"].strip(".,").isalpha():
        return _if_secret(stated["value"], stated.span("value"))
    return _alone(text, name)


def _if_secret(value: str, span: tuple[int, int]) -> Verdict:
    """The span of a value, unless it is none that could be a secret."""
    return "sentence" if _HARMLESS.fullmatch(value) else span


def _value(text: str, name: _Name, separator: re.Match[str]) -> Verdict:
    start = separator.end()
    quote = text[start : start + 1]
    if _UNREADABLE.match(text, start):
        masked = _HARMLESS.match(text[start : start + 12].partition("\n")[0].rstrip('",}]'))
        return "sentence" if masked and quote == "*" else "unreadable"
    if quote in _QUOTED:
        quoted = _QUOTED[quote].match(text, start)
        end = quoted.end() if quoted else start
        if quoted is None or not _AFTER_QUOTED.match(text, end):
            return "unreadable"
        inner = (start + 1, end - len(quoted[1].strip("\\")))
        return _if_secret(text[slice(*inner)], inner)
    in_json = separator["close"].strip("\\]") != "" and separator["sign"] == ":"
    bare = (_BARE_IN_JSON if in_json else _BARE).match(text, start)
    end = bare.end() if bare else start
    if end - start == _LONGEST_VALUE:
        return "unreadable"
    value = text[start:end].rstrip()
    if not value:
        return "sentence" if in_json or _NOTHING_FOLLOWS.match(text, end) else "unreadable"
    is_continued = value.endswith("\\") or (not in_json and _next_line_is_deeper(text, name.start, end))
    if is_continued and not _HARMLESS.fullmatch(value):
        return "unreadable"
    return _if_secret(value, (start, start + len(value)))


_NOTHING_FOLLOWS = re.compile(r"&|\s*\Z|[ \t]*\r?\n(?:[ \t]*\r?\n)*[ \t]*[\w.\-]{1,200}[ \t]*[:=]")
"""What follows a value that is empty: the end, or another name."""


def _next_line_is_deeper(text: str, start: int, end: int) -> bool:
    """Whether the line after a value continues it: it has a larger indent than the line of the name (YAML, headers)."""
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin : begin + _LONGEST_NAME]
    rest = re.compile(r"[ \t]*\r?\n(?P<indent>[ \t]*)(?P<item>-\s)?\S").match(text, end)
    own = len(line) - len(line.lstrip(" \t-"))
    return rest is not None and (len(rest["indent"]) > own or bool(rest["item"] and len(rest["indent"]) >= own))


def _element(text: str, name: _Name) -> Verdict | None:
    """What an XML element holds (XML 1.0, section 3.1); None if it is no element."""
    opening = text.rfind("<", max(0, name.start - 120), name.start)
    if text[opening + 1 : opening + 2] == "/":
        return "sentence"
    tag = re.compile(r"(?P<attributes>\s[^<>]*)?(?P<end>/?>|\Z)").match(text, name.end)
    if opening < 0 or not re.fullmatch(r"(?:[\w.-]+:)?", text[opening + 1 : name.start]) or tag is None:
        return None
    attributes = re.sub(r"xmlns(?::\w+)?\s*=\s*[\"'][^\"']*[\"']", "", tag["attributes"] or "")
    if "=" in attributes:
        return "unreadable"
    if tag["end"] != ">":
        return "sentence"
    whole = re.escape(text[opening + 1 : name.end])
    limit = tag.end() + _LONGEST_VALUE
    closing = re.compile(rf"</{whole}\s*(?:>|\Z)|\Z").search(text, tag.end(), limit)
    end = closing.start() if closing else len(text)
    if end >= limit:
        return "unreadable"
    content = text[tag.end() : end]
    if re.search(rf"<{whole}[\s/>]", content):
        return "unreadable"
    return _if_secret(content.strip(), (tag.end(), end))


_AFTER_NAME_IN_SENTENCE = re.compile(
    r"""
    [\"'`]?
    (?: [ ] (?: is | are | was | were | has | have | must | should | may | can | cannot | could | does | did | do | will
             | not | and | or | nor | for | of | to | in | on | at | by | as | from | with | without | that | which
             | when | if | because | fields? | parameter | header | expired | required | missing | invalid | incorrect
             | mismatch | rejected | denied | failed | needed | revoked | authentication ) \b
      | [.?!,;:)]{1,3} (?= \s | < | \Z )
      | (?= [ \t]* (?: \r?\n | < | \Z ) ) )
    """,
    re.VERBOSE,
)
_BEFORE_NAME_IN_SENTENCE = re.compile(r"[^\W\d_]{1,40}[ ][\"'`(]?\Z")
_LAST_OF_LINE = re.compile(r"[A-Za-z][A-Za-z ]{1,100}: [\"'`]?[\w.-]{1,100}[\"'`.]{0,2}\s*")
"""A text such as `Missing parameter: password`."""
_LINE_OF_ONE_WORD = re.compile(r"[^\n<]{0,3}[ \t]*\r?\n\s*\S{3,8000}[ \t]*(?:\r?\n|\Z)")


def _alone(text: str, name: _Name) -> Verdict:
    """A name that no value follows: in a sentence, or in a place where its value stands elsewhere."""
    following = _AFTER_NAME_IN_SENTENCE.match(text, name.end)
    if following is None or _LINE_OF_ONE_WORD.match(text, name.end):
        return "unreadable"
    is_with_word = following[0].lstrip("\"'`").startswith(" ")
    is_after_word = _BEFORE_NAME_IN_SENTENCE.search(text, max(0, name.start - _LONGEST_NAME), name.start)
    return "sentence" if is_with_word or is_after_word or _LAST_OF_LINE.fullmatch(text) else "unreadable"


_UNICODE_ESCAPE = re.compile(r"\\u00([2-7][0-9a-fA-F])|\\x([2-7][0-9a-fA-F])")

_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]{16,}={0,2}\s*")


def _from_base64(text: str) -> str:
    """Return the text that is in base64 as a whole (RFC 4648); another text as it is."""
    if not _BASE64.fullmatch(text):
        return text
    packed = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except ValueError:
        return text


_DECODERS: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("\0", ""),  # UTF-16 or UTF-32 that is read as something else
    lambda text: _UNICODE_ESCAPE.sub(lambda code: chr(int(code[1] or code[2], 16)), text),
    html.unescape,
    lambda text: unquote(text) if "%" in text else text,
    lambda text: text.replace("\\", ""),  # JSON as a string in JSON
    _from_base64,
)
"""Ways to spell the same text: what is masked must have no secret in any of them."""

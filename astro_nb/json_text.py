"""JSON texts to plain data and back, with every number exact (RFC 8259).

| in the text                                       | as data                                    |
|---------------------------------------------------|--------------------------------------------|
| an integer                                        | `int`, of any size                         |
| a decimal that a float holds exactly, as 0.1      | `float`: it is written as the same number  |
| any other decimal, as 0.12345678901234567890      | `decimal.Decimal`                          |
| NaN, Infinity, -Infinity, which JSON does not have| `float`, with a note                       |
| half of a character, as "\\ud800"                 | `str` with a lone surrogate                |
| a name given twice in one object                  | the last value, with a note                |

orjson reads and writes what it can read and write exactly; Python's `json`, which is slower, reads the rest.
"""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson

from .call import UNSET
from .data import Location, walk

Number = int | float | Decimal
Default = Callable[[Any], Any]
"""Returns plain data, or an `orjson.Fragment`, for an object that JSON does not have; raises TypeError for others."""

MAX_NOTES = 20
"""How many notes about names given twice are made of one text."""


class JsonError(ValueError):
    """A text is not JSON. The message has the place, and nothing of the text.

    Args:
        message: what is wrong.
        is_cut: whether the text is the beginning of JSON.
    """

    def __init__(self, message: str, is_cut: bool = False) -> None:
        super().__init__(message)
        self.is_cut = is_cut


@dataclass(frozen=True)
class JsonNote:
    """What is unusual about a text that was read all the same.

    Attributes:
        message: a sentence; it quotes no value, which may be a secret.
        location: the place.
        earlier: of a name given twice, the value that the last one replaced; else UNSET.
    """

    message: str
    location: Location = ()
    earlier: Any = UNSET


class ReadJson(NamedTuple):
    """What `read_json` returns."""

    data: Any
    notes: tuple[JsonNote, ...] = ()


def read_json(text: bytes | str, charset: str = "") -> ReadJson:
    """Return a JSON text as plain data, with notes about what is unusual.

    Args:
        text: the text; as bytes it is UTF-8, unless a byte order mark, its first null bytes or the charset say
            otherwise.
        charset: the charset that its headers declare; empty if none.

    Raises:
        JsonError: it is not JSON.
    """
    raw, notes = _to_utf8(text, charset)
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _read_slowly(raw, notes, error)
    return ReadJson(data, notes) if _is_exact(raw, data) else _read_slowly(raw, notes)


def parse_number(text: str) -> Number:
    """Return a number as JSON and Python write it: an int, a float if that is exact, else a Decimal.

    Raises:
        ValueError: it is not a number, or its exponent has more than 18 digits.
    """
    if text.removeprefix("-").isdecimal():
        with contextlib.suppress(ValueError):  # more digits than Python converts
            return int(text)
    number = float(text)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number has too large an exponent") from None
    return number if math.isfinite(number) and Decimal(repr(number)) == exact else exact


def is_whole(number: float | Decimal) -> bool:
    """Whether a number is an integer in value, as 1.0 is (JSON Schema, validation, section 6.1.1)."""
    return number.is_integer() if isinstance(number, float) else number == number.to_integral_value()


_ALWAYS_FINITE = frozenset((str, int, bool, type(None)))
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def write_json(
    value: Any,
    default: Default | None = None,
    *,
    indent: bool = False,
    sort: bool = False,
    any_keys: bool = False,
    dataclasses: bool = True,
) -> bytes:
    """Return plain data as JSON; what `read_json` reads from it is equal.

    Integers of any size and decimals are written exactly, half of a character as an escape. Numbers that are not finite
    are written as `NaN`, `Infinity` and `-Infinity`, as Python's `json` does: who sends the text refuses them before.

    Args:
        value: the data; NumPy's numbers and arrays, and `datetime`, may be in it.
        default: called with any other object.
        indent: whether to indent objects and lists by two.
        sort: whether to sort the names of objects.
        any_keys: whether to write keys that are not texts as texts, as Python's `json` does.
        dataclasses: whether to write a dataclass as an object; if not, `default` is called with it.

    Raises:
        TypeError: an object cannot be written.
    """
    chosen = (orjson.OPT_INDENT_2 * indent) | (orjson.OPT_SORT_KEYS * sort) | (orjson.OPT_NON_STR_KEYS * any_keys)
    options = _OPTIONS | chosen | (0 if dataclasses else orjson.OPT_PASSTHROUGH_DATACLASS)
    fallback = _with_decimals(default)
    try:
        written = orjson.dumps(value, fallback, options)
    except TypeError:  # over 64 bits, half of a character, over 254 levels; or what cannot be written at all
        return _write_slowly(value, fallback, options)
    if b"null" in written and has_infinite(value):  # orjson writes them as null
        return _write_slowly(value, fallback, options)
    return written


def has_infinite(value: Any) -> bool:
    """Whether a value is, or contains, a number that is not finite."""
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, float | Decimal):
            if not (inner.is_finite() if isinstance(inner, Decimal) else math.isfinite(inner)):
                return True
        elif isinstance(inner, Mapping | list | tuple):
            values = inner.values() if isinstance(inner, Mapping) else inner
            stack += [entry for entry in values if type(entry) not in _ALWAYS_FINITE]
        elif hasattr(inner, "tolist"):
            stack.append(inner.tolist())
    return False


# --- charsets ---------------------------------------------------------------------------------------------------------

_PYTHON_ONLY = frozenset(("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"))
"""Codecs of Python that are no charsets of messages."""
_BYTE_CHARSETS = ("iso8859", "cp125", "ascii", "latin")
"""How the names of Python's codecs begin in which any byte beyond ASCII is a character of its own."""


def find_codec(charset: str) -> str:
    """Return the name of Python's codec for a charset; empty if there is none."""
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError):
        return ""
    is_text = getattr(codec, "_is_text_encoding", True)
    return codec.name if is_text and codec.name.replace("_", "-") not in _PYTHON_ONLY else ""


def detect_codec(body: bytes, charset: str = "") -> tuple[str, str]:
    """Return Python's codec of a text, and a sentence if its charset is not the declared one, or not UTF-8.

    A byte order mark counts first, then null bytes among the first four, which only UTF-16 and UTF-32 have; then the
    declared charset, unless that is of one byte per character and the text is UTF-8.
    """
    detected = json.detect_encoding(body[:4]).replace("_", "-")
    declared = find_codec(charset) if charset else "utf-8"
    if detected == "utf-8-sig":
        return detected, ""
    if detected != "utf-8":
        return detected, _other(detected)
    if not declared:
        return "utf-8", f"The charset {charset[:40]!r} is unknown; the text was read as UTF-8."
    if declared.startswith(_BYTE_CHARSETS) and not body.isascii() and _is_utf8(body):
        return "utf-8", f"The declared charset is {declared}, but the text is UTF-8, and was read as that."
    return declared, "" if declared == "utf-8" or body.isascii() else _other(declared)


def _other(codec: str) -> str:
    return f"The text is {codec.upper()}; JSON is UTF-8 (RFC 8259, section 8.1)."


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _to_utf8(text: bytes | str, charset: str) -> tuple[bytes, tuple[JsonNote, ...]]:
    try:
        if isinstance(text, str):
            return text.encode(), ()
        codec, note = detect_codec(text, charset)
        notes = (JsonNote(note),) if note else ()
        if codec in ("utf-8", "utf-8-sig"):
            return text.removeprefix(codecs.BOM_UTF8), notes
        return text.decode(codec).encode(), notes
    except UnicodeError:  # its message would quote the text
        raise JsonError(f"it is not {codec.upper() if isinstance(text, bytes) else 'Unicode'}") from None


# --- reading ----------------------------------------------------------------------------------------------------------

_CLASSES = bytes.maketrans(b"0123456789.eE+-[:, \t\r\n", b"0" * 11 + b"ee+-" + b" " * 7)
"""Of each byte its class: part of a number, what a number follows, or anything else."""

_SUSPECTS = (b"0" * 16, b"0e000", b"0e+000", b"0e-000")
"""A number that orjson does not read exactly has one of these: 16 digits, or an exponent of three."""
_SUSPECT = re.compile(rb" -?0(?:0{15}|0*e[+-]?000)")
_NUMBER = re.compile(rb"[\d.eE+-]+")
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**64 - 1
_HUGE_INTEGER = re.compile(rb"\d{4000}")  # Python converts 4,300 digits, by default
_CUT = "unexpected end of data"  # the words of orjson and of Python's decoder
_CONSTANTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def has_exact_numbers(raw: bytes) -> bool:
    """Whether orjson reads every number exactly. A float holds any decimal of up to 15 digits, and some longer ones.

    What looks like a number inside of a text is taken for one, which only costs time.
    """
    if raw[:1] not in (b"[", b"{"):  # a number alone
        raw = b" " + raw
    classes = raw.translate(_CLASSES)
    if not any(suspect in classes for suspect in _SUSPECTS):
        return True
    texts = (_NUMBER.match(raw, found.start() + 1) for found in _SUSPECT.finditer(classes))
    return all(_is_number_exact(text[0].decode()) for text in texts if text)


def _is_number_exact(text: str) -> bool:
    try:
        if repr(float(text)) == text:
            return True
        number = parse_number(text)
    except ValueError:  # no number, but a part of a text
        return True
    return isinstance(number, float) or (isinstance(number, int) and _LEAST_INTEGER <= number <= _GREATEST_INTEGER)


def _is_exact(raw: bytes, data: Any) -> bool:
    """Whether orjson has read every number exactly, and no name occurs twice in an object.

    Data that is written as it was read is exact. Otherwise the numbers are looked at, and as many colons have to be
    written as the text has.
    """
    try:
        written = orjson.dumps(data)
    except TypeError:  # more levels than orjson writes
        written = _write_slowly(data, _with_decimals(None), 0)
    if written == raw:
        return True
    return not _ESCAPED_COLON.search(raw) and raw.count(b":") == written.count(b":") and has_exact_numbers(raw)


class _Reader:
    """Reads one text by Python's `json`, and collects what is to be noted."""

    def __init__(self) -> None:
        self.has_constants = False
        self.replaced: dict[int, list[tuple[str, Any]]] = {}
        """The members that a later one of the same name replaced, by the id of the object."""
        self.objects: list[dict[str, Any]] = []  # so that no id is used twice

    def constant(self, name: str) -> float:
        self.has_constants = True
        return _CONSTANTS[name]

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            last = {name: index for index, (name, _) in enumerate(pairs)}
            self.replaced[id(found)] = [pair for index, pair in enumerate(pairs) if last[pair[0]] != index]
            self.objects.append(found)
        return found


def _read_slowly(raw: bytes, notes: tuple[JsonNote, ...], first: json.JSONDecodeError | None = None) -> ReadJson:
    """Return a text as Python's `json` reads it; `first` is why orjson does not read it."""
    reader = _Reader()
    try:
        data = json.loads(
            raw.decode(),
            parse_float=parse_number,
            parse_int=parse_number if _HUGE_INTEGER.search(raw) else None,
            parse_constant=reader.constant,
            object_pairs_hook=reader.members,
        )
    except RecursionError:
        raise JsonError("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise JsonError("it is not UTF-8", is_cut=error.reason == _CUT) from None
    except json.JSONDecodeError as error:  # orjson reports faults better, but takes NaN for one
        best = first if first and first.pos >= error.pos - 1 else error
        raise JsonError(str(best), is_cut=best.msg == _CUT or error.pos >= len(error.doc.rstrip())) from None
    except ValueError as error:
        raise JsonError(str(error)) from None
    return ReadJson(data, (*notes, *_find_notes(reader, data)))


def _find_notes(reader: _Reader, data: Any) -> Iterator[JsonNote]:
    if not reader.has_constants and not reader.replaced:
        return
    constants: list[Location] = []
    count = 0
    for location, value in walk(data):
        if isinstance(value, float) and not math.isfinite(value):
            constants.append(location)
        for name, earlier in reader.replaced.get(id(value), ()) if isinstance(value, dict) else ():
            count += 1
            if count <= MAX_NOTES:
                message = f"The name {name[:100]!r} is given twice in one object; the last value is used."
                yield JsonNote(message, (*location, name), earlier)
    if count > MAX_NOTES:
        yield JsonNote(f"{count - MAX_NOTES} more names are given twice.")
    if constants:
        more = f", and in {len(constants) - 1} more places" if len(constants) > 1 else ""
        yield JsonNote(f"It has NaN or Infinity here{more}, which JSON does not have.", constants[0])


# --- writing ----------------------------------------------------------------------------------------------------------

_first = itemgetter(0)
_MAX_DEPTH = 10_000  # levels; deeper data contains itself
_SCALARS = frozenset((str, int, float, bool, type(None)))
_NATIVE = (str, int, float, dict, list, tuple, type(None))


def _with_decimals(default: Default | None) -> Default:
    def encode(value: Any) -> Any:
        if isinstance(value, Decimal):
            return orjson.Fragment(_decimal_text(value))
        if default is None:
            raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")
        return default(value)

    return encode


def _write_slowly(value: Any, default: Default, options: int) -> bytes:
    """Return a value as JSON, without recursion: a response may be nested deeper than orjson writes."""
    indent = options & orjson.OPT_INDENT_2
    pieces: list[str] = []
    stack: list[str | tuple[Any, int]] = [(value, 0)]
    while stack:
        entry = stack.pop()
        if isinstance(entry, str):
            pieces.append(entry)
            continue
        plain, depth = _plain(entry[0], default, options), entry[1]
        if depth > _MAX_DEPTH:
            raise TypeError("It is nested too deeply")
        if not isinstance(plain, Mapping | list | tuple) or not plain:
            pieces.append(_scalar_text(plain))
            continue
        start, end = (f"\n{'  ' * (depth + 1)}", f"\n{'  ' * depth}") if indent else ("", "")
        brackets, items = "[]", [("", inner) for inner in plain]
        if isinstance(plain, Mapping):
            colon = ": " if indent else ":"
            items = [(f"{_name_text(name, options)}{colon}", inner) for name, inner in plain.items()]
            brackets, items = "{}", sorted(items, key=_first) if options & orjson.OPT_SORT_KEYS else items
        todo: list[str | tuple[Any, int]] = [f"{brackets[0]}{start}"]
        for index, (name, inner) in enumerate(items):
            begin = f",{start}{name}" if index else name
            todo += [begin + _scalar_text(inner)] if type(inner) in _SCALARS else [begin, (inner, depth + 1)]
        stack += reversed([*todo, f"{end}{brackets[1]}"])
    return "".join(pieces).encode()


def _plain(value: Any, default: Default, options: int) -> Any:
    """Return an object as plain data, or as a `Fragment`."""
    if isinstance(value, _NATIVE):
        return value
    if hasattr(value, "tolist") and options & orjson.OPT_SERIALIZE_NUMPY:
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not options & _PASSES_DATACLASSES:
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    try:
        return orjson.Fragment(orjson.dumps(value, None, options))  # a datetime, an Enum, a UUID
    except TypeError:
        return default(value)


_PASSES_DATACLASSES = orjson.OPT_PASSTHROUGH_DATACLASS


def _scalar_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    if isinstance(value, str):
        return _string_text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(Decimal(value))  # Python writes no more than 4,300 digits
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else _decimal_text(Decimal(value))
    return orjson.dumps(value).decode()  # a Fragment


def _string_text(text: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except TypeError:  # half of a character
        return json.dumps(text, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _name_text(name: Any, options: int) -> str:
    if isinstance(name, str):
        return _string_text(name)
    if not options & orjson.OPT_NON_STR_KEYS:
        raise TypeError("Dict key must be str")
    if isinstance(name, int) and not isinstance(name, bool):
        return f'"{name}"'
    return orjson.dumps({name: None}, option=options).decode()[1:-6]


def _decimal_text(value: Decimal) -> str:
    if value.is_finite():
        return str(value)
    return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"

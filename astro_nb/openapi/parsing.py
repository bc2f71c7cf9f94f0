"""Parsing the bytes of a document, JSON or YAML, and detecting other formats.

Rule 1: documents are untrusted. Nesting depth, and the size that aliases unfold to, are limited.
Rule 2: a large YAML document is parsed once, then cached on disk as JSON by the hash of its content.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import orjson
import platformdirs

from ..errors import DocumentInvalid
from ..files import write_atomically
from ..json_text import has_exact_numbers, has_infinite, parse_number, read_json, write_json
from .extensions import WARNINGS

MAX_BYTES = 64 * 1024 * 1024
_CACHE_VERSION = 4  # raise it when the loader reads something differently
_MIN_CACHED = 10_000  # bytes: reading less YAML takes a millisecond or two
_MAX_FLOW_YAML = 1_000_000  # bytes: larger broken JSON is not tried as YAML, which would take seconds
_FORMAT_PREFIX = 2000  # bytes in which the format of a text is detected
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
)
"""First bytes of texts that are not plain UTF-8, and their encoding; the longer of two with the same start is first."""


def cache_folder() -> Path:
    """Return the folder of cached and pulled documents; `ASTRO_NB_CACHE` overrides it."""
    return Path(os.environ.get("ASTRO_NB_CACHE") or platformdirs.user_cache_dir("astro_nb"))


def parse(data: bytes, name: str) -> Any:
    """Parse JSON or YAML as plain data, all keys as strings; large YAML is cached by its content.

    Args:
        data: The text.
        name: The name of the source for messages.

    Raises:
        DocumentInvalid: It is neither, or exceeds a limit; the message has the line and column.
    """
    value, _ = parse_with_json(data, name)
    if isinstance(value, dict):
        value.pop(WARNINGS, None)
    return value


def parse_with_json(data: bytes, name: str) -> tuple[Any, bytes]:
    """Return what `parse` returns and the same as JSON; a mapping has the parser's warnings under `WARNINGS`."""
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise DocumentInvalid(f"{name} has {size}; the limit is {MAX_BYTES // 1_000_000} MB.", "Split the document.")
    data = _as_utf8(data, name)
    fault: DocumentInvalid | None = None
    starts_as_json = data.lstrip()[:1] == b"{"  # or as a YAML flow mapping
    if starts_as_json:
        with contextlib.suppress(orjson.JSONDecodeError):
            return _load_json(data)
    _check_utf8(data, name)
    if starts_as_json:
        as_json, fault = _parse_lenient_json(data, name)
        if as_json:
            return _load_written(as_json)
    try:
        return _load_cached(data, name) if len(data) > _MIN_CACHED else _load_written(_yaml_to_json(data, name))
    except DocumentInvalid:
        if fault and re.match(rb"\s*\{\s*[\"}]", data):
            raise fault from None
        raise


def dump_json(value: Any) -> bytes:
    """Return plain data as JSON; empty if it cannot be written as JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str)
    except TypeError:
        return b""


def with_text_keys(data: Any, name: str) -> Any:
    """Return plain data whose keys are texts, as in a document that is parsed: `200` and `"200"` are the same key.

    Raises:
        DocumentInvalid: It contains itself, or is nested too deeply.
    """
    try:
        return _with_text_keys(data, {})
    except RecursionError as error:
        raise DocumentInvalid(f"{name} contains itself, or is nested too deeply.", "Check the document.") from error


def _with_text_keys(data: Any, known: dict[int, Any]) -> Any:
    if not isinstance(data, Mapping | list | tuple):
        return data
    if id(data) not in known:  # a part that is used many times is converted once
        if isinstance(data, Mapping):
            known[id(data)] = {_key_text(key): _with_text_keys(inner, known) for key, inner in data.items()}
        else:
            known[id(data)] = [_with_text_keys(inner, known) for inner in data]
    return known[id(data)]


def _key_text(key: Any) -> str:
    if isinstance(key, str):
        return key
    return "null" if key is None else str(key).lower() if isinstance(key, bool) else str(key)


# --- other formats ----------------------------------------------------------------------------------------------------


class Format(NamedTuple):
    """A format that is not OpenAPI: its name with an article, and what to do about it."""

    name: str
    advice: str


_GIVE_ITSELF = "Give the URL of the document itself, often `/openapi.json`; a browser's page source may name it."

_TEXT_FORMATS: tuple[tuple[str, Format], ...] = (
    (r"<!doctype html|<html|<head|<body", Format("a web page", _GIVE_ITSELF)),
    (r"<\?xml|<[a-z:]*(definitions|description|application|schema)\b", Format(
        "XML", "Convert a WSDL or WADL to OpenAPI first.",
    )),
    (r"#%raml", Format("RAML", "Convert it to OpenAPI first.")),
    (r"format:\s*1a", Format("an API Blueprint", "Convert it to OpenAPI first.")),
    (r"%pdf", Format("a PDF", "Give the document itself.")),
    (r"pk\x03\x04|\x1f\ufffd", Format("a compressed file", "Unpack it first.")),
    (r"(extend\s+)?(type|schema|interface|enum|scalar|directive)\s+[@\w]*\s*[\w:]*\s*\{", Format(
        "a GraphQL schema", "astro_nb reads OpenAPI only.",
    )),
)  # fmt: skip
"""How texts of other formats begin, in lower case."""


def _is_postman(data: Mapping[str, Any]) -> bool:
    info = data.get("info") or data.get("collection")
    return isinstance(info, Mapping) and ("_postman_id" in info or "getpostman" in str(info.get("schema")))


def _is_json_schema(data: Mapping[str, Any]) -> bool:
    is_declared = "json-schema.org" in str(data.get("$schema"))
    return is_declared or ("properties" in data and "type" in data) or ("$defs" in data and "paths" not in data)


def _is_har(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("log"), Mapping) and "entries" in data["log"]


def _is_graphql(data: Mapping[str, Any]) -> bool:
    return "__schema" in str(data.get("data"))[:100]


def _is_discovery(data: Mapping[str, Any]) -> bool:
    return "discovery" in str(data.get("kind"))


_MAPPING_FORMATS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Format], ...] = (
    (_is_postman, Format("a Postman collection", "Export the API as OpenAPI, or convert the collection first.")),
    (lambda data: "_type" in data and "resources" in data, Format("an Insomnia export", "Export it as OpenAPI.")),
    (lambda data: "asyncapi" in data, Format("an AsyncAPI document", "astro_nb reads OpenAPI only.")),
    (lambda data: "arazzo" in data, Format("an Arazzo document", "Give the OpenAPI document that it describes.")),
    (lambda data: "overlay" in data, Format("an overlay", "Give it as `overlay`, with the document that it extends.")),
    (_is_har, Format("a HAR file", "It records requests; give the document of the API.")),
    (lambda data: "swaggerVersion" in data, Format("a Swagger 1 document", "Convert it to OpenAPI first.")),
    (_is_discovery, Format("a Google discovery document", "Convert it to OpenAPI.")),
    (_is_graphql, Format("a GraphQL schema", "astro_nb reads OpenAPI only.")),
    (_is_json_schema, Format("a JSON Schema", "Give the OpenAPI document that uses it.")),
)


def detect_format(data: bytes) -> Format | None:
    """Return the format of a text, judged by how it begins; None if it is not a known one."""
    start = data[:_FORMAT_PREFIX].decode("utf-8", "replace").lstrip("\ufeff \t\r\n").lower()
    start = re.sub(r"\A(<!--.{0,1500}?-->\s*)+", "", start, flags=re.DOTALL)
    return next((found for pattern, found in _TEXT_FORMATS if re.match(pattern, start)), None)


def detect_mapping_format(data: Mapping[str, Any]) -> Format | None:
    """Return the format of a mapping without an `openapi` field; None if it is not a known one."""
    return next((found for matches, found in _MAPPING_FORMATS if matches(data)), None)


# --- JSON -------------------------------------------------------------------------------------------------------------


def _load_json(as_json: bytes) -> tuple[Any, bytes]:
    data = orjson.loads(as_json)
    return (data if has_exact_numbers(as_json) else read_json(as_json).data), as_json


def _load_written(as_json: bytes) -> tuple[Any, bytes]:
    """Return what this module wrote as JSON; it may have a number that orjson does not read, such as 1E+400."""
    return read_json(as_json).data, as_json


def _parse_lenient_json(data: bytes, name: str) -> tuple[bytes, DocumentInvalid | None]:
    """Return JSON without what only Python's parser accepts (`NaN` becomes null), or else the syntax error.

    Raises:
        DocumentInvalid: It certainly is JSON, and exceeds a limit or is broken.
    """
    try:
        parsed = json.loads(data, parse_constant=lambda _: None, parse_float=parse_number)
    except json.JSONDecodeError as error:
        message = error.msg[:1].lower() + error.msg[1:].partition(":")[0]
        what = f"{name} cannot be read as JSON: {message}, line {error.lineno}, column {error.colno}."
        fault = DocumentInvalid(what, "Check that it is the document itself.", line=error.lineno, column=error.colno)
        if len(data) > _MAX_FLOW_YAML:
            raise fault from error
        return b"", fault
    except (RecursionError, ValueError) as error:  # ValueError: a number of more digits than Python converts
        is_deep = isinstance(error, RecursionError)
        reason = "it is nested too deeply" if is_deep else "a number has too many digits"
        raise DocumentInvalid(f"{name} cannot be read as JSON: {reason}.", "Check the document.") from error
    return _dump_or_raise(parsed, name), None


def _dump_or_raise(parsed: Any, name: str) -> bytes:
    try:
        return _dump_large_json(parsed)
    except RecursionError as error:
        raise DocumentInvalid(f"{name} is nested too deeply.", "Check the document.") from error
    except ValueError as error:
        raise DocumentInvalid(f"{name} has a value that JSON does not: {error}.", "Write it as in JSON.") from error


def _dump_large_json(parsed: Any) -> bytes:
    try:
        return orjson.dumps(parsed, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a number of more than 64 bits, a decimal, or over 254 levels
        _count_levels(parsed, {})
        if has_infinite(parsed):
            raise ValueError("a number is not finite") from None
        as_json = write_json(parsed, any_keys=True)
        read_json(as_json)  # raises if it could not be read back
        return as_json


_MAX_LEVELS = 900
"""How deeply a document may be nested; deeper, Python's recursion ends."""


def _count_levels(data: Any, known: dict[int, int]) -> int:
    """Return how many levels of objects and lists data have. A part that many aliases use is counted once.

    Raises:
        RecursionError: They are more than `_MAX_LEVELS`.
    """
    if not isinstance(data, dict | list):
        return 0
    if id(data) not in known:
        deepest = 0
        for value in data.values() if isinstance(data, dict) else data:
            deepest = max(deepest, _count_levels(value, known))
        known[id(data)] = 1 + deepest
    if known[id(data)] > _MAX_LEVELS:
        raise RecursionError
    return known[id(data)]


# --- YAML -------------------------------------------------------------------------------------------------------------


def _load_cached(data: bytes, name: str) -> tuple[Any, bytes]:
    key = hashlib.blake2b(data, digest_size=16, salt=str(_CACHE_VERSION).encode()).hexdigest()
    cached = cache_folder() / "documents" / f"{key}.json"
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        return _load_json(cached.read_bytes())
    as_json = _yaml_to_json(data, name)
    with contextlib.suppress(OSError):  # works without a cache in a read-only home
        write_atomically(cached, as_json)
    return _load_written(as_json)


def _yaml_to_json(data: bytes, name: str) -> bytes:
    """Return YAML as JSON. `200:` and `"200":` become the same key, as every reader of OpenAPI takes them."""
    from ..yaml import YamlError, load_yaml  # imported at first use: JSON and cached documents do not need it

    warnings: list[str] = []
    try:
        parsed = load_yaml(data, warnings)
        if b"&" in data and _unfolded_size(parsed, {}) > MAX_BYTES:
            raise YamlError("its aliases unfold to more text than a document may have")
    except (YamlError, RecursionError) as error:  # RecursionError: aliases of aliases, too, nest deeply
        _raise_unreadable(data, name, str(error))
    if warnings and isinstance(parsed, dict):
        parsed = {**parsed, WARNINGS: warnings}
    return _dump_or_raise(parsed, name)


def _raise_unreadable(data: bytes, name: str, reason: str) -> NoReturn:
    found = detect_format(data)
    if found:
        raise DocumentInvalid(f"{name} seems to be {found.name}, not an OpenAPI document.", found.advice)
    raise DocumentInvalid(f"{name} cannot be read as JSON or YAML: {reason}.", "Check that it is the document itself.")


def _unfolded_size(node: Any, known: dict[int, int]) -> int:
    """Return about how many characters a value has when written out, with every alias replaced by its anchor."""
    if not isinstance(node, dict | list):
        return len(node) if isinstance(node, str) else 4
    if id(node) not in known:
        parts = [*node, *node.values()] if isinstance(node, dict) else node
        size = 2
        for inner in parts:
            size += 2 + _unfolded_size(inner, known)
        known[id(node)] = size
    return known[id(node)]


# --- encodings --------------------------------------------------------------------------------------------------------


def _as_utf8(data: bytes, name: str) -> bytes:
    """Return the text in UTF-8 without a byte order mark."""
    encoding = next((encoding for start, encoding in _ENCODINGS if data.startswith(start)), "")
    if encoding == "utf-8-sig":
        return data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode(encoding).encode() if encoding else data
    except UnicodeError as error:
        what = f"{name} begins as {encoding.upper()}, but is not valid {encoding.upper()}."
        raise DocumentInvalid(what, "Save it as UTF-8.") from error


def _check_utf8(data: bytes, name: str) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _raise_unreadable(data, name, f"it is not UTF-8, line {line}")

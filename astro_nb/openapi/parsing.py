"""What a text that is no OpenAPI document seems to be instead.

The bytes of a document as plain data.

Rule 1: documents are untrusted. How deep they nest, and what their aliases unfold to, is bounded.
Rule 2: a document is parsed once. What was parsed is kept on disk by the hash of its content, as JSON.
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
from typing import Any, NoReturn

import orjson
import platformdirs

from ..errors import DocumentInvalid
from ..files import write_atomically
from .extensions import TOLD

Kind = tuple[str, str]
"""What it seems to be, and what to do about it."""

_ITSELF = "Give the address of the document itself, often `/openapi.json`; a browser's page source may name it."

_TEXTS: tuple[tuple[str, Kind], ...] = (
    (r"<!doctype html|<html|<head|<body", ("a web page", _ITSELF)),
    (r"<\?xml|<[a-z:]*(definitions|description|application|schema)\b", ("XML", "A WSDL or WADL has to be converted.")),
    (r"#%raml", ("RAML", "Convert it to OpenAPI first.")),
    (r"format:\s*1a", ("an API Blueprint", "Convert it to OpenAPI first.")),
    (r"%pdf", ("a PDF", "Give the document itself.")),
    (r"pk\x03\x04|\x1f\ufffd", ("a compressed file", "Unpack it first.")),
    (r"(extend\s+)?(type|schema|interface|enum|scalar|directive)\s+[@\w]*\s*[\w:]*\s*\{", (
        "a GraphQL schema", "astro_nb reads OpenAPI only.",
    )),
)  # fmt: skip
"""How texts of other kinds begin, in any case."""


def _postman(found: Mapping[str, Any]) -> bool:
    info = found.get("info") or found.get("collection")
    return isinstance(info, Mapping) and ("_postman_id" in info or "getpostman" in str(info.get("schema")))


def _json_schema(found: Mapping[str, Any]) -> bool:
    told = "json-schema.org" in str(found.get("$schema"))
    return told or ("properties" in found and "type" in found) or ("$defs" in found and "paths" not in found)


def _har(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("log"), Mapping) and "entries" in found["log"]


_MAPPINGS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Kind], ...] = (
    (_postman, ("a Postman collection", "Export the API as OpenAPI, or convert the collection first.")),
    (lambda found: "_type" in found and "resources" in found, ("an Insomnia export", "Export it as OpenAPI.")),
    (lambda found: "asyncapi" in found, ("an AsyncAPI document", "astro_nb reads OpenAPI only.")),
    (lambda found: "arazzo" in found, ("an Arazzo document", "Give the OpenAPI document that it describes.")),
    (lambda found: "overlay" in found, ("an overlay", "Give it as `overlay`, beside the document that it extends.")),
    (_har, ("a HAR file", "It records requests; give the document of the API.")),
    (lambda found: "swaggerVersion" in found, ("a Swagger 1 document", "Convert it to OpenAPI first.")),
    (lambda found: "discovery" in str(found.get("kind")), ("a Google discovery document", "Convert it to OpenAPI.")),
    (lambda found: "__schema" in str(found.get("data"))[:100], ("a GraphQL schema", "astro_nb reads OpenAPI only.")),
    (_json_schema, ("a JSON Schema", "Give the OpenAPI document that uses it.")),
)


def seems(data: bytes) -> Kind | None:
    """What a text seems to be by its beginning; None where that is not known."""
    begin = data[:2000].decode("utf-8", "replace").lstrip("\ufeff \t\r\n").lower()
    begin = re.sub(r"\A(<!--.{0,1500}?-->\s*)+", "", begin, flags=re.DOTALL)
    return next((kind for pattern, kind in _TEXTS if re.match(pattern, begin)), None)


def seems_to_be(found: Mapping[str, Any]) -> Kind | None:
    """What a mapping without an `openapi` field seems to be; None where that is not known."""
    return next((kind for fits, kind in _MAPPINGS if fits(found)), None)


MAX_BYTES = 64 * 1024 * 1024
_FORMAT = 3  # of the cache; raise it when the loader reads something differently
_CACHE_FROM = 10_000  # bytes: below it, reading YAML takes a millisecond or two
_MOST_FLOW = 1_000_000  # bytes: a broken JSON of more than this is not tried as YAML, which would take seconds
_WIDE = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
)
"""How a text begins that is not plain UTF-8, and its encoding; the longer of two that begin alike comes first."""


def cache_folder() -> Path:
    """Where parsed and pulled documents are kept; `ASTRO_NB_CACHE` moves it."""
    return Path(os.environ.get("ASTRO_NB_CACHE") or platformdirs.user_cache_dir("astro_nb"))


def parse(data: bytes, name: str) -> Any:
    """JSON or YAML as plain data, all names texts; large YAML is kept in the cache by its content.

    Raises:
        DocumentInvalid: it is neither, or out of bounds; line and column are told.
    """
    value, _ = plain(data, name)
    if isinstance(value, dict):
        value.pop(TOLD, None)
    return value


def plain(data: bytes, name: str) -> tuple[Any, bytes]:
    """What `parse` gives, and the same as JSON; a mapping holds what there is to tell under `TOLD`."""
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise DocumentInvalid(f"{name} has {size}; the limit is {MAX_BYTES // 1_000_000} MB.", "Split the document.")
    data = _as_utf8(data, name)
    fault: DocumentInvalid | None = None
    is_json = data.lstrip()[:1] == b"{"  # or a YAML flow mapping, which begins the same way
    if is_json:
        with contextlib.suppress(orjson.JSONDecodeError):
            return _loaded(data)
    _check_utf8(data, name)
    if is_json:
        written, fault = _lenient_json(data, name)
        if written:
            return _loaded(written)
    try:
        return _cached(data, name) if len(data) > _CACHE_FROM else _loaded(_yaml_as_json(data, name))
    except DocumentInvalid:
        if fault and re.match(rb"\s*\{\s*[\"}]", data):
            raise fault from None
        raise


def as_json(value: Any) -> bytes:
    """Plain data as JSON; empty where JSON cannot say it."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str)
    except TypeError:
        return b""


# --- JSON -------------------------------------------------------------------------------------------------------------


def _lenient_json(data: bytes, name: str) -> tuple[bytes, DocumentInvalid | None]:
    """What Python's reader accepts and a strict one refuses, `NaN` above all, as null; else what is wrong.

    Raises:
        DocumentInvalid: it is JSON for certain, and out of bounds or broken.
    """
    try:
        parsed = json.loads(data, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        what = f"{name} cannot be read as JSON: {_lowered(error.msg)}, line {error.lineno}, column {error.colno}."
        fault = DocumentInvalid(what, "Check that it is the document itself.", line=error.lineno, column=error.colno)
        if len(data) > _MOST_FLOW:
            raise fault from error
        return b"", fault
    except (RecursionError, ValueError) as error:  # ValueError: a number of more digits than Python converts
        why = "it is nested too deeply" if isinstance(error, RecursionError) else "it has a number without end"
        raise DocumentInvalid(f"{name} cannot be read as JSON: {why}.", "Check the document.") from error
    return _written(parsed, name), None


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:].partition(":")[0]


# --- YAML -------------------------------------------------------------------------------------------------------------


def _loaded(written: bytes) -> tuple[Any, bytes]:
    return orjson.loads(written), written


def _cached(data: bytes, name: str) -> tuple[Any, bytes]:
    key = hashlib.blake2b(data, digest_size=16, salt=str(_FORMAT).encode()).hexdigest()
    kept = cache_folder() / "documents" / f"{key}.json"
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        return _loaded(kept.read_bytes())
    written = _yaml_as_json(data, name)
    with contextlib.suppress(OSError):  # a read-only home must not stop anyone
        write_atomically(kept, written)
    return _loaded(written)


def _yaml_as_json(data: bytes, name: str) -> bytes:
    """YAML as JSON says it: `200:` and `"200":` are one name, as for every reader of OpenAPI."""
    from ..yaml import YamlError, load_yaml  # imported at first use: a document of JSON, or a kept one, needs none

    told: list[str] = []
    try:
        parsed = load_yaml(data, told)
        if b"&" in data and _written_size(parsed, {}) > MAX_BYTES:
            raise YamlError("its aliases unfold to more text than any document has")
    except (YamlError, RecursionError) as error:  # aliases of aliases nest without being nested
        _refuse(data, name, str(error))
    if told and isinstance(parsed, dict):
        parsed = {**parsed, TOLD: told}
    return _written(parsed, name)


def _refuse(data: bytes, name: str, why: str) -> NoReturn:
    kind = seems(data)
    if kind:
        raise DocumentInvalid(f"{name} seems to be {kind[0]}, not an OpenAPI document.", kind[1])
    raise DocumentInvalid(f"{name} cannot be read as JSON or YAML: {why}.", "Check that it is the document itself.")


def _written(parsed: Any, name: str) -> bytes:
    try:
        return _dumped(parsed)
    except RecursionError as error:
        raise DocumentInvalid(f"{name} is nested too deeply.", "Check the document.") from error
    except ValueError as error:
        raise DocumentInvalid(f"{name} holds what JSON cannot say: {error}.", "Write it as JSON would.") from error


def _dumped(parsed: Any) -> bytes:
    try:
        return orjson.dumps(parsed, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a number of more than 64 bits, or over 254 levels
        written = json.dumps(parsed, allow_nan=False).encode()
        orjson.loads(written)  # refuses what could not be read back
        return written


def _written_size(node: Any, known: dict[int, int]) -> int:
    """Characters of a value written out: what is anchored once counts wherever its alias stands."""
    if not isinstance(node, dict | list):
        return len(node) if isinstance(node, str) else 4
    if id(node) not in known:
        parts = [*node, *node.values()] if isinstance(node, dict) else node
        size = 2
        for inner in parts:
            size += 2 + _written_size(inner, known)
        known[id(node)] = size
    return known[id(node)]


# --- encodings --------------------------------------------------------------------------------------------------------


def _as_utf8(data: bytes, name: str) -> bytes:
    """The text in UTF-8 without a mark at its beginning."""
    encoding = next((encoding for begin, encoding in _WIDE if data.startswith(begin)), "")
    if encoding == "utf-8-sig":
        return data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode(encoding).encode() if encoding else data
    except UnicodeError as error:
        raise DocumentInvalid(
            f"{name} is not the {encoding.upper()} that it begins as.", "Save it as UTF-8."
        ) from error


def _check_utf8(data: bytes, name: str) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _refuse(data, name, f"it is not UTF-8, line {line}")

"""The bytes of a document as plain data.

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
from pathlib import Path
from typing import Any, NoReturn

import orjson
import platformdirs

from ..errors import DocumentInvalid
from ..files import write_atomically
from .foreign import seems
from .notes import TOLD

MOST_BYTES = 64 * 1024 * 1024
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
    if len(data) > MOST_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise DocumentInvalid(f"{name} has {size}; the limit is {MOST_BYTES // 1_000_000} MB.", "Split the document.")
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
    from ..plain_yaml import NotYaml, load_yaml  # imported at first use: a document of JSON, or a kept one, needs none

    told: list[str] = []
    try:
        parsed = load_yaml(data, told)
        if b"&" in data and _written_size(parsed, {}) > MOST_BYTES:
            raise NotYaml("its aliases unfold to more text than any document has")
    except (NotYaml, RecursionError) as error:  # aliases of aliases nest without being nested
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

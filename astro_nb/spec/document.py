"""An OpenAPI document as plain data, from wherever it lies.

Rule 1: documents are untrusted. How deep they nest, and what their aliases unfold to, is bounded.
Rule 2: a document is parsed once. What was parsed is kept on disk by the hash of its content, as JSON.
Rule 3: this module reads files; it never opens a connection. Whoever may, hands in `fetch`.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import platformdirs

from ..errors import DocumentInvalid, DocumentNotFound
from ..files import write_atomically
from ..plain_yaml import NotYaml, load_yaml
from .faults import kind_of

Document = dict[str, Any]
Fetch = Callable[[str], bytes]

MOST_BYTES = 64 * 1024 * 1024
_FORMAT = 2  # of the cache; raise it when the loader reads something differently
_CACHE_FROM = 10_000  # bytes: below it, reading YAML takes a millisecond or two


def load_document(source: Any, fetch: Fetch | None = None) -> Document:
    """The document at `source`.

    Args:
        source: a mapping, a path, a URL, the text itself, its bytes, a file-like object, or the name of a bundled
            document.
        fetch: what gets the bytes behind a URL.

    Raises:
        DocumentNotFound: nothing lies there.
        DocumentInvalid: what lies there is not an OpenAPI document.
    """
    if isinstance(source, Mapping):
        return check_document(dict(source), "the mapping given")
    data, name = read(source, fetch)
    return check_document(parse(data, name), name)


def bundled(name: str) -> Path:
    """The path of a file that ships with the package (`astro-v1.yaml`, its overlay, its seed)."""
    path = bundled_folder() / name
    if not path.is_file():
        raise DocumentNotFound(f"No file {name!r} ships with astro_nb.", "Give the path of your own document.")
    return path


def bundled_folder() -> Path:
    """Where the files are that ship with the package: in the wheel, else in the repository."""
    installed = Path(str(files("astro_nb"))) / "specs"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "specs"


def cache_folder() -> Path:
    """Where parsed and pulled documents are kept; `ASTRO_NB_CACHE` moves it."""
    return Path(os.environ.get("ASTRO_NB_CACHE") or platformdirs.user_cache_dir("astro_nb"))


def read(source: Any, fetch: Fetch | None) -> tuple[bytes, str]:
    """The bytes behind a source, and what to call it.

    Raises:
        DocumentNotFound: nothing lies there.
    """
    if hasattr(source, "read"):
        text = source.read()
        return (text.encode() if isinstance(text, str) else text), "the file given"
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "the text given"
    if is_url(source):
        return _fetched(source, fetch), source
    path = as_path(source)
    return (_file(path), str(path)) if path else (str(source).encode(errors="surrogatepass"), "the text given")


def is_url(source: Any) -> bool:
    """Whether a source is the address of a document."""
    return isinstance(source, str) and source.startswith(("http://", "https://"))


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise DocumentNotFound(
            f"There is no document at {str(path)!r} ({getattr(error, 'strerror', None) or error}).",
            "Check the path; a relative one begins at the notebook's folder.",
            source=str(path),
        ) from error


def _fetched(url: str, fetch: Fetch | None) -> bytes:
    if fetch is None:
        raise DocumentNotFound(
            f"The document at {url} needs the network.", "Load it with `connect(spec=…)`, or save it as a file."
        )
    return fetch(url)


def as_path(source: Any) -> Path | None:
    """The path that a source means, or None when it is a URL or the text of a document itself."""
    if isinstance(source, os.PathLike):
        return Path(source)
    if not isinstance(source, str) or "\n" in source or source.lstrip().startswith("{") or len(source) > 1000:
        return None
    if is_url(source):
        return None
    if re.fullmatch(r"[a-z0-9-]+", source) and not Path(source).exists():
        return bundled(f"{source}.yaml")
    return Path(source).expanduser()


def parse(data: bytes, name: str) -> Any:
    """JSON or YAML as plain data, all names texts; large YAML is kept in the cache by its content."""
    if len(data) > MOST_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise DocumentInvalid(f"{name} has {size}; the limit is {MOST_BYTES // 1_000_000} MB.", "Split the document.")
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.lstrip()[:1] == b"{":
        with contextlib.suppress(orjson.JSONDecodeError):  # a YAML flow mapping begins the same way
            return orjson.loads(data)
    return _parse_cached(data, name) if len(data) > _CACHE_FROM else orjson.loads(_yaml_as_json(data, name))


def _parse_cached(data: bytes, name: str) -> Any:
    key = hashlib.blake2b(data, digest_size=16, salt=str(_FORMAT).encode()).hexdigest()
    kept = cache_folder() / "documents" / f"{key}.json"
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        return orjson.loads(kept.read_bytes())
    plain = _yaml_as_json(data, name)
    with contextlib.suppress(OSError):  # a read-only home must not stop anyone
        write_atomically(kept, plain)
    return orjson.loads(plain)


def _yaml_as_json(data: bytes, name: str) -> bytes:
    """YAML as JSON says it: `200:` and `"200":` are one name, as for every reader of OpenAPI."""
    try:
        parsed = load_yaml(data)
        if b"&" in data and _written_size(parsed, {}) > MOST_BYTES:
            raise NotYaml("its aliases unfold to more text than any document has")
        return _dumped(parsed)
    except (NotYaml, RecursionError) as error:  # aliases of aliases nest without being nested
        what = f"{name} cannot be read as JSON or YAML: {error}."
        raise DocumentInvalid(what, "Check that it is the document itself.") from error
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


def check_document(document: Any, name: str) -> Document:
    """The document itself when it is one of OpenAPI 3.

    Raises:
        DocumentInvalid: it is not.
    """
    if not isinstance(document, dict):
        raise DocumentInvalid(f"{name} holds {kind_of(document)}, not an OpenAPI document.", "Check the source.")
    version = str(document.get("openapi", document.get("swagger", "")))
    if not version:
        raise DocumentInvalid(
            f"{name} has no `openapi` field at the top, so it is not an OpenAPI document.",
            "Give the document itself, not a page about it.",
        )
    if not version.startswith("3."):
        raise DocumentInvalid(
            f"{name} is of version {version}; astro_nb reads OpenAPI 3.0, 3.1 and 3.2.",
            "Convert it to OpenAPI 3 first.",
            version=version,
        )
    if not isinstance(document.get("paths", {}), dict):
        what = f"`paths` of {name} is {kind_of(document['paths'])}."
        raise DocumentInvalid(what, "It has to map paths to operations.")
    return document

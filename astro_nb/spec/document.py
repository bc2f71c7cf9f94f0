"""An OpenAPI document as plain data, from wherever it lies.

Rule 1: documents are untrusted. YAML is read by a safe loader, and what its aliases expand to is bounded.
Rule 2: a document is parsed once. What was parsed is kept on disk by the hash of its content, as JSON.
Rule 3: this module reads files; it never opens a connection. Whoever may, hands in `fetch`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import platformdirs
import yaml

from ..errors import DocumentInvalid, DocumentNotFound
from ..files import write_atomically

Document = dict[str, Any]
Fetch = Callable[[str], bytes]

MOST_BYTES = 64 * 1024 * 1024
MOST_NODES = 20_000_000
_FORMAT = 1  # of the cache; raise it when the loader reads something differently
_CACHE_FROM = 100_000  # bytes: below it, parsing is as quick as looking up


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is optional
    """YAML 1.2's idea of plain scalars: no timestamps, and only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rules if not tag.endswith((":timestamp", ":bool"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def load_document(source: Any, fetch: Fetch | None = None) -> Document:
    """The document at `source`.

    Args:
        source: a mapping, a path, a URL, the text itself, a file-like object, or the name of a bundled document.
        fetch: what gets the bytes behind a URL.

    Raises:
        DocumentNotFound: nothing lies there.
        DocumentInvalid: what lies there is not an OpenAPI document.
    """
    if isinstance(source, Mapping):
        return _checked(dict(source), "the mapping given")
    data, name = _read(source, fetch)
    return _checked(parse(data, name), name)


def bundled(name: str) -> Path:
    """The path of a file that ships with the package (`astro-v1.yaml`, its overlay, its seed)."""
    for root in (Path(str(files("astro_nb"))) / "specs", Path(__file__).resolve().parents[2] / "specs"):
        if (root / name).is_file():
            return root / name
    raise DocumentNotFound(f"No file {name!r} ships with astro_nb.", "Give the path of your own document.")


def overlay_beside(source: Any) -> Path | None:
    """The overlay that lies beside a document, by name: `api.yaml` has `api.overlay.yaml`."""
    path = as_path(source)
    beside = path.with_name(f"{path.stem}.overlay.yaml") if path else None
    return beside if beside and beside.is_file() else None


def cache_folder() -> Path:
    """Where parsed and pulled documents are kept; `ASTRO_NB_CACHE` moves it."""
    return Path(os.environ.get("ASTRO_NB_CACHE") or platformdirs.user_cache_dir("astro_nb"))


def _read(source: Any, fetch: Fetch | None) -> tuple[bytes, str]:
    if hasattr(source, "read"):
        text = source.read()
        return (text.encode() if isinstance(text, str) else text), "the file given"
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        return _fetched(source, fetch), source
    path = as_path(source)
    if path is None:
        return str(source).encode(), "the text given"
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        raise DocumentNotFound(
            f"There is no document at {str(path)!r} ({error.strerror or error}).",
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
    if source.startswith(("http://", "https://")):
        return None
    if re.fullmatch(r"[a-z0-9-]+", source) and not Path(source).exists():
        return bundled(f"{source}.yaml")
    return Path(source).expanduser()


def parse(data: bytes, name: str) -> Any:
    """JSON or YAML as plain data; large YAML is kept in the cache by its content."""
    if len(data) > MOST_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise DocumentInvalid(f"{name} has {size}; the limit is {MOST_BYTES // 1_000_000} MB.", "Split the document.")
    if data.lstrip()[:1] == b"{":
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # a YAML flow mapping begins the same way
    return _parse_cached(data, name) if len(data) > _CACHE_FROM else _parse_yaml(data, name)


def _parse_cached(data: bytes, name: str) -> Any:
    key = hashlib.blake2b(data, digest_size=16, salt=str(_FORMAT).encode()).hexdigest()
    kept = cache_folder() / "documents" / f"{key}.json"
    try:
        return orjson.loads(kept.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        parsed = _parse_yaml(data, name)
    try:
        plain = orjson.dumps(parsed, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, RecursionError):
        return parsed  # YAML can say what JSON cannot; such a document is read anew each time
    with contextlib.suppress(OSError):  # a read-only home must not stop anyone
        write_atomically(kept, plain)
    return orjson.loads(plain)  # as the cache would give it, so that the first time is like all others


def _parse_yaml(data: bytes, name: str) -> Any:
    try:
        parsed = yaml.load(data, Loader=_Loader)  # noqa: S506  # a SafeLoader, with fewer resolvers
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DocumentInvalid(
            f"{name} is neither JSON nor YAML: {error.problem or error}{where}.", "Mend that line."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentInvalid(
            f"{name} is neither JSON nor YAML: {error}.", "Check that it is the document itself."
        ) from error
    if b"&" in data:
        _bound_aliases(parsed, name)
    return parsed


def _bound_aliases(root: Any, name: str) -> None:
    """Refuse aliases that contain themselves, or that unfold to more nodes than any real document has."""
    sizes: dict[int, int] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, seen = stack.pop()
        if not isinstance(node, dict | list):
            continue
        children = list(node.values()) if isinstance(node, dict) else node
        if seen:
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 1) for child in children)
        elif id(node) not in sizes:
            sizes[id(node)] = MOST_NODES + 1  # stands while open: a cycle finds it
            stack.append((node, True))
            stack.extend((child, False) for child in children)
        if seen and sizes[id(node)] > MOST_NODES:
            raise DocumentInvalid(f"The aliases of {name} unfold without end.", "Write the parts out, or use $ref.")


def _checked(document: Any, name: str) -> Document:
    if not isinstance(document, dict):
        raise DocumentInvalid(f"{name} holds {_kind(document)}, not an OpenAPI document.", "Check the source.")
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
        raise DocumentInvalid(f"`paths` of {name} is {_kind(document['paths'])}.", "It has to map paths to operations.")
    return document


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", type(None): "nothing"}
    return names.get(type(value), f"a {type(value).__name__}")

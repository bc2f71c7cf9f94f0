"""An OpenAPI document as plain data, from wherever it lies.

This room reads files; it never opens a connection. Whoever may, hands in `fetch`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from ..errors import DocumentInvalid, DocumentNotFound
from .external_references import Fetch, bundle
from .malformed import kind_of
from .parsing import MAX_BYTES, as_json, plain, seems, seems_to_be

Document = dict[str, Any]

MOST_PATHS = 50_000
_VERSIONS = {"openapi": re.compile(r"3(\.|$)"), "swagger": re.compile(r"2(\.0)?$|3\.")}  # some write `swagger: 3.0.0`
_BEGINNINGS = ("{", "<", "openapi:", "swagger:", "#", "%")
"""How the text of a document begins, where a path would not."""


def load_document(source: Any, fetch: Fetch | None = None) -> Document:
    """The document at `source` as one of OpenAPI 3, with the files that it refers to.

    Args:
        source: a mapping, a path, a URL, the text itself, its bytes, a file-like object, or the name of a bundled
            document.
        fetch: what gets the bytes behind a URL.

    Raises:
        DocumentNotFound: nothing lies there.
        DocumentInvalid: what lies there is not an OpenAPI document.
    """
    if isinstance(source, Mapping):
        document = check_document(dict(source), "the mapping given")
        return _current(bundle(document, as_json(document), None, None), "", "the mapping given")
    data, name = read(source, fetch)
    found, written = plain(data, name)
    document = check_document(found, name, data)
    home = source if is_url(source) else ""
    return _current(bundle(document, written, home or _place(source), fetch), home, name)


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
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # what has more is refused by its reader, and /dev/zero has no end
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
    if not isinstance(source, str) or "\n" in source or len(source) > 1000 or source.lstrip().startswith(_BEGINNINGS):
        return None
    if is_url(source):
        return None
    if re.fullmatch(r"[a-z0-9-]+", source) and not Path(source).exists():
        return bundled(f"{source}.yaml")
    return Path(source).expanduser()


def _place(source: Any) -> Path | None:
    """The path of a document on this machine; None where it has none."""
    return None if hasattr(source, "read") else as_path(source)


# --- what a document has to be ----------------------------------------------------------------------------------------


def check_document(document: Any, name: str, data: bytes = b"") -> Document:
    """The document itself when it is one of OpenAPI 3 or of Swagger 2.0.

    Args:
        document: plain data.
        name: what to call it.
        data: the text that it was read from; the line of a fault is looked up there.

    Raises:
        DocumentInvalid: it is not.
    """
    if not isinstance(document, dict):
        _refuse_foreign(name, seems(data), f"{name} holds {kind_of(document)}, not an OpenAPI document.")
    key = "openapi" if "openapi" in document else "swagger"
    version = document.get(key)
    if version is None or isinstance(version, dict | list) or not str(version).strip():
        _refuse_foreign(
            name,
            seems_to_be(document) or seems(data),
            f"{name} has no `openapi` field at the top, so it is not an OpenAPI document.",
            "Give the document itself, not a page about it.",
        )
    if not _VERSIONS[key].match(str(version).strip()):
        raise DocumentInvalid(
            f"{name} is of version {str(version)[:40]}; astro_nb reads Swagger 2.0 and OpenAPI 3.0, 3.1 and 3.2.",
            "Convert it to OpenAPI 3 first.",
            version=version,
        )
    _check_paths(document.get("paths"), name, data)
    return document


def _check_paths(paths: Any, name: str, data: bytes) -> None:
    line = "" if paths is None or isinstance(paths, dict) else _line(data, "paths")
    if paths is not None and not isinstance(paths, dict):
        what = f"`paths` of {name} is {kind_of(paths)} (#/paths{line})."
        raise DocumentInvalid(what, "It has to map paths to operations.", pointer="#/paths")
    if paths and len(paths) > MOST_PATHS:
        what = f"{name} has {len(paths):,} paths (#/paths); the limit is {MOST_PATHS:,}."
        raise DocumentInvalid(what, "Split the document.", pointer="#/paths")


def _line(data: bytes, name: str) -> str:
    from ..yaml import find_line  # imported at first use, as in `parsing`

    found = find_line(data, name) if data else None
    return f", line {found}" if found else ""


def _refuse_foreign(
    name: str, kind: tuple[str, str] | None, otherwise: str, todo: str = "Check the source."
) -> NoReturn:
    if kind:
        raise DocumentInvalid(f"{name} seems to be {kind[0]}, not an OpenAPI document.", kind[1])
    raise DocumentInvalid(otherwise, todo)


def _current(document: Document, home: str, name: str) -> Document:
    """The document in the words of OpenAPI 3."""
    version = document.get("openapi", document.get("swagger"))
    if not str(version).strip().startswith("2"):
        return document if isinstance(document.get("openapi"), str) else {**document, "openapi": str(version)}
    try:
        from .upgrade import upgrade  # imported at first use: few documents are so old

        return upgrade(document, home)
    except RecursionError as error:
        raise DocumentInvalid(f"{name} is nested too deeply.", "Check the document.") from error

"""Loading an OpenAPI document as plain data, from a path, a URL, a text or a mapping.

This module reads files and never opens a connection: the caller passes `fetch`, which does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from ..errors import DocumentInvalid, DocumentNotFound
from .malformed import json_type_name
from .parsing import MAX_BYTES, Format, detect_format, detect_mapping_format, dump_json, parse_with_json, with_text_keys
from .references import Fetch, bundle

Document = dict[str, Any]

MAX_PATHS = 50_000
_MAX_PATH_LENGTH = 1000  # characters; a longer string is the text of a document
_MAX_VERSION_SHOWN = 40  # characters
_VERSIONS = {"openapi": re.compile(r"3(\.|$)"), "swagger": re.compile(r"2(\.0)?$|3\.")}  # some write `swagger: 3.0.0`
_TEXT_STARTS = ("{", "<", "openapi:", "swagger:", "#", "%")
"""How the text of a document begins and a path does not."""


def load_document(source: Any, fetch: Fetch | None = None) -> Document:
    """Load a document as plain data of OpenAPI 3, including the files that it refers to.

    Args:
        source: A mapping, a path, a URL, the text itself, its bytes, a file-like object, or the name of a bundled
            document.
        fetch: Returns the bytes at a URL.

    Raises:
        DocumentNotFound: There is nothing at the source.
        DocumentInvalid: The source is not an OpenAPI document.
    """
    if isinstance(source, Mapping):
        document = check_document(with_text_keys(source, "the mapping given"), "the mapping given")
        return _upgrade_if_old(bundle(document, dump_json(document), None, None), "", "the mapping given")
    data, name = read_source(source, fetch)
    parsed, as_json = parse_with_json(data, name)
    document = check_document(parsed, name, data)
    url = source if is_url(source) else ""
    return _upgrade_if_old(bundle(document, as_json, url or _path_or_none(source), fetch), url, name)


def bundled(name: str) -> Path:
    """Return the path of a file that ships with the package (`astro-v1.yaml`, its overlay, its seed data)."""
    path = bundled_folder() / name
    if not path.is_file():
        raise DocumentNotFound(f"No file {name!r} ships with astro_nb.", "Give the path of your own document.")
    return path


def bundled_folder() -> Path:
    """Return the folder of the files that ship with the package: in the wheel, else in the repository."""
    installed = Path(str(files("astro_nb"))) / "specs"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "specs"


def read_source(source: Any, fetch: Fetch | None) -> tuple[bytes, str]:
    """Return the bytes at a source, and its name for messages.

    Raises:
        DocumentNotFound: There is nothing at the source.
    """
    if hasattr(source, "read"):
        text = source.read()
        return (text.encode() if isinstance(text, str) else text), "the file object"
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "the text given"
    if is_url(source):
        return _fetch_url(source, fetch), source
    path = as_path(source)
    return (_read_file(path), str(path)) if path else (str(source).encode(errors="surrogatepass"), "the text given")


def is_url(source: Any) -> bool:
    """Whether a source is the URL of a document."""
    return isinstance(source, str) and source.startswith(("http://", "https://"))


def as_path(source: Any) -> Path | None:
    """Return the path that a source means, or None if it is a URL or the text of a document."""
    if isinstance(source, os.PathLike):
        return Path(source)
    if not isinstance(source, str) or is_url(source):
        return None
    if "\n" in source or len(source) > _MAX_PATH_LENGTH or source.lstrip().startswith(_TEXT_STARTS):
        return None
    if re.fullmatch(r"[a-z0-9-]+", source) and not Path(source).exists():
        return bundled(f"{source}.yaml")
    return Path(source).expanduser()


def _path_or_none(source: Any) -> Path | None:
    return None if hasattr(source, "read") else as_path(source)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # the parser rejects more; /dev/zero has no end
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise DocumentNotFound(
            f"There is no document at {str(path)!r} ({getattr(error, 'strerror', None) or error}).",
            "Check the path; a relative one starts at the notebook's folder.",
            source=str(path),
        ) from error


def _fetch_url(url: str, fetch: Fetch | None) -> bytes:
    if fetch is None:
        raise DocumentNotFound(
            f"The document at {url} needs the network.", "Load it with `connect(spec=…)`, or save it as a file."
        )
    return fetch(url)


# --- what a document has to be ----------------------------------------------------------------------------------------


def check_document(document: Any, name: str, data: bytes = b"") -> Document:
    """Return the document itself if it is OpenAPI 3 or Swagger 2.0.

    Args:
        document: Plain data.
        name: The name of the source for messages.
        data: The text that it was read from, to find the line of a fault.

    Raises:
        DocumentInvalid: It is something else.
    """
    if not isinstance(document, dict):
        what = f"{name} contains {json_type_name(document)}, not an OpenAPI document."
        _raise_wrong_format(name, detect_format(data), what)
    key = "openapi" if "openapi" in document else "swagger"
    version = document.get(key)
    if version is None or isinstance(version, dict | list) or not str(version).strip():
        _raise_wrong_format(
            name,
            detect_mapping_format(document) or detect_format(data),
            f"{name} has no `openapi` field at the top level, so it is not an OpenAPI document.",
            "Give the document itself, not a page about it.",
        )
    if not _VERSIONS[key].match(str(version).strip()):
        shown = str(version)[:_MAX_VERSION_SHOWN]
        raise DocumentInvalid(
            f"{name} has version {shown}; astro_nb reads Swagger 2.0 and OpenAPI 3.0, 3.1 and 3.2.",
            "Convert it to OpenAPI 3 first.",
            version=version,
        )
    _check_paths(document.get("paths"), name, data)
    return document


def _check_paths(paths: Any, name: str, data: bytes) -> None:
    if paths is not None and not isinstance(paths, dict):
        what = f"`paths` of {name} is {json_type_name(paths)} (#/paths{_line_suffix(data, 'paths')})."
        raise DocumentInvalid(what, "It has to be a mapping of paths to operations.", pointer="#/paths")
    if paths and len(paths) > MAX_PATHS:
        what = f"{name} has {len(paths):,} paths (#/paths); the limit is {MAX_PATHS:,}."
        raise DocumentInvalid(what, "Split the document.", pointer="#/paths")


def _line_suffix(data: bytes, name: str) -> str:
    from ..yaml import find_line  # imported at first use, as in `parsing`

    line = find_line(data, name) if data else None
    return f", line {line}" if line else ""


def _raise_wrong_format(name: str, found: Format | None, what: str, todo: str = "Check the source.") -> NoReturn:
    if found:
        raise DocumentInvalid(f"{name} seems to be {found.name}, not an OpenAPI document.", found.advice)
    raise DocumentInvalid(what, todo)


def _upgrade_if_old(document: Document, url: str, name: str) -> Document:
    """Return the document as OpenAPI 3."""
    version = document.get("openapi", document.get("swagger"))
    if not str(version).strip().startswith("2"):
        return document if isinstance(document.get("openapi"), str) else {**document, "openapi": str(version)}
    try:
        from .upgrade import upgrade  # imported at first use: few documents are this old

        return upgrade(document, url)
    except RecursionError as error:
        raise DocumentInvalid(f"{name} is nested too deeply.", "Check the document.") from error

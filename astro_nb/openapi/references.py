"""References: `$ref` inside a document, and bundling the files that it refers to into one document.

Rule 1: a local document reads files in its own folder and below; a fetched one, files of its own host.
Rule 2: the number of files and their total size are limited.
Rule 3: a file that cannot be read, or may not be, disables only what refers to it; `UNREAD` holds the reason.
Rule 4: afterwards every reference that can be followed is a pointer, `#/…`. Those to other files point into `FILES`.
Rule 5: a document without external references is not walked.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit

from ..errors import AstroNbError, DanglingReference, DocumentInvalid, DocumentNotFound
from ..json_text import read_json
from .extensions import FILES, UNREAD
from .parsing import MAX_BYTES, parse

Node = Mapping[str, Any]

_WHOLE_FILE = re.compile(rf"#/{FILES}/([^/]*?)(\.json|\.ya?ml)?")
_INSIDE_FILE = re.compile(rf"\A#/{FILES}/([^/]*)(.*)", re.DOTALL)
_MAX_HOPS = 32
_MAX_SHOWN = 200  # characters of a reference in a message
_ADVICE = "Fix the document, or use another operation."


def reference_name(ref: str) -> str:
    """Return the name of a reference's target: the last step of its pointer, or a file's name without its suffix."""
    whole_file = _WHOLE_FILE.fullmatch(ref)
    if whole_file:
        return whole_file[1].rpartition(":")[2]
    return unquote(ref.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")


def resolve(document: Node, node: Any) -> Node:
    """Return a node with its `$ref` (within this document) followed, as often as needed.

    Keywords beside a `$ref` are merged into its target.

    Raises:
        DanglingReference: A reference points nowhere, outside the document, or in a circle.
    """
    return _resolve(document, node, None) if isinstance(node, Mapping) else {}


def resolve_or_empty(document: Node, node: Any) -> Node:
    """Return what `resolve` returns; an empty mapping if a reference points nowhere."""
    try:
        return resolve(document, node)
    except DanglingReference:
        return {}


def lookup(document: Node, ref: str) -> Node:
    """Return the mapping that a reference such as `#/components/schemas/Deployment` points to (RFC 6901).

    Raises:
        DanglingReference: It points nowhere, or outside the document.
    """
    return _find_target(document, ref, _HopLimit())


class _HopLimit:
    """Counts how many references one resolution may still follow."""

    def __init__(self) -> None:
        self.left = _MAX_HOPS

    def count(self, ref: str) -> None:
        self.left -= 1
        if self.left < 0:
            what = f"The reference {_shorten(ref)} is circular, or leads through more than {_MAX_HOPS} others."
            raise DanglingReference(what, "Fix the document.", ref=ref)


def _resolve(document: Node, node: Node, hops: _HopLimit | None) -> Node:
    current = node
    while isinstance(ref := current.get("$ref"), str):
        hops = hops or _HopLimit()
        hops.count(ref)
        siblings = {key: value for key, value in current.items() if key != "$ref"}
        target = _find_target(document, ref, hops)
        current = {**target, **siblings} if siblings else target
    return current


def _find_target(document: Node, ref: str, hops: _HopLimit) -> Node:
    if not ref.startswith("#"):
        raise _external_reference_error(document, ref)
    node: Any = document
    head, *steps = unquote(ref[1:]).split("/")
    for step in () if head else steps:
        node = _find_child(document, node, step.replace("~1", "/").replace("~0", "~"), hops)
    if head or not isinstance(node, Mapping):  # a pointer begins with a slash
        raise DanglingReference(f"The reference {_shorten(ref)} points nowhere.", _ADVICE, ref=ref)
    return node


def _find_child(document: Node, node: Any, step: str, hops: _HopLimit) -> Any:
    """Return the child of a node, or of what the node refers to."""
    if isinstance(node, Mapping) and step not in node and isinstance(node.get("$ref"), str):
        node = _resolve(document, node, hops)
    if isinstance(node, Mapping):
        return node.get(step)
    is_index = isinstance(node, list) and re.fullmatch("0|[1-9][0-9]{0,8}", step)
    return node[int(step)] if is_index and int(step) < len(node) else None


def _external_reference_error(document: Node, ref: str) -> DanglingReference:
    unread = document.get(UNREAD)
    reason = unread.get(ref.partition("#")[0]) if isinstance(unread, Mapping) else None
    if reason:
        return DanglingReference(f"The reference {_shorten(ref)} points nowhere: {reason}", _ADVICE, ref=ref)
    what = f"The reference {_shorten(ref)} points outside the document."
    return DanglingReference(what, "Bundle the document into one file.", ref=ref)


def _shorten(ref: str) -> str:
    ref = _INSIDE_FILE.sub(lambda match: f"{match[1].replace(':', '/')}#{match[2]}".rstrip("#"), ref)
    return ref if len(ref) <= _MAX_SHOWN else f"{ref[:_MAX_SHOWN]}…"


MAX_LOCAL_FILES = 2000
MAX_FETCHED_FILES = 200
_MAX_FILE_NAME = 80  # characters of a file's name in the bundle
_MOVE_INSIDE = "Put the file into the document's folder, or bundle the document into one file."


class Fetch(Protocol):
    """Returns the bytes at a URL; with `same_host`, no redirect to another host is followed."""

    def __call__(self, url: str, /, *, same_host: bool = False) -> bytes: ...


# --- which files may be read ------------------------------------------------------------------------------------------


class RefResolver(Protocol):
    """Resolves the references in the files of one document, and reads what they point to.

    Attributes:
        home: The address of the document itself.
        max_files: How many files may be read.
    """

    @property
    def home(self) -> str: ...
    @property
    def max_files(self) -> int: ...

    def join(self, address: str, ref: str) -> str:
        """Return the address that a reference means in the file at `address`."""

    def read(self, address: str) -> bytes:
        """Return the content of the file at an address.

        Raises:
            DocumentNotFound: It does not exist, or may not be read.
            DocumentInvalid: It is too large.
        """


@dataclass(frozen=True)
class FolderResolver:
    """Resolves the references of a local document; addresses are paths relative to its folder."""

    path: Path
    max_files: ClassVar[int] = MAX_LOCAL_FILES

    @property
    def home(self) -> str:
        """The name of the document's file."""
        return self.path.name

    def join(self, address: str, ref: str) -> str:
        """Return the path relative to the folder; a URL is returned as it is."""
        if urlsplit(ref).scheme or ref.startswith("//"):
            return ref
        return posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(ref)))

    def read(self, address: str) -> bytes:
        """Return the content of a file in the folder or below."""
        if urlsplit(address).scheme or address.startswith("//"):
            raise DocumentNotFound(f"{address} is not in the document's folder, and is not fetched.", _MOVE_INSIDE)
        try:
            folder = self.path.parent.resolve()
            path = (folder / address).resolve()
            if not path.is_relative_to(folder):
                raise DocumentNotFound(f"{address} is outside the document's folder, and is not read.", _MOVE_INSIDE)
            if not path.is_file():  # a device or a pipe could block
                raise DocumentNotFound(f"There is no file {address} in the document's folder.", "Check the path.")
            if path.stat().st_size > MAX_BYTES:
                raise DocumentInvalid(f"{address} is too large.", "Split the file.")
            return path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL
            raise DocumentNotFound(f"{address} cannot be read.", "Check the path.") from error


@dataclass(frozen=True)
class HostResolver:
    """Resolves the references of a fetched document; addresses are URLs of its host."""

    home: str
    fetch: Fetch
    max_files: ClassVar[int] = MAX_FETCHED_FILES

    def join(self, address: str, ref: str) -> str:
        """Return the URL that a reference names, seen from an address; an invalid one is returned as it is."""
        return _join_url(address, ref)

    def read(self, address: str) -> bytes:
        """Return the content of a file of the same host."""
        if _host_of(address) != _host_of(self.home):
            what = f"{address} is on another host than the document, and is not fetched."
            raise DocumentNotFound(what, _MOVE_INSIDE)
        try:
            return self.fetch(address, same_host=True)
        except (OSError, ValueError) as error:
            raise DocumentNotFound(f"{address} cannot be fetched.", "Check the URL.") from error


@dataclass(frozen=True)
class NoResolver:
    """Rejects every external reference, for a document without an address, such as a text."""

    home: str = ""
    max_files: ClassVar[int] = MAX_LOCAL_FILES

    def join(self, address: str, ref: str) -> str:
        """Return the reference as it is."""
        return ref

    def read(self, address: str) -> bytes:
        """Raise DocumentNotFound."""
        what = f"{address} points outside the document, which was not given as a path or URL."
        raise DocumentNotFound(what, "Give its path or URL, or bundle it into one file.")


def resolver_for(source: str | Path | None, fetch: Fetch | None) -> RefResolver:
    """Return the resolver for a document by its path or URL; None if it has neither."""
    if isinstance(source, Path):
        return FolderResolver(source)
    return HostResolver(source, fetch) if source and fetch else NoResolver()


def _host_of(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower().removesuffix({"http": ":80"}.get(parts.scheme, ":443"))
    except ValueError:
        return "", url


class _LimitedReader:
    """Reads and parses files through a resolver, within the limits on their number and total size."""

    def __init__(self, resolver: RefResolver) -> None:
        self._resolver = resolver
        self._files = self._bytes = 0

    def read(self, address: str) -> Any:
        self._files += 1
        if self._files > self._resolver.max_files:
            raise DocumentInvalid(f"The document refers to more than {self._resolver.max_files} files.", "Bundle it.")
        data = self._resolver.read(address)
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            what = f"The files of the document have over {MAX_BYTES // 1_000_000} MB in total."
            raise DocumentInvalid(what, "Split the document.")
        return parse(data, address)


# --- bundling ---------------------------------------------------------------------------------------------------------

READ_FAILURES = (AstroNbError, RecursionError)
"""The exceptions that reading a referenced file raises."""

_EXTERNAL_REF = re.compile(rb'\$ref"\s*:\s*"(?!#/)')
"""Begins with the rarest character, which makes the search as fast as one for that character."""

_VALUE_KEYWORDS = {"example", "default", "const", "enum", "value"}
"""Keywords that hold values, not schemas: a `$ref` inside is data."""

_NAME_KEYWORDS = {
    "properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "schemas", "parameters", "responses",
    "requestBodies", "headers", "examples", "links", "callbacks", "pathItems", "mediaTypes", "securitySchemes", "paths",
    "webhooks",
}  # fmt: skip
"""Keywords that hold a mapping with free names: a property named `example` is a schema."""

_FILE_REFERENCE = re.compile(r"[^#].*(/|\.(json|ya?ml)(#|$))")

NodePath = tuple[Any, Any]
"""The path of a node: its container's path and its key; None at the top. It shares memory, unlike a flat tuple."""


def bundle(document: dict[str, Any], as_json: bytes, source: str | Path | None, fetch: Fetch | None) -> dict[str, Any]:
    """Return the document with everything that it refers to inside it.

    Args:
        document: The document as it was read; it is modified unless it is copied.
        as_json: The same as JSON.
        source: The path or the URL that it was read from, if any.
        fetch: Returns the bytes at a URL.
    """
    if not _EXTERNAL_REF.search(as_json):
        return document
    if source is None:  # the mapping may belong to the caller
        document = read_json(as_json).data
    return _Bundler(document, resolver_for(source, fetch)).bundle()


class _File:
    """One file: its references, anchors and ids, collected in one walk."""

    def __init__(self, root: Any, address: str, prefix: str) -> None:
        self.root, self.address, self.prefix = root, address, prefix
        self.references: list[tuple[dict[Any, Any], Any, str]] = []  # container, key, base URI from `$id`
        self.anchors: dict[str, NodePath | None] = {}
        self.ids: dict[str, NodePath | None] = {}
        for node, path, base in _walk_mappings(root):
            self._collect(node, path, base)

    def _collect(self, node: dict[str, Any], path: NodePath | None, base: str) -> None:
        if isinstance(node.get("$ref"), str):
            self.references.append((node, "$ref", base))
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(node.get(key), str):
                self.anchors.setdefault(node[key], path)
        if isinstance(node.get("$id"), str):
            self.ids.setdefault(base.partition("#")[0], path)
        for container, key in _discriminator_targets(node.get("discriminator")):
            target = container[key]
            if isinstance(target, str) and (target.startswith("#/") or _FILE_REFERENCE.match(target)):
                self.references.append((container, key, base))

    def pointer(self, path: NodePath | None) -> str:
        """Return the reference to a node of this file."""
        steps = []
        while path is not None:
            path, key = path
            steps.append(quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@"))
        return "/".join([self.prefix, *reversed(steps)])


def _discriminator_targets(discriminator: Any) -> list[tuple[dict[Any, Any], Any]]:
    """Return the container and key of everything in a discriminator that may be a reference."""
    if not isinstance(discriminator, dict):
        return []
    mapping = discriminator.get("mapping")
    targets = [(mapping, key) for key in mapping] if isinstance(mapping, dict) else []
    return targets + ([(discriminator, "defaultMapping")] if "defaultMapping" in discriminator else [])


class _Bundler:
    """Collects the files of one document by address, then rewrites their references."""

    def __init__(self, document: dict[str, Any], resolver: RefResolver) -> None:
        self.document, self.resolver, self.reader = document, resolver, _LimitedReader(resolver)
        self.files = {resolver.home: _File(document, resolver.home, "#")}
        self.contents: dict[str, Any] = {}
        self.unread: dict[str, str] = {}
        self.self_uri = document.get("$self") if isinstance(document.get("$self"), str) else None

    def bundle(self) -> dict[str, Any]:
        """Return the document with all files read and every reference rewritten."""
        pending = list(self.files.values())
        while pending:
            file = pending.pop()
            for address in self._referenced_addresses(file):
                if address not in self.files and _as_ref(address) not in self.unread and not self._find_id(address):
                    pending += self._read(address)
        for file in self.files.values():
            for container, key, base in file.references:
                container[key] = self._rewrite(file, container[key], base)
        added = {FILES: self.contents, UNREAD: self.unread}
        return {**self.document, **{key: value for key, value in added.items() if value}}

    def _referenced_addresses(self, file: _File) -> Iterator[str]:
        """Yield the addresses of the files that one refers to, each once."""
        paths = dict.fromkeys(container[key].partition("#")[0] for container, key, _ in file.references)
        yield from (self._join(file, path) for path in paths if path)

    def _join(self, file: _File, path: str) -> str:
        address = self.resolver.join(file.address, path)
        return self.resolver.home if self.self_uri and path == self.self_uri else address

    def _read(self, address: str) -> list[_File]:
        try:
            content = self.reader.read(address)
        except READ_FAILURES as error:
            too_deep = f"{address} is nested too deeply."
            self.unread[_as_ref(address)] = error.what if isinstance(error, AstroNbError) else too_deep
            return []
        name = self._make_name(address)
        self.contents[name] = content
        self.files[address] = _File(content, address, f"#/{FILES}/{name}")
        return [self.files[address]]

    def _make_name(self, address: str) -> str:
        """Return a unique name, similar to the address, that needs no escaping; colons replace its slashes."""
        folder = self.resolver.home.rpartition("/")[0] + "/"
        similar = re.sub("/+", ":", address.removeprefix(folder))
        name = re.sub(r"[^A-Za-z0-9.:-]+", "_", similar)[-_MAX_FILE_NAME:].strip("_:") or "file"
        while name in self.contents:
            name += "_"
        return name

    def _find_id(self, uri: str) -> str:
        """Return the pointer to the schema with this `$id`; empty if there is none."""
        matches = (file.pointer(file.ids[uri]) for file in self.files.values() if uri in file.ids)
        return next(matches, "")

    def _rewrite(self, file: _File, ref: str, base: str) -> str:
        """Return a reference as a pointer into the bundle; one that cannot be followed becomes its address."""
        path, _, fragment = ref.partition("#")
        target = file
        if path:
            by_id = self._find_id(_join_url(base, path)) or self._find_id(path)
            if by_id:
                return by_id + fragment if not fragment or fragment.startswith("/") else ref
            address = self._join(file, path)
            if address not in self.files:
                return f"{_as_ref(address)}#{fragment}" if fragment else _as_ref(address)
            target = self.files[address]
        if not fragment or fragment.startswith("/"):
            return target.prefix + fragment
        return target.pointer(target.anchors[fragment]) if fragment in target.anchors else f"{target.prefix}#{fragment}"


def _as_ref(address: str) -> str:
    """Return an address as it is written in a reference."""
    return address.replace("#", "%23")


def _walk_mappings(root: Any) -> Iterator[tuple[dict[str, Any], NodePath | None, str]]:
    """Yield every mapping of a file with its path and base URI (from `$id`), except inside example values."""
    stack: list[tuple[Any, NodePath | None, str, bool]] = [(root, None, "", False)]
    while stack:
        node, path, base, has_free_names = stack.pop()
        if isinstance(node, dict):
            base = _join_url(base, node["$id"]) if isinstance(node.get("$id"), str) and not has_free_names else base
            yield node, path, base
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in reversed(list(children)):
            if isinstance(child, dict | list) and (has_free_names or key not in _VALUE_KEYWORDS):
                holds_names = not has_free_names and key in _NAME_KEYWORDS and isinstance(child, dict)
                stack.append((child, (path, key), base, holds_names))


def _join_url(base: str, path: str) -> str:
    try:
        return urljoin(base, path)
    except ValueError:
        return path

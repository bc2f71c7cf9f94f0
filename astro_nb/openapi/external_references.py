"""Where the files lie that a document refers to, and which of them may be read.

Rule 1: a document on this machine reads files of its own folder and below; one from the network, files of its own host.
Rule 2: how many they are, and how large together, is bounded.

A document and the files that it refers to as one document.

Rule 1: afterwards every reference that leads somewhere is a pointer, `#/…`. Those to other files lead into `FILES`.
Rule 2: a file that cannot be read, or may not be, costs what refers to it and nothing else; `UNREAD` says why.
Rule 3: a document without such references is not walked.
"""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit

import orjson

from ..errors import AstroNbError, DocumentInvalid, DocumentNotFound
from .extensions import FILES, UNREAD
from .parsing import MAX_BYTES, parse

MOST_FILES = 2000
MOST_FETCHED = 200
_INSIDE = "Put the file into the document's folder, or bundle the document into one file."


class Fetch(Protocol):
    """What gets the bytes behind a URL; where it `stays`, no redirect leads it to another host."""

    def __call__(self, url: str, /, *, same_host: bool = False) -> bytes: ...


class Shelf(ABC):
    """The files around one document.

    Attributes:
        home: the address of the document itself.
    """

    most = MOST_FILES

    def __init__(self, home: str) -> None:
        self.home = home
        self._files = self._bytes = 0

    def read(self, address: str) -> Any:
        """The file at an address, as plain data.

        Raises:
            DocumentNotFound: it is not there, or may not be read.
            DocumentInvalid: it cannot be read, or there are too many.
        """
        self._files += 1
        if self._files > self.most:
            raise DocumentInvalid(f"The document refers to more than {self.most} files.", "Bundle it into one.")
        data = self._content(address)
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise DocumentInvalid(f"The files of the document have over {MAX_BYTES // 1_000_000} MB.", "Split it.")
        return parse(data, address)

    @abstractmethod
    def join(self, address: str, ref: str) -> str:
        """The address that a reference means in the file at `address`."""

    @abstractmethod
    def _content(self, address: str) -> bytes: ...


class Folder(Shelf):
    """The folder of a document on this machine; addresses are paths below it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._folder = path.parent.resolve()

    def join(self, address: str, ref: str) -> str:
        """The path below the folder; what leads elsewhere is left as it is."""
        if urlsplit(ref).scheme or ref.startswith("//"):
            return ref
        return posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(ref)))

    def _content(self, address: str) -> bytes:
        if urlsplit(address).scheme or address.startswith("//"):
            raise DocumentNotFound(f"{address} is not beside the document, and is not fetched.", _INSIDE)
        try:
            path = (self._folder / address).resolve()
            if not path.is_relative_to(self._folder):
                raise DocumentNotFound(f"{address} lies outside the folder of the document, and is not read.", _INSIDE)
            if not path.is_file():  # what blocks when it is read is none, either
                raise DocumentNotFound(f"There is no file {address} beside the document.", "Check the path.")
            if path.stat().st_size > MAX_BYTES:
                raise DocumentInvalid(f"{address} is too large.", "Split the file.")
            return path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL
            raise DocumentNotFound(f"{address} cannot be read.", "Check the path.") from error


class Site(Shelf):
    """The host of a document that was fetched; addresses are URLs."""

    most = MOST_FETCHED

    def __init__(self, url: str, fetch: Fetch) -> None:
        super().__init__(url)
        self._fetch = fetch

    def join(self, address: str, ref: str) -> str:
        """The URL that is meant; what is none is left as it is."""
        try:
            return urljoin(address, ref)
        except ValueError:
            return ref

    def _content(self, address: str) -> bytes:
        if _host(address) != _host(self.home):
            raise DocumentNotFound(f"{address} is on another host than the document, and is not fetched.", _INSIDE)
        try:
            return self._fetch(address, same_host=True)
        except (OSError, ValueError) as error:
            raise DocumentNotFound(f"{address} cannot be fetched.", "Check the address.") from error


class Nowhere(Shelf):
    """Beside a document that has no place, such as a text."""

    def __init__(self) -> None:
        super().__init__("")

    def join(self, address: str, ref: str) -> str:
        """The reference as it is."""
        return ref

    def _content(self, address: str) -> bytes:
        what = f"{address} leads out of the document, which was not given as a file or an address."
        raise DocumentNotFound(what, "Give its path or URL, or bundle it into one file.")


def shelf_of(at: str | Path | None, fetch: Fetch | None) -> Shelf:
    """The shelf of a document by its path or URL; None where it has none."""
    if isinstance(at, Path):
        return Folder(at)
    return Site(at, fetch) if at and fetch else Nowhere()


def _host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower().removesuffix({"http": ":80"}.get(parts.scheme, ":443"))
    except ValueError:
        return "", url


READ_FAULTS = (AstroNbError, RecursionError)
"""What reading a file beside the document raises."""


_LEADS_OUT = re.compile(rb'\$ref"\s*:\s*"(?!#/)')
"""Begins with the rarest character: the search is as fast as the one for it."""

_LITERAL = {"example", "default", "const", "enum", "value"}
"""What holds values, not schemas: a `$ref` inside is none."""

_NAMES = {
    "properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "schemas", "parameters", "responses",
    "requestBodies", "headers", "examples", "links", "callbacks", "pathItems", "mediaTypes", "securitySchemes", "paths",
    "webhooks",
}  # fmt: skip
"""What maps names that anyone may choose; a property named `example` is a schema."""

_IS_FILE = re.compile(r"[^#].*(/|\.(json|ya?ml)(#|$))")

Trail = tuple[Any, Any]
"""Where a node stands: its holder's trail and its key; None at the top."""


def bundle(document: dict[str, Any], written: bytes, at: str | Path | None, fetch: Fetch | None) -> dict[str, Any]:
    """The document with all that it refers to inside it.

    Args:
        document: the document as it was read; it is changed where it is not copied.
        written: the same as JSON.
        at: the path or the address that it was read from, if any.
        fetch: what gets the bytes behind a URL.
    """
    if not _LEADS_OUT.search(written):
        return document
    if at is None:  # it may be the caller's own
        document = orjson.loads(written)
    return _Bundle(document, shelf_of(at, fetch)).made()


class _Sheet:
    """One file: its references, anchors and ids, found in one walk."""

    def __init__(self, root: Any, address: str, prefix: str) -> None:
        self.root, self.address, self.prefix = root, address, prefix
        self.slots: list[tuple[dict[Any, Any], Any, str]] = []  # holder, key, the `$id` around it
        self.anchors: dict[str, Trail | None] = {}
        self.ids: dict[str, Trail | None] = {}
        for node, trail, base in _mappings(root):
            self._read(node, trail, base)

    def _read(self, node: dict[str, Any], trail: Trail | None, base: str) -> None:
        if isinstance(node.get("$ref"), str):
            self.slots.append((node, "$ref", base))
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(node.get(key), str):
                self.anchors.setdefault(node[key], trail)
        if isinstance(node.get("$id"), str):
            self.ids.setdefault(base.partition("#")[0], trail)
        about = node.get("discriminator")
        chosen: Any = about.get("mapping") if isinstance(about, dict) else None
        named = [(chosen, key) for key in chosen] if isinstance(chosen, dict) else []
        named += [(about, "defaultMapping")] if isinstance(about, dict) and "defaultMapping" in about else []
        for holder, key in named:
            if isinstance(holder[key], str) and (holder[key].startswith("#/") or _IS_FILE.match(holder[key])):
                self.slots.append((holder, key, base))

    def pointer(self, trail: Trail | None) -> str:
        """The reference to a node of this file."""
        steps = []
        while trail is not None:
            trail, key = trail
            steps.append(quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@"))
        return "/".join([self.prefix, *reversed(steps)])


class _Bundle:
    """The files met so far, by address."""

    def __init__(self, document: dict[str, Any], shelf: Shelf) -> None:
        self.document, self.shelf = document, shelf
        self.sheets = {shelf.home: _Sheet(document, shelf.home, "#")}
        self.files: dict[str, Any] = {}
        self.unread: dict[str, str] = {}
        self.own = document.get("$self") if isinstance(document.get("$self"), str) else None

    def made(self) -> dict[str, Any]:
        """The document, everything read and every reference rewritten."""
        waiting = list(self.sheets.values())
        while waiting:
            sheet = waiting.pop()
            for address in _addresses(sheet, self._address):
                if address not in self.sheets and _shown(address) not in self.unread and not self._id(address):
                    waiting += self._read(address)
        for sheet in self.sheets.values():
            for holder, key, base in sheet.slots:
                holder[key] = self._rewritten(sheet, holder[key], base)
        kept = {FILES: self.files, UNREAD: self.unread}
        return {**self.document, **{key: value for key, value in kept.items() if value}}

    def _address(self, sheet: _Sheet, path: str) -> str:
        address = self.shelf.join(sheet.address, path)
        return self.shelf.home if self.own and path == self.own else address

    def _read(self, address: str) -> list[_Sheet]:
        try:
            content = self.shelf.read(address)
        except READ_FAULTS as error:
            self.unread[_shown(address)] = (
                error.what if isinstance(error, AstroNbError) else f"{address} nests too deeply."
            )
            return []
        name = self._name(address)
        self.files[name] = content
        self.sheets[address] = _Sheet(content, address, f"#/{FILES}/{name}")
        return [self.sheets[address]]

    def _name(self, address: str) -> str:
        """A name that needs no escaping, near to the address; colons are where its slashes were."""
        folder = self.shelf.home.rpartition("/")[0] + "/"
        near = re.sub("/+", ":", address.removeprefix(folder))
        name = re.sub(r"[^A-Za-z0-9.:-]+", "_", near)[-80:].strip("_:") or "file"
        while name in self.files:
            name += "_"
        return name

    def _id(self, uri: str) -> str:
        found = (sheet.pointer(sheet.ids[uri]) for sheet in self.sheets.values() if uri in sheet.ids)
        return next(found, "")

    def _rewritten(self, sheet: _Sheet, ref: str, base: str) -> str:
        """A reference as a pointer into the one document; one that leads nowhere by its address."""
        path, _, fragment = ref.partition("#")
        target = sheet
        if path:
            known = self._id(_joined(base, path)) or self._id(path)
            if known:
                return known + fragment if not fragment or fragment.startswith("/") else ref
            address = self._address(sheet, path)
            if address not in self.sheets:
                return f"{_shown(address)}#{fragment}" if fragment else _shown(address)
            target = self.sheets[address]
        if not fragment or fragment.startswith("/"):
            return target.prefix + fragment
        return target.pointer(target.anchors[fragment]) if fragment in target.anchors else f"{target.prefix}#{fragment}"


def _shown(address: str) -> str:
    """An address as it stands in a reference."""
    return address.replace("#", "%23")


def _addresses(sheet: _Sheet, address: Callable[[_Sheet, str], str]) -> Iterator[str]:
    """The addresses of the files that one refers to, each once."""
    paths = dict.fromkeys(holder[key].partition("#")[0] for holder, key, _ in sheet.slots)
    yield from (address(sheet, path) for path in paths if path)


def _mappings(root: Any) -> Iterator[tuple[dict[str, Any], Trail | None, str]]:
    """Every mapping of a file with its place and the `$id` around it, the values of examples left out."""
    stack: list[tuple[Any, Trail | None, str, bool]] = [(root, None, "", False)]
    while stack:
        node, trail, base, is_names = stack.pop()
        if isinstance(node, dict):
            base = _joined(base, node["$id"]) if isinstance(node.get("$id"), str) and not is_names else base
            yield node, trail, base
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in reversed(list(children)):
            if isinstance(child, dict | list) and (is_names or key not in _LITERAL):
                stack.append((child, (trail, key), base, not is_names and key in _NAMES and isinstance(child, dict)))


def _joined(base: str, path: str) -> str:
    try:
        return urljoin(base, path)
    except ValueError:
        return path

"""Where the files lie that a document refers to, and which of them may be read.

Rule 1: a document on this machine reads files of its own folder and below; one from the network, files of its own host.
Rule 2: how many they are, and how large together, is bounded.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urljoin, urlsplit

from ..errors import AstroNbError, DocumentInvalid, DocumentNotFound
from .parsing import MOST_BYTES, parse

MOST_FILES = 2000
MOST_FETCHED = 200
_INSIDE = "Put the file into the document's folder, or bundle the document into one file."


class Fetch(Protocol):
    """What gets the bytes behind a URL; where it `stays`, no redirect leads it to another host."""

    def __call__(self, url: str, /, *, stays: bool = False) -> bytes: ...


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
        if self._bytes > MOST_BYTES:
            raise DocumentInvalid(f"The files of the document have over {MOST_BYTES // 1_000_000} MB.", "Split it.")
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
            if path.stat().st_size > MOST_BYTES:
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
            return self._fetch(address, stays=True)
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

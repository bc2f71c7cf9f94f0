"""The table of a document's operations: everything is found here, nothing is resolved before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ..errors import UnknownName
from .document import Document, Fetch, as_path, check_document, is_url, load_document
from .faults import FAULTS, entries, faults_of, mapping, part_or
from .media import Schema
from .model import Operation, tags_of
from .notes import malformed, notes_of, told_of
from .overlay import apply_overlay, load_overlay, overlay_of
from .paths import Place, named, oddities_of, places_of
from .references import lookup, resolve
from .search import haystack
from .security import SecurityScheme, read_scheme
from .servers import Server, servers_of


class Spec:
    """A document, its operations by id, and the references inside it.

    Attributes:
        document: the document as plain data, overlay applied.
        source: where it came from, for people; an address where it was fetched.
    """

    def __init__(self, document: Document, source: str = "document", warnings: tuple[str, ...] = ()) -> None:
        self.document = document
        self.source = source
        places, told = places_of(document)
        self._told = (*warnings, *told_of(document), *told)
        self._places = dict(named(places))
        self._by_id = {name: self._operation(name, place) for name, place in self._places.items()}

    def __repr__(self) -> str:
        return f"<Spec {self.title} {self.version}: {len(self)} operations>"

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._by_id.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_id

    @property
    def title(self) -> str:
        """The document's title."""
        return str(self._info.get("title") or "Untitled API")

    @property
    def version(self) -> str:
        """The version of the API, as the document states it."""
        return str(self._info.get("version") or "")

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What did not fit, and what is wrong with the document as a whole, in words; mostly empty."""
        empty = () if self._by_id else ("The document has no operations.",)
        return (*self._told, *malformed(self.document), *faults_of(self), *empty)

    @part_or({})
    def _info(self) -> Mapping[str, Any]:
        return mapping(self.document.get("info"))

    @cached_property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of the whole API, by the extension's name without its prefix."""
        return notes_of(self.document)

    @part_or(())
    def servers(self) -> tuple[str, ...]:
        """The base URLs that the document names, server variables filled with their defaults."""
        return tuple(server.fill() for server in self._servers)

    @property
    def server_list(self) -> tuple[Server, ...]:
        """The servers behind `servers`, with their variables."""
        try:
            return self._servers
        except FAULTS:  # told by the warnings
            return ()

    @cached_property
    def _servers(self) -> tuple[Server, ...]:
        given = self.document.get("servers")
        return self.read_servers(given if given or not self._home else [{"url": "/"}])

    def read_servers(self, servers: Any) -> tuple[Server, ...]:
        """A list of servers as read; relative ones are meant against the address of the document."""
        return servers_of(servers, self._home)

    def serves(self, url: str) -> bool:
        """Whether a base URL is one of the document's servers, with some values of its variables."""
        return any(server.serves(url) for server in self.server_list)

    @property
    def _home(self) -> str:
        return self.source if is_url(self.source) else ""

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """Each tag with its description: the declared ones in order, then those that only operations name."""
        used = {tag: "" for operation in self for tag in operation.tags}
        return {**self._tags, **{tag: text for tag, text in used.items() if tag not in self._tags}}

    @part_or({})
    def _tags(self) -> Mapping[str, str]:
        declared = map(mapping, entries(self.document.get("tags")))
        return {str(tag["name"]): str(tag.get("description") or "") for tag in declared}

    def operation(self, name: str) -> Operation:
        """The operation of that id.

        Raises:
            UnknownName: there is none; the nearest ids are offered.
        """
        if name not in self._by_id:
            raise UnknownName("operation", name, self._by_id, todo="`api.spec` lists the operations.")
        return self._by_id[name]

    def search(self, words: str) -> list[Operation]:
        """The operations in whose id, path, summary, tag or field names every word occurs, in document order."""
        wanted = words.casefold().split()
        return [op for op in self if all(word in self._haystacks[op.id] for word in wanted)]

    @cached_property
    def _haystacks(self) -> Mapping[str, str]:
        return {op.id: haystack(self.document, op) for op in self}

    def resolve(self, node: Any) -> Schema:
        """What a node stands for, following `$ref`; raises DanglingReference where one points nowhere."""
        return resolve(self.document, node)

    def lookup(self, ref: str) -> Schema:
        """The mapping behind one reference; raises DanglingReference where it points nowhere."""
        return lookup(self.document, ref)

    @property
    def scheme_names(self) -> tuple[str, ...]:
        """The names of the security schemes that the document defines."""
        return tuple(self._security_schemes)

    @part_or({})
    def _security_schemes(self) -> Mapping[str, Any]:
        return mapping(mapping(self.document.get("components")).get("securitySchemes"))

    def scheme(self, name: str, scopes: Any = ()) -> SecurityScheme:
        """The security scheme of that name, its kind made plain."""
        return read_scheme(name, self.resolve(mapping(self._security_schemes.get(name))), scopes)

    def told_of(self, name: str) -> list[str]:
        """What is wrong with an operation in the company of the others, in words."""
        return self._oddities.get(name, [])

    @cached_property
    def _oddities(self) -> Mapping[str, list[str]]:
        return oddities_of(self._places)

    def _operation(self, name: str, place: Place) -> Operation:
        try:
            tags = tags_of(place.raw)
        except FAULTS:  # told by the operation's warnings
            tags = ()
        summary = str(place.raw.get("summary") or "") or _first_sentence(place.raw.get("description"))
        return Operation(name, place.method, place.path, tags or ("Other",), summary, place.raw, place.item, self)


def load(source: Any = "astro-v1", overlay: Any = None, fetch: Fetch | None = None) -> Spec:
    """The `Spec` of a document, with its overlay applied.

    Args:
        source: as for `load_document`; by default the bundled Astro v1 document.
        overlay: all that a source may be; by default the overlay that lies beside the document, or that ships with
            astro_nb for a document of this address, if any.
        fetch: what gets the bytes behind a URL.

    Raises:
        DocumentNotFound: the document or the overlay is not there.
        DocumentInvalid: the document or the overlay is not what it should be.
    """
    document, name = load_document(source, fetch), _name(source)
    added = load_overlay(overlay, fetch) if overlay is not None else overlay_of(source)
    if added is None:
        return Spec(document, name)
    merged, warnings = apply_overlay(document, added)
    return Spec(check_document(merged, name), name, tuple(warnings))


def _name(source: Any) -> str:
    """Where a document came from, as it was said: the path, the URL, or the name of a bundled one."""
    return str(source) if is_url(source) or as_path(source) else "document"


def _first_sentence(text: Any) -> str:
    return (text if isinstance(text, str) else "").strip().split("\n")[0].split(". ")[0][:120]

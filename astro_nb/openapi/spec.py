"""Where the operations of a document stand, and what each of them is called.

What an operation can be found by: id, path, method, summary, tags, and the names of its fields.

The table of a document's operations: everything is found here, nothing is resolved before it is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import DanglingReference, DocumentInvalid, UnknownName
from .documents import Document, as_path, check_document, is_url, load_document
from .extensions import malformed, notes_of, told_of
from .external_references import Fetch
from .malformed import FAULTS, entries, faults_of, kind_of, mapping, part_or
from .media import Schema
from .operations import Operation, SecurityScheme, read_scheme, tags_of
from .overlays import apply_overlay, load_overlay, overlay_of
from .references import lookup, resolve
from .servers import Server, servers_of

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
MOST_OPERATIONS = 50_000
_FIELDS = {*METHODS, "parameters", "summary", "description", "servers", "$ref"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,60}")
"""What a method may be called (RFC 9110, section 5.6.2)."""

_QUERY = re.compile(r"\{\?[^{}]*\}")


class Place(NamedTuple):
    """One operation as it stands in the document, with the path item around it; the method as it is sent."""

    method: str
    path: str
    raw: Mapping[str, Any]
    item: Mapping[str, Any]
    told: str = ""

    @property
    def declared_id(self) -> str:
        """The id that the document gives it; empty where it gives none."""
        given = self.raw.get("operationId")
        return str(given) if isinstance(given, str | int) else ""

    @property
    def derived_id(self) -> str:
        """A stable id made of method and path: `GET /pets/{petId}/toys` gives `get_pets_by_petId_toys`."""
        steps = [re.sub(r"\{([^{}]+)\}", r"by_\1", step) for step in self.path.strip("/").split("/")]
        return re.sub(r"\W+", "_", "_".join([self.method.lower(), *steps])).strip("_")


def places_of(document: Document) -> tuple[list[Place], list[str]]:
    """Every operation in the document's order, and what could not be read of its paths, in words.

    Raises:
        DocumentInvalid: there are more than anyone could use.
    """
    found: list[Place] = []
    told: list[str] = []
    paths = document.get("paths")
    for path, given in paths.items() if isinstance(paths, Mapping) else ():
        if not str(path).startswith("x-"):
            found.extend(_places(str(path), *_item(document, given), told))
        if len(found) > MOST_OPERATIONS:
            raise DocumentInvalid(f"The document has over {MOST_OPERATIONS:,} operations (#/paths).", "Split it.")
    return found, told


def _places(template: str, item: Mapping[str, Any], fault: str, told: list[str]) -> Iterator[Place]:
    """The operations of one path, without `{?limit,offset}`, by which RFC 6570 lists parameters of the query."""
    path = _QUERY.sub("", template) if "{?" in template else template
    odd = "" if path == template else f"path: {template} names parameters of the query; they are left out of it."
    told += [f"{path}: {fault}"] if fault else []
    for method in [method for method in METHODS if method in item]:
        raw = item[method]
        if isinstance(raw, Mapping):
            yield Place(method.upper(), path, raw, item, odd)
        elif raw is not None:
            told.append(f"{path}: {method} is {kind_of(raw)}.")
    rest = item.keys() - _FIELDS
    if "additionalOperations" in rest:
        yield from _additional(path, item, told)
    inside = [key for key in item if key in rest and str(key)[:1] == "/"] if rest else []
    told += [f"{path}: the path {key} stands inside it; it is left out." for key in inside]


def _additional(path: str, item: Mapping[str, Any], told: list[str]) -> Iterator[Place]:
    """The operations of other methods (OpenAPI 3.2, section 4.9.1)."""
    given = item["additionalOperations"]
    if given is not None and not isinstance(given, Mapping):
        told.append(f"{path}: additionalOperations is {kind_of(given)}.")
    for method, raw in given.items() if isinstance(given, Mapping) else ():
        if not _TOKEN.fullmatch(str(method)) or not isinstance(raw, Mapping):
            told.append(f"{path}: additionalOperations holds no operation under {str(method)[:60]!r}.")
        elif str(method).lower() in METHODS and str(method).lower() in item:
            told.append(f"{path}: {method} stands among additionalOperations, too; it is left out there.")
        else:
            yield Place(str(method), path, raw, item)


def oddities_of(places: Mapping[str, Place]) -> dict[str, list[str]]:
    """What two operations, by their ids, have that one alone may have: an id, or the template of a path."""
    told = {name: [place.told] for name, place in places.items() if place.told}
    by_id: dict[str, list[str]] = {}
    by_shape: dict[tuple[str, str], list[str]] = {}
    for name, place in places.items():
        by_shape.setdefault((place.method, re.sub(r"\{[^{}]*\}", "{}", place.path)), []).append(name)
        if place.declared_id:
            by_id.setdefault(place.declared_id, []).append(name)
    for shared, names in by_id.items():
        for name in names if len(names) > 1 else ():
            told.setdefault(name, []).append(f"id: {len(names)} operations are called {shared}; this one is {name}.")
    for names in by_shape.values():
        for name in names if len(names) > 1 else ():
            other = next(places[n].path for n in names if n != name)
            told.setdefault(name, []).append(f"path: {other} is the same path, with other names in it.")
    return told


def named(places: Sequence[Place]) -> Iterator[tuple[str, Place]]:
    """Each operation with its id: the declared one where no other has it, else a derived one that nothing has."""
    counts = Counter(place.declared_id for place in places)
    taken = {name for name, count in counts.items() if count == 1}
    for place in places:
        name = place.declared_id
        if not name or counts[name] > 1:
            name = place.derived_id
            while name in taken:
                name += "_"
            taken.add(name)
        yield name, place


def _item(document: Document, given: Any) -> tuple[Mapping[str, Any], str]:
    if not isinstance(given, Mapping):
        return {}, f"{kind_of(given)} stands where a mapping belongs."
    try:
        return (resolve(document, given) if "$ref" in given else given), ""
    except DanglingReference as error:
        return {}, error.what


def haystack(document: Document, operation: Operation) -> str:
    """One text, case folded, in which the words of a search are looked for."""
    head = [operation.id, operation.path, operation.method, operation.summary, *operation.tags]
    return " ".join([*head, *_names_or_none(document, operation)]).casefold()


def _names_or_none(document: Document, operation: Operation) -> list[str]:
    try:
        return list(_names(document, operation))
    except FAULTS:  # a malformed operation is still found by its id; `warnings` tells the fault
        return []


def _names(document: Document, operation: Operation) -> Iterator[str]:
    """Names of parameters and of body fields, one storey deep: enough to search by."""
    for entry in [*entries(operation.item.get("parameters")), *entries(operation.raw.get("parameters"))]:
        yield str(entry.get("name") or entry.get("$ref", ""))
    body = _resolved(document, operation.raw.get("requestBody"))
    for media in mapping(body.get("content")).values():
        yield from _properties(document, _resolved(document, media).get("schema"))


def _properties(document: Document, schema: Any, depth: int = 3) -> Iterator[str]:
    resolved = _resolved(document, schema)
    yield from map(str, mapping(resolved.get("properties")))
    if depth:
        for part in ("oneOf", "anyOf", "allOf"):
            for branch in entries(resolved.get(part)):
                yield from _properties(document, branch, depth - 1)


def _resolved(document: Document, node: Any) -> Mapping[str, Any]:
    """What a node stands for; nothing where it leads nowhere, which others tell."""
    try:
        return resolve(document, node)
    except DanglingReference:
        return {}


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

    def has_server(self, url: str) -> bool:
        """Whether a base URL is one of the document's servers, with some values of its variables."""
        return any(server.matches(url) for server in self.server_list)

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

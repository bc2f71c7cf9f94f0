"""The operations of a document by id, and search among them.

Operations are located when a document is loaded; their parts are resolved when they are first read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import DanglingReference, DocumentInvalid, UnknownName
from .documents import Document, as_path, check_document, is_url, load_document
from .extensions import Extensions, loader_warnings, malformed_extensions, read_extensions
from .malformed import READ_ERRORS, as_list, as_mapping, find_faults, json_type_name, parsed_part_or
from .operations import Operation, SecurityScheme, read_security_scheme, read_tags
from .overlays import apply_overlay, find_overlay, load_overlay
from .parameters import Schema
from .references import Fetch, lookup, resolve, resolve_or_empty
from .resources import Resources
from .servers import Server, read_servers

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
MAX_OPERATIONS = 50_000
_PATH_ITEM_FIELDS = {*METHODS, "parameters", "summary", "description", "servers", "$ref"}
_METHOD_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,60}")
"""A valid method name (RFC 9110, section 5.6.2)."""

_QUERY_EXPRESSION = re.compile(r"\{[?&#][^{}]*\}")
_PATH_KEY = re.compile(r"((?:\{[^{}]*\}|[^?#])*)(?:\?((?:\{[^{}]*\}|[^#])*))?(?:#(.*))?", re.DOTALL)
"""The path, the query and the fragment in a key of `paths`; what is in braces is a name."""

_MAX_KEY_SHOWN = 60  # characters
_MAX_SUMMARY = 120  # characters of a summary made from the description
_SEARCH_DEPTH = 3  # levels of oneOf, anyOf and allOf in which field names are searched


# --- locating operations ----------------------------------------------------------------------------------------------


class PathKey(NamedTuple):
    """A key of `paths` in its parts.

    Documents tell operations on one path apart by a query or a fragment: `/items?beta=true`, `/items#beta`. The query
    is sent; a fragment never is (RFC 9110, section 7.1).
    """

    path: str
    query: str
    fragment: str


def split_path_key(key: str) -> PathKey:
    """Return the parts of a key of `paths`."""
    match = _PATH_KEY.fullmatch(key)
    return PathKey(*(text or "" for text in match.groups())) if match else PathKey(key, "", "")


class OperationEntry(NamedTuple):
    """One operation as the document declares it: its method as it is sent, its key in `paths`, and its path item."""

    method: str
    key: str
    raw: Mapping[str, Any]
    item: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def declared_id(self) -> str:
        """The `operationId`; empty if there is none."""
        value = self.raw.get("operationId")
        return str(value) if isinstance(value, str | int) else ""

    @property
    def derived_id(self) -> str:
        """A stable id built from method and path: `GET /pets/{petId}/toys` gives `get_pets_by_petId_toys`."""
        steps = [re.sub(r"\{([^{}]+)\}", r"by_\1", step) for step in self.key.strip("/").split("/")]
        return re.sub(r"\W+", "_", "_".join([self.method.lower(), *steps])).strip("_")


def locate_operations(document: Document) -> tuple[list[OperationEntry], list[str]]:
    """Return every operation in document order, and warnings about paths that cannot be read.

    Raises:
        DocumentInvalid: There are more than `MAX_OPERATIONS`.
    """
    found: list[OperationEntry] = []
    warnings: list[str] = []
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        if not str(path).startswith("x-"):
            found.extend(_locate_in_item(str(path), *_resolve_item(document, item), warnings))
        if len(found) > MAX_OPERATIONS:
            raise DocumentInvalid(f"The document has over {MAX_OPERATIONS:,} operations (#/paths).", "Split it.")
    return found, warnings


def _locate_in_item(
    template: str, item: Mapping[str, Any], fault: str, warnings: list[str]
) -> Iterator[OperationEntry]:
    """Yield the operations of one path item; `{?limit,offset}`, which lists query parameters (RFC 6570), is removed."""
    key = _QUERY_EXPRESSION.sub("", template)
    about = [] if key == template else [f"path: {template} names query parameters; they are removed from the path."]
    if fragment := split_path_key(key).fragment:
        about.append(f"path: the fragment #{fragment[:_MAX_KEY_SHOWN]} distinguishes operations; it is not sent.")
    warnings += [f"{key}: {fault}"] if fault else []
    for name in _method_names(key, item, warnings):
        raw, method = item[name], name.lower()
        spelling = [] if name == method else [f"path: the method {name} has to be in lower case."]
        if isinstance(raw, Mapping):
            yield OperationEntry(method.upper(), key, raw, item, (*about, *spelling))
        elif raw is not None:
            warnings.append(f"{key}: {name} is {json_type_name(raw)}.")
    other_keys = item.keys() - _PATH_ITEM_FIELDS
    if "additionalOperations" in other_keys:
        yield from _locate_additional(key, item, warnings)
    nested = [name for name in item if name in other_keys and str(name)[:1] == "/"] if other_keys else []
    warnings += [f"{key}: the path {name} is nested inside it; it is ignored." for name in nested]


def _method_names(key: str, item: Mapping[str, Any], warnings: list[str]) -> list[str]:
    """Return the keys of a path item that name a method, in the order of `METHODS`, each method once."""
    found = {method: method for method in METHODS if method in item}
    for name in item:
        method = str(name).lower()
        if method in METHODS and found.setdefault(method, str(name)) != name:
            warnings.append(f"{key}: {name} and {found[method]} are the same method; {name} is ignored.")
    return [found[method] for method in METHODS if method in found]


def _locate_additional(path: str, item: Mapping[str, Any], warnings: list[str]) -> Iterator[OperationEntry]:
    """Yield the operations of other methods (OpenAPI 3.2, section 4.9.1)."""
    declared = item["additionalOperations"]
    if declared is not None and not isinstance(declared, Mapping):
        warnings.append(f"{path}: additionalOperations is {json_type_name(declared)}.")
    for method, raw in declared.items() if isinstance(declared, Mapping) else ():
        if not _METHOD_TOKEN.fullmatch(str(method)) or not isinstance(raw, Mapping):
            key = repr(str(method)[:_MAX_KEY_SHOWN])
            warnings.append(f"{path}: additionalOperations has something other than an operation under {key}.")
        elif str(method).lower() in METHODS and str(method).lower() in item:
            warnings.append(f"{path}: {method} is also in additionalOperations; it is ignored there.")
        else:
            yield OperationEntry(str(method), path, raw, item)


def _resolve_item(document: Document, item: Any) -> tuple[Mapping[str, Any], str]:
    """Return a path item with its reference followed, and what is wrong with it; empty if nothing is."""
    if not isinstance(item, Mapping):
        return {}, f"expected a mapping, found {json_type_name(item)}."
    try:
        return (resolve(document, item) if "$ref" in item else item), ""
    except DanglingReference as error:
        return {}, error.what


def assign_ids(entries: Sequence[OperationEntry]) -> Iterator[tuple[str, OperationEntry]]:
    """Yield each operation with its id: the declared one if it is unique, else a derived one that nothing else has."""
    counts = Counter(entry.declared_id for entry in entries)
    taken = {name for name, count in counts.items() if count == 1}
    for entry in entries:
        name = entry.declared_id
        if not name or counts[name] > 1:
            name = entry.derived_id
            while name in taken:
                name += "_"
            taken.add(name)
        yield name, entry


def find_collisions(entries: Mapping[str, OperationEntry]) -> dict[str, list[str]]:
    """Return warnings by operation id: about ids and path templates that several operations share."""
    warnings = {name: list(entry.warnings) for name, entry in entries.items() if entry.warnings}
    by_declared_id: dict[str, list[str]] = {}
    by_template: dict[tuple[str, str], list[str]] = {}
    for name, entry in entries.items():
        by_template.setdefault((entry.method, re.sub(r"\{[^{}]*\}", "{}", entry.key)), []).append(name)
        if entry.declared_id:
            by_declared_id.setdefault(entry.declared_id, []).append(name)
    for shared, names in by_declared_id.items():
        for name in names if len(names) > 1 else ():
            text = f"id: {len(names)} operations have the id {shared}; this one is called {name}."
            warnings.setdefault(name, []).append(text)
    for names in by_template.values():
        for name in names if len(names) > 1 else ():
            other = next(entries[n].key for n in names if n != name)
            text = f"path: {other} is the same path, with other parameter names."
            warnings.setdefault(name, []).append(text)
    return warnings


# --- search -----------------------------------------------------------------------------------------------------------


def make_search_texts(operation: Operation) -> tuple[str, ...]:
    """Return the texts that are searched for words, case-folded: those in which a match counts most come first."""
    try:
        names = list(_field_names(operation))
    except READ_ERRORS:  # a malformed operation is still found by its id; `warnings` reports the fault
        names = []
    about = [operation.method, operation.summary, *operation.tags]
    return tuple(text.casefold() for text in (operation.id, operation.path_key, " ".join(about), " ".join(names)))


def rank_match(texts: tuple[str, ...], words: Sequence[str]) -> tuple[int, ...] | None:
    """Return a rank by which matches are sorted, the best first; None if a word is in none of the texts.

    It is by the last text that is needed: an id that has all words comes before a path, and that before a summary. An
    operation whose id is the words, or begins with them, comes first.
    """
    needed = [next((place for place, text in enumerate(texts) if word in text), -1) for word in words]
    if -1 in needed:
        return None
    whole, name = "".join(words), texts[0]
    return max(needed, default=0), name != whole, not name.startswith(whole), sum(needed)


def _field_names(operation: Operation) -> Iterator[str]:
    """Yield the names of the parameters and of the top-level fields of the body."""
    spec = operation.spec
    for entry in [*as_list(operation.item.get("parameters")), *as_list(operation.raw.get("parameters"))]:
        yield str(spec.resolve_or_empty(entry).get("name") or "")
    body = spec.resolve_or_empty(operation.raw.get("requestBody"))
    for media in as_mapping(body.get("content")).values():
        yield from _property_names(spec, spec.resolve_or_empty(media).get("schema"))


def _property_names(spec: Spec, schema: Any, depth: int = _SEARCH_DEPTH) -> Iterator[str]:
    resolved = spec.resolve_or_empty(schema)
    yield from map(str, as_mapping(resolved.get("properties")))
    if depth:
        for keyword in ("oneOf", "anyOf", "allOf"):
            for branch in as_list(resolved.get(keyword)):
                yield from _property_names(spec, branch, depth - 1)


# --- the document -----------------------------------------------------------------------------------------------------


class Spec:
    """A document: its operations by id, its servers and security schemes, and the references inside it.

    Attributes:
        document: The document as plain data, overlay applied.
        source: Where it came from, as shown to people; the URL if it was fetched.
    """

    def __init__(self, document: Document, source: str = "document", warnings: tuple[str, ...] = ()) -> None:
        self.document = document
        self.source = source
        entries, path_warnings = locate_operations(document)
        self._load_warnings = (*warnings, *loader_warnings(document), *path_warnings)
        self._entries = dict(assign_ids(entries))
        self._by_id = {name: self._make_operation(name, entry) for name, entry in self._entries.items()}

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
        """The title of the document."""
        return str(self._info.get("title") or "Untitled API")

    @property
    def version(self) -> str:
        """The version of the API, as the document states it."""
        return str(self._info.get("version") or "")

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the document as a whole, and which overlay targets matched nothing; usually nothing."""
        empty = () if self._by_id else ("The document has no operations.",)
        return (*self._load_warnings, *malformed_extensions(self.document), *find_faults(self), *empty)

    @parsed_part_or({})
    def _info(self) -> Mapping[str, Any]:
        return as_mapping(self.document.get("info"))

    @cached_property
    def extensions(self) -> Extensions:
        """The overlay's extensions for the whole API."""
        return read_extensions(self.document)

    @cached_property
    def resources(self) -> Resources:
        """What the operations do to the resources of the API."""
        return Resources(self)

    @parsed_part_or(())
    def servers(self) -> tuple[str, ...]:
        """The base URLs that the document declares, server variables filled with their defaults."""
        return tuple(server.fill() for server in self._servers)

    @property
    def server_list(self) -> tuple[Server, ...]:
        """The servers behind `servers`, with their variables."""
        try:
            return self._servers
        except READ_ERRORS:  # reported in `warnings`
            return ()

    @cached_property
    def _servers(self) -> tuple[Server, ...]:
        declared = self.document.get("servers")
        return self.read_servers(declared if declared or not self._base_url else [{"url": "/"}])

    def read_servers(self, servers: Any) -> tuple[Server, ...]:
        """Return a list of servers as read; relative URLs are resolved against the URL of the document."""
        return read_servers(servers, self._base_url)

    def chosen_variables(self, url: str) -> dict[str, str]:
        """Return the values of the server variables with which a base URL is one of the servers, without defaults."""
        for server in self.server_list:
            values = server.values_in(url)
            if values is not None:
                defaults = {variable.name: variable.default for variable in server.variables}
                return {name: value for name, value in values.items() if value != defaults.get(name)}
        return {}

    def has_server(self, url: str) -> bool:
        """Whether a base URL is one of the document's servers, with any values of its variables."""
        return any(server.matches(url) for server in self.server_list)

    @property
    def _base_url(self) -> str:
        return self.source if is_url(self.source) else ""

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """Each tag with its description: the declared ones in order, then those that only operations name."""
        used = {tag: "" for operation in self for tag in operation.tags}
        return {**self._tags, **{tag: text for tag, text in used.items() if tag not in self._tags}}

    @parsed_part_or({})
    def _tags(self) -> Mapping[str, str]:
        declared = map(as_mapping, as_list(self.document.get("tags")))
        return {str(tag["name"]): str(tag.get("description") or "") for tag in declared}

    def operation(self, name: str) -> Operation:
        """Return the operation with that id.

        Raises:
            UnknownName: There is none; the message offers the nearest ids.
        """
        if name not in self._by_id:
            raise UnknownName("operation", name, self._by_id, todo="`api.spec` lists the operations.")
        return self._by_id[name]

    def search(self, words: str) -> list[Operation]:
        """Return the operations whose id, path, summary, tags or field names contain every word.

        Those whose id contains them come first, then those whose path does, then the others, each in document order.
        """
        wanted = words.casefold().split()
        ranks = {op.id: rank_match(self._search_texts[op.id], wanted) for op in self}
        found = [(rank, op) for op in self if (rank := ranks[op.id]) is not None]
        return [op for _, op in sorted(found, key=lambda pair: pair[0])]

    @cached_property
    def _search_texts(self) -> Mapping[str, tuple[str, ...]]:
        return {op.id: make_search_texts(op) for op in self}

    def resolve(self, node: Any) -> Schema:
        """Return what a node stands for, following `$ref`; raises DanglingReference if one points nowhere."""
        return resolve(self.document, node)

    def resolve_or_empty(self, node: Any) -> Schema:
        """Return what a node stands for; empty if a reference points nowhere, which `warnings` reports elsewhere."""
        return resolve_or_empty(self.document, node)

    def lookup(self, ref: str) -> Schema:
        """Return the mapping that a reference points to; raises DanglingReference if it points nowhere."""
        return lookup(self.document, ref)

    @property
    def scheme_names(self) -> tuple[str, ...]:
        """The names of the security schemes that the document defines."""
        return tuple(self._security_schemes)

    @parsed_part_or({})
    def _security_schemes(self) -> Mapping[str, Any]:
        return as_mapping(as_mapping(self.document.get("components")).get("securitySchemes"))

    def scheme(self, name: str, scopes: Any = ()) -> SecurityScheme:
        """Return the security scheme of that name."""
        return read_security_scheme(name, self.resolve(as_mapping(self._security_schemes.get(name))), scopes)

    def operation_warnings(self, name: str) -> list[str]:
        """Return the warnings about an operation that concern other operations too, such as a shared id."""
        return self._collisions.get(name, [])

    @cached_property
    def _collisions(self) -> Mapping[str, list[str]]:
        return find_collisions(self._entries)

    def _make_operation(self, name: str, entry: OperationEntry) -> Operation:
        method, key, raw, item, _ = entry
        path, query, _ = split_path_key(key)
        try:
            tags = read_tags(raw)
        except READ_ERRORS:  # reported in the operation's warnings
            tags = ()
        summary = str(raw.get("summary") or "") or _first_sentence(raw.get("description"))
        return Operation(name, method, path, tags or ("Other",), summary, raw, item, self, query, key)


def load(source: Any = "astro-v1", overlay: Any = None, fetch: Fetch | None = None) -> Spec:
    """Load a document, apply its overlay, and return it as a `Spec`.

    Args:
        source: As for `load_document`; by default the bundled Astro v1 document.
        overlay: Any source that a document can have. By default the overlay in the document's folder, or the
            bundled one for a document at this URL, if any.
        fetch: Returns the bytes at a URL.

    Raises:
        DocumentNotFound: The document or the overlay does not exist.
        DocumentInvalid: The document is not OpenAPI, or the overlay is not an overlay.
    """
    document, name = load_document(source, fetch), _source_name(source)
    found = load_overlay(overlay, fetch) if overlay is not None else find_overlay(source)
    if found is None:
        return Spec(document, name)
    merged, warnings = apply_overlay(document, found)
    return Spec(check_document(merged, name), name, tuple(warnings))


def _source_name(source: Any) -> str:
    """Return the path, the URL or the bundled name as it was given; "document" for anything else."""
    return str(source) if is_url(source) or as_path(source) else "document"


def _first_sentence(text: Any) -> str:
    return (text if isinstance(text, str) else "").strip().split("\n")[0].split(". ")[0][:_MAX_SUMMARY]

"""Where the operations of a document stand, and what each of them is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import DanglingReference, DocumentInvalid
from .document import Document
from .faults import kind_of
from .references import resolve

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

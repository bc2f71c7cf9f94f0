"""Where the operations of a document stand, and what each of them is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DanglingReference
from .document import Document
from .faults import kind_of
from .references import resolve

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


@dataclass(frozen=True)
class Place:
    """One operation as it stands in the document, with the path item around it."""

    method: str
    path: str
    raw: Mapping[str, Any]
    item: Mapping[str, Any]

    @property
    def declared_id(self) -> str:
        """The id that the document gives it; empty where it gives none."""
        given = self.raw.get("operationId")
        return str(given) if isinstance(given, str | int) else ""

    @property
    def derived_id(self) -> str:
        """A stable id made of method and path: `GET /pets/{petId}/toys` gives `get_pets_by_petId_toys`."""
        steps = [re.sub(r"\{(.+?)\}", r"by_\1", step) for step in self.path.strip("/").split("/")]
        return re.sub(r"\W+", "_", "_".join([self.method, *steps])).strip("_")


def places_of(document: Document) -> tuple[list[Place], list[str]]:
    """Every operation in the document's order, and what could not be read of its paths, in words."""
    found: list[Place] = []
    told: list[str] = []
    paths = document.get("paths")
    for path, given in paths.items() if isinstance(paths, Mapping) else ():
        if str(path).startswith("x-"):
            continue
        item, fault = _item(document, given)
        told += [f"{path}: {fault}"] if fault else []
        for method in METHODS:
            if isinstance(item.get(method), Mapping):
                found.append(Place(method, str(path), item[method], item))
            elif item.get(method) is not None:
                told.append(f"{path}: {method} is {kind_of(item[method])}.")
    return found, told


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

"""The table of a document's operations: everything is found here, nothing is resolved before it is asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ..errors import UnknownName
from .document import Document, Fetch, as_path, load_document, overlay_beside, parse
from .model import NOTE, Operation, Schema, SecurityScheme
from .overlay import apply_overlay, check_overlay
from .references import lookup, resolve
from .search import haystack

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


class Spec:
    """A document, its operations by id, and the references inside it.

    Attributes:
        document: the document as plain data, overlay applied.
        source: where it came from, for people.
        warnings: what did not fit, in words.
    """

    def __init__(self, document: Document, source: str = "document", warnings: tuple[str, ...] = ()) -> None:
        self.document = document
        self.source = source
        self.warnings = warnings
        self._by_id = {operation.id: operation for operation in self._read_operations()}

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

    @property
    def _info(self) -> Mapping[str, Any]:
        info = self.document.get("info")
        return info if isinstance(info, Mapping) else {}

    @cached_property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of the whole API, by the extension's name without its prefix."""
        return {key[len(NOTE) :]: value for key, value in self.document.items() if str(key).startswith(NOTE)}

    @cached_property
    def servers(self) -> tuple[str, ...]:
        """The base URLs that the document names, server variables filled with their defaults."""
        found = []
        for server in self.document.get("servers") or []:
            url = str(server.get("url", ""))
            for name, variable in (server.get("variables") or {}).items():
                url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
            found.append(url)
        return tuple(found)

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """Each tag with its description: the declared ones in order, then those that only operations name."""
        declared = {str(t["name"]): str(t.get("description", "")) for t in self.document.get("tags") or []}
        used = {tag: "" for operation in self for tag in operation.tags}
        return {**declared, **{tag: text for tag, text in used.items() if tag not in declared}}

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
        return tuple((self.document.get("components") or {}).get("securitySchemes") or ())

    def scheme(self, name: str, scopes: Any = ()) -> SecurityScheme:
        """The security scheme of that name, its kind made plain."""
        raw = self.resolve((self.document.get("components") or {}).get("securitySchemes", {}).get(name, {}))
        kind = str(raw.get("type", "bearer"))
        kind = str(raw.get("scheme", "bearer")).lower() if kind == "http" else kind
        return SecurityScheme(name, kind, str(raw.get("in", "")), str(raw.get("name", "")), tuple(scopes or ()))

    def _read_operations(self) -> Iterator[Operation]:
        found = list(self._entries())
        counts = Counter(str(raw["operationId"]) for _, _, raw, _ in found if raw.get("operationId"))
        taken: set[str] = set()
        for method, path, raw, item in found:
            name = str(raw.get("operationId") or "")
            if not name or counts[name] > 1:
                name = _derived_id(method, path)
            while name in taken:
                name += "_"
            taken.add(name)
            tags = tuple(str(tag) for tag in raw.get("tags") or [])
            summary = str(raw.get("summary") or "") or _first_sentence(raw.get("description"))
            yield Operation(name, method.upper(), path, tags or ("Other",), summary, raw, item, self)

    def _entries(self) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
        for path, item in (self.document.get("paths") or {}).items():
            if not isinstance(item, Mapping):
                continue
            resolved = self.resolve(item) if "$ref" in item else item
            for method in METHODS:
                if isinstance(resolved.get(method), Mapping):
                    yield method, str(path), resolved[method], resolved


def load(source: Any = "astro-v1", overlay: Any = None, fetch: Fetch | None = None) -> Spec:
    """The `Spec` of a document, with its overlay applied.

    Args:
        source: as for `load_document`; by default the bundled Astro v1 document.
        overlay: a path or mapping; by default the overlay that lies beside the document, if any.
        fetch: what gets the bytes behind a URL.
    """
    document = load_document(source, fetch)
    name = _name(source)
    overlay = overlay if overlay is not None else overlay_beside(source)
    if overlay is None:
        return Spec(document, name)
    if not isinstance(overlay, Mapping):
        path = as_path(overlay)
        overlay = parse(path.read_bytes(), str(path)) if path else {}
    merged, warnings = apply_overlay(document, check_overlay(overlay, "the overlay"))
    return Spec(merged, name, tuple(warnings))


def _name(source: Any) -> str:
    """Where a document came from, as it was said: the path, the URL, or the name of a bundled one."""
    if isinstance(source, Mapping) or hasattr(source, "read"):
        return "document"
    return str(source) if as_path(source) or str(source).startswith("http") else "document"


def _derived_id(method: str, path: str) -> str:
    """A stable id for an operation without one: `GET /pets/{petId}/toys` gives `get_pets_by_petId_toys`."""
    steps = [re.sub(r"\{(.+?)\}", r"by_\1", step) for step in path.strip("/").split("/")]
    return re.sub(r"\W+", "_", "_".join([method, *steps])).strip("_")


def _first_sentence(text: Any) -> str:
    return str(text or "").strip().split("\n")[0].split(". ")[0][:120]

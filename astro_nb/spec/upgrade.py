"""A Swagger 2.0 document as OpenAPI 3.0, made when it is loaded.

Rule 1: what is malformed is handed on as it is: the reader of OpenAPI 3 tells it with its place.
Rule 2: what OpenAPI 3 cannot say is told, in the document's warnings or in the operation's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import DanglingReference
from .faults import FAULTS, entries, mapping, words_of
from .notes import FILES, TOLD, told_of
from .references import resolve
from .upgrade_inputs import JSON, body_of, parameter_of
from .upgrade_schemas import inline_schema, moved, schema_of

Raw = Mapping[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_GONE = (
    "swagger", "host", "basePath", "schemes", "consumes", "produces", "paths", "definitions", "parameters",
    "responses", "securityDefinitions",
)  # fmt: skip
_FLOWS = {
    "implicit": "implicit",
    "password": "password",
    "application": "clientCredentials",
    "accessCode": "authorizationCode",
}


def upgrade(document: Raw, home: str = "") -> dict[str, Any]:
    """The document as OpenAPI 3.0.

    Args:
        document: Swagger 2.0 as plain data; it is left as it is.
        home: the address that it was fetched from, empty where it has none.
    """
    told: list[str] = []
    new = {"openapi": "3.0.3", **{key: value for key, value in document.items() if key not in _GONE}}
    new["servers"] = servers_of(document, document.get("schemes"), home, told)
    old = _Old(document, home, told)
    new["paths"] = {path: old.item(path, raw) for path, raw in mapping(document.get("paths")).items()}
    new["components"] = old.components()
    if FILES in document:
        new[FILES] = {name: _anything(content) for name, content in document[FILES].items()}
    return {**new, **({TOLD: [*told_of(document), *told]} if told else {})}


def servers_of(document: Raw, schemes: Any, home: str, told: list[str]) -> list[dict[str, str]]:
    """Host, base path and schemes as servers; without a host they are meant against the document's address."""
    base = str(document.get("basePath") or "").strip().rstrip("/")
    base = f"/{base.lstrip('/')}" if base else ""  # two slashes would begin a host
    host = str(document.get("host") or "").strip().rstrip("/")
    if "://" in host:
        told.append(f"host: {host} is an address, not a host; its scheme is left out.")
        host = host.partition("://")[2]
    named = [scheme for scheme in schemes if isinstance(scheme, str)] if isinstance(schemes, list) else []
    told += [f"schemes: astro_nb does not speak {scheme}." for scheme in named if scheme not in ("http", "https")]
    spoken = [scheme for scheme in named if scheme in ("http", "https")] or [urlsplit(home).scheme or "https"]
    return [{"url": f"{scheme}://{host}{base}"} for scheme in spoken] if host else [{"url": base or "/"}]


def _anything(node: Any) -> Any:
    """What stands in another file, whatever it is: its references moved, its schemas carried over."""
    if isinstance(node, list):
        return [_anything(part) for part in node]
    if not isinstance(node, Mapping):
        return node
    return schema_of({key: _anything(value) for key, value in node.items()})


def _media_types(value: Any) -> tuple[str, ...]:
    return tuple(kind for kind in value if isinstance(kind, str)) if isinstance(value, list) else ()


class _Old:
    """The document being carried over."""

    def __init__(self, document: Raw, home: str, told: list[str]) -> None:
        self.document, self.home, self.told = document, home, told
        self.consumes, self.produces = (_media_types(document.get(key)) for key in ("consumes", "produces"))

    # --- what is shared -----------------------------------------------------------------------------------------------

    def components(self) -> dict[str, Any]:
        """All that stands by name at the top of a Swagger 2.0 document."""
        parameters = self._named("parameters")
        bodies = {name: raw for name, raw in parameters.items() if self._place(raw) == "body"}
        rest = {k: v for k, v in parameters.items() if self._place(v) not in ("body", "formData")}
        made = {
            "schemas": {name: schema_of(raw) for name, raw in self._named("definitions").items()},
            "parameters": {name: self._parameter(raw, self.told) for name, raw in rest.items()},
            "requestBodies": {name: body_of([raw], self.consumes, self.told) for name, raw in bodies.items()},
            "responses": {n: self._response(r, self.produces, self.told) for n, r in self._named("responses").items()},
            "securitySchemes": {n: self._scheme(n, raw) for n, raw in self._named("securityDefinitions").items()},
        }
        return {key: value for key, value in made.items() if value}

    def _named(self, key: str) -> Raw:
        try:
            return mapping(self.document.get(key))
        except TypeError as error:
            self.told.append(f"{key}: {error}.")
            return {}

    def _scheme(self, name: str, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        kind = raw.get("type")
        if kind == "basic":
            return {**raw, "type": "http", "scheme": "basic"}
        if kind != "oauth2":
            return raw
        gone = ("flow", "authorizationUrl", "tokenUrl", "scopes")
        flow = {key: raw[key] for key in gone[1:] if key in raw}
        named = _FLOWS.get(str(raw.get("flow")))
        if named is None:
            self.told.append(f"securityDefinitions: {name} has no flow that Swagger 2.0 knows.")
            return {key: value for key, value in raw.items() if key not in gone}
        return {
            **{key: value for key, value in raw.items() if key not in gone},
            "flows": {named: {"scopes": {}, **flow}},
        }

    # --- paths --------------------------------------------------------------------------------------------------------

    def item(self, path: str, raw: Any) -> Any:
        """A path item; one that stands in another file is brought here."""
        if str(path).startswith("x-") or not isinstance(raw, Mapping):
            return raw
        if isinstance(raw.get("$ref"), str) and not raw["$ref"].startswith("#/paths/"):
            raw = self._resolved(raw)
        new = {key: value for key, value in raw.items() if key != "parameters"}
        if "parameters" in raw:
            told: list[str] = []
            new["parameters"] = self._parameters(raw["parameters"], told)
            self.told += [f"{path}: {text}" for text in told]
        new |= {m: self._operation(raw[m], raw) for m in _METHODS if isinstance(raw.get(m), Mapping)}
        return new

    def _operation(self, raw: Raw, item: Raw) -> dict[str, Any]:
        told: list[str] = []
        new = {key: value for key, value in raw.items() if key not in ("consumes", "produces", "schemes")}
        if "parameters" in raw:
            new["parameters"] = self._parameters(raw["parameters"], told)
        new |= self._body(raw, item, told)
        if isinstance(raw.get("responses"), Mapping):
            produces = _media_types(raw["produces"]) if "produces" in raw else self.produces
            new["responses"] = {
                status: entry if str(status).startswith("x-") else self._response(entry, produces, told)
                for status, entry in raw["responses"].items()
            }
        if isinstance(raw.get("schemes"), list) and raw["schemes"] != self.document.get("schemes"):
            new["servers"] = servers_of(self.document, raw["schemes"], self.home, told)
        return {**new, **({TOLD: [*told_of(raw), *told]} if told else {})}

    # --- parameters and bodies ----------------------------------------------------------------------------------------

    def _parameters(self, raw: Any, told: list[str]) -> Any:
        if not isinstance(raw, list):
            return raw
        return [self._parameter(entry, told) for entry in raw if self._place(entry) not in ("body", "formData")]

    def _parameter(self, raw: Any, told: list[str]) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        if str(raw.get("$ref", "")).startswith("#/parameters/"):
            return {"$ref": moved(raw["$ref"])}
        resolved = self._resolved(raw)
        return parameter_of(resolved, told) if "$ref" not in resolved else resolved

    def _body(self, raw: Raw, item: Raw, told: list[str]) -> dict[str, Any]:
        """The request body that an operation's parameters and its path's mean."""
        try:
            given = [*entries(item.get("parameters")), *entries(raw.get("parameters"))]
        except TypeError:
            return {}
        kept = {self._key(entry): entry for entry in given if self._place(entry) in ("body", "formData")}
        if not kept:
            return {}
        consumes = _media_types(raw["consumes"]) if "consumes" in raw else self.consumes
        (first, *more) = kept.values()
        if not more and consumes == self.consumes and self._place(first) == "body" and _is_shared(first):
            return {"requestBody": {"$ref": f"#/components/requestBodies/{first['$ref'].rpartition('/')[2]}"}}
        try:
            return {"requestBody": body_of([self._resolved(entry) for entry in kept.values()], consumes, told)}
        except FAULTS as error:
            told.append(f"body: {words_of(error)}.")
            return {}

    def _key(self, entry: Any) -> tuple[str, str]:
        """What makes a parameter replace its path's: its name and place; there is but one body."""
        place = self._place(entry)
        return place, "" if place == "body" else str(self._resolved(entry).get("name"))

    def _place(self, entry: Any) -> str:
        return str(self._resolved(entry).get("in")) if isinstance(entry, Mapping) else ""

    def _resolved(self, entry: Raw) -> Raw:
        """What an entry refers to; the entry itself where that is nowhere, for the reader to tell."""
        if "$ref" not in entry:
            return entry
        try:
            return resolve(self.document, entry)
        except DanglingReference:
            return entry

    # --- responses ----------------------------------------------------------------------------------------------------

    def _response(self, raw: Any, produces: Sequence[str], told: list[str]) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        if str(raw.get("$ref", "")).startswith("#/responses/") and tuple(produces) == self.produces:
            return {"$ref": moved(raw["$ref"])}
        old = self._resolved(raw)
        new = {key: value for key, value in old.items() if key not in ("schema", "examples", "headers")}
        content = _content(old, produces, told)
        headers = old.get("headers")
        if isinstance(headers, Mapping):
            new["headers"] = {name: _header(header) for name, header in headers.items()}
        return {**new, **({"content": content} if content else {})}


def _is_shared(entry: Raw) -> bool:
    return str(entry.get("$ref", "")).startswith("#/parameters/")


def _content(old: Raw, produces: Sequence[str], told: list[str]) -> dict[str, Any]:
    schema, examples = old.get("schema"), old.get("examples") or {}
    is_file = isinstance(schema, Mapping) and schema.get("type") == "file"
    media: dict[str, Any] = {} if schema is None else {"schema": schema_of(schema)}
    kinds = produces or (("application/octet-stream",) if is_file else (JSON,))
    content = {kind: dict(media) for kind in kinds} if media else {}
    if not isinstance(examples, Mapping):
        told.append("responses: examples are no mapping of media types; they are left out.")
        return content
    for kind, example in examples.items():
        content.setdefault(str(kind), dict(media))["example"] = example
    return content


def _header(old: Any) -> Any:
    if not isinstance(old, Mapping):
        return old
    kept = {key: value for key, value in old.items() if key == "description" or str(key).startswith("x-")}
    kept.pop("x-nullable", None)
    return {**kept, "schema": inline_schema(old)}

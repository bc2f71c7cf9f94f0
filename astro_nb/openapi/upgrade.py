"""Schemas of Swagger 2.0 as OpenAPI 3.0 says them.

Parameters and bodies of Swagger 2.0 as OpenAPI 3.0 says them.

A Swagger 2.0 document as OpenAPI 3.0, made when it is loaded.

Rule 1: what is malformed is handed on as it is: the reader of OpenAPI 3 tells it with its place.
Rule 2: what OpenAPI 3 cannot say is told, in the document's warnings or in the operation's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import DanglingReference
from .extensions import FILES, TOLD, told_of
from .malformed import FAULTS, entries, mapping, words_of
from .references import resolve

_MOVED = (
    ("#/definitions/", "#/components/schemas/"),
    ("#/parameters/", "#/components/parameters/"),
    ("#/responses/", "#/components/responses/"),
)
_INLINE = (
    "type", "format", "items", "default", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "x-nullable",
    "properties", "required", "additionalProperties",
)  # fmt: skip
"""What stands beside `in` and `name` in Swagger 2.0 and belongs to the schema; the last row is not allowed there."""

BINARY = {"type": "string", "format": "binary"}


def moved(ref: Any) -> Any:
    """A reference by the place that its target has in OpenAPI 3."""
    new = ((old, new) for old, new in _MOVED if isinstance(ref, str) and ref.startswith(old))
    return next((there + ref[len(here) :] for here, there in new), ref)


def schema_of(old: Any) -> Any:
    """A schema carried over; what is none is left as it is, for the reader to tell."""
    if not isinstance(old, Mapping):
        return old
    new = {key: _KEYWORDS.get(key, _as_it_is)(value) for key, value in old.items() if key != "x-nullable"}
    if old.get("x-nullable") is True:
        new["nullable"] = True
    if old.get("type") == "file":
        new.update(BINARY)
    if isinstance(old.get("type"), list):
        new.update(_single(old["type"]))
    return new


def inline_schema(old: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a parameter, a header or a field of a form, whose keywords stand beside its name."""
    given = {key: old[key] for key in _INLINE if key in old and not (key == "required" and old[key] in (True, False))}
    made: dict[str, Any] = schema_of({**given, **(old["schema"] if isinstance(old.get("schema"), Mapping) else {})})
    made.pop("collectionFormat", None)
    return made


def is_array(old: Mapping[str, Any]) -> bool:
    """Whether a parameter, a header or a field of a form is a list of values."""
    return old.get("type") == "array" or (old.get("type") is None and "items" in old)


def _single(types: list[Any]) -> dict[str, Any]:
    """A list of types, which neither version knows but many write: one type beside null."""
    told = [name for name in types if name != "null"]
    return {"type": told[0], **({"nullable": True} if "null" in types else {})} if len(told) == 1 else {}


def _as_it_is(value: Any) -> Any:
    return value


def _each(value: Any) -> Any:
    return [schema_of(part) for part in value] if isinstance(value, list) else schema_of(value)


def _by_name(value: Any) -> Any:
    return {key: schema_of(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def _discriminator(value: Any) -> Any:
    return {"propertyName": value} if isinstance(value, str) else value


def _items(value: Any) -> Any:
    found = _each(value)
    return {k: v for k, v in found.items() if k != "collectionFormat"} if isinstance(found, dict) else found


_KEYWORDS: dict[str, Callable[[Any], Any]] = {
    "$ref": moved,
    "allOf": _each,
    "anyOf": _each,
    "oneOf": _each,
    "not": schema_of,
    "items": _items,
    "additionalProperties": schema_of,
    "properties": _by_name,
    "patternProperties": _by_name,
    "definitions": _by_name,
    "discriminator": _discriminator,
}
"""How each keyword that holds schemas, or is said otherwise, is carried over; examples and defaults are no schemas."""


JSON = "application/json"
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
Raw = Mapping[str, Any]

_KEPT = ("name", "in", "description", "required", "allowEmptyValue", "deprecated", "example", "examples")
_STYLES: dict[str, dict[str, tuple[str, bool]]] = {
    "query": {
        "csv": ("form", False),
        "multi": ("form", True),
        "ssv": ("spaceDelimited", False),
        "pipes": ("pipeDelimited", False),
    },
    "path": {"csv": ("simple", False)},
    "header": {"csv": ("simple", False)},
}
"""Style and explode by place and `collectionFormat`; what has no entry OpenAPI 3 cannot say."""


def parameter_of(old: Raw, told: list[str]) -> dict[str, Any]:
    """A parameter in path, query or header."""
    new = {key: value for key, value in old.items() if key in _KEPT or _is_extension(key)}
    if "x-example" in new and "example" not in new:
        new["example"] = new["x-example"]
    where = old.get("in")
    if old.get("type") == "file":
        told.append(f"parameters: a file cannot stand in the {where}; {old.get('name')} is sent as its bytes.")
    return {**new, "schema": inline_schema(old), **_style(old, str(where), told)}


def body_of(bodies: Sequence[Raw], consumes: Sequence[str], told: list[str]) -> dict[str, Any]:
    """The request body that `in: body` and `in: formData` parameters mean together."""
    whole = [old for old in bodies if old.get("in") == "body"]
    if len(whole) > 1:
        told.append("body: there is more than one `in: body`; the first is taken.")
    if whole and len(whole) < len(bodies):
        told.append("body: there are `in: body` and `in: formData`; the former is taken.")
    return _whole(whole[0], consumes) if whole else _form(bodies, consumes, told)


def _whole(old: Raw, consumes: Sequence[str]) -> dict[str, Any]:
    schema = schema_of(old["schema"]) if "schema" in old else inline_schema(old)
    examples = old.get("x-examples")
    by_type = examples if isinstance(examples, Mapping) else {}
    content: dict[str, Any] = {}
    for media in consumes or (JSON,):
        example = by_type.get(media, old.get("x-example"))
        content[media] = {"schema": schema, **({} if example is None else {"example": example})}
    about = {key: value for key, value in old.items() if key in ("description", "required") or _is_extension(key)}
    return {**about, "content": content}


def _form(fields: Sequence[Raw], consumes: Sequence[str], told: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    encoding: dict[str, Any] = {}
    for old in fields:
        name = str(old["name"])
        schema["properties"][name] = _field(old)
        style = _style({**old, "name": name}, "query", told)
        encoding |= {name: style} if style else {}
    required = [str(old["name"]) for old in fields if old.get("required") is True]
    media = {"schema": {**schema, **({"required": required} if required else {})}}
    content = {kind: {**media, **({"encoding": encoding} if encoding else {})} for kind in _kinds(fields, consumes)}
    return {"required": bool(required), "content": content}


def _field(old: Raw) -> dict[str, Any]:
    about = {key: value for key, value in old.items() if key in ("description", "example") or _is_extension(key)}
    about.pop("x-nullable", None)
    if "x-example" in old:
        about.setdefault("example", old["x-example"])
    return {**inline_schema(old), **about, **(BINARY if old.get("type") == "file" else {})}


def _kinds(fields: Sequence[Raw], consumes: Sequence[str]) -> list[str]:
    """The media types of a form; a file can only travel as one of its parts."""
    if any(old.get("type") == "file" for old in fields):
        return [MULTIPART]
    return [kind for kind in consumes if kind.partition(";")[0].strip().lower() in (FORM, MULTIPART)] or [FORM]


def _style(old: Raw, where: str, told: list[str]) -> dict[str, Any]:
    """Style and explode of a list of values."""
    _tell_nested(old, told)
    if not is_array(old):
        return {}
    wanted = str(old.get("collectionFormat") or "csv")
    styles = _STYLES.get(where, _STYLES["query"])
    if wanted not in styles:
        told.append(f"parameters: OpenAPI 3 cannot say `collectionFormat: {wanted}` of {old.get('name')}; csv is used.")
    style, explode = styles.get(wanted, styles["csv"])
    return {"style": style, "explode": explode}


def _tell_nested(old: Raw, told: list[str]) -> None:
    """A list of lists has a separator for each; OpenAPI 3 has but one."""
    items = old.get("items")
    if isinstance(items, Mapping) and is_array(items):
        told.append(f"parameters: OpenAPI 3 cannot say how the lists within {old.get('name')} are written.")


def _is_extension(key: Any) -> bool:
    return str(key).startswith("x-")


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

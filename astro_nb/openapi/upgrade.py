"""Converting a Swagger 2.0 document to OpenAPI 3.0 when it is loaded.

Rule 1: malformed parts are passed on unchanged; the reader of OpenAPI 3 reports them with their place.
Rule 2: what OpenAPI 3 cannot express becomes a warning of the document or of the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import DanglingReference
from ..messages import bare_media_type
from .extensions import FILES, WARNINGS, loader_warnings
from .malformed import READ_ERRORS, as_list, as_mapping, describe_error
from .references import resolve

_MOVED = (
    ("#/definitions/", "#/components/schemas/"),
    ("#/parameters/", "#/components/parameters/"),
    ("#/responses/", "#/components/responses/"),
)
_INLINE_KEYWORDS = (
    "type", "format", "items", "default", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "x-nullable",
    "properties", "required", "additionalProperties",
)  # fmt: skip
"""Schema keywords that are next to `in` and `name` in Swagger 2.0; those of the last row are not allowed there."""

BINARY = {"type": "string", "format": "binary"}


# --- schemas ----------------------------------------------------------------------------------------------------------


def convert_reference(ref: Any) -> Any:
    """Return a reference with the place that its target has in OpenAPI 3."""
    matches = ((old, new) for old, new in _MOVED if isinstance(ref, str) and ref.startswith(old))
    return next((new + ref[len(old) :] for old, new in matches), ref)


def convert_schema(old: Any) -> Any:
    """Return a schema as OpenAPI 3 writes it; anything else is returned unchanged."""
    if not isinstance(old, Mapping):
        return old
    new = {key: _KEYWORDS.get(key, _keep)(value) for key, value in old.items() if key != "x-nullable"}
    if old.get("x-nullable") is True:
        new["nullable"] = True
    if old.get("type") == "file":
        new.update(BINARY)
    if isinstance(old.get("type"), list):
        new.update(_convert_type_list(old["type"]))
    return new


def inline_schema(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, a header or a form field, whose keywords are next to its name."""
    keywords = {key: old[key] for key in _INLINE_KEYWORDS if key in old}
    if keywords.get("required") in (True, False):  # of the parameter, not of the schema
        del keywords["required"]
    nested = old["schema"] if isinstance(old.get("schema"), Mapping) else {}
    schema: dict[str, Any] = convert_schema({**keywords, **nested})
    schema.pop("collectionFormat", None)
    return schema


def is_array_parameter(old: Mapping[str, Any]) -> bool:
    """Whether a parameter, a header or a form field is an array."""
    return old.get("type") == "array" or (old.get("type") is None and "items" in old)


def _convert_type_list(types: list[Any]) -> dict[str, Any]:
    """Return one type and `nullable` for a list of types, which neither version allows but many documents have."""
    others = [name for name in types if name != "null"]
    return {"type": others[0], **({"nullable": True} if "null" in types else {})} if len(others) == 1 else {}


def _keep(value: Any) -> Any:
    return value


def _convert_each(value: Any) -> Any:
    return [convert_schema(part) for part in value] if isinstance(value, list) else convert_schema(value)


def _convert_values(value: Any) -> Any:
    return {key: convert_schema(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def _convert_discriminator(value: Any) -> Any:
    return {"propertyName": value} if isinstance(value, str) else value


def _convert_items(value: Any) -> Any:
    items = _convert_each(value)
    return {k: v for k, v in items.items() if k != "collectionFormat"} if isinstance(items, dict) else items


_KEYWORDS: dict[str, Callable[[Any], Any]] = {
    "$ref": convert_reference,
    "allOf": _convert_each,
    "anyOf": _convert_each,
    "oneOf": _convert_each,
    "not": convert_schema,
    "items": _convert_items,
    "additionalProperties": convert_schema,
    "properties": _convert_values,
    "patternProperties": _convert_values,
    "definitions": _convert_values,
    "discriminator": _convert_discriminator,
}
"""The converter of each keyword that holds schemas or is written differently; examples and defaults are values."""


# --- parameters and bodies --------------------------------------------------------------------------------------------

JSON = "application/json"
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
Raw = Mapping[str, Any]

_KEPT_KEYS = ("name", "in", "description", "required", "allowEmptyValue", "deprecated", "example", "examples")
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
"""Style and explode by location and `collectionFormat`; OpenAPI 3 has no equivalent for what is missing here."""


def convert_parameter(old: Raw, warnings: list[str]) -> dict[str, Any]:
    """Return a parameter in path, query or header as OpenAPI 3 writes it."""
    new = {key: value for key, value in old.items() if key in _KEPT_KEYS or _is_extension(key)}
    if "x-example" in new and "example" not in new:
        new["example"] = new["x-example"]
    location = old.get("in")
    if old.get("type") == "file":
        warnings.append(f"parameters: {old.get('name')} in {location} cannot be a file; its bytes are sent.")
    return {**new, "schema": inline_schema(old), **_convert_style(old, str(location), warnings)}


def convert_body(bodies: Sequence[Raw], consumes: Sequence[str], warnings: list[str]) -> dict[str, Any]:
    """Return the request body for the `in: body` and `in: formData` parameters of an operation."""
    whole = [old for old in bodies if old.get("in") == "body"]
    if len(whole) > 1:
        warnings.append("body: there is more than one `in: body`; the first one is used.")
    if whole and len(whole) < len(bodies):
        warnings.append("body: there are both `in: body` and `in: formData`; the former is used.")
    return _convert_whole_body(whole[0], consumes) if whole else _convert_form(bodies, consumes, warnings)


def _convert_whole_body(old: Raw, consumes: Sequence[str]) -> dict[str, Any]:
    schema = convert_schema(old["schema"]) if "schema" in old else inline_schema(old)
    examples = old.get("x-examples")
    by_type = examples if isinstance(examples, Mapping) else {}
    content: dict[str, Any] = {}
    for media in consumes or (JSON,):
        example = by_type.get(media, old.get("x-example"))
        content[media] = {"schema": schema, **({} if example is None else {"example": example})}
    about = {key: value for key, value in old.items() if key in ("description", "required") or _is_extension(key)}
    return {**about, "content": content}


def _convert_form(fields: Sequence[Raw], consumes: Sequence[str], warnings: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    encoding: dict[str, Any] = {}
    for old in fields:
        name = str(old["name"])
        schema["properties"][name] = _convert_form_field(old)
        style = _convert_style({**old, "name": name}, "query", warnings)
        encoding |= {name: style} if style else {}
    required = [str(old["name"]) for old in fields if old.get("required") is True]
    media = {"schema": {**schema, **({"required": required} if required else {})}}
    media |= {"encoding": encoding} if encoding else {}
    content = {media_type: dict(media) for media_type in _form_media_types(fields, consumes)}
    return {"required": bool(required), "content": content}


def _convert_form_field(old: Raw) -> dict[str, Any]:
    about = {key: value for key, value in old.items() if key in ("description", "example") or _is_extension(key)}
    about.pop("x-nullable", None)
    if "x-example" in old:
        about.setdefault("example", old["x-example"])
    return {**inline_schema(old), **about, **(BINARY if old.get("type") == "file" else {})}


def _form_media_types(fields: Sequence[Raw], consumes: Sequence[str]) -> list[str]:
    """Return the media types of a form; a file needs multipart."""
    if any(old.get("type") == "file" for old in fields):
        return [MULTIPART]
    return [media_type for media_type in consumes if bare_media_type(media_type) in (FORM, MULTIPART)] or [FORM]


def _convert_style(old: Raw, location: str, warnings: list[str]) -> dict[str, Any]:
    """Return style and explode of an array; empty for anything else."""
    _warn_of_nested_arrays(old, warnings)
    if not is_array_parameter(old):
        return {}
    wanted = str(old.get("collectionFormat") or "csv")
    styles = _STYLES.get(location, _STYLES["query"])
    if wanted not in styles:
        text = f"OpenAPI 3 has no equivalent of `collectionFormat: {wanted}` ({old.get('name')}); csv is used."
        warnings.append(f"parameters: {text}")
    style, explode = styles.get(wanted, styles["csv"])
    return {"style": style, "explode": explode}


def _warn_of_nested_arrays(old: Raw, warnings: list[str]) -> None:
    """Warn of an array of arrays: it has a separator for each level, where OpenAPI 3 has one."""
    items = old.get("items")
    if isinstance(items, Mapping) and is_array_parameter(items):
        warnings.append(f"parameters: OpenAPI 3 has no equivalent of the nested arrays in {old.get('name')}.")


def _is_extension(key: Any) -> bool:
    return str(key).startswith("x-")


# --- the document -----------------------------------------------------------------------------------------------------

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_REPLACED_KEYS = (
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
    """Return a Swagger 2.0 document as OpenAPI 3.0.

    Args:
        document: Swagger 2.0 as plain data; it is not modified.
        home: The URL that it was fetched from; empty if it has none.
    """
    warnings: list[str] = []
    new = {"openapi": "3.0.3", **{key: value for key, value in document.items() if key not in _REPLACED_KEYS}}
    new["servers"] = convert_servers(document, document.get("schemes"), home, warnings)
    converter = _Converter(document, home, warnings)
    new["paths"] = {path: converter.convert_item(path, raw) for path, raw in as_mapping(document.get("paths")).items()}
    new["components"] = converter.convert_components()
    if FILES in document:
        new[FILES] = {name: _convert_any(content) for name, content in document[FILES].items()}
    return {**new, **({WARNINGS: [*loader_warnings(document), *warnings]} if warnings else {})}


def convert_servers(document: Raw, schemes: Any, home: str, warnings: list[str]) -> list[dict[str, str]]:
    """Return host, base path and schemes as servers; without a host they are relative to the document's URL."""
    base = str(document.get("basePath") or "").strip().rstrip("/")
    base = f"/{base.lstrip('/')}" if base else ""  # two slashes would start a host
    host = str(document.get("host") or "").strip().rstrip("/")
    if "://" in host:
        warnings.append(f"host: {host} is a URL, not a host; its scheme is ignored.")
        host = host.partition("://")[2]
    declared = [scheme for scheme in schemes if isinstance(scheme, str)] if isinstance(schemes, list) else []
    warnings += [f"schemes: {scheme} is not supported." for scheme in declared if scheme not in ("http", "https")]
    supported = [scheme for scheme in declared if scheme in ("http", "https")] or [urlsplit(home).scheme or "https"]
    return [{"url": f"{scheme}://{host}{base}"} for scheme in supported] if host else [{"url": base or "/"}]


def _convert_any(node: Any) -> Any:
    """Return the content of another file, whatever it is, with its references and schemas converted."""
    if isinstance(node, list):
        return [_convert_any(part) for part in node]
    if not isinstance(node, Mapping):
        return node
    return convert_schema({key: _convert_any(value) for key, value in node.items()})


def _media_types(value: Any) -> tuple[str, ...]:
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


class _Converter:
    """Converts the components and paths of one document."""

    def __init__(self, document: Raw, home: str, warnings: list[str]) -> None:
        self.document, self.home, self.warnings = document, home, warnings
        self.consumes, self.produces = (_media_types(document.get(key)) for key in ("consumes", "produces"))

    # --- components ---------------------------------------------------------------------------------------------------

    def convert_components(self) -> dict[str, Any]:
        """Return the named definitions at the top level of the document as OpenAPI 3 components."""
        parameters = self._named_section("parameters")
        bodies = {name: raw for name, raw in parameters.items() if self._location(raw) == "body"}
        others = {k: v for k, v in parameters.items() if self._location(v) not in ("body", "formData")}
        responses, schemes = self._named_section("responses"), self._named_section("securityDefinitions")
        warnings = self.warnings
        components = {
            "schemas": {name: convert_schema(raw) for name, raw in self._named_section("definitions").items()},
            "parameters": {name: self._convert_parameter(raw, warnings) for name, raw in others.items()},
            "requestBodies": {name: convert_body([raw], self.consumes, warnings) for name, raw in bodies.items()},
            "responses": {n: self._convert_response(raw, self.produces, warnings) for n, raw in responses.items()},
            "securitySchemes": {name: self._convert_scheme(name, raw) for name, raw in schemes.items()},
        }
        return {key: value for key, value in components.items() if value}

    def _named_section(self, key: str) -> Raw:
        try:
            return as_mapping(self.document.get(key))
        except TypeError as error:
            self.warnings.append(f"{key}: {error}.")
            return {}

    def _convert_scheme(self, name: str, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        scheme_type = raw.get("type")
        if scheme_type == "basic":
            return {**raw, "type": "http", "scheme": "basic"}
        if scheme_type != "oauth2":
            return raw
        moved = ("authorizationUrl", "tokenUrl", "scopes")
        new = {key: value for key, value in raw.items() if key not in (*moved, "flow")}
        flow = _FLOWS.get(str(raw.get("flow")))
        if flow is None:
            self.warnings.append(f"securityDefinitions: the flow of {name} is not one of Swagger 2.0.")
            return new
        return {**new, "flows": {flow: {"scopes": {}, **{key: raw[key] for key in moved if key in raw}}}}

    # --- paths --------------------------------------------------------------------------------------------------------

    def convert_item(self, path: str, raw: Any) -> Any:
        """Return a path item; one from another file is inlined."""
        if str(path).startswith("x-") or not isinstance(raw, Mapping):
            return raw
        if isinstance(raw.get("$ref"), str) and not raw["$ref"].startswith("#/paths/"):
            raw = self._resolve(raw)
        new = {key: value for key, value in raw.items() if key != "parameters"}
        if "parameters" in raw:
            warnings: list[str] = []
            new["parameters"] = self._convert_parameters(raw["parameters"], warnings)
            self.warnings += [f"{path}: {text}" for text in warnings]
        methods = [key for key in raw if str(key).lower() in _METHODS and isinstance(raw[key], Mapping)]
        new |= {key: self._convert_operation(raw[key], raw) for key in methods}
        return new

    def _convert_operation(self, raw: Raw, item: Raw) -> dict[str, Any]:
        warnings: list[str] = []
        new = {key: value for key, value in raw.items() if key not in ("consumes", "produces", "schemes")}
        if "parameters" in raw:
            new["parameters"] = self._convert_parameters(raw["parameters"], warnings)
        new |= self._convert_body(raw, item, warnings)
        if isinstance(raw.get("responses"), Mapping):
            produces = _media_types(raw["produces"]) if "produces" in raw else self.produces
            new["responses"] = {
                status: entry if str(status).startswith("x-") else self._convert_response(entry, produces, warnings)
                for status, entry in raw["responses"].items()
            }
        if isinstance(raw.get("schemes"), list) and raw["schemes"] != self.document.get("schemes"):
            new["servers"] = convert_servers(self.document, raw["schemes"], self.home, warnings)
        return {**new, **({WARNINGS: [*loader_warnings(raw), *warnings]} if warnings else {})}

    # --- parameters and bodies ----------------------------------------------------------------------------------------

    def _convert_parameters(self, raw: Any, warnings: list[str]) -> Any:
        if not isinstance(raw, list):
            return raw
        sent_outside_body = [entry for entry in raw if self._location(entry) not in ("body", "formData")]
        return [self._convert_parameter(entry, warnings) for entry in sent_outside_body]

    def _convert_parameter(self, raw: Any, warnings: list[str]) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        if str(raw.get("$ref", "")).startswith("#/parameters/"):
            return {"$ref": convert_reference(raw["$ref"])}
        resolved = self._resolve(raw)
        return convert_parameter(resolved, warnings) if "$ref" not in resolved else resolved

    def _convert_body(self, raw: Raw, item: Raw, warnings: list[str]) -> dict[str, Any]:
        """Return the request body for the body and form parameters of an operation and its path."""
        try:
            declared = [*as_list(item.get("parameters")), *as_list(raw.get("parameters"))]
        except TypeError:
            return {}
        bodies = {self._override_key(e): e for e in declared if self._location(e) in ("body", "formData")}
        if not bodies:
            return {}
        consumes = _media_types(raw["consumes"]) if "consumes" in raw else self.consumes
        (first, *more) = bodies.values()
        if not more and consumes == self.consumes and self._location(first) == "body" and _is_component(first):
            return {"requestBody": {"$ref": f"#/components/requestBodies/{first['$ref'].rpartition('/')[2]}"}}
        try:
            return {"requestBody": convert_body(list(map(self._resolve, bodies.values())), consumes, warnings)}
        except READ_ERRORS as error:
            warnings.append(f"body: {describe_error(error)}.")
            return {}

    def _override_key(self, entry: Any) -> tuple[str, str]:
        """Return what a parameter overrides another by: location and name; there is only one body."""
        location = self._location(entry)
        return location, "" if location == "body" else str(self._resolve(entry).get("name"))

    def _location(self, entry: Any) -> str:
        return str(self._resolve(entry).get("in")) if isinstance(entry, Mapping) else ""

    def _resolve(self, entry: Raw) -> Raw:
        """Return what an entry refers to, or the entry itself if its reference points nowhere."""
        if "$ref" not in entry:
            return entry
        try:
            return resolve(self.document, entry)
        except DanglingReference:
            return entry

    # --- responses ----------------------------------------------------------------------------------------------------

    def _convert_response(self, raw: Any, produces: Sequence[str], warnings: list[str]) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        if str(raw.get("$ref", "")).startswith("#/responses/") and tuple(produces) == self.produces:
            return {"$ref": convert_reference(raw["$ref"])}
        old = self._resolve(raw)
        new = {key: value for key, value in old.items() if key not in ("schema", "examples", "headers")}
        content = _convert_content(old, produces, warnings)
        headers = old.get("headers")
        if isinstance(headers, Mapping):
            new["headers"] = {name: _convert_header(header) for name, header in headers.items()}
        return {**new, **({"content": content} if content else {})}


def _is_component(entry: Raw) -> bool:
    return str(entry.get("$ref", "")).startswith("#/parameters/")


def _convert_content(old: Raw, produces: Sequence[str], warnings: list[str]) -> dict[str, Any]:
    schema, examples = old.get("schema"), old.get("examples") or {}
    is_file = isinstance(schema, Mapping) and schema.get("type") == "file"
    media: dict[str, Any] = {} if schema is None else {"schema": convert_schema(schema)}
    media_types = produces or (("application/octet-stream",) if is_file else (JSON,))
    content = {media_type: dict(media) for media_type in media_types} if media else {}
    if not isinstance(examples, Mapping):
        warnings.append("responses: examples are not a mapping of media types; they are ignored.")
        return content
    for media_type, example in examples.items():
        content.setdefault(str(media_type), dict(media))["example"] = example
    return content


def _convert_header(old: Any) -> Any:
    if not isinstance(old, Mapping):
        return old
    new = {key: value for key, value in old.items() if key == "description" or _is_extension(key)}
    new.pop("x-nullable", None)
    return {**new, "schema": inline_schema(old)}

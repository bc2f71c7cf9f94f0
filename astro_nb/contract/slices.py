"""One operation cut out of its document, with all that it refers to, as openapi-core can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import DanglingReference
from ..messages import bare_media_type
from ..openapi import Operation, Parameter, Spec
from ..schema import is_endless
from ..schema.json_schema import (
    LISTS,
    MAPS,
    OTHER_FLAGS,
    SCHEMAS,
    Direction,
    flagged_names,
    is_empty,
    keyword_problem,
)

MULTIPART_AS_JSON = "application/vnd.astro-nb.parts+json"
"""The media type under which the values of a multipart body are judged: openapi-core cannot read its parts."""

Told = dict[str, None]
"""What had to be left out, in words, each once."""


_ELSEWHERE = ("parameters", "requestBody", "servers", "callbacks")
"""Parts of an operation that are read, or are not needed, before it is cut out."""

_PLACES = ("path", "query", "header", "cookie")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def cut(operation: Operation, direction: Direction) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A document of this operation alone, for one direction of travel; and what of it cannot be judged, in words."""
    document, told = operation.spec.document, Told()
    raw = {key: value for key, value in operation.raw.items() if key not in _ELSEWHERE}
    own = {"parameters": _parameters(operation), **_request_body(operation), "security": _security(operation, told)}
    found: dict[str, Any] = {
        "openapi": document["openapi"],
        "info": {"title": operation.id, "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {operation.path: {method_of(operation): {**raw, **own}}},
        "components": {"securitySchemes": _schemes(operation)},
    }
    moved = _carry(operation, found["paths"], found["components"], told)
    old = str(document["openapi"]).startswith("3.0")
    return _readable(found, _Cutting(operation.spec, OTHER_FLAGS[direction], told, moved, old)), tuple(told)


_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "apiKey": {"type": "apiKey"},
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth2": {"type": "oauth2"},
    "openIdConnect": {"type": "openIdConnect"},
}
"""What openapi-core can judge, as the document says it."""


def _security(operation: Operation, told: Told) -> list[dict[str, Any]]:
    """The requirements; none where openapi-core cannot judge them: other HTTP schemes, two in the one header."""
    known = operation.spec.scheme_names
    needs = [need for need in operation.security if all(scheme.name in known for scheme in need)]
    for need in needs:
        in_header = [scheme for scheme in need if scheme.kind != "apiKey"]
        if len(in_header) > 1 or any(scheme.kind not in _SCHEMES for scheme in need):
            told[f"The security scheme {' with '.join(scheme.name for scheme in need)} cannot be judged."] = None
            return []
    return [{scheme.name: list(scheme.scopes) for scheme in need} for need in needs]


def _schemes(operation: Operation) -> dict[str, Any]:
    """The schemes as they were read, wherever they stand."""
    found = {scheme.name: scheme for need in operation.security for scheme in need if scheme.kind in _SCHEMES}
    places = {name: {"in": s.location, "name": s.parameter} for name, s in found.items() if s.kind == "apiKey"}
    return {name: {**_SCHEMES[s.kind], **places.get(name, {})} for name, s in found.items()}


def method_of(operation: Operation) -> str:
    """The method by which an operation stands in its cut: openapi-core knows those of OpenAPI 3.1 alone."""
    method = operation.method.lower()
    return method if method in _METHODS else "post"


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    """The parameters as they count: those of the path and its own, without what has no place or cannot be read."""
    known = (p for p in operation.parameters if p.location in _PLACES and not is_unread(operation, p))
    return [_parameter(operation.spec, p) for p in known]


def is_unread(operation: Operation, parameter: Parameter) -> bool:
    """Whether openapi-core cannot read a parameter of this style (3.1.1, section 4.8.12.2): it would miss it."""
    if parameter.media_type is not None:
        return False
    if parameter.style == "form" and parameter.explode:
        return parameter.location == "query" and _takes(operation.spec, parameter.schema, "object")
    return parameter.style in ("label", "matrix", "spaceDelimited")


def _takes(spec: Spec, schema: Any, kind: str) -> bool:
    try:
        return bool(spec.resolve(schema).get("type") == kind)
    except DanglingReference:
        return False


def _parameter(spec: Spec, parameter: Parameter) -> dict[str, Any]:
    raw = {"name": parameter.name, "in": parameter.location, "required": parameter.required}
    if parameter.media_type is not None:
        return {**raw, "content": {parameter.media_type: {"schema": parameter.schema}}}
    styled = {"style": parameter.style, "explode": parameter.explode, "allowReserved": parameter.allow_reserved}
    return {**raw, **styled, "schema": _plain(spec, parameter.schema)}


def _plain(spec: Spec, schema: Any) -> Any:
    """A parameter's schema as openapi-core can read it.

    It casts by one `type`, and takes several as alternatives; `readOnly` says nothing of a parameter (4.8.24.1).
    """
    try:
        whole = spec.resolve(schema) if isinstance(schema, Mapping) else {}
    except DanglingReference:
        return schema
    kinds, direction = whole.get("type"), {"readOnly", "writeOnly"} & whole.keys()
    if not (direction or isinstance(kinds, list)):
        return schema
    dropped = {*direction, "type"} if isinstance(kinds, list) else direction
    rest = {key: value for key, value in whole.items() if key not in dropped}
    return {"anyOf": [{**rest, "type": kind} for kind in kinds]} if isinstance(kinds, list) else rest


def _request_body(operation: Operation) -> dict[str, Any]:
    """The body with a schema for each type that can be judged; the parts of a multipart body are judged as JSON."""
    body = operation.body
    if body is None:
        return {}
    content: dict[str, Any] = {}
    for media, entry in body.content.items():
        kind, schema = bare_media_type(media), body.schema(media)
        content[media] = entry
        if kind.startswith("multipart/"):
            content[MULTIPART_AS_JSON] = {"schema": schema}
        elif is_beyond(operation, kind):
            content[media] = {}
    return {"requestBody": {"required": body.required, "content": content}}


def is_beyond(operation: Operation, kind: str) -> bool:
    """Whether a body of this type cannot be judged against its schema: XML has no one reading as JSON."""
    if operation.body is None or not kind.endswith(("/xml", "+xml")):
        return False
    try:
        return operation.spec.resolve(operation.body.schema(kind)).get("type") != "string"
    except DanglingReference:
        return True


def _carry(operation: Operation, start: Any, components: dict[str, Any], told: Told) -> Mapping[str, str]:
    """Copy everything that `start` refers to among the components; where what stood elsewhere is now, by reference."""
    waiting, moved = list(_references(start)), dict[str, str]()
    while waiting:
        ref, is_schema = waiting.pop()
        if ref in moved or not ref.startswith("#/"):
            continue
        target = _target(operation, ref, told)
        steps = [s.replace("~1", "/").replace("~0", "~") for s in ref[2:].split("/")]
        is_component = len(steps) == 3 and steps[0] == "components" and "%" not in ref
        apart = "schemas" if is_schema else "x-moved"
        shelf, name = (steps[1], steps[2]) if is_component else (apart, f"moved-{len(moved)}")
        components.setdefault(shelf, {}).setdefault(name, target)
        moved[ref] = ref if is_component else f"#/components/{shelf}/{name}"
        waiting.extend(_references(target, is_schema or shelf == "schemas"))
    return moved


def _target(operation: Operation, ref: str, told: Told) -> Mapping[str, Any]:
    """What a reference leads to; where it leads nowhere, what allows anything."""
    try:
        return operation.spec.lookup(ref)
    except DanglingReference as error:
        told[error.what] = None
        return {}


def _references(node: Any, is_schema: bool = False) -> Iterator[tuple[str, bool]]:
    """Every reference, and whether a schema stands where it leads: anything else may lie in a file, too."""
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"], is_schema
        for key, value in node.items():
            yield from _references(value, is_schema or key in ("schema", "schemas"))
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, is_schema)


@dataclass(frozen=True)
class _Cutting:
    """What has to be known where the parts are copied: what was left out, and where references lead now."""

    spec: Spec
    other: tuple[str, ...]  # the flag of what travels in the other direction alone
    told: Told
    moved: Mapping[str, str]
    old: bool  # OpenAPI 3.0, whose exclusive bounds are true or false


def _readable(node: Any, cutting: _Cutting, name: Any = "") -> Any:
    """A copy whose schemas hold nothing that openapi-core would trip over."""
    if isinstance(node, list):
        return [_readable(value, cutting) for value in node]
    if not isinstance(node, Mapping):
        return node
    if name == "schema":
        return _schema(node, cutting)
    if name == "schemas":
        return {key: _schema(value, cutting) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        return {**node, "$ref": cutting.moved.get(node["$ref"], node["$ref"])}
    return {key: _readable(value, cutting, key) for key, value in node.items()}


def _schema(node: Any, cutting: _Cutting) -> Any:
    if not isinstance(node, Mapping):
        return node
    out = {key: _keyword(key, value, cutting) for key, value in node.items() if _is_kept(key, value, cutting)}
    if "required" in out and not cutting.old:
        foreign = flagged_names(cutting.spec, node, cutting.other)  # since 3.1 openapi-core asks for them all the same
        out["required"] = [name for name in dict.fromkeys(node["required"]) if name not in foreign]
    return out


def _keyword(key: str, value: Any, cutting: _Cutting) -> Any:
    if key == "$ref":
        return cutting.moved.get(value, value)
    if key in SCHEMAS:
        return _schema(value, cutting)
    if key in LISTS:
        return [_schema(part, cutting) for part in value]
    if key in MAPS:
        kept = (name for name in value if key != "patternProperties" or _is_kept("pattern", name, cutting))
        return {name: _schema(value[name], cutting) for name in kept}
    return value


def _is_kept(key: str, value: Any, cutting: _Cutting) -> bool:
    if cutting.old and isinstance(value, bool) and key.startswith("exclusive"):
        return True
    if key == "format" and value == "binary":
        return False  # whatever it holds, it is read as a text
    wrong = _led_out(value) if key == "$ref" else keyword_problem(key, value, _compiles)
    if wrong and not is_empty(key, value):
        cutting.told[wrong] = None
    return not wrong


def _led_out(ref: Any) -> str:
    inside = isinstance(ref, str) and (ref == "#" or ref.startswith("#/"))
    return "" if inside else f"The reference {ref} leads out of the document."


@lru_cache(maxsize=1024)
def _compiles(pattern: str) -> bool:
    if is_endless(pattern):  # the fast check has an engine with a limit
        return False
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True

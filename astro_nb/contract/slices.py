"""One operation sliced out of its document, with everything that it refers to, as openapi-core can read it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ..errors import DanglingReference
from ..messages import bare_media_type, has_data
from ..openapi import Operation, Parameter, Spec
from ..openapi.parameters import path_template_names
from ..schema import is_endless
from ..schema.discriminators import read_discriminator, reference_of, union_key
from ..schema.validation import LISTS, MAPS, OTHER_FLAGS, SCHEMAS, Direction, flagged_names, is_empty, keyword_problem
from .parameters import spread_keys

SLICE_PATH = "/-operation-"
"""The path of the operation in its slice: whether a URL matches the document's path is checked by itself."""

FORM = "application/x-www-form-urlencoded"


def form_as_json(content: Iterable[str], declared: str) -> str:
    """Return the media type under which the values of a declared form are checked.

    openapi-core cannot read the parts of a multipart body, nor all styles of a form.
    """
    return f"application/vnd.astro-nb.form{list(content).index(declared)}+json"


Warnings = dict[str, None]
"""What had to be left out, each once."""

_ELSEWHERE = ("parameters", "requestBody", "servers", "callbacks")
"""Members of an operation that are replaced, or not needed, in its slice."""

_PLACES = ("path", "query", "header", "cookie")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def slice_document(operation: Operation, direction: Direction) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a document of this operation alone, for requests or responses, and what of it cannot be checked."""
    document, warnings = operation.spec.document, Warnings()
    raw = {key: value for key, value in operation.raw.items() if key not in _ELSEWHERE}
    own = {"parameters": _parameters(operation), **_request_body(operation), "security": _security(operation, warnings)}
    sliced: dict[str, Any] = {
        "openapi": document["openapi"],
        "info": {"title": operation.id, "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {SLICE_PATH: {method_of(operation): {**raw, **own}}},
        "components": {"securitySchemes": _schemes(operation)},
    }
    moved = _copy_targets(operation, sliced["paths"], sliced["components"], warnings)
    is_3_0 = str(document["openapi"]).startswith("3.0")
    return _readable(sliced, _Slicing(operation.spec, OTHER_FLAGS[direction], warnings, moved, is_3_0)), tuple(warnings)


_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "apiKey": {"type": "apiKey"},
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth2": {"type": "oauth2"},
    "openIdConnect": {"type": "openIdConnect"},
}
"""The security schemes that openapi-core can check, as it reads them."""


def _security(operation: Operation, warnings: Warnings) -> list[dict[str, Any]]:
    """Return the requirements; none if openapi-core cannot check them: other HTTP schemes, or two in one header."""
    known = operation.spec.scheme_names
    needs = [need for need in operation.security if all(scheme.name in known for scheme in need)]
    for need in needs:
        in_header = [scheme for scheme in need if scheme.kind != "apiKey"]
        if len(in_header) > 1 or any(scheme.kind not in _SCHEMES for scheme in need):
            warnings[f"The security scheme {' with '.join(scheme.name for scheme in need)} cannot be checked."] = None
            return []
    return [{scheme.name: list(scheme.scopes) for scheme in need} for need in needs]


def _schemes(operation: Operation) -> dict[str, Any]:
    """Return the schemes of the operation, as they were read."""
    found = {scheme.name: scheme for need in operation.security for scheme in need if scheme.kind in _SCHEMES}
    places = {name: {"in": s.location, "name": s.parameter} for name, s in found.items() if s.kind == "apiKey"}
    return {name: {**_SCHEMES[s.kind], **places.get(name, {})} for name, s in found.items()}


def method_of(operation: Operation) -> str:
    """Return the method of an operation in its slice: openapi-core only knows those of OpenAPI 3.1."""
    method = operation.method.lower()
    return method if method in _METHODS else "post"


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    """Return the parameters of the path and of the operation, without those that openapi-core cannot read."""
    known = (p for p in operation.parameters if p.location in _PLACES and not is_unreadable(operation, p))
    in_path = path_template_names(operation.path)  # others are in the query that the key of `paths` has
    spread = spread_keys(operation)
    return [
        _parameter(operation.spec, replace(p, media_type="application/json") if p.key in spread else p)
        for p in known
        if p.location != "path" or p.name in in_path
    ]


def is_unreadable(operation: Operation, parameter: Parameter) -> bool:
    """Whether openapi-core cannot read a parameter of this style (OpenAPI 3.1.1, section 4.8.12.2)."""
    if parameter.media_type is not None:
        return False
    is_list = parameter.style == "spaceDelimited" and parameter.key not in spread_keys(operation)
    return parameter.style in ("label", "matrix") or is_list


def _parameter(spec: Spec, parameter: Parameter) -> dict[str, Any]:
    raw = {"name": parameter.name, "in": parameter.location, "required": parameter.required}
    if parameter.media_type is not None:
        return {**raw, "content": {parameter.media_type: {"schema": _plain(spec, parameter.schema)}}}
    styled = {"style": parameter.style, "explode": parameter.explode, "allowReserved": parameter.allow_reserved}
    return {**raw, **styled, "schema": _plain(spec, parameter.schema)}


def _plain(spec: Spec, schema: Any) -> Any:
    """Return a parameter's schema as openapi-core can read it.

    It casts by one `type`, so several become alternatives; `readOnly` has no meaning for a parameter (OpenAPI 3.1.1,
    section 4.8.24.1). It checks a default in place of a parameter that is absent.
    """
    whole = spec.resolve_or_empty(schema)
    kinds, direction = whole.get("type"), {"readOnly", "writeOnly", "default"} & whole.keys()
    if not (direction or isinstance(kinds, list)):
        return schema
    dropped = {*direction, "type"} if isinstance(kinds, list) else direction
    rest = {key: value for key, value in whole.items() if key not in dropped}
    return {"anyOf": [{**rest, "type": kind} for kind in kinds]} if isinstance(kinds, list) else rest


def _request_body(operation: Operation) -> dict[str, Any]:
    """Return the body with a schema for each type that can be checked; a multipart body is checked as JSON."""
    body = operation.body
    if body is None:
        return {}
    content: dict[str, Any] = {}
    for media, entry in body.content.items():
        kind, schema = bare_media_type(media), body.schema(media)
        content[media] = entry
        if kind == FORM or kind.startswith("multipart/"):
            content[form_as_json(body.content, media)] = {"schema": schema}
    return {"requestBody": {"required": body.required, "content": content}}


def find_unchecked(spec: Spec, media: str, schema: Any) -> str:
    """Return why content of this media type is not checked against its schema; empty if it is.

    A form, JSON, YAML and CBOR have objects, lists and numbers. Of any other media type, there is only a text.
    """
    kind, declared = bare_media_type(media), spec.resolve_or_empty(schema)
    has_fields = kind == FORM or kind.startswith("multipart/") or "*" in kind or has_data(kind)
    if has_fields or not declared or _allows_text(spec, declared):
        return ""
    reason = "XML has no standard mapping to JSON" if kind.endswith(("/xml", "+xml")) else "it is text or bytes"
    return f"A body of type {kind} is not checked against its schema: {reason}."


def _allows_text(spec: Spec, schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    return "string" in (kinds if isinstance(kinds, list) else [kinds])


def _copy_targets(
    operation: Operation, start: Any, components: dict[str, Any], warnings: Warnings
) -> Mapping[str, str]:
    """Copy everything that `start` refers to into the components.

    Returns:
        The new reference of each target, by the old reference.
    """
    pending, moved = list(_references(start)), dict[str, str]()
    while pending:
        ref, is_schema = pending.pop()
        if ref in moved or not ref.startswith("#/"):
            continue
        target = _target(operation, ref, warnings)
        steps = [s.replace("~1", "/").replace("~0", "~") for s in ref[2:].split("/")]
        is_component = len(steps) == 3 and steps[0] == "components" and "%" not in ref
        other = "schemas" if is_schema else "x-moved"
        section, name = (steps[1], steps[2]) if is_component else (other, f"moved-{len(moved)}")
        components.setdefault(section, {}).setdefault(name, target)
        moved[ref] = ref if is_component else f"#/components/{section}/{name}"
        pending.extend(_references(target, is_schema or section == "schemas"))
    return moved


def _target(operation: Operation, ref: str, warnings: Warnings) -> Mapping[str, Any]:
    """Return the target of a reference; an empty schema, which allows anything, if it points nowhere."""
    try:
        return operation.spec.lookup(ref)
    except DanglingReference as error:
        warnings[error.what] = None
        return {}


def _references(node: Any, is_schema: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield every reference and whether its target is a schema."""
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"], is_schema
        for key, value in node.items():
            yield from _references(value, is_schema or key in ("schema", "schemas"))
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, is_schema)


@dataclass(frozen=True)
class _Slicing:
    """The state of one slice.

    Attributes:
        spec: the document.
        other: the flags of properties that the other direction carries.
        warnings: what was left out.
        moved: the new references by the old ones.
        is_3_0: whether the document is OpenAPI 3.0, whose exclusive bounds are booleans.
    """

    spec: Spec
    other: tuple[str, ...]
    warnings: Warnings
    moved: Mapping[str, str]
    is_3_0: bool


def _readable(node: Any, slicing: _Slicing, name: Any = "") -> Any:
    """Return a copy whose schemas have nothing that openapi-core cannot handle."""
    if isinstance(node, list):
        return [_readable(value, slicing) for value in node]
    if not isinstance(node, Mapping):
        return node
    if name == "schema":
        return _schema(node, slicing)
    if name == "schemas":
        return {key: _schema(value, slicing) for key, value in node.items()}
    if name == "content":
        return {str(key).lower(): _media(str(key), value, slicing) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        return {**node, "$ref": slicing.moved.get(node["$ref"], node["$ref"])}
    return {key: _readable(value, slicing, key) for key, value in node.items()}


def _media(name: str, node: Any, slicing: _Slicing) -> Any:
    """Return a Media Type Object; without its schema if nothing can be checked against that."""
    plain = slicing.spec.resolve_or_empty(node)
    return {} if find_unchecked(slicing.spec, name, plain.get("schema")) else _readable(node, slicing)


def _schema(node: Any, slicing: _Slicing) -> Any:
    if not isinstance(node, Mapping):
        return node
    out = {key: _keyword(key, value, slicing) for key, value in node.items() if _is_usable(key, value, slicing)}
    if "required" in out:
        other = flagged_names(slicing.spec, node, slicing.other)  # openapi-core requires some of them
        out["required"] = [name for name in dict.fromkeys(node["required"]) if name not in other]
    return _with_explicit_discriminator(out, node, slicing)


def _with_explicit_discriminator(out: dict[str, Any], node: Any, slicing: _Slicing) -> dict[str, Any]:
    """Return a schema whose discriminator maps each value to its branch: openapi-core knows no other way.

    Where that cannot be written, each branch requires its values; a discriminator on a parent chooses nothing there.
    """
    about = read_discriminator(slicing.spec, node)
    rest = {key: value for key, value in out.items() if key != "discriminator"}
    key = union_key(out)
    if about is None or len(about.branches) > len(out[key]) or not all(branch.values for branch in about.branches):
        return rest
    chosen = [(value, [reference_of(b.schema) for b in branches]) for value, branches in about.by_value()]
    if all(isinstance(value, str) and len(refs) == 1 and refs[0] for value, refs in chosen):
        mapping = {value: slicing.moved.get(ref, ref) for value, (ref,) in chosen}
        return {**rest, "discriminator": {"propertyName": about.name, "mapping": mapping}}
    tags = [{"required": [about.name], "properties": {about.name: {"enum": list(b.values)}}} for b in about.branches]
    return {**rest, key: [{"allOf": [branch, tag]} for branch, tag in zip(out[key], tags, strict=True)]}


def _keyword(key: str, value: Any, slicing: _Slicing) -> Any:
    if key == "$ref":
        return slicing.moved.get(value, value)
    if key in SCHEMAS:
        return _schema(value, slicing)
    if key in LISTS:
        return [_schema(part, slicing) for part in value]
    if key in MAPS:
        usable = (name for name in value if key != "patternProperties" or _is_usable("pattern", name, slicing))
        return {name: _schema(value[name], slicing) for name in usable}
    return value


def _is_usable(key: str, value: Any, slicing: _Slicing) -> bool:
    if slicing.is_3_0 and isinstance(value, bool) and key.startswith("exclusive"):
        return True
    if key == "format" and value == "binary":
        return False  # files are read as text
    problem = _external_reference(value) if key == "$ref" else keyword_problem(key, value, _compiles)
    if problem and not is_empty(key, value):
        slicing.warnings[problem] = None
    return not problem


def _external_reference(ref: Any) -> str:
    is_internal = isinstance(ref, str) and (ref == "#" or ref.startswith("#/"))
    return "" if is_internal else f"The reference {ref} points outside the document."


@lru_cache(maxsize=1024)
def _compiles(pattern: str) -> bool:
    if is_endless(pattern):  # the fast check has a limit, Python has none
        return False
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of a set that may mean another one some day
            re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True

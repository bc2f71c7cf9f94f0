"""The parameters of an operation: its own and its path's, and those that its path has without a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .malformed import entries, mapping
from .media import Schema, schema_in
from .upgrade import inline_schema

Location = Literal["path", "query", "header", "cookie", "querystring"]
Raw = Mapping[str, Any]

_STYLE = {"path": "simple", "query": "form", "header": "simple", "cookie": "form", "querystring": "form"}
_OURS = {"accept", "content-type", "authorization"}
"""Header parameters that are to be ignored: a request says these by itself (OpenAPI 3.1.1, section 4.8.12.1)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_IN_TEMPLATE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Parameter:
    """One parameter, with the defaults of the OpenAPI specification (3.1.1, section 4.8.12) filled in.

    One whose place is `querystring` is the whole query, written as its media type says (OpenAPI 3.2).
    """

    key: str
    name: str
    location: Location
    required: bool
    schema: Schema
    description: str = ""
    example: Any = None
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    media_type: str | None = None
    deprecated: bool = False


def is_token(text: str) -> bool:
    """Whether a header, or a method, can have that name (RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def read_parameters(
    path: str, item: Any, own: Any, resolve: Callable[[Any], Raw]
) -> tuple[tuple[Parameter, ...], list[str]]:
    """The parameters in the document's order, and what is odd about them, in words.

    Args:
        path: the template of the path.
        item: what stands under `parameters` of the path item; an operation's own one of the same name goes before it.
        own: what stands under `parameters` of the operation.
        resolve: what follows references.
    """
    told: list[str] = []
    found: dict[tuple[str, str], Raw] = {}
    for given in (item, own):
        read = [resolve(mapping(entry)) for entry in entries(given)]
        told += _twice(read)
        found |= {(str(raw.get("in")), str(raw.get("name"))): raw for raw in read}
    found = _fitted(path, found, told)
    kept = {at: raw for at, raw in found.items() if _is_wanted(*at)}
    names = [name for _, name in kept]
    return tuple(
        _parameter(raw, name if names.count(name) == 1 else f"{where}.{name}") for (where, name), raw in kept.items()
    ), told


def variables_in(path: str) -> list[str]:
    """The names between braces in the template of a path."""
    return list(dict.fromkeys(_IN_TEMPLATE.findall(path)))


def schema_fault(parameter: Raw) -> str:
    """What is odd about where the schema of a parameter stands; empty when nothing is."""
    content = parameter.get("content")
    if not content and "schema" not in parameter:
        old = "has its type beside its name, as in Swagger 2.0; it is taken for its schema"
        return old if "type" in parameter else "states no schema, so that any value is taken"
    if parameter.get("in") == "querystring" and (not isinstance(content, Mapping) or len(content) != 1):
        return "needs `content` with one media type"
    return "has both a schema and content" if content and "schema" in parameter else ""


def _twice(read: Sequence[Raw]) -> list[str]:
    seen, told = set(), []
    for raw in read:
        at = str(raw.get("in")), str(raw.get("name"))
        if at in seen and "name" in raw:
            told.append(f"{at[1]} in {at[0]} is declared twice; the last counts.")
        seen.add(at)
    return told


def _fitted(path: str, found: dict[tuple[str, str], Raw], told: list[str]) -> dict[tuple[str, str], Raw]:
    """Those that have a place, in the path those alone that its template has, and all that it has."""
    wanted = variables_in(path)
    fitting: dict[tuple[str, str], Raw] = {}
    for (where, name), raw in found.items():
        if "in" not in raw and name in wanted and ("path", name) not in found:
            told.append(f"{name} is said to be nowhere; it is taken for the one in the path.")
            fitting["path", name] = {**raw, "in": "path"}
            continue
        if where == "path" and name not in wanted and "name" in raw:
            told.append(f"{name} is said to be in the path, which has no {{{name}}}; it is left out.")
            continue
        if where not in _STYLE:
            place = f"in {where!r}" if "in" in raw else "nowhere"
            told.append(f"{name} is {place}, where no parameter of OpenAPI 3 stands; it is left out.")
        if where == "header" and "name" in raw and not is_token(name):
            told.append(f"{name[:60]!r} is no name of a header; it is left out.")
            continue
        fault = schema_fault(raw) if where in _STYLE else ""
        told += [f"{name} {fault}."] if fault else []
        fitting[where, name] = raw
    for name in wanted:
        if ("path", name) not in fitting:
            told.append(f"the path has {{{name}}}, which is not declared; it is taken for a text.")
            fitting["path", name] = {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
    places = [where for where, _ in fitting]
    if places.count("querystring") > 1 or ("querystring" in places and "query" in places):
        told.append("a parameter in `querystring` is the whole query; there are others.")
    return fitting


def _is_wanted(where: str, name: str) -> bool:
    return where in _STYLE and not (where == "header" and name.lower() in _OURS)


def _parameter(raw: Raw, key: str) -> Parameter:
    location: Location = raw["in"]
    style = str(raw.get("style") or _STYLE[location])
    content = mapping(raw.get("content"))
    media = next(iter(content), None)
    return Parameter(
        key=key,
        name=str(raw["name"]),
        location=location,
        required=bool(raw.get("required")) or location == "path",
        schema=_beside(raw) if media is None else schema_in(mapping(content[media])),
        description=text if isinstance(text := raw.get("description"), str) else "",
        example=_example(raw),
        style=style,
        explode=bool(raw.get("explode", style in ("form", "cookie"))),
        allow_reserved=bool(raw.get("allowReserved")),
        media_type=None if media is None else str(media),
        deprecated=bool(raw.get("deprecated")),
    )


def _beside(raw: Raw) -> Schema:
    """The schema of a parameter, also where its keywords stand beside its name, as in Swagger 2.0."""
    is_old = "schema" not in raw and isinstance(raw.get("type"), str)
    return inline_schema(raw) if is_old else schema_in(raw)


def _example(raw: Raw) -> Any:
    if "example" in raw:
        return raw["example"]
    first = next(iter(mapping(raw.get("examples")).values()), None)
    return first.get("value", first.get("dataValue")) if isinstance(first, Mapping) else None

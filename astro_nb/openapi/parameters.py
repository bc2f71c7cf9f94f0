"""Parameters, request bodies and responses as a document declares them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_plus

from ..errors import DanglingReference
from ..messages import closest_media_type, is_json
from .malformed import as_list, as_mapping, json_type_name
from .upgrade import inline_schema

Schema = Mapping[str, Any]
Content = Mapping[str, Mapping[str, Any]]
ParameterLocation = Literal["path", "query", "header", "cookie", "querystring"]
Raw = Mapping[str, Any]

_DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form", "querystring": "form"}
_IGNORED_HEADERS = {"accept", "content-type", "authorization"}
"""Header parameters that have no effect: other parts of the operation set them (OpenAPI 3.1.1, section 4.8.12.1)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEMPLATE_EXPRESSION = re.compile(r"\{([^{}]+)\}")
_MAX_NAME_SHOWN = 60  # characters
_TEXT = {"type": "string"}


# --- parameters -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """One parameter, with the defaults of the OpenAPI specification (3.1.1, section 4.8.12) filled in.

    A parameter whose location is `querystring` is the whole query, serialized by its media type (OpenAPI 3.2).
    """

    key: str
    name: str
    location: ParameterLocation
    required: bool
    schema: Schema
    description: str = ""
    examples: Mapping[str, Any] = field(default_factory=dict, hash=False)
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    media_type: str | None = None
    deprecated: bool = False


def is_token(text: str) -> bool:
    """Whether a text can be the name of a header or a method (RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


class PathQuery(NamedTuple):
    """The query that a key of `paths` has.

    Attributes:
        templates: The name that a parameter is sent under, by the parameter's name: `id={userId}`.
        fixed: All other pairs: the name, and the pair as the document writes it.
    """

    templates: Mapping[str, str]
    fixed: tuple[tuple[str, str], ...]


def read_path_query(query: str) -> PathQuery:
    """Return the query of a key of `paths` as read."""
    templates: dict[str, str] = {}
    fixed = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        match = _TEMPLATE_EXPRESSION.fullmatch(value)
        if match and match[1] not in templates:
            templates[match[1]] = unquote_plus(name)
        else:
            fixed.append((unquote_plus(name), pair))
    return PathQuery(templates, tuple(fixed))


def read_parameters(
    path: str, item: Any, own: Any, resolve: Callable[[Any], Raw], query: str = ""
) -> tuple[tuple[Parameter, ...], list[str]]:
    """Return the parameters of an operation in document order, and warnings about them.

    Args:
        path: The path template.
        item: The `parameters` of the path item; one of the operation with the same name and location overrides it.
        own: The `parameters` of the operation.
        resolve: Follows references.
        query: The query that the key of `paths` has.
    """
    warnings: list[str] = []
    declared: dict[tuple[str, str], Raw] = {}
    for entries in (item, own):
        read = [resolve(as_mapping(entry)) for entry in as_list(entries)]
        warnings += _find_duplicates(read)
        declared |= {(str(raw.get("in")), str(raw.get("name"))): raw for raw in read}
    path_query = read_path_query(query)
    if query:
        declared = _match_to_query(path, path_query, declared)
    names_in_path = path_template_names("/".join([path, *(pair for _, pair in path_query.fixed)]))
    matched = _match_to_path(names_in_path, declared, warnings)
    used = {key: raw for key, raw in matched.items() if _is_used(*key)}
    names = [name for _, name in used]
    parameters = tuple(
        _read_parameter(raw, name if names.count(name) == 1 else f"{location}.{name}", resolve)
        for (location, name), raw in used.items()
    )
    return parameters, warnings


def path_template_names(path: str) -> list[str]:
    """Return the names in braces in a path template, each once."""
    return list(dict.fromkeys(_TEMPLATE_EXPRESSION.findall(path)))


def find_schema_fault(parameter: Raw) -> str:
    """Return what is wrong with how a parameter declares its schema; empty if nothing is."""
    content = parameter.get("content")
    if not content and "schema" not in parameter:
        old = "declares its type next to its name, as in Swagger 2.0; that is used as its schema"
        return old if "type" in parameter else "declares no schema, so that any value is accepted"
    if parameter.get("in") == "querystring" and (not isinstance(content, Mapping) or len(content) != 1):
        return "needs `content` with one media type"
    return "has both a schema and content" if content and "schema" in parameter else ""


def _find_duplicates(parameters: Sequence[Raw]) -> list[str]:
    seen, warnings = set(), []
    for raw in parameters:
        key = str(raw.get("in")), str(raw.get("name"))
        if key in seen and "name" in raw:
            warnings.append(f"{key[1]} in {key[0]} is declared twice; the last one is used.")
        seen.add(key)
    return warnings


def _match_to_query(path: str, query: PathQuery, declared: dict[tuple[str, str], Raw]) -> dict[tuple[str, str], Raw]:
    """Return the parameters with those in the query of a key of `paths`, under the names that they are sent under.

    A template in it, `id={userId}`, may be declared as a parameter in the path, in the query or not at all. A parameter
    that has the name of a fixed pair is not required: it replaces the pair.
    """
    in_path, fixed, matched = path_template_names(path), {name for name, _ in query.fixed}, dict[tuple[str, str], Raw]()
    for (location, name), raw in declared.items():
        sent_as = query.templates.get(name)
        if sent_as is not None and location in ("path", "query") and name not in in_path:
            required = location == "path" or raw.get("required")
            matched["query", name] = {**raw, "in": "query", "name": sent_as, "required": required}
        elif location == "query" and name in fixed:
            matched[location, name] = {**raw, "required": False}
        else:
            matched[location, name] = raw
    known = {*in_path, *(name for _, name in matched)}
    for name, sent_as in query.templates.items():
        if name not in known:
            matched["query", name] = {"in": "query", "name": sent_as, "required": True, "schema": _TEXT}
    return matched


def _match_to_path(
    wanted: Sequence[str], declared: dict[tuple[str, str], Raw], warnings: list[str]
) -> dict[tuple[str, str], Raw]:
    """Return the parameters that can be sent; path parameters are exactly those that are wanted."""
    matched: dict[tuple[str, str], Raw] = {}
    for (location, name), raw in declared.items():
        if "in" not in raw and name in wanted and ("path", name) not in declared:
            warnings.append(f"{name} has no `in`; it is used as the path parameter of that name.")
            matched["path", name] = {**raw, "in": "path"}
            continue
        if location == "path" and name not in wanted and "name" in raw:
            warnings.append(f"{name} is declared as a path parameter, but the path has no {{{name}}}; it is ignored.")
            continue
        if location not in _DEFAULT_STYLES:
            problem = f"`in: {location}`, which OpenAPI 3 does not know" if "in" in raw else "no `in`"
            warnings.append(f"{name} has {problem}; it is ignored.")
        if location == "header" and "name" in raw and not is_token(name):
            warnings.append(f"{name[:_MAX_NAME_SHOWN]!r} is not a valid header name; it is ignored.")
            continue
        fault = find_schema_fault(raw) if location in _DEFAULT_STYLES else ""
        warnings += [f"{name} {fault}."] if fault else []
        matched[location, name] = raw
    for name in wanted:
        if ("path", name) not in matched:
            warnings.append(f"the path has {{{name}}}, which is not declared; it is treated as a string.")
            matched["path", name] = {"in": "path", "name": name, "required": True, "schema": _TEXT}
    locations = [location for location, _ in matched]
    if locations.count("querystring") > 1 or ("querystring" in locations and "query" in locations):
        warnings.append("a `querystring` parameter is the whole query, but there are further query parameters.")
    return matched


def _is_used(location: str, name: str) -> bool:
    return location in _DEFAULT_STYLES and not (location == "header" and name.lower() in _IGNORED_HEADERS)


def _read_parameter(raw: Raw, key: str, resolve: Callable[[Any], Raw]) -> Parameter:
    location: ParameterLocation = raw["in"]
    style = str(raw.get("style") or _DEFAULT_STYLES[location])
    content = as_mapping(raw.get("content"))
    media_type = next(iter(content), None)
    return Parameter(
        key=key,
        name=str(raw["name"]),
        location=location,
        required=bool(raw.get("required")) or location == "path",
        schema=_read_parameter_schema(raw) if media_type is None else read_schema(as_mapping(content[media_type])),
        description=text if isinstance(text := raw.get("description"), str) else "",
        examples=read_examples(raw, resolve) or read_examples(as_mapping(content.get(str(media_type))), resolve),
        style=style,
        explode=bool(raw.get("explode", style in ("form", "cookie"))),
        allow_reserved=bool(raw.get("allowReserved")),
        media_type=None if media_type is None else str(media_type),
        deprecated=bool(raw.get("deprecated")),
    )


def _read_parameter_schema(raw: Raw) -> Schema:
    """Return the schema of a parameter, also if its keywords are next to its name, as in Swagger 2.0."""
    is_old = "schema" not in raw and isinstance(raw.get("type"), str)
    return inline_schema(raw) if is_old else read_schema(raw)


def read_examples(owner: Raw, resolve: Callable[[Any], Raw]) -> dict[str, Any]:
    """Return the examples of a parameter or a media type by name; one without a name is "".

    An example that is not in the document (`externalValue`), or whose reference points nowhere, is left out.

    Args:
        owner: The parameter, or the media type.
        resolve: Follows references.
    """
    found = {"": owner["example"]} if "example" in owner else {}
    listed = owner.get("examples")
    for name, raw in listed.items() if isinstance(listed, Mapping) else ():
        with contextlib.suppress(DanglingReference):
            example = resolve(raw) if isinstance(raw, Mapping) else {}
            found |= {str(name): example[key] for key in ("dataValue", "value") if key in example}
    return found


# --- bodies and responses ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RequestBody:
    """The body of a request: a schema, an example and an encoding by media type, in document order."""

    required: bool
    content: Content
    description: str = ""

    @property
    def media_type(self) -> str:
        """The default media type: JSON if the document declares it, else the first one."""
        return next(filter(is_json, self.content), next(iter(self.content)))

    def schema(self, media_type: str | None = None) -> Schema:
        """Return the schema of a media type, the default one if None; empty if none is declared."""
        return read_schema(self.entry(media_type))

    def entry(self, media_type: str | None = None) -> Schema:
        """Return the Media Type Object of a media type, the default one if None; empty if it is not declared."""
        name = closest_media_type(media_type or self.media_type, self.content)
        return self.content[name] if name is not None else {}


@dataclass(frozen=True)
class ResponseSpec:
    """One declared response: its media types and their schemas."""

    status: str
    description: str
    content: Content

    def schema(self, media_type: str = "application/json") -> Schema | None:
        """Return the schema of a media type, matched exactly or by a range; None if it is not declared."""
        name = closest_media_type(media_type, self.content)
        return None if name is None else read_schema(self.content[name])


def read_schema(owner: Mapping[str, Any]) -> Schema:
    """Return the schema of a parameter or a media type; empty if none is declared.

    A media type with an `itemSchema`, a sequence of items, is read as an array of them (OpenAPI 3.2, section 4.14.3).
    """
    items = owner.get("itemSchema")
    if owner.get("schema") is None and items is not None:
        return {"type": "array", "items": _check_schema(items)}
    return {} if owner.get("schema") is None else _check_schema(owner["schema"])


def _check_schema(schema: Any) -> Schema:
    if isinstance(schema, Mapping | bool):
        return schema  # type: ignore[return-value]  # true and false are schemas too; all readers know
    raise TypeError(f"expected a schema, found {json_type_name(schema)}")

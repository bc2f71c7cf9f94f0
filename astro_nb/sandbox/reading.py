"""A request's query, headers and body as values of the types that the document declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from ..call import UNSET
from ..fields import Field
from ..message import Request, header, is_json, media_type
from ..spec import Parameter
from .pace import read_stamp
from .plan import Plan
from .visit import FieldError, Refused


def read_query(plan: Plan, request: Request) -> dict[str, Any]:
    """The arguments of the query and the headers, typed.

    Raises:
        Refused: a required one is missing, or a value does not fit its declaration.
    """
    raw: dict[str, list[str]] = {}
    query = urlsplit(request.url).query
    for name, value in parse_qsl(query, keep_blank_values=True) if query else ():
        raw.setdefault(name, []).append(value)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for parameter, field in plan.parameters:
        found = _raw(parameter, raw, request)
        if found:
            value, problem = _typed(field, parameter, found)
            if problem:
                errors.append(FieldError(parameter.name, *problem))
            values[parameter.name] = value
        elif parameter.required:
            errors.append(FieldError(parameter.name, "required", f"{parameter.name} is required"))
        elif field.default is not None:
            values[parameter.name] = field.default
    if errors:
        raise Refused(400, f"Invalid request: {'; '.join(e.message for e in errors)}", tuple(errors))
    return values


def read_body(plan: Plan, request: Request) -> Any:
    """The body as plain data, bytes where it is not JSON or a form; UNSET where there is none.

    Raises:
        Refused: it is needed and not there, or it cannot be read.
    """
    declared = plan.operation.body
    if declared is None:
        return UNSET
    if not request.body:
        if declared.required:
            raise Refused(400, "Invalid request: a body is required", (FieldError("body", "required", "is required"),))
        return UNSET
    media = media_type(request.headers)
    if media == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    if media and not is_json(media) and media in declared.content:
        return request.body
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"Invalid request: the body is not JSON ({error})") from error


def _raw(parameter: Parameter, query: Mapping[str, list[str]], request: Request) -> list[str]:
    if parameter.location == "header":
        found = header(request.headers, parameter.name)
        return [found] if found else []
    return query.get(parameter.name, [])


Problem = tuple[str, str]


def _typed(field: Field, parameter: Parameter, raw: list[str]) -> tuple[Any, Problem | None]:
    if field.kind != "array":
        return _scalar(field, parameter.name, raw[-1])
    entries = raw if parameter.explode or len(raw) > 1 else raw[0].split(",")
    found = [_scalar(field.item, parameter.name, entry) if field.item else (entry, None) for entry in entries]
    return [value for value, _ in found], next((problem for _, problem in found if problem), None)


def _scalar(field: Field, name: str, text: str) -> tuple[Any, Problem | None]:
    if field.kind == "choice":
        value = next((choice for choice in field.choices if str(choice) == text), text)
        allowed = ", ".join(map(str, field.choices))
        return value, None if value in field.choices else ("enum", f"{name} must be one of {allowed}, not '{text}'")
    value = _READERS.get(field.kind, str)(text)
    if value is UNSET:
        return text, ("type", f"{name} must be {_ARTICLES.get(field.kind, field.kind)}, not '{text}'")
    if field.format == "date-time" and read_stamp(text) is None:
        return text, ("format", f"{name} must be a date and time such as 2026-03-14T09:30:00Z, not '{text}'")
    return value, _out_of_bounds(field, name, value)


def _out_of_bounds(field: Field, name: str, value: Any) -> Problem | None:
    for key, words, broken in _BOUNDS:
        bound = field.schema.get(key)
        if isinstance(bound, int | float) and isinstance(value, int | float) and broken(value, bound):
            return key, f"{name} must be {words} {bound}"
    return None


_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "at least", lambda value, bound: value < bound),
    ("maximum", "at most", lambda value, bound: value > bound),
)


def _number(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            return UNSET

    return read


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _number(int),
    "number": _number(float),
    "boolean": lambda text: {"true": True, "false": False}.get(text.lower(), UNSET),
}
_ARTICLES = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}

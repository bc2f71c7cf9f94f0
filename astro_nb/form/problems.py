"""What is wrong with the values of a form, by place and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from ..call import UNSET
from ..contract import check_parameter, check_request_body
from ..errors import AstroNbError, UsageError
from ..fields import Field, broken_rules
from ..message import is_json
from ..wire import json_of
from .hints import hints
from .nested import Location, as_held

if TYPE_CHECKING:
    from .values import Form

Resolve = Callable[[Any], Any]


def problems_of(form: Form, resolve: Resolve) -> dict[Location, str]:
    """Everything that is wrong, with templates resolved by `resolve`; what is no value at all comes first."""
    found: dict[Location, str] = {}
    for field in form.parameters:
        found.update(_of_parameter(form, field, resolve))
    if form.body is not None:
        found.update(_of_body(form, form.body, resolve))
    return {**found, **form.faults}


def _of_parameter(form: Form, field: Field, resolve: Resolve) -> dict[Location, str]:
    at: Location = ("parameters", field.name)
    value = form.get(at)
    if value is UNSET or value == "":
        return {at: f"{field.name} is required."} if field.required else {}
    resolved, fault = _resolved(value, resolve)
    if fault:
        return {at: fault}
    plain, unsaid = (resolved, {}) if isinstance(resolved, int) else _plain(at, resolved)  # an int may have any length
    violations = () if unsaid else check_parameter(form.operation, field.name, plain)
    told = {at: violations[0].message} if violations else unsaid
    return told | dict(hints(field, plain, at))


def _of_body(form: Form, field: Field, resolve: Resolve) -> dict[Location, str]:
    value = form.get(("body",))
    if value is UNSET:
        return {("body",): "A body is required."} if field.required else {}
    resolved, fault = _resolved(value, resolve)
    if fault:
        return {("body",): fault}
    found = _of_json(form, resolved) if is_json(str(form.media_type)) else {}
    found.update(hints(field, resolved, ("body",)))
    for problem in broken_rules(field, resolved):
        found.setdefault(("body", *problem.location), problem.message)
    return found


def _of_json(form: Form, body: Any) -> dict[Location, str]:
    plain, found = _plain(("body",), body)
    for violation in () if found else check_request_body(form.operation, plain, form.media_type):
        found.setdefault(("body", *as_held(plain, violation.location)), violation.message)
    return found


def _plain(at: Location, value: Any) -> tuple[Any, dict[Location, str]]:
    """A value as it is after JSON, and what JSON cannot say, at its place: then nobody else need look at it."""
    try:
        return orjson.loads(json_of(value, str(at[-1]))), {}
    except UsageError as error:
        return value, {(*at, *error.data["location"]): error.what}


def _resolved(value: Any, resolve: Resolve) -> tuple[Any, str]:
    try:
        return resolve(value), ""
    except AstroNbError as error:
        return value, str(error)

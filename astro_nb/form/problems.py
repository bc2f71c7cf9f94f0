"""What is wrong with the values of a form, by place and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..call import UNSET
from ..contract import check_parameter, check_request_body
from ..errors import AstroNbError
from ..fields import Field, broken_rules
from ..message import is_json

if TYPE_CHECKING:
    from .values import Form

Location = tuple[str | int, ...]
"""("parameters", key) or ("body", …): where a field stands in a form."""

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
    violations = check_parameter(form.operation, field.name, resolved)
    return {at: violations[0].message} if violations else {}


def _of_body(form: Form, field: Field, resolve: Resolve) -> dict[Location, str]:
    value = form.get(("body",))
    if value is UNSET:
        return {("body",): "A body is required."} if field.required else {}
    resolved, fault = _resolved(value, resolve)
    if fault:
        return {("body",): fault}
    found: dict[Location, str] = {}
    if is_json(str(form.media_type)):
        for violation in check_request_body(form.operation, resolved, form.media_type):
            found.setdefault(("body", *violation.location), violation.message)
    for problem in broken_rules(field, resolved):
        found.setdefault(("body", *problem.location), problem.message)
    return found


def _resolved(value: Any, resolve: Resolve) -> tuple[Any, str]:
    try:
        return resolve(value), ""
    except AstroNbError as error:
        return value, str(error)

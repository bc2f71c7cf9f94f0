"""What is wrong with a text or a number by its format, in words precise enough to mend it.

What is wrong with the values of a form, by place and in words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from ..call import UNSET
from ..contract import check_parameter, check_request_body
from ..data import Location, with_known_steps
from ..errors import AstroNbError, UsageError
from ..messages import is_json
from ..schema import Field, broken_rules
from ..secrets import MASK
from ..serialization import to_json

if TYPE_CHECKING:
    from .form import Form


_DEEPEST = 40
_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(\.\d+)?"
_ZONE = r"([zZ]|[+-]\d\d:\d\d)"


def hints(field: Field | None, value: Any, at: Location = (), depth: int = 0) -> Iterator[tuple[Location, str]]:
    """Everything in a value that does not keep to its format, where there is more to say than that it does not."""
    if field is None or value is None or depth > _DEEPEST:
        return
    if field.kind == "union":
        branch = field.branch_for(value)
        yield from hints(branch.field if branch else None, value, at, depth + 1)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from hints(field.member(name), inner, (*at, name), depth + 1)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from hints(field.item_at(index), entry, (*at, index), depth + 1)
    else:
        told = hint(field, value)
        yield from [(at, told)] if told else []


def hint(field: Field, value: Any) -> str:
    """What is wrong with a scalar by its format; empty where nothing is, or nothing more is known."""
    if field.kind == "integer" and isinstance(value, int):
        return _beyond(value, _BITS.get(field.info.format, 0))
    words = (
        _TEXTS.get(field.info.format) if field.kind == "text" and isinstance(value, str) and MASK not in value else None
    )
    return words(value) if words else ""


def _beyond(value: int, bits: int) -> str:
    most = 2 ** (bits - 1) if bits else 0
    fits = not bits or -most <= value < most
    return "" if fits else f"{value} does not fit into {bits} bits: it must lie between {-most} and {most - 1}."


def _date_time(text: str) -> str:
    """Date, T, time, zone: the first that is missing is told."""
    steps = (
        (_DAY, "Begin with the date, such as 2026-03-14"),
        (rf"{_DAY}[ Tt].*", "Add the time after the date, such as T09:30:00Z"),
        (rf"{_DAY}[ Tt]({_CLOCK}|\d\d:\d\d).*", "Write the time as hours, minutes and seconds: 09:30:00"),
        (
            rf"{_DAY}[ Tt][\d:.]+{_ZONE}",
            "The time zone is missing: end with Z for UTC, or with an offset like +01:00",
        ),
        (rf"{_DAY}[Tt].*", "Put a T between date and time"),
        (rf"{_DAY}[Tt]{_CLOCK}{_ZONE}", "The seconds are missing"),
    )
    first = re.match(_DAY, text)
    for pattern, told in steps:
        fine = first if pattern == _DAY else re.fullmatch(pattern, text)
        if not fine:
            return f"{told}. For example {_proposed(text)}."
    return ""


def _proposed(text: str) -> str:
    """The date-time that was most likely meant, else the usual example."""
    parts = re.fullmatch(rf"({_DAY})(?:[ Tt](\d\d:\d\d)(:\d\d(?:\.\d+)?)?)?{_ZONE}?", text)
    if not parts:
        return "2026-03-14T09:30:00Z"
    return f"{parts[1]}T{parts[2] or '00:00'}{parts[3] or ':00'}{parts[4] or 'Z'}"


def _date(text: str) -> str:
    return "" if re.fullmatch(_DAY, text) else "A date is year, month and day: 2026-03-14."


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "This is not base64: letters, digits, + and / in groups of four, filled up with =."
    return ""


def _like(pattern: str, told: str) -> Callable[[str], str]:
    return lambda text: "" if re.fullmatch(pattern, text) else told


_BITS = {"int32": 32, "int64": 64}

_TEXTS: dict[str, Callable[[str], str]] = {
    "date-time": _date_time,
    "date": _date,
    "byte": _base64,
    "uuid": _like(
        r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "A UUID is 32 hexadecimal digits as 8-4-4-4-12; `{{$uuid}}` makes a new one.",
    ),
    "email": _like(r"[^@\s]+@[^@\s]+", "An e-mail address is name@host, such as ada@example.com."),
    "uri": _like(r"[A-Za-z][A-Za-z0-9+.-]*:\S*", "An address begins with its scheme, such as https://example.com/."),
    "duration": _like(r"P(?=.)[\dYMWD]*(T[\dHMS.]+)?", "A duration is written as in PT1H30M or P7D."),
    "ipv4": _like(r"\d{1,3}(\.\d{1,3}){3}", "An IPv4 address is four numbers: 192.0.2.1."),
    "time": _like(rf"{_CLOCK}{_ZONE}", "A time has hours, minutes, seconds and a zone: 09:30:00Z."),
}


Resolve = Callable[[Any], Any]


def find_problems(form: Form, resolve: Resolve) -> dict[Location, str]:
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
        found.setdefault(("body", *with_known_steps(plain, violation.location)), violation.message)
    return found


def _plain(at: Location, value: Any) -> tuple[Any, dict[Location, str]]:
    """A value as it is after JSON, and what JSON cannot say, at its place: then nobody else need look at it."""
    try:
        return orjson.loads(to_json(value, str(at[-1]))), {}
    except UsageError as error:
        return value, {(*at, *error.data["location"]): error.what}


def _resolved(value: Any, resolve: Resolve) -> tuple[Any, str]:
    try:
        return resolve(value), ""
    except AstroNbError as error:
        return value, str(error)

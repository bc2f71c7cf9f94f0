"""What is wrong with the values of a form, by location, and how to correct a wrong format.

The contract and the rules of the overlay decide what is wrong; the hints only word it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from ..call import UNSET
from ..contract import check_parameter, check_request_body
from ..data import Location, with_known_steps
from ..errors import AstroNbError, UsageError
from ..messages import is_json
from ..schema import INTEGER_BITS, Field, broken_rules, has_format
from ..secrets import MASK
from ..serialization import to_json

if TYPE_CHECKING:
    from .form import Form

Resolve = Callable[[Any], Any]
"""Returns a value with its templates resolved."""

_MAX_DEPTH = 40
_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(\.\d+)?"
_ZONE = r"([zZ]|[+-]\d\d:\d\d)"


def find_problems(form: Form, resolve: Resolve) -> dict[Location, str]:
    """Return what is wrong with the values of a form by location, with templates resolved by `resolve`."""
    problems: dict[Location, str] = {}
    for field in form.parameters:
        problems.update(_parameter_problems(form, field, resolve))
    if form.body is not None:
        problems.update(_body_problems(form, form.body, resolve))
    return problems


def _parameter_problems(form: Form, field: Field, resolve: Resolve) -> dict[Location, str]:
    at: Location = ("parameters", field.name)
    value = form.get(at)
    if value is UNSET or value == "":
        return {at: f"{field.name} is required."} if field.required else {}
    resolved, error = _try_resolve(value, resolve)
    if error:
        return {at: error}
    # an integer in a URL may have any number of digits, which orjson does not read
    plain, problems = (resolved, {}) if isinstance(resolved, int) else _as_json(at, resolved)
    violations = () if problems else check_parameter(form.operation, field.name, plain)
    if violations:
        problems = {at: violations[0].message}
    return problems | dict(format_hints(field, plain, at))


def _body_problems(form: Form, field: Field, resolve: Resolve) -> dict[Location, str]:
    value = form.get(("body",))
    if value is UNSET:
        return {("body",): "A body is required."} if field.required else {}
    resolved, error = _try_resolve(value, resolve)
    if error:
        return {("body",): error}
    problems = _json_problems(form, resolved) if is_json(str(form.media_type)) else {}
    problems.update(format_hints(field, resolved, ("body",)))
    for problem in broken_rules(field, resolved):
        problems.setdefault(("body", *problem.location), problem.message)
    return problems


def _json_problems(form: Form, body: Any) -> dict[Location, str]:
    plain, problems = _as_json(("body",), body)
    for violation in () if problems else check_request_body(form.operation, plain, form.media_type):
        problems.setdefault(("body", *with_known_steps(plain, violation.location)), violation.message)
    return problems


def _as_json(at: Location, value: Any) -> tuple[Any, dict[Location, str]]:
    """Return a value as it is after JSON, and what in it is not JSON by location: then nothing else is checked."""
    try:
        return orjson.loads(to_json(value, str(at[-1]))), {}
    except UsageError as error:
        return value, {(*at, *error.data["location"]): error.what}


def _try_resolve(value: Any, resolve: Resolve) -> tuple[Any, str]:
    try:
        return resolve(value), ""
    except AstroNbError as error:
        return value, str(error)


def format_hints(field: Field | None, value: Any, at: Location = (), depth: int = 0) -> Iterator[tuple[Location, str]]:
    """Yield how to correct each scalar that does not have the format of its field."""
    if field is None or value is None or depth > _MAX_DEPTH:
        return
    if field.kind == "union":
        branch = field.branch_for(value)
        yield from format_hints(branch.field if branch else None, value, at, depth + 1)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from format_hints(field.member(name), inner, (*at, name), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from format_hints(field.item_at(index), item, (*at, index), depth + 1)
    else:
        hint = format_hint(field, value)
        yield from [(at, hint)] if hint else []


def format_hint(field: Field, value: Any) -> str:
    """Return how to correct a scalar; empty if its format is right, or if nothing is known about the format."""
    hint: Callable[[Any], str] | None = None
    if field.kind == "integer" and isinstance(value, int):
        hint = _NUMBER_HINTS.get(field.info.format)
    elif field.kind == "text" and isinstance(value, str) and MASK not in value:
        hint = _TEXT_HINTS.get(field.info.format)
    return hint(value) if hint and not has_format(field, value) else ""


def _range_hint(bits: int) -> Callable[[int], str]:
    limit = 2 ** (bits - 1)
    return lambda value: f"{value} does not fit into {bits} bits: it must be between {-limit} and {limit - 1}."


def _date_time_hint(text: str) -> str:
    """Return the first part that is missing: date, time, zone, separator, seconds."""
    steps = (
        (rf"{_DAY}.*", "Begin with the date, such as 2026-03-14"),
        (rf"{_DAY}[ Tt].*", "Add the time after the date, such as T09:30:00Z"),
        (rf"{_DAY}[ Tt]({_CLOCK}|\d\d:\d\d).*", "Write the time as hours, minutes and seconds: 09:30:00"),
        (
            rf"{_DAY}[ Tt][\d:.]+{_ZONE}",
            "The time zone is missing: end with Z for UTC, or with an offset like +01:00",
        ),
        (rf"{_DAY}[Tt].*", "Put a T between date and time"),
        (rf"{_DAY}[Tt]{_CLOCK}{_ZONE}", "The seconds are missing"),
    )
    missing = next((hint for pattern, hint in steps if not re.fullmatch(pattern, text, re.DOTALL)), "")
    return f"{missing}. For example {_likely_date_time(text)}." if missing else ""


def _likely_date_time(text: str) -> str:
    """Return the date-time that was probably meant, else the usual example."""
    parts = re.fullmatch(rf"({_DAY})(?:[ Tt](\d\d:\d\d)(:\d\d(?:\.\d+)?)?)?{_ZONE}?", text)
    if not parts:
        return "2026-03-14T09:30:00Z"
    return f"{parts[1]}T{parts[2] or '00:00'}{parts[3] or ':00'}{parts[4] or 'Z'}"


def _always(hint: str) -> Callable[[str], str]:
    return lambda text: hint


_NUMBER_HINTS: Mapping[str, Callable[[int], str]] = {name: _range_hint(bits) for name, bits in INTEGER_BITS.items()}

_TEXT_HINTS: Mapping[str, Callable[[str], str]] = {
    "date-time": _date_time_hint,
    "date": _always("A date is year, month and day: 2026-03-14."),
    "byte": _always("This is not base64: letters, digits, + and / in groups of four, filled up with =."),
    "uuid": _always("A UUID is 32 hexadecimal digits as 8-4-4-4-12; `{{$uuid}}` makes a new one."),
    "email": _always("An e-mail address is name@host, such as ada@example.com."),
    "uri": _always("A URI begins with its scheme, such as https://example.com/."),
    "duration": _always("A duration is written like PT1H30M or P7D."),
    "ipv4": _always("An IPv4 address is four numbers from 0 to 255: 192.0.2.1."),
    "time": _always("A time has hours, minutes, seconds and a zone: 09:30:00Z."),
}
"""What to type instead, by format."""

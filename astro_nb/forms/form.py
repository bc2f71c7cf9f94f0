"""The values of one form, without widgets.

A field is unset, null, or has a value: what is unset is not in the call, and null is a value of its own. The body is
stored as JSON data, so that the form and the JSON editor show the same. Text that is not a value of its field, such as
letters for a number, is stored and reported, not discarded, and blocks the call: neither it nor an older value is sent.
Texts of the document, such as examples, are literal: braces in them are no templates.

The contract and the rules of the overlay decide what is wrong with a value; the hints only word it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..call import UNSET, Call, Upload
from ..contract import check_parameter, check_request_body
from ..data import Location, copy_data, get_value, locations_overlap, put_value, remove_value, with_known_steps
from ..errors import AstroNbError, UnknownName, UsageError
from ..json_text import JsonError, read_json
from ..messages import bare_media_type, has_data
from ..openapi import Operation
from ..schema import (
    INTEGER_BITS,
    Field,
    body_example,
    body_field,
    broken_rules,
    has_format,
    is_text_media_type,
    is_valid,
    make_sample,
    parameter_fields,
    preset_values,
    without_read_only,
)
from ..secrets import MASK
from ..serialization import to_json
from ..templates import as_literal, keep_literal, template_names
from .headers import format_headers, parse_headers
from .parsing import as_json, parse_text, read_typed_json, restore_files, restore_literals

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
    plain, problems = _as_json(at, resolved)
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
    problems = _json_problems(form, resolved) if has_data(str(form.media_type)) else {}
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
        return read_json(to_json(value, str(at[-1]))).data, {}
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
    """Return the date-time that the text most likely stands for, else the usual example."""
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


Get = Callable[[Location], Any]
"""Returns the value at a location of the form."""

_FORM_TYPE = "application/x-www-form-urlencoded"
_STRUCTURED = ("any", "object", "map", "array", "union")
"""Kinds of fields that are written as text in a body that is not JSON."""


def field_at(body: Field | None, get: Get, location: Location) -> Field | None:
    """Return the field at a location of the body, of a union the branch that its value belongs to; else None."""
    if not location or location[0] != "body":
        return None
    return _chosen_branch(declared_field(body, get, location), get, location)


def declared_field(body: Field | None, get: Get, location: Location) -> Field | None:
    """Return the field at a location of the body; a union there is returned as such."""
    field = body
    for depth, step in enumerate(location[1:], 1):
        field = _chosen_branch(field, get, location[:depth])
        if field is not None:
            field = field.item_at(step) if isinstance(step, int) else field.member(step)
    return field


def _chosen_branch(field: Field | None, get: Get, at: Location) -> Field | None:
    while field is not None and field.kind == "union":
        branch = field.branch_for(get(at))
        field = branch.field if branch else None
    return field


def edited_as(field: Field | None, media_type: str | None) -> Field | None:
    """Return the field of a body as it is edited: text or a file if the media type is neither JSON nor a form."""
    media = bare_media_type(media_type or "")
    if (
        field is None
        or not media
        or has_data(media)
        or media == _FORM_TYPE
        or media.startswith("multipart/")
        or "*" in media.partition("/")[0]
    ):
        return field
    if is_text_media_type(media):
        return _as_text(field, media) if field.kind in _STRUCTURED else field
    return replace(field, kind="file", type_name=media) if field.kind in ("any", "text") else field


def _as_text(field: Field, media: str) -> Field:
    """Return a field of text, with the description of the structure and its example if that is text."""
    prose = {key: field.schema[key] for key in ("title", "description", "deprecated") if key in field.schema}
    example = {"example": field.info.example} if isinstance(field.info.example, str) else {}
    return replace(field, kind="text", type_name=media, schema={"type": "string", **prose, **example})


def with_uploads(field: Field | None, value: Any, media_type: str | None) -> Any:
    """Return a sample with `Upload`s for its files: a server takes a part without a file name for text."""
    if field is None or has_data(media_type or ""):
        return value
    if field.kind == "file" and isinstance(value, str):
        return Upload(f"{field.name or 'sample'}.txt", value.encode(), "text/plain")
    if field.kind == "union":
        branch = field.branch_for(value)
        return with_uploads(branch.field, value, media_type) if branch else value
    if isinstance(value, dict):
        return {name: with_uploads(field.member(name), inner, media_type) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_uploads(field.item_at(index), inner, media_type) for index, inner in enumerate(value)]
    return value


_NAMED = ("object", "union", "map")
"""Kinds of bodies that consist of names and values."""


class Form:
    """The values that a call is made of.

    A location starts with "parameters" or "body": `("parameters", "limit")`, `("body", "tags", 0)`. At one that starts
    with "drafts" is a value that has no name yet.

    Attributes:
        operation: the operation to call.
        parameters: the fields of its parameters.
        body: the field of its body; None if it takes none.
        media_type: the media type of the body.
        headers: further headers by name.
        security: the security scheme that was chosen; None for the first one with credentials.
        input_errors: why typed text is not a value of its field, by location; headers are at ("headers",).
    """

    def __init__(self, operation: Operation, media_type: str | None = None) -> None:
        self.operation = operation
        self.parameters = parameter_fields(operation)
        self.media_type = media_type or self._default_media_type()
        self.body: Field | None = None
        self.clear()

    def __repr__(self) -> str:
        return f"<Form of {self.operation.id}>"

    def clear(self) -> None:
        """Unset everything, but for required fields with one allowed value; the media type stays."""
        self.headers: dict[str, str] = {}
        self.headers_text = ""
        self._body_draft = ""
        self.security: str | None = None
        self.input_errors: dict[Location, str] = {}
        presets = {f.name: preset_values(f) for f in self.parameters if f.required}
        self._values: dict[str, Any] = {"parameters": as_literal({n: v for n, v in presets.items() if v is not UNSET})}
        self._other_bodies: dict[str, Any] = {}  # by media type, for switching back
        self._use_media_type(self.media_type)

    def get(self, location: Location) -> Any:
        """Return the value at a location; UNSET if there is none."""
        return get_value(self._values, location)

    def set(self, location: Location, value: Any) -> None:
        """Set a value; UNSET removes it, and every optional parent that becomes empty.

        Input errors at the location, in its parts and in its parents are cleared.

        Raises:
            UsageError: the location skips an item of a list.
        """
        if value is UNSET:
            self._unset(location)
        else:
            put_value(self._values, location, copy_data(value))
        self._clear_errors(location)

    def set_text(self, location: Location, field: Field, text: str) -> None:
        """Set what was typed; empty text unsets the value, and invalid text is stored with an input error."""
        value, error = parse_text(field, text)
        value = keep_literal(value, self.get(location)) if type(value) is str else value
        self.set(location, value)
        if error:
            self.reject(location, error)

    def reject(self, location: Location, why: str) -> None:
        """Report that what was entered at a location cannot be used: nothing is sent until that is mended."""
        self.input_errors[location] = why

    def accept(self, location: Location) -> None:
        """Withdraw what `reject` reported at a location."""
        self.input_errors.pop(location, None)

    def set_headers_text(self, text: str) -> None:
        """Set the further headers, typed one `Name: value` per line; what is wrong with them is in `input_errors`."""
        self.headers_text = text
        try:
            self.headers = parse_headers(text)
        except UsageError as error:
            self.reject(("headers",), str(error))
        else:
            self.accept(("headers",))

    @property
    def examples(self) -> dict[str, Any]:
        """The document's named examples of the whole body, by name; valid or not."""
        field = body_field(self.operation, self.media_type)
        return {name: value for name, value in field.body_examples.items() if name} if field is not None else {}

    @property
    def valid_examples(self) -> list[str]:
        """The names of the examples that match the schema."""
        return [name for name, value in self.examples.items() if self.body is not None and is_valid(self.body, value)]

    def example(self, name: str) -> Any:
        """Return the named example as a body: without read-only values, and with files for texts that are files.

        Raises:
            UnknownName: there is no example of that name.
        """
        if name not in self.examples:
            raise UnknownName("example", name, list(self.examples))
        value = without_read_only(self.body, copy_data(self.examples[name]))
        return with_uploads(self.body, as_literal(value), self.media_type)

    def use_example(self, name: str) -> None:
        """Set the body to one of the named examples; the parameters stay.

        Raises:
            UnknownName: there is no example of that name.
        """
        self.set(("body",), self.example(name))

    def body_text(self) -> str:
        """Return the body as JSON text, indented by two; empty if it is unset. A file appears as its name and size.

        Typed text that is not JSON is returned as it is, until the body is changed otherwise.
        """
        body = self.get(("body",))
        return self._body_draft or ("" if body is UNSET else as_json(body))

    def set_body_text(self, text: str) -> None:
        """Set the body from JSON text; if the text is not JSON, the error is in `input_errors`, and nothing is sent."""
        old = self.get(("body",))
        try:
            body = restore_literals(restore_files(read_typed_json(text), old), old) if text.strip() else UNSET
        except JsonError as error:
            self._body_draft = text
            self.reject(("body",), f"This is not JSON: {error}.")
        else:
            self.set(("body",), body)

    def add_row(self, location: Location, value: Any = UNSET) -> int:
        """Append an item to an array and return its index; an object has its required fields with one allowed value."""
        rows = self._rows(location)
        field = self.field_at(location)
        item = field.item_at(len(rows)) if field is not None else None
        preset = preset_values(item) if item is not None and value in (UNSET, {}) else UNSET
        self.set(location, [*rows, as_literal(preset) if preset is not UNSET else {} if value is UNSET else value])
        return len(rows)

    def remove_row(self, location: Location, index: int) -> None:
        """Remove an item of an array; an array that becomes empty is unset."""
        rows = [row for number, row in enumerate(self._rows(location)) if number != index]
        self.set(location, rows or UNSET)

    def copy_row(self, location: Location, index: int) -> int:
        """Insert a copy after an item of an array and return the index of the copy."""
        rows = self._rows(location)
        self.set(location, [*rows[: index + 1], *rows[index : index + 1], *rows[index + 1 :]])
        return index + 1

    def move_row(self, location: Location, index: int, by: int) -> int:
        """Move an item of an array up or down by some places, at most to an end, and return its new index."""
        rows = self._rows(location)
        target = max(0, min(len(rows) - 1, index + by))
        rows.insert(target, rows.pop(index))
        self.set(location, rows)
        return target

    def rename(self, location: Location, old: str, new: str) -> None:
        """Rename a member of an object; its value and its position stay.

        Raises:
            UsageError: the new name is taken, or empty; nothing is changed.
        """
        value = self.get(location)
        names = list(value) if isinstance(value, dict) else []
        if old == new or old not in names:
            return
        if not new or new in names:
            what = f"There is a {new} already." if new else "A name must not be empty."
            raise UsageError(what, "Choose another name.")
        self.set(location, {new if name == old else name: inner for name, inner in value.items()})

    def field_at(self, location: Location) -> Field | None:
        """Return the field at a location of the body, by the branches that the present values choose."""
        return field_at(self.body, self.get, location)

    def fill(self, full: bool = False) -> None:
        """Fill with samples: what is required, or with `full` everything that has an example.

        The body is the document's first valid example of the whole body, if there is one. Parameters with templates
        stay.
        """
        templates = {k: v for k, v in self._values["parameters"].items() if template_names(v)}
        samples = {f.name: make_sample(f) for f in self.parameters if f.required and f.name not in templates}
        self._values = {"parameters": copy_data({**as_literal(samples), **templates})}
        if self.body is not None:
            body = as_literal(self._sample_body(self.body, full))
            self._values["body"] = with_uploads(self.body, body, self.media_type)
        self._clear_errors(("parameters",))
        self._clear_errors(("body",))

    def _sample_body(self, field: Field, full: bool) -> Any:
        whole = body_example(self.operation, self.media_type)
        if whole is UNSET and field.kind == "text":  # the document may have the text itself
            whole = next(field.valid_body_examples, UNSET)
        return without_read_only(field, make_sample(field, full)) if whole is UNSET else whole

    def set_media_type(self, media_type: str) -> None:
        """Change the media type of the body.

        Members that both types declare move to the new body; one that was entered before for the new type is restored.
        """
        body, bodies = self.get(("body",)), self._other_bodies
        bodies[str(self.media_type)] = body
        self._values.pop("body", None)
        self._clear_errors(("body",))
        self._use_media_type(media_type)
        old = bodies.get(media_type, UNSET)
        if self.body is not None and self.body.kind in _NAMED and isinstance(body, dict):
            known = {name for form in self.body.alternatives for name in body if form.member(name) is not None}
            old = {**(old if isinstance(old, dict) else {}), **{n: v for n, v in body.items() if n in known}}
        if old is not UNSET:
            self._values["body"] = old

    def load_call(self, call: Call) -> None:
        """Replace all values and the media type by those of a call."""
        self.clear()
        self._use_media_type(call.media_type or self._default_media_type())
        self._values = copy_data({"parameters": dict(call.parameters)})
        self.headers, self.security = dict(call.headers), call.security
        self.headers_text = format_headers(self.headers)
        if call.body is not UNSET:
            self._values["body"] = copy_data(call.body)

    def to_call(self) -> Call:
        """Return the call with these values; templates stay unresolved.

        Raises:
            UsageError: some text that was entered cannot be used; `input_errors` says why.
        """
        for at, why in self.input_errors.items():
            name = ".".join(map(str, at[1:] or at))
            raise UsageError(f"{name}: {why}", "Correct or clear it; nothing was sent.")
        if self.get(("drafts",)) not in (UNSET, {}):
            raise UsageError("A value that was added has no name, so that it would not be sent.", "Enter its name.")
        return self.draft()

    def draft(self) -> Call:
        """Return the call as far as it is entered: like `to_call`, with text that is not a value of its field."""
        values = copy_data(self._values)
        media_type = None if self.media_type == self._default_media_type() else self.media_type
        body = values.get("body", UNSET)
        return Call(self.operation.id, values["parameters"], body, media_type, dict(self.headers), self.security)

    def problems(self, resolve: Callable[[Any], Any]) -> dict[Location, str]:
        """Return what is wrong by location, with templates resolved by `resolve`; empty if nothing is."""
        return {**find_problems(self, resolve), **self.input_errors}

    def _default_media_type(self) -> str | None:
        return self.operation.body.media_type if self.operation.body else None

    def _use_media_type(self, media_type: str | None) -> None:
        """Set the field of the body; a required body of names and values starts empty instead of unset."""
        self.media_type = media_type
        self.body = edited_as(body_field(self.operation, media_type), media_type)
        if self.body is not None and self.body.required and self.body.kind in _NAMED:
            preset = preset_values(self.body)
            self._values["body"] = {} if preset is UNSET else as_literal(preset)

    def _rows(self, location: Location) -> list[Any]:
        rows = self.get(location)
        return list(rows) if isinstance(rows, list) else []

    def _clear_errors(self, location: Location) -> None:
        self.input_errors = {at: e for at, e in self.input_errors.items() if not locations_overlap(at, location)}
        if ("body",) not in self.input_errors:
            self._body_draft = ""

    def _unset(self, location: Location) -> None:
        if self.get(location) is UNSET:
            return
        parent = self.get(location[:-1])
        if isinstance(parent, list):
            self._clear_errors(location[:-1])  # the items after it move up
        remove_value(parent, location[-1])
        if parent == {} and self._is_optional(location[:-1]):
            self._unset(location[:-1])

    def _is_optional(self, location: Location) -> bool:
        """Whether an object is unset with its last member; an item of an array stays."""
        if location == ("parameters",) or isinstance(location[-1], int):
            return False
        field = declared_field(self.body, self.get, location) if location[0] == "body" else None
        return field is None or not field.required

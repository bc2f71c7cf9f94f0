"""A believable, valid value for a field: the example first, else one made from the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..call import UNSET, Call
from ..spec import Operation
from .places import body_field, parameter_fields
from .rules import rule_view
from .tree import Field, fits

_DEEPEST = 8


def sample(field: Field, full: bool = False, _depth: int = 0) -> Any:
    """A valid value: required fields only, or with `full` the optional ones that have an example too."""
    example = field.example
    if example is not None and field.kind not in ("object", "union") and _good_example(field, example):
        return example
    if field.default is not None and fits(field, field.default):
        return field.default
    return _MAKERS[field.kind](field, full, _depth)


def example_call(operation: Operation, full: bool = False) -> Call:
    """A call of the operation that is filled with samples: required parameters, and the body where there is one."""
    parameters = {f.name: sample(f) for f in parameter_fields(operation) if f.required}
    body = body_field(operation)
    return Call(operation.id, parameters, sample(body, full) if body else UNSET)


def _good_example(field: Field, example: Any) -> bool:
    if not fits(field, example):
        return False
    limit = field.schema.get("maxLength")
    if isinstance(example, str) and isinstance(limit, int) and len(example) > limit:
        return False
    return not (isinstance(example, list) and field.item and not all(fits(field.item, e) for e in example))


def _object(field: Field, full: bool, depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for child in field.children:
        wanted = child.required or (full and not child.secret and _has_example(child))
        if wanted and not child.read_only and depth < _DEEPEST:
            value[child.name] = sample(child, full, depth + 1)
    for _ in range(3):  # a rule may arm another
        for name in _missing(field, value):
            late = field.child(name)
            if late is not None:
                value[name] = sample(late, full, depth + 1)
    return {name: v for name, v in value.items() if name not in rule_view(field, value).hidden}


def _missing(field: Field, value: Mapping[str, Any]) -> list[str]:
    view = rule_view(field, value)
    alternatives = [names[0] for names, _ in view.one_of if not any(n in value for n in names)]
    return [name for name in [*view.required, *alternatives] if name not in value]


def _has_example(field: Field) -> bool:
    return field.example is not None or field.kind in ("choice", "boolean")


def _array(field: Field, full: bool, depth: int) -> list[Any]:
    least = field.schema.get("minItems") or 0
    count = max(int(least), 1 if field.required or full else 0) if depth < _DEEPEST else int(least)
    return [sample(field.item, full, depth + 1) for _ in range(min(count, 20))] if field.item else []


def _union(field: Field, full: bool, depth: int) -> Any:
    branch = field.default_branch or (field.branches[0] if field.branches else None)
    return sample(branch.field, full, depth + 1) if branch else None


def _text(field: Field, full: bool, depth: int) -> str:
    value = _FORMATS.get(field.format, "example" if not field.name else f"my-{field.name.lower()}")
    least, most = field.schema.get("minLength") or 0, field.schema.get("maxLength")
    value = value.ljust(int(least), "x")
    return value[: int(most)] if most is not None else value


def _number(field: Field, full: bool, depth: int) -> int | float:
    low = field.schema.get("minimum", field.schema.get("exclusiveMinimum"))
    high = field.schema.get("maximum", field.schema.get("exclusiveMaximum"))
    value = low if isinstance(low, int | float) and not isinstance(low, bool) else 1
    if isinstance(high, int | float) and not isinstance(high, bool) and value > high:
        value = high
    if "exclusiveMinimum" in field.schema and value == field.schema["exclusiveMinimum"]:
        value += 1
    step = field.schema.get("multipleOf")
    if isinstance(step, int | float) and step:
        value = -(-value // step) * step
    return int(value) if field.kind == "integer" else value


def _choice(field: Field, full: bool, depth: int) -> Any:
    return field.choices[0] if field.choices else None


_MAKERS: dict[str, Callable[[Field, bool, int], Any]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda field, full, depth: False,
    "choice": _choice,
    "object": _object,
    "map": lambda field, full, depth: {},
    "array": _array,
    "union": _union,
    "file": lambda field, full, depth: "sample content",
    "any": lambda field, full, depth: {},
}

_FORMATS = {
    "date-time": "2026-03-14T09:30:00Z",
    "date": "2026-03-14",
    "time": "09:30:00Z",
    "uuid": "6f1c1b1e-8f3a-4d55-9a57-0c2b8a1f6e42",
    "email": "ada.lindqvist@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "c2FtcGxl",
    "duration": "PT1H",
}

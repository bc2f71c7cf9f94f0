"""Parameters read from the query of a request: objects, and lists of a union or with spaces between their items.

openapi-core reads the others. Like the reader of multipart bodies, this is independent of the writer in
`serialization/`, so that each tests the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..call import UNSET
from ..json_text import JsonError, read_json
from ..openapi import Operation, Parameter
from ..schema import Field, is_valid, parameter_fields

Pairs = Sequence[tuple[str, str]]
"""The names and values of a query, decoded."""

_STEPS = re.compile(r"\[([^\[\]]*)\]")


def spread_parameters(operation: Operation) -> Iterator[tuple[Parameter, Field]]:
    """Yield the query parameters that are read here."""
    for parameter, field in zip(operation.parameters, parameter_fields(operation), strict=True):
        if parameter.location == "query" and parameter.media_type is None and _reader(operation, parameter, field):
            yield parameter, field


def spread_keys(operation: Operation) -> frozenset[str]:
    """Return the keys of the parameters that are read here."""
    return frozenset(parameter.key for parameter, _ in spread_parameters(operation))


def read_spread(operation: Operation, pairs: Pairs) -> dict[str, Any]:
    """Return the values of those parameters by their keys, in the declared types, without those that are absent."""
    own = {parameter.name for parameter in operation.parameters if parameter.location == "query"}
    values = {}
    for parameter, field in spread_parameters(operation):
        read = _reader(operation, parameter, field)
        raw = read(parameter, field, pairs, own) if read else UNSET
        if raw is not UNSET:
            values[parameter.key] = typed_value(field, raw)
    return values


Reader = Callable[[Parameter, Field, Pairs, set[str]], Any]


def _reader(operation: Operation, parameter: Parameter, field: Field) -> Reader | None:
    """Return the reader of a parameter; None if openapi-core can read it.

    It cannot read objects, nor lists whose schema is not plainly an array, such as one that may be null.
    """
    if parameter.style == "deepObject":
        return _read_deep_object
    kinds = {form.kind for form in field.alternatives}
    if kinds & {"object", "map"} and parameter.style == "form" and parameter.explode:
        return _read_exploded
    is_plain = operation.spec.resolve_or_empty(parameter.schema).get("type") == "array"
    is_list = "array" in kinds and (not is_plain or parameter.style == "spaceDelimited")
    return _read_list if is_list and parameter.style in _DELIMITERS else None


_DELIMITERS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


def _read_list(parameter: Parameter, field: Field, pairs: Pairs, own: set[str]) -> Any:
    """Return the values of a name: repeated, or separated by the delimiter of the style."""
    values = [value for name, value in pairs if name == parameter.name]
    if len(values) == 1 and not parameter.explode:
        values = values[0].split(_DELIMITERS.get(parameter.style, ","))
    return (values if len(values) > 1 else values[0]) if values else UNSET


def _read_deep_object(parameter: Parameter, field: Field, pairs: Pairs, own: set[str]) -> Any:
    """Return what is in brackets after the name: `a[b][c]=1` is `{"b": {"c": "1"}}`; a name that repeats is a list."""
    found: dict[str, Any] = {}
    whole: list[str] = []
    for name, value in pairs:
        if name == parameter.name:
            whole.append(value)
        elif name.startswith(f"{parameter.name}[") and name not in own:
            steps = _STEPS.findall(name[len(parameter.name) :])
            _put(found, steps or [""], value)
    if whole:
        return whole if len(whole) > 1 else whole[0]
    return found or UNSET


def _put(found: dict[str, Any], steps: Sequence[str], value: str) -> None:
    *above, last = [step for step in steps if step] or [""]
    for step in above:
        inner = found.setdefault(step, {})
        found = inner if isinstance(inner, dict) else {}
    old = found.get(last)
    found[last] = value if old is None else [*old, value] if isinstance(old, list) else [old, value]


def _read_exploded(parameter: Parameter, field: Field, pairs: Pairs, own: set[str]) -> Any:
    """Return the members, each a pair of its own: those that are declared, or that are no other parameter."""
    declared = {child.name for form in field.alternatives for child in form.children}
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in declared or name not in own:
            _put(found, [name], value)
    return found or UNSET


def read_form(field: Field | None, encodings: Any, pairs: Pairs) -> dict[str, Any]:
    """Return the values of a form by name (OpenAPI 3.1.1, section 4.8.15): each in its style, else as text or JSON.

    Args:
        field: the field of the body.
        encodings: the Encoding Objects by the names of the values, as the document has them.
        pairs: the names and values, decoded.
    """
    by_name = encodings if isinstance(encodings, Mapping) else {}
    members = {child.name: child for form in field.alternatives for child in form.children} if field else {}
    own, values, read = set(members), dict[str, Any](), set[str]()
    for name, member in members.items():
        encoding = by_name.get(name)
        style = encoding.get("style") if isinstance(encoding, Mapping) else None
        explode = encoding.get("explode", style == "form") if isinstance(encoding, Mapping) else True
        parameter = Parameter(name, name, "query", False, {}, style=str(style or "form"), explode=bool(explode))
        is_spread = style is not None and {form.kind for form in member.alternatives} & {"object", "map"}
        raw = (_read_deep_object if is_spread else _read_list)(parameter, member, pairs, own)
        if raw is not UNSET:
            values[name] = typed_value(member, raw)
            read |= {key for key, _ in pairs if key == name or key.startswith(f"{name}[")}
    for name, value in pairs:
        if name not in read:
            _put(values, [name], value)
    return values


def typed_value(field: Field | None, raw: Any) -> Any:
    """Return texts in the types that a field declares; a text that is not of its type stays."""
    if field is None:
        return raw
    if field.kind == "union":
        values = (typed_value(branch.field, raw) for branch in field.branches)
        branches = zip(field.branches, values, strict=True)
        return next((value for branch, value in branches if is_valid(branch.field, value)), raw)
    if field.kind == "array":
        is_numbered = isinstance(raw, dict) and all(name.isdigit() for name in raw)
        items = [raw[name] for name in sorted(raw, key=int)] if is_numbered else raw
        listed = items if isinstance(items, list) else [items]
        return [typed_value(field.item_at(index), item) for index, item in enumerate(listed)]
    if isinstance(raw, dict):
        return {name: typed_value(field.member(name), inner) for name, inner in raw.items()}
    if not isinstance(raw, str) or field.kind in ("text", "file"):
        return raw
    if field.kind == "choice":
        return next((choice for choice in field.info.choices if _text_of(choice) == raw), raw)
    try:
        value = read_json(raw).data
    except JsonError:
        return raw
    return raw if field.kind == "any" and isinstance(value, str) else value


def _text_of(choice: Any) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)

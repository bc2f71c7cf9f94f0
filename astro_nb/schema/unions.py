"""The branches of a union (`oneOf`, `anyOf`) and the discriminator that chooses among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DanglingReference
from ..openapi import Spec, reference_name
from .normalization import Schema, constraints, normalize, ref_name

if TYPE_CHECKING:
    from .field import Field

Tag = tuple[str, Any]
"""A discriminator: the property's name and the value that chooses a branch."""
ReadField = Callable[[Any, str, bool], "Field"]
"""Reads the field of a schema, from the schema, its name, and whether it is required."""


@dataclass(frozen=True)
class Branch:
    """One alternative of a union.

    Attributes:
        label: what to call it: the discriminator's value, the title, or the schema's name.
        field: its field.
        tag: the discriminator that chooses it; None if there is none.
    """

    label: str
    field: Field
    tag: Tag | None = None


def read_branches(union: Field, read: ReadField) -> Iterator[Branch]:
    """Yield the alternatives of a union, each with the union's own constraints and its discriminator fixed."""
    key = "oneOf" if "oneOf" in union.schema else "anyOf"
    base = constraints({k: v for k, v in union.schema.items() if k not in (key, "discriminator")})
    tags = _tags(union.schema)
    for number, schema in enumerate(union.schema[key], 1):
        tag = tags.get(_ref(schema))
        branch = read(_fix_tag(union.spec, _add_base(union.spec, base, schema), tag), union.name, union.required)
        yield Branch(str(tag[1]) if tag else _label(schema, branch, number), branch, tag)


def default_label(schema: Schema) -> str:
    """Return the label of the branch for values without a known discriminator; empty if the document declares none.

    OpenAPI 3.2, section 4.25.2.1 (`defaultMapping`).
    """
    discriminator = schema.get("discriminator")
    target = discriminator.get("defaultMapping") if isinstance(discriminator, Mapping) else None
    if not isinstance(target, str):
        return ""
    tag = _tags(schema).get(mapping_reference(target))
    return str(tag[1]) if tag else ""


def mapping_reference(target: str) -> str:
    """Return the reference that a discriminator's mapping names: a reference itself, or the name of a schema."""
    return target if "/" in target else f"#/components/schemas/{target}"


def _tags(schema: Schema) -> dict[str, Tag]:
    """Return the discriminator of each branch by its reference: by `mapping`, else by the name of the reference."""
    discriminator = schema.get("discriminator")
    if not discriminator:
        return {}
    name = discriminator["propertyName"]
    refs = filter(None, (_ref(part) for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ()))))
    mapping = discriminator.get("mapping") or {}
    mapped = {mapping_reference(target): (name, str(value)) for value, target in mapping.items()}
    return {ref: (name, reference_name(ref)) for ref in refs} | mapped


def _ref(schema: Any) -> str:
    ref = schema.get("$ref") if isinstance(schema, Mapping) else None
    return ref if isinstance(ref, str) else ""


def _add_base(spec: Spec, base: Schema, schema: Any) -> Any:
    """Return the branch with the union's own constraints; a type alone is not worth losing the branch's name."""
    if not base or (base.keys() == {"type"} and "type" in _normalized(spec, schema)):
        return schema
    return {"allOf": [base, schema]}


def _normalized(spec: Spec, schema: Any) -> dict[str, Any]:
    try:
        return normalize(spec, schema)[0]
    except DanglingReference:
        return {}


def _fix_tag(spec: Spec, schema: Any, tag: Tag | None) -> Any:
    """Return the branch with its discriminator fixed to the one value that chooses it, whatever its own enum lists."""
    if tag is None:
        return schema
    name, value = tag
    plain = _normalized(spec, schema)
    properties = plain.get("properties") or {}
    description = _normalized(spec, properties.get(name)).get("description", "")
    fixed = {"type": "string", "enum": [value], "example": value, "description": description}
    required = list(dict.fromkeys([*plain.get("required", ()), name]))
    return {**plain, "properties": {**properties, name: fixed}, "required": required}


def _label(schema: Any, branch: Field, number: int) -> str:
    return str(branch.schema.get("title") or ref_name(schema) or f"{branch.type_name} ({number})")

"""The alternatives of a union."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DanglingReference
from ..spec import Spec, name_of
from .kinds import ref_name
from .normal import constraints, normal
from .shapes import Schema

if TYPE_CHECKING:
    from .tree import Field

Tag = tuple[str, Any]
Read = Callable[[Any, str, bool], "Field"]


@dataclass(frozen=True)
class Branch:
    """One alternative of a union: its label, its field, and the discriminator's name and value where there is one."""

    label: str
    field: Field
    tag: Tag | None = None


def read_branches(union: Field, read: Read) -> Iterator[Branch]:
    """The alternatives, each with what the union itself asks, and with its discriminator fixed."""
    key = "oneOf" if "oneOf" in union.schema else "anyOf"
    base = constraints({k: v for k, v in union.schema.items() if k not in (key, "discriminator")})
    tags = _tags(union.schema)
    for number, schema in enumerate(union.schema[key], 1):
        tag = tags.get(_ref(schema))
        branch = read(_forced(union.spec, _with(union.spec, base, schema), tag), union.name, union.required)
        yield Branch(str(tag[1]) if tag else _label(schema, branch, number), branch, tag)


def _tags(schema: Schema) -> dict[str, Tag]:
    """The discriminator's name and value by reference: as `mapping` says, else as the reference calls it."""
    discriminator = schema.get("discriminator")
    if not discriminator:
        return {}
    name = discriminator["propertyName"]
    refs = filter(None, (_ref(part) for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ()))))
    mapping = {
        (ref if "/" in ref else f"#/components/schemas/{ref}"): (name, str(value))
        for value, ref in (discriminator.get("mapping") or {}).items()
    }
    return {ref: (name, name_of(ref)) for ref in refs} | mapping


def default_label(schema: Schema) -> str:
    """The label of the branch that counts where the discriminator names none (OpenAPI 3.2, section 4.25.2.1)."""
    about = schema.get("discriminator")
    wanted = about.get("defaultMapping") if isinstance(about, Mapping) else None
    if not isinstance(wanted, str):
        return ""
    tag = _tags(schema).get(wanted if "/" in wanted else f"#/components/schemas/{wanted}")
    return str(tag[1]) if tag else ""


def _ref(schema: Any) -> str:
    ref = schema.get("$ref") if isinstance(schema, Mapping) else None
    return ref if isinstance(ref, str) else ""


def _with(spec: Spec, base: Schema, schema: Any) -> Any:
    """The branch with what the union asks of all; a type alone is not worth losing the branch's name."""
    if not base or (base.keys() == {"type"} and "type" in _plain(spec, schema)):
        return schema
    return {"allOf": [base, schema]}


def _plain(spec: Spec, schema: Any) -> dict[str, Any]:
    try:
        return normal(spec, schema)[0]
    except DanglingReference:
        return {}


def _forced(spec: Spec, schema: Any, tag: Tag | None) -> Any:
    """The branch with its discriminator fixed to the one value that chooses it, whatever its own enum says."""
    if tag is None:
        return schema
    name, value = tag
    plain = _plain(spec, schema)
    properties = plain.get("properties") or {}
    about = _plain(spec, properties.get(name)).get("description", "")
    fixed = {"type": "string", "enum": [value], "example": value, "description": about}
    required = list(dict.fromkeys([*plain.get("required", ()), name]))
    return {**plain, "properties": {**properties, name: fixed}, "required": required}


def _label(schema: Any, branch: Field, number: int) -> str:
    return str(branch.schema.get("title") or ref_name(schema) or f"{branch.type_name} ({number})")

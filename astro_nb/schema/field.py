"""A schema as a tree of `Field`s: the one place that reads structure from JSON Schema.

- A Field is lazy: its children are read on first access, so that recursive schemas cost nothing until they are opened.
- Every schema gives a Field. What has no control of its own has the kind `any` and is edited as JSON.
- `null` is a state of a field, not a kind: `nullable`, `type: [T, "null"]` and `anyOf: [T, null]` mean the same.
- Everything inside a secret is a secret.
- A union (`oneOf`, `anyOf`) has branches; a discriminator chooses among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from ..call import UNSET
from ..errors import DanglingReference
from ..json_text import is_whole
from ..openapi import Extensions, Spec, read_extensions
from ..secrets import is_secret_name
from .normalization import (
    Kind,
    Schema,
    Tag,
    constraints,
    default_label,
    discriminator_tags,
    kind_of,
    normalize,
    ref_name,
    reference_of,
    secrecy,
    type_name,
)
from .validation import CompiledSchema, compile_schema, is_valid, matches_shape

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
    tags = discriminator_tags(union.schema)
    for number, schema in enumerate(union.schema[key], 1):
        tag = tags.get(reference_of(schema))
        branch = read(_fix_tag(union.spec, _add_base(union.spec, base, schema), tag), union.name, union.required)
        yield Branch(str(tag[1]) if tag else _label(schema, branch, number), branch, tag)


def _add_base(spec: Spec, base: Schema, schema: Any) -> Any:
    """Return the branch with the union's own constraints; not for a type alone, so that the branch keeps its name."""
    if not base or (base.keys() == {"type"} and "type" in _normalize_or_empty(spec, schema)):
        return schema
    return {"allOf": [base, schema]}


def _normalize_or_empty(spec: Spec, schema: Any) -> dict[str, Any]:
    try:
        return normalize(spec, schema)[0]
    except DanglingReference:
        return {}


def _fix_tag(spec: Spec, schema: Any, tag: Tag | None) -> Any:
    """Return the branch with its discriminator fixed to the one value that chooses it, whatever its own enum lists."""
    if tag is None:
        return schema
    name, value = tag
    plain = _normalize_or_empty(spec, schema)
    properties = plain.get("properties") or {}
    description = _normalize_or_empty(spec, properties.get(name)).get("description", "")
    fixed = {"type": "string", "enum": [value], "example": value, "description": description}
    required = list(dict.fromkeys([*plain.get("required", ()), name]))
    return {**plain, "properties": {**properties, name: fixed}, "required": required}


def _label(schema: Any, branch: Field, number: int) -> str:
    return str(branch.schema.get("title") or ref_name(schema) or f"{branch.type_name} ({number})")


_SCALARS = ("text", "integer", "number", "boolean", "choice")
_MAX_UNION_DEPTH = 4  # unions inside unions

_BOUNDS: tuple[tuple[str, str], ...] = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "in steps of {}"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("pattern", "pattern {}"),
)
"""The keywords that limit a value, with their wording."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class FieldInfo:
    """The documentation and the limits of one field, read from its schema.

    Attributes:
        schema: the schema, normalized.
    """

    schema: Schema

    @property
    def description(self) -> str:
        """What the value means, or what to enter; Markdown."""
        return str(self.schema.get("description") or self.schema.get("title") or "")

    @property
    def format(self) -> str:
        """The schema's format, such as "date-time"; empty if it has none."""
        return str(self.schema.get("format") or "")

    @property
    def read_only(self) -> bool:
        """Whether only responses carry the field."""
        return bool(self.schema.get("readOnly"))

    @property
    def write_only(self) -> bool:
        """Whether only requests carry the field."""
        return bool(self.schema.get("writeOnly"))

    @property
    def deprecated(self) -> bool:
        """Whether the document marks the field as deprecated."""
        return bool(self.schema.get("deprecated"))

    @property
    def default(self) -> Any:
        """The value that the server assumes if the field is left out; None if the document declares none."""
        return self.schema.get("default")

    @property
    def example(self) -> Any:
        """The document's example, or the first of several; None if there is none."""
        if "example" in self.schema:
            return self.schema["example"]
        examples = self.schema.get("examples")
        return examples[0] if isinstance(examples, list) and examples else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values except null.

        Values that the schema's type excludes are left out, unless that would leave none.
        """
        listed = (self.schema["const"],) if "const" in self.schema else self.schema.get("enum") or ()
        values, type_ = tuple(v for v in listed if v is not None), self.schema.get("type")
        return tuple(v for v in values if _has_type(type_, v)) or values if isinstance(type_, str) else values

    @property
    def contradiction(self) -> str:
        """Why no value can match the schema; empty if one may."""
        type_, choices = self.schema.get("type"), self.choices
        if not isinstance(type_, str) or not choices or any(_has_type(type_, choice) for choice in choices):
            return ""
        if len(choices) == 1:
            return f"The document allows one value here, and it is not of its type {type_}."
        return f"The document allows {len(choices)} values here, and none of them is of its type {type_}."

    @property
    def bounds(self) -> tuple[str, ...]:
        """The limits on the value, as short phrases such as "at most 20 characters"."""
        limits = ((text, self.schema.get(keyword)) for keyword, text in _BOUNDS)
        return tuple(_describe_bound(text, value) for text, value in limits if value is not None)

    @cached_property
    def extensions(self) -> Extensions:
        """The overlay's extensions for the schema."""
        return read_extensions(self.schema)


@dataclass(frozen=True)
class Field:
    """One value of a request or of a response, read from its schema.

    Attributes:
        name: the name of the property or parameter; empty for a body.
        kind: which control edits it.
        required: whether it must be present.
        nullable: whether null is allowed.
        secret: whether its value is a secret.
        secret_when: the sibling whose value decides whether it is a secret; None if none does.
        schema: the schema with references resolved and `allOf` merged.
        type_name: the type for people.
        body_example: the example of a whole body, from its media type; UNSET if there is none.
    """

    name: str
    kind: Kind
    schema: Schema = field(repr=False)
    spec: Spec = field(repr=False, compare=False)
    required: bool = False
    nullable: bool = False
    secret: bool = False
    secret_when: str | None = None
    type_name: str = ""
    body_example: Any = field(default=UNSET, repr=False, compare=False)

    @cached_property
    def info(self) -> FieldInfo:
        """The schema's documentation and limits: description, format, bounds, choices, examples."""
        return FieldInfo(self.schema)

    @cached_property
    def compiled(self) -> CompiledSchema:
        """The schema, compiled for `is_valid`."""
        return compile_schema(self.spec, "either", self.schema)

    @cached_property
    def valid_example(self) -> Any:
        """The document's example, else its default, if it is valid; UNSET if neither is.

        The example of an object is not used as a whole: samples combine the examples of its parts.
        """
        parts = self.kind == "object" or (self.kind == "union" and isinstance(self.info.example, Mapping))
        candidates = (None if parts else self.info.example, self.info.default)
        return next((value for value in candidates if value is not None and is_valid(self, value)), UNSET)

    @cached_property
    def children(self) -> tuple[Field, ...]:
        """The properties of an object, in the document's order; empty for all other kinds."""
        if self.kind != "object":
            return ()
        required = set(self.schema.get("required") or ())
        properties = self.schema.get("properties") or {}
        return tuple(self._read(schema, str(name), str(name) in required) for name, schema in properties.items())

    @cached_property
    def children_by_name(self) -> Mapping[str, Field]:
        """The properties of an object by name."""
        return {child.name: child for child in self.children}

    def child(self, name: str) -> Field | None:
        """The property of that name, or None."""
        return self.children_by_name.get(name)

    @cached_property
    def scalar_names(self) -> frozenset[str]:
        """The properties that are scalars and not secrets, so that nothing in them needs masking."""
        return frozenset(c.name for c in self.children if _is_plain(c))

    @cached_property
    def has_scalars(self) -> bool:
        """Whether it is an array of scalars that are not secrets."""
        return not self.prefix and self.item is not None and _is_plain(self.item)

    @cached_property
    def item(self) -> Field | None:
        """The items of an array, or the undeclared values of an object; None if there can be none."""
        schema = _undeclared_schema(self.kind, self.schema)
        return None if schema is None else self._read(schema, self.name, True)

    @cached_property
    def prefix(self) -> tuple[Field, ...]:
        """The first items of an array, one by one (`prefixItems`); usually empty."""
        listed = self.schema.get("prefixItems", ()) if self.kind == "array" else ()
        return tuple(self._read(schema, self.name, True) for schema in listed)

    def item_at(self, index: int) -> Field | None:
        """The field of the item at that index of an array."""
        return self.prefix[index] if index < len(self.prefix) else self.item

    def member(self, name: str) -> Field | None:
        """The field of the value of that name: a declared property, else an undeclared one."""
        return self.children_by_name.get(name) or self.item

    def _read(self, schema: Any, name: str, required: bool) -> Field:
        return read_field(self.spec, schema, name, required, self.secret)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The alternatives of a union; empty for all other kinds."""
        return tuple(read_branches(self, self._read)) if self.kind == "union" else ()

    @cached_property
    def alternatives(self) -> tuple[Field, ...]:
        """The fields that are not unions: the field itself, or all branches of a union, of nested unions as well."""
        return tuple(_alternatives(self, _MAX_UNION_DEPTH))

    @property
    def default_branch(self) -> Branch | None:
        """The branch for values without a discriminator, if the overlay or the document declares one."""
        label = self.info.extensions.default_branch or default_label(self.schema)
        return next((b for b in self.branches if b.label == label), None) if label else None

    def branch_by_tag(self, value: Any) -> Branch | None:
        """The branch that a value chooses by its discriminator, or the default branch if it has none."""
        if not isinstance(value, Mapping):
            return None
        for branch in self.branches:
            if branch.tag and value.get(branch.tag[0]) == branch.tag[1]:
                return branch
        default = self.default_branch
        if default is None or default.tag is None:
            return None
        return default if default.tag[0] not in value or default_label(self.schema) else None

    def branch_for(self, value: Any) -> Branch | None:
        """The branch that a value belongs to: by discriminator if there is one, else by shape."""
        tagged = self.branch_by_tag(value)
        if tagged is not None:
            return tagged
        matching = [b for b in self.branches if not b.tag and matches_shape(b.field, value)]
        if len(matching) > 1 and isinstance(value, Mapping):
            matching.sort(key=lambda b: -len(set(value) & {c.name for c in b.field.children}))
        return matching[0] if matching else None


def read_field(spec: Spec, schema: Any, name: str = "", required: bool = False, inside_secret: bool = False) -> Field:
    """Return the Field of a schema; if it cannot be read, a field of kind `any` whose description has the reason."""
    try:
        plain, nullable = normalize(spec, schema)
    except DanglingReference as error:
        plain, nullable = {"description": error.what}, True
    except RecursionError:
        plain, nullable = {"description": "The document's schema nests too deeply to be read."}, True
    kind = kind_of(plain)
    secret, when = secrecy(name, kind, plain)
    words = type_name(schema, plain, kind)
    return Field(name, kind, plain, spec, required, nullable, inside_secret or secret, when, words)


def _undeclared_schema(kind: Kind, schema: Schema) -> Any:
    """Return the schema of what has no declaration of its own: items, values by pattern, additional properties."""
    if kind == "array":
        items = schema.get("items", {})
        return None if items is False else items
    extra, patterns = schema.get("additionalProperties"), schema.get("patternProperties", {})
    parts = [*patterns.values(), extra] if isinstance(extra, Mapping) else list(patterns.values())
    if kind not in ("object", "map") or not parts:
        return {} if kind == "map" else None
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def _alternatives(field: Field, depth: int) -> Iterator[Field]:
    if field.kind != "union":
        yield field
    elif depth:
        for branch in field.branches:
            yield from _alternatives(branch.field, depth - 1)


def _is_plain(field: Field) -> bool:
    """Whether a field is a scalar in each of its alternatives, and never a secret."""
    may_be_secret = field.secret or field.secret_when or is_secret_name(field.name)
    return not may_be_secret and all(form.kind in _SCALARS and not form.secret for form in field.alternatives)


def _describe_bound(text: str, value: Any) -> str:
    return text.format(value).removesuffix("s") if value == 1 else text.format(value)


def _has_type(type_: str, value: Any) -> bool:
    if type_ == "integer" and isinstance(value, float | Decimal):
        return is_whole(value)
    return isinstance(value, _TYPES[type_]) and (isinstance(value, bool) == (type_ == "boolean"))

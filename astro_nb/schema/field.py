"""A schema as a tree of `Field`s: the one place that reads structure from JSON Schema.

- A Field is lazy: its children are read on first access, so that recursive schemas cost nothing until they are opened.
- Every schema gives a Field. What has no control of its own has the kind `any` and is edited as JSON.
- `null` is a state of a field, not a kind: `nullable`, `type: [T, "null"]` and `anyOf: [T, null]` mean the same.
- Everything inside a secret is a secret.
- A union (`oneOf`, `anyOf`) has branches; a discriminator chooses among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from ..errors import DanglingReference
from ..json_text import is_whole
from ..openapi import Extensions, Spec, read_extensions
from ..secrets import is_secret_name
from .conditions import Conditions, read_conditions
from .discriminators import Tag, TaggedBranch, allowed_values, read_discriminator, tag_key, union_key
from .normalization import Kind, Schema, constraints, kind_of, may_be_secret, normalize, ref_name, secrecy, type_name
from .validation import CompiledSchema, compile_schema, is_valid, matches_pattern, matches_shape

ReadField = Callable[[Any, str, bool], "Field"]
"""Reads the field of a schema, from the schema, its name, and whether it is required."""


@dataclass(frozen=True)
class Branch:
    """One alternative of a union.

    Attributes:
        label: what to call it: the discriminator's value, the title, or the schema's name.
        field: its field.
        tag: the discriminator that chooses it; None if there is none.
        is_default: whether it counts where the discriminator is missing or unknown, by the document (`defaultMapping`).
    """

    label: str
    field: Field
    tag: Tag | None = None
    is_default: bool = False

    def is_chosen_by(self, value: Mapping[str, Any], above: frozenset[tuple[int, ...]] = frozenset()) -> bool:
        """Whether the discriminator of a value chooses it, or a branch inside it if it is a union itself.

        Args:
            value: the value.
            above: the unions that this one is inside, by the identities of their alternatives: one that contains
                itself has no other branches there.
        """
        if self.tag is not None:
            return bool(value.get(self.tag[0]) == self.tag[1])
        if self.field.kind != "union" or len(above) > _MAX_UNION_DEPTH:
            return False
        own = tuple(map(id, self.field.schema[union_key(self.field.schema)]))
        return own not in above and any(branch.is_chosen_by(value, above | {own}) for branch in self.field.branches)


def read_branches(union: Field, read: ReadField) -> Iterator[Branch]:
    """Yield the alternatives of a union, each with the union's own constraints and its discriminator fixed.

    A branch that several values choose is one alternative for each of them. One that is a union itself keeps its own
    discriminator.
    """
    key = union_key(union.schema)
    base = constraints({k: v for k, v in union.schema.items() if k not in (key, "discriminator")})
    about = read_discriminator(union.spec, union.schema)
    listed = about.branches if about else tuple(TaggedBranch(schema) for schema in union.schema[key])
    shared = Counter(value for branch in listed for value in map(tag_key, branch.values))
    for number, alternative in enumerate(listed, 1):
        schema, default = _add_base(union.spec, base, alternative.schema), about and alternative is about.default
        is_apart = about is not None and _chooses_inside(union.spec, schema, about.name)
        for value in () if is_apart else alternative.values:
            tag = (about.name, value) if about else None
            branch = read(_fix_tag(union.spec, schema, tag), union.name, union.required)
            name = "" if shared[tag_key(value)] == 1 else f" ({_label(alternative.schema, branch, number)})"
            yield Branch(f"{value}{name}", branch, tag, bool(default) and value == alternative.values[0])
        if is_apart or not alternative.values:
            branch = read(schema, union.name, union.required)
            yield Branch(_label(alternative.schema, branch, number), branch, None, bool(default))


def _chooses_inside(spec: Spec, schema: Any, name: str) -> bool:
    """Whether a branch is a union whose own branches fix the discriminator."""
    plain = _normalize_or_empty(spec, schema)
    key, about = union_key(plain), read_discriminator(spec, plain)
    if about is not None and about.name == name:
        return True
    return bool(key) and allowed_values(spec, {key: plain[key]}, name) is not None


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
    fixed = {"enum": [value], "example": value, "description": description}
    fixed |= {"type": "string"} if isinstance(value, str) else {}
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
        return next(iter(self.examples), None)

    @property
    def examples(self) -> tuple[Any, ...]:
        """The document's examples, in its order."""
        listed = self.schema.get("examples")
        own = (self.schema["example"],) if "example" in self.schema else ()
        return (*own, *(listed if isinstance(listed, list) else ()))

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
        body_examples: the examples of a whole body that its media type has, by name; one without a name is "".
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
    body_examples: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def info(self) -> FieldInfo:
        """The schema's documentation and limits: description, format, bounds, choices, examples."""
        return FieldInfo(self.schema)

    @property
    def may_be_sent(self) -> bool:
        """Whether a request may have it: a read-only property only if the document requires it, too."""
        return self.required or not self.info.read_only

    @property
    def must_be_sent(self) -> bool:
        """Whether a request has to have it: read-only properties are required of responses only."""
        return self.required and not self.info.read_only

    @cached_property
    def may_be_secret(self) -> bool:
        """Whether its value is a secret if it looks like one."""
        return may_be_secret(self.name, self.kind, self.schema)

    @cached_property
    def compiled(self) -> CompiledSchema:
        """The schema, compiled for `is_valid`."""
        return compile_schema(self.spec, "either", self.schema)

    @cached_property
    def has_parts(self) -> bool:
        """Whether its value is an object with declared names, so that only some of them may be wanted."""
        return any(form.kind == "object" for form in self.alternatives)

    @property
    def valid_body_examples(self) -> Iterator[Any]:
        """The examples of a whole body that are valid."""
        return (value for value in self.body_examples.values() if is_valid(self, value))

    @cached_property
    def children(self) -> tuple[Field, ...]:
        """The properties of an object, in the document's order; empty for all other kinds."""
        if self.kind != "object":
            return ()
        required = dict.fromkeys(map(str, self.schema.get("required") or ()))
        properties = {str(name): schema for name, schema in (self.schema.get("properties") or {}).items()}
        further = {name: _one_of(schemas) for name, schemas in self.conditions.properties.items()}
        undeclared = {
            name: extra if isinstance(extra := self.schema.get("additionalProperties"), Mapping) else {}
            for name in required
        }
        every = {**undeclared, **further, **properties}
        names = [*properties, *(name for name in every if name not in properties)]
        return tuple(self._read(every[name], name, name in required) for name in names)

    @cached_property
    def conditions(self) -> Conditions:
        """What `if`, `dependentSchemas` and `dependentRequired` name and require."""
        return read_conditions(self.spec, self.schema)

    @cached_property
    def conditional_names(self) -> frozenset[str]:
        """The properties that only conditions name."""
        return frozenset(self.conditions.properties.keys() - (self.schema.get("properties") or {}).keys())

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

    def undeclared(self, name: str) -> Field | None:
        """The field of the value of a name that has no declaration; None if the document does not mention such names.

        Whatever is not forbidden is valid, but only what `additionalProperties` or `patternProperties` mention, or an
        object that declares no name at all, is open to further names.
        """
        extra, patterns = further_properties(self.schema), self.schema.get("patternProperties", {})
        names = self.schema.get("propertyNames")
        if self.kind not in ("object", "map") or (name and names and not is_valid(self._read(names, "", True), name)):
            return None
        for pattern, schema in patterns.items():
            if matches_pattern(pattern, name):
                return self._read(schema, name, True)
        if isinstance(extra, Mapping) or extra is True or (extra is None and not patterns and self.kind == "map"):
            return self._read(extra if isinstance(extra, Mapping) else {}, name, True)
        return None

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
        label = self.info.extensions.default_branch
        return next((b for b in self.branches if (b.label == label if label else b.is_default)), None)

    def branch_by_tag(self, value: Any) -> Branch | None:
        """The branch that a value chooses by its discriminator, or the default branch if it has none."""
        if not isinstance(value, Mapping):
            return None
        chosen = [branch for branch in self.branches if branch.is_chosen_by(value)]
        if chosen:
            return _best_match(chosen, value) or chosen[0]
        default = self.default_branch
        if default is None or default.tag is None:
            return None
        return default if default.tag[0] not in value or default.is_default else None

    def branch_for(self, value: Any) -> Branch | None:
        """The branch that a value belongs to: by discriminator if there is one, else by shape."""
        tagged = self.branch_by_tag(value)
        return tagged or _best_match([branch for branch in self.branches if not branch.tag], value)


def _best_match(branches: list[Branch], value: Any) -> Branch | None:
    """Return the branch whose shape a value has, of several the one that knows most of its names; None if none has."""
    matching = [b for b in branches if matches_shape(b.field, value)]
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
    if kind in ("map", "any") and plain.get("type") in (None, "object") and read_conditions(spec, plain).properties:
        kind = "object"
    secret, when = secrecy(name, kind, plain)
    words = type_name(schema, plain, kind)
    return Field(name, kind, plain, spec, required, nullable, inside_secret or secret, when, words)


def further_properties(schema: Schema) -> Any:
    """Return the schema of the properties that nothing names: `additionalProperties`, else `unevaluatedProperties`."""
    return schema.get("additionalProperties", schema.get("unevaluatedProperties"))


def _one_of(schemas: list[Any]) -> Any:
    """Return the schema of a property that conditions describe: one of several, or anything."""
    return {"anyOf": schemas} if len(schemas) > 1 else schemas[0] if schemas else {}


def _undeclared_schema(kind: Kind, schema: Schema) -> Any:
    """Return the schema of what has no declaration of its own: items, values by pattern, additional properties."""
    if kind == "array":
        items = schema.get("items", {})
        return None if items is False else items
    extra, patterns = further_properties(schema), schema.get("patternProperties", {})
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
    may_be = field.secret or field.secret_when or is_secret_name(field.name) or field.may_be_secret
    return not may_be and all(form.kind in _SCALARS and not form.secret for form in field.alternatives)


def _describe_bound(text: str, value: Any) -> str:
    return text.format(value).removesuffix("s") if value == 1 else text.format(value)


def _has_type(type_: str, value: Any) -> bool:
    if type_ == "integer" and isinstance(value, float | Decimal):
        return is_whole(value)
    return isinstance(value, _TYPES[type_]) and (isinstance(value, bool) == (type_ == "boolean"))

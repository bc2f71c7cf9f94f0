"""The one walk over a schema: schema to `Field` tree.

Rule 1: a Field is lazy. Its children are read when they are looked at, so recursion costs nothing until it is opened.
Rule 2: whatever the schema is, there is a Field; what cannot be drawn has the kind `any` and is edited as JSON.
Rule 3: `null` is a state of a field, not a kind: `nullable`, `type: [T, "null"]` and `anyOf: [T, null]` are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ..errors import DanglingReference
from ..spec import NOTE, Spec
from .normal import Schema, normal

Kind = Literal["text", "integer", "number", "boolean", "choice", "object", "map", "array", "union", "file", "any"]
SECRET_NAME = re.compile(
    r"(?i)(?:.*_)?(?:pass(?:word|wd|phrase)|(?:client_?)?secret|(?:private|api|secret)_?key|(?:access|refresh)_?token)\Z"
)
"""Names that say that their value is a secret, whatever the document says."""
_FORMS: dict[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
_SCALARS = ("text", "integer", "number", "boolean", "choice")
_BOUNDS: tuple[tuple[str, str], ...] = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "in steps of {}"),
    ("minItems", "at least {} entries"),
    ("maxItems", "at most {} entries"),
    ("pattern", "pattern {}"),
)


@dataclass(frozen=True)
class Branch:
    """One alternative of a union: its label, its field, and the discriminator's name and value where there is one."""

    label: str
    field: Field
    tag: tuple[str, Any] | None = None


@dataclass(frozen=True)
class Field:
    """One place of a form or of an answer, read from a schema.

    Attributes:
        name: the property's or parameter's name; empty for a body.
        kind: what it is drawn as.
        required: whether it must be there.
        nullable: whether null is allowed.
        secret: whether its value is a secret; `secret_when` names a sibling that decides.
        schema: the schema with references followed and `allOf` merged.
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

    @property
    def description(self) -> str:
        """What to enter, or what the value tells; Markdown."""
        return str(self.schema.get("description") or self.schema.get("title") or "")

    @property
    def format(self) -> str:
        """The schema's format, such as "date-time"; empty where none is stated."""
        return str(self.schema.get("format") or "")

    @property
    def read_only(self) -> bool:
        """Whether only answers carry it."""
        return bool(self.schema.get("readOnly"))

    @property
    def write_only(self) -> bool:
        """Whether only requests carry it."""
        return bool(self.schema.get("writeOnly"))

    @property
    def deprecated(self) -> bool:
        """Whether the document advises against it."""
        return bool(self.schema.get("deprecated"))

    @property
    def default(self) -> Any:
        """What the server assumes when it is left out; None where none is stated."""
        return self.schema.get("default")

    @property
    def example(self) -> Any:
        """The document's example, or None."""
        if "example" in self.schema:
            return self.schema["example"]
        examples = self.schema.get("examples")
        return examples[0] if isinstance(examples, list) and examples else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values of a choice, null aside."""
        if "const" in self.schema:
            return (self.schema["const"],)
        return tuple(v for v in self.schema.get("enum") or () if v is not None)

    @property
    def bounds(self) -> tuple[str, ...]:
        """The limits on the value, in words."""
        words = [
            text.format(self.schema[key]) for key, text in _BOUNDS if self.schema.get(key) not in (None, True, False)
        ]
        return tuple(words)

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of this schema, by the extension's name without its prefix."""
        return {key[len(NOTE) :]: value for key, value in self.schema.items() if str(key).startswith(NOTE)}

    @cached_property
    def children(self) -> tuple[Field, ...]:
        """The properties of an object, in the document's order; empty for all other kinds."""
        if self.kind != "object":
            return ()
        required = set(self.schema.get("required") or ())
        properties = self.schema.get("properties") or {}
        return tuple(read(self.spec, schema, str(name), str(name) in required) for name, schema in properties.items())

    def child(self, name: str) -> Field | None:
        """The property of that name, or None."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {child.name: child for child in self.children}

    @cached_property
    def scalar_names(self) -> frozenset[str]:
        """The properties that are scalars and no secrets: nobody has to look into them."""
        return frozenset(c.name for c in self.children if c.kind in _SCALARS and not c.secret and not c.secret_when)

    @cached_property
    def item(self) -> Field | None:
        """What an array's entries, or a map's values, are; None for all other kinds."""
        if self.kind == "array":
            return read(self.spec, self.schema.get("items") or {}, self.name, True)
        extra = self.schema.get("additionalProperties")
        if self.kind == "map":
            return read(self.spec, extra if isinstance(extra, Mapping) else {}, self.name, True)
        return None

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The alternatives of a union; empty for all other kinds."""
        return tuple(_branches(self)) if self.kind == "union" else ()

    @property
    def default_branch(self) -> Branch | None:
        """The alternative that the server assumes without a discriminator, where the overlay knows it."""
        label = self.notes.get("default-branch")
        return next((b for b in self.branches if b.label == label), None) if label else None

    def branch_for(self, value: Any) -> Branch | None:
        """The alternative that a value belongs to: by discriminator where there is one, else by shape."""
        for branch in self.branches:
            if branch.tag and isinstance(value, Mapping) and value.get(branch.tag[0]) == branch.tag[1]:
                return branch
        default = self.default_branch
        if default and default.tag and isinstance(value, Mapping) and default.tag[0] not in value:
            return default
        fitting = [b for b in self.branches if not b.tag and fits(b.field, value)]
        if len(fitting) > 1 and isinstance(value, Mapping):
            fitting.sort(key=lambda b: -len(set(value) & {c.name for c in b.field.children}))
        return fitting[0] if fitting else None


def read(spec: Spec, schema: Any, name: str = "", required: bool = False) -> Field:
    """The Field of a schema; a schema whose reference dangles gives a field of kind `any` that says so."""
    try:
        plain, nullable = normal(spec, schema, 0)
    except DanglingReference as error:
        plain, nullable = {"description": error.what}, True
    note = plain.get(f"{NOTE}secret")
    when = note.get("when") if isinstance(note, Mapping) else None
    kind = _kind(plain)
    secret = when is None and (bool(note) if note is not None else _looks_secret(name, kind, plain))
    return Field(name, kind, plain, spec, required, nullable, secret, when, _type_name(schema, plain, kind))


def fits(field: Field, value: Any) -> bool:
    """Whether a value has the outward shape of a field: type, constants, and required names."""
    if value is None:
        return field.nullable
    if field.kind == "choice":
        return value in field.choices
    if field.kind == "object":
        needed = {c.name: c for c in field.children if c.required}
        return isinstance(value, Mapping) and all(n in value for n in needed) and _constants_fit(field, value)
    return _SHAPES[field.kind](value)


def _constants_fit(field: Field, value: Mapping[str, Any]) -> bool:
    fixed = [c for c in field.children if c.kind == "choice" and len(c.choices) == 1]
    return all(c.name not in value or value[c.name] in c.choices for c in fixed)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda v: isinstance(v, str),
    "file": lambda v: isinstance(v, str | bytes),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "map": lambda v: isinstance(v, Mapping),
    "union": lambda v: True,
    "any": lambda v: True,
}


def _kind(schema: Schema) -> Kind:
    if schema.get("enum") or "const" in schema:
        return "choice"
    if schema.get("oneOf") or schema.get("anyOf"):
        return "union"
    found = _FORMS.get(str(schema.get("type")), "any")
    if found == "object" and not schema.get("properties"):
        extra = schema.get("additionalProperties", True)
        return "map" if extra is not False else "object"
    return "file" if found == "text" and schema.get("format") == "binary" else found


def _looks_secret(name: str, kind: Kind, schema: Schema) -> bool:
    return kind == "text" and (schema.get("format") == "password" or bool(SECRET_NAME.fullmatch(name)))


def _type_name(schema: Any, plain: Schema, kind: Kind) -> str:
    ref = str(schema.get("$ref", "")).rpartition("/")[2] if isinstance(schema, Mapping) else ""
    if kind == "array":
        items = plain.get("items") or {}
        inner = str(items.get("$ref", "")).rpartition("/")[2] or str(items.get("type", "any"))
        return f"list of {inner}"
    names = {"text": "string", "choice": "choice", "map": "names and values", "union": "one of", "any": "JSON"}
    return ref or names.get(kind, kind) + (f" ({plain['format']})" if plain.get("format") else "")


def _branches(union: Field) -> list[Branch]:
    key = "oneOf" if union.schema.get("oneOf") else "anyOf"
    base = {k: v for k, v in union.schema.items() if k not in (key, "discriminator")}
    discriminator = union.schema.get("discriminator") or {}
    tags = _tags(discriminator)
    found = []
    for number, schema in enumerate(union.schema[key], 1):
        ref = str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""
        name = ref.rpartition("/")[2]
        tag = tags.get(ref) or (
            (discriminator["propertyName"], name) if discriminator.get("propertyName") and name else None
        )
        merged = {"allOf": [base, schema]} if base.get("properties") else schema
        branch = read(union.spec, _forced(union.spec, merged, tag), union.name, union.required)
        found.append(Branch(str(tag[1]) if tag else _label(schema, branch, number), branch, tag))
    return found


def _tags(discriminator: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    name = str(discriminator.get("propertyName", ""))
    mapping = discriminator.get("mapping") or {}
    return {(ref if "/" in ref else f"#/components/schemas/{ref}"): (name, value) for value, ref in mapping.items()}


def _forced(spec: Spec, schema: Any, tag: tuple[str, Any] | None) -> Any:
    """The branch with its discriminator fixed to the one value that chooses it, whatever its own enum says."""
    if tag is None:
        return schema
    name, value = tag
    plain, _ = normal(spec, schema, 0)
    old = (plain.get("properties") or {}).get(name) or {}
    fixed = {
        "type": "string",
        "enum": [value],
        "example": value,
        "description": spec.resolve(old).get("description", ""),
    }
    required = list(dict.fromkeys([*(plain.get("required") or []), name]))
    return {**plain, "properties": {**(plain.get("properties") or {}), name: fixed}, "required": required}


def _label(schema: Any, branch: Field, number: int) -> str:
    ref = str(schema.get("$ref", "")).rpartition("/")[2] if isinstance(schema, Mapping) else ""
    return str(branch.schema.get("title") or ref or f"{branch.type_name} ({number})")

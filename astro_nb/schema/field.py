"""What a schema tells of a value beside its structure.

The alternatives of a union.

The one walk over a schema: schema to `Field` tree.

Rule 1: a Field is lazy. Its children are read when they are looked at, so recursion costs nothing until it is opened.
Rule 2: whatever the schema is, there is a Field; what cannot be drawn has the kind `any` and is edited as JSON.
Rule 3: `null` is a state of a field, not a kind: `nullable`, `type: [T, "null"]` and `anyOf: [T, null]` are one.
Rule 4: inside a secret everything is secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..call import UNSET
from ..errors import DanglingReference
from ..openapi import Spec, notes_of, reference_name
from ..secrets import is_secret_name
from .normalization import Kind, Schema, constraints, kind_of, normal, ref_name, secrecy, type_name
from .validation import is_valid, matches_shape

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


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Told:
    """What a plain schema tells, by name."""

    schema: Schema

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
        """The allowed values of a choice, null aside; of those that its type excludes none, where it leaves some."""
        listed = (self.schema["const"],) if "const" in self.schema else self.schema.get("enum") or ()
        given, kind = tuple(v for v in listed if v is not None), self.schema.get("type")
        return tuple(v for v in given if _is_of(kind, v)) or given if isinstance(kind, str) else given

    @property
    def contradiction(self) -> str:
        """Why no value can keep to the schema, in words; empty where one may."""
        kind, choices = self.schema.get("type"), self.choices
        wrong = isinstance(kind, str) and choices and not any(_is_of(kind, choice) for choice in choices)
        return (
            f"The document allows {len(choices)} values here, and none of them is of its type {kind}." if wrong else ""
        )

    @property
    def bounds(self) -> tuple[str, ...]:
        """The limits on the value, in words."""
        given = ((text, self.schema.get(key)) for key, text in _BOUNDS)
        return tuple(text.format(value) for text, value in given if value is not None)

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of this schema, by the extension's name without its prefix."""
        return notes_of(self.schema)


def _is_of(kind: str, value: Any) -> bool:
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind]) and (isinstance(value, bool) == (kind == "boolean"))


Tag = tuple[str, Any]
Read = Callable[[Any, str, bool], "Field"]


@dataclass(frozen=True)
class Branch:
    """One alternative of a union: its label, its field, and the discriminator's name and value where there is one."""

    label: str
    field: Field
    tag: Tag | None = None


def branches_of(union: Field, read_field: Read) -> Iterator[Branch]:
    """The alternatives, each with what the union itself asks, and with its discriminator fixed."""
    key = "oneOf" if "oneOf" in union.schema else "anyOf"
    base = constraints({k: v for k, v in union.schema.items() if k not in (key, "discriminator")})
    tags = _tags(union.schema)
    for number, schema in enumerate(union.schema[key], 1):
        tag = tags.get(_ref(schema))
        branch = read_field(_forced(union.spec, _with(union.spec, base, schema), tag), union.name, union.required)
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
    return {ref: (name, reference_name(ref)) for ref in refs} | mapping


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


_SCALARS = ("text", "integer", "number", "boolean", "choice")
_DEEPEST = 4  # unions inside unions


@dataclass(frozen=True)
class Field(Told):
    """One place of a form or of an answer, read from a schema.

    Attributes:
        name: the property's or parameter's name; empty for a body.
        kind: what it is drawn as.
        required: whether it must be there.
        nullable: whether null is allowed.
        secret: whether its value is a secret; `secret_when` names a sibling that decides.
        schema: the schema with references followed and `allOf` merged.
        whole: an example of a whole body, from its media type; UNSET where there is none.
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
    whole: Any = field(default=UNSET, repr=False, compare=False)

    @cached_property
    def stated(self) -> tuple[Any, ...]:
        """The document's example, else its default, if it keeps to the schema; empty where there is none that does."""
        return _stated(self)

    @cached_property
    def children(self) -> tuple[Field, ...]:
        """The properties of an object, in the document's order; empty for all other kinds."""
        if self.kind != "object":
            return ()
        required = set(self.schema.get("required") or ())
        properties = self.schema.get("properties") or {}
        return tuple(self._inner(schema, str(name), str(name) in required) for name, schema in properties.items())

    def child(self, name: str) -> Field | None:
        """The property of that name, or None."""
        return self.named.get(name)

    @cached_property
    def named(self) -> Mapping[str, Field]:
        """The properties of an object by name."""
        return {child.name: child for child in self.children}

    @cached_property
    def scalar_names(self) -> frozenset[str]:
        """The properties that are scalars and no secrets: nobody has to look into them."""
        return frozenset(c.name for c in self.children if _is_plain(c))

    @cached_property
    def has_scalars(self) -> bool:
        """Whether it is an array of scalars that are no secrets."""
        return not self.prefix and self.item is not None and _is_plain(self.item)

    @cached_property
    def item(self) -> Field | None:
        """What an array's entries are, or an object's values that have no property of their own; None where neither."""
        schema = _rest(self.kind, self.schema)
        return None if schema is None else self._inner(schema, self.name, True)

    @cached_property
    def prefix(self) -> tuple[Field, ...]:
        """What the first entries of an array are, one by one; mostly empty."""
        listed = self.schema.get("prefixItems", ()) if self.kind == "array" else ()
        return tuple(self._inner(schema, self.name, True) for schema in listed)

    def entry(self, index: int) -> Field | None:
        """What the entry at that index of an array is."""
        return self.prefix[index] if index < len(self.prefix) else self.item

    def member(self, name: str) -> Field | None:
        """What the value of that name is: a property, or one of those that have none of their own."""
        return self.named.get(name) or self.item

    def _inner(self, schema: Any, name: str, required: bool) -> Field:
        return read_field(self.spec, schema, name, required, self.secret)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The alternatives of a union; empty for all other kinds."""
        return tuple(branches_of(self, self._inner)) if self.kind == "union" else ()

    @cached_property
    def forms(self) -> tuple[Field, ...]:
        """What a value can be drawn as: the field itself, or of a union all branches, of unions among them theirs."""
        return tuple(_forms(self, _DEEPEST))

    @property
    def default_branch(self) -> Branch | None:
        """The alternative that counts without a discriminator, where the overlay or the document says it."""
        label = self.notes.get("default-branch") or default_label(self.schema)
        return next((b for b in self.branches if b.label == label), None) if label else None

    def sure_branch(self, value: Any) -> Branch | None:
        """The alternative that a value names by its discriminator, or that is assumed where it leaves that out."""
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
        """The alternative that a value belongs to: by discriminator where there is one, else by shape."""
        sure = self.sure_branch(value)
        if sure is not None:
            return sure
        fitting = [b for b in self.branches if not b.tag and matches_shape(b.field, value)]
        if len(fitting) > 1 and isinstance(value, Mapping):
            fitting.sort(key=lambda b: -len(set(value) & {c.name for c in b.field.children}))
        return fitting[0] if fitting else None


def read_field(spec: Spec, schema: Any, name: str = "", required: bool = False, inside: bool = False) -> Field:
    """The Field of a schema; a schema whose reference dangles gives a field of kind `any` that says so.

    What stands `inside` a secret is one.
    """
    try:
        plain, nullable = normal(spec, schema)
    except DanglingReference as error:
        plain, nullable = {"description": error.what}, True
    except RecursionError:
        plain, nullable = {"description": "The document's schema nests too deeply to be read."}, True
    kind = kind_of(plain)
    secret, when = secrecy(name, kind, plain)
    return Field(name, kind, plain, spec, required, nullable, inside or secret, when, type_name(schema, plain, kind))


def _rest(kind: Kind, schema: Schema) -> Any:
    """The schema of all that has no place of its own: an array's entries, values by pattern, undeclared ones."""
    if kind == "array":
        items = schema.get("items", {})
        return None if items is False else items
    extra, patterns = schema.get("additionalProperties"), schema.get("patternProperties", {})
    parts = [*patterns.values(), extra] if isinstance(extra, Mapping) else list(patterns.values())
    if kind not in ("object", "map") or not parts:
        return {} if kind == "map" else None
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def _stated(field: Field) -> tuple[Any, ...]:
    """The example, else the default, if it keeps to the schema; an object is made of its parts' examples."""
    parts = field.kind == "object" or (field.kind == "union" and isinstance(field.example, Mapping))
    given = (None if parts else field.example, field.default)
    return next(((value,) for value in given if value is not None and is_valid(field, value)), ())


def _forms(field: Field, depth: int) -> Iterator[Field]:
    if field.kind != "union":
        yield field
    elif depth:
        for branch in field.branches:
            yield from _forms(branch.field, depth - 1)


def _is_plain(field: Field) -> bool:
    """Whether a field is a scalar, whichever form it takes, and no secret, whatever value comes."""
    told = field.secret or field.secret_when or is_secret_name(field.name)
    return not told and all(form.kind in _SCALARS and not form.secret for form in field.forms)

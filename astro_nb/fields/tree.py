"""The one walk over a schema: schema to `Field` tree.

Rule 1: a Field is lazy. Its children are read when they are looked at, so recursion costs nothing until it is opened.
Rule 2: whatever the schema is, there is a Field; what cannot be drawn has the kind `any` and is edited as JSON.
Rule 3: `null` is a state of a field, not a kind: `nullable`, `type: [T, "null"]` and `anyOf: [T, null]` are one.
Rule 4: inside a secret everything is secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..call import UNSET
from ..errors import DanglingReference
from ..spec import Spec
from .branches import Branch, default_label, read_branches
from .fit import fits, keeps
from .kinds import Kind, kind_of, names_secret, secrecy, type_name
from .normal import normal
from .shapes import Schema
from .told import Told

__all__ = ["Branch", "Field", "Kind", "Schema", "fits", "keeps", "read"]

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
        return read(self.spec, schema, name, required, self.secret)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The alternatives of a union; empty for all other kinds."""
        return tuple(read_branches(self, self._inner)) if self.kind == "union" else ()

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
        fitting = [b for b in self.branches if not b.tag and fits(b.field, value)]
        if len(fitting) > 1 and isinstance(value, Mapping):
            fitting.sort(key=lambda b: -len(set(value) & {c.name for c in b.field.children}))
        return fitting[0] if fitting else None


def read(spec: Spec, schema: Any, name: str = "", required: bool = False, inside: bool = False) -> Field:
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
    return next(((value,) for value in given if value is not None and keeps(field, value)), ())


def _forms(field: Field, depth: int) -> Iterator[Field]:
    if field.kind != "union":
        yield field
    elif depth:
        for branch in field.branches:
            yield from _forms(branch.field, depth - 1)


def _is_plain(field: Field) -> bool:
    """Whether a field is a scalar, whichever form it takes, and no secret, whatever value comes."""
    told = field.secret or field.secret_when or names_secret(field.name)
    return not told and all(form.kind in _SCALARS and not form.secret for form in field.forms)

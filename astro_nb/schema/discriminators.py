"""Discriminators: which value of a property chooses which schema (OpenAPI 3.1.1, section 4.8.25).

What chooses a branch is, in this order:

1. the value that the branch itself allows alone for the property: its `const`, or an `enum` of one value, also in its
   `allOf`; or that an extension of it names;
2. every name that the `mapping` gives it, each a choice of its own;
3. the name of its schema; or, if its own `enum` lists other values only, these.

A discriminator beside a `oneOf` or `anyOf` chooses among these; without one, the one that all of them inherit
(`read_discriminator`). One beside neither chooses among the schemas that have this one in their `allOf`, or that its
`mapping` names (`read_family`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import DanglingReference
from ..openapi import Spec, reference_name

Schema = Mapping[str, Any]
Tag = tuple[str, Any]
"""A discriminator: the property's name and the value that chooses a branch."""

UNION_KEYS = ("oneOf", "anyOf")
_VENDOR_KEYS = ("x-ms-discriminator-value", "x-discriminator-value")
"""The extensions by which generators name a value in the schema that it chooses, where a mapping does not exist."""
_MAX_DEPTH = 32  # schemas inside one another that are searched for the values of a property


@dataclass(frozen=True)
class TaggedBranch:
    """One schema that a discriminator chooses.

    Attributes:
        schema: the schema as the document has it; a mapping-only branch is a reference.
        values: the values of the property that choose it; empty if none does.
    """

    schema: Any
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Discriminator:
    """The branches of a union, and what chooses among them.

    Attributes:
        name: the property.
        branches: what the union lists, in its order, then what only the mapping names.
        default: the branch for values that are missing or unknown (`defaultMapping`, OpenAPI 3.2), if any.
        dangling: a sentence about each name of the mapping that refers to nothing.
    """

    name: str
    branches: tuple[TaggedBranch, ...]
    default: TaggedBranch | None = None
    dangling: tuple[str, ...] = ()

    def about_references(self, spec: Spec, branches: list[Any]) -> dict[str, Any]:
        """Return a Discriminator Object for these branches, which names the values of those that are references."""
        refs = {_identity(spec, branch): branch["$ref"] for branch in branches if reference_of(branch)}
        tagged = [(value, _identity(spec, branch.schema)) for branch in self.branches for value in branch.values]
        mapping = {str(value): refs[identity] for value, identity in tagged if identity in refs}
        return {"propertyName": self.name, "mapping": mapping}

    def by_value(self) -> list[tuple[Any, list[TaggedBranch]]]:
        """Return each value with the branches that it chooses: usually one."""
        found: dict[str, tuple[Any, list[TaggedBranch]]] = {}
        for branch in self.branches:
            for value in branch.values:
                found.setdefault(tag_key(value), (value, []))[1].append(branch)
        return list(found.values())


def tag_key(value: Any) -> str:
    """Return what is equal for equal values of a discriminator: 1, true and "1" are three values."""
    return f"{type(value).__name__} {value}"


def is_discriminator(value: Any) -> bool:
    """Whether a value is a Discriminator Object."""
    mapping = value.get("mapping") if isinstance(value, Mapping) else None
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("propertyName"), str)
        and (mapping is None or (isinstance(mapping, Mapping) and all(isinstance(t, str) for t in mapping.values())))
    )


def union_key(schema: Schema) -> str:
    """Return the keyword of a union; empty if the schema is none."""
    return next((key for key in UNION_KEYS if isinstance(schema.get(key), list) and schema[key]), "")


def read_discriminator(spec: Spec, schema: Schema) -> Discriminator | None:
    """Return what chooses among the branches of a union; None if it has no discriminator, or an invalid one.

    If its branches all inherit one from the same schema, that chooses among them.
    """
    key, own = union_key(schema), schema.get("discriminator")
    about = own if own is not None else _shared_discriminator(spec, schema.get(key) or ())
    if not key or about is None or not is_discriminator(about):
        return None
    names = _Mapping(spec, about)
    listed = [(part, _identity(spec, part)) for part in schema[key]]
    known = {identity for _, identity in listed}
    further = names.refs.items() if own is not None else ()
    listed += [({"$ref": ref}, identity) for identity, ref in further if identity not in known]
    branches = tuple(TaggedBranch(part, names.values_of(part)) for part, _ in listed)
    default = next((b for b, (_, identity) in zip(branches, listed, strict=True) if identity == names.default), None)
    return Discriminator(names.property, branches, default, tuple(names.dangling))


def _shared_discriminator(spec: Spec, branches: Iterable[Any]) -> Mapping[str, Any] | None:
    families = families_of(spec)
    targets = [target_of(spec, branch) for branch in branches if not is_null(spec, branch)]
    found = [families.inherited(target) for target in targets if isinstance(target, Mapping)]
    first = found[0] if found and len(found) == len(targets) else None
    return first if all(about is first for about in found) else None


class _Mapping:
    """A Discriminator Object: its property, and the schemas that its mapping names."""

    def __init__(self, spec: Spec, about: Mapping[str, Any]) -> None:
        self.spec, self.property = spec, str(about["propertyName"])
        self.names: dict[int, list[str]] = {}
        self.refs: dict[int, str] = {}
        self.dangling: list[str] = []
        for value, target in (about.get("mapping") or {}).items():
            ref = _mapping_reference(target)
            try:
                identity = id(spec.resolve({"$ref": ref}))
            except DanglingReference:
                self.dangling.append(f"The discriminator's value {value} refers to {target}, which does not exist.")
            else:
                self.names.setdefault(identity, []).append(str(value))
                self.refs.setdefault(identity, ref)
        default = about.get("defaultMapping")
        self.default = _identity(spec, {"$ref": _mapping_reference(default)}) if isinstance(default, str) else 0

    def values_of(self, schema: Any) -> tuple[Any, ...]:
        """Return what chooses a branch, as the head of this module says."""
        allowed = allowed_values(self.spec, schema, self.property)
        if allowed and len(allowed) == 1:
            return tuple(allowed)
        vendor = next(
            (v for key in _VENDOR_KEYS if (v := self.spec.resolve_or_empty(schema).get(key)) is not None), None
        )
        if vendor is not None:
            return (vendor,)
        named = [self._as_declared(schema, allowed, name) for name in self.names.get(_identity(self.spec, schema), ())]
        if named:
            return tuple([value for value in named if not allowed or value in allowed] or named)
        name = reference_name(schema["$ref"]) if reference_of(schema) else None
        if allowed and name not in allowed:
            return tuple(allowed)
        return () if name is None else (name,)

    def _as_declared(self, schema: Any, allowed: list[Any] | None, name: str) -> Any:
        """Return a name of the mapping, which is always text, as a value of the property's type."""
        try:
            value = json.loads(name)
        except ValueError:
            return name
        if allowed:
            return value if value in allowed and name not in allowed else name
        declared = _property_type(self.spec, schema, self.property)
        is_number = declared in ("integer", "number") and isinstance(value, int | float)
        return value if is_number or (declared == "boolean" and isinstance(value, bool)) else name


def _mapping_reference(target: str) -> str:
    """Return the reference that a discriminator's mapping names: a reference itself, or the name of a schema."""
    return target if "/" in target else f"#/components/schemas/{target}"


def reference_of(schema: Any) -> str:
    """Return the reference of a schema; empty if it is not one."""
    ref = schema.get("$ref") if isinstance(schema, Mapping) else None
    return ref if isinstance(ref, str) else ""


def target_of(spec: Spec, schema: Any) -> Any:
    """Return the schema that a reference leads to, without the keywords beside the reference; else the schema."""
    ref = reference_of(schema)
    return spec.resolve_or_empty({"$ref": ref}) if ref else schema


def _identity(spec: Spec, schema: Any) -> int:
    """Return what is the same for every reference to one schema."""
    return id(target_of(spec, schema))


# --- the values of a property -----------------------------------------------------------------------------------------

Own = Callable[[Schema, int], "list[Any] | None"]


def allowed_values(spec: Spec, schema: Any, name: str) -> list[Any] | None:
    """Return the values that a schema lists for a property, null excluded; None if it lists none."""

    def listed(plain: Schema, depth: int) -> list[Any] | None:
        properties = plain.get("properties")
        inner = properties.get(name) if isinstance(properties, Mapping) else None
        return None if inner is None else _combine(spec, inner, _constants, depth)

    return _combine(spec, schema, listed, 0)


def _constants(plain: Schema, depth: int) -> list[Any] | None:
    values = [plain["const"]] if "const" in plain else plain.get("enum")
    return [value for value in values if value is not None] or None if isinstance(values, list) else None


def _combine(spec: Spec, schema: Any, own: Own, depth: int) -> list[Any] | None:
    """Return the values that all parts of a schema allow, and that some branch of its union allows."""
    plain = spec.resolve_or_empty(schema)
    if depth > _MAX_DEPTH:
        return None
    lists = [own(plain, depth + 1), *(_combine(spec, part, own, depth + 1) for part in _listed(plain, "allOf"))]
    for key in UNION_KEYS if depth < _MAX_DEPTH // 8 else ():
        branches = [_combine(spec, b, own, depth + 1) for b in _listed(plain, key) if not is_null(spec, b)]
        lists.append(None if any(b is None for b in branches) else [value for b in branches for value in b or ()])
    found = [values for values in lists if values]
    if not found:
        return None
    first, *rest = found
    return _each_once(value for value in first if all(value in other for other in rest)) or found[-1]


def _property_type(spec: Spec, schema: Any, name: str, depth: int = 0) -> Any:
    plain = spec.resolve_or_empty(schema)
    properties = plain.get("properties")
    own = spec.resolve_or_empty(properties.get(name)).get("type") if isinstance(properties, Mapping) else None
    if own or depth > _MAX_DEPTH:
        return own
    return next(filter(None, (_property_type(spec, part, name, depth + 1) for part in _listed(plain, "allOf"))), None)


def _listed(schema: Schema, key: str) -> list[Any]:
    parts = schema.get(key)
    return parts if isinstance(parts, list) else []


def _each_once(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    found.extend(value for value in values if value not in found)
    return found


def is_null(spec: Spec, schema: Any) -> bool:
    """Whether a schema allows null and nothing else."""
    plain = spec.resolve_or_empty(schema)
    return (
        plain.get("type") in ("null", ["null"])
        or plain.get("enum") == [None]
        or ("const" in plain and plain["const"] is None)
    )


# --- families: a discriminator on the parent --------------------------------------------------------------------------


class Families:
    """The schemas of a document that inherit a discriminator by `allOf`."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._refs: dict[int, str] = {}
        self._parents: dict[int, list[int]] = {}
        self._targets: dict[int, Schema] = {}
        components = spec.document.get("components")
        schemas = components.get("schemas") if isinstance(components, Mapping) else None
        for name in schemas if isinstance(schemas, Mapping) else ():
            escaped = str(name).replace("~", "~0").replace("/", "~1").replace("%", "%25")
            self._add(f"#/components/schemas/{escaped}")
        self._has_heads = any(map(self._is_head, self._targets))
        self._ancestors = {identity: self._find_ancestors(identity) for identity in self._targets if self._has_heads}
        self._below: dict[int, list[tuple[Schema, str]]] = {}
        for identity, above in self._ancestors.items():
            for each in above:
                self._below.setdefault(each, []).append((self._targets[identity], self._refs[identity]))

    def _add(self, ref: str) -> None:
        target = self._spec.resolve_or_empty({"$ref": ref})
        if id(target) in self._targets or not target:
            return
        self._targets[id(target)], self._refs[id(target)] = target, ref
        self._parents[id(target)] = [id(parent) for parent in self._all_of(target, 0)]

    def _all_of(self, schema: Schema, depth: int) -> Iterator[Schema]:
        """Yield the schemas that a schema has in its `allOf` by reference, also in parts that are written in place."""
        for part in _listed(schema, "allOf") if depth <= _MAX_DEPTH else ():
            if reference_of(part):
                yield target_of(self._spec, part)
            elif isinstance(part, Mapping):
                yield from self._all_of(part, depth + 1)

    def _is_head(self, identity: int) -> bool:
        return is_discriminator(self._targets.get(identity, {}).get("discriminator"))

    def _find_ancestors(self, identity: int) -> tuple[int, ...]:
        """Return the schemas above one, the nearest first; none if there is no discriminator among them."""
        found: dict[int, None] = {}
        pending = list(self._parents[identity])
        for parent in pending:  # grows while it is read
            if parent not in found and parent != identity:
                found[parent] = None
                pending += self._parents.get(parent, [])
        return tuple(found) if any(map(self._is_head, found)) else ()

    def ancestors(self, target: Any) -> tuple[int, ...]:
        """Return the identities of the schemas that one inherits a discriminator through, the nearest first."""
        return self._ancestors.get(id(target), ())

    def descendants(self, target: Any) -> list[tuple[Schema, str]]:
        """Return the schemas below one, with their references, in the document's order."""
        return self._below.get(id(target), [])

    def discriminator_of(self, target: Any) -> Mapping[str, Any] | None:
        """Return the discriminator of a schema: its own, else that of the nearest schema above it."""
        own: Mapping[str, Any] | None = target.get("discriminator")
        return own if is_discriminator(own) else self.inherited(target)

    def inherited(self, target: Any) -> Mapping[str, Any] | None:
        """Return the discriminator of the nearest schema above one that has one."""
        return next((self._targets[i]["discriminator"] for i in self.ancestors(target) if self._is_head(i)), None)

    def reference(self, target: Any) -> str:
        """Return the reference of a schema of the components; empty if it is none."""
        return self._refs.get(id(target), "")


_families: WeakKeyDictionary[Spec, Families] = WeakKeyDictionary()


def families_of(spec: Spec) -> Families:
    """Return the families of a document, read once."""
    if spec not in _families:
        _families[spec] = Families(spec)
    return _families[spec]


def read_family(spec: Spec, target: Any) -> Discriminator | None:
    """Return the schemas that one with a discriminator, but without a union, stands for.

    These are the schemas below it and those that its mapping names, and itself, if a value of the property is left for
    it. For a schema at the bottom of a family, that is itself alone, with the values that choose it.

    Args:
        spec: the document.
        target: the schema, not a reference to it.
    """
    families = families_of(spec)
    if not isinstance(target, Mapping) or union_key(target) or (about := families.discriminator_of(target)) is None:
        return None
    names, is_head = _Mapping(spec, about), is_discriminator(target.get("discriminator"))
    below = {id(schema): ref for schema, ref in families.descendants(target) if _shares(families, schema, about)}
    if is_head:
        below |= {i: ref for i, ref in names.refs.items() if i != id(target) and i not in below}
        if not below:
            return None
    branches = [TaggedBranch({"$ref": ref}, names.values_of({"$ref": ref})) for ref in below.values()]
    own = _values_left(names, target, families.reference(target), branches, is_head)
    branches += [TaggedBranch(target, own)] if own else []
    return Discriminator(names.property, tuple(branches), None, tuple(names.dangling)) if branches else None


def _shares(families: Families, schema: Schema, about: Mapping[str, Any]) -> bool:
    """Whether the discriminator counts for a schema below: no other property discriminates on the way."""
    nearest = families.inherited(schema)
    return nearest is None or nearest["propertyName"] == about["propertyName"]


def _values_left(
    names: _Mapping, target: Schema, ref: str, branches: list[TaggedBranch], is_head: bool
) -> tuple[Any, ...]:
    """Return the values that choose the parent itself; none if it only stands for the schemas below it."""
    schema = {"$ref": ref} if ref else target
    if not is_head or id(target) in names.names:
        return names.values_of(schema)
    allowed = allowed_values(names.spec, target, names.property)
    if allowed:
        taken = [value for branch in branches for value in branch.values]
        return tuple(value for value in allowed if value not in taken)
    by_name = all(branch.values == (reference_name(branch.schema["$ref"]),) for branch in branches)
    return (reference_name(ref),) if ref and by_name and not names.names else ()

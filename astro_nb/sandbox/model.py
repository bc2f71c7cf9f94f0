"""What a sandbox file says of an API, made ready for use.

The file's vocabulary, by section:

- `fits`: titles and server URLs of the documents that it belongs to.
- `epoch`: the moment by which the seeds are dated (never later than now).
- `tables`, `templates`: data and templates to refer to (`$table`, `$use`).
- `kinds`: the things that the API keeps, each with the path of its collection (see `Kind`).
- `operations`: what an operation does where its method and path do not say it (see `Deed`).
- `access`: what roles may do, what scopes of tokens there are, and which kind holds tokens.
- `refusals`: the exact answers of the gateway.
- `seed`: what there is in the beginning, by kind.
- `uploads`: what an upload to a signed URL needs and answers.

What can be told of an API from its paths alone: the kinds of things, and what each operation does to them.

A path that ends in a parameter is one thing, and the path before it is the collection. What a sandbox file says of a
kind or of an operation stands; the rest is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..openapi import Operation, Spec
from ..schema import Field, make_sample, response_field
from . import template  # noqa: F401  # fills the table of operations that templates are made of
from .clock import cuid, word
from .life import Cycle
from .template import Fields, Make, Scope, compiled, compiled_fields


@dataclass(frozen=True)
class Refusal:
    """When a deed is refused, and in which words.

    Attributes:
        conditions: on the names around the deed; their values may be templates.
        any, none: a kind of which something, or nothing, that fits `where` is there.
    """

    conditions: Make
    any: str
    none: str
    where: Fields
    status: int
    message: Make
    field: str


@dataclass(frozen=True)
class Unique:
    """Fields that no two things may share, within others; and the answer to one that would."""

    by: tuple[str, ...]
    within: tuple[str, ...]
    status: int
    message: Make


@dataclass(frozen=True)
class ListRule:
    """How the entries of a list keep their identity when the list is replaced.

    Attributes:
        key: the field by which an entry is known again.
        keep: fields that an entry keeps when they are left out (a secret's value).
        when: a field that must be true for `keep` to hold.
        made: fields that the server makes.
    """

    key: str
    keep: tuple[str, ...]
    when: str
    made: Fields


@dataclass(frozen=True)
class Secret:
    """A place whose value is stored and not shown: left out, or shown as `show`.

    `when` is a path beside it that must be true; one that begins with a slash begins at the thing itself.
    """

    at: str
    when: str = ""
    show: Any = None


@dataclass(frozen=True)
class Kind:
    """One kind of thing.

    Attributes:
        name: its name in the sandbox file, or its path where it was inferred.
        at: the path of its collection, as the document writes it; empty where it has none.
        id: the field that its path parameter names; `key` makes the key where that is not unique.
        parents: fields that hold the ids of the things above it: the path parameters of `at`.
        within: paths to the ids of the workspace-like things that it belongs to, by kind.
        refers: fields of a body that must name a thing that is there, with its kind.
        defaults, made, touched, shown, once: templates of fields: left out by the caller; made at creation; made at
            every change; computed when read; told only in the answer to the creation.
        replaces: fields that an update empties when they are left out.
        merge: objects of which an update keeps what it leaves out.
        filters: what a query parameter selects by, where its name does not say it.
        sorts: what a sort's name sorts by, where it differs.
        cascade: kinds that go with it.
        schema: the name of its schema, where it was inferred.
        sample: makes the n-th thing of an inferred kind under its parents.
    """

    name: str
    at: str = ""
    id: str = "id"
    key: Make | None = None
    parents: tuple[str, ...] = ()
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refers: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[Unique, ...] = ()
    defaults: Fields = ()
    made: Fields = ()
    touched: Fields = ()
    shown: Fields = ()
    once: Fields = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()
    lists: Mapping[str, ListRule] = field(default_factory=dict)
    drop: tuple[tuple[Mapping[str, Any], tuple[str, ...]], ...] = ()
    secrets: tuple[Secret, ...] = ()
    life: Cycle | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    sorts: Mapping[str, str] = field(default_factory=dict)
    cascade: Mapping[str, str] = field(default_factory=dict)
    schema: str = ""
    sample: Callable[[int, Mapping[str, str]], dict[str, Any]] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Effect:
    """What a deed does to another thing: fields set on it, and the event that begins for it."""

    kind: str
    id: Make
    set: Fields
    event: str


@dataclass(frozen=True)
class Deed:
    """What one operation does.

    Attributes:
        does: a row of the table of deeds: list, create, read, update, delete, act, static, stream.
        kind: the kind that it does it to; empty for none.
        options: further words of the sandbox file, as they stand.
        set, where, answer, each, make: templates; see the deeds themselves.
        event: the event of the kind's life that it begins, and for how long (`until`, a moment).
    """

    does: str
    kind: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    set: Fields = ()
    where: Fields = ()
    answer: Make | None = None
    each: Make | None = None
    make: Make | None = None
    event: Make | None = None
    until: Make | None = None
    assume: Mapping[str, Any] = field(default_factory=dict)
    refuse: tuple[Refusal, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Knowledge:
    """A sandbox file, read."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    deeds: Mapping[str, Deed] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    templates: Mapping[str, Make] = field(default_factory=dict)
    seed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    access: Mapping[str, Any] = field(default_factory=dict)
    refusals: Mapping[str, Any] = field(default_factory=dict)
    uploads: Mapping[str, Any] = field(default_factory=dict)
    epoch: str = ""


def read_knowledge(data: Mapping[str, Any]) -> Knowledge:
    """A sandbox file's content as knowledge; an empty mapping gives knowledge of nothing."""
    return Knowledge(
        kinds={name: _kind(name, raw) for name, raw in (data.get("kinds") or {}).items()},
        deeds={name: _deed(raw) for name, raw in (data.get("operations") or {}).items()},
        tables=data.get("tables") or {},
        templates={name: compiled(raw) for name, raw in (data.get("templates") or {}).items()},
        seed=data.get("seed") or {},
        access=data.get("access") or {},
        refusals=data.get("refusals") or {},
        uploads=data.get("uploads") or {},
        epoch=str(data.get("epoch", "")),
    )


def _kind(name: str, raw: Mapping[str, Any]) -> Kind:
    plain = {key: raw[key] for key in ("at", "id", "refers", "rename", "filters", "sorts", "cascade") if key in raw}
    parts = ("defaults", "made", "touched", "shown", "once")
    templates: dict[str, Any] = {part: compiled_fields(raw.get(part)) for part in parts}
    return Kind(
        name=name,
        key=compiled(raw["key"]) if "key" in raw else None,
        parents=tuple(re.findall(r"\{(.+?)\}", str(raw.get("at", "")))),
        within={kind: _names(paths) for kind, paths in (raw.get("within") or {}).items()},
        unique=tuple(_unique(entry) for entry in raw.get("unique") or ()),
        replaces=_names(raw.get("replaces")),
        merge=_names(raw.get("merge")),
        lists={field: _list_rule(rule) for field, rule in (raw.get("lists") or {}).items()},
        drop=tuple((entry["if"], _names(entry["fields"])) for entry in raw.get("drop") or ()),
        secrets=tuple(Secret(**entry) for entry in raw.get("secrets") or ()),
        life=_cycle(raw["life"]) if "life" in raw else None,
        **plain,
        **templates,
    )


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value or ()))


def _unique(raw: Mapping[str, Any]) -> Unique:
    return Unique(_names(raw["by"]), _names(raw.get("within")), int(raw.get("status", 400)), compiled(raw["message"]))


def _list_rule(raw: Mapping[str, Any]) -> ListRule:
    return ListRule(
        str(raw["key"]), _names(raw.get("keep")), str(raw.get("when", "")), compiled_fields(raw.get("made"))
    )


def _cycle(raw: Mapping[str, Any]) -> Cycle:
    return Cycle(
        str(raw["field"]),
        str(raw.get("starts", "create")),
        raw["events"],
        raw.get("fails") or {},
        float(raw.get("lag", 0)),
    )


def _deed(raw: Mapping[str, Any]) -> Deed:
    makes = {part: compiled(raw[part]) for part in ("answer", "each", "make", "event", "until") if part in raw}
    return Deed(
        does=str(raw["does"]),
        kind=str(raw.get("kind", "")),
        options=raw,
        set=compiled_fields(raw.get("set")),
        where=compiled_fields(raw.get("where")),
        assume=raw.get("assume") or {},
        refuse=tuple(_refusal(entry) for entry in raw.get("refuse") or ()),
        effects=tuple(_effect(entry) for entry in raw.get("effects") or ()),
        **makes,
    )


def _refusal(raw: Mapping[str, Any]) -> Refusal:
    return Refusal(
        compiled(raw.get("if") or {}),
        str(raw.get("any", "")),
        str(raw.get("none", "")),
        compiled_fields(raw.get("where")),
        int(raw.get("status", 400)),
        compiled(raw["message"]),
        str(raw.get("field", "")),
    )


def _effect(raw: Mapping[str, Any]) -> Effect:
    return Effect(str(raw["kind"]), compiled(raw["id"]), compiled_fields(raw.get("set")), str(raw.get("event", "")))


_ITEM = re.compile(r"(.*)/\{([^{}/]+)\}\Z")
_ON_COLLECTION = {"GET": "list", "POST": "create", "PUT": "update"}
_ON_ITEM = {"GET": "read", "PUT": "update", "PATCH": "update", "POST": "update", "DELETE": "delete"}


def success_status(operation: Operation) -> int:
    """The status that the document promises for success."""
    declared = operation.success
    return int(declared.status) if declared and declared.status.isdigit() else 200


def success_field(operation: Operation) -> Field | None:
    """What the answer of success looks like as JSON; None where it has no JSON body."""
    declared = operation.success
    media = next((m for m in declared.content if "json" in m and "nd" not in m), None) if declared else None
    return response_field(operation, success_status(operation), media) if declared and media else None


def list_part(field: Field | None) -> tuple[str, Field] | None:
    """Where the items stand in an answer that is a list, and what one is; the name is empty for a bare array."""
    if field is None:
        return None
    if field.kind == "array" and field.item:
        return "", field.item
    others = {child.name for child in field.children if child.kind not in ("integer", "number", "array")}
    if len(others) > 2 or others & {"id", "name"}:
        return None  # a thing that has a list, not a list of things
    for child in field.children:
        if child.kind == "array" and child.item and child.item.kind in ("object", "union", "map"):
            return child.name, child.item
    return None


def all_kinds(spec: Spec, knowledge: Knowledge) -> dict[str, Kind]:
    """The kinds of the sandbox file, then one for every other collection of the document's paths."""
    kinds = dict(knowledge.kinds)
    known = {kind.at for kind in kinds.values()}
    operations = {(operation.method, operation.path): operation for operation in spec}
    if knowledge.kinds:
        return kinds  # a file that knows kinds knows all: what it leaves out answers with samples
    for operation in spec:
        found = _ITEM.fullmatch(operation.path)
        if found and found[1] not in known:
            known.add(found[1])
            kind = _inferred(found[1], found[2], operations)
            kinds[kind.name] = kind
    return kinds


def deed_of(operation: Operation, kinds: Mapping[str, Kind], knowledge: Knowledge) -> Deed:
    """What an operation does: as the sandbox file says, else by its method and path, else it answers a sample."""
    if operation.id in knowledge.deeds:
        return knowledge.deeds[operation.id]
    by_path = {kind.at: kind.name for kind in kinds.values() if kind.at}
    found = _ITEM.fullmatch(operation.path)
    answer = success_field(operation)
    plain = answer is not None and answer.kind not in ("object", "union", "map", "any")
    if found and found[1] in by_path and operation.method in _ON_ITEM and not plain:
        return Deed(_ON_ITEM[operation.method], by_path[found[1]])
    does = _ON_COLLECTION.get(operation.method, "")
    if operation.path in by_path and _sensible(does, operation):
        return Deed(does, by_path[operation.path])
    return _other_list(operation, kinds) or Deed("sample")


def _sensible(does: str, operation: Operation) -> bool:
    tests = {
        "list": lambda: list_part(success_field(operation)) is not None,
        "create": lambda: operation.body is not None and list_part(success_field(operation)) is None,
        "update": lambda: operation.body is not None,
    }
    return does in tests and tests[does]()


def _other_list(operation: Operation, kinds: Mapping[str, Kind]) -> Deed | None:
    """A list of a kind at another path, such as `/pet/findByStatus`: known by what its items are."""
    part = list_part(success_field(operation)) if operation.method == "GET" and "{" not in operation.path else None
    for kind in kinds.values():
        if part and kind.schema and kind.schema == part[1].type_name and not kind.parents:
            return Deed("list", kind.name)
    return None


def _inferred(at: str, parameter: str, operations: Mapping[tuple[str, str], Operation]) -> Kind:
    field = _item_field(at, parameter, operations)
    names = [child.name for child in field.children] if field else []
    id_field = _id_field(parameter, names)
    parents = tuple(name for name in re.findall(r"\{(.+?)\}", at) if name != id_field)

    def key(scope: Scope) -> str:
        return "/".join(str(scope.item.get(name)) for name in (*parents, id_field))

    def samples(number: int, above: Mapping[str, str]) -> dict[str, Any]:
        return _sample(field, number, id_field) | dict(above)

    schema = field.type_name if field else ""
    made: tuple[tuple[str, Make], ...] = ((id_field, _new_id(at, field.child(id_field) if field else None, id_field)),)
    return Kind(at, at=at, id=id_field, key=key, parents=parents, made=made, sample=samples, schema=schema)


def _item_field(at: str, parameter: str, operations: Mapping[tuple[str, str], Operation]) -> Field | None:
    path = f"{at}/{{{parameter}}}"
    for place in (("GET", path), ("PUT", path), ("PATCH", path), ("POST", at)):
        field = success_field(operations[place]) if place in operations else None
        if field is not None and field.kind == "object":
            return field
        if field is not None and field.branches:
            return field.branches[0].field
    return None


def _id_field(parameter: str, names: list[str]) -> str:
    """The field that a path parameter names: itself, `id`, or what its name ends in (`pool_name` is `name`)."""
    plain = parameter.lower().replace("_", "")
    if parameter in names:
        return parameter
    ends = [name for name in names if plain.endswith(name.lower().replace("_", ""))]
    return max(ends, key=len) if ends else "id" if "id" in names else parameter


def _sample(field: Field | None, number: int, id_field: str) -> dict[str, Any]:
    value = make_sample(field, True) if field else {}
    item: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {}
    for child in field.children if field else ():
        if child.kind == "choice" and child.info.choices and not child.info.read_only:
            item[child.name] = child.info.choices[number % len(child.info.choices)]
        elif child.name in (id_field, "name", "username", "title", "email"):
            item[child.name] = _numbered(child, number)
    item.setdefault(id_field, f"{id_field}-{number + 1}")
    return item


def _numbered(field: Field, number: int) -> Any:
    value = make_sample(field)
    if isinstance(value, int):
        return number + 1
    if field.info.format == "uuid":
        raw = word(32, "uuid", number).translate(str.maketrans("ghijklmnopqrstuvwxyz", "0123456789abcdef0123"))
        return "-".join((raw[:8], raw[8:12], "4" + raw[13:16], "8" + raw[17:20], raw[20:]))
    return f"{value}{'' if number == 0 else f'-{number + 1}'}" if isinstance(value, str) else value


def _new_id(label: str, field: Field | None, name: str) -> Make:
    def make(scope: Scope) -> Any:
        given = scope.item.get(name)
        if given is not None:
            return given
        count = len(scope.world.store.all(label))
        if field is not None and field.kind in ("integer", "number"):
            return count + 1
        return (
            _numbered(field, count) if field is not None and field.info.format else cuid(scope.world.seed, label, count)
        )

    return make

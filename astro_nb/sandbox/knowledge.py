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
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import operations  # noqa: F401  # fills the table of operations that templates are made of
from .life import Cycle
from .template import Fields, Make, compiled, compiled_fields


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

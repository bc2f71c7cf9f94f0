"""Which things a list shows, in which order, and which page of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ..message import Response
from .answers import JSON, reason
from .checks import allowed, within
from .conditions import holds, values_at
from .knowledge import Kind
from .plan import Envelope
from .store import Item
from .visit import Visit

_CONTROLS = {"offset", "limit", "sorts", "order_by"}


def list_answer(visit: Visit) -> Response:
    """One page of the things that the subject may see, filtered and sorted as the query asks."""
    envelope = visit.plan.envelope
    assert envelope  # noqa: S101  # a deed of this name is only planned for answers that hold a list
    entries = _sorted(visit, [entry for entry in _entries(visit) if _wanted(visit, entry[2])])
    offset, limit = int(visit.query.get("offset", 0)), visit.query.get("limit")
    page = entries[offset : offset + int(limit)] if limit is not None else entries[offset:]
    fragments = [_fragment(visit, envelope, entry) for entry in page]
    if not envelope.items:
        return _answer(visit, fragments)
    around = {envelope.total: len(entries), "offset": offset, "limit": len(page) if limit is None else limit}
    extra = visit.deed.answer(visit.scope()) if visit.deed.answer else {}
    wrapped = envelope.wrap({**around, **extra, envelope.items: []})
    return _answer(visit, {**wrapped, envelope.items: fragments})


Entry = tuple[str, int, Item]


def _entries(visit: Visit) -> Iterable[Entry]:
    """Every thing below what the path names that one of the subject's grants includes, as it is shown."""
    kind, store = visit.kind, visit.world.store
    grants = allowed(visit)
    narrow = kind.within and all(grant.kind for grant in grants)
    reveals = visit.query.get(str(visit.deed.options.get("reveal"))) and any(not grant.methods for grant in grants)
    above = [(name, visit.path[name]) for name in kind.parents if name in visit.path]
    where = {path: make(visit.scope()) for path, make in visit.deed.where}
    for item in store.all(kind.name):
        if any(item.get(name) != value for name, value in above) or (where and not holds(where, item)):
            continue
        if narrow and not any(within(grant, kind, item) for grant in grants):
            continue
        if reveals:
            yield "", 0, store.open(kind, item)[0]
        else:
            yield (store.key(kind, item), *store.view(kind, item))


def _wanted(visit: Visit, view: Mapping[str, Any]) -> bool:
    return all(_matches(visit, name, value, view) for name, value in visit.query.items() if name not in _CONTROLS)


def _matches(visit: Visit, name: str, value: Any, view: Mapping[str, Any]) -> bool:
    """Whether a thing is among those that a query parameter selects."""
    rule = visit.kind.filters.get(name)
    if isinstance(rule, Mapping):
        rule = rule.get(str(value).lower() if isinstance(value, bool) else str(value), rule.get("at"))
        if isinstance(rule, Mapping):
            return holds(rule, view)
    paths = [rule] if isinstance(rule, str) else rule or _paths(visit.kind, name, view)
    if not paths:
        return True
    wanted = {_plain(entry) for entry in (value if isinstance(value, list) else [value])}
    return any(_plain(found) in wanted for path in paths for found in values_at(view, path))


def _paths(kind: Kind, name: str, view: Mapping[str, Any]) -> list[str]:
    """The field that a query parameter means by its name: itself, or its singular, or the id."""
    single = name.removesuffix("s")
    if name in view or single in view:
        return [name if name in view else single]
    known_as = kind.name[:1].lower() + kind.name[1:]
    return [kind.id] if single == f"{known_as}Id" else []


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sorted(visit: Visit, entries: list[Entry]) -> list[Entry]:
    sorts = visit.query.get("sorts") or []
    for sort in reversed(sorts if isinstance(sorts, list) else [sorts]):
        name, _, direction = str(sort).partition(":")
        path = visit.kind.sorts.get(name, name)
        entries = sorted(entries, key=lambda entry: _order(entry[2], path), reverse=direction == "desc")
    return entries


def _order(view: Mapping[str, Any], path: str) -> tuple[bool, str]:
    found = values_at(view, path)
    return (not found, str(found[0]).casefold() if found else "")


def _fragment(visit: Visit, envelope: Envelope, entry: Entry) -> orjson.Fragment:
    """One item as JSON; what was written once is kept for as long as the item is shown the same way."""
    key, serial, view = entry
    kept = visit.world.written.get((visit.operation.id, key))
    if kept and serial and kept[0] == serial:
        fragment: orjson.Fragment = kept[1]
        return fragment
    make = visit.deed.make
    shown = make(visit.scope(view)) if make else view
    fragment = orjson.Fragment(orjson.dumps(envelope.item(shown)))
    if serial:
        visit.world.written[visit.operation.id, key] = (serial, fragment)
    return fragment


def _answer(visit: Visit, data: Any) -> Response:
    status = visit.plan.status
    media = visit.plan.media_type or JSON
    return Response(status, (("Content-Type", media),), orjson.dumps(data), reason(status))

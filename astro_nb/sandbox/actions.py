"""Which things a list shows, in which order, and which page of them.

Lines that something wrote as time went by: logs that are searched, and logs that are handed out whole.

A line is made from its number alone, so the same span always holds the same lines. A sandbox file states `every`
(seconds between two lines), `make` (one line, with `at` its moment), and which query parameters mean what.

What an operation does, by the name of the deed: the table DEEDS.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from ..call import UNSET
from ..messages import Response
from ..schema import make_sample
from .answers import JSON, empty_answer, json_answer, reason, text_answer
from .checks import allowed, check_reach, within
from .clock import cuid, read_stamp, stamp, word
from .life import holds, values_at
from .model import Kind, Unique
from .requests import Envelope, FieldError, Refused, Visit
from .state import Item
from .template import Scope, compiled

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


MOST_LINES = 20_000


def search_answer(visit: Visit) -> Response:
    """One page of the lines that a search finds; the search is kept under its id, and a page of it can be asked for."""
    names: Mapping[str, str] = visit.deed.options["query"]
    search_id = str(visit.query.get(names["search"]) or "")
    if search_id and search_id not in visit.world.searches:
        raise Refused(400, f"Invalid request: there is no search '{search_id}'", (_field(names["search"], "exists"),))
    if not search_id:
        found = list(_found(visit, names))
        search_id = _uuid(visit, len(visit.world.searches))
        visit.world.searches[search_id] = found
    lines = visit.world.searches[search_id]
    offset, limit = int(visit.query.get("offset", 0)), int(visit.query.get("limit", 500))
    page = lines[offset : offset + limit]
    scope = visit.scope(search=search_id, lines=page, count=len(page), offset=offset, limit=limit)
    data = visit.deed.answer(scope) if visit.deed.answer else {"results": page}
    return json_answer(visit.plan.status, visit.plan.shape(data) if visit.plan.shape else data)


def lines_answer(visit: Visit) -> Response:
    """Every line of the span, one JSON object each; coded with gzip on the wire."""
    names: Mapping[str, str] = visit.deed.options["query"]
    body = b"".join(orjson.dumps(line) + b"\n" for line in _lines(visit, *_span(visit, names)))
    media = visit.plan.media_type or "application/x-ndjson"
    headers = (("Content-Type", media), ("Content-Encoding", "gzip"))
    return Response(visit.plan.status, headers, body, reason(visit.plan.status))


def _found(visit: Visit, names: Mapping[str, str]) -> Iterator[Any]:
    """The lines of the span that the query selects, newest first."""
    most = int(visit.query.get(names.get("most", ""), MOST_LINES))
    text = str(visit.query.get(names.get("text", "")) or "").lower()
    sources = visit.query.get(names.get("sources", ""))
    for line in reversed(list(_lines(visit, *_span(visit, names)))):
        if (sources and line.get("source") not in sources) or (text and text not in str(line.get("raw", "")).lower()):
            continue
        if most <= 0:
            return
        most -= 1
        yield line


def _span(visit: Visit, names: Mapping[str, str]) -> tuple[datetime, datetime]:
    """From when to when: both ends as the query gives them, else the seconds before now that it asks for."""
    start, end = (read_stamp(visit.query.get(names[side])) for side in ("start", "end"))
    if visit.deed.options.get("both-or-none") and (start is None) != (end is None):
        lost = names["start"] if start is None else names["end"]
        raise Refused(400, f"Invalid request: {lost} is required", (_field(lost, "required"),))
    end = end or visit.world.pace.now()
    seconds = int(visit.query.get(names.get("range", ""), visit.deed.options.get("usual", 3600)))
    start = start or end - timedelta(seconds=seconds)
    if start > end:
        raise Refused(
            400, f"Invalid request: {names['start']} is after {names['end']}", (_field(names["start"], "order"),)
        )
    return start, end


def _lines(visit: Visit, start: datetime, end: datetime) -> Iterator[Any]:
    every, make = int(visit.deed.options["every"]), visit.deed.make or compiled({})
    first, last = -(-int(start.timestamp()) // every), int(end.timestamp()) // every
    about = visit.target or {}
    base = visit.scope(about)
    for number in range(max(first, last - MOST_LINES + 1), last + 1):
        at = datetime.fromtimestamp(number * every, UTC)
        moment = {"at": stamp(at), "milliseconds": number * every * 1000, "number": number}
        label = f"{visit.operation.id}/{about.get(visit.kind.id, '')}"
        yield make(Scope(visit.world, about, {**base.names, **moment}, label, number))


def _field(name: str, code: str) -> FieldError:
    return FieldError(name, code, f"{name}: {code}")


def _uuid(visit: Visit, number: int) -> str:
    raw = cuid(visit.world.seed, "search", number) + word(8, number)
    plain = "".join(f"{ord(char):02x}" for char in raw)[:32]
    return "-".join((plain[:8], plain[8:12], "4" + plain[13:16], "8" + plain[17:20], plain[20:32]))


Deed = Callable[[Visit], Response]


def create(visit: Visit) -> Response:
    """One new thing from the body, or one for each entry of `each`; the answer tells what is told only once."""
    kind, world = visit.kind, visit.world
    items: list[Item] = []
    for body in _bodies(visit):
        item = world.build(kind, {**visit.path, **body} if not kind.sample else _below(visit, body), visit.scope())
        if visit.deed.options.get("existing") == "keep" and world.store.find(kind.name, world.store.key(kind, item)):
            continue
        if visit.deed.event:
            world.begin(kind, item, visit.deed.event(visit.scope(item)))
        check_reach(visit, item)
        _check_unique(visit, item, None, items)
        items.append(item)
    for item in items:
        world.store.put(kind, item)
    visit.items[kind.name] = items[0] if items else {}
    _effects(visit)
    return _answer_deeds(visit, items[0] if items else {}, items if visit.deed.each else None, once=True)


def _below(visit: Visit, body: Mapping[str, Any]) -> Item:
    return {**body, **{name: visit.path[name] for name in visit.kind.parents if name in visit.path}}


def _bodies(visit: Visit) -> list[Mapping[str, Any]]:
    if visit.deed.each:
        entries = visit.deed.each(visit.scope())
        make = visit.deed.make
        return [make(visit.scope(it=e)) if make else e for e in (entries if isinstance(entries, list) else ())]
    if visit.deed.make:
        return [visit.deed.make(visit.scope())]
    return [visit.body if isinstance(visit.body, Mapping) else {}]


def read(visit: Visit) -> Response:
    """The thing that the path names, as it stands now."""
    return _answer_deeds(visit, _target(visit))


def update(visit: Visit) -> Response:
    """The thing with the body's fields; what the kind or the method replaces as a whole is emptied first."""
    kind, world, old = visit.kind, visit.world, _target(visit)
    body = visit.body if isinstance(visit.body, Mapping) else {}
    replaces = tuple(visit.deed.options.get("replaces") or kind.replaces)
    if visit.operation.method == "PUT":
        replaces = tuple(name for name in visit.plan.body_names if name != kind.id)
    new = world.change(kind, copy.deepcopy(old), body, visit.scope(), replaces)
    new = world.set(new, visit.deed.set, visit.scope())
    _check_unique(visit, new, old)
    check_reach(visit, new)
    _begin(visit, new, "update" if kind.life and "update" in kind.life.events else "")
    visit.items[kind.name] = world.store.put(kind, new)
    _effects(visit)
    return _answer_deeds(visit, new)


def delete(visit: Visit) -> Response:
    """The thing is gone, and what hangs on it; with `each`, all those of that list."""
    kind, store = visit.kind, visit.world.store
    if visit.deed.each:
        for key in visit.deed.each(visit.scope()):
            item = store.find(kind.name, str(key))
            if item is not None:  # one that is not there is passed over
                store.remove(kind, item)
        return empty_answer(visit.plan.status)
    target = _target(visit)
    visit.items[kind.name] = target
    store.remove(kind, target)
    _effects(visit)
    return _answer_deeds(visit, target)


def act(visit: Visit) -> Response:
    """Fields set on the thing that the path names, and an event of its life begun."""
    kind, world = visit.kind, visit.world
    new = world.set(copy.deepcopy(_target(visit)), (*visit.deed.set, *kind.touched), visit.scope())
    _begin(visit, new, "")
    visit.items[kind.name] = world.store.put(kind, new)
    _effects(visit)
    return _answer_deeds(visit, new, once=bool(visit.deed.options.get("once")))


def static(visit: Visit) -> Response:
    """What the sandbox file states, filtered by the query where it is a list."""
    make = visit.deed.answer
    data = make(visit.scope()) if make else None
    for name, field in (visit.deed.options.get("filter") or {}).items():
        wanted = visit.query.get(name)
        if wanted not in (None, []) and isinstance(data, list):
            wanted = wanted if isinstance(wanted, list) else [wanted]
            data = [entry for entry in data if entry.get(field) in wanted]
    if data is UNSET:
        raise Refused(404, "Not found")
    return _shaped(visit, data)


def sample_answer(visit: Visit) -> Response:
    """A believable answer, for an operation of which nothing is known but its form."""
    if visit.plan.answer is not None:
        base = make_sample(visit.plan.answer, True)
        if isinstance(base, dict) and isinstance(visit.body, Mapping):
            names = {child.name for child in visit.plan.answer.children}
            base = {**base, **{name: value for name, value in visit.body.items() if name in names}}
        return _shaped(visit, base)
    if visit.plan.media_type and visit.plan.status != 204:
        return text_answer(visit.plan.status, "sample\n", visit.plan.media_type)
    return empty_answer(visit.plan.status)


def _begin(visit: Visit, item: Item, usual: str) -> None:
    """The event that the deed names, or else its usual one, begins for the thing."""
    event = visit.deed.event(visit.scope(item)) if visit.deed.event else usual
    until = visit.deed.until(visit.scope(item)) if visit.deed.until else UNSET
    visit.world.begin(visit.kind, item, "" if event is UNSET else event, None if until is UNSET else until)


def _target(visit: Visit) -> Item:
    """The thing that the path names, else the one that the body names by its id."""
    target = visit.target
    if target is None and isinstance(visit.body, Mapping):
        place = {**visit.path, **visit.body}
        target = visit.world.store.find(visit.kind.name, visit.world.store.key(visit.kind, place))
    if target is None:
        raise Refused(404, "Not found")
    return target


def _check_unique(visit: Visit, new: Item, old: Item | None, siblings: list[Item] | None = None) -> None:
    """No other thing has the same values in the fields that the kind keeps unique."""
    store, kind = visit.world.store, visit.kind
    mine = store.key(kind, new)
    if kind.sample and old is None and store.find(kind.name, mine):
        raise Refused(409, f"Conflict: '{mine}' is already there")
    for unique in kind.unique:
        fields = (*unique.by, *unique.within)
        wanted = [_folded(new.get(name)) for name in fields]
        for other in (*store.all(kind.name), *(siblings or ())):
            taken = store.key(kind, other) != mine and [_folded(other.get(name)) for name in fields] == wanted
            if taken and wanted[0] is not None:
                raise _taken(visit, unique, new)


def _taken(visit: Visit, unique: Unique, new: Item) -> Refused:
    text = str(unique.message(visit.scope(new)))
    status = int(visit.deed.options.get("unique-status", unique.status))
    return Refused(status, f"Invalid request: {text}", (FieldError(unique.by[0], "unique", text),))


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _effects(visit: Visit) -> None:
    """What else the deed does, to other things."""
    world, scope = visit.world, visit.scope()
    for effect in visit.deed.effects:
        kind = world.kinds[effect.kind]
        item = world.store.find(effect.kind, str(effect.id(scope)))
        if item is not None:
            new = world.set(copy.deepcopy(item), effect.set, scope)
            world.begin(kind, new, effect.event)
            world.store.put(kind, new)


def _answer_deeds(visit: Visit, item: Item, many: list[Item] | None = None, once: bool = False) -> Response:
    """The answer of a deed that was done: empty, as the deed says, or the thing itself."""
    if visit.plan.answer is None or visit.plan.status == 204:
        return empty_answer(visit.plan.status)
    view = _view(visit, item, once)
    if visit.deed.answer:
        views = [_view(visit, each, once) for each in many or ()]
        return _shaped(visit, visit.deed.answer(visit.scope(view, items=views)))
    return _shaped(visit, view)


def _view(visit: Visit, item: Item, once: bool) -> Item:
    kind, store = visit.kind, visit.world.store
    if not item or not kind.name:
        return {}
    view = dict(store.view(kind, item)[1]) if store.find(kind.name, store.key(kind, item)) is item else dict(item)
    if once:
        scope: Scope = visit.scope(item)
        view.update({name: value for name, make in kind.once if (value := make(scope)) is not UNSET})
    return view


def _shaped(visit: Visit, data: Any) -> Response:
    if visit.plan.shape is None:
        return empty_answer(visit.plan.status)
    return json_answer(visit.plan.status, visit.plan.shape(data), visit.plan.media_type)


DEEDS: dict[str, Deed] = {
    "list": list_answer,
    "create": create,
    "read": read,
    "update": update,
    "delete": delete,
    "act": act,
    "static": static,
    "search": search_answer,
    "lines": lines_answer,
    "sample": sample_answer,
}

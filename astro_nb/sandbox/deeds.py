"""What an operation does, by the name of the deed: the table DEEDS."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ..call import UNSET
from ..fields import sample
from ..message import Response
from .answers import empty_answer, json_answer, text_answer
from .checks import check_reach
from .knowledge import Unique
from .listing import list_answer
from .store import Item
from .streams import lines_answer, search_answer
from .template import Scope
from .visit import FieldError, Refused, Visit

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
    return _answer(visit, items[0] if items else {}, items if visit.deed.each else None, once=True)


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
    return _answer(visit, _target(visit))


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
    return _answer(visit, new)


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
    return _answer(visit, target)


def act(visit: Visit) -> Response:
    """Fields set on the thing that the path names, and an event of its life begun."""
    kind, world = visit.kind, visit.world
    new = world.set(copy.deepcopy(_target(visit)), (*visit.deed.set, *kind.touched), visit.scope())
    _begin(visit, new, "")
    visit.items[kind.name] = world.store.put(kind, new)
    _effects(visit)
    return _answer(visit, new, once=bool(visit.deed.options.get("once")))


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
        base = sample(visit.plan.answer, True)
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


def _answer(visit: Visit, item: Item, many: list[Item] | None = None, once: bool = False) -> Response:
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

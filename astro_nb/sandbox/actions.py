"""What operations do, by the kind of their action: the table ACTIONS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from ..data import copy_data
from ..json_text import write_json
from ..messages import Response
from ..schema import make_sample
from .behavior import FieldError, Item, Refused, Resource, Unique, find_values
from .checks import allowed_grants, check_scope, is_within
from .requests import Envelope, RequestContext
from .responses import JSON, empty_response, json_response, text_response

_SIZES = ("limit", "per_page", "page_size", "size", "pageSize", "perPage")
_PAGING = {"offset", "page", "sorts", "order_by", *_SIZES}
_PAGE_SIZE = 20  # of a list with page numbers, if the request has no size

Entry = tuple[str, int, Item]
"""A resource in a list: its key, the serial number of its view (0 for one that is not cached), and the view."""


def list_items(context: RequestContext) -> Response:
    """Respond with one page of the resources that the subject may see, filtered and sorted as the query asks."""
    envelope = context.plan.envelope
    assert envelope  # noqa: S101  # only an operation whose response holds a list gets this action
    entries = _sort(context, [entry for entry in _entries(context) if _is_selected(context, entry[2])])
    offset, limit = _position(context.query)
    page = entries[offset : offset + limit] if limit is not None else entries[offset:]
    fragments = [_fragment(context, envelope, entry) for entry in page]
    status, media = context.plan.status, context.plan.media_type or JSON
    if not envelope.items:
        response = json_response(status, fragments, media)
        return replace(response, headers=(*response.headers, ("X-Total-Count", str(len(entries)))))
    around = {envelope.total: len(entries), "offset": offset, "limit": len(page) if limit is None else limit}
    extra = context.action.respond(context, None) if context.action.respond else {}
    wrapped = envelope.wrap({**around, **extra, envelope.items: []})
    is_last = offset + len(page) >= len(entries)
    ends = {
        name: "" for name, value in wrapped.items() if is_last and isinstance(value, str) and name.startswith("next")
    }
    return json_response(status, {**wrapped, **ends, envelope.items: fragments}, media)


def _position(query: Mapping[str, Any]) -> tuple[int, int | None]:
    """Return the offset and the largest number of items that a query asks for."""
    size = next((int(query[name]) for name in _SIZES if str(query.get(name)).isdecimal()), None)
    if isinstance(query.get("page"), int) and "offset" not in query:
        size = _PAGE_SIZE if size is None else size
        return max(0, query["page"] - 1) * size, size
    return int(query.get("offset", 0)), size


def _entries(context: RequestContext) -> Iterable[Entry]:
    """Yield every resource below what the path names that one of the subject's grants includes."""
    resource, state, where = context.resource, context.state, context.action.where
    grants = allowed_grants(context)
    is_narrow = resource.scopes and all(grant.scope for grant in grants)
    reveals = context.query.get(context.action.reveal) and any(not grant.methods for grant in grants)
    above = [(name, context.path[name]) for name in resource.parents if name in context.path]
    for item in state.all(resource.name):
        if any(item.get(name) != value for name, value in above) or (where and not where(context, item)):
            continue
        if is_narrow and not any(is_within(grant, resource, item) for grant in grants):
            continue
        if reveals:
            yield "", 0, state.reveal(resource, item)[0]
        else:
            yield (resource.key_of(item), *state.view(resource, item))


def _is_selected(context: RequestContext, view: Mapping[str, Any]) -> bool:
    parameters = ((name, value) for name, value in context.query.items() if name not in _PAGING)
    return all(_matches_filter(context.resource, name, value, view) for name, value in parameters)


def _matches_filter(resource: Resource, name: str, value: Any, view: Mapping[str, Any]) -> bool:
    rule = resource.filters.get(name)
    if callable(rule):
        return rule(view, value)
    paths = rule or _field_of_parameter(resource, name, view)
    if not paths:
        return True
    wanted = {_as_text(entry) for entry in (value if isinstance(value, list) else [value])}
    return any(_as_text(entry) in wanted for path in paths for entry in find_values(view, path))


def _field_of_parameter(resource: Resource, name: str, view: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the field that a query parameter names: itself, its singular, or the id."""
    single = name.removesuffix("s")
    if name in view or single in view:
        return (name if name in view else single,)
    return (resource.id,) if single == f"{resource.name[:1].lower()}{resource.name[1:]}Id" else ()


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sort(context: RequestContext, entries: list[Entry]) -> list[Entry]:
    sorts = context.query.get("sorts") or []
    for sort in reversed(sorts if isinstance(sorts, list) else [sorts]):
        name, _, direction = str(sort).partition(":")
        path = context.resource.sorts.get(name, name)
        entries = sorted(entries, key=lambda entry: _sort_key(entry[2], path), reverse=direction == "desc")
    return entries


def _sort_key(view: Mapping[str, Any], path: str) -> tuple[bool, str]:
    values = find_values(view, path)
    return (not values, str(values[0]).casefold() if values else "")


def _fragment(context: RequestContext, envelope: Envelope, entry: Entry) -> orjson.Fragment:
    """Return one item as JSON; it is cached for as long as its view does not change."""
    key, serial, view = entry
    cached = context.state.fragments.get((context.operation.id, key))
    if cached and serial and cached[0] == serial:
        fragment: orjson.Fragment = cached[1]
        return fragment
    row = context.action.row(view) if context.action.row else view
    fragment = orjson.Fragment(write_json(envelope.item(row)))
    if serial:
        context.state.fragments[context.operation.id, key] = (serial, fragment)
    return fragment


def create_item(context: RequestContext) -> Response:
    """Create a resource from the body, or several; the response shows what is shown only once."""
    resource, state, action = context.resource, context.state, context.action
    items: list[Item] = []
    for body in _bodies(context):
        item = state.build(resource, body, context.change)
        state.begin(resource, item, "create")
        state.begin(resource, item, _event(context))
        check_scope(context, item)
        _check_unique(context, item, None, items)
        items.append(item)
    for item in items:
        state.put(resource, item)
    if items:
        _affect(context, items[0])
    views = [_view(context, item, once=True) for item in items]
    return _respond(context, views if action.respond else views[0])


def _bodies(context: RequestContext) -> list[Item]:
    """Return the bodies of the resources to create, each with the ids of what is above it."""
    above = {name: context.path[name] for name in context.resource.parents if name in context.path}
    if context.action.bodies:
        return [{**body, **above} for body in context.action.bodies(context)]
    is_inferred, names = context.resource.sample is not None, context.plan.body_names
    known = {name: value for name, value in context.fields.items() if is_inferred or not names or name in names}
    return [{**known, **above}]


def read_item(context: RequestContext) -> Response:
    """Respond with the resource that the path names."""
    return _respond(context, _view(context, _target(context)))


def update_item(context: RequestContext) -> Response:
    """Change the fields that the body sends; a PUT removes those that it leaves out."""
    resource, state, old = context.resource, context.state, _target(context)
    replaces = context.action.replaces or resource.replaces
    if context.operation.method == "PUT":
        replaces = tuple(name for name in context.plan.body_names if name != resource.id)
    new = state.update(resource, copy_data(old), context.fields, context.change, replaces)
    _check_unique(context, new, old)
    check_scope(context, new)
    usual = "update" if resource.life and "update" in resource.life.events else ""
    return _store(context, new, _event(context) or usual)


def act_on_item(context: RequestContext) -> Response:
    """Change the resource that the path names in the operation's own way, and begin its event."""
    new = copy_data(_target(context))
    if context.action.change:
        context.action.change(context, new)
    if context.resource.touch:
        context.resource.touch(context.change, new)
    return _store(context, new, _event(context))


def delete_item(context: RequestContext) -> Response:
    """Remove the resource that the path names, or those with the operation's keys; unknown keys are skipped."""
    resource, state = context.resource, context.state
    if context.action.keys:
        for key in context.action.keys(context):
            item = state.find(resource.name, key)
            if item is not None:
                state.remove(resource, item)
        return empty_response(context.plan.status)
    item = _target(context)
    state.remove(resource, item)
    return _respond(context, _view(context, item))


def respond(context: RequestContext) -> Response:
    """Respond with what the operation's hook returns."""
    data = context.action.respond(context, None) if context.action.respond else None
    if data is None:
        raise Refused(404, "Not found")
    return _shape(context, data)


def respond_with_sample(context: RequestContext) -> Response:
    """Respond with a sample, for an operation of which only the schema is known."""
    plan = context.plan
    if plan.response is not None:
        base = make_sample(plan.response, True)
        if isinstance(base, dict):
            names = {child.name for child in plan.response.children}
            base = {**base, **{name: value for name, value in context.fields.items() if name in names}}
        return _shape(context, base)
    if plan.media_type and plan.status != 204:
        return text_response(plan.status, "sample\n", plan.media_type)
    return empty_response(plan.status)


def _event(context: RequestContext) -> str:
    event = context.action.event
    return event(context) if callable(event) else event


def _target(context: RequestContext) -> Item:
    """Return the resource that the path names, else the one whose id is in the body."""
    target = context.target
    if target is None and context.fields:
        key = context.resource.key_of({**context.path, **context.fields})
        target = context.state.find(context.resource.name, key)
    if target is None:
        raise Refused(404, "Not found")
    return target


def _store(context: RequestContext, item: Item, event: str) -> Response:
    """Store a changed resource, begin its event, affect others, and respond with it."""
    until = context.action.until(context) if context.action.until else None
    context.state.begin(context.resource, item, event, until)
    context.state.put(context.resource, item)
    _affect(context, item)
    return _respond(context, _view(context, item, context.action.once))


def _affect(context: RequestContext, item: Item) -> None:
    context.items[context.resource.name] = item
    if context.action.affect:
        context.action.affect(context, item)


def _check_unique(context: RequestContext, new: Item, old: Item | None, siblings: Iterable[Item] = ()) -> None:
    """Refuse a resource whose unique fields another one has already; texts are compared without case."""
    state, resource = context.state, context.resource
    mine = resource.key_of(new)
    if resource.sample and old is None and state.find(resource.name, mine):
        raise Refused(409, f"Conflict: '{mine}' already exists")
    for unique in resource.unique:
        names = (*unique.fields, *unique.within)
        wanted = [_casefold(new.get(name)) for name in names]
        for other in (*state.all(resource.name), *siblings):
            is_taken = resource.key_of(other) != mine and [_casefold(other.get(name)) for name in names] == wanted
            if is_taken and wanted[0] is not None:
                raise _conflict(context, unique, new)


def _conflict(context: RequestContext, unique: Unique, new: Item) -> Refused:
    message = unique.message.format_map(new)
    status = context.action.unique_status or unique.status
    return Refused(status, f"Invalid request: {message}", (FieldError(unique.fields[0], "unique", message),))


def _casefold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _view(context: RequestContext, item: Item, once: bool = False) -> Item:
    resource, state = context.resource, context.state
    if not resource.name:
        return {}
    is_stored = state.find(resource.name, resource.key_of(item)) is item
    view = dict(state.view(resource, item)[1]) if is_stored else dict(item)
    return {**view, **resource.once(state, item)} if once and resource.once else view


def _respond(context: RequestContext, data: Any) -> Response:
    """Respond with a resource, or with what the action returns for it."""
    if context.plan.response is None or context.plan.status == 204:
        return empty_response(context.plan.status)
    return _shape(context, context.action.respond(context, data) if context.action.respond else data)


def _shape(context: RequestContext, data: Any) -> Response:
    plan = context.plan
    if plan.shape is None:
        return empty_response(plan.status)
    return json_response(plan.status, plan.shape(data), plan.media_type)


ACTIONS: dict[str, Callable[[RequestContext], Response]] = {
    "list": list_items,
    "create": create_item,
    "read": read_item,
    "update": update_item,
    "delete": delete_item,
    "act": act_on_item,
    "respond": respond,
    "sample": respond_with_sample,
}

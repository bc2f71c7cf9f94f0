"""What an API does: hooks beyond its document, and the default that is inferred from the document.

A `Behavior` describes one API. `Behavior()`, with no hooks at all, is inferred from the document;
`astro` holds the behavior of the Astro API.

| hook                                  | when it is called                                                            |
|---------------------------------------|------------------------------------------------------------------------------|
| `Behavior.seed`                       | before a type is first used: creates the resources it starts with            |
| `Resource.complete`                   | on creation and update: fields that depend on others                         |
| `Resource.create`, `Resource.touch`   | on creation; on every change: fields that the server sets                    |
| `Resource.view`                       | when a resource is read: fields that are computed                            |
| `Resource.once`                       | in the response to the creation: fields that are shown only then             |
| `Action.check`                        | before an operation changes anything: raises `Refused`                       |
| `Action.change`, `Action.affect`      | when an operation changes its resource; afterwards, for other resources      |
| `Action.respond`                      | for the body of the response, where it is not the resource itself            |
| `Behavior.endpoints`                  | for requests to paths outside the document                                   |

Without hooks, `openapi.resources` infers which operation does what; here that becomes what the sandbox needs: an
`Action` for each operation, and a `Resource` with samples for each collection.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from ..messages import has_data, is_json
from ..openapi import Operation, Spec
from ..openapi.resources import LABEL_FIELDS, field_named_by, path_shape
from ..schema import Field, make_sample, response_field
from .clock import LifeCycle, cuid, word

if TYPE_CHECKING:
    from ..messages import Request, Response
    from .requests import RequestContext
    from .state import State


def success_status(operation: Operation) -> int:
    """Return the status that the document declares for success."""
    declared = operation.success
    return int(declared.status) if declared and declared.status.isdigit() else 200


def data_media_type(content: Iterable[str]) -> str:
    """Return the media type in which data is sent: JSON, else YAML or CBOR; empty if none of them is declared."""
    declared = list(content)
    return next(filter(is_json, declared), next(filter(has_data, declared), ""))


def success_field(operation: Operation) -> Field | None:
    """Return the field of the body of a successful response that is plain data; None if there is none."""
    declared = operation.success
    media = data_media_type(declared.content) if declared else ""
    return response_field(operation, success_status(operation), media) if declared and media else None


def list_part(operation: Operation, wanted: str = "") -> tuple[str, Field] | None:
    """Return the name and the field of the items of a list response; the name is empty for a bare array."""
    key, field = wanted or operation.spec.resources.items_key(operation), success_field(operation)
    if not key or field is None:
        return None
    items = field if key == "$" else field.child(key)
    return (key.removeprefix("$"), items.item) if items and items.item else None


def resources_of(spec: Spec, behavior: Behavior) -> dict[str, Resource]:
    """Return the resources that the behavior declares, or if it declares none, one for each collection."""
    if behavior.resources:
        return dict(behavior.resources)  # operations on anything else respond with samples
    resources: dict[str, Resource] = {}
    for operation in spec:
        role = spec.resources.role(operation)
        if role.is_single and role.collection and role.collection not in resources:
            resources[role.collection] = _infer(spec, role.collection, role.id_parameter)
    return resources


def action_of(operation: Operation, resources: Mapping[str, Resource], behavior: Behavior) -> Action:
    """Return what an operation does: as declared, else by its role, else it responds with a sample."""
    if operation.id in behavior.actions:
        return behavior.actions[operation.id]
    role = operation.spec.resources.role(operation)
    shape = path_shape(role.collection)
    resource = next((r for r in resources.values() if r.path and path_shape(r.path) == shape), None)
    is_own = role.is_single or path_shape(operation.path) == shape
    if resource and is_own and _is_possible(role.action, role.is_single, operation):
        return Action(role.action, resource.name)
    return _other_list(operation, resources) or Action("sample")


def _is_possible(action: str, is_single: bool, operation: Operation) -> bool:
    """Whether the request and the response of an operation have the form that its action needs."""
    field = success_field(operation)
    if is_single:
        is_scalar = field is not None and field.kind not in ("object", "union", "map", "any")
        return action in ("read", "update", "delete") and not is_scalar
    is_list = list_part(operation) is not None
    return {
        "list": is_list,
        "create": operation.body is not None and not is_list,
        "update": operation.body is not None and operation.method == "PUT",
    }.get(action, False)


def _other_list(operation: Operation, resources: Mapping[str, Resource]) -> Action | None:
    """A list of a resource at another path, such as `/pet/findByStatus`, by the schema of its items."""
    part = list_part(operation) if operation.method == "GET" and "{" not in operation.path else None
    for resource in resources.values():
        if part and resource.schema and resource.schema == part[1].type_name and not resource.parents:
            return Action("list", resource.name)
    return None


def _infer(spec: Spec, path: str, parameter: str) -> Resource:
    field = _item_field(spec, path)
    id_field = field_named_by(parameter, [child.name for child in field.children] if field else [])
    bare = Resource(path, path, id_field)

    def sample_item(number: int, above: Mapping[str, str]) -> Item:
        return _sample(field, number, id_field) | dict(above)

    return replace(
        bare,
        key=(*bare.parents, id_field),
        create=_id_setter(path, field.child(id_field) if field else None, id_field),
        sample=sample_item,
        schema=field.type_name if field else "",
    )


def _item_field(spec: Spec, path: str) -> Field | None:
    """Return the field of one resource of a collection, from the first response that has one."""
    own = {operation.method: operation for operation in spec.resources.at(f"{path}/{{id}}")}
    makers = {operation.method: operation for operation in spec.resources.at(path)}
    for operation in (own.get("GET"), own.get("PUT"), own.get("PATCH"), makers.get("POST")):
        field = success_field(operation) if operation else None
        if field is not None and field.kind == "object":
            return field
        if field is not None and field.branches:
            return field.branches[0].field
    return None


def _sample(field: Field | None, number: int, id_field: str) -> Item:
    value = make_sample(field, True) if field else {}
    item: Item = dict(value) if isinstance(value, Mapping) else {}
    for child in field.children if field else ():
        if child.kind == "choice" and child.info.choices and not child.info.read_only:
            item[child.name] = child.info.choices[number % len(child.info.choices)]
        elif child.name in (id_field, *LABEL_FIELDS):
            item[child.name] = _make_distinct(child, number)
    item.setdefault(id_field, f"{id_field}-{number + 1}")
    return item


def _make_distinct(field: Field, number: int) -> Any:
    value = make_sample(field)
    if isinstance(value, int):
        return number + 1
    if field.info.format == "uuid":
        return uuid_of("uuid", number)
    return f"{value}{'' if number == 0 else f'-{number + 1}'}" if isinstance(value, str) else value


def uuid_of(*parts: object) -> str:
    """Return a UUID that is the same for the same parts."""
    digits = word(32, *parts).translate(str.maketrans("ghijklmnopqrstuvwxyz", "0123456789abcdef0123"))
    return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "8" + digits[17:20], digits[20:]))


def _id_setter(path: str, field: Field | None, name: str) -> Callable[[Change, Item], None]:
    def set_id(change: Change, item: Item) -> None:
        if item.get(name) is not None:
            return
        count = len(change.state.all(path))
        if field is not None and field.kind in ("integer", "number"):
            item[name] = count + 1
        elif field is not None and field.info.format:
            item[name] = _make_distinct(field, count)
        else:
            item[name] = cuid(change.state.seed, path, count)

    return set_id


Item = dict[str, Any]
"""One resource as plain data. Names that begin with an underscore are the sandbox's own and never shown."""


@dataclass(frozen=True)
class Change:
    """The circumstances of one change: when it happens, who makes it, and at which origin (scheme, host, port).

    `chance` is random but repeatable: it depends on the sandbox's seed and on the requests before this one.
    """

    state: State = field(repr=False)
    now: str
    subject: Mapping[str, Any]
    chance: random.Random = field(repr=False)
    origin: str = ""


@dataclass(frozen=True)
class FieldError:
    """One field of a request that breaks a rule."""

    field: str
    code: str
    message: str


class Refused(Exception):
    """The sandbox responds with an error. Never leaves the sandbox: the caller gets a response.

    `plain` marks an error of the gateway: plain text instead of the document's error envelope.
    """

    def __init__(
        self,
        status: int,
        message: str,
        fields: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.fields = status, message, fields
        self.headers, self.plain = dict(headers or {}), plain


def invalid(message: str, field_name: str = "", status: int = 400) -> Refused:
    """Return the refusal of a request that the API finds invalid, with the field that is to blame."""
    return Refused(status, message, (FieldError(field_name, "invalid", message),) if field_name else ())


@dataclass(frozen=True)
class Unique:
    """Fields that no two resources may share within the same values of others. `message` is formatted with fields."""

    fields: tuple[str, ...]
    message: str
    within: tuple[str, ...] = ()
    status: int = 400


@dataclass(frozen=True)
class Secret:
    """A place whose value is stored but not shown: left out, or replaced by `mask`.

    Attributes:
        path: where the value is, such as `environmentVariables[].value`.
        condition: a field of the same object that must be true; after a slash, a path from the resource.
    """

    path: str
    condition: str = ""
    mask: Any = None


Filter = tuple[str, ...] | Callable[[Mapping[str, Any], Any], bool]
"""The paths whose values a query parameter selects by, or a function of a resource and the parameter's value."""


@dataclass(frozen=True)
class Resource:
    """One type of resource and what is particular about it.

    Attributes:
        name: its name, or its path if it was inferred.
        path: the path of its collection, as the document writes it.
        id: the field that its path parameter names.
        key: the fields that identify it where `id` is not unique.
        scopes: the paths of the ids of what it belongs to, by the type that a token can be bound to.
        references: fields of a body that must hold the id of an existing resource, with its type.
        defaults: values of fields that are missing after a creation or an update.
        replaces: fields that an update removes when they are left out.
        merges: objects that an update merges instead of replacing.
        renames: fields of a body that are called otherwise in a response.
        filters, sorts: what a query parameter, or a sort, refers to where its name does not say it.
        cascade: types of resources that are deleted with it, with the field that holds its id.
        schema: the name of its schema if it was inferred.
        sample: makes the n-th resource under given parents, if it was inferred.
    """

    name: str
    path: str = ""
    id: str = "id"
    key: tuple[str, ...] = ()
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[Unique, ...] = ()
    secrets: tuple[Secret, ...] = ()
    life: LifeCycle | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    complete: Callable[[Change, Item, Mapping[str, Any]], None] | None = None
    create: Callable[[Change, Item], None] | None = None
    touch: Callable[[Change, Item], None] | None = None
    view: Callable[[State, Item], None] | None = None
    once: Callable[[State, Item], Item] | None = None
    replaces: tuple[str, ...] = ()
    merges: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sorts: Mapping[str, str] = field(default_factory=dict)
    cascade: Mapping[str, str] = field(default_factory=dict)
    schema: str = ""
    sample: Callable[[int, Mapping[str, str]], Item] | None = field(default=None, repr=False)

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """The fields with the ids of the resources above it: the path parameters of `path`."""
        return tuple(name for name in re.findall(r"\{(.+?)\}", self.path) if name != self.id)

    def key_of(self, item: Mapping[str, Any]) -> str:
        """Return the key under which a resource is stored."""
        return "/".join(str(item.get(name)) for name in self.key or (self.id,))


@dataclass(frozen=True)
class Action:
    """What one operation does.

    Attributes:
        kind: a row of `actions.ACTIONS`: list, create, read, update, delete, act, respond or sample.
        resource: the type of resource that it does it to.
        assume: values of body fields that are missing or empty.
        references: as `Resource.references`, for this operation's body.
        check: raises `Refused` if the operation is not possible.
        where, row: which resources a list holds, and how it shows one.
        items: the field of the response that holds the list, where there are several.
        reveal: a query parameter with which secrets are shown.
        bodies: the bodies of the resources to create; by default the request's own.
        keys: the keys of the resources to delete; by default the one that the path names.
        change: changes the resource.
        event: the event of the life cycle that begins.
        until: the moment at which the event ends by itself.
        replaces: overrides `Resource.replaces`.
        affect: changes other resources; gets the resource as it is now.
        respond: the body of the response; gets the resource's view, or for `bodies` their views.
        once: whether the response shows the fields of `Resource.once`.
        unique_status: overrides `Unique.status`.
        handle: a function that responds, instead of `kind`.
    """

    kind: str = ""
    resource: str = ""
    assume: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[RequestContext], None] | None = None
    where: Callable[[RequestContext, Item], bool] | None = None
    row: Callable[[Item], Item] | None = None
    items: str = ""
    reveal: str = ""
    bodies: Callable[[RequestContext], list[Item]] | None = None
    keys: Callable[[RequestContext], list[str]] | None = None
    change: Callable[[RequestContext, Item], None] | None = None
    event: str | Callable[[RequestContext], str] = ""
    until: Callable[[RequestContext], Any] | None = None
    replaces: tuple[str, ...] = ()
    affect: Callable[[RequestContext, Item], None] | None = None
    respond: Callable[[RequestContext, Any], Any] | None = None
    once: bool = False
    unique_status: int | None = None
    handle: Callable[[RequestContext], Response] | None = None


@dataclass(frozen=True)
class Grant:
    """What a role allows: patterns of permissions, methods (empty for all), and the resource that it is bound to."""

    allow: tuple[str, ...]
    methods: tuple[str, ...] = ()
    scope: str = ""
    id: str = ""

    def covers(self, permissions: Iterable[str], method: str) -> bool:
        """Whether the grant includes every one of the permissions for a request with this method."""
        allowed = not self.methods or method in self.methods
        return allowed and all(any(_matches(p, pattern) for pattern in self.allow) for p in permissions)


_matches = lru_cache(maxsize=4096)(fnmatchcase)


@dataclass(frozen=True)
class TokenScope:
    """A scope of `Sandbox.token`.

    Attributes:
        role: the role of its tokens, and `bound_to`, the id that the role is bound to.
        ids: the ids in its tokens, each with the type of resource; by default that of the first resource.
    """

    role: str
    bound_to: str
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Access:
    """Who may do what.

    Attributes:
        tokens: the type of resource that holds tokens.
        claims: the claims of a stored token.
        profile: the profile of a token, from its id and its name.
        roles: the roles of a stored token.
        grants: what a role allows.
        scopes: the scopes of `Sandbox.token`.
    """

    tokens: str
    claims: Callable[[Mapping[str, Any]], Item]
    profile: Callable[[Mapping[str, Any]], Item]
    roles: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]
    grants: Callable[[State, Mapping[str, Any]], Iterable[Grant]]
    scopes: Mapping[str, TokenScope]


@dataclass(frozen=True)
class Behavior:
    """What an API does beyond its document; every part may be left out.

    Attributes:
        resources: the types of resources, by name; inferred from the document's paths where there are none.
        actions: what operations do, by operation id; inferred from method and path where left out.
        seed: creates the resources that there are in the beginning, by type.
        epoch: the moment that dates the seed; now, where that comes first.
        access: tokens and roles; without it no token is needed.
        gateway: status and text of the gateway's own errors, by name (see `checks.GATEWAY`).
        endpoints: paths outside the document, by prefix.
    """

    resources: Mapping[str, Resource] = field(default_factory=dict)
    actions: Mapping[str, Action] = field(default_factory=dict)
    seed: Mapping[str, Callable[[State], None]] = field(default_factory=dict)
    epoch: str = ""
    access: Access | None = None
    gateway: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    endpoints: Mapping[str, Callable[[State, Request], Response]] = field(default_factory=dict)

    def endpoint(self, path: str) -> Callable[[State, Request], Response] | None:
        """Return the function for a path outside the document, or None."""
        return next((respond for prefix, respond in self.endpoints.items() if path.startswith(prefix)), None)


def find_values(data: Any, path: str) -> list[Any]:
    """Return every value at a dotted path; null counts as nothing. `[]` steps into every entry: `roles[].entityId`."""
    values = [data]
    for step in path.split("."):
        name, every = step.removesuffix("[]"), step.endswith("[]")
        values = [value[name] for value in values if isinstance(value, Mapping) and value.get(name) is not None]
        if every:
            values = [entry for value in values if isinstance(value, list) for entry in value]
    return values


def set_fields(item: Item, **fields: Any) -> None:
    """Set fields of a resource; a value of None removes the field."""
    for name, value in fields.items():
        if value is None:
            item.pop(name, None)
        else:
            item[name] = value


def fill_fields(item: Item, **fields: Any) -> None:
    """Set the fields that a resource lacks."""
    set_fields(item, **{name: value for name, value in fields.items() if item.get(name) is None})


def merge_entries(
    new: Any,
    old: Any,
    key: str,
    make: Callable[[Item, Mapping[str, Any]], None],
    keep: tuple[str, ...] = (),
    condition: str = "",
) -> list[Item]:
    """Return the entries of a list that replaces another: an entry with a known key stays the same entry.

    Args:
        new: the list that an update sends.
        old: the list until now.
        key: the field by which an entry is recognised.
        make: sets the fields of an entry that the server makes; gets the entry and the old one (empty for none).
        keep: fields that stay as they were if they are left out, such as the value of a secret.
        condition: a field that must be true for `keep` to apply.
    """
    known = {str(entry.get(key)): entry for entry in old or ()}
    return [_merge_entry(entry, known.get(str(entry.get(key)), {}), make, keep, condition) for entry in new]


def _merge_entry(
    entry: Item,
    old: Mapping[str, Any],
    make: Callable[[Item, Mapping[str, Any]], None],
    keep: tuple[str, ...],
    condition: str,
) -> Item:
    merged = dict(entry)
    if not condition or entry.get(condition):
        merged.update({name: old[name] for name in keep if name in old and entry.get(name) is None})
    if old and all(old.get(name) == value for name, value in merged.items()):
        return dict(old)
    make(merged, old)
    return merged

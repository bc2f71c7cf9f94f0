"""What the document says about an API without a `Behavior`: its resources, and what each operation does to them.

`openapi.resources` infers which operation does what; here it becomes what the sandbox needs: an `Action` for each
operation, and a `Resource` with samples for each collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..openapi import Operation, Spec
from ..openapi.resources import LABEL_FIELDS, field_named_by, path_shape
from ..schema import Field, make_sample, response_field
from .behavior import Action, Behavior, Change, Item, Resource
from .clock import cuid, word


def success_status(operation: Operation) -> int:
    """Return the status that the document declares for success."""
    declared = operation.success
    return int(declared.status) if declared and declared.status.isdigit() else 200


def success_field(operation: Operation) -> Field | None:
    """Return the field of the JSON body of a successful response; None if there is none."""
    declared = operation.success
    media = next((m for m in declared.content if "json" in m and "nd" not in m), None) if declared else None
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
            item[child.name] = _numbered(child, number)
    item.setdefault(id_field, f"{id_field}-{number + 1}")
    return item


def _numbered(field: Field, number: int) -> Any:
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
            item[name] = _numbered(field, count)
        else:
            item[name] = cuid(change.state.seed, path, count)

    return set_id

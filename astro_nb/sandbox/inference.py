"""What the paths of a document say about its API: which resources there are, and what each operation does to them.

A path that ends in a parameter is one resource, and the path before it is the collection. What a `Behavior` declares
comes first; the rest is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..openapi import Operation, Spec
from ..schema import Field, make_sample, response_field
from .behavior import Action, Behavior, Change, Item, Resource
from .clock import cuid, word

_ITEM = re.compile(r"(.*)/\{([^{}/]+)\}\Z")
_ON_COLLECTION = {"GET": "list", "POST": "create", "PUT": "update"}
_ON_ITEM = {"GET": "read", "PUT": "update", "PATCH": "update", "POST": "update", "DELETE": "delete"}
_LABELS = ("name", "username", "title", "email")  # fields that tell samples apart


def success_status(operation: Operation) -> int:
    """Return the status that the document declares for success."""
    declared = operation.success
    return int(declared.status) if declared and declared.status.isdigit() else 200


def success_field(operation: Operation) -> Field | None:
    """Return the field of the JSON body of a successful response; None if there is none."""
    declared = operation.success
    media = next((m for m in declared.content if "json" in m and "nd" not in m), None) if declared else None
    return response_field(operation, success_status(operation), media) if declared and media else None


def list_part(field: Field | None) -> tuple[str, Field] | None:
    """Return the name and the field of the items of a response that is a list; the name is empty for a bare array."""
    if field is None:
        return None
    if field.kind == "array" and field.item:
        return "", field.item
    others = {child.name for child in field.children if child.kind not in ("integer", "number", "array")}
    if len(others) > 2 or others & {"id", "name"}:
        return None  # a resource that has a list, not a list of resources
    for child in field.children:
        if child.kind == "array" and child.item and child.item.kind in ("object", "union", "map"):
            return child.name, child.item
    return None


def resources_of(spec: Spec, behavior: Behavior) -> dict[str, Resource]:
    """Return the resources that the behavior declares, or if it declares none, one for each collection."""
    if behavior.resources:
        return dict(behavior.resources)  # operations on anything else respond with samples
    resources: dict[str, Resource] = {}
    operations = {(operation.method, operation.path): operation for operation in spec}
    for operation in spec:
        match = _ITEM.fullmatch(operation.path)
        if match and match[1] not in resources:
            resources[match[1]] = _infer(match[1], match[2], operations)
    return resources


def action_of(operation: Operation, resources: Mapping[str, Resource], behavior: Behavior) -> Action:
    """Return what an operation does: as declared, else by its method and path, else it responds with a sample."""
    if operation.id in behavior.actions:
        return behavior.actions[operation.id]
    by_path = {resource.path: resource.name for resource in resources.values() if resource.path}
    match = _ITEM.fullmatch(operation.path)
    field = success_field(operation)
    is_scalar = field is not None and field.kind not in ("object", "union", "map", "any")
    if match and match[1] in by_path and operation.method in _ON_ITEM and not is_scalar:
        return Action(_ON_ITEM[operation.method], by_path[match[1]])
    kind = _ON_COLLECTION.get(operation.method, "")
    if operation.path in by_path and _is_possible(kind, operation):
        return Action(kind, by_path[operation.path])
    return _other_list(operation, resources) or Action("sample")


def _is_possible(kind: str, operation: Operation) -> bool:
    tests = {
        "list": lambda: list_part(success_field(operation)) is not None,
        "create": lambda: operation.body is not None and list_part(success_field(operation)) is None,
        "update": lambda: operation.body is not None,
    }
    return kind in tests and tests[kind]()


def _other_list(operation: Operation, resources: Mapping[str, Resource]) -> Action | None:
    """A list of a resource at another path, such as `/pet/findByStatus`, by the schema of its items."""
    part = list_part(success_field(operation)) if operation.method == "GET" and "{" not in operation.path else None
    for resource in resources.values():
        if part and resource.schema and resource.schema == part[1].type_name and not resource.parents:
            return Action("list", resource.name)
    return None


def _infer(path: str, parameter: str, operations: Mapping[tuple[str, str], Operation]) -> Resource:
    field = _item_field(path, parameter, operations)
    id_field = _id_field(parameter, [child.name for child in field.children] if field else [])
    parents = tuple(name for name in re.findall(r"\{(.+?)\}", path) if name != id_field)

    def make_sample(number: int, above: Mapping[str, str]) -> Item:
        return _sample(field, number, id_field) | dict(above)

    return Resource(
        path,
        path=path,
        id=id_field,
        key=(*parents, id_field),
        create=_id_setter(path, field.child(id_field) if field else None, id_field),
        sample=make_sample,
        schema=field.type_name if field else "",
    )


def _item_field(path: str, parameter: str, operations: Mapping[tuple[str, str], Operation]) -> Field | None:
    item = f"{path}/{{{parameter}}}"
    for place in (("GET", item), ("PUT", item), ("PATCH", item), ("POST", path)):
        field = success_field(operations[place]) if place in operations else None
        if field is not None and field.kind == "object":
            return field
        if field is not None and field.branches:
            return field.branches[0].field
    return None


def _id_field(parameter: str, names: list[str]) -> str:
    """Return the field that a path parameter names: itself, `id`, or what its name ends in (`pool_name`: `name`)."""
    plain = parameter.lower().replace("_", "")
    if parameter in names:
        return parameter
    ends = [name for name in names if plain.endswith(name.lower().replace("_", ""))]
    return max(ends, key=len) if ends else "id" if "id" in names else parameter


def _sample(field: Field | None, number: int, id_field: str) -> Item:
    value = make_sample(field, True) if field else {}
    item: Item = dict(value) if isinstance(value, Mapping) else {}
    for child in field.children if field else ():
        if child.kind == "choice" and child.info.choices and not child.info.read_only:
            item[child.name] = child.info.choices[number % len(child.info.choices)]
        elif child.name in (id_field, *_LABELS):
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

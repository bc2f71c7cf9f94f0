"""What can be told of an API from its paths alone: the kinds of things, and what each operation does to them.

A path that ends in a parameter is one thing, and the path before it is the collection. What a sandbox file says of a
kind or of an operation stands; the rest is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..fields import Field, response_field, sample
from ..spec import Operation, Spec
from .ids import cuid, word
from .knowledge import Deed, Kind, Knowledge
from .template import Make, Scope

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
    value = sample(field, True) if field else {}
    item: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {}
    for child in field.children if field else ():
        if child.kind == "choice" and child.choices and not child.read_only:
            item[child.name] = child.choices[number % len(child.choices)]
        elif child.name in (id_field, "name", "username", "title", "email"):
            item[child.name] = _numbered(child, number)
    item.setdefault(id_field, f"{id_field}-{number + 1}")
    return item


def _numbered(field: Field, number: int) -> Any:
    value = sample(field)
    if isinstance(value, int):
        return number + 1
    if field.format == "uuid":
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
        return _numbered(field, count) if field is not None and field.format else cuid(scope.world.seed, label, count)

    return make

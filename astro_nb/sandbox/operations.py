"""The operations that a template can hold, such as `{$choose: [a, b]}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..call import UNSET
from .conditions import holds, values_at
from .ids import cuid, word
from .pace import read_stamp, stamp
from .template import OPERATIONS, Make, Scope, compiled, compiled_fields


def _nothing(scope: Scope) -> Any:
    return UNSET


def _choose(node: Any) -> Make:
    if isinstance(node, Mapping):
        values, weights = list(node), list(node.values())
        return lambda scope: scope.chance.choices(values, weights)[0]
    entries = [compiled(entry) for entry in node]
    return lambda scope: scope.chance.choice(entries)(scope)


def _between(node: Any) -> Make:
    low, high = node
    return lambda scope: scope.chance.randint(low, high)


def _cycle(node: Any) -> Make:
    entries = [compiled(entry) for entry in node]
    return lambda scope: entries[scope.n % len(entries)](scope)


def _word(node: Any) -> Make:
    length, of = int(node.get("length", 8)), compiled(node.get("of", ""))
    return lambda scope: word(length, scope.world.seed, scope.label, of(scope) if "of" in node else scope.n)


def _id(node: Any) -> Make:
    return lambda scope: scope.world.ids.next(str(node))


def _case(node: Any) -> Make:
    subject = compiled(node["of"])
    rows = {str(key): compiled(value) for key, value in node.items() if key not in ("of", "else")}
    other = compiled(node["else"]) if "else" in node else _nothing

    def make(scope: Scope) -> Any:
        value = subject(scope)
        key = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        return rows.get(key, other)(scope)

    return make


def _when(node: Any) -> Make:
    conditions, then = node["if"], compiled(node.get("then", True))
    other = compiled(node["else"]) if "else" in node else _nothing

    def make(scope: Scope) -> Any:
        data = {**scope.names, **scope.item}
        return then(scope) if holds(conditions, data) else other(scope)

    return make


def _first(node: Any) -> Make:
    entries = [compiled(entry) for entry in node]
    return lambda scope: next((v for make in entries if (v := make(scope)) is not UNSET and v != ""), UNSET)


def _merge(node: Any) -> Make:
    entries = [compiled(entry) for entry in node]

    def make(scope: Scope) -> dict[str, Any]:
        found = [made(scope) for made in entries]
        return {key: value for part in found if isinstance(part, Mapping) for key, value in part.items()}

    return make


def _mint(node: Any) -> Make:
    return lambda scope: scope.world.mint_for(scope.item)


def _each(node: Any) -> Make:
    source, make = compiled(node["of"]), compiled(node["make"])
    conditions = node.get("if") or {}

    def made(scope: Scope) -> Any:
        entries = source(scope)
        if not isinstance(entries, list):
            return UNSET
        inner = [scope.inside(it=entry) for entry in entries if not conditions or holds(conditions, {"it": entry})]
        return [make(each) for each in inner]

    return made


def _joined_lists(node: Any) -> Make:
    """Lists one after the other; with `by`, a later entry replaces an earlier one of the same key."""
    sources, by = [compiled(entry) for entry in node["of"]], node.get("by")

    def make(scope: Scope) -> list[Any]:
        lists = [found for source in sources if isinstance(found := source(scope), list)]
        entries = [entry for found in lists for entry in found]
        return list({str(e[by]): e for e in entries}.values()) if by else entries

    return make


def _unique(node: Any) -> Make:
    """Several lists as one in which every value stands once."""
    sources = [compiled(entry) for entry in node]

    def make(scope: Scope) -> list[Any]:
        lists = [found for source in sources if isinstance(found := source(scope), list)]
        return list(dict.fromkeys(entry for found in lists for entry in found))

    return make


def _less(node: Any) -> Make:
    source, by, value = compiled(node["of"]), node.get("by"), compiled(node["value"])

    def make(scope: Scope) -> Any:
        entries, taken = source(scope), value(scope)
        return [e for e in entries if (e.get(by) if by else e) != taken] if isinstance(entries, list) else UNSET

    return make


def _find(node: Any) -> Make:
    found = _all(node)
    return lambda scope: next(iter(found(scope)), UNSET)


def _all(node: Any) -> Make:
    kind, where, give = node["kind"], compiled_fields(node.get("where")), node.get("give")

    def make(scope: Scope) -> list[Any]:
        wanted = {path: value(scope) for path, value in where}
        items = scope.world.matching(kind, wanted)
        return [value for item in items for value in (values_at(item, give) if give else [item])]

    return make


def _some(node: Any) -> Make:
    every, (low, high) = _all(node), node["count"]

    def make(scope: Scope) -> list[Any]:
        entries = every(scope)
        return scope.chance.sample(entries, min(scope.chance.randint(low, high), len(entries)))

    return make


def _table(node: Any) -> Make:
    name, raw_key, *column = node
    key = compiled(raw_key)
    other = compiled(column[1]) if len(column) > 1 else _nothing

    def make(scope: Scope) -> Any:
        rows, at = scope.world.tables[name], key(scope)
        row = rows.get(str(at)) if isinstance(rows, Mapping) else rows[int(at) % len(rows)]
        value = row.get(column[0]) if column and isinstance(row, Mapping) else row
        return other(scope) if value is None else value

    return make


def _time(node: Any) -> Make:
    """A moment some days after (before, when negative) another: `{of: …, days: 3}`, days also as [least, most]."""
    source, days = compiled(node.get("of", "{now}")), compiled(node.get("days", 0))

    def make(scope: Scope) -> Any:
        moment, span = read_stamp(source(scope)), days(scope)
        span = scope.chance.uniform(*span) if isinstance(span, list) else span
        if moment is None or span is UNSET:
            return UNSET
        return stamp(moment + timedelta(days=float(span)))

    return make


def _use(node: Any) -> Make:
    name = str(node)
    return lambda scope: scope.world.templates[name](scope)


def _with(node: Any) -> Make:
    fields, make = compiled_fields(node["names"]), compiled(node["make"])

    def made(scope: Scope) -> Any:
        for name, value in fields:
            scope = scope.inside(**{name: value(scope)})
        return make(scope)

    return made


def _nth(node: Any) -> Make:
    """The id that the n-th seeded thing of a kind has, whether it has been made yet or not."""
    label, number = str(node[0]), compiled(node[1])
    return lambda scope: cuid(scope.world.seed, label, int(number(scope)) + 1)


def _scaled(node: Any) -> Make:
    """A quantity such as "0.5" multiplied: `{of: …, by: 2, unit: Gi}`."""
    source, by, unit = compiled(node["of"]), float(node["by"]), str(node.get("unit", ""))

    def make(scope: Scope) -> Any:
        found = re.match(r"[\d.]+", str(source(scope)))
        return f"{float(found[0]) * by:g}{unit}" if found else UNSET

    return make


def _head(node: Any) -> Make:
    """One field of the first entry of a list; UNSET where the list is empty."""
    source, name = compiled(node[0]), str(node[1])

    def make(scope: Scope) -> Any:
        entries = source(scope)
        return entries[0].get(name, UNSET) if isinstance(entries, list) and entries else UNSET

    return make


OPERATIONS |= {
    "$all": _all,
    "$between": _between,
    "$case": _case,
    "$choose": _choose,
    "$cycle": _cycle,
    "$each": _each,
    "$find": _find,
    "$first": _first,
    "$head": _head,
    "$id": _id,
    "$join": _joined_lists,
    "$less": _less,
    "$merge": _merge,
    "$mint": _mint,
    "$nth": _nth,
    "$scaled": _scaled,
    "$some": _some,
    "$table": _table,
    "$time": _time,
    "$unique": _unique,
    "$use": _use,
    "$when": _when,
    "$with": _with,
    "$word": _word,
}

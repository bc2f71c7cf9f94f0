"""Values made from templates: the small language of a sandbox file.

A text may hold `{path}`, looked up in the thing at hand first, then in the names around it (path parameters, `body`,
`subject`, `now`, `it` …); a text that is nothing but `{path}` is the value itself. Pipes follow a bar: `{name|slug}`.
What is looked up and not there is UNSET, and a field that is UNSET is left out. A mapping with one key that begins with
`$` is an operation (see `operations`); any other mapping or list is made entry by entry.

The operations that a template can hold, such as `{$choose: [a, b]}`.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..call import UNSET
from .clock import cuid, read_stamp, stamp, word
from .life import holds, values_at

if TYPE_CHECKING:
    from .state import World


Make = Callable[["Scope"], Any]
Fields = tuple[tuple[str, Make], ...]

OPERATIONS: dict[str, Callable[[Any], Make]] = {}
"""What `$name` does: made from the operation's argument, once. The module `operations` fills the table."""

_HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Scope:
    """Where a template is evaluated: the thing at hand, the names around it, and the world they live in."""

    world: World = field(repr=False)
    item: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    n: int = 0

    @cached_property
    def chance(self) -> random.Random:
        """Chance that falls the same way on every run: it depends on the seed, the label and the number alone."""
        return random.Random(f"{self.world.seed}/{self.label}/{self.n}")  # noqa: S311  # believable, not secret

    def inside(self, **names: Any) -> Scope:
        """The same scope with further names; chance goes on where it stands."""
        inner = replace(self, names={**self.names, **names})
        inner.__dict__["chance"] = self.chance
        return inner

    def get(self, steps: tuple[str, ...]) -> Any:
        """What stands at a path; UNSET where there is nothing."""
        first = steps[0]
        value = self.item.get(first, UNSET) if first in self.item else self.names.get(first, UNSET)
        for step in steps[1:]:
            value = value.get(step, UNSET) if isinstance(value, Mapping) else UNSET
        return UNSET if value is None else value


def compiled(node: Any) -> Make:
    """The template as a function of its scope."""
    if isinstance(node, str):
        return _text(node)
    if isinstance(node, Mapping):
        return _mapping(node)
    if isinstance(node, list):
        entries = [compiled(entry) for entry in node]
        return lambda scope: [value for make in entries if (value := make(scope)) is not UNSET]
    return lambda scope: node


def compiled_fields(node: Any) -> tuple[tuple[str, Make], ...]:
    """The entries of a mapping as (name, template), in order."""
    return tuple((str(name), compiled(value)) for name, value in (node or {}).items())


def _mapping(node: Mapping[str, Any]) -> Make:
    name = next(iter(node), "")
    if len(node) == 1 and str(name).startswith("$"):
        return OPERATIONS[name](node[name])
    fields = compiled_fields(node)

    def make(scope: Scope) -> dict[str, Any]:
        return {key: value for key, inner in fields if (value := inner(scope)) is not UNSET}

    return make


def _text(text: str) -> Make:
    parts = list(_parts(text))
    if not any(isinstance(part, tuple) for part in parts):
        return lambda scope: text
    if len(parts) == 1:
        (steps, pipes), *_ = parts
        return lambda scope: _piped(scope.get(steps), pipes)
    return lambda scope: _joined(parts, scope)


def _parts(text: str) -> Iterator[Any]:
    end = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > end:
            yield text[end : hole.start()]
        path, *pipes = hole[1].split("|")
        yield tuple(path.split(".")), tuple(pipes)
        end = hole.end()
    if end < len(text):
        yield text[end:]


def _joined(parts: list[Any], scope: Scope) -> Any:
    out = []
    for part in parts:
        value = part if isinstance(part, str) else _piped(scope.get(part[0]), part[1])
        if value is UNSET:
            return UNSET
        out.append(str(value))
    return "".join(out)


def _piped(value: Any, pipes: tuple[str, ...]) -> Any:
    for name in pipes:
        value = UNSET if value is UNSET else _PIPES[name](value)
    return value


_PIPES: dict[str, Callable[[Any], Any]] = {
    "slug": lambda v: _plain(v, "-"),
    "dotted": lambda v: _plain(v, "."),
    "snake": lambda v: _plain(v, "_"),
    "lower": lambda v: str(v).lower(),
    "upper": lambda v: str(v).upper(),
    "short": lambda v: str(v)[-8:],
    "minute": lambda v: str(v)[:16].replace(":", "-"),
    "major": lambda v: str(v).partition(".")[0],
    "names": lambda v: sorted(_leaf_names(v)) if isinstance(v, Mapping) else [],
    "count": lambda v: len(v),
}


def _plain(value: Any, between: str) -> str:
    """Lower-case letters and digits without accents, words joined by `between`."""
    bare = unicodedata.normalize("NFKD", str(value)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", between, bare.replace("'", "")).strip(between)


def _leaf_names(value: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _leaf_names(inner, f"{at}{name}.")
        elif inner not in (None, "", {}):
            yield f"{at}{name}"


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

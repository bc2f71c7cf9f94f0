"""The things there are, by kind: made from the seed when first looked for, and shown as they stand now.

Everything that a sandbox remembers, and how things in it are made and changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from ..call import UNSET
from .clock import Pace, Sequence, read_stamp, stamp
from .life import FOREVER, Life, holds, values_at
from .model import Kind, Knowledge, ListRule, Secret
from .template import Fields, Scope, compiled_fields
from .tokens import Tokens

Item = dict[str, Any]
_SAMPLES = 3


class Store:
    """Items by kind and key. An item is plain data; names that begin with an underscore are the sandbox's own."""

    def __init__(self, world: World, kinds: Mapping[str, Kind], seed: Mapping[str, Mapping[str, Any]]) -> None:
        self._world, self.kinds, self._seed = world, kinds, seed
        self._items: dict[str, dict[str, Item]] = {}
        self._sampled: set[tuple[str, tuple[str, ...]]] = set()
        self._views: dict[tuple[str, str], tuple[int, float, int, Item]] = {}
        self._serials = itertools.count(1)
        self.version = 0

    def all(self, kind: str) -> list[Item]:
        """Every item of a kind, in the order of creation."""
        return list(self._of(kind).values())

    def find(self, kind: str, key: str) -> Item | None:
        """The item of that key, or None."""
        return self._of(kind).get(key)

    def key(self, kind: Kind, item: Mapping[str, Any]) -> str:
        """What an item is filed under: its id, unless the kind says otherwise."""
        return str(kind.key(Scope(self._world, item)) if kind.key else item.get(kind.id))

    def put(self, kind: Kind, item: Item) -> Item:
        """File an item, new or changed."""
        self.settle()
        self._of(kind.name)[self.key(kind, item)] = item
        self.version += 1
        return item

    def remove(self, kind: Kind, item: Mapping[str, Any]) -> None:
        """Take an item out, and with it everything that hangs on it."""
        self.settle()
        self._of(kind.name).pop(self.key(kind, item), None)
        self.version += 1
        for other, field in kind.cascade.items():
            for child in self.all(other):
                if child.get(field) == item.get(kind.id):
                    self.remove(self.kinds[other], child)

    def settle(self) -> None:
        """Make all seeds that are still to be made: what changes from now on must not change the beginning."""
        for kind in self._seed:
            self._of(kind)

    def touch(self, kind: Kind, item: Item, **fields: Any) -> None:
        """Note something on an item that its neighbours do not show."""
        item.update(fields)
        self._views.pop((kind.name, self.key(kind, item)), None)

    def view(self, kind: Kind, item: Item) -> tuple[int, Item]:
        """The item as it is shown now, and a number that stays the same for as long as that does."""
        at, time = (kind.name, self.key(kind, item)), self._world.pace.time()
        kept = self._views.get(at) if self._of(kind.name).get(at[1]) is item else None
        if kept and kept[0] == self.version and kept[1] > time:
            return kept[2], kept[3]
        shown, until = self.open(kind, item, time)
        for secret in kind.secrets:
            shown = _concealed(shown, secret.at.split("."), secret, shown)
        serial = next(self._serials)
        if self._of(kind.name).get(at[1]) is item:  # an older state of it is shown, but not remembered
            self._views[at] = (self.version, until, serial, shown)
        return serial, shown

    def open(self, kind: Kind, item: Item, time: float | None = None) -> tuple[Item, float]:
        """The item with everything that is computed, secrets included, and until when that holds."""
        shown, until = dict(item), FOREVER
        life = item.get("_life")
        if kind.life and isinstance(life, Life):
            state, until = life.at(self._world.pace.time() if time is None else time)
            shown[kind.life.field] = state
        scope = Scope(self._world, shown, label=kind.name)
        for name, make in kind.shown:
            value = make(scope)
            if value is UNSET:
                shown.pop(name, None)
            else:
                shown[name] = value
        return shown, until

    def sampled(self, kind: Kind, above: Mapping[str, str]) -> None:
        """See that an inferred kind has its samples under the parents that a path names."""
        mine = {name: above[name] for name in kind.parents if name in above}
        mark = (kind.name, tuple(mine.values()))
        if kind.sample is None or mark in self._sampled:
            return
        self._sampled.add(mark)
        for number in range(_SAMPLES):
            self.put(kind, kind.sample(number, mine))

    def _of(self, kind: str) -> dict[str, Item]:
        if kind not in self._items:
            self._items[kind] = {}
            for item in self._seeded(kind):
                self._items[kind][self.key(self.kinds[kind], item)] = item
        return self._items[kind]

    def _seeded(self, kind: str) -> Iterator[Item]:
        plan = self._seed.get(kind)
        if not plan:
            return
        make = compiled_fields(plan.get("make"))
        changes = [(change["if"], compiled_fields(change["set"])) for change in plan.get("change") or ()]
        for number, names in enumerate(self._rows(plan, kind)):
            scope = Scope(self._world, {}, {**names, "n": number, "now": self._world.epoch}, kind, number)
            body: Item = {}
            for name, value in make:
                scope = scope if not body else _seen(scope, body)
                found = value(scope)
                if found is not UNSET:
                    body[name] = found
            for conditions, fields in changes:
                if holds(conditions, body):
                    body.update({name: value(scope) for name, value in fields})
            yield self._world.build(self.kinds[kind], body, _seen(scope, body), seeding=True)

    def _rows(self, plan: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
        """The names that each seeded item is made with: every combination of the rows of `cross`, then `rows`."""
        table = plan.get("rows")
        rows = self._world.tables[table] if isinstance(table, str) else table or ()
        for combination in itertools.product(*(plan.get("cross") or ())) if plan.get("cross") else ():
            yield {key: value for row in combination for key, value in row.items()}
        yield from map(dict, rows)
        if "per" in plan:
            low, high = plan["count"]
            for parent in self.all(plan["per"]):
                chance = Scope(self._world, label=f"{kind}/{parent.get('id')}").chance
                count = chance.randint(low, high)
                yield from ({plan["per"]: parent, "i": i, "count": count} for i in range(count))


def _seen(scope: Scope, item: Mapping[str, Any]) -> Scope:
    inner = Scope(scope.world, item, scope.names, scope.label, scope.n)
    inner.__dict__["chance"] = scope.chance
    return inner


def _concealed(value: Any, steps: list[str], secret: Secret, root: Item) -> Any:
    """A copy without the secret at the path; what does not lie on the path is shared."""
    if not isinstance(value, dict):
        return value
    name, every = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    if name not in value:
        return value
    if len(steps) > 1:
        inner = value[name]
        rest = [_concealed(e, steps[1:], secret, root) for e in inner] if every and isinstance(inner, list) else None
        return {**value, name: rest if rest is not None else _concealed(inner, steps[1:], secret, root)}
    holder = root if secret.when.startswith("/") else value
    if secret.when and values_at(holder, secret.when.lstrip("/")) != [True]:
        return value
    if secret.show is None:
        return {key: inner for key, inner in value.items() if key != name}
    return {**value, name: secret.show}


class World:
    """One sandbox's state: its things, its ids, its time and its tokens."""

    def __init__(self, knowledge: Knowledge, kinds: Mapping[str, Kind], seed: int, pace: Pace) -> None:
        self.knowledge, self.kinds, self.seed, self.pace = knowledge, kinds, seed, pace
        self.tables, self.templates = knowledge.tables, knowledge.templates
        self.ids = Sequence(seed)
        self._scopes = itertools.count(1000)  # beyond the numbers of the seed
        self.epoch = self._epoch()
        self.store = Store(self, kinds, knowledge.seed)
        self.tokens = Tokens(self, knowledge.access)
        self.searches: dict[str, list[Any]] = {}
        self.written: dict[tuple[str, str], tuple[int, Any]] = {}

    def _epoch(self) -> str:
        """The moment by which seeds are dated: the file's own, or now where that has not come yet."""
        stated, now = read_stamp(self.knowledge.epoch), self.pace.now()
        return stamp(min(stated, now) if stated else now)

    def scope(self, item: Mapping[str, Any], label: str = "", **names: Any) -> Scope:
        """A scope for templates about one thing."""
        return Scope(self, item, {"now": stamp(self.pace.now()), **names}, label, next(self._scopes))

    def matching(self, kind: str, wanted: Mapping[str, Any]) -> list[Item]:
        """The things of a kind that have these values; by id it is found without looking through them."""
        id_field = self.kinds[kind].id
        if wanted.get(id_field) is not None and not self.kinds[kind].key and not isinstance(wanted[id_field], list):
            found = self.store.find(kind, str(wanted[id_field]))
            candidates = [found] if found is not None else []
        else:
            candidates = self.store.all(kind)
        return [item for item in candidates if holds(wanted, item)]

    def mint_for(self, item: Mapping[str, Any]) -> str:
        """The token that a stored token's record stands for."""
        return self.tokens.mint_for(item)

    def build(self, kind: Kind, body: Mapping[str, Any], scope: Scope, seeding: bool = False) -> Item:
        """A new thing from a body: defaults, what the server makes, and the beginning of its life."""
        if not seeding:
            self.store.all(kind.name)  # the seeds come first, so that their ids do not depend on what is done before
        item: Item = {kind.rename.get(name, name): value for name, value in body.items()}
        if kind.id not in item and not kind.key:
            item[kind.id] = self.ids.next(kind.name)
        self._complete(kind, item, {}, scope)
        for name, make in kind.made:
            if not (seeding and name in body):
                self._set(item, name, make, scope)
        if kind.life:
            item["_life"] = self._seeded_life(kind, item) if seeding else self._begun(kind, kind.life.starts, item)
        return item

    def change(self, kind: Kind, item: Item, body: Mapping[str, Any], scope: Scope, replaces: tuple[str, ...]) -> Item:
        """The thing as an update leaves it; lists in the body replace the old ones, entry by entry."""
        body = {kind.rename.get(name, name): value for name, value in body.items()}
        new = {name: value for name, value in item.items() if name not in replaces or name in body}
        for name, value in body.items():
            old = item.get(name)
            merges = name in kind.merge and isinstance(old, Mapping) and isinstance(value, Mapping)
            new[name] = {**old, **value} if merges and old else value
        self._complete(kind, new, item, scope)
        return self.set(new, kind.touched, scope)

    def set(self, item: Item, fields: Fields, scope: Scope) -> Item:
        """The thing with some fields made anew; a field that is made UNSET goes."""
        for name, make in fields:
            self._set(item, name, make, scope)
        return item

    def begin(self, kind: Kind, item: Item, event: str, until: Any = None) -> None:
        """Let an event of a thing's life begin now; `until` is the moment at which it is over by itself."""
        if kind.life and event:
            item["_life"] = self._begun(kind, event, item, until)

    def _begun(self, kind: Kind, event: str, item: Item, until: Any = None) -> Life:
        assert kind.life  # noqa: S101  # the callers asked; this is for the type checker
        moment = read_stamp(until) if until else None
        lasts = self.pace.until(moment) if moment else FOREVER
        return kind.life.begin(event, item, self.pace.start(), lasts, self.pace.lag)

    def _seeded_life(self, kind: Kind, item: Item) -> Life:
        assert kind.life  # noqa: S101  # the callers asked; this is for the type checker
        plan = item.pop("_life", None)
        if plan:
            start = self.pace.start()
            return Life(tuple((state, start + float(s)) for state, s in plan["through"].items()), str(plan["to"]))
        started = kind.life.begin(kind.life.starts, item, 0.0)
        return Life((), str(item.get(kind.life.field) or started.end))

    def _complete(self, kind: Kind, item: Item, before: Mapping[str, Any], scope: Scope) -> None:
        for name, make in kind.defaults:
            if item.get(name) is None:
                self._set(item, name, make, scope)
        for conditions, names in kind.drop:
            if holds(conditions, item):
                for name in names:
                    item.pop(name, None)
        for name, rule in kind.lists.items():
            if isinstance(item.get(name), list):
                item[name] = self._entries(rule, item[name], before.get(name) or [], item, scope)

    def _entries(self, rule: ListRule, new: list[Any], old: list[Any], item: Item, scope: Scope) -> list[Any]:
        known = {str(entry.get(rule.key)): entry for entry in old}
        return [self._entry(rule, entry, known.get(str(entry.get(rule.key))), item, scope) for entry in new]

    def _entry(self, rule: ListRule, entry: Any, old: Any, item: Item, scope: Scope) -> Item:
        kept: Item = {}
        if old and (not rule.when or entry.get(rule.when)):
            kept = {name: old[name] for name in rule.keep if name in old and entry.get(name) is None}
        merged = {**entry, **kept}
        if old and all(old.get(name) == value for name, value in merged.items()):
            return {**old}
        inner = Scope(self, item, {**scope.names, "it": merged}, scope.label, scope.n)
        for name, make in rule.made:
            if name == rule.key:
                merged[name] = old[name] if old else make(inner)
            else:
                self._set(merged, name, make, inner)
        return merged

    def _set(self, item: Item, name: str, make: Any, scope: Scope) -> None:
        inner = Scope(self, item, scope.names, scope.label, scope.n)
        inner.__dict__["chance"] = scope.chance
        value = make(inner)
        if value is UNSET:
            item.pop(name, None)
        else:
            item[name] = value

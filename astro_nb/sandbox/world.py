"""Everything that a sandbox remembers, and how things in it are made and changed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from ..call import UNSET
from .conditions import holds
from .ids import Sequence
from .knowledge import Kind, Knowledge, ListRule
from .life import FOREVER, Life
from .pace import Pace, read_stamp, stamp
from .store import Item, Store
from .template import Fields, Scope
from .tokens import Tokens


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

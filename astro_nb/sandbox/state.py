"""Everything that a sandbox remembers: its resources, its ids, its time and its tokens."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ..data import copy_data
from .behavior import Behavior, Change, Item, Resource, Secret, fill_fields, find_values
from .clock import FOREVER, Clock, Sequence, Timeline, format_timestamp, parse_timestamp
from .tokens import Tokens

SAMPLES = 3  # resources that an inferred collection starts with


class State:
    """The resources of one sandbox, by type and key.

    Attributes:
        epoch: the moment that dates the seed, as text.
        searches: the lines that each search found, by its id.
        fragments: list items as JSON, by operation and key, each with the serial number of its view.
    """

    def __init__(self, behavior: Behavior, resources: Mapping[str, Resource], seed: int, clock: Clock) -> None:
        self.behavior, self.resources, self.seed, self.clock = behavior, resources, seed, clock
        self.ids = Sequence(seed)
        self.tokens = Tokens(self, behavior.access)
        self.searches: dict[str, list[Any]] = {}
        self.fragments: dict[tuple[str, str], tuple[int, Any]] = {}
        self._items: dict[str, dict[str, Item]] = {name: {} for name in resources}
        self._sampled: set[tuple[str, ...]] = set()
        self._views: dict[tuple[str, str], tuple[int, float, int, Item]] = {}
        self._serials, self._changes = itertools.count(1), itertools.count(1)
        self._version = 0
        stated, now = parse_timestamp(behavior.epoch), clock.now()
        self.epoch = format_timestamp(min(stated, now) if stated else now)
        self._unseeded = dict(behavior.seed)

    # Resources

    def all(self, name: str) -> list[Item]:
        """Return every resource of a type, in the order of creation."""
        return list(self._of(name).values())

    def find(self, name: str, key: object) -> Item | None:
        """Return the resource with a key, or None."""
        return self._of(name).get(str(key))

    def first(self, name: str, /, **fields: Any) -> Item | None:
        """Return the first resource of a type with these values, or None."""
        items = self._of(name).values()
        return next((item for item in items if all(item.get(k) == value for k, value in fields.items())), None)

    def put(self, resource: Resource, item: Item) -> Item:
        """Store a resource, new or changed."""
        self._seed_all()
        return self.add(resource, item)

    def add(self, resource: Resource, item: Item) -> Item:
        """Store a resource of the seed."""
        self._items[resource.name][resource.key_of(item)] = item
        self._version += 1
        return item

    def remove(self, resource: Resource, item: Mapping[str, Any]) -> None:
        """Remove a resource, and those that are deleted with it."""
        self._seed_all()
        self._items[resource.name].pop(resource.key_of(item), None)
        self._version += 1
        for other, field in resource.cascade.items():
            for child in self.all(other):
                if child.get(field) == item.get(resource.id):
                    self.remove(self.resources[other], child)

    def touch(self, resource: Resource, item: Item, **fields: Any) -> None:
        """Set fields that no other resource shows, so that the other views stay valid."""
        item.update(fields)
        self._views.pop((resource.name, resource.key_of(item)), None)

    def create_samples(self, resource: Resource, above: Mapping[str, str]) -> None:
        """Create the samples of an inferred type under the parents that a path names, once."""
        mine = {name: above[name] for name in resource.parents if name in above}
        mark = (resource.name, *mine.values())
        if resource.sample is None or mark in self._sampled:
            return
        self._sampled.add(mark)
        for number in range(SAMPLES):
            self.put(resource, resource.sample(number, mine))

    def _of(self, name: str) -> dict[str, Item]:
        """Return the resources of a type by key; they are seeded on first use."""
        seed = self._unseeded.pop(name, None)
        if seed:
            seed(self)
        return self._items[name]

    def _seed_all(self) -> None:
        """Seed every type, before the first change: a change must not alter what there was in the beginning."""
        for name in tuple(self._unseeded):
            self._of(name)

    # Views

    def view(self, resource: Resource, item: Item) -> tuple[int, Item]:
        """Return a resource as it is shown now, and a serial number that changes with it."""
        at, time = (resource.name, resource.key_of(item)), self.clock.time()
        is_stored = self._of(resource.name).get(at[1]) is item
        cached = self._views.get(at) if is_stored else None
        if cached and cached[0] == self._version and cached[1] > time:
            return cached[2], cached[3]
        shown, until = self.reveal(resource, item, time)
        for secret in resource.secrets:
            shown = _conceal(shown, secret.path.split("."), secret, shown)
        serial = next(self._serials)
        if is_stored:  # an item from before a change is shown, but not cached
            self._views[at] = (self._version, until, serial, shown)
        return serial, shown

    def view_of(self, name: str, key: object) -> Item:
        """Return the view of the resource with a key; an empty one if it does not exist."""
        item = self.find(name, key)
        return self.view(self.resources[name], item)[1] if item else {}

    def reveal(self, resource: Resource, item: Item, time: float | None = None) -> tuple[Item, float]:
        """Return a resource with its computed fields and its secrets, and the time until which that is valid."""
        shown, until = dict(item), FOREVER
        timeline = item.get("_timeline")
        if resource.life and isinstance(timeline, Timeline):
            shown[resource.life.state_field], until = timeline.at(self.clock.time() if time is None else time)
        if resource.view:
            resource.view(self, shown)
        return shown, until

    # Changes

    def change(self, subject: Mapping[str, Any], origin: str = "") -> Change:
        """Return the circumstances of a change that a request makes now."""
        self._seed_all()
        now = format_timestamp(self.clock.now())
        return Change(self, now, subject, self.chance("change", next(self._changes)), origin)

    def seeding(self, label: str, number: int) -> Change:
        """Return the circumstances under which the n-th seeded resource of a type is created."""
        return Change(self, self.epoch, {}, self.chance(label, number))

    def chance(self, *parts: object) -> random.Random:
        """Return random numbers that depend on the sandbox's seed and the parts alone."""
        return random.Random("/".join(map(str, (self.seed, *parts))))  # noqa: S311  # repeatable, not secret

    def build(self, resource: Resource, body: Mapping[str, Any], change: Change) -> Item:
        """Return a new resource from a body: with an id, its defaults and what the server sets; not stored yet."""
        item: Item = {resource.renames.get(name, name): value for name, value in body.items()}
        if not resource.key and not item.get(resource.id):
            item[resource.id] = self.ids.next(resource.name)
        _complete(resource, change, item, {})
        if resource.create:
            resource.create(change, item)
        return item

    def update(
        self, resource: Resource, old: Item, body: Mapping[str, Any], change: Change, replaces: tuple[str, ...]
    ) -> Item:
        """Return a resource as an update leaves it; the fields in `replaces` are removed if the body lacks them."""
        body = {resource.renames.get(name, name): value for name, value in body.items()}
        new = {name: value for name, value in old.items() if name not in replaces or name in body}
        for name, value in body.items():
            before = old.get(name)
            merges = name in resource.merges and isinstance(before, Mapping) and isinstance(value, Mapping)
            new[name] = {**before, **value} if merges and before else value
        _complete(resource, change, new, old)
        if resource.touch:
            resource.touch(change, new)
        return new

    def begin(self, resource: Resource, item: Item, event: str, until: Any = None) -> None:
        """Begin an event of a resource's life cycle now; `until` is the moment at which it ends by itself."""
        if resource.life and event:
            moment = parse_timestamp(until) if until else None
            lasts = self.clock.seconds_until(moment) if moment else FOREVER
            item["_timeline"] = resource.life.begin(event, item, self.clock.start(), lasts, self.clock.lag)


def _complete(resource: Resource, change: Change, item: Item, before: Mapping[str, Any]) -> None:
    fill_fields(item, **copy_data(resource.defaults))
    if resource.complete:
        resource.complete(change, item, before)


def stamp_creation(change: Change, item: Item) -> None:
    """Set who created and last changed a resource, and when; fields that a seeded resource has stay."""
    now, subject = change.now, change.subject
    fill_fields(item, createdAt=now, updatedAt=now, createdBy=subject, updatedBy=subject)


def _conceal(value: Any, steps: list[str], secret: Secret, root: Item) -> Any:
    """Return a copy without the secret at the path; what does not lie on the path is shared."""
    if not isinstance(value, dict):
        return value
    name, every = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    if name not in value:
        return value
    inner = value[name]
    if len(steps) > 1 and every and isinstance(inner, list):
        return {**value, name: [_conceal(entry, steps[1:], secret, root) for entry in inner]}
    if len(steps) > 1:
        return {**value, name: _conceal(inner, steps[1:], secret, root)}
    owner = root if secret.condition.startswith("/") else value
    if secret.condition and find_values(owner, secret.condition.lstrip("/")) != [True]:
        return value
    if secret.mask is None:
        return {key: entry for key, entry in value.items() if key != name}
    return {**value, name: secret.mask}


def names_of_values(value: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Yield the dotted name of every value in nested objects that is not empty."""
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from names_of_values(inner, f"{at}{name}.")
        elif inner not in (None, "", {}):
            yield f"{at}{name}"

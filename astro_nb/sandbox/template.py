"""Values made from templates: the small language of a sandbox file.

A text may hold `{path}`, looked up in the thing at hand first, then in the names around it (path parameters, `body`,
`subject`, `now`, `it` …); a text that is nothing but `{path}` is the value itself. Pipes follow a bar: `{name|slug}`.
What is looked up and not there is UNSET, and a field that is UNSET is left out. A mapping with one key that begins with
`$` is an operation (see `operations`); any other mapping or list is made entry by entry.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..call import UNSET

if TYPE_CHECKING:
    from .world import World

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

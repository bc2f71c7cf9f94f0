"""What a place of a call held when it was sent: a variable may have another value since.

Which earlier answer a value came from, as the expression that finds it there again.

Of all places that hold a text the best is the one that the server made up (not one that echoes the request), that is
the thing's own id (not another thing's mention of it), that needs no search in a list, and that is newest. A list is
searched by the unique name of its entry, which outlives the entry's position.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..call import UNSET
from ..codegen import literal
from ..data import Location, leaves
from ..environments import Variables
from ..errors import UsageError
from ..exchange import Exchange
from ..jsonpath import pick, to_path
from ..linking import read_reference, suggest
from ..messages import header, is_json, media_type
from ..openapi import Parameter
from ..pagination import paging_of
from ..secrets import MASK, Secret
from ..templates import is_response_reference, resolve, template_names
from .steps import Step


def value_sent(exchange: Exchange, location: Location) -> Any:
    """What stood at a place of the request; UNSET where that cannot be told, or was a secret.

    Args:
        exchange: what was sent.
        location: "body" and the way into it, or "parameters", the parameter's key and the way into its value.
    """
    part, *rest = location
    value = _in_body(exchange, rest) if part == "body" else _in_parameter(exchange, str(rest[0]), rest[1:])
    return UNSET if isinstance(value, str) and MASK in value else value


def value_then(current: Any, sent: Any, variables: Variables) -> Any:
    """What a variable held when a call was sent: its present value, unless that would give something else."""
    if sent is UNSET or current is UNSET:
        return current if sent is UNSET else sent
    text = str(current).lower() if isinstance(current, bool) else str(current)
    return current if text == sent or still_means(current, sent, variables) else sent


def still_means(value: Any, sent: Any, variables: Variables) -> bool:
    """Whether a value means today what it meant when it was sent; of what is made or asked anew each time, it does."""
    if any(name.startswith("$") or is_response_reference(name) for name in template_names(value)):
        return True
    try:
        return bool(resolve(value, variables, lambda secret: MASK) == sent)
    except UsageError:
        return False


def _in_body(exchange: Exchange, way: list[str | int]) -> Any:
    request = exchange.request
    if not is_json(media_type(request.headers)):
        return UNSET
    try:
        found = json.loads(request.body)
        for step in way:
            found = found[step]
    except (ValueError, LookupError, TypeError):
        return UNSET
    return found


def _in_parameter(exchange: Exchange, key: str, way: list[str | int]) -> Any:
    parameter = exchange.operation.parameter(key)
    if parameter is None or len(way) > 1 or (way and not parameter.explode) or parameter.media_type:
        return UNSET
    values = _READERS[parameter.location](exchange, parameter)
    index = way[0] if way else 0
    return values[index] if isinstance(index, int) and index < len(values) else UNSET


def _in_path(exchange: Exchange, parameter: Parameter) -> list[str]:
    if parameter.style != "simple":
        return []
    pieces = re.split(r"\{([^}]*)\}", exchange.operation.path)
    pattern = "".join("([^/]+)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
    match = re.search(pattern + r"\Z", urlsplit(exchange.request.url).path)
    return [unquote(match[1 + pieces[1::2].index(parameter.name)])] if match else []


def _in_query(exchange: Exchange, parameter: Parameter) -> list[str]:
    pairs = parse_qsl(urlsplit(exchange.request.url).query, keep_blank_values=True)
    return [value for name, value in pairs if name == parameter.name]


def _in_header(exchange: Exchange, parameter: Parameter) -> list[str]:
    value = header(exchange.request.headers, parameter.name)
    return [value] if value else []


_READERS: dict[str, Callable[[Exchange, Parameter], list[str]]] = {
    "path": _in_path,
    "query": _in_query,
    "header": _in_header,
    "cookie": lambda exchange, parameter: [],
}


SHORTEST = 8
"""Characters of a text that is looked for; a shorter one is found anywhere by chance."""

_MOST_LEAVES = 1_000_000
_ID = re.compile(r"(?:.*_)?(?:id|ids|uuid)|.*(?:Id|Ids|ID|IDs|Uuid)")
_MACHINE_MADE = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])\S{16,}")
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LABELS = ("name", "fullName", "username", "objectKey", "title", "key", "ipAddressRange")

Naming = Callable[[str], str | None]
"""The name of the parameter that holds a text, or None."""


@dataclass(frozen=True)
class Found:
    """A place in an earlier answer, as source; `echo` says that the request had brought the value there."""

    source: str
    echo: bool


@dataclass(frozen=True)
class Wanted:
    """A text that is looked for: the name of its field, and whether somebody typed it in this recording."""

    text: str
    name: str
    typed: bool = False


@dataclass(frozen=True)
class Seen:
    """One place that holds a text: which page of the step, where in it, and how good it is (less is better)."""

    answers: Answers
    page: int
    location: Location
    rank: tuple[bool | int, ...] = ()


@dataclass(frozen=True)
class Answers:
    """What one step was answered, indexed by text; `sent` are the texts that its own request held."""

    step: Step
    sent: frozenset[str] = field(default=frozenset())

    @cached_property
    def _places(self) -> Mapping[str, list[tuple[int, Location]]]:
        found: dict[str, list[tuple[int, Location]]] = {}
        for page, exchange in enumerate(self.step.told):
            if _readable(exchange):
                for location, leaf in leaves(exchange.json(), _MOST_LEAVES):
                    if isinstance(leaf, str) and len(leaf) >= SHORTEST and MASK not in leaf:
                        found.setdefault(leaf, []).append((page, location))
        return found

    def seen(self, wanted: Wanted) -> Iterator[Seen]:
        """The places that hold the text and may well be where it came from."""
        echo, places = wanted.text in self.sent, self._places.get(wanted.text, [])
        own = {page: _own_paths(wanted, self.step.told[page]) for page, _ in places}
        for page, location in places:
            kind = _kind(wanted, self.step.told[page], location, echo, own[page])
            if kind is not None:
                listed = any(isinstance(step, int) for step in location)
                rank = (echo, kind, listed, -self.step.number, page, len(location))
                yield Seen(self, page, location, rank)

    @cached_property
    def secrets(self) -> list[tuple[int, Location, Secret]]:
        """The secrets in the answers, and where they stand."""
        return [
            (page, location, leaf)
            for page, exchange in enumerate(self.step.told)
            if _readable(exchange)
            for location, leaf in leaves(exchange["$"], _MOST_LEAVES)
            if isinstance(leaf, Secret)
        ]


def find_source(wanted: Wanted, earlier: Iterable[Answers], naming: Naming) -> Found | None:
    """The best place among the earlier answers that holds the text, or None."""
    seen = [place for answers in earlier for place in answers.seen(wanted)]
    if len(wanted.text) < SHORTEST or not seen:
        return None
    best = min(seen, key=lambda place: place.rank)
    return Found(_source(best, naming), bool(best.rank[0]))


def find_secret(secret: Secret, earlier: Iterable[Answers], naming: Naming) -> str | None:
    """The expression for a secret that an earlier answer brought, or None; nothing is fetched to find out."""
    if not secret.reference.startswith("held:"):
        return None
    value = secret.reveal()
    for answers in reversed(list(earlier)):
        for page, location, leaf in answers.secrets:
            if leaf.reveal() == value:
                return _in_exchange(Seen(answers, page, location), naming)
    return None


def will_answer(name: str, step: Step, earlier: Iterable[Answers]) -> bool:
    """Whether a template's reference finds its answer when the notebook runs: from a step, or by being asked."""
    spec = step.operation.spec
    operation = spec.operation(read_reference(name, spec).operation)
    return operation.is_safe or any(answers.step.operation is operation for answers in earlier)


def _readable(exchange: Exchange) -> bool:
    return bool(exchange.ok and exchange.response and exchange.response.is_json)


def _kind(wanted: Wanted, exchange: Exchange, location: Location, echo: bool, own: set[str]) -> int | None:
    """How well a place fits the field: 0 the thing's own id, 1 an id, 2 a field of the same name, 3 made by a machine.

    None where it is a coincidence: a text that was typed, or a word that many answers hold.
    """
    key = next((step for step in reversed(location) if isinstance(step, str)), "")
    if to_path(location) in own:
        return 0
    if _ID.fullmatch(key) or _ID.fullmatch(wanted.name):
        return 1 if key == _id_key(exchange) else 2
    if wanted.typed or echo:
        return None
    if key == wanted.name and not any(isinstance(step, int) for step in location):
        return 2
    return 3 if _MACHINE_MADE.fullmatch(wanted.text) else None


def _own_paths(wanted: Wanted, exchange: Exchange) -> set[str]:
    """Where the text is the id of the very thing that the field asks for."""
    if not _ID.fullmatch(wanted.name):
        return set()
    found = suggest(wanted.name, [exchange], most=_MOST_LEAVES)
    return {s.path for s in found if s.value == wanted.text and not s.path.endswith(f".{wanted.name}")}


def _id_key(exchange: Exchange) -> str:
    return str((exchange.operation.notes.get("item") or {}).get("id", "id"))


def _source(seen: Seen, naming: Naming) -> str:
    in_list = _in_pages(seen, naming) if seen.answers.step.kind == "pages" else None
    return in_list or _in_exchange(seen, naming)


def _in_exchange(seen: Seen, naming: Naming) -> str:
    """`name["$.path"]`; where the path searches a list, the first match."""
    step = seen.answers.step
    exchange = step.told[seen.page]
    holder = f"{step.name}.exchanges[{seen.page}]" if step.kind == "pages" else step.name
    pieces = _pieces(exchange, seen.location)
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    searched = any(isinstance(piece, _Search) for piece in pieces)
    if searched and pick(exchange["$"], text) != [pick(exchange["$"], to_path(seen.location))]:
        return f"{holder}[{literal(to_path(seen.location))}]"
    return f"{holder}[{_path_source(pieces, naming)}]{'[0]' if searched else ''}"


@dataclass(frozen=True)
class _Search:
    """A step of a path that finds a list's entry by its label."""

    key: str
    label: str

    @property
    def text(self) -> str:
        quoted = self.label.replace("\\", "\\\\").replace("'", "\\'")
        return f"[?@.{self.key}=='{quoted}']"


def _pieces(exchange: Exchange, location: Location) -> list[str | _Search]:
    """The steps of a path as text, entries of lists by their unique label where they have one."""
    found: list[str | _Search] = []
    data = exchange.json()
    for depth, step in enumerate(location):
        ahead = location[depth + 1 :]
        search = _search(exchange, data, step, ahead) if isinstance(step, int) else None
        found.append(search or to_path((step,))[1:])
        data = data[step]
    return ["$", *found]


def _search(exchange: Exchange, entries: list[Any], index: int, ahead: Location) -> _Search | None:
    """The label that one entry of a list has and no other; none where the label is itself what is looked for."""
    noted = str((exchange.operation.notes.get("item") or {}).get("name", ""))
    for key in (noted, *_LABELS):
        if not _PLAIN.fullmatch(key) or ahead == (key,) or not isinstance(entries[index], Mapping):
            continue
        label = entries[index].get(key)
        usable = isinstance(label, str) and label.isprintable() and label and MASK not in label
        if usable and sum(isinstance(e, Mapping) and e.get(key) == label for e in entries) == 1:
            return _Search(key, str(label))
    return None


def _path_source(pieces: list[str | _Search], naming: Naming) -> str:
    """A path as Python source; labels that are parameters are filled in when it is run."""
    names = [naming(piece.label) if isinstance(piece, _Search) else None for piece in pieces]
    if not any(names):
        return literal("".join(piece if isinstance(piece, str) else piece.text for piece in pieces))
    text = ""
    for piece, name in zip(pieces, names, strict=True):
        plain = piece if isinstance(piece, str) else piece.text
        named = isinstance(piece, _Search) and name
        text += f"[?@.{piece.key}=={{{name}!r}}]" if named else plain.replace("{", "{{").replace("}", "}}")  # type: ignore[union-attr]  # named says that it is a search
    return "f" + literal(text)


def _in_pages(seen: Seen, naming: Naming) -> str | None:
    """A value among the entries of a list that was read page by page; None where it stands beside them."""
    step, paging = seen.answers.step, paging_of(seen.answers.step.operation)
    prefix: Location = () if paging is None or paging.items == "$" else (paging.items,)
    index = seen.location[len(prefix)] if len(seen.location) > len(prefix) else None
    if paging is None or seen.location[: len(prefix)] != prefix or not isinstance(index, int):
        return None
    lists = [_entries(exchange, prefix) for exchange in step.told]
    place = sum(map(len, lists[: seen.page])) + index
    entries = [entry for page in lists for entry in page]
    way = seen.location[len(prefix) + 1 :]
    search = _search(seen.answers.step.exchange, entries, place, way)
    inner = "".join(f"[{literal(key)}]" for key in way)
    if search is None or not all(isinstance(entry, Mapping) for entry in entries):
        return f"{step.name}.items()[{place}]{inner}"
    label = naming(search.label) or literal(search.label)
    return f"next(item{inner} for item in {step.name} if item.get({literal(search.key)}) == {label})"


def _entries(exchange: Exchange, prefix: Location) -> list[Any]:
    found = exchange.json() if not prefix else exchange.json().get(prefix[0])
    return found if isinstance(found, list) else []

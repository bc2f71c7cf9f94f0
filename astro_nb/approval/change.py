"""The thing that an unsafe call is about, as it is now.

What a call would change.

What many calls of one operation would change: one question for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import orjson

from ..call import UNSET, Call
from ..errors import AstroNbError
from ..exchange import Exchange
from ..frames import make_frame
from ..messages import Request
from ..openapi import Action, Operation, call_to_read, id_field, label_fields, last_parameter
from ..schema import body_field, hold_secrets
from ..secrets import MASK, Secret
from . import display as drawing
from .diff import Entry, Row, compare, plain
from .update_body import as_body, held_by, lost_by

if TYPE_CHECKING:
    from ..frames import DataFrame


Read = Callable[[Call], Exchange]
"""Sends a safe call and keeps what came of it."""


class Planned(Protocol):
    """What is asked about: a call made ready to be sent, as it is shown and as it goes out."""

    @property
    def operation(self) -> Operation: ...

    @property
    def call(self) -> Call: ...

    @property
    def shown(self) -> Request: ...

    @property
    def request(self) -> Request: ...

    @property
    def environment(self) -> str: ...


class Found(NamedTuple):
    """What reading gave: the operation that reads, the state, and why there is none."""

    reader: Operation | None = None
    state: Any = UNSET
    trouble: str = ""


def look(plan: Planned, read: Read) -> Found:
    """The present state, secrets as `Secret`; or why it is not known."""
    reader = plan.operation.spec.resources.reader_of(plan.operation)
    if reader is None:
        return Found(trouble="The document has no operation that reads it.")
    try:
        exchange = read(call_to_read(reader, plan.operation, plan.call))
    except AstroNbError as error:
        return Found(reader, trouble=f"{reader.id} could not be sent: {error.what}")
    return found_in(reader, exchange, path_value(plan, last_parameter(plan.operation)))


def found_in(reader: Operation, exchange: Exchange, wanted: str) -> Found:
    """What an answer tells of a thing; `wanted` is its id, by which it is found where many are listed."""
    if not (exchange.ok and exchange.response and exchange.response.is_json):
        told = f": {exchange.error.message}" if exchange.error else ", which is no JSON."
        return Found(reader, trouble=f"{reader.id} ended with {exchange.status_text}{told}")
    if reader.spec.resources.is_list(reader):
        return _listed(reader, exchange, wanted)
    return Found(reader, exchange["$"])


def _listed(reader: Operation, exchange: Exchange, wanted: str) -> Found:
    """The entry of a list that has that id."""
    known = id_field(reader)
    entries = exchange[reader.spec.resources.items_path(reader, exchange.json())]
    same = (e for e in entries if isinstance(e, Mapping) and str(e.get(known)) == wanted)
    state = next(same, UNSET) if isinstance(entries, list) else UNSET
    return Found(reader, state, "" if state is not UNSET else f"{reader.id} does not list {wanted}.")


def path_value(plan: Planned, name: str) -> str:
    """The value of a path parameter as it is shown, read from the address."""
    template = plan.operation.path.strip("/").split("/")
    asked = urlsplit(plan.shown.url).path.strip("/").split("/")[-len(template) :]
    given = dict(zip(template, asked, strict=False))
    return unquote(given.get(f"{{{name}}}", "")) if name else ""


_LONGEST = 120  # characters of a name that somebody is asked to type


@dataclass(frozen=True, repr=False)
class Change:
    """What a call would change. No secret is in it.

    Attributes:
        call: the call, unresolved.
        deed: "create", "update", "delete" or "act".
        name: what has to be typed to confirm it.
        named_by: "name" or "id": which of the two that is.
        rows: what becomes of each field.
        environment, method, url: where it goes.
        thing: the present state; UNSET where it was not read.
        trouble: why it could not be read, in a sentence; else empty.
    """

    call: Call
    action: Action
    name: str
    named_by: str
    rows: tuple[Row, ...]
    environment: str
    method: str
    url: str
    thing: Any = field(default=UNSET)
    trouble: str = ""

    @property
    def headline(self) -> str:
        """What it is, in a line."""
        return drawing.headline(self)

    def count(self, *kinds: str) -> int:
        """How many rows are of some kinds."""
        return sum(row.kind in kinds for row in self.rows)

    def frame(self) -> DataFrame:
        """A row for each field: path, now, then, kind, note."""
        rows = [
            {"path": r.path, "now": _cell(r.now), "then": _cell(r.then), "kind": r.kind, "note": r.note}
            for r in self.rows
        ]
        return make_frame(
            rows, {"path": "string", "now": "object", "then": "object", "kind": "string", "note": "string"}
        )

    def html(self) -> str:
        """As static HTML, readable in light and dark."""
        return str(drawing.draw(self))

    def text(self) -> str:
        """As plain text, for terminals."""
        return drawing.tell(self)

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


def what_would_change(plan: Planned, read: Read) -> Change:
    """What a call would change: its body against the present state of the thing, field by field.

    `read` is asked for one safe call at the most; nothing else is sent.
    """
    operation, action = plan.operation, plan.operation.spec.resources.role(plan.operation).action
    then = _body_of(plan)
    label = _label(operation, then) if action == "create" else ""
    found = Found() if label else look(plan, read)
    name = label or _label(found.reader, found.state)
    typed, named_by = (name, "name") if name else (_id_of(plan, found), "id")
    thing = plain(found.state) if found.state is not UNSET else UNSET
    at = plan.shown
    rows = _RULES[action](plan, found, then)
    return Change(plan.call, action, typed, named_by, rows, plan.environment, at.method, at.url, thing, found.trouble)


# --- what becomes of the fields, by what the operation does -----------------------------------------------------------


def _updated(plan: Planned, found: Found, then: Any) -> tuple[Row, ...]:
    operation, update = plan.operation, plan.operation.extensions.update
    if found.state is UNSET:
        return _unknown(then)
    now = held_by(body_field(operation, plan.call.media_type), as_body(found.state, update))
    return compare(now, {} if then is UNSET else then, lost_by(update, operation.method))


def _deleted(plan: Planned, found: Found, then: Any) -> tuple[Row, ...]:
    if found.state is not UNSET:
        return compare(found.state if isinstance(found.state, Mapping) else {"": found.state}, {})
    own = last_parameter(plan.operation)
    given = path_value(plan, own)
    return compare({own: given} if given else {}, {})


def _sent(plan: Planned, found: Found, then: Any) -> tuple[Row, ...]:
    """What is made, or what an action is given."""
    if isinstance(then, Mapping):
        return compare({}, then)
    return () if then is UNSET else compare(UNSET, then)


def _unknown(then: Any) -> tuple[Row, ...]:
    """What is sent, where nobody knows what it replaces."""
    items = then.items() if isinstance(then, Mapping) else () if then is UNSET else (("body", then),)
    return tuple(
        Row((str(name),), UNSET, plain(value), "unknown", "what it is now is not known") for name, value in items
    )


_RULES: Mapping[Action, Callable[[Planned, Found, Any], tuple[Row, ...]]] = {
    "create": _sent,
    "act": _sent,
    "update": _updated,
    "delete": _deleted,
}


# --- both sides -------------------------------------------------------------------------------------------------------


def _body_of(plan: Planned) -> Any:
    """The body as it goes out, secrets as `Secret`; a body that is no JSON as it was written."""
    operation, call = plan.operation, plan.call
    if call.body is UNSET:
        return UNSET
    try:
        body = _veiled(orjson.loads(plan.shown.body), orjson.loads(plan.request.body))
    except orjson.JSONDecodeError:
        body = call.body
    return hold_secrets(body_field(operation, call.media_type), body)


def _veiled(shown: Any, clear: Any) -> Any:
    """A value in the clear, in which every leaf that is shown otherwise is a `Secret`."""
    if isinstance(shown, dict) and isinstance(clear, dict):
        return {name: _veiled(shown.get(name), value) for name, value in clear.items()}
    if isinstance(shown, list) and isinstance(clear, list) and len(shown) == len(clear):
        return [_veiled(*pair) for pair in zip(shown, clear, strict=True)]
    if shown == clear:
        return clear
    return Secret.in_memory(clear if isinstance(clear, str | int | float) else orjson.dumps(clear).decode())


# --- the name ---------------------------------------------------------------------------------------------------------


def _label(operation: Operation | None, state: Any) -> str:
    """What a thing is called: by the overlay's note, else by the usual fields; empty where that cannot be typed."""
    if operation is None or not isinstance(state, Mapping):
        return ""
    found = (_reached(state, path.split(".")) for path in label_fields(operation))
    return next((str(value) for value in found if isinstance(value, str) and _can_be_typed(value)), "")


def _reached(state: Any, steps: list[str]) -> Any:
    for step in steps:
        state = state.get(step) if isinstance(state, Mapping) else None
    return state


def _id_of(plan: Planned, found: Found) -> str:
    """The id in the path, else the operation's own."""
    own = path_value(plan, last_parameter(plan.operation))
    return own if _can_be_typed(own) and MASK not in own else plan.operation.id


def _can_be_typed(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isprintable() and text == text.strip()


def _cell(value: Any) -> Any:
    return None if value is UNSET else value


SHOWN = 5
"""Calls of which it is told what they would change."""


@dataclass(frozen=True, repr=False)
class ManyChanges(Change):
    """What many calls would change, the first ones told; `calls` is how many there are, `left` how many are to go."""

    calls: int = 0
    left: int = 0

    @property
    def headline(self) -> str:
        """What it is, in a line."""
        rest = f" ({self.left:,} are left)" if self.left != self.calls else ""
        return f"{self.call.operation}, {self.calls:,} times, in {self.environment}{rest}."


def what_many_would_change(plans: Sequence[Planned], count: int, left: int, read: Read) -> ManyChanges:
    """What the first of many calls would change, by the thing's name; `read` is asked once for each at the most."""
    first = plans[0]
    changes = [what_would_change(plan, read) for plan in plans[:SHOWN]]
    rows = tuple(row for number, change in enumerate(changes, 1) for row in _told(number, change))
    trouble = next((change.trouble for change in changes if change.trouble), "")
    named = f"{count} {first.operation.id}"
    told = changes[0]
    return ManyChanges(
        told.call, told.action, named, "count and operation", rows, told.environment, told.method, first.operation.path,
        UNSET, trouble, count, left,
    )  # fmt: skip


def _told(number: int, change: Change) -> list[Row]:
    """The rows of one change, each below the name of its thing; of what is deleted the name is enough."""
    thing = Entry("", f"{number} {change.name}")
    if change.action == "delete":
        return [Row((thing,), change.name, UNSET, "removed")]
    return [replace(row, steps=(thing, *row.steps)) for row in change.rows]

"""What a call would change, field by field, as data, as text and as static HTML.

`describe_change` sends at most one safe call, to read the state; the call itself is not sent. `describe_batch`
does the same for the first of many calls of one operation, which are confirmed together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from .. import html
from ..call import UNSET, Call
from ..data import get_value
from ..diff import DIFF_KINDS, DiffKind, DiffRow, Entry, compare_values, to_plain
from ..errors import AstroNbError
from ..exchange import Exchange
from ..frames import make_frame
from ..http import PreparedRequest
from ..json_text import JsonError, Number, read_json, write_json
from ..openapi import Action, Operation, call_to_read, id_field, label_fields, last_parameter
from ..schema import body_field, hold_secrets
from ..secrets import MASK, Secret
from .update_body import omission_rule, state_to_body, writable_part

if TYPE_CHECKING:
    from ..frames import DataFrame

Read = Callable[[Call], Exchange]
"""Sends a safe call, stores its exchange and returns it."""

BATCH_PREVIEWS = 5
"""Calls of a batch whose changes are shown."""

_MAX_NAME_LENGTH = 120  # characters of a name that the user is asked to type
_MAX_ROWS = 200  # rows that are shown
_MAX_VALUE_LENGTH = 160  # characters of one value

_HEADLINES: Mapping[Action, str] = {
    "create": "Creates {resource} in {environment}.",
    "update": "Updates {resource} in {environment}.",
    "delete": "Deletes {resource} in {environment}.",
}
_OTHER_HEADLINE = "Calls {operation} on {resource} in {environment}."

_TONES = {"removed": "bad", "changed": "warn", "added": "good", "unknown": "info", "unchanged": "quiet"}
_SIGNS = {"removed": "-", "changed": "~", "added": "+", "unknown": "?", "unchanged": "="}
_HEADINGS = ("change", "field", "now", "then")
_COLUMNS = {"path": "string", "now": "object", "then": "object", "kind": "string", "note": "string"}
_NO_VALUE = "—"
_ACRONYMS = {"api": "API", "id": "ID", "ip": "IP"}


def _resource(change: Change) -> str:
    kind = resource_name(change.operation, is_new=change.action == "create")
    if change.name == change.operation.id:  # nothing names it
        return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    return f'{kind} "{change.name}"' if change.named_by == "name" else f'{kind} with the id "{change.name}"'


def resource_name(operation: Operation, is_new: bool) -> str:
    """Return what the resource of an operation is called, by its path: `/api-tokens/{id}` is an "API token".

    Args:
        operation: an operation on it.
        is_new: whether the operation creates it, so that its path ends in the collection.
    """
    segments = operation.path.strip("/").split("/")
    ends = [n for n, segment in enumerate(segments) if segment.startswith("{")]
    before = segments if is_new or not ends else segments[: ends[-1]]
    collection = next((segment for segment in reversed(before) if "{" not in segment), "")
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", _singular(collection)) or ["resource"]
    first, *rest = (_ACRONYMS.get(word.lower(), word.lower()) for word in words)
    return " ".join([first[0].upper() + first[1:], *rest])


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


# --- text and HTML ----------------------------------------------------------------------------------------------------


def render_text(change: Change) -> str:
    """Return a change as plain text."""
    head = [change.headline, f"{change.method} {escape_invisible(change.url)}", *_warnings(change)]
    rows = _relevant_rows(change)
    lines = [_line(row) for row in rows[:_MAX_ROWS]]
    if len(rows) > _MAX_ROWS:
        lines.append(f"  and {len(rows) - _MAX_ROWS:,} more")
    unchanged = change.count("unchanged")
    return "\n".join([*head, *lines, *([f"  = {_unchanged_fields(unchanged)}"] if unchanged else [])])


def render_html(change: Change) -> html.Markup:
    """Return a change as static HTML."""
    head = html.tag("div", html.tag("strong", escape_invisible(change.headline)))
    target = html.join([html.method_pill(change.method), html.code(escape_invisible(change.url))], " ")
    where = html.tag("div", target, style="overflow-wrap:anywhere")
    warnings = [html.tag("div", escape_invisible(text), role="alert") for text in _warnings(change)]
    table = html.table(_HEADINGS, [_cells(row) for row in _relevant_rows(change)], _MAX_ROWS)
    if change.action == "delete" and change.rows:  # everything is deleted: the name is enough
        table = html.details("Its 1 field" if len(change.rows) == 1 else f"Its {len(change.rows)} fields", table)
    unchanged = [row for row in change.rows if row.kind == "unchanged"]
    rest = html.details(_unchanged_fields(len(unchanged)), html.table(_HEADINGS, map(_cells, unchanged)))
    return html.tag("div", head, where, *warnings, table, *([rest] if unchanged else []))


def escape_invisible(text: str) -> str:
    """Return a text in which characters that cannot be printed are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value_text(value: Any) -> str:
    """Return a value as one line of JSON, shortened if it is long."""
    if value is UNSET:
        return _NO_VALUE
    text = escape_invisible(write_json(value, str).decode())
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


def _warnings(change: Change) -> list[str]:
    return [f"The current state could not be read. {change.read_error}"] if change.read_error else []


def _relevant_rows(change: Change) -> list[DiffRow]:
    """Return the rows that the user has to see, removed ones first."""
    rows = [row for row in change.rows if row.kind != "unchanged"]
    return sorted(rows, key=lambda row: DIFF_KINDS.index(row.kind))


def _unchanged_fields(count: int) -> str:
    return f"{count} field{'' if count == 1 else 's'} unchanged"


def _line(row: DiffRow) -> str:
    values = {"added": value_text(row.then), "removed": value_text(row.now)}
    value = values.get(row.kind) or f"{value_text(row.now)} → {value_text(row.then)}"
    note = f"  ({row.note})" if row.note else ""
    return f"  {_SIGNS[row.kind]} {escape_invisible(row.path)}: {value}{note}"


def _cells(row: DiffRow) -> tuple[Any, ...]:
    note = html.tag("div", html.muted(row.note)) if row.note else ""
    kind = html.join([html.pill(row.kind, _TONES[row.kind]), note])
    return kind, html.code(escape_invisible(row.path)), html.code(value_text(row.now)), html.code(value_text(row.then))


# --- the current state ------------------------------------------------------------------------------------------------


class ReadState(NamedTuple):
    """The current state of a resource: the operation that read it, the state, and why there is none."""

    reader: Operation | None = None
    state: Any = UNSET
    error: str = ""


def read_state(prepared: PreparedRequest, read: Read) -> ReadState:
    """Read the current state of the resource that a call is about, with secrets as `Secret`."""
    reader = prepared.operation.spec.resources.reader_of(prepared.operation)
    if reader is None:
        return ReadState(error="The document has no operation that reads it.")
    try:
        exchange = read(call_to_read(reader, prepared.operation, prepared.call))
    except AstroNbError as error:
        return ReadState(reader, error=f"{reader.id} could not be sent: {error.what}")
    return state_in(reader, exchange, path_value(prepared, last_parameter(prepared.operation)))


def state_in(reader: Operation, exchange: Exchange, resource_id: str) -> ReadState:
    """Return the state of a resource from a response; in a list, that of the item with the id."""
    if not (exchange.ok and exchange.response and exchange.response.is_json):
        reason = f": {exchange.error.message}" if exchange.error else ", and the response is not JSON."
        return ReadState(reader, error=f"{reader.id} returned {exchange.status_text}{reason}")
    if not reader.spec.resources.is_list(reader):
        return ReadState(reader, exchange["$"])
    items = exchange[reader.spec.resources.items_path(reader, exchange.json())]
    known_by = id_field(reader)
    matches = (item for item in items if isinstance(item, Mapping) and str(item.get(known_by)) == resource_id)
    state = next(matches, UNSET) if isinstance(items, list) else UNSET
    return ReadState(reader, state, "" if state is not UNSET else f"{reader.id} does not list {resource_id}.")


def path_value(prepared: PreparedRequest, name: str) -> str:
    """Return the value of a path parameter, masked; empty if there is none."""
    return path_values(prepared.operation, prepared.shown.url).get(name, "")


def path_values(operation: Operation, url: str) -> dict[str, str]:
    """Return the values of the path parameters in the URL of a request, by name."""
    template = operation.path.strip("/").split("/")
    segments = urlsplit(url).path.strip("/").split("/")[-len(template) :]
    pairs = zip(template, segments, strict=False)
    return {step[1:-1]: unquote(value) for step, value in pairs if step.startswith("{") and step.endswith("}")}


# --- the change -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Many calls that are confirmed together: how many there are, and how many of them are not sent yet."""

    calls: int
    remaining: int


@dataclass(frozen=True, repr=False)
class Change:
    """What a call would change. It holds no secrets.

    Attributes:
        operation: the operation that is called.
        call: the call, unresolved; of a batch the first one.
        action: "create", "update", "delete" or "act".
        name: the text that confirms the change.
        named_by: what that text is: "name", "id", or "count and operation" for a batch.
        rows: the difference in each field.
        environment, method, url: where the request goes.
        state: the current state; UNSET if it was not read.
        read_error: why the state could not be read; empty if it was read or is not needed.
        batch: of many calls, how many there are; None for a single call.
    """

    operation: Operation
    call: Call
    action: Action
    name: str
    named_by: str
    rows: tuple[DiffRow, ...]
    environment: str
    method: str
    url: str
    state: Any = field(default=UNSET)
    read_error: str = ""
    batch: Batch | None = None

    @property
    def headline(self) -> str:
        """The change in one line: `Deletes Workspace "Training" in production.`"""
        operation, environment = self.call.operation, self.environment
        if self.batch:
            calls = "once" if self.batch.calls == 1 else f"{self.batch.calls:,} times"
            is_partial = self.batch.remaining != self.batch.calls
            remaining = f" ({self.batch.remaining:,} remaining)" if is_partial else ""
            return f"Calls {operation} {calls} in {environment}{remaining}."
        text = _HEADLINES.get(self.action, _OTHER_HEADLINE)
        return text.format(operation=operation, resource=_resource(self), environment=environment)

    def count(self, *kinds: DiffKind) -> int:
        """Return how many rows are of these kinds."""
        return sum(row.kind in kinds for row in self.rows)

    @property
    def is_effective(self) -> bool:
        """Whether any field would change."""
        return self.count("unchanged") < len(self.rows)

    def frame(self) -> DataFrame:
        """Return one row per field, with the columns path, now, then, kind and note."""
        rows = [{name: getattr(row, name) for name in _COLUMNS} for row in self.rows]
        return make_frame([{k: None if v is UNSET else v for k, v in row.items()} for row in rows], _COLUMNS)

    def html(self) -> str:
        """Return the change as static HTML."""
        return str(render_html(self))

    def text(self) -> str:
        """Return the change as plain text, for terminals."""
        return render_text(self)

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


def describe_change(prepared: PreparedRequest, read: Read) -> Change:
    """Return what a call would change. `read` is called at most once; nothing else is sent."""
    operation = prepared.operation
    action = operation.spec.resources.role(operation).action
    body = _body_of(prepared)
    new_name = _label_of(operation, body) if action == "create" else ""
    current = ReadState() if new_name else read_state(prepared, read)
    label = new_name or _label_of(current.reader, current.state)
    name, named_by = (label, "name") if label else (_id_or_operation(prepared), "id")
    return Change(
        operation,
        prepared.call,
        action,
        name,
        named_by,
        _ROWS_OF[action](prepared, current, body),
        prepared.environment,
        prepared.shown.method,
        prepared.shown.url,
        to_plain(current.state) if current.state is not UNSET else UNSET,
        current.error,
    )


def describe_batch(prepared: Sequence[PreparedRequest], batch: Batch, read: Read) -> Change:
    """Return what many calls of one operation would change, the first of them in full.

    `read` is called at most once for each of these.
    """
    changes = [describe_change(each, read) for each in prepared[:BATCH_PREVIEWS]]
    return replace(
        changes[0],
        name=f"{batch.calls} {prepared[0].operation.id}",
        named_by="count and operation",
        rows=tuple(row for number, change in enumerate(changes, 1) for row in _numbered_rows(number, change)),
        url=prepared[0].operation.path,
        state=UNSET,
        read_error=next((change.read_error for change in changes if change.read_error), ""),
        batch=batch,
    )


def _numbered_rows(number: int, change: Change) -> list[DiffRow]:
    """The rows of one change of a batch, each below the name of its resource; of a deletion only the name."""
    resource = Entry("", f"{number} {change.name}")
    if change.action == "delete":
        return [DiffRow((resource,), change.name, UNSET, "removed")]
    return [replace(row, steps=(resource, *row.steps)) for row in change.rows]


# --- the rows, by what the operation does -----------------------------------------------------------------------------


def _rows_of_update(prepared: PreparedRequest, current: ReadState, body: Any) -> tuple[DiffRow, ...]:
    operation, update = prepared.operation, prepared.operation.extensions.update
    if current.state is UNSET:
        return _rows_of_unknown_state(body)
    now = writable_part(body_field(operation, prepared.call.media_type), state_to_body(current.state, update))
    return compare_values(now, {} if body is UNSET else body, omission_rule(update, operation.method))


def _rows_of_delete(prepared: PreparedRequest, current: ReadState, body: Any) -> tuple[DiffRow, ...]:
    if current.state is not UNSET:
        return compare_values(current.state if isinstance(current.state, Mapping) else {"": current.state}, {})
    parameter = last_parameter(prepared.operation)
    value = path_value(prepared, parameter)
    return compare_values({parameter: value} if value else {}, {})


def _rows_of_body(prepared: PreparedRequest, current: ReadState, body: Any) -> tuple[DiffRow, ...]:
    """The fields that a create or an action is given."""
    if isinstance(body, Mapping):
        return compare_values({}, body)
    return () if body is UNSET else compare_values(UNSET, body)


def _rows_of_unknown_state(body: Any) -> tuple[DiffRow, ...]:
    items = body.items() if isinstance(body, Mapping) else () if body is UNSET else (("body", body),)
    return tuple(
        DiffRow((str(name),), UNSET, to_plain(value), "unknown", "the current value is unknown")
        for name, value in items
    )


_ROWS_OF: Mapping[Action, Callable[[PreparedRequest, ReadState, Any], tuple[DiffRow, ...]]] = {
    "list": _rows_of_body,
    "read": _rows_of_body,
    "create": _rows_of_body,
    "act": _rows_of_body,
    "update": _rows_of_update,
    "delete": _rows_of_delete,
}


def _body_of(prepared: PreparedRequest) -> Any:
    """The body as it is sent, with secrets as `Secret`; a body that is not JSON as it was given."""
    operation, call = prepared.operation, prepared.call
    if call.body is UNSET:
        return UNSET
    try:
        body = _with_secrets(read_json(prepared.shown.body).data, read_json(prepared.request.body).data)
    except JsonError:
        body = call.body
    return hold_secrets(body_field(operation, call.media_type), body)


def _with_secrets(masked: Any, clear: Any) -> Any:
    """The clear value, with a `Secret` for every scalar that the masked value shows differently."""
    if isinstance(masked, dict) and isinstance(clear, dict):
        return {name: _with_secrets(masked.get(name), value) for name, value in clear.items()}
    if isinstance(masked, list) and isinstance(clear, list) and len(masked) == len(clear):
        return [_with_secrets(*pair) for pair in zip(masked, clear, strict=True)]
    if masked == clear:
        return clear
    return Secret.in_memory(clear if isinstance(clear, str | Number) else write_json(clear).decode())


# --- the text that confirms it ----------------------------------------------------------------------------------------


def _label_of(operation: Operation | None, state: Any) -> str:
    """The name of a resource; empty if it has none that can be typed."""
    if operation is None or not isinstance(state, Mapping):
        return ""
    values = (get_value(state, tuple(path.split(".")), None) for path in label_fields(operation))
    return next((str(value) for value in values if isinstance(value, str) and _can_be_typed(value)), "")


def _id_or_operation(prepared: PreparedRequest) -> str:
    """The id in the path, or the operation's own if there is none."""
    value = path_value(prepared, last_parameter(prepared.operation))
    return value if _can_be_typed(value) and MASK not in value else prepared.operation.id


def _can_be_typed(text: str) -> bool:
    return 0 < len(text) <= _MAX_NAME_LENGTH and text.isprintable() and text == text.strip()

"""An exchange as text, as static HTML, and as a DataFrame with dtypes from the schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .. import html
from ..frames import TIME, index_rows, make_frame
from ..openapi import Operation, StateExtension
from ..schema import Field

if TYPE_CHECKING:
    from ..frames import DataFrame
    from .exchange import Exchange


_DTYPES = {"text": "string", "choice": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}
_SCALARS = frozenset((str, int, float, Decimal, bool, type(None)))
_FREE_KINDS = ("map", "any")
"""Kinds of fields whose names the document does not declare: each item may have others."""
_VALUE = "value"
"""The column of items that are not objects."""


def item_field(exchange: Exchange) -> Field | None:
    """Return the field tree of one item of a response; None if the document does not declare it."""
    field, path = exchange.field, exchange.operation.spec.resources.items_path(exchange.operation, exchange.json())
    if field is not None and path != "$":
        field = field.child(path[3:-2])
    return field.item if field is not None and field.kind == "array" else field


def leading_columns(operation: Operation) -> tuple[str, ...]:
    """Return the columns that come first: name, id and state, if the overlay names them."""
    item, state = operation.extensions.item, operation.extensions.settled or StateExtension()
    return tuple(filter(None, (*((item.name, item.id) if item else ()), state.state)))


def items_frame(items: Sequence[Any], field: Field | None = None, leading: Sequence[str] = ()) -> DataFrame:
    """Return items as a DataFrame: one row each, objects spread by one level (`createdBy.id`), lists as they are.

    An object is not spread where the document does not declare its names, or if a column would have the name of another
    one: `a.b` next to `{"a": {"b": …}}`.

    Args:
        items: plain data; items that are not objects are in a column named "value".
        field: the field of an item, which gives the order and the dtypes of the columns.
        leading: the columns that come first.
    """
    rows, whole = _spread_items(items, field)
    dtypes = _dtypes(field, whole) if field is not None else {}
    present = dict.fromkeys(name for row in rows for name in row)
    declared = [name for name in dtypes if "." not in name or name in present]
    columns = {**{n: dtypes[n] for n in declared}, **{n: dtypes.get(n, "object") for n in present}}
    first = [name for name in leading if name in columns]
    return make_frame(rows, {**{n: columns[n] for n in first}, **columns})


def paged_frame(
    items: Sequence[Any], places: Sequence[tuple[int, int]], field: Field | None, leading: Sequence[str] = ()
) -> DataFrame:
    """Return items as `items_frame` does, indexed by page and position, both counted from 1."""
    return index_rows(items_frame(items, field, leading), places, ("page", "position"))


def _spread_items(items: Sequence[Any], field: Field | None) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the items as rows, and the names whose objects are not spread."""
    children = field.children if field is not None else ()
    whole = {child.name for child in children if child.kind in _FREE_KINDS}
    alone = _VALUE
    while any(isinstance(item, Mapping) and alone in item for item in items):
        alone = f"({alone})"
    while True:
        spread = _Spread(whole)
        rows = [spread.row(item) if isinstance(item, Mapping) else {alone: item} for item in items]
        for child in children:
            spread.columns_of(child.name, [inner.name for inner in child.children] if child.kind == "object" else None)
        if not spread.ambiguous:
            return rows, whole
        whole |= spread.ambiguous


class _Spread:
    """Spreads the objects of items into columns, and finds the columns that two members would share."""

    def __init__(self, whole: set[str]) -> None:
        self._whole = whole
        self._origins: dict[str, str] = {}
        self._names: dict[str, dict[str, str]] = {}
        self.ambiguous: set[str] = set()
        """The names of objects whose columns would have the name of another column."""

    def row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return an item as a row."""
        row: dict[str, Any] = {}
        for name, value in item.items():
            if type(value) not in _SCALARS and isinstance(value, Mapping) and value and name not in self._whole:
                names = self._names.get(name) or {}
                if not names.keys() >= value.keys():
                    names = self.columns_of(name, value)
                row.update({names[inner]: nested for inner, nested in value.items()})
            else:
                row[name] = value
                if "." in name:
                    self.columns_of(name, None)
        return row

    def columns_of(self, name: str, inner: Iterable[str] | None) -> dict[str, str]:
        """Return the columns of the members of an object, by their names; None for a value that is not spread."""
        names = self._names.setdefault(name, {})
        if inner is not None and name not in self._whole:
            names.update({member: f"{name}.{member}" for member in inner if member not in names})
        for column in names.values() if inner is not None else (name,):
            origin = self._origins.setdefault(column, name)
            if origin != name:
                self.ambiguous |= {origin, name}
        return names


def _dtypes(field: Field, whole: set[str]) -> dict[str, str]:
    dtypes: dict[str, str] = {}
    for child in field.children:
        if child.kind == "object" and child.name not in whole:
            dtypes.update({f"{child.name}.{inner.name}": _dtype(inner) for inner in child.children})
        else:
            dtypes[child.name] = _dtype(child)
    return dtypes if field.kind in ("object", "map", "union", "any") else {"value": _dtype(field)}


def _dtype(field: Field) -> str:
    if field.kind == "text" and field.info.format == "date-time":
        return TIME
    if field.kind == "choice" and not all(isinstance(choice, str) for choice in field.info.choices):
        return "object"
    return _DTYPES.get(field.kind, "object")


_BINARY_PROBE = 1000  # bytes in which a NUL means that the body is no text


def format_size(size: int) -> str:
    """Return a number of bytes as text: 900 B, 12.3 kB, 4.5 MB."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def format_duration(seconds: float) -> str:
    """Return a duration as text: 85 ms, 1.24 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def summary(exchange: Exchange) -> str:
    """Return an exchange as one line of text: the operation, the status, and what went wrong."""
    head = f"<{exchange.operation.id} → {exchange.status_text}"
    unstored = f". {_not_stored_text(exchange)}" if exchange.not_stored else ""
    if exchange.ok:
        cut = ", cut" if exchange.response is not None and exchange.response.is_cut else ""
        return f"{head}, {format_size(exchange.size)}{cut}{unstored}>"
    message = f": {exchange.error.message}" if exchange.error else ""
    request_id = f", requestId {exchange.request_id}" if exchange.request_id else ""
    return f"{head}{message}{request_id}{f' {exchange.advice}' if exchange.advice else ''}{unstored}>"


def _not_stored_text(exchange: Exchange) -> str:
    return f"It was sent, but is not in the history: {exchange.not_stored}"


def draw_exchange(exchange: Exchange) -> html.Markup:
    """Return an exchange as static HTML: the status, and the body or what went wrong."""
    parts = [draw_headline(exchange)]
    parts.append(draw_notes(exchange))
    if exchange.error:
        parts.append(draw_error(exchange))
    elif exchange.response and exchange.response.body:
        parts.append(draw_body(exchange))
    return html.tag("div", *parts, style=f"color:{html.TEXT}")


def draw_notes(exchange: Exchange) -> html.Markup:
    """Return what was unusual about reading the body: its coding, its charset, NaN, a name given twice."""
    notes = [v for v in exchange.violations if v.keyword in ("coding", "json") and v.severity == "note"]
    return html.join(html.tag("div", html.muted(f"{note.path}: {note.message}")) for note in notes)


def draw_headline(exchange: Exchange) -> html.Markup:
    """Return status, operation, duration, size, number of attempts and request id in one line."""
    attempts, violations = len(exchange.attempts), len(exchange.violations)
    facts = [
        format_duration(exchange.elapsed),
        format_size(exchange.size),
        f"{attempts} attempts" if attempts > 1 else "",
        f"{violations} contract violation{'' if violations == 1 else 's'}" if violations else "",
    ]
    status = html.pill(exchange.status_text, html.status_tone(exchange.status))
    if exchange.outcome in ("unknown", "not carried out"):
        status = html.join([status, html.pill(exchange.outcome, "warn")], " ")
    name = html.tag("strong", exchange.operation.id)
    request_id = html.Markup("")
    if exchange.request_id:
        request_id = html.join([html.muted(" · requestId "), html.selectable(exchange.request_id)])
    text = html.muted(" · ".join(fact for fact in facts if fact))
    head = html.tag("div", status, " ", name, " ", text, request_id, style="margin:2px 0 6px")
    if not exchange.not_stored:
        return head
    note = html.tag("div", html.pill("not in the history", "warn"), " ", _not_stored_text(exchange))
    return html.join([head, note])


def draw_error(exchange: Exchange) -> html.Markup:
    """Return what went wrong, whose fault it is, and what to do."""
    error, failure = exchange.error, exchange.failure
    if error is None:
        return html.Markup("")
    rows = [(e.field, e.message, e.code) for e in error.field_errors]
    parts = [html.tag("div", error.message, style="font-weight:600;margin-bottom:4px;overflow-wrap:anywhere")]
    if rows:
        parts.append(html.table(["field", "what is wrong", "code"], rows))
    if failure:
        parts.append(html.tag("div", f"{failure.fault} {'' if exchange.advice else failure.todo}"))
    if exchange.advice:
        parts.append(html.tag("div", exchange.advice, style="font-weight:600"))
    return html.tag("div", *parts, style=f"border-left:3px solid {html.TONES['bad'][0]};padding:2px 0 2px 10px")


def draw_body(exchange: Exchange) -> html.Markup:
    """Return the body: JSON as a tree, text as text, anything else by its size."""
    response = exchange.response
    if response is None or not response.body:
        return html.muted("No body.")
    if response.is_json:
        return html.tree(exchange.json())
    if b"\0" in response.body[:_BINARY_PROBE]:
        return html.muted(f"{format_size(exchange.size)} of {response.media_type or 'binary data'}.")
    return html.block(exchange.text)

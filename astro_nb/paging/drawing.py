"""A list that was read, in words and as static HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import html
from ..exchange import lead

if TYPE_CHECKING:
    from .pages import Pages

_MOST_ROWS, _MOST_COLUMNS, _LONGEST = 5, 8, 60


def told(pages: Pages) -> str:
    """A list in one line of text, and a line for each note."""
    count = counted(len(pages.exchanges), "page")
    state = "" if pages.complete else ", incomplete"
    head = f"<Pages of {pages.operation.id}: {len(pages)} items on {count}{state}>"
    return "\n".join([head, *(f"  {note}" for note in pages.notes)])


def draw(pages: Pages) -> html.Markup:
    """A list as static HTML: how many, whether all, what is to be known, and the first rows."""
    state = html.pill("complete", "good") if pages.complete else html.pill("incomplete", "bad")
    total = "" if pages.total is None else f" of {pages.total:,}"
    facts = f"{len(pages):,} items{total} · {counted(len(pages.exchanges), 'page')}"
    head = html.tag("div", state, " ", html.tag("strong", pages.operation.id), " ", html.quiet(facts))
    notes = [html.tag("div", note, style=_NOTE) for note in pages.notes]
    return html.tag("div", head, *notes, _rows(pages), style=f"color:{html.TEXT}")


def counted(number: int, what: str) -> str:
    """A number of things: "1 page", "2,000 pages"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


_NOTE = f"border-left:3px solid {html.TONES['warn'][0]};padding:2px 0 2px 10px;margin:4px 0;overflow-wrap:anywhere"


def _rows(pages: Pages) -> html.Markup:
    """The first items as a table: what tells them apart comes first."""
    shown = pages.items(partial=True)[:_MOST_ROWS]
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in shown]
    present = dict.fromkeys(str(name) for row in rows for name, value in row.items() if _is_scalar(value))
    first = [name for name in lead(pages.operation) if name in present]
    columns = list(dict.fromkeys([*first, *present]))
    drawn = columns[:_MOST_COLUMNS]
    left = [counted(len(pages) - len(rows), "more item") if len(pages) > len(rows) else ""]
    left += [counted(len(columns) - len(drawn), "more column") if len(columns) > len(drawn) else ""]
    beyond = " and ".join(part for part in left if part)
    table = html.table([_cut(name) for name in drawn], [[_cut(row.get(name, "")) for name in drawn] for row in rows])
    return html.join([table if rows else "", html.quiet(f"{beyond}: see .frame()") if beyond else ""])


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _cut(value: Any) -> str:
    text = "" if value is None or not _is_scalar(value) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

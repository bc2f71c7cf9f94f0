"""The operations to choose from: grouped by tag, and found by any word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from ..html import METHOD_TONES
from ..spec import Operation, Spec
from .parts import button, replace, set_hidden
from .status import Status
from .style import classed, layout, shared_style

MOST_FOUND = 60
"""Operations that are drawn at once; the rest of a search is counted, that of a tag comes at a press."""


class OperationsView:
    """Tags that open, and a search over id, path, summary, tag and field names. `chosen` gets the operation."""

    def __init__(self, spec: Spec, status: Status, chosen: Callable[[Operation], None]) -> None:
        self._spec, self._status, self._chosen = spec, status, chosen
        self._current = ""
        self._buttons: dict[str, list[widgets.Button]] = {}
        self.search = classed(
            widgets.Text(
                description="Search operations",
                placeholder=f"Search {len(spec)} operations",
                tooltip="Words of an id, a path, a summary, a tag or a field",
                continuous_update=True,
                layout=layout(),
                style=shared_style(widgets.widget_string.TextStyle),
            ),
            "anb-wide",
            "anb-search",
            "anb-hush",
        )
        self.search.observe(status.guard(lambda change: self._find(change["new"])), "value")
        self._listed: tuple[bool, list[str]] = (False, [])
        grouped = _grouped(spec)
        tags = [self._tag(tag, grouped[tag]) for tag in spec.tags if tag in grouped]
        self._tags = widgets.VBox(tags, layout=layout())
        self._found = widgets.VBox([], layout=layout())
        holder = classed(widgets.VBox([self._tags, self._found], layout=layout()), "anb-list")
        self.widget = classed(widgets.VBox([self.search, holder], layout=layout()), "anb-side")

    def mark(self, operation: Operation) -> None:
        """Show which operation is open."""
        for name in {self._current, operation.id}:
            for made in self._buttons.get(name, []):
                rest = tuple(c for c in made._dom_classes if c != "anb-current")
                made._dom_classes = (*rest, "anb-current") if name == operation.id else rest
        self._current = operation.id

    def _tag(self, tag: str, operations: list[Operation]) -> widgets.Widget:
        """A tag's heading; its operations are built when it is opened."""
        head = button(_tag_words(tag, operations, False), "anb-tag", self._spec.tags[tag] or tag)
        whole = widgets.VBox([head], layout=layout())

        def show(opened: bool) -> None:
            head.description = _tag_words(tag, operations, opened)
            if opened and len(whole.children) == 1:
                whole.children = (head, self._entries(operations))
            for inner in whole.children[1:]:
                set_hidden(inner, not opened)

        def turn(_: Any) -> None:
            show(all("anb-hidden" in inner._dom_classes for inner in whole.children[1:]))

        head.on_click(self._status.guard(turn))
        if len(self._spec) <= 12:
            show(True)
        return whole

    def _entries(self, operations: list[Operation]) -> widgets.Widget:
        """The first operations of a tag; a button draws the others."""
        holder = widgets.VBox([self._entry(each) for each in operations[:MOST_FOUND]], layout=layout())
        rest = operations[MOST_FOUND:]
        if rest:
            more = button(f"Show {len(rest)} more", "anb-link")
            holder.children = (*holder.children, more)

            def draw(_: Any) -> None:
                holder.children = (*holder.children[:-1], *(self._entry(each) for each in rest))
                more.close()

            more.on_click(self._status.guard(draw))
        return holder

    def _entry(self, operation: Operation) -> widgets.Button:
        kind = f"anb-{operation.method.lower()}" if operation.method in METHOD_TONES else "anb-other"
        current = ("anb-current",) if operation.id == self._current else ()
        made = button(operation.id, "anb-op", operation.summary or operation.path, kind, *current)
        made.on_click(self._status.guard(lambda _: self._chosen(operation)))
        self._buttons.setdefault(operation.id, []).append(made)
        return made

    def _find(self, words: str) -> None:
        found: list[Any] = self._spec.search(words) if words.strip() else []
        found = sorted(found, key=lambda operation: operation.id.casefold() != words.strip().casefold())
        listed = (bool(words.strip()), [operation.id for operation in found])
        if listed == self._listed:  # what has the focus keeps it while the rest of the word arrives
            return
        self._listed = listed
        drawn: list[widgets.Widget] = [self._entry(operation) for operation in found[:MOST_FOUND]]
        if words.strip():
            told = f"{len(found)} found" if found else "Nothing found. Try part of a name, or a field."
            more = f"; {len(found) - MOST_FOUND} are not drawn" if len(found) > MOST_FOUND else ""
            drawn.insert(0, widgets.HTML(f'<span class="anb-note">{told}{more}</span>', layout=layout()))
        replace(self._found, drawn)
        set_hidden(self._tags, bool(words.strip()))


def _grouped(spec: Spec) -> dict[str, list[Operation]]:
    """The operations by tag, read once: a large document has more than a thousand."""
    found: dict[str, list[Operation]] = {}
    for operation in spec:
        for tag in dict.fromkeys(operation.tags):
            found.setdefault(tag, []).append(operation)
    return found


def _tag_words(tag: str, operations: list[Operation], opened: bool) -> str:
    return f"{'▾' if opened else '▸'} {tag} ({len(operations)})"

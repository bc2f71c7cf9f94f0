"""The fields of an object: those that are needed or set, then the others folded, then what no control shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets as widgets

from ..fields import Field, read
from ..html import esc
from .labels import About, folded
from .opener import Opener, group
from .pairs import Pairs
from .parts import button, replace, set_hidden, stack, words
from .place import Place
from .ruled import Ruled
from .states import states
from .style import classed, layout, shared_style

if TYPE_CHECKING:
    from .form import FormView

Draw = Callable[[Field], widgets.Widget]
MOST = 60
"""Fields that are drawn at once; the others come when they are asked for."""


def object_group(view: FormView, about: About, place: Place) -> widgets.Widget:
    """An object inside another value: a group that is open when it is needed or set."""
    content = stack([])

    def fill() -> None:
        replace(content, fields_of(view, about.field, place))

    def build() -> list[widgets.Widget]:
        fill()
        return [content, *states(view, about, place, fill)]

    opened = (about.required or view.is_set(place.at)) and not place.is_deep
    return group(view, about, place, build, opened).widget


def fields_of(view: FormView, field: Field, place: Place, without: str = "") -> list[widgets.Widget]:
    """The parts of an object; `without` names a field that is drawn elsewhere."""
    shown = [c for c in field.children if not c.read_only and c.name != without]
    if field.notes.get("rules") or field.notes.get("union"):
        ruled = Ruled(view, field, place, shown, partial(many, view))
        return ruled.widgets + _others(view, field, place, ruled.shown | {without})
    needed = {c.name for c in shown if c.required}
    given = {c.name for c in shown if c.name not in needed and view.is_set((*place.at, c.name))}
    if len(given) > MOST:
        given = set()

    def draw(child: Field) -> widgets.Widget:
        return view.any(About(child, child.required), place.inside(child.name))

    first = [child for child in shown if child.name in needed | given]
    made = many(view, sorted(first, key=lambda child: child.name not in needed), draw)
    rest = [child for child in shown if child.name not in needed | given]
    if rest:
        fold = Opener(view, (*place.at, "more", field.type_name), lambda: many(view, rest, draw), False)
        fold.say(folded(len(rest), "field", field.name))
        made.append(fold.widget)
    return made + _others(view, field, place, {c.name for c in shown} | {without})


def many(view: FormView, fields: list[Field], draw: Draw) -> list[widgets.Widget]:
    """Fields, the first of them at once; with many of them a box to filter by name, and a button for more."""
    if len(fields) <= MOST:
        return [draw(field) for field in fields]
    style = shared_style(widgets.widget_string.TextStyle)
    hint = f"among {len(fields)} fields; press Enter"
    search = widgets.Text(
        description="Filter fields", placeholder=hint, continuous_update=False, layout=layout(), style=style
    )
    holder, more = stack([]), button("", "anb-link")
    count = MOST

    def show() -> None:
        typed = search.value.strip().lower()
        found = [field for field in fields if typed in field.name.lower()]
        replace(holder, [draw(field) for field in found[:count]])
        left = len(found) - count
        more.description = f"Show {min(left, MOST)} more of {len(found)}"
        set_hidden(more, left <= 0)

    def filtered(_: object) -> None:
        nonlocal count
        count = MOST
        show()
        view.changed()

    def extended(_: object) -> None:
        nonlocal count
        count += MOST
        show()
        view.changed()

    search.observe(view.status.guard(filtered), "value")
    more.on_click(view.status.guard(extended))
    show()
    return [classed(search, "anb-field", "anb-filter"), holder, more]


def extra_of(field: Field) -> Field | None:
    """What an object's values without a property of their own are; None where there are to be none."""
    if field.item is None and field.schema.get("additionalProperties") is True:
        return read(field.spec, {}, field.name, True, field.secret)
    return field.item


def _others(view: FormView, field: Field, place: Place, shown: set[str]) -> list[widgets.Widget]:
    """Names that are free, where there may be some; and a word on those that are set, and that no control shows."""
    value = view.form.get(place.at)
    present = [str(name) for name in value] if isinstance(value, dict) else []
    extra = extra_of(field)
    declared = shown | field.named.keys()
    made: list[widgets.Widget] = []
    if extra is not None:
        about = About(field, title=field.name or "the body")
        made.append(Pairs(view, about, extra, place, frozenset(declared)).widget)
    unseen = [name for name in present if name not in shown and (extra is None or name in declared)]
    return [*made, *([_note(unseen)] if unseen else [])]


def _note(names: list[str]) -> widgets.Widget:
    listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    told = f"{len(names)} more {'value is' if len(names) == 1 else 'values are'} set in JSON: {listed}"
    return words(f'<div class="anb-note">{esc(told)}</div>')

"""The parts of a form that hold other parts: rows of an array, the chooser of a union."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..fields import Branch, Field
from ..form import Location
from ..html import esc, prose
from .inputs import UNSET_LABEL, label
from .style import classed, layout, shared_style

if TYPE_CHECKING:
    from .form import FormView


def button(text: str, kind: str, tip: str = "", *more: str) -> widgets.Button:
    """A button of the explorer; `kind` is its class in the style sheet."""
    style = shared_style(widgets.ButtonStyle)
    made = widgets.Button(description=text, tooltip=tip or text, layout=layout(), style=style)
    return classed(made, kind, *more)


def rows(view: FormView, field: Field, at: Location, required: bool) -> widgets.Widget:
    """The entries of an array, each a group of its own, to add and to take away."""
    head = widgets.HTML(f'<div class="anb-field anb-head">{label(field, required)}</div>', layout=layout())
    holder = widgets.VBox([], layout=layout())
    add = button(f"+ Add to {field.name}", "anb-plain", field.description)

    def show() -> None:
        entries = view.form.get(at)
        count = len(entries) if isinstance(entries, list) else 0
        replace(holder, [row(index) for index in range(count)])

    def change(edit: Callable[[], Any]) -> Callable[..., None]:
        def changed(_: Any) -> None:
            edit()
            view.forget(at)
            show()
            view.changed()

        return view.status.guard(changed)

    def row(index: int) -> widgets.Widget:
        drop = button(f"Remove {field.name} {index + 1}", "anb-link")
        drop.on_click(change(lambda: view.form.drop_row(at, index)))
        return classed(widgets.VBox([*_inside(view, field.item, (*at, index)), drop], layout=layout()), "anb-group")

    add.on_click(change(lambda: view.form.add_row(at)))
    show()
    return widgets.VBox([head, holder, add], layout=layout())


def _inside(view: FormView, item: Field | None, at: Location) -> list[widgets.Widget]:
    if item is None:
        return []
    return view.object(item, at) if item.kind == "object" else [view.any(item, at, True)]


def chooser(view: FormView, field: Field, at: Location) -> widgets.Widget:
    """A union: which form it takes, and that form below it."""
    branches = list(field.branches)
    value = view.form.get(at)
    tag = next((b.tag[0] for b in branches if b.tag), "")
    told = isinstance(value, dict) and tag in value if tag else value is not UNSET and value != {}
    now = field.branch_for(value) if told else None
    select = _select(tag or field.name or "kind", _help(field, tag), branches, branches.index(now) + 1 if now else 0)
    inner = widgets.VBox([], layout=layout())

    def chosen() -> Branch | None:
        return branches[select.value - 1] if select.value else None

    def show() -> None:
        drawn = chosen() or field.default_branch
        replace(inner, _branch(view, drawn.field, at, tag) if drawn else [])

    def choose(_: Any) -> None:
        view.form.set(at, _carried(view.form.get(at), chosen(), tag))
        view.forget(at)
        show()
        view.changed()

    select.observe(view.status.guard(choose), "value")
    show()
    return widgets.VBox([select, inner], layout=layout())


def _help(field: Field, tag: str) -> str:
    """What the chooser is about: the discriminator's own description, and what is assumed without it."""
    described = next((c.description for b in field.branches if (c := b.field.child(tag))), "") if tag else ""
    assumed = f"Left out, the server assumes `{field.default_branch.label}`." if field.default_branch else ""
    return " ".join(filter(None, [described or field.description, assumed]))


def _select(name: str, about: str, branches: list[Branch], now: int) -> widgets.Dropdown:
    options = [(text, number) for number, text in enumerate([UNSET_LABEL, *(b.label for b in branches)])]
    told = f'<span class="anb-help">{prose(about)}</span>' if about else ""
    text = f'<b>{esc(name)}</b> <span class="anb-type">chooses the form</span>{told}'
    style = shared_style(widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(
        options=options, value=now, description=text, description_allow_html=True, layout=layout(), style=style
    )
    return classed(made, "anb-field")


def _branch(view: FormView, field: Field, at: Location, tag: str) -> list[widgets.Widget]:
    """A branch's fields; its discriminator is the chooser's business."""
    return view.object(field, at, without=tag) if field.kind == "object" else [view.any(field, at, True)]


def _carried(value: Any, branch: Branch | None, tag: str) -> Any:
    """The value for another branch: what both know goes along, and the discriminator is set."""
    old = {name: v for name, v in value.items() if name != tag} if isinstance(value, dict) else {}
    if branch is None:
        return old
    names = {child.name for child in branch.field.children}
    kept = {name: v for name, v in old.items() if name in names}
    return {branch.tag[0]: branch.tag[1], **kept} if branch.tag else kept


def replace(holder: widgets.Box, children: list[widgets.Widget]) -> None:
    """Put other widgets into a box; the old ones are closed."""
    old, holder.children = holder.children, tuple(children)
    for widget in old:
        close_all(widget)


def set_hidden(widget: widgets.DOMWidget, hidden: bool) -> None:
    """Hide or show a widget without taking it apart."""
    rest = tuple(name for name in widget._dom_classes if name != "anb-hidden")
    widget._dom_classes = (*rest, "anb-hidden") if hidden else rest


def close_all(widget: widgets.Widget) -> None:
    """Close a widget and what is in it: ipywidgets would keep them for ever."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    widget.close()

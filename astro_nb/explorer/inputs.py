"""What a label tells of a field: name, type, state, need, help, what is wrong, what a template becomes.

A field as a widget: one table from kind to control.

Rule 1: the label carries name, type and help. Of a choice it also tells what is wrong and what a template becomes;
        below a control that is typed into this is told beside it, for a label that is written anew undoes the typing.
Rule 2: an empty control means UNSET. Null is a choice of its own where it is allowed, or is typed: null.
Rule 3: a secret leaves its control as soon as it is typed, and is held in memory; the control shows that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ipywidgets as widgets
import orjson

from ..call import UNSET
from ..forms import format_value
from ..html import escape, prose
from ..schema import Field, describe_type
from ..templates import template_names
from .widgets import button, classed, layout, set_hidden, shared_style

Title = str | Callable[[], str]

_WORDS: tuple[tuple[str, str], ...] = (
    ("uniqueItems", "no entry twice"),
    ("minProperties", "at least {} names"),
    ("maxProperties", "at most {} names"),
)
_EMPTY: Mapping[type, str] = {str: "empty text", list: "empty list", dict: "empty object"}


@dataclass(frozen=True)
class About:
    """What a label is about.

    Attributes:
        field: the field.
        required: whether a value must be there.
        help: words beside the field's own description.
        title: what it is called instead of by its name; a function where that changes.
    """

    field: Field
    required: bool = False
    help: str = ""
    title: Title = ""

    @property
    def name(self) -> str:
        """What the field is called now."""
        told = self.title if isinstance(self.title, str) else self.title()
        return told or self.field.name or "body"


def label(about: About, value: Any = UNSET, wrong: str = "", becomes: str = "") -> str:
    """The label as HTML."""
    field = about.field
    parts = [f'<b>{escape(about.name)}</b> <span class="anb-type">{escape(words(field))}</span>']
    parts += [f' <span class="anb-state">{state}</span>'] if (state := state_of(value)) else []
    parts += [' <span class="anb-need">required</span>'] if about.required else []
    parts += [f' <span class="anb-need">{mark}</span>' for mark in marks(field)]
    told = (("anb-help", " ".join(filter(None, [_news(field), about.help]))), ("anb-wrong", wrong))
    parts += [f'<span class="{kind}">{prose(text)}</span>' for kind, text in told if text]
    return "".join(parts) + (f'<span class="anb-becomes">→ {escape(becomes)}</span>' if becomes else "")


def note(about: About, value: Any = UNSET, wrong: str = "", becomes: str = "") -> str:
    """What is told below a control, as HTML: state, what is wrong, what a template becomes; empty for nothing."""
    state = state_of(value)
    parts = [f'<span class="anb-state">{state}</span>'] if state else []
    parts += [f'<span class="anb-wrong">{prose(wrong)}</span>'] if wrong else []
    parts += [f'<span class="anb-becomes">→ {escape(becomes)}</span>'] if becomes else []
    unseen = f'<span class="anb-unseen">{escape(about.name)}: </span>'
    return f'<div class="anb-told">{unseen}{"".join(parts)}</div>' if parts else ""


def _news(field: Field) -> str:
    """The description, unless it only says the name again, as generated titles do."""
    told, name = (re.sub(r"[\W_]+", "", text).lower() for text in (field.info.description, field.name))
    return "" if told == name else field.info.description


def headline(about: About, value: Any = UNSET, wrong: str = "") -> str:
    """The same in one line of plain text, for the button that opens a group."""
    kind = "" if about.field.kind == "object" else about.field.type_name  # a schema's name says no more than its own
    facts = [about.name, kind, *marks(about.field), state_of(value)]
    facts += ["required"] if about.required else []
    return " · ".join(filter(None, facts)) + (f" — {wrong}" if wrong else "")


def folded(count: int, kind: str, of: str = "") -> str:
    """What stands on the button of a fold."""
    return f"More: {count} optional {kind}{'' if count == 1 else 's'}" + (f" of {of}" if of else "")


def words(field: Field) -> str:
    """The type and the limits of a field."""
    limits = (text.format(field.schema[key]) for key, text in _WORDS if field.schema.get(key))
    null = " or null" if field.nullable and field.kind not in ("any", "choice", "boolean") else ""
    return ", ".join(filter(None, [type_of(field) + null, *field.info.bounds, *limits]))


def type_of(field: Field) -> str:
    """The type; of a list also what may stand in it, where the document names that nowhere else."""
    if field.kind == "array" and field.prefix:
        return f"list of {', '.join(describe_type(part) for part in field.prefix)}, in this order"
    listed = field.kind == "array" and field.item is not None and field.item.kind == "choice"
    return f"list of {describe_type(field.item)}" if listed and field.item is not None else describe_type(field)


def marks(field: Field) -> list[str]:
    """What the document warns of."""
    return [
        text for text, told in (("deprecated", field.info.deprecated), ("write-only", field.info.write_only)) if told
    ]


def state_of(value: Any) -> str:
    """The name of a value that a control cannot show by itself: null, or empty; nothing for all others."""
    return "null" if value is None else _EMPTY.get(type(value), "") if value in ("", [], {}) else ""


def placeholder(field: Field) -> str:
    """The document's example, or what the server assumes, as a grey hint."""
    if field.info.default is not None:
        return f"default: {plain(field.info.default)}"
    return f"for example {plain(field.info.example)}" if field.info.example is not None and not field.secret else ""


def plain(value: Any) -> str:
    """A value in one line: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


UNSET_LABEL = "(not set)"
NULL_LABEL = "null"
_LONG = 2000
"""Characters; a text that may be longer is typed into an area."""

Input = tuple[widgets.DOMWidget, tuple[widgets.Widget, ...]]
"""The control of a field, and what helps it along below."""


@dataclass(frozen=True)
class Offer:
    """A value that can be chosen: what is shown, and what it stands for."""

    label: str
    value: Any


@dataclass(frozen=True)
class Slot:
    """What a control needs: its field, the value there is, what can be offered, and where a change goes."""

    about: About
    value: Any
    offers: Sequence[Offer]
    typed: Callable[[str], None]
    chosen: Callable[[Any], None]
    secret: Callable[[str], str]
    guard: Callable[[Callable[..., Any]], Callable[..., None]]

    @property
    def field(self) -> Field:
        return self.about.field


def make_input(slot: Slot) -> Input:
    """The control of a leaf field."""
    kind = "secret" if is_secret(slot.field) else slot.field.kind
    made, more = _MAKERS.get(kind, _json)(slot)
    return classed(made, "anb-field"), more


def is_secret(field: Field) -> bool:
    """Whether a field is typed unseen."""
    return field.secret or bool(field.secret_when)


def _common(slot: Slot, style: type = widgets.widget_string.TextStyle) -> dict[str, Any]:
    """What controls have in common; the label stays as it is, and what changes is told below."""
    return {
        "description": label(slot.about),
        "description_allow_html": True,
        "tooltip": slot.field.info.description,
        "layout": layout(),
        "style": shared_style(style),
    }


def _text(slot: Slot) -> Input:
    is_long = "\n" in format_value(slot.field, slot.value) or slot.field.schema.get("maxLength", 0) >= _LONG
    if is_long or not slot.field.name:
        return _area(slot, "")
    offers = [*_usual(slot.field), *slot.offers]
    by_label = {offer.label: offer.value for offer in offers}
    made = widgets.Combobox(
        value=format_value(slot.field, slot.value),
        options=list(by_label),
        placeholder=placeholder(slot.field) or _FORMATS.get(slot.field.info.format, ""),
        continuous_update=False,
        **_common(slot),
    )

    def changed(change: dict[str, Any]) -> None:
        text = change["new"]
        if text in by_label and by_label[text] != text:
            made.value = plain(by_label[text])  # comes back here with the value itself
            return
        slot.typed(text)

    made.observe(slot.guard(changed), "value")
    return made, ()


def _usual(field: Field) -> list[Offer]:
    """What a format alone suggests."""
    usual = _OFFERS.get(field.info.format) if field.kind == "text" else None
    return [usual()] if usual else []


def _lines(slot: Slot) -> Input:
    made, _ = _area(slot, "one per line; [] for an empty list")
    item = slot.field.item
    if item is None or item.kind not in ("choice", "boolean"):
        return made, ()
    choices = item.info.choices if item.kind == "choice" else (True, False)
    return made, (_adder(slot, made, [format_value(item, choice) for choice in choices]),)


def _adder(slot: Slot, area: widgets.Textarea, texts: list[str]) -> widgets.DOMWidget:
    """A list of the allowed entries: the one that is chosen goes below the others."""
    first = f"Choose an entry to add to {slot.about.name}"
    style = shared_style(widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(options=[first, *texts], value=first, description=first, layout=layout(), style=style)

    def add(change: dict[str, Any]) -> None:
        if change["new"] != first:
            made.value = first
            area.value = "\n".join(filter(None, [area.value.rstrip("\n"), change["new"]]))

    made.observe(slot.guard(add), "value")
    return classed(made, "anb-field", "anb-hush", "anb-adder")


def _json(slot: Slot) -> Input:
    return _area(slot, "JSON")


def _area(slot: Slot, hint: str) -> Input:
    text = format_value(slot.field, slot.value)
    told = ", ".join(filter(None, [hint, placeholder(slot.field)]))
    made = widgets.Textarea(
        value=text,
        placeholder=told,
        rows=min(12, max(2, text.count("\n") + 1)),
        continuous_update=False,
        **_common(slot),
    )
    made.observe(slot.guard(lambda change: slot.typed(change["new"])), "value")
    return made, ()


def _choice(slot: Slot) -> Input:
    return _dropdown(slot, [(plain(choice), choice) for choice in slot.field.info.choices])


def _boolean(slot: Slot) -> Input:
    return _dropdown(slot, [("true", True), ("false", False)])


def _dropdown(slot: Slot, pairs: list[tuple[str, Any]]) -> Input:
    """Options by position, since values may be equal (1 and True) or unhashable; templates are offered at the end."""
    nulls = [(NULL_LABEL, None)] if slot.field.nullable else []
    templates = [(o.label, o.value) for o in slot.offers if isinstance(o.value, str) and o.value.startswith("{{")]
    known = [(UNSET_LABEL, UNSET), *pairs, *nulls, *templates]
    kept = [] if any(_same(value, slot.value) for _, value in known) else [(plain(slot.value), slot.value)]
    options = [(UNSET_LABEL, UNSET), *((text or '""', value) for text, value in (*pairs, *nulls, *kept, *templates))]
    now = next(i for i, (_, value) in enumerate(options) if _same(value, slot.value))
    numbered = [(text, i) for i, (text, _) in enumerate(options)]
    common = _common(slot, widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(options=numbered, value=now, **common | {"description": label(slot.about, slot.value)})
    made.observe(slot.guard(lambda change: slot.chosen(options[change["new"]][1])), "value")
    return made, ()


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _secret(slot: Slot) -> Input:
    made = widgets.Password(value="", continuous_update=False, **_common(slot))
    drop = button(f"Remove {slot.about.name}", "anb-link", "The value is forgotten, and left out")

    def show_state(value: Any) -> None:
        made.placeholder = _held(value)
        set_hidden(drop, value is UNSET)

    def changed(change: dict[str, Any]) -> None:
        text = change["new"]
        if not text:
            return
        made.value = ""  # at once: a synchronised trait may be saved with the notebook
        null = text == NULL_LABEL and slot.field.nullable
        value = None if null else text if template_names(text) else slot.secret(text)
        slot.chosen(value)
        show_state(value)

    def dropped(_: Any) -> None:
        slot.chosen(UNSET)
        show_state(UNSET)
        made.focus()

    made.observe(slot.guard(changed), "value")
    drop.on_click(slot.guard(dropped))
    show_state(slot.value)
    return made, (drop,)


def _held(value: Any) -> str:
    """What the control of a secret says of it: a template by name, and nothing of any other value."""
    if value is UNSET:
        return "typed here, held in memory, shown nowhere"
    named = isinstance(value, str) and template_names(value)
    return "null; type to replace it" if value is None else f"held{f' as {value}' if named else ''}; type to replace it"


_FORMATS: Mapping[str, str] = {
    "date-time": "2026-03-14T09:30:00Z",
    "date": "2026-03-14",
    "time": "09:30:00Z",
    "duration": "PT1H30M",
    "uuid": "6f1c1b1e-8f3a-4d55-9a57-0c2b8a1f6e42",
    "email": "name@example.com",
    "uri": "https://example.com/",
    "byte": "base64",
    "ipv4": "192.0.2.1",
}
"""How a text of a format looks, where the document gives no example."""

_OFFERS: Mapping[str, Callable[[], Offer]] = {
    "date-time": lambda: Offer("now, at each request", "{{$isoTimestamp}}"),
    "date": lambda: Offer("today", datetime.now(UTC).strftime("%Y-%m-%d")),
    "uuid": lambda: Offer("a new one, at each request", "{{$uuid}}"),
}

_MAKERS: dict[str, Callable[[Slot], Input]] = {
    "text": _text,
    "integer": _text,
    "number": _text,
    "boolean": _boolean,
    "choice": _choice,
    "secret": _secret,
    "array": _lines,
    "any": _json,
}

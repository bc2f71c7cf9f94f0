"""A field as a widget: one table from kind to control.

Rule 1: one widget a leaf. Its label carries name, type, help, what is wrong and what a template becomes.
Rule 2: an empty control means UNSET. Null is a choice of its own where it is allowed.
Rule 3: a secret leaves its control as soon as it is typed, and is held in memory; the control shows that it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import orjson

from ..call import UNSET
from ..fields import Field
from ..form import show
from ..html import esc, prose
from ..ops import type_words
from .style import classed, layout, shared_style

UNSET_LABEL = "(not set)"
NULL_LABEL = "null"


@dataclass(frozen=True)
class Offer:
    """A value that can be chosen: what is shown, and what it stands for."""

    label: str
    value: Any


@dataclass(frozen=True)
class Slot:
    """What a control needs: its field, the value there is, what can be offered, and where a change goes."""

    field: Field
    value: Any
    offers: Sequence[Offer]
    typed: Callable[[str], None]
    chosen: Callable[[Any], None]
    secret: Callable[[str], None]
    required: bool
    help: str = ""


def make_input(slot: Slot) -> widgets.DOMWidget:
    """The control of a leaf field."""
    kind = "secret" if slot.field.secret or slot.field.secret_when else slot.field.kind
    made = _MAKERS.get(kind, _json)(slot)
    return classed(made, "anb-field")


def label(field: Field, required: bool, wrong: str = "", becomes: str = "", extra: str = "") -> str:
    """The label as HTML: name, type, whether it is needed, help, what is wrong, what a template becomes."""
    words = ", ".join(filter(None, [type_words(field), *field.bounds]))
    parts = [f'<b>{esc(field.name or "body")}</b> <span class="anb-type">{esc(words)}</span>']
    parts += [' <span class="anb-need">required</span>'] if required else []
    parts += [' <span class="anb-need">deprecated</span>'] if field.deprecated else []
    told = (("anb-help", " ".join(filter(None, [field.description, extra]))), ("anb-wrong", wrong))
    parts += [f'<span class="{kind}">{prose(text)}</span>' for kind, text in told if text]
    return "".join(parts) + (f'<span class="anb-becomes">→ {esc(becomes)}</span>' if becomes else "")


def placeholder(field: Field) -> str:
    """The document's example, or what the server assumes, as a grey hint."""
    if field.default is not None:
        return f"default: {_plain(field.default)}"
    return f"for example {_plain(field.example)}" if field.example is not None and not field.secret else ""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _common(slot: Slot, style: type = widgets.widget_string.TextStyle) -> dict[str, Any]:
    return {
        "description": label(slot.field, slot.required, extra=slot.help),
        "description_allow_html": True,
        "tooltip": slot.field.description,
        "layout": layout(),
        "style": shared_style(style),
    }


def _text(slot: Slot) -> widgets.DOMWidget:
    by_label = {offer.label: offer.value for offer in slot.offers}
    made = widgets.Combobox(
        value=show(slot.field, slot.value),
        options=list(by_label),
        placeholder=placeholder(slot.field),
        continuous_update=False,
        **_common(slot),
    )

    def changed(change: dict[str, Any]) -> None:
        text = change["new"]
        if text in by_label and by_label[text] != text:
            made.value = _plain(by_label[text])  # comes back here with the value itself
            return
        slot.typed(text)

    made.observe(changed, "value")
    return made


def _lines(slot: Slot) -> widgets.DOMWidget:
    return _area(slot, "one per line")


def _json(slot: Slot) -> widgets.DOMWidget:
    return _area(slot, "JSON")


def _area(slot: Slot, hint: str) -> widgets.DOMWidget:
    text = show(slot.field, slot.value)
    example = placeholder(slot.field)
    made = widgets.Textarea(
        value=text,
        placeholder=f"{hint}, {example}" if example else hint,
        rows=min(12, max(2, text.count("\n") + 1)),
        continuous_update=False,
        **_common(slot),
    )
    made.observe(lambda change: slot.typed(change["new"]), "value")
    return made


def _choice(slot: Slot) -> widgets.DOMWidget:
    return _dropdown(slot, [(str(choice), choice) for choice in slot.field.choices])


def _boolean(slot: Slot) -> widgets.DOMWidget:
    return _dropdown(slot, [("true", True), ("false", False)])


def _dropdown(slot: Slot, pairs: list[tuple[str, Any]]) -> widgets.DOMWidget:
    """Options by position, since values may be equal (1 and True) or unhashable; templates are offered at the end."""
    nulls = [(NULL_LABEL, None)] if slot.field.nullable else []
    templates = [(o.label, o.value) for o in slot.offers if isinstance(o.value, str) and o.value.startswith("{{")]
    kept = [(str(slot.value), slot.value)] if _is_odd(slot, pairs, templates) else []
    options = [(UNSET_LABEL, UNSET), *pairs, *nulls, *kept, *templates]
    now = next((i for i, (_, v) in enumerate(options) if type(v) is type(slot.value) and v == slot.value), 0)
    numbered = [(text, i) for i, (text, _) in enumerate(options)]
    common = _common(slot, widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(options=numbered, value=now, **common)
    made.observe(lambda change: slot.chosen(options[change["new"]][1]), "value")
    return made


def _is_odd(slot: Slot, pairs: list[tuple[str, Any]], templates: list[tuple[str, Any]]) -> bool:
    """Whether the present value is none of the choices: it is kept in the list, not thrown away."""
    return slot.value is not UNSET and slot.value is not None and slot.value not in [v for _, v in [*pairs, *templates]]


def _secret(slot: Slot) -> widgets.DOMWidget:
    held = isinstance(slot.value, str) and bool(slot.value)
    hint = f"held as {slot.value}; type to replace it" if held else "typed here, held in memory, shown nowhere"
    made = widgets.Password(value="", placeholder=hint, continuous_update=False, **_common(slot))

    def changed(change: dict[str, Any]) -> None:
        text = change["new"]
        if text:
            made.value = ""  # at once: a synchronised trait may be saved with the notebook
            slot.secret(text)

    made.observe(changed, "value")
    return made


def _file(slot: Slot) -> widgets.DOMWidget:
    made = widgets.FileUpload(multiple=False, description=slot.field.name or "Choose a file", layout=layout())
    made.observe(lambda change: slot.chosen(bytes(change["new"][0]["content"]) if change["new"] else UNSET), "value")
    return made


_MAKERS: dict[str, Callable[[Slot], widgets.DOMWidget]] = {
    "text": _text,
    "integer": _text,
    "number": _text,
    "boolean": _boolean,
    "choice": _choice,
    "secret": _secret,
    "array": _lines,
    "map": _json,
    "any": _json,
    "file": _file,
}

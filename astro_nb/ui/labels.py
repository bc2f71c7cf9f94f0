"""What a label tells of a field: name, type, state, need, help, what is wrong, what a template becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..call import UNSET
from ..fields import Field
from ..html import esc, prose
from ..ops import type_words

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
    parts = [f'<b>{esc(about.name)}</b> <span class="anb-type">{esc(words(field))}</span>']
    parts += [f' <span class="anb-state">{state}</span>'] if (state := state_of(value)) else []
    parts += [' <span class="anb-need">required</span>'] if about.required else []
    parts += [f' <span class="anb-need">{mark}</span>' for mark in marks(field)]
    told = (("anb-help", " ".join(filter(None, [_news(field), about.help]))), ("anb-wrong", wrong))
    parts += [f'<span class="{kind}">{prose(text)}</span>' for kind, text in told if text]
    return "".join(parts) + (f'<span class="anb-becomes">→ {esc(becomes)}</span>' if becomes else "")


def note(about: About, value: Any = UNSET, wrong: str = "", becomes: str = "") -> str:
    """What is told below a control, as HTML: state, what is wrong, what a template becomes; empty for nothing."""
    state = state_of(value)
    parts = [f'<span class="anb-state">{state}</span>'] if state else []
    parts += [f'<span class="anb-wrong">{prose(wrong)}</span>'] if wrong else []
    parts += [f'<span class="anb-becomes">→ {esc(becomes)}</span>'] if becomes else []
    unseen = f'<span class="anb-unseen">{esc(about.name)}: </span>'
    return f'<div class="anb-told">{unseen}{"".join(parts)}</div>' if parts else ""


def _news(field: Field) -> str:
    """The description, unless it only says the name again, as generated titles do."""
    told, name = (re.sub(r"[\W_]+", "", text).lower() for text in (field.description, field.name))
    return "" if told == name else field.description


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
    return ", ".join(filter(None, [type_of(field) + null, *field.bounds, *limits]))


def type_of(field: Field) -> str:
    """The type; of a list also what may stand in it, where the document names that nowhere else."""
    if field.kind == "array" and field.prefix:
        return f"list of {', '.join(type_words(part) for part in field.prefix)}, in this order"
    listed = field.kind == "array" and field.item is not None and field.item.kind == "choice"
    return f"list of {type_words(field.item)}" if listed and field.item is not None else type_words(field)


def marks(field: Field) -> list[str]:
    """What the document warns of."""
    return [text for text, told in (("deprecated", field.deprecated), ("write-only", field.write_only)) if told]


def state_of(value: Any) -> str:
    """The name of a value that a control cannot show by itself: null, or empty; nothing for all others."""
    return "null" if value is None else _EMPTY.get(type(value), "") if value in ("", [], {}) else ""


def placeholder(field: Field) -> str:
    """The document's example, or what the server assumes, as a grey hint."""
    if field.default is not None:
        return f"default: {plain(field.default)}"
    return f"for example {plain(field.example)}" if field.example is not None and not field.secret else ""


def plain(value: Any) -> str:
    """A value in one line: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()

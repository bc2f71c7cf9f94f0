"""The label, the control and the path of a field.

Rule 1: the label has name, type and help. Problems and resolved templates appear in the label of a choice, but below a
        text control: a label that changes undoes typing in progress.
Rule 2: an empty control means UNSET. Null is a choice of its own where allowed, or is typed: null.
Rule 3: a secret leaves its control as soon as it is typed and stays in memory; the control shows that it is set.
Rule 4: the path of a value follows its parents when they are renamed or moved; problems are shown at the nearest path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..forms import Form, format_value
from ..html import escape, prose
from ..json_text import write_json
from ..schema import Field, describe_type
from ..templates import LiteralText, as_literal, template_names
from .widgets import add_classes, button, dropdown, set_hidden, shared_layout, shared_style

_MAX_AUTO_DEPTH = 6  # levels that open by themselves: a required field may contain itself


class FieldPath:
    """The path of a value in a form. When a parent is renamed or moved, the paths of everything inside it follow."""

    def __init__(self, steps: Location, parent: FieldPath | None = None) -> None:
        self.steps, self.parent = steps, parent

    def __repr__(self) -> str:
        return f"<FieldPath {'.'.join(map(str, self.location))}>"

    @property
    def location(self) -> Location:
        """The current location."""
        return (*self.parent.location, *self.steps) if self.parent else self.steps

    @property
    def is_too_deep(self) -> bool:
        """Whether groups at this depth are opened only by hand."""
        return len(self.location) > _MAX_AUTO_DEPTH

    def child(self, step: str | int) -> FieldPath:
        """Return the path of a member or item."""
        return FieldPath((step,), self)

    def move_to(self, steps: Location, parent: FieldPath | None) -> None:
        """Move this path, with everything inside, to another parent."""
        self.steps, self.parent = steps, parent


@dataclass(frozen=True, eq=False)
class ProblemTarget:
    """A part of a form that can show a problem.

    Attributes:
        path: where its value is; it also shows problems inside that have no target of their own.
        widget: the widget it writes to; when that is closed, the target is dropped.
        write: takes the problem and the resolved template, as texts.
        open: whether the parts inside are visible.
    """

    path: FieldPath
    widget: widgets.Widget
    write: Callable[[str, str], None]
    open: Callable[[], bool] = lambda: True


class ProblemTargets:
    """All parts of a form that can show a problem."""

    def __init__(self) -> None:
        self._marks: list[ProblemTarget] = []

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, mark: ProblemTarget) -> None:
        """Add a target; of two for one path the later one shows the problems."""
        self._marks.append(mark)

    def show(self, form: Form, problems: Mapping[Location, str], resolved: Callable[[Any], str]) -> dict[Location, str]:
        """Show each problem at the nearest target; return the problems that no visible target shows."""
        self._marks = [mark for mark in self._marks if mark.widget.comm is not None]
        owners = {mark.path.location: mark for mark in self._marks}
        problem: dict[int, str] = {}
        left: dict[Location, str] = {}
        for at, text in problems.items():
            owner = _nearest_target(owners, at)
            if owner is None or not owner.open():
                left[at] = text
            if owner is not None:
                problem.setdefault(id(owner), _prefix_message(owner.path.location, at, text))
        for mark in self._marks:
            value = form.get(mark.path.location)
            shown = resolved(value) if value is not UNSET and template_names(value) else ""
            mark.write(problem.get(id(mark), ""), shown)
        return left


def _nearest_target(owners: Mapping[Location, ProblemTarget], at: Location) -> ProblemTarget | None:
    places: Iterable[Location] = (at[:depth] for depth in range(len(at), 0, -1))
    return next((owners[path] for path in places if path in owners), None)


def _prefix_message(path: Location, at: Location, text: str) -> str:
    inside = ".".join(map(str, at[len(path) :]))
    return f"{inside}: {text}" if inside and inside not in text else text


LabelTitle = str | Callable[[], str]

_LIMITS: tuple[tuple[str, str], ...] = (
    ("uniqueItems", "unique items"),
    ("minProperties", "at least {} members"),
    ("maxProperties", "at most {} members"),
)
_EMPTY: Mapping[type, str] = {str: "empty text", list: "empty list", dict: "empty object"}


@dataclass(frozen=True)
class FieldLabel:
    """What a label shows.

    Attributes:
        field: the field.
        required: whether a value is required.
        help: text in addition to the field's description.
        title: the name to show instead of the field's own; a function if it changes.
    """

    field: Field
    required: bool = False
    help: str = ""
    title: LabelTitle = ""

    @property
    def name(self) -> str:
        """The current name."""
        title = self.title if isinstance(self.title, str) else self.title()
        return title or self.field.name or "body"


def label_html(about: FieldLabel, value: Any = UNSET, wrong: str = "", becomes: str = "") -> str:
    """Return the label as HTML."""
    field = about.field
    parts = [f'<b>{escape(about.name)}</b> <span class="anb-type">{escape(type_with_limits(field))}</span>']
    parts += [f' <span class="anb-state">{state}</span>'] if (state := value_state(value)) else []
    parts += [' <span class="anb-required">required</span>'] if about.required else []
    parts += [f' <span class="anb-required">{mark}</span>' for mark in schema_warnings(field)]
    lines = (("anb-help", " ".join(filter(None, [_new_description(field), about.help]))), ("anb-problem", wrong))
    parts += [f'<span class="{kind}">{prose(text)}</span>' for kind, text in lines if text]
    return "".join(parts) + (f'<span class="anb-resolved">→ {escape(becomes)}</span>' if becomes else "")


def note_html(about: FieldLabel, value: Any = UNSET, wrong: str = "", becomes: str = "") -> str:
    """Return the note below a control as HTML: state, problem, resolved template; empty if there is nothing."""
    state = value_state(value)
    parts = [f'<span class="anb-state">{state}</span>'] if state else []
    parts += [f'<span class="anb-problem">{prose(wrong)}</span>'] if wrong else []
    parts += [f'<span class="anb-resolved">→ {escape(becomes)}</span>'] if becomes else []
    hidden_name = f'<span class="anb-visually-hidden">{escape(about.name)}: </span>'
    return f'<div class="anb-below-note">{hidden_name}{"".join(parts)}</div>' if parts else ""


def _new_description(field: Field) -> str:
    """The description, unless it only repeats the name, as generated titles do."""
    description, name = (re.sub(r"[\W_]+", "", text).lower() for text in (field.info.description, field.name))
    return "" if description == name else field.info.description


def collapsed_label(about: FieldLabel, value: Any = UNSET, wrong: str = "") -> str:
    """Return the label as one line of plain text, for the button of a group."""
    kind = "" if about.field.kind == "object" else about.field.type_name  # the schema name adds nothing
    facts = [about.name, kind, *schema_warnings(about.field), value_state(value)]
    facts += ["required"] if about.required else []
    return " · ".join(filter(None, facts)) + (f" — {wrong}" if wrong else "")


def more_label(count: int, kind: str, of: str = "") -> str:
    """Return the text of the button for collapsed fields."""
    return f"More: {count} optional {kind}{'' if count == 1 else 's'}" + (f" of {of}" if of else "")


def type_with_limits(field: Field) -> str:
    """Return the type and the limits of a field."""
    limits = (text.format(field.schema[key]) for key, text in _LIMITS if field.schema.get(key))
    null = " or null" if field.nullable and field.kind not in ("any", "choice", "boolean") else ""
    return ", ".join(filter(None, [type_label(field) + null, *field.info.bounds, *limits]))


def type_label(field: Field) -> str:
    """Return the type; of a list also the types of its items where the document names them only there."""
    if field.kind == "array" and field.prefix:
        return f"list of {', '.join(describe_type(part) for part in field.prefix)}, in this order"
    listed = field.kind == "array" and field.item is not None and field.item.kind == "choice"
    return f"list of {describe_type(field.item)}" if listed and field.item is not None else describe_type(field)


def schema_warnings(field: Field) -> list[str]:
    """The warnings of the document: deprecated, read-only, write-only."""
    info = field.info
    warnings = (("deprecated", info.deprecated), ("read-only", info.read_only), ("write-only", info.write_only))
    return [text for text, applies in warnings if applies]


def value_state(value: Any) -> str:
    """Return "null" or "empty …" for a value that a control cannot show; else empty."""
    return "null" if value is None else _EMPTY.get(type(value), "") if value in ("", [], {}) else ""


def placeholder(field: Field) -> str:
    """Return the default or the example of a field, as a hint."""
    if field.info.default is not None:
        return f"default: {one_line(field.info.default)}"
    return f"for example {one_line(field.info.example)}" if field.info.example is not None and not field.secret else ""


def one_line(value: Any) -> str:
    """Return a value on one line: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else write_json(value, str).decode()


UNSET_LABEL = "–"
NULL_LABEL = "null"
_LONG_TEXT = 2000
"""Characters; a text that may be longer gets a text area."""

Control = tuple[widgets.DOMWidget, tuple[widgets.Widget, ...]]
"""The control of a field, and widgets below it."""


@dataclass(frozen=True)
class SuggestedValue:
    """A suggested value: its label and the value."""

    label: str
    value: Any


@dataclass(frozen=True)
class ControlContext:
    """What a control needs: label, current value, suggestions, and callbacks."""

    about: FieldLabel
    value: Any
    offers: Sequence[SuggestedValue]
    typed: Callable[[str], None]
    chosen: Callable[[Any], None]
    secret: Callable[[str], str]
    report_errors: Callable[[Callable[..., Any]], Callable[..., None]]

    @property
    def field(self) -> Field:
        return self.about.field


def make_input(slot: ControlContext) -> Control:
    """Build the control of a field without children."""
    kind = "secret" if is_secret_input(slot.field) else slot.field.kind
    made, more = _BUILDERS.get(kind, _json)(slot)
    return add_classes(made, "anb-field"), more


def is_secret_input(field: Field) -> bool:
    """Whether a field is entered as a password."""
    return field.secret or bool(field.secret_when)


def _common_options(slot: ControlContext, style: type = widgets.widget_string.TextStyle) -> dict[str, Any]:
    """The options all controls share; the label is fixed, changes appear below."""
    return {
        "description": label_html(slot.about),
        "description_allow_html": True,
        "tooltip": slot.field.info.description,
        "layout": shared_layout(),
        "style": shared_style(style),
    }


def _text(slot: ControlContext) -> Control:
    is_long = "\n" in format_value(slot.field, slot.value) or slot.field.schema.get("maxLength", 0) >= _LONG_TEXT
    if is_long or not slot.field.name:
        return _area(slot, "")
    offers = [*_format_suggestions(slot.field), *_example_suggestions(slot.field), *slot.offers]
    by_label = {offer.label: offer.value for offer in offers}
    made = widgets.Combobox(
        value=format_value(slot.field, slot.value),
        options=list(by_label),
        placeholder=placeholder(slot.field) or _FORMAT_EXAMPLES.get(slot.field.info.format, ""),
        continuous_update=False,
        **_common_options(slot),
    )

    def changed(change: dict[str, Any]) -> None:
        text = change["new"]
        value = by_label.get(text, text)
        if isinstance(value, LiteralText):
            slot.chosen(value)
        if value != text:
            made.value = one_line(value)  # triggers this handler again, with the value
        elif not isinstance(value, LiteralText):
            slot.typed(text)

    made.observe(slot.report_errors(changed), "value")
    return made, ()


def _format_suggestions(field: Field) -> list[SuggestedValue]:
    """The suggestion of a format."""
    usual = _FORMAT_SUGGESTIONS.get(field.info.format) if field.kind == "text" else None
    return [usual()] if usual else []


def _example_suggestions(field: Field) -> list[SuggestedValue]:
    """The examples of a field that has several; a single one is the placeholder."""
    examples = field.info.examples if len(field.info.examples) > 1 and not field.secret else ()
    return [SuggestedValue(f"{one_line(example)} · example", as_literal(example)) for example in examples]


def _lines(slot: ControlContext) -> Control:
    made, _ = _area(slot, "one per line; [] for an empty list")
    item = slot.field.item
    if item is None or item.kind not in ("choice", "boolean"):
        return made, ()
    choices = item.info.choices if item.kind == "choice" else (True, False)
    return made, (_item_chooser(slot, made, [format_value(item, choice) for choice in choices]),)


def _item_chooser(slot: ControlContext, area: widgets.Textarea, texts: list[str]) -> widgets.DOMWidget:
    """A dropdown of allowed items; the selected one is appended."""
    first = f"Select an item to add to {slot.about.name}"
    made = dropdown(first, "anb-field", "anb-hide-label", "anb-adder", options=[first, *texts], value=first)

    def add(change: dict[str, Any]) -> None:
        if change["new"] != first:
            made.value = first
            area.value = "\n".join(filter(None, [area.value.rstrip("\n"), change["new"]]))

    made.observe(slot.report_errors(add), "value")
    return made


def _json(slot: ControlContext) -> Control:
    return _area(slot, "JSON")


def _area(slot: ControlContext, hint: str) -> Control:
    text = format_value(slot.field, slot.value)
    hint_text = ", ".join(filter(None, [hint, placeholder(slot.field)]))
    made = widgets.Textarea(
        value=text,
        placeholder=hint_text,
        rows=min(12, max(2, text.count("\n") + 1)),
        continuous_update=False,
        **_common_options(slot),
    )
    made.observe(slot.report_errors(lambda change: slot.typed(change["new"])), "value")
    return made, ()


def _choice(slot: ControlContext) -> Control:
    return _dropdown(slot, [(one_line(choice), as_literal(choice)) for choice in slot.field.info.choices])


def _boolean(slot: ControlContext) -> Control:
    return _dropdown(slot, [("true", True), ("false", False)])


def _dropdown(slot: ControlContext, pairs: list[tuple[str, Any]]) -> Control:
    """A dropdown with options by position: values may be equal (1 and True) or unhashable. Templates come last."""
    nulls = [(NULL_LABEL, None)] if slot.field.nullable else []
    templates = [(o.label, o.value) for o in slot.offers if isinstance(o.value, str) and o.value.startswith("{{")]
    known = [(UNSET_LABEL, UNSET), *pairs, *nulls, *templates]
    current = [] if any(_same(value, slot.value) for _, value in known) else [(one_line(slot.value), slot.value)]
    options = [(UNSET_LABEL, UNSET), *((text or '""', value) for text, value in (*pairs, *nulls, *current, *templates))]
    now = next(i for i, (_, value) in enumerate(options) if _same(value, slot.value))
    numbered = [(text, i) for i, (text, _) in enumerate(options)]
    common = _common_options(slot, widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(options=numbered, value=now, **common | {"description": label_html(slot.about, slot.value)})
    made.observe(slot.report_errors(lambda change: slot.chosen(options[change["new"]][1])), "value")
    return made, ()


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _secret(slot: ControlContext) -> Control:
    made = widgets.Password(value="", continuous_update=False, **_common_options(slot))
    drop = button(f"Remove {slot.about.name}", "anb-link", "Remove the value and leave the field unset")

    def show_state(value: Any) -> None:
        made.placeholder = _secret_placeholder(value)
        set_hidden(drop, value is UNSET)

    def changed(change: dict[str, Any]) -> None:
        text = change["new"]
        if not text:
            return
        made.value = ""  # immediately: a synchronised trait may be saved with the notebook
        null = text == NULL_LABEL and slot.field.nullable
        value = None if null else text if template_names(text) else slot.secret(text)
        slot.chosen(value)
        show_state(value)

    def dropped(_: Any) -> None:
        slot.chosen(UNSET)
        show_state(UNSET)
        made.focus()

    made.observe(slot.report_errors(changed), "value")
    drop.on_click(slot.report_errors(dropped))
    show_state(slot.value)
    return made, (drop,)


def _secret_placeholder(value: Any) -> str:
    """The placeholder of a secret: the template name if there is one, never the value."""
    if value is UNSET:
        return "stays in memory, never shown"
    named = isinstance(value, str) and template_names(value)
    return "null; type to replace it" if value is None else f"set{f' to {value}' if named else ''}; type to replace it"


_FORMAT_EXAMPLES: Mapping[str, str] = {
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
"""An example for each format, where the document has none."""

_FORMAT_SUGGESTIONS: Mapping[str, Callable[[], SuggestedValue]] = {
    "date-time": lambda: SuggestedValue("current time of each request", "{{$isoTimestamp}}"),
    "date": lambda: SuggestedValue("today", datetime.now(UTC).strftime("%Y-%m-%d")),
    "uuid": lambda: SuggestedValue("new UUID for each request", "{{$uuid}}"),
}

_BUILDERS: dict[str, Callable[[ControlContext], Control]] = {
    "text": _text,
    "integer": _text,
    "number": _text,
    "boolean": _boolean,
    "choice": _choice,
    "secret": _secret,
    "array": _lines,
    "any": _json,
}

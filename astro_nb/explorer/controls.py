"""Controls of a form: single values, buttons for empty, null and unset, maps, and file inputs."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable
from dataclasses import replace as changed_field
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET, Upload
from ..data import Location
from ..errors import UsageError
from ..forms import fits_control
from ..html import escape
from ..schema import Field
from ..templates import template_names
from .inputs import ControlContext, FieldLabel, FieldPath, ProblemTarget, label_html, make_input, note_html
from .widgets import (
    add_classes,
    button,
    close_tree,
    horizontal,
    html_widget,
    replace_children,
    set_hidden,
    shared_layout,
    shared_style,
    text_input,
    vertical,
)

if TYPE_CHECKING:
    from .form import FormView


_EMPTY: dict[str, tuple[str, Any]] = {
    "object": ("Set to empty object", {}),
    "map": ("Set to empty object", {}),
    "array": ("Set to empty list", []),
}


def state_buttons(
    view: FormView, about: FieldLabel, path: FieldPath, redraw: Callable[[], None]
) -> list[widgets.Widget]:
    """Build a row of buttons that set empty, null or unset; no row if there is nothing to choose."""
    buttons = [(button(text, "anb-link", f"{text}: {about.name}"), value) for text, value in _state_choices(about)]
    if not buttons:
        return []

    def click(value: Any) -> None:
        view.form.set(path.location, copy.copy(value))
        redraw()
        view.changed()
        refresh("", "")
        next((made for made, _ in buttons if "anb-hidden" not in made._dom_classes), buttons[0][0]).focus()

    def refresh(problem: str, resolved: str) -> None:
        now = view.form.get(path.location)
        for made, value in buttons:
            set_hidden(made, type(now) is type(value) and now == value)

    for made, value in buttons:
        made.on_click(view.status.report_errors(lambda _, value=value: click(value)))
    row = horizontal([made for made, _ in buttons], "anb-states")
    refresh("", "")
    view.follow(ProblemTarget(path, row, refresh))
    return [row]


def _state_choices(about: FieldLabel) -> list[tuple[str, Any]]:
    field = about.field
    needs = any(child.must_be_sent for child in field.children)
    found = [_EMPTY[field.kind]] if field.kind in _EMPTY and not (needs and about.required) else []
    found += [("Set to null", None)] if field.nullable else []
    return found + ([] if about.required else [("Unset", UNSET)])


def build_control(view: FormView, about: FieldLabel, path: FieldPath) -> widgets.Widget:
    """Build the control of a field that is a single control."""
    field, guard = about.field, view.status.report_errors

    def typed(text: str) -> None:
        view.form.set_text(path.location, field, text)
        view.after(path)

    def chosen(value: Any) -> None:
        view.form.set(path.location, value)
        view.after(path)

    def secret(text: str) -> str:
        return view.keep_secret(text, changed_field(field, name=_secret_variable(view, field, path)))

    slot = ControlContext(about, view.form.get(path.location), view.offers(field), typed, chosen, secret, guard)
    control, more = make_input(slot)
    if isinstance(control, widgets.Text | widgets.Textarea):
        box = vertical([control, *more])
        view.problem_targets.add(ProblemTarget(path, box, _note_writer(view, about, path, box)))
        return box

    def write(problem: str, resolved: str) -> None:
        text = label_html(about, view.form.get(path.location), problem, resolved)
        if control.description != text:
            control.description = text

    view.problem_targets.add(ProblemTarget(path, control, write))
    return control


def build_head(view: FormView, about: FieldLabel, path: FieldPath) -> widgets.Widget:
    """Build the label above a control that has several parts."""
    head = html_widget()

    def write(problem: str, resolved: str) -> None:
        text = label_html(about, view.form.get(path.location), problem)
        head.value = f'<div class="anb-field anb-head">{text}</div>'

    write("", "")
    view.problem_targets.add(ProblemTarget(path, head, write))
    return head


def _note_writer(view: FormView, about: FieldLabel, path: FieldPath, box: widgets.Box) -> Callable[[str, str], None]:
    """Write notes below a text control; changing the control itself would undo typing in progress."""
    made: list[widgets.HTML] = []

    def write(problem: str, resolved: str) -> None:
        text = note_html(about, view.form.get(path.location), problem, resolved)
        if text and not made:
            made.append(html_widget())
            box.children = (*box.children, made[0])
        if made and made[0].value != text:
            made[0].value = text

    write("", "")
    return write


def _secret_variable(view: FormView, field: Field, path: FieldPath) -> str:
    """The variable name for a typed secret, unique in the form."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "_", field.name).strip("_") or "secret"
    used = template_names([view.form.get((part,)) for part in ("parameters", "body", "drafts")])
    own = template_names(view.form.get(path.location))
    if len(own) == 1 and used.count(own[0]) == 1 and re.fullmatch(rf"{re.escape(base)}(_\d+)?", own[0]):
        return own[0]
    numbered = (base if number == 1 else f"{base}_{number}" for number in itertools.count(1))
    return next(name for name in numbered if name not in used)


def build_json_control(view: FormView, about: FieldLabel, path: FieldPath, reason: str) -> widgets.Widget:
    """Build a JSON editor for a field, until its value fits the field's own control."""
    as_any = changed_field(about.field, kind="any", schema={}, type_name="JSON", nullable=True)
    text = FieldLabel(
        as_any, about.required, " ".join(filter(None, [about.field.info.description, reason])), about.title
    )
    box = vertical([build_control(view, text, path)])

    def follow() -> None:
        if fits_control(about.field, view.form.get(path.location)) and view.is_set(path.location):
            replace_children(box, [view.any(about, path)])

    if about.field.kind not in ("union", "any"):
        view.watch(path, box, follow)
    return box


_UNITS = ((1024 * 1024, "MB"), (1024, "KB"))


class FileControl:
    """The control of one file, or of a list of files."""

    def __init__(self, view: FormView, about: FieldLabel, path: FieldPath) -> None:
        self._view, self._about, self._path = view, about, path
        self._several = about.field.kind == "array"
        self._head = html_widget()
        verb = "Add files to" if self._several else "Choose a file for"
        self.upload = add_classes(
            widgets.FileUpload(
                multiple=self._several,
                description=f"{verb} {about.name}",
                tooltip=f"{verb} {about.name}",
                icon="",
                layout=shared_layout(),
                style=shared_style(widgets.ButtonStyle),
            ),
            "anb-plain",
            "anb-upload",
        )
        self._chosen_files = horizontal([], "anb-files")
        self._null = button("Set to null", "anb-link", f"Set {about.name} to null")
        guard = view.status.report_errors
        self.upload.observe(guard(lambda change: self._take(change["new"])), "value")
        self.upload.observe(guard(lambda change: self._fail(change["new"])), "error")
        self._null.on_click(guard(lambda _: self._set(None)))
        tools = horizontal([self.upload, *([self._null] if about.field.nullable else [])], "anb-tools")
        self.widget: widgets.Box = vertical([self._head, self._chosen_files, tools])
        view.problem_targets.add(ProblemTarget(path, self._head, self._write))
        self._write("", "")
        self._draw()

    def _take(self, chosen: Any) -> None:
        if not chosen:
            return
        files = [Upload(str(f["name"]), bytes(f["content"]), str(f["type"])) for f in chosen]
        cut = [str(f["name"]) for f, file in zip(chosen, files, strict=True) if f.get("size", file.size) != file.size]
        self.upload.value = ()  # immediately: a synchronised trait may be saved with the notebook
        if cut:
            self._fail(f"{', '.join(cut)} arrived only in part.")
            return
        old = self._view.form.get(self._path.location)
        self._set([*(old if isinstance(old, list) else []), *files] if self._several else files[0])

    def _fail(self, why: str) -> None:
        """Unset the file, so that an earlier one is not sent in its place, and show that the new one did not arrive."""
        if why:
            self._set(UNSET, f"The file did not arrive: {why} Choose it again.")

    def _set(self, value: Any, problem: str = "") -> None:
        self._view.form.set(self._path.location, value)
        if problem:
            self._view.form.reject(self._path.location, problem)
        self._draw()
        self._view.after(self._path)

    def _drop(self, index: int) -> None:
        old = self._view.form.get(self._path.location)
        rest = [file for number, file in enumerate(old) if number != index] if isinstance(old, list) else []
        self._set(rest or UNSET)
        self.upload.focus()

    def _draw(self) -> None:
        replace_children(self._chosen_files, [self._row(index, file) for index, file in enumerate(self._files())])
        set_hidden(self._null, self._view.form.get(self._path.location) is None)

    def _files(self) -> list[Any]:
        value = self._view.form.get(self._path.location)
        return [] if value is UNSET or value is None else value if isinstance(value, list) else [value]

    def _row(self, index: int, file: Any) -> widgets.Widget:
        drop = button(f"Remove {file.name if isinstance(file, Upload) else describe_file(file)}", "anb-link")
        drop.on_click(self._view.status.report_errors(lambda _: self._drop(index)))
        return drop

    def _write(self, problem: str, resolved: str) -> None:
        value = self._view.form.get(self._path.location)
        files = resolved if isinstance(value, str) and resolved else "; ".join(map(describe_file, self._files()))
        text = label_html(self._about, value, problem, files)
        self._head.value = f'<div class="anb-field anb-head">{text}</div>'


def describe_file(file: Any) -> str:
    """Describe a file by name and size."""
    content = file.content if isinstance(file, Upload) else file
    name = file.name if isinstance(file, Upload) else "bytes" if isinstance(file, bytes) else "text"
    return f"{name}, {format_size(len(content))}" if isinstance(content, bytes | str) else str(name)


def format_size(count: int) -> str:
    """Format a number of bytes."""
    unit = next(((size, word) for size, word in _UNITS if count >= size), None)
    return f"{count / unit[0]:.1f} {unit[1]}" if unit else f"{count} bytes"


PAGE_SIZE = 30
"""Members shown at once."""


class MapControl:
    """The undeclared members of an object.

    Args:
        view: the form it belongs to.
        about: the label of the object.
        item: the field of the values.
        path: the path of the object.
        declared: names that have fields of their own.
    """

    def __init__(
        self, view: FormView, about: FieldLabel, item: Field, path: FieldPath, declared: frozenset[str] = frozenset()
    ) -> None:
        self.view, self.about, self.item, self.path, self.declared = view, about, item, path, declared
        self._count = PAGE_SIZE
        self.rows: list[MapEntry] = []
        self._holder = vertical([], "anb-pairs")
        self._more = button("", "anb-link")
        self._add = button(f"+ Add to {about.name}", "anb-plain", f"Add a name and a value to {about.name}")
        self._add.on_click(view.status.report_errors(lambda _: self.add()))
        self._more.on_click(view.status.report_errors(lambda _: self._show_more()))
        self.draw()
        whole = [] if declared else state_buttons(view, about, path, self.draw)
        tools = horizontal([self._add, *whole], "anb-tools") if whole else self._add
        head = [] if declared else [build_head(view, about, path)]
        self.widget = vertical([*head, self._holder, self._more, tools])

    def draw(self) -> None:
        """Show a row for each current name."""
        names = self.names()
        self._clear_entries()
        for name in names[: self._count]:
            self._append(FieldPath((name,), self.path), name)
        left = len(names) - self._count
        self._more.description = f"Show {min(left, PAGE_SIZE)} more of {len(names)}"
        set_hidden(self._more, left <= 0)
        self._update_limits()

    def names(self) -> list[str]:
        """The undeclared names that are set."""
        value = self.view.form.get(self.path.location)
        return [str(name) for name in value if name not in self.declared] if isinstance(value, dict) else []

    def add(self, value: Any = UNSET) -> None:
        """Add a row without a name; its value is sent once it has one."""
        draft = FieldPath(self.view.draft())
        if value is not UNSET:
            self.view.form.set(draft.location, value)
        self._append(draft, "").name.focus()
        self._update_limits()
        self.view.changed()

    def drop(self, pair: MapEntry) -> None:
        """Remove a row with its value."""
        self.view.form.set(pair.path.location, UNSET)
        self.view.form.accept(pair.name_location)
        self.rows.remove(pair)
        self._show()
        close_tree(pair.widget)
        self._update_limits()
        self._add.focus()
        self.view.changed()

    def rename(self, pair: MapEntry, name: str) -> str:
        """Rename a row; return the problem with the name, and change nothing then."""
        taken = self.declared | {row.name_text for row in self.rows if row is not pair} | set(self.names())
        if name == pair.name_text:
            return ""
        if not name or name in taken:
            return "Enter a name." if not name else f"{name} already exists. Choose another name."
        self._move(pair, name)
        return ""

    def _move(self, pair: MapEntry, name: str) -> None:
        form, at = self.view.form, self.path.location
        value = form.get(pair.path.location)
        if pair.name_text and value is not UNSET:
            form.rename(at, pair.name_text, name)
        elif value is not UNSET:
            form.set(pair.path.location, UNSET)
            form.set((*at, name), value)
        pair.path.move_to((name,), self.path)
        pair.name_text = name

    def _append(self, path: FieldPath, name: str) -> MapEntry:
        pair = MapEntry(self, path, name)
        self.rows.append(pair)
        self._show()
        return pair

    def _show(self) -> None:
        self._holder.children = tuple(pair.widget for pair in self.rows)

    def _clear_entries(self) -> None:
        old, self.rows = self.rows, []
        self._show()
        for pair in old:
            self.view.form.accept(pair.name_location)
            close_tree(pair.widget)

    def _show_more(self) -> None:
        self._count += PAGE_SIZE
        self.draw()
        self.view.changed()

    def _update_limits(self) -> None:
        most = self.about.field.schema.get("maxProperties")
        self._add.disabled = most is not None and len(self.rows) + len(self.declared & set(self.names())) >= most


class MapEntry:
    """One member: a name and its value.

    Attributes:
        path: where its value is.
        name_text: its name; empty if it has none yet.
        name_location: where a problem with its name is reported.
    """

    def __init__(self, pairs: MapControl, path: FieldPath, text: str) -> None:
        self.path, self.name_text = path, text
        self.name_location: Location = ("names", *pairs.view.draft()[1:])
        guard: Callable[..., Any] = pairs.view.status.report_errors
        self.name = text_input("", "anb-field", value=text, placeholder="name", description_allow_html=True)
        pairs.view.name_inputs[self.name_location] = self.name
        self._describe("")
        about = FieldLabel(pairs.item, title="Value")  # fixed: a label that changes undoes typing in progress
        value = pairs.view.any(about, path)
        duplicate, drop = button("Duplicate", "anb-link"), button("Remove", "anb-link")
        duplicate.on_click(guard(lambda _: pairs.add(pairs.view.form.get(path.location))))
        drop.on_click(guard(lambda _: pairs.drop(self)))
        tools = horizontal([duplicate, drop], "anb-rowtools")
        self.widget = horizontal([self.name, value, tools], "anb-pair")

        def renamed(_: Any) -> None:
            problem = pairs.rename(self, self.name.value.strip())
            self._describe(problem)
            change = partial(pairs.view.form.reject, why=problem) if problem else pairs.view.form.accept
            change(self.name_location)
            for made in (duplicate, drop):
                made.tooltip = f"{made.description} {self.name_text}"
            pairs.view.changed()

        self.name.observe(guard(renamed), "value")

    def _describe(self, problem: str) -> None:
        waits = "" if self.name_text or problem else "Sent once it has a name."
        tone = "problem" if problem else "help"
        text = f'<span class="anb-{tone}">{escape(problem or waits)}</span>' if problem or waits else ""
        self.name.description = f"<b>Name</b>{text}"


def build_map(view: FormView, about: FieldLabel, path: FieldPath) -> widgets.Widget:
    """Build the control of a map."""
    item = about.field.item
    if item is None:
        raise UsageError(f"{about.name} has no values.", "Edit it as JSON.")
    return MapControl(view, about, item, path).widget

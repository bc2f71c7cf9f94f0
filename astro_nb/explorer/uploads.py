"""File inputs: one file or several, shown by name and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET, Upload
from .inputs import FieldLabel, label_html
from .places import FieldPath, ProblemTarget
from .widgets import (
    add_classes,
    button,
    horizontal,
    html_widget,
    replace_children,
    set_hidden,
    shared_layout,
    shared_style,
    vertical,
)

if TYPE_CHECKING:
    from .form import FormView


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
        self._held = horizontal([], "anb-files")
        self._null = button("Set to null", "anb-link", f"Set {about.name} to null")
        guard = view.status.report_errors
        self.upload.observe(guard(lambda change: self._take(change["new"])), "value")
        self._null.on_click(guard(lambda _: self._set(None)))
        tools = horizontal([self.upload, *([self._null] if about.field.nullable else [])], "anb-tools")
        self.widget: widgets.Box = vertical([self._head, self._held, tools])
        view.problem_targets.add(ProblemTarget(path, self._head, self._write))
        self._write("", "")
        self._draw()

    def _take(self, chosen: Any) -> None:
        if not chosen:
            return
        files = [Upload(str(f["name"]), bytes(f["content"]), str(f["type"])) for f in chosen]
        self.upload.value = ()  # immediately: a synchronised trait may be saved with the notebook
        held = self._view.form.get(self._path.location)
        self._set([*(held if isinstance(held, list) else []), *files] if self._several else files[0])

    def _set(self, value: Any) -> None:
        self._view.form.set(self._path.location, value)
        self._draw()
        self._view.after(self._path)

    def _drop(self, index: int) -> None:
        held = self._view.form.get(self._path.location)
        rest = [file for number, file in enumerate(held) if number != index] if isinstance(held, list) else []
        self._set(rest or UNSET)
        self.upload.focus()

    def _draw(self) -> None:
        replace_children(self._held, [self._row(index, file) for index, file in enumerate(self._files())])
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
        held = resolved if isinstance(value, str) and resolved else "; ".join(map(describe_file, self._files()))
        text = label_html(self._about, value, problem, held)
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

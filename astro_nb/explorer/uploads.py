"""A file, or several, chosen on this machine: shown by name and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET, Upload
from .inputs import About, label
from .places import Mark, Place
from .widgets import button, classed, layout, line, replace, set_hidden, shared_style, stack, words

if TYPE_CHECKING:
    from .form import FormView


_UNITS = ((1024 * 1024, "MB"), (1024, "KB"))


class Files:
    """The control of one file, or of a list of files."""

    def __init__(self, view: FormView, about: About, place: Place) -> None:
        self._view, self._about, self._place = view, about, place
        self._several = about.field.kind == "array"
        self._head = words()
        verb = "Add files to" if self._several else "Choose a file for"
        self.upload = classed(
            widgets.FileUpload(
                multiple=self._several,
                description=f"{verb} {about.name}",
                tooltip=f"{verb} {about.name}",
                icon="",
                layout=layout(),
                style=shared_style(widgets.ButtonStyle),
            ),
            "anb-plain",
            "anb-upload",
        )
        self._held = line([], "anb-files")
        self._null = button("Set to null", "anb-link", f"Set {about.name} to null")
        guard = view.status.guard
        self.upload.observe(guard(lambda change: self._take(change["new"])), "value")
        self._null.on_click(guard(lambda _: self._set(None)))
        tools = line([self.upload, *([self._null] if about.field.nullable else [])], "anb-tools")
        self.widget: widgets.Box = stack([self._head, self._held, tools])
        view.marks.add(Mark(place, self._head, self._write))
        self._write("", "")
        self._draw()

    def _take(self, chosen: Any) -> None:
        if not chosen:
            return
        files = [Upload(str(f["name"]), bytes(f["content"]), str(f["type"])) for f in chosen]
        self.upload.value = ()  # at once: a synchronised trait may be saved with the notebook
        held = self._view.form.get(self._place.at)
        self._set([*(held if isinstance(held, list) else []), *files] if self._several else files[0])

    def _set(self, value: Any) -> None:
        self._view.form.set(self._place.at, value)
        self._draw()
        self._view.after(self._place)

    def _drop(self, index: int) -> None:
        held = self._view.form.get(self._place.at)
        rest = [file for number, file in enumerate(held) if number != index] if isinstance(held, list) else []
        self._set(rest or UNSET)
        self.upload.focus()

    def _draw(self) -> None:
        replace(self._held, [self._row(index, file) for index, file in enumerate(self._files())])
        set_hidden(self._null, self._view.form.get(self._place.at) is None)

    def _files(self) -> list[Any]:
        value = self._view.form.get(self._place.at)
        return [] if value is UNSET or value is None else value if isinstance(value, list) else [value]

    def _row(self, index: int, file: Any) -> widgets.Widget:
        drop = button(f"Remove {file.name if isinstance(file, Upload) else told_of(file)}", "anb-link")
        drop.on_click(self._view.status.guard(lambda _: self._drop(index)))
        return drop

    def _write(self, wrong: str, becomes: str) -> None:
        value = self._view.form.get(self._place.at)
        held = becomes if isinstance(value, str) and becomes else "; ".join(map(told_of, self._files()))
        told = label(self._about, value, wrong, held)
        self._head.value = f'<div class="anb-field anb-head">{told}</div>'


def told_of(file: Any) -> str:
    """A file in words: its name and its size."""
    content = file.content if isinstance(file, Upload) else file
    name = file.name if isinstance(file, Upload) else "bytes" if isinstance(file, bytes) else "text"
    return f"{name}, {size_of(len(content))}" if isinstance(content, bytes | str) else str(name)


def size_of(count: int) -> str:
    """A number of bytes as people read it."""
    unit = next(((size, word) for size, word in _UNITS if count >= size), None)
    return f"{count / unit[0]:.1f} {unit[1]}" if unit else f"{count} bytes"

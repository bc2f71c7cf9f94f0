"""The parts of a notebook in which a secret can be, and a notebook with its known secrets masked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .findings import KnownSecrets
from .redaction import redact_data, strip_ansi

_CELL_FIELDS = (
    *("cell_type", "id", "source", "outputs", "attachments", "metadata"),
    *("execution_count", "input", "prompt_number"),
)
_OUTPUT_FIELDS = ("output_type", "execution_count", "name", "data", "text", "traceback", "ename", "evalue")
"""Fields that are read one by one below, or hold no text; all others are read as they are."""


class NotebookPart(NamedTuple):
    """The text of one part, and where it is: as the fields of a `Finding`."""

    cell: int | None
    cell_id: str
    part: str
    text: str


def notebook_parts(notebook: Mapping[str, Any]) -> Iterator[NotebookPart]:
    """Yield everything in a notebook: code, outputs, attachments, metadata, the state of widgets."""
    metadata = _mapping(notebook.get("metadata"))
    yield from _widget_parts(metadata.get("widgets"))
    yield NotebookPart(None, "", "metadata", _lines({k: v for k, v in metadata.items() if k != "widgets"}))
    rest = {k: v for k, v in notebook.items() if k not in ("metadata", "cells", "nbformat", "nbformat_minor")}
    if rest:  # notebooks of format 3 have worksheets
        yield NotebookPart(None, "", "notebook", _lines(rest))
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        yield from _cell_parts(number, _mapping(cell))


def redact_notebook(notebook: Any, known: KnownSecrets) -> Any:
    """Return the notebook, as plain data of the same types, with every known secret masked."""
    return redact_data(notebook, known.values.values()) if known.values else notebook


def _cell_parts(number: int, cell: Mapping[str, Any]) -> Iterator[NotebookPart]:
    cell_id = str(cell.get("id") or _mapping(cell.get("metadata")).get("id") or "")
    cell_type = "code" if cell.get("cell_type") == "code" else str(cell.get("cell_type") or "cell")
    parts = [(cell_type, _text(cell.get("source", cell.get("input", ""))))]
    outputs = cell.get("outputs")
    for position, output in enumerate(outputs if isinstance(outputs, list) else [], 1):
        parts.append((f"output {position}", "\n".join(filter(None, _output_texts(_mapping(output))))))
    for title, bundle in _mapping(cell.get("attachments")).items():
        parts.append((f"attachment {title}", "\n".join(_bundle_texts(_mapping(bundle)))))
    parts.append(("metadata", _lines(cell.get("metadata"))))
    parts.append(("metadata", _lines({k: v for k, v in cell.items() if k not in _CELL_FIELDS})))
    yield from (NotebookPart(number, cell_id, part, text) for part, text in parts if text)


def _output_texts(output: Mapping[str, Any]) -> Iterator[str]:
    for name in ("ename", "evalue"):
        if output.get(name):
            yield _text(output[name])
    yield strip_ansi(_text(output.get("text", "")))
    yield strip_ansi("\n".join(map(_text, output.get("traceback") or [])))
    yield from _bundle_texts(_mapping(output.get("data")))
    yield _lines({k: v for k, v in output.items() if k not in _OUTPUT_FIELDS})


def _bundle_texts(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Yield the content of each media type; base64 of a text both as it is and decoded."""
    for media_type, value in bundle.items():
        text = _text(value)
        yield text
        if media_type.startswith(("text/", "application/")) and (decoded := _decode_base64(text)):
            yield decoded


def _widget_parts(widgets: Any) -> Iterator[NotebookPart]:
    for media_type, saved in _mapping(widgets).items():
        state = _mapping(_mapping(saved).get("state"))
        for model_id, model in state.items():
            label = f"{_mapping(model).get('model_name') or media_type} {model_id}"
            yield NotebookPart(None, "", f"widget state, {label}", _lines(model))
        rest = {k: v for k, v in _mapping(saved).items() if k != "state"}
        yield NotebookPart(None, "", "widget state", _lines(rest or (saved if not state else None)))


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else _lines(value)


def _lines(value: Any) -> str:
    """Return nested data as lines `name: value`, without escaping anything."""
    return "\n".join(_named_lines("", value))


def _named_lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _named_lines(str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named_lines(name, inner)
    elif value not in (None, ""):
        yield f"{name}: {value}" if name else str(value)


def _decode_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

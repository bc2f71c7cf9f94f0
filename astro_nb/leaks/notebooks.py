"""A notebook as the pieces in which a secret can stand."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..environment import scrub
from .texts import Known

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_OURS = ("cell_type", "id", "source", "outputs", "attachments", "metadata", "execution_count", "input", "prompt_number")
_MADE = ("output_type", "execution_count", "name", "data", "text", "traceback", "ename", "evalue")


class Piece(NamedTuple):
    """One piece: its cell (number from 1, and id; None and empty outside of cells), its part, its text."""

    cell: int | None
    cell_id: str
    part: str
    text: str


def pieces_of(notebook: Mapping[str, Any]) -> Iterator[Piece]:
    """Everything that a notebook holds, piece by piece: code, outputs, attachments, metadata, the state of widgets."""
    metadata = _mapping(notebook.get("metadata"))
    yield from _widgets(metadata.get("widgets"))
    yield Piece(None, "", "metadata", _lines({k: v for k, v in metadata.items() if k != "widgets"}))
    rest = {k: v for k, v in notebook.items() if k not in ("metadata", "cells", "nbformat", "nbformat_minor")}
    if rest:  # format 3 has worksheets
        yield Piece(None, "", "notebook", _lines(rest))
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        yield from _cell(number, _mapping(cell))


def starred_notebook(notebook: Any, known: Known) -> Any:
    """The notebook with every known secret starred out, wherever it stands; as plain data of the same kinds."""
    secrets = tuple(known.values.values())
    return _starred(notebook, secrets) if secrets else notebook


def _cell(number: int, cell: Mapping[str, Any]) -> Iterator[Piece]:
    name = str(cell.get("id") or _mapping(cell.get("metadata")).get("id") or "")
    kind = "code" if cell.get("cell_type") == "code" else str(cell.get("cell_type") or "cell")
    pieces = [(kind, _text(cell.get("source", cell.get("input", ""))))]
    outputs = cell.get("outputs")
    for place, output in enumerate(outputs if isinstance(outputs, list) else [], 1):
        pieces.append((f"output {place}", "\n".join(filter(None, _output(_mapping(output))))))
    for title, bundle in _mapping(cell.get("attachments")).items():
        pieces.append((f"attachment {title}", "\n".join(_bundle(_mapping(bundle)))))
    pieces.append(("metadata", _lines(cell.get("metadata"))))
    pieces.append(("metadata", _lines({k: v for k, v in cell.items() if k not in _OURS})))
    yield from (Piece(number, name, part, text) for part, text in pieces if text)


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    for part in ("ename", "evalue"):
        if output.get(part):
            yield _text(output[part])
    yield _ANSI.sub("", _text(output.get("text", "")))
    yield _ANSI.sub("", "\n".join(map(_text, output.get("traceback") or [])))
    yield from _bundle(_mapping(output.get("data")))
    yield _lines({k: v for k, v in output.items() if k not in _MADE})


def _bundle(bundle: Mapping[str, Any]) -> Iterator[str]:
    """What stands under each media type; base64 that turns out to be text is told as both."""
    for kind, value in bundle.items():
        text = _text(value)
        yield text
        if kind.startswith(("text/", "application/")) and (plain := _from_base64(text)):
            yield plain


def _widgets(widgets: Any) -> Iterator[Piece]:
    for kind, saved in _mapping(widgets).items():
        state = _mapping(_mapping(saved).get("state"))
        for name, model in state.items():
            label = f"{_mapping(model).get('model_name') or kind} {name}"
            yield Piece(None, "", f"widget state, {label}", _lines(model))
        rest = {k: v for k, v in _mapping(saved).items() if k != "state"}
        yield Piece(None, "", "widget state", _lines(rest or (saved if not state else None)))


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else _lines(value)


def _lines(value: Any) -> str:
    """Plain data as lines, each value after its name: nothing in it is escaped anew."""
    return "\n".join(_each("", value))


def _each(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _each(str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _each(name, inner)
    elif value not in (None, ""):
        yield f"{name}: {value}" if name else str(value)


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _starred(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _starred_text(value, secrets)
    if isinstance(value, int | float) and not isinstance(value, bool):
        told = scrub(str(value), secrets)
        return value if told == str(value) else told
    if isinstance(value, dict):
        made = type(value)()
        made.update({_starred(name, secrets): _starred(inner, secrets) for name, inner in value.items()})
        return made
    return [_starred(inner, secrets) for inner in value] if isinstance(value, list) else value


def _starred_text(text: str, secrets: tuple[str, ...]) -> str:
    """The text without secrets; and without its colours, where one of them stands inside a secret."""
    told = scrub(text, secrets)
    plain = _ANSI.sub("", told) if "\x1b" in told else told
    return told if scrub(plain, secrets) == plain else scrub(plain, secrets)

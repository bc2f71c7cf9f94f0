"""`astro-nb ops`: the operations of a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError, closest_names
from .output import HOME, Document, edge_of_terminal, load_document, table

if TYPE_CHECKING:
    from ..openapi import Operation, Spec


_COLORS = {"GET": "blue", "POST": "green", "PUT": "yellow", "PATCH": "yellow", "DELETE": "red"}


def ops(
    search: Annotated[str, typer.Argument(help="Words of an id, a path, a summary, a tag or a field.")] = "",
    document: Document = HOME,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the operations of a document, or those that fit the words."""
    spec = load_document(document)
    found = spec.search(search)
    if not found:
        raise UsageError(f"No operation of {spec.title} fits {search!r}.", _nearest(search, spec))
    if as_json:
        typer.echo(json.dumps([_operation_facts(op) for op in found], indent=2, ensure_ascii=False))
        return
    room = _path_room(found)
    table([(op.method, op.id, _tail(op.path, room), op.summary) for op in found], _COLORS)
    typer.echo(f"{len(found)} operations" if not search else f"{len(found)} of {len(spec)} operations")


def _path_room(operations: Sequence[Operation]) -> int | None:
    """Characters for a path where summaries are to be read as well; None where nothing needs to be cut."""
    edge = edge_of_terminal()
    taken = max(len(op.method) + len(op.id) for op in operations) + max(len(op.summary) for op in operations) + 6
    return None if edge is None else max(edge - taken, 24)


def _tail(text: str, room: int | None) -> str:
    """A text cut at its beginning: the end of a path tells more."""
    return text if room is None or len(text) <= room else f"…{text[1 - room :]}"


def _nearest(search: str, spec: Spec) -> str:
    ids = [op.id for op in spec]
    candidates = [name for text in ("".join(search.split()), *search.split()) for name in closest_names(text, ids)]
    nearest = list(dict.fromkeys(candidates))[:5]
    return f"Did you mean {' or '.join(nearest)}?" if nearest else f"`astro-nb ops` lists all {len(spec)}."


def _operation_facts(operation: Operation) -> dict[str, Any]:
    names = ("method", "id", "path", "summary", "tags", "deprecated")
    return {name: getattr(operation, name) for name in names} | {"permissions": operation.permissions}

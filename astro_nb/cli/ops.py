"""`astro-nb ops`: list the operations of a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError, closest_names
from ..html import pluralize
from .output import HOME, Document, load_spec, print_table, terminal_width

if TYPE_CHECKING:
    from ..openapi import Operation, Spec


_COLORS = {"GET": "blue", "POST": "green", "PUT": "yellow", "PATCH": "yellow", "DELETE": "red"}

_MIN_PATH_WIDTH = 24  # columns
_SEPARATORS = 6  # columns between four cells
_MAX_SUGGESTIONS = 5


def ops(
    search: Annotated[str, typer.Argument(help="Words in the id, path, summary, tags or field names.")] = "",
    document: Document = HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the operations of a document, or those that match all words."""
    spec = load_spec(document)
    found = spec.search(search)
    if not found:
        raise UsageError(f"No operation of {spec.title} matches {search!r}.", _suggest(search, spec))
    if as_json:
        typer.echo(json.dumps([_operation_facts(op) for op in found], indent=2, ensure_ascii=False))
        return
    limit = _max_path_width(found)
    print_table([(op.method, op.id, _shorten(op.path_key, limit), op.summary) for op in found], _COLORS)
    typer.echo(pluralize(len(found), "operation") if not search else f"{len(found)} of {len(spec)} operations")


def _max_path_width(operations: Sequence[Operation]) -> int | None:
    """Return the width of a path that leaves space for the summaries; None if the output is not a terminal."""
    width = terminal_width()
    names, summaries = [len(op.method) + len(op.id) for op in operations], [len(op.summary) for op in operations]
    other_columns = max(names) + max(summaries) + _SEPARATORS
    return None if width is None else max(width - other_columns, _MIN_PATH_WIDTH)


def _shorten(path: str, limit: int | None) -> str:
    """Cut a path at its beginning, since its end is more informative."""
    return path if limit is None or len(path) <= limit else f"…{path[1 - limit :]}"


def _suggest(search: str, spec: Spec) -> str:
    ids = [op.id for op in spec]
    candidates = [name for text in ("".join(search.split()), *search.split()) for name in closest_names(text, ids)]
    nearest = list(dict.fromkeys(candidates))[:_MAX_SUGGESTIONS]
    return f"Did you mean {' or '.join(nearest)}?" if nearest else f"`astro-nb ops` lists all {len(spec)}."


def _operation_facts(operation: Operation) -> dict[str, Any]:
    names = ("method", "id", "path", "summary", "tags", "deprecated")
    return {name: getattr(operation, name) for name in names} | {"permissions": operation.permissions}

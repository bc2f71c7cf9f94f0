"""`astro-nb audit`: measure how well documents work with astro_nb."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_table, write_out

if TYPE_CHECKING:
    from ..audit import Audit


_COLUMNS = ("document", "operations", "bodies", "forms built", "samples valid", "warnings", "seconds")
_MAX_PROBLEMS_SHOWN = 20  # of one document


def audit(
    documents: Annotated[list[str], typer.Argument(metavar="DOCUMENT...", help="Files, URLs, or bundled names.")],
    json_file: Annotated[
        str, typer.Option("--json", metavar="FILE", help="Write the results as JSON; `-` for standard output.")
    ] = "",
) -> None:
    """Measure how well documents work with astro_nb: forms built, samples valid, and the problems that remain."""
    found = [_measure(document) for document in documents]
    if json_file:
        write_out(json_file, json.dumps([entry.to_dict() for entry in found], indent=2, ensure_ascii=False) + "\n")
    if json_file != "-":
        _print_report(found)
    if not any(entry.loaded for entry in found):
        raise typer.Exit(1)


def _measure(document: str) -> Audit:
    from tqdm import tqdm

    from ..audit import audit_document
    from ..http import Client

    with tqdm(desc=Path(document).name, unit=" operations", leave=False, disable=not sys.stderr.isatty()) as bar:

        def step(number: int, total: int) -> None:
            bar.total = total
            bar.update(number - bar.n)

        return audit_document(document, Client().fetch, step)


def _print_report(found: list[Audit]) -> None:
    print_table([_COLUMNS, *map(_row, found), *([_total_row(found)] if len(found) > 1 else [])])
    for entry in found:
        _print_problems(entry)


def _row(entry: Audit) -> tuple[str, ...]:
    if not entry.loaded:
        return Path(entry.document).name, "not loaded", "", "", "", "", f"{entry.seconds:.1f}"
    return Path(entry.document).name, *_figures([entry])


def _total_row(found: list[Audit]) -> tuple[str, ...]:
    return f"{sum(entry.loaded for entry in found)} of {len(found)} documents loaded", *_figures(found)


def _figures(found: list[Audit]) -> tuple[str, ...]:
    sums = {name: sum(getattr(e, name) for e in found) for name in ("operations", "bodies", "built", "valid")}
    built, valid = (f"{sums[name]}{_share(sums[name], sums['bodies'])}" for name in ("built", "valid"))
    warnings, seconds = sum(e.warnings for e in found), sum(e.seconds for e in found)
    return f"{sums['operations']:,}", f"{sums['bodies']:,}", built, valid, f"{warnings}", f"{seconds:.1f}"


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.4g} %)" if whole else ""


def _print_problems(entry: Audit) -> None:
    if not entry.loaded:
        typer.echo(f"\n{entry.document}: {entry.error}")
    if not entry.problems:
        return
    typer.echo(f"\n{entry.document}: remaining problems")
    for problem in entry.problems[:_MAX_PROBLEMS_SHOWN]:
        cause = "in the document" if problem.cause == "document" else "in astro_nb"
        typer.echo(f"  {problem.operation or 'document'} · {problem.part} · {cause}: {problem.reason}")
    if len(entry.problems) > _MAX_PROBLEMS_SHOWN:
        typer.echo(f"  … and {len(entry.problems) - _MAX_PROBLEMS_SHOWN} more; --json lists them all.")

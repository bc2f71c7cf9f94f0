"""`astro-nb run`: run a notebook from the first cell to the last."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .output import fail

_OUTCOMES = {"ok": "green", "failed": "red"}


def run(
    notebook: Annotated[Path, typer.Argument(help="A runbook, or any other notebook.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p", "--parameter", metavar="NAME=VALUE", help="A value for a parameter of the notebook; may be repeated."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Path of the executed notebook; in .astro_nb/runs/ by default.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds that one cell may take.")] = None,
    allow_unsafe: Annotated[
        bool, typer.Option("--allow-unsafe", help="Allow this run to change a production environment.")
    ] = False,
) -> None:
    """Run a notebook from the first cell to the last, and report each cell."""
    values = _parse_parameters(parameter or [])
    from ..runbooks import RunInterrupted
    from ..runbooks import run as run_notebook

    try:
        result = run_notebook(notebook, values, output, timeout, progress=_CellReporter(), allow_unsafe=allow_unsafe)
    except RunInterrupted as error:
        typer.secho(f"\nThe run was interrupted ({error}). Its record: {error.output}", fg="red", err=True)
        raise SystemExit(128 + error.signal) from None
    typer.echo(f"{result.executed} of {result.cells} cells in {result.seconds:.1f} s · {result.output}")
    if not result.ok:
        fail(result.error)


def _parse_parameters(texts: Iterable[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    bad = next((name for name, sign, _ in pairs if not sign or not name), None)
    if bad is not None:
        raise UsageError(f"The parameter {bad!r} has no value.", "Write -p name=value.")
    return {name: value for name, _, value in pairs}


class _CellReporter:
    """Prints a line for each cell, `[3/9] Create a Deployment … ok 0.4 s`: its start, then its result."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, number: int, total: int, heading: str, state: str) -> None:
        if state == "running":
            self._started = time.monotonic()
            typer.echo(f"[{number}/{total}] {heading} … ", nl=False)
            return
        typer.secho(state, fg=_OUTCOMES.get(state), nl=False)
        typer.echo(f" {time.monotonic() - self._started:.1f} s")

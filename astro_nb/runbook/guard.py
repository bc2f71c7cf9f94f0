"""No secret that is known in what is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..environment import Secret, names_in
from ..errors import RunbookError
from ..leaks import Finding, Known, find_known, known_here, known_of, known_values, pieces_of, starred_notebook
from .cells import Cell
from .notebooks import Notebook
from .steps import Recorded, Step


def require_clean(cells: tuple[Cell, ...], session: Recorded, steps: tuple[Step, ...]) -> None:
    """Raise RunbookError, naming the step, where a cell holds a known secret in the clear."""
    exchanges = [exchange for step in steps for exchange in step.exchanges]
    known = known_of(session.variables, session.acting, exchanges) | known_values(_used(session, steps), keyring=True)
    for number, cell in enumerate(cells, 1):
        found = next(find_known(cell.source, known, Finding("", number, part=cell.kind)), None)
        if found:
            step = cell.step
            where = f"Step {step.number} ({step.operation.id})" if step else "The head of the runbook"
            todo = f"leave the step out: api.runbook.drop({step.number})." if step else "give another title."
            raise RunbookError(
                f"{where} would hold a secret in the clear ({found.secret}): nothing was written.",
                f"Give the value as an anb.Secret, so that the call holds its name only, or {todo}",
                step=step.number if step else None,
            )


def known_to_run(folder: Path) -> Known:
    """The secrets that a notebook run in a folder can come to know: those of the environments there and here."""
    return known_here(folder) | known_here(Path.cwd())


def cleaned(notebook: Notebook, known: Known, file: str) -> tuple[Notebook, tuple[Finding, ...]]:
    """A notebook with its known secrets starred out, and where they stood."""
    found = tuple(
        finding
        for piece in pieces_of(notebook)
        for finding in find_known(piece.text, known, Finding(file, piece.cell, piece.cell_id, piece.part))
    )
    return (starred_notebook(notebook, known) if found else notebook), found


def _used(session: Recorded, steps: tuple[Step, ...]) -> Iterator[Secret]:
    """The secrets that the steps were sent with: whatever had to be asked for them has been asked."""
    for name in {name for step in steps for e in step.exchanges for name in names_in(e.call.to_dict())}:
        yield from (v.value for v in session.variables.all(name) if isinstance(v.value, Secret))
    if any(e.environment == session.environment.name for step in steps for e in step.exchanges):
        schemes = (session.acting.secret_for(scheme) for scheme in session.acting.credentials)
        yield from (secret for secret in schemes if secret)

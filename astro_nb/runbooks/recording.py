"""Record a session as a runbook and write it as a notebook that holds no known secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import html
from ..errors import RunbookError, UnknownName
from ..files import local_path
from ..secrets import Finding, KnownSecrets, Secret, find_known_secrets, notebook_parts, redact_notebook
from ..session import available_secrets, environment_folder_secrets, session_secrets
from ..templates import template_names
from .cells import Cell, call_sources, compose_cells
from .notebooks import Notebook, make_notebook, write_notebook
from .steps import Recorded, Step, group_into_steps, group_key


def require_no_secrets(cells: tuple[Cell, ...], session: Recorded, steps: tuple[Step, ...]) -> None:
    """Raise RunbookError, naming the step, if a cell contains a known secret."""
    exchanges = [exchange for step in steps for exchange in step.exchanges]
    known = session_secrets(session.variables, session.effective_environment, exchanges) | available_secrets(
        _secrets_used(session, steps), keyring=True
    )
    for number, cell in enumerate(cells, 1):
        found = next(find_known_secrets(cell.source, known, Finding("", number, part=cell.kind)), None)
        if found:
            step = cell.step
            where = f"Step {step.number} ({step.operation.id})" if step else "The beginning of the runbook"
            todo = f"drop the step: api.runbook.drop({step.number})." if step else "choose another title."
            raise RunbookError(
                f"{where} would contain a secret in clear text ({found.secret}), so nothing was written.",
                f"Pass the value as an anb.Secret, so that the call holds only its name, or {todo}",
                step=step.number if step else None,
            )


def find_secrets_for_run(folder: Path) -> KnownSecrets:
    """Find the secrets that a notebook run in a folder can read: those of the environments there and here."""
    return environment_folder_secrets(folder) | environment_folder_secrets(Path.cwd())


def redact_known_secrets(notebook: Notebook, known: KnownSecrets, file: str) -> tuple[Notebook, tuple[Finding, ...]]:
    """Return the notebook with known secrets masked, and where each one was."""
    found = tuple(
        finding
        for piece in notebook_parts(notebook)
        for finding in find_known_secrets(piece.text, known, Finding(file, piece.cell, piece.cell_id, piece.part))
    )
    return (redact_notebook(notebook, known) if found else notebook), found


def _secrets_used(session: Recorded, steps: tuple[Step, ...]) -> Iterator[Secret]:
    """The secrets the steps were sent with; a prompt among them has been answered already."""
    for name in {name for step in steps for e in step.exchanges for name in template_names(e.call.to_dict())}:
        yield from (v.value for v in session.variables.all(name) if isinstance(v.value, Secret))
    if any(e.environment == session.environment.name for step in steps for e in step.exchanges):
        schemes = (
            session.effective_environment.secret_for(scheme) for scheme in session.effective_environment.credentials
        )
        yield from (secret for secret in schemes if secret)


class Runbook:
    """The recorded calls of a session; `write` turns them into a notebook that repeats them.

    >>> api.runbook.write("hibernate-dev.ipynb")  # doctest: +SKIP
    """

    def __init__(self, session: Recorded) -> None:
        self._session = session
        self._left_out: set[str] = set()

    def __repr__(self) -> str:
        count = len(self)
        return f"<Runbook of {count} step{'' if count == 1 else 's'}>"

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps so far, numbered from 1. A wait, a paginated list, a bulk and a change are one step each."""
        return group_into_steps(tuple(self._session.exchanges), self._left_out, self._session.group_calls)

    def drop(self, *numbers: int) -> None:
        """Leave out steps by their current numbers; the others are renumbered.

        Raises:
            UnknownName: there is no step with that number; no step is left out then.
        """
        by_number = {step.number: step for step in self.steps}
        for number in numbers:
            if number not in by_number:
                raise UnknownName(
                    "step",
                    str(number),
                    map(str, by_number),
                    todo=f"Steps are numbered 1 to {len(by_number)}." if by_number else "Nothing is recorded yet.",
                )
        self._left_out |= {group_key(exchange) for number in numbers for exchange in by_number[number].exchanges}

    def clear(self) -> None:
        """Start over: leave out everything sent so far. It stays in the history."""
        self._left_out |= {group_key(exchange) for exchange in self._session.exchanges}

    def source(self) -> list[str]:
        """The source of each cell of the notebook."""
        return [cell.source for cell in self._cells(None, "runbook.ipynb", self.steps)]

    def notebook(self, title: str | None = None) -> Notebook:
        """Return the notebook as an `nbformat` node.

        Raises:
            RunbookError: there is nothing to write, or a cell would contain a secret.
        """
        return self._build(title, "runbook.ipynb")

    def write(self, path: str | Path, title: str | None = None, overwrite: bool = False) -> Path:
        """Write the notebook and return its path.

        Args:
            path: the file to write; ".ipynb" is added if it is missing.
            title: the heading; by default made from the file name.
            overwrite: whether to replace an existing file.

        Raises:
            RunbookError: there is nothing to write, a cell would contain a secret, or the file exists.
            SettingsError: the file cannot be written.
        """
        target = local_path(path)
        target = target if target.suffix == ".ipynb" else target.with_name(f"{target.name}.ipynb")
        if target.exists() and not overwrite:
            raise RunbookError(f"{target} already exists.", "Choose another name, or pass overwrite=True.")
        write_notebook(target, self._build(title or _title_from_stem(target.stem), target.name))
        return target

    def _build(self, title: str | None, file: str) -> Notebook:
        steps = self.steps
        spec = self._session.spec
        facts = {
            "document": {"title": spec.title, "version": spec.version},
            "environment": self._session.environment.name,
            "recorded": steps[-1].exchange.started.isoformat(timespec="seconds") if steps else "",
        }
        return make_notebook(self._cells(title, file, steps), facts)

    def _cells(self, title: str | None, file: str, steps: tuple[Step, ...]) -> tuple[Cell, ...]:
        if not any(step.has_response for step in steps):
            what = "No step got a response" if steps else "Nothing has been sent yet"
            raise RunbookError(f"{what}, so there is nothing to write.", 'Send something first: api.call("…").')
        cells = compose_cells(self._session, steps, title or f"{self._session.spec.title} runbook", file)
        require_no_secrets(cells, self._session, steps)
        return cells

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw_steps(self._session, self.steps))}


def draw_steps(session: Recorded, steps: tuple[Step, ...]) -> html.Markup:
    """Draw the steps as a static table, each with its code."""
    if not steps:
        return html.muted("Nothing has been sent yet.")
    written = call_sources(session, steps)
    rows = [
        (
            step.number,
            html.method_pill(step.operation.method),
            step.operation.id,
            html.pill(step.exchange.status_text, html.status_tone(step.exchange.status)),
            html.code(written[step.number]) if step.has_response else html.muted("left out: no response"),
        )
        for step in steps
    ]
    return html.table(["step", "method", "operation", "status", "code"], rows)


def _title_from_stem(stem: str) -> str:
    words = " ".join(stem.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:] or "Runbook"

"""No secret that is known in what is written.

What was done in a session, on its way to a notebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import html
from ..errors import RunbookError, UnknownName
from ..secrets import Finding, KnownSecrets, Secret, find_known_secrets, notebook_parts, redact_notebook
from ..session import available_secrets, environment_folder_secrets, session_secrets
from ..templates import template_names
from .cells import Cell, calls, compose
from .notebooks import Notebook, make_notebook, write_notebook
from .steps import Recorded, Step, group_key, steps_of


def require_clean(cells: tuple[Cell, ...], session: Recorded, steps: tuple[Step, ...]) -> None:
    """Raise RunbookError, naming the step, where a cell holds a known secret in the clear."""
    exchanges = [exchange for step in steps for exchange in step.exchanges]
    known = session_secrets(session.variables, session.effective_environment, exchanges) | available_secrets(
        _used(session, steps), keyring=True
    )
    for number, cell in enumerate(cells, 1):
        found = next(find_known_secrets(cell.source, known, Finding("", number, part=cell.kind)), None)
        if found:
            step = cell.step
            where = f"Step {step.number} ({step.operation.id})" if step else "The head of the runbook"
            todo = f"leave the step out: api.runbook.drop({step.number})." if step else "give another title."
            raise RunbookError(
                f"{where} would hold a secret in the clear ({found.secret}): nothing was written.",
                f"Give the value as an anb.Secret, so that the call holds its name only, or {todo}",
                step=step.number if step else None,
            )


def known_to_run(folder: Path) -> KnownSecrets:
    """The secrets that a notebook run in a folder can come to know: those of the environments there and here."""
    return environment_folder_secrets(folder) | environment_folder_secrets(Path.cwd())


def cleaned(notebook: Notebook, known: KnownSecrets, file: str) -> tuple[Notebook, tuple[Finding, ...]]:
    """A notebook with its known secrets starred out, and where they stood."""
    found = tuple(
        finding
        for piece in notebook_parts(notebook)
        for finding in find_known_secrets(piece.text, known, Finding(file, piece.cell, piece.cell_id, piece.part))
    )
    return (redact_notebook(notebook, known) if found else notebook), found


def _used(session: Recorded, steps: tuple[Step, ...]) -> Iterator[Secret]:
    """The secrets that the steps were sent with: whatever had to be asked for them has been asked."""
    for name in {name for step in steps for e in step.exchanges for name in template_names(e.call.to_dict())}:
        yield from (v.value for v in session.variables.all(name) if isinstance(v.value, Secret))
    if any(e.environment == session.environment.name for step in steps for e in step.exchanges):
        schemes = (
            session.effective_environment.secret_for(scheme) for scheme in session.effective_environment.credentials
        )
        yield from (secret for secret in schemes if secret)


class Runbook:
    """What was done in a session: `write` makes a notebook of it that does it again, anywhere.

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
        """The steps so far, numbered from 1; a wait, a list read page by page, and a change is one step."""
        return steps_of(tuple(self._session.exchanges), self._left_out, self._session.meant)

    def drop(self, *numbers: int) -> None:
        """Leave steps out, by their numbers now; those that stay are numbered anew.

        Raises:
            UnknownName: there is no step of that number; then none is left out.
        """
        by_number = {step.number: step for step in self.steps}
        for number in numbers:
            if number not in by_number:
                raise UnknownName("step", str(number), map(str, by_number), todo=f"There are {len(by_number)} steps.")
        self._left_out |= {group_key(exchange) for number in numbers for exchange in by_number[number].exchanges}

    def clear(self) -> None:
        """Begin anew: what was done until now is left out. The history keeps it."""
        self._left_out |= {group_key(exchange) for exchange in self._session.exchanges}

    def source(self) -> list[str]:
        """The source of each cell of the notebook."""
        return [cell.source for cell in self._cells(None, "runbook.ipynb", self.steps)]

    def notebook(self, title: str | None = None) -> Notebook:
        """The notebook as an `nbformat` node.

        Raises:
            RunbookError: there is nothing to write, or a cell would hold a secret.
        """
        return self._made(title, "runbook.ipynb")

    def write(self, path: str | Path, title: str | None = None, overwrite: bool = False) -> Path:
        """Write the notebook and return its path.

        Args:
            path: where to; ".ipynb" is added where it is missing.
            title: its heading; by default the file's name in words.
            overwrite: whether a file that is there already may be replaced.

        Raises:
            RunbookError: there is nothing to write, a cell would hold a secret, or the file is there already.
        """
        target = Path(path)
        target = target if target.suffix == ".ipynb" else target.with_name(f"{target.name}.ipynb")
        if target.exists() and not overwrite:
            raise RunbookError(f"{target} is there already.", "Choose another name, or say overwrite=True.")
        write_notebook(target, self._made(title or _in_words(target.stem), target.name))
        return target

    def _made(self, title: str | None, file: str) -> Notebook:
        steps = self.steps
        spec = self._session.spec
        facts = {
            "document": {"title": spec.title, "version": spec.version},
            "environment": self._session.environment.name,
            "recorded": steps[-1].exchange.started.isoformat(timespec="seconds") if steps else "",
        }
        return make_notebook(self._cells(title, file, steps), facts)

    def _cells(self, title: str | None, file: str, steps: tuple[Step, ...]) -> tuple[Cell, ...]:
        if not any(step.answered for step in steps):
            what = "None of the steps was answered" if steps else "Nothing has been sent yet"
            raise RunbookError(f"{what}, so there is nothing to write.", 'Send something first: api.call("…").')
        cells = compose(self._session, steps, title or f"{self._session.spec.title} runbook", file)
        require_clean(cells, self._session, steps)
        return cells

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self._session, self.steps))}


def draw(session: Recorded, steps: tuple[Step, ...]) -> html.Markup:
    """The steps as a static table, each with the code that it becomes."""
    if not steps:
        return html.muted("Nothing has been sent yet.")
    written = calls(session, steps)
    rows = [
        (
            step.number,
            html.method_pill(step.operation.method),
            step.operation.id,
            html.pill(step.exchange.status_text, html.status_tone(step.exchange.status)),
            html.code(written[step.number]) if step.answered else html.muted("left out: no answer came"),
        )
        for step in steps
    ]
    return html.table(["step", "method", "operation", "status", "what it becomes"], rows)


def _in_words(stem: str) -> str:
    words = " ".join(stem.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:] or "Runbook"

"""A notebook run from top to bottom without a front end; the door to nbclient."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from .. import html
from ..approval import ALLOW_UNSAFE
from ..errors import RunbookError
from ..secrets import Finding, KnownSecrets, redact
from .notebooks import INJECTED, TAG, Notebook, inject, read_notebook, write_notebook
from .recording import cleaned, known_to_run

Progress = Callable[[int, int, str, str], None]
"""Told of each code cell twice: its number, how many there are, its heading, and its state."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADING = re.compile(r"(?m)^#{1,6}\s+(.+?)\s*$")
_TITLES = {TAG: "Parameters", INJECTED: "Parameters of this run"}


class CellRow(NamedTuple):
    """One code cell of a run: its number among them (from 1), its heading, and "ok", "failed" or "not run"."""

    number: int
    heading: str
    seconds: float
    state: str


class FailedCell(NamedTuple):
    """The cell that ended a run: its number among the code cells (from 1), its heading, and the error."""

    number: int
    name: str
    error_name: str
    message: str

    def __str__(self) -> str:
        told = f"{self.error_name}: {self.message}" if self.message else self.error_name
        return f"Cell {self.number} ({self.name}) failed: {told}"


@dataclass(frozen=True, repr=False)
class RunResult:
    """What came of a run.

    Attributes:
        path: the notebook that was run; it is not changed.
        output: the notebook with its outputs.
        ok: whether every cell ran, and no known secret came to stand in the output.
        cells: how many code cells there are.
        executed: how many were begun.
        seconds: how long it took, the start of the kernel included.
        failed_cell: the cell that ended the run; None where all went well.
        rows: each code cell, in order.
        leaks: where known secrets stood in what was run; in the output they are stars.
    """

    path: Path
    output: Path
    ok: bool
    cells: int
    executed: int
    seconds: float
    failed_cell: FailedCell | None
    rows: tuple[CellRow, ...]
    leaks: tuple[Finding, ...] = ()

    @property
    def error(self) -> str:
        """What went wrong, in a sentence; empty where all went well."""
        told = [str(self.failed_cell)] if self.failed_cell else []
        if self.leaks:
            more = f" (and {len(self.leaks) - 1} more)" if len(self.leaks) > 1 else ""
            told.append(f"A secret was shown{more}; in the file it is stars. {self.leaks[0]}. {self.leaks[0].todo}")
        return " ".join(told)

    def __repr__(self) -> str:
        state = "ok" if self.ok else self.error
        return f"<Run of {self.path.name}: {self.executed} of {self.cells} cells, {self.seconds:.1f} s, {state}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        tones = {"ok": "good", "failed": "bad"}
        rows = [
            (r.number, r.heading, f"{r.seconds:.1f} s", html.pill(r.state, tones.get(r.state, "quiet")))
            for r in self.rows
        ]
        told = [html.tag("div", self.error)] if self.error else []
        drawn = html.tag("div", html.table(["number", "cell", "time", "state"], rows), *told)
        return {"text/plain": repr(self), "text/html": str(drawn)}


@dataclass(frozen=True)
class _Code:
    """A code cell to run: its number among those, its index in the notebook, its heading."""

    number: int
    index: int
    heading: str


def run(
    path: str | Path,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
    kernel: str = "python3",
    cwd: str | Path | None = None,
    allow_unsafe: bool = False,
) -> RunResult:
    """Run a notebook and keep its outputs in another file. A cell that fails ends the run; it does not raise.

    A known secret in the outputs makes the run fail, and is starred out: the rest is kept, for it tells what happened.

    Args:
        path: any notebook; it is read, and never changed unless it is the output as well.
        parameters: values for the cell tagged `parameters`; texts take the type of the default.
        output: where the outputs go; by default `.astro_nb/runs/` beside the notebook, by name and time.
        timeout, progress: the seconds that one cell may take (None for no limit); told of each cell.
        kernel, cwd: the name of a Jupyter kernel, and its folder; by default the notebook's own.
        allow_unsafe: whether unsafe calls go to a guarded environment, for nobody is there to confirm them.

    Raises:
        RunbookError: there is no notebook, it cannot be run by this version, or a value does not fit a parameter.
        UnknownName: the notebook has no parameter of that name.
    """
    source, began = Path(path), time.perf_counter()
    inject(notebook := read_notebook(source), parameters or {})
    folder = Path(cwd) if cwd is not None else source.resolve().parent
    target = Path(output) if output is not None else _place_for(source)
    known, leaks = known_to_run(folder), tuple[Finding, ...]()
    try:
        _empty(notebook)
        client, environ = _client(notebook, timeout, kernel, folder), _environ(allow_unsafe)
        rows, failed = _run_cells(notebook, client, environ, progress, known)
    finally:
        kept, leaks = cleaned(notebook, known, str(target))
        write_notebook(target, kept)
    return _result(source, target, time.perf_counter() - began, rows, failed, leaks)


def _result(
    source: Path, target: Path, spent: float, rows: list[CellRow], failed: FailedCell | None, leaks: Sequence[Finding]
) -> RunResult:
    executed, ok = sum(row.state != "not run" for row in rows), not (failed or leaks)
    return RunResult(source, target, ok, len(rows), executed, spent, failed, tuple(rows), tuple(leaks))


def _empty(notebook: Notebook) -> None:
    """Take the outputs of an earlier run away."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _client(notebook: Notebook, timeout: float | None, kernel: str, folder: Path) -> Any:
    import nbclient  # imported at first use: it is slow

    resources = {"metadata": {"path": str(folder)}}
    limit = None if timeout is None else max(1, round(timeout))
    client = nbclient.NotebookClient(
        notebook, timeout=limit, kernel_name=kernel, resources=resources, store_widget_state=False
    )
    try:
        manager = client.create_kernel_manager()
        _ = manager.kernel_spec  # looks the kernel up, and raises where there is none
    except KeyError as error:
        raise RunbookError(
            f"There is no Jupyter kernel named {kernel!r}.", 'Install one: pip install "astro_nb[lab]".'
        ) from error
    _encrypt(manager)
    return client


def _encrypt(manager: Any) -> None:
    """Have the talk with the kernel encrypted, where this machine can (jupyter_client 8.10 and later)."""
    can = getattr(sys.modules.get("zmq"), "has", lambda name: False)
    if manager.has_trait("transport_encryption") and can("curve"):
        manager.transport_encryption = "auto"


def _environ(allow_unsafe: bool) -> dict[str, str]:
    """The operating-system variables of the kernel; leave for unsafe calls is given to this one run, or to none."""
    environ = {name: value for name, value in os.environ.items() if name != ALLOW_UNSAFE}
    # the debugger's notice about frozen modules would stand between the lines of progress
    return {**environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **({ALLOW_UNSAFE: "1"} if allow_unsafe else {})}


def _run_cells(
    notebook: Notebook, client: Any, environ: Mapping[str, str], progress: Progress | None, known: KnownSecrets
) -> tuple[list[CellRow], FailedCell | None]:
    tell = progress or (lambda number, total, heading, state: None)
    secrets = tuple(known.values.values())  # nobody is told of one, be it a heading's or an error's
    codes = [replace(code, heading=redact(code.heading, secrets)) for code in _code_cells(notebook)]
    rows, failed = list[CellRow](), None
    with client.setup_kernel(env=environ, stderr=subprocess.DEVNULL):  # what cells write there comes as output
        for code in codes:
            tell(code.number, len(codes), code.heading, "running")
            began = time.perf_counter()
            failed = _run_cell(notebook, client, code, secrets)
            state = "failed" if failed else "ok"
            rows.append(CellRow(code.number, code.heading, time.perf_counter() - began, state))
            tell(code.number, len(codes), code.heading, state)
            if failed:
                break
    rest = [CellRow(code.number, code.heading, 0.0, "not run") for code in codes[len(rows) :]]
    return [*rows, *rest], failed


def _run_cell(notebook: Notebook, client: Any, code: _Code, secrets: tuple[str, ...]) -> FailedCell | None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # imported at first use

    try:
        client.execute_cell(notebook.cells[code.index], code.index)
    except CellExecutionError as error:
        told = redact(_ANSI.sub("", error.evalue).strip(), secrets)
        return FailedCell(code.number, code.heading, redact(error.ename, secrets), told)
    except CellTimeoutError:
        return FailedCell(code.number, code.heading, "Timeout", f"The cell took longer than {client.timeout} s.")
    except DeadKernelError:
        return FailedCell(code.number, code.heading, "KernelDied", "The kernel ended before the cell did.")
    return None


def _code_cells(notebook: Notebook) -> Iterator[_Code]:
    """The code cells that are not empty, each with the heading above it, else its first line."""
    heading, number = "", 0
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            found = _HEADING.findall(cell.source)
            heading = found[-1] if found else heading
        elif cell.cell_type == "code" and cell.source.strip():
            number += 1
            yield _Code(number, index, _title(cell) or heading or _first_line(cell.source))
            heading = ""


def _title(cell: Any) -> str:
    return next((_TITLES[tag] for tag in cell.metadata.get("tags", []) if tag in _TITLES), "")


def _first_line(source: str) -> str:
    line = source.strip().splitlines()[0]
    return line if len(line) <= 60 else f"{line[:59]}…"


def _place_for(source: Path) -> Path:
    """A new file in `.astro_nb/runs/` beside the notebook; the folder ignores itself in git, as the history's does."""
    state = source.parent / ".astro_nb"
    (state / "runs").mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    base, number = f"{source.stem}-{datetime.now():%Y%m%d-%H%M%S}", 1
    while (target := state / "runs" / f"{base}{f'-{number}' if number > 1 else ''}.ipynb").exists():
        number += 1
    return target

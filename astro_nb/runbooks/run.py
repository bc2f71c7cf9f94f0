"""Run a notebook from top to bottom without a front end, with nbclient."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from .. import html
from ..approval import ALLOW_UNSAFE
from ..errors import RunbookError
from ..secrets import Finding, KnownSecrets, redact, redact_data
from .notebooks import INJECTED_TAG, PARAMETERS_TAG, Notebook, inject_parameters, read_notebook, text_output
from .recording import find_secrets_for_run, redact_known_secrets
from .records import RunInterrupted, State, begin_facts, interruptible, reserve_output, write_record

OnCell = Callable[[int, int, str, str], None]
"""Called before and after each code cell with its number, the number of cells, its heading and its state."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADING = re.compile(r"(?m)^#{1,6}\s+(.+?)\s*$")
_TITLES = {PARAMETERS_TAG: "Parameters", INJECTED_TAG: "Parameters of this run"}


class CellRow(NamedTuple):
    """One code cell of a run: its number (from 1), heading, duration, and state: "ok", "failed" or "not run"."""

    number: int
    heading: str
    seconds: float
    state: str


class FailedCell(NamedTuple):
    """The cell that failed: its number among the code cells (from 1), its heading, and the error."""

    number: int
    name: str
    error_name: str
    message: str

    def __str__(self) -> str:
        text = f"{self.error_name}: {self.message}" if self.message else self.error_name
        return f"Cell {self.number} ({self.name}) failed: {text}"


@dataclass(frozen=True, repr=False)
class RunResult:
    """The result of running a notebook.

    Attributes:
        path: the notebook; it is not changed.
        output: the notebook with its outputs.
        ok: whether every cell ran and no known secret appeared in the output.
        cells: the number of code cells.
        executed: the number of cells that were started.
        seconds: the duration, including the start of the kernel.
        failed_cell: the cell that ended the run; None if none failed.
        rows: each code cell, in order.
        leaks: where known secrets appeared; they are masked in the output.
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
        """The reason the run is not ok, as a sentence; empty if it is ok."""
        sentences = [str(self.failed_cell)] if self.failed_cell else []
        if self.leaks:
            more = f" (and {len(self.leaks) - 1} more)" if len(self.leaks) > 1 else ""
            sentences.append(
                f"The output contained a secret{more}; the file masks it. {self.leaks[0]}. {self.leaks[0].todo}"
            )
        return " ".join(sentences)

    def __repr__(self) -> str:
        state = "ok" if self.ok else self.error
        return f"<Run of {self.path.name}: {self.executed} of {self.cells} cells, {self.seconds:.1f} s, {state}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        tones = {"ok": "good", "failed": "bad"}
        rows = [
            (r.number, r.heading, f"{r.seconds:.1f} s", html.pill(r.state, tones.get(r.state, "quiet")))
            for r in self.rows
        ]
        error = [html.tag("div", self.error)] if self.error else []
        drawn = html.tag("div", html.table(["number", "cell", "time", "state"], rows), *error)
        return {"text/plain": repr(self), "text/html": str(drawn)}


@dataclass(frozen=True)
class _Code:
    """A code cell to run: its number among the code cells, its index in the notebook, its heading."""

    number: int
    index: int
    heading: str


def run(
    path: str | Path,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    timeout: float | None = None,
    progress: OnCell | None = None,
    kernel: str = "python3",
    cwd: str | Path | None = None,
    allow_unsafe: bool = False,
) -> RunResult:
    """Run a notebook and write it with its outputs to another file. A failing cell ends the run without raising.

    The record says in its metadata, at `astro_nb.run`, whether it is running, ok, failed or interrupted. If it cannot
    be written where it should be, it is written to a temporary folder, with a warning.

    A known secret in the outputs makes the run fail and is masked; the rest of the output stays.

    Args:
        path: any notebook; it is changed only if it is also the output.
        parameters: values for the cell tagged `parameters`; texts are converted to the type of the default.
        output: the file to write; by default a new one in `.astro_nb/runs/` next to the notebook.
        timeout: the seconds each cell may take; None for no limit.
        progress: called before and after each cell.
        kernel: the name of a Jupyter kernel.
        cwd: the working directory of the kernel; by default the folder of the notebook.
        allow_unsafe: whether unsafe calls may be sent to a guarded environment, since no one can confirm them.

    Raises:
        RunbookError: the notebook does not exist, is too new, or a parameter value has the wrong type; or the output is
            not the name of a notebook.
        SettingsError: the output cannot be written; nothing was run.
        RunInterrupted: Ctrl-C, SIGTERM or the end of the terminal; the record says so.
        UnknownName: the notebook has no parameter with that name.
    """
    source, began = Path(path), time.perf_counter()
    inject_parameters(notebook := read_notebook(source), parameters or {})
    folder = Path(cwd) if cwd is not None else source.resolve().parent
    _clear_outputs(notebook)
    client, environ = _make_client(notebook, timeout, kernel, folder), _kernel_environment(allow_unsafe)
    known, target = find_secrets_for_run(folder), reserve_output(source, output)
    facts = begin_facts()
    if target.resolve() != source.resolve():  # the notebook itself, as its own output, is not touched before the end
        write_record(target, redact_known_secrets(notebook, known, str(target))[0], "running", facts)

    def finish(state: State) -> tuple[Path, tuple[Finding, ...]]:
        redacted, leaks = redact_known_secrets(notebook, known, str(target))
        return write_record(target, redacted, "failed" if leaks and state == "ok" else state, facts), tuple(leaks)

    try:
        with interruptible():
            try:
                rows, failed = _run_cells(notebook, client, environ, progress, known)
            except KeyboardInterrupt as error:
                interrupted = error if isinstance(error, RunInterrupted) else RunInterrupted(signal.SIGINT)
                _mark_interrupted(notebook, interrupted)
                interrupted.output, _ = finish("interrupted")
                raise interrupted from None
    except Exception:
        finish("failed")
        raise
    written, leaks = finish("failed" if failed else "ok")
    return _result(source, written, time.perf_counter() - began, rows, failed, leaks)


def _mark_interrupted(notebook: Notebook, error: RunInterrupted) -> None:
    """Say in the last cell that was started that the run was interrupted there."""
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    started = [cell for cell in codes if cell.outputs or cell.execution_count or "execution" in cell.metadata]
    for cell in (started or codes)[-1 if started else 0 :][:1]:
        text = f"The run was interrupted here ({error}).\n"
        cell.outputs.append(text_output(text))


def _result(
    source: Path, target: Path, spent: float, rows: list[CellRow], failed: FailedCell | None, leaks: Sequence[Finding]
) -> RunResult:
    executed, ok = sum(row.state != "not run" for row in rows), not (failed or leaks)
    return RunResult(source, target, ok, len(rows), executed, spent, failed, tuple(rows), tuple(leaks))


def _clear_outputs(notebook: Notebook) -> None:
    """Remove the outputs of an earlier run."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _make_client(notebook: Notebook, timeout: float | None, kernel: str, folder: Path) -> Any:
    import nbclient  # imported at first use: it is slow

    resources = {"metadata": {"path": str(folder)}}
    limit = None if timeout is None else max(1, round(timeout))
    client = nbclient.NotebookClient(
        notebook, timeout=limit, kernel_name=kernel, resources=resources, store_widget_state=False
    )
    try:
        manager = client.create_kernel_manager()
        _ = manager.kernel_spec  # looks up the kernel and raises if there is none
    except KeyError as error:
        raise RunbookError(
            f"There is no Jupyter kernel named {kernel!r}.", 'Install one: pip install "astro_nb[lab]".'
        ) from error
    _enable_encryption(manager)
    return client


def _enable_encryption(manager: Any) -> None:
    """Encrypt the connection to the kernel if this machine supports it (jupyter_client 8.10 and later)."""
    can = getattr(sys.modules.get("zmq"), "has", lambda name: False)
    if manager.has_trait("transport_encryption") and can("curve"):
        manager.transport_encryption = "auto"


def _kernel_environment(allow_unsafe: bool) -> dict[str, str]:
    """The environment variables of the kernel; unsafe calls are allowed for this one run, or not at all."""
    environ = {name: value for name, value in os.environ.items() if name != ALLOW_UNSAFE}
    # the debugger's notice about frozen modules would appear between the lines of progress
    return {**environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **({ALLOW_UNSAFE: "1"} if allow_unsafe else {})}


def _run_cells(
    notebook: Notebook, client: Any, environ: Mapping[str, str], progress: OnCell | None, known: KnownSecrets
) -> tuple[list[CellRow], FailedCell | None]:
    report = progress or (lambda number, total, heading, state: None)
    secrets = tuple(known.values.values())  # headings and errors are redacted before they are reported
    codes = [replace(code, heading=redact(code.heading, secrets)) for code in _code_cells(notebook)]
    rows, failed = list[CellRow](), None
    with client.setup_kernel(env=environ, stderr=subprocess.DEVNULL):  # what cells write to stderr arrives as output
        for code in codes:
            report(code.number, len(codes), code.heading, "running")
            began = time.perf_counter()
            failed = _run_cell(notebook, client, code, secrets)
            state = "failed" if failed else "ok"
            rows.append(CellRow(code.number, code.heading, time.perf_counter() - began, state))
            report(code.number, len(codes), code.heading, state)
            if failed:
                break
    rest = [CellRow(code.number, code.heading, 0.0, "not run") for code in codes[len(rows) :]]
    return [*rows, *rest], failed


def _run_cell(notebook: Notebook, client: Any, code: _Code, secrets: tuple[str, ...]) -> FailedCell | None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # imported at first use

    try:
        client.execute_cell(notebook.cells[code.index], code.index)
    except CellExecutionError as error:
        name, message = redact_data([error.ename, _ANSI.sub("", error.evalue).strip()], secrets)
        return FailedCell(code.number, code.heading, name, message)
    except CellTimeoutError:
        return FailedCell(code.number, code.heading, "Timeout", f"The cell took longer than {client.timeout} s.")
    except DeadKernelError:
        return FailedCell(code.number, code.heading, "KernelDied", "The kernel ended before the cell did.")
    return None


def _code_cells(notebook: Notebook) -> Iterator[_Code]:
    """The non-empty code cells, each with the heading above it, or its first line."""
    heading, number = "", 0
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            found = _HEADING.findall(cell.source)
            heading = found[-1] if found else heading
        elif cell.cell_type == "code" and cell.source.strip():
            number += 1
            yield _Code(number, index, _tag_title(cell) or heading or _first_line(cell.source))
            heading = ""


def _tag_title(cell: Any) -> str:
    return next((_TITLES[tag] for tag in cell.metadata.get("tags", []) if tag in _TITLES), "")


def _first_line(source: str) -> str:
    line = source.strip().splitlines()[0]
    return line if len(line) <= 60 else f"{line[:59]}…"

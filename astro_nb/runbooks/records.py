"""The record of a run: a notebook with outputs that says how the run ended, and that no other run overwrites.

The file is there from the beginning, marked as running, so that a run leaves a record even if its process is killed.
"""

from __future__ import annotations

import copy
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from ..errors import RunbookError, SettingsError, show_warning
from ..files import cannot_write, local_path
from .notebooks import FORMAT, Notebook, write_notebook

State = Literal["running", "ok", "failed", "interrupted"]
_SIGNALS = ("SIGTERM", "SIGHUP")


class RunInterrupted(KeyboardInterrupt):
    """A run was interrupted: by Ctrl-C, by SIGTERM, or because the terminal was closed.

    Attributes:
        signal: the number of the signal.
        output: the record; empty until it is written.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number
        self.output = Path()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise RunInterrupted in the block, as Ctrl-C raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can have handlers
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # one is enough: the record is being written
        raise RunInterrupted(number)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before: dict[int, Any] = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def reserve_output(source: Path, output: str | Path | None) -> Path:
    """Return the file for the record, by default a new one in `.astro_nb/runs/` next to the notebook.

    Raises:
        SettingsError: it is no file of this machine, or cannot be written. Nothing has been run yet.
        RunbookError: it is not the name of a notebook.
    """
    if output is None:
        return _reserve_new(source)
    target = local_path(output)
    if target.suffix != ".ipynb" or target.is_dir():
        raise RunbookError(f"{target} is not the name of a notebook.", "Give the path of a file that ends in .ipynb.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.open("ab").close()
    except OSError as error:
        raise cannot_write(target, error) from error
    return target


def _reserve_new(source: Path) -> Path:
    """Create a file in the folder of runs, which ignores itself in git. Runs of one second have different files."""
    state = source.parent / ".astro_nb"
    folder, ignore = state / "runs", state / ".gitignore"
    base, number = f"{source.stem}-{datetime.now():%Y%m%d-%H%M%S}", 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        while True:
            target = folder / f"{base}{f'-{number}' if number > 1 else ''}.ipynb"
            try:
                target.open("xb").close()
            except FileExistsError:
                number += 1
            else:
                return target
    except OSError as error:
        raise cannot_write(folder, error) from error


def write_record(target: Path, notebook: Notebook, state: State, facts: Mapping[str, Any] | None = None) -> Path:
    """Write a notebook with the state of its run, and return the file: another one if the wanted one cannot be written.

    The state is in the metadata, at `astro_nb.run`.
    """
    written = copy.copy(notebook)
    written.metadata = copy.copy(notebook.metadata)
    ours = written.metadata.get("astro_nb")
    ours = dict(ours) if isinstance(ours, Mapping) else {"format": FORMAT}
    ended = {} if state == "running" else {"ended": _now()}
    written.metadata["astro_nb"] = {**ours, "run": {"state": state, **(facts or {}), **ended}}
    try:
        write_notebook(target, written)
    except SettingsError as error:
        other = Path(tempfile.mkdtemp(prefix="astro_nb-run-")) / target.name
        write_notebook(other, written)
        show_warning(f"{error.what} The record of the run is {other}.")
        return other
    return target


def begin_facts() -> dict[str, Any]:
    """Return what a record says about the beginning of its run."""
    return {"started": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

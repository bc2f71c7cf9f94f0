"""What the commands share: output, errors, common options, and stopping on a signal."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from ..openapi import Spec


TICK = 0.1  # seconds between two checks whether to stop
_MIN_WIDTH = 20  # columns of a row after its first cell, even in a narrow terminal


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and a closed terminal set, instead of their usual effect."""
    stop = threading.Event()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def wait(stop: threading.Event, child: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until the event is set or the child process has ended."""
    while not stop.wait(TICK) and (child is None or child.poll() is None):
        pass


def fail(message: str) -> NoReturn:
    """End the command with a message on stderr and exit status 1."""
    typer.secho(message, fg="red", err=True)
    raise SystemExit(1)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values, aligned; further lines of a value are indented below its first one."""
    width = 2 + max(map(len, facts))
    for name, value in facts.items():
        typer.echo(name.ljust(width) + value.replace("\n", "\n" + " " * width))


def print_table(rows: Sequence[tuple[str, ...]], colors: Mapping[str, str] | None = None) -> None:
    """Print rows in aligned columns, the first one coloured; in a terminal, lines are cut at its width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    width = terminal_width()
    for first, *others in rows:
        rest = "  ".join(text.ljust(size) for text, size in zip(others, widths[1:], strict=True)).rstrip()
        head = typer.style(first.ljust(widths[0]), fg=(colors or {}).get(first))
        available = None if width is None else max(width - widths[0] - 2, _MIN_WIDTH)
        typer.echo(f"{head}  {rest if available is None or len(rest) <= available else rest[: available - 1] + '…'}")


def write_out(file: str, text: str) -> None:
    """Write a text to a file, or to standard output for `-`.

    Raises:
        SettingsError: The file cannot be written.
    """
    if file == "-":
        typer.echo(text, nl=False)
        return
    from ..files import save_file

    save_file(file, text.encode())


def terminal_width() -> int | None:
    """Return the columns of the terminal; None if the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


HOME = "astro-v1"  # the bundled document, the default

Document = Annotated[
    str, typer.Option("--document", metavar="FILE", help="A file, a URL, or the name of a bundled document.")
]
Speed = Annotated[
    float, typer.Option("--speed", min=0.0, help="How many times faster than in reality life cycles run.")
]


def load_spec(source: str) -> Spec:
    """Load the document at a path or URL, or the bundled one of that name."""
    from ..http import Client
    from ..openapi import load

    return load(source, fetch=Client().fetch)

"""When a command that goes on is to stop.

How the commands put what they tell: names and values, rows, refusals.

What several commands take, and how what is given becomes a document.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..openapi import Spec


TICK = 0.1  # seconds between two looks at whether it is time to stop


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set, instead of what they do otherwise."""
    stop = threading.Event()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait(stop: threading.Event, child: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until it is time to stop, or the child has ended by itself."""
    while not stop.wait(TICK) and (child is None or child.poll() is None):
        pass


def refuse(message: str) -> NoReturn:
    """End the command with a sentence on stderr and exit status 1."""
    typer.secho(message, fg="red", err=True)
    raise SystemExit(1)


def tell(facts: Mapping[str, str]) -> None:
    """Names and values, aligned; a value of several lines hangs below its first one."""
    width = 2 + max(map(len, facts))
    for name, value in facts.items():
        typer.echo(name.ljust(width) + value.replace("\n", "\n" + " " * width))


def table(rows: Sequence[tuple[str, ...]], colors: Mapping[str, str] | None = None) -> None:
    """Rows in aligned columns, the first one coloured; in a terminal, lines are cut at its edge."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    edge = edge_of_terminal()
    for first, *others in rows:
        rest = "  ".join(text.ljust(width) for text, width in zip(others, widths[1:], strict=True)).rstrip()
        head = typer.style(first.ljust(widths[0]), fg=(colors or {}).get(first))
        room = None if edge is None else max(edge - widths[0] - 2, 20)
        typer.echo(f"{head}  {rest if room is None or len(rest) <= room else rest[: room - 1] + '…'}")


def write_out(file: str, text: str) -> None:
    """Write a text to a file, or for `-` to standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    if file == "-":
        typer.echo(text, nl=False)
        return
    from ..files import write_atomically

    try:
        write_atomically(Path(file), text.encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}).", "Name a file that can.") from error


def edge_of_terminal() -> int | None:
    """Columns of the terminal; None where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


HOME = "astro-v1"  # the bundled document, used where none is named

Document = Annotated[
    str, typer.Option("--document", metavar="FILE", help="A file, a URL, or the name of a bundled one.")
]
Speed = Annotated[
    float, typer.Option("--speed", min=0.0, help="Life cycles run this many times as fast as in reality.")
]


def load_document(source: str) -> Spec:
    """The document at a path, at a URL, or bundled under a name."""
    from ..http import Client
    from ..openapi import load

    return load(source, fetch=Client().fetch)

"""How the commands put what they tell: names and values, rows, refusals."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import typer

from ..errors import UsageError


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

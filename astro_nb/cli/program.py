"""The program `astro-nb`: its commands, and errors as one sentence on stderr with exit status 1."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from ..errors import AstroNbError
from .audit import audit
from .lab import lab
from .ops import ops
from .output import fail
from .run import run
from .sandbox import sandbox
from .scan import scan
from .specs import specs

app = typer.Typer(
    name="astro-nb",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (lab, sandbox, run, scan, ops, audit):
    app.command()(_command)
app.add_typer(specs, name="specs")


def main() -> None:
    """Run a command; an error of astro_nb or of the system becomes a sentence on stderr and exit status 1."""
    try:
        app()
    except AstroNbError as error:
        fail(str(error))
    except OSError as error:  # a file, a folder or a socket; pipes are handled by click
        fail(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}.")


def _show_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"astro_nb {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A notebook version of Postman: explore an API in JupyterLab, practise on its sandbox, run recorded runbooks."""

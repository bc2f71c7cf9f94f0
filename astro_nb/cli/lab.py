"""`astro-nb lab`: JupyterLab, with a sandbox that its notebooks share."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import webbrowser
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from ..errors import SettingsError, UsageError
from .jupyter import answers, jupyterlab
from .options import HOME, Speed, load_document
from .stopping import stop_signals, wait
from .telling import tell

_PORT = 8888
_NOTEBOOKS = Path("notebooks")


def lab(
    folder: Annotated[Path, typer.Argument(help="The folder of notebooks that JupyterLab opens.")] = _NOTEBOOKS,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    port: Annotated[int, typer.Option(help="JupyterLab's port; 8888 or a free one when left out.")] = 0,
    sandbox_port: Annotated[int, typer.Option(help="The sandbox's port; a free one when left out.")] = 0,
    speed: Speed = 10.0,
) -> None:
    """Start JupyterLab and a sandbox that its notebooks share; Ctrl-C ends both."""
    _require_jupyterlab()
    root, port = _folder(folder), _port(port)
    from ..sandbox import Sandbox

    with stop_signals() as stop, Sandbox(load_document(HOME), speed=speed).start(sandbox_port) as sandbox:
        token = secrets.token_hex(24)
        with jupyterlab(root, port, token, sandbox.url) as child:
            if answers(port, child, stop):
                _open(f"http://127.0.0.1:{port}/lab{_first_notebook(root)}?token={token}", sandbox.url, browser)
                wait(stop, child)
            elif not stop.is_set():
                what = f"JupyterLab ended before it answered (exit status {child.poll()})."
                raise SettingsError(what, "What it says of it stands above.")


def _open(address: str, sandbox_url: str, browser: bool) -> None:
    tell({"JupyterLab": address, "Sandbox": sandbox_url, "": "Ctrl-C ends both."})
    if browser:
        webbrowser.open(address)


def _require_jupyterlab() -> None:
    if importlib.util.find_spec("jupyterlab") is None:
        raise SettingsError("JupyterLab is not installed.", 'Install it with: pip install "astro_nb[lab]".')


def _folder(asked: Path) -> Path:
    """The folder to serve: the one asked for, or the current one where the notebooks of a clone are not at hand."""
    if asked.is_dir():
        return asked.resolve()
    if asked != _NOTEBOOKS:
        raise UsageError(f"There is no folder {str(asked)!r}.", "Give one that exists, or leave it out.")
    told = "There is no folder 'notebooks' here (the guided notebooks come with a clone of the repository): "
    typer.echo(f"{told}JupyterLab opens the current folder.", err=True)
    return Path.cwd()


def _port(asked: int) -> int:
    """The port asked for, else the usual one; where that is taken a free one, which is told."""
    if asked and not _is_free(asked):
        raise SettingsError(f"Port {asked} is taken.", "Give another one, or leave --port out to get a free one.")
    if asked or _is_free(_PORT):
        return asked or _PORT
    port = _free_port()
    typer.echo(f"Port {_PORT} is taken: JupyterLab gets port {port}.", err=True)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _first_notebook(root: Path) -> str:
    names = sorted(path.name for path in root.glob("*.ipynb"))
    return f"/tree/{quote(names[0])}" if names else ""

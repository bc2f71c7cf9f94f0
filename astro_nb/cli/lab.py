"""JupyterLab as a child process that ends with us.

`astro-nb lab`: JupyterLab, with a sandbox that its notebooks share.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from ..errors import SettingsError, UsageError
from .output import HOME, TICK, Speed, load_document, stop_signals, tell, wait

_GRACE = 15.0  # seconds for JupyterLab to end its kernels
_LAST_WORDS = 1.0  # seconds to read what it said before it ended by itself


@contextlib.contextmanager
def jupyterlab(root: Path, port: int, token: str, sandbox_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """JupyterLab as a child in a session of its own, so that Ctrl-C reaches it through us alone; ended at the close."""
    from ..workbench import SANDBOX_URL

    with tempfile.TemporaryDirectory(prefix="astro_nb-") as extra:
        config = os.pathsep.join(filter(None, [_quiet_config(Path(extra)), os.environ.get("JUPYTER_CONFIG_PATH")]))
        # the token goes by the environment: a command line can be read by everyone on the machine
        told = {SANDBOX_URL: sandbox_url, "JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": config}
        command = _command(root, port)
        child = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
            command,
            env={**os.environ, **told},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            with _forwarding(child):
                yield child
        finally:
            _end(child)


def answers(port: int, child: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait until JupyterLab answers; False when it ends, or is to be ended, before that."""
    while child.poll() is None and not stop.wait(TICK):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api")
            return connection.getresponse().status < 500
    return False


def _quiet_config(folder: Path) -> str:
    """A folder of Jupyter configuration without the extension that asks about news and looks for updates."""
    path = folder / "labconfig" / "page_config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    return str(folder)


def _command(root: Path, port: int) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "LabApp.news_url": None,  # no news, no update check, no list of extensions: nothing but loopback
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
        "LabApp.log_level": "ERROR",
        "ServerApp.log_level": "ERROR",
    }
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    given = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", "--no-browser", *as_root, *given]


@contextlib.contextmanager
def _forwarding(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """What the child says on stderr appears on ours, until we are about to stop it: of that it need not speak."""
    stopping = threading.Event()

    def forward() -> None:
        for line in child.stderr or ():
            if not stopping.is_set():
                typer.echo(line, nl=False, err=True)

    reader = threading.Thread(target=forward, name="astro_nb-lab", daemon=True)
    reader.start()
    try:
        yield
    finally:
        if child.poll() is not None:
            reader.join(_LAST_WORDS)
        stopping.set()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


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

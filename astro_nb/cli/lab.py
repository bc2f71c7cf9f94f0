"""`astro-nb lab`: JupyterLab as a child process, with a sandbox that its notebooks share."""

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
from .output import HOME, TICK, Speed, load_spec, print_facts, stop_signals, wait

_SHUTDOWN_SECONDS = 15.0  # for JupyterLab to end its kernels
_LAST_OUTPUT_SECONDS = 1.0  # to read the output of a JupyterLab that ended by itself


@contextlib.contextmanager
def jupyterlab(root: Path, port: int, token: str, sandbox_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run JupyterLab as a child process, and end it on exit. Its own session keeps Ctrl-C from reaching it directly."""
    from ..workbench import SANDBOX_URL

    with tempfile.TemporaryDirectory(prefix="astro_nb-") as extra:
        config = os.pathsep.join(filter(None, [_write_config(Path(extra)), os.environ.get("JUPYTER_CONFIG_PATH")]))
        # the token is passed in the environment, since every user of the machine can read a command line
        variables = {SANDBOX_URL: sandbox_url, "JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": config}
        child = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
            _command(root, port),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            with _forward_stderr(child):
                yield child
        finally:
            _stop(child)


def wait_until_ready(port: int, child: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait until JupyterLab responds; return False if it ends, or is to be stopped, before that."""
    while child.poll() is None and not stop.wait(TICK):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api")
            return connection.getresponse().status < 500
    return False


def _write_config(folder: Path) -> str:
    """Write a Jupyter configuration that disables news and update checks; return its folder."""
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
        "LabApp.news_url": None,  # no news, update check or extension list: no network but loopback
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
        "LabApp.log_level": "ERROR",
        "ServerApp.log_level": "ERROR",
    }
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", "--no-browser", *as_root, *arguments]


@contextlib.contextmanager
def _forward_stderr(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Copy the child's stderr to ours, until it is stopped: its messages about that are not shown."""
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
            reader.join(_LAST_OUTPUT_SECONDS)
        stopping.set()


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_SHUTDOWN_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


_DEFAULT_PORT = 8888
_NOTEBOOKS = Path("notebooks")


def lab(
    folder: Annotated[Path, typer.Argument(help="The folder of notebooks that JupyterLab opens.")] = _NOTEBOOKS,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open JupyterLab in the browser.")] = True,
    port: Annotated[int, typer.Option(help="JupyterLab's port; 8888 or a free one by default.")] = 0,
    sandbox_port: Annotated[int, typer.Option(help="The sandbox's port; a free one by default.")] = 0,
    speed: Speed = 10.0,
) -> None:
    """Start JupyterLab and a sandbox that its notebooks share; Ctrl-C stops both."""
    _require_jupyterlab()
    root, port = _notebook_folder(folder), _choose_port(port)
    from ..sandbox import Sandbox

    with stop_signals() as stop, Sandbox(load_spec(HOME), speed=speed).start(sandbox_port) as sandbox:
        token = secrets.token_hex(24)
        with jupyterlab(root, port, token, sandbox.url) as child:
            if wait_until_ready(port, child, stop):
                address = f"http://127.0.0.1:{port}/lab{_first_notebook(root)}?token={token}"
                print_facts({"JupyterLab": address, "Sandbox": sandbox.url, "": "Ctrl-C stops both."})
                if browser:
                    webbrowser.open(address)
                wait(stop, child)
            elif not stop.is_set():
                what = f"JupyterLab ended before it was ready (exit status {child.poll()})."
                raise SettingsError(what, "See its output above.")


def _require_jupyterlab() -> None:
    if importlib.util.find_spec("jupyterlab") is None:
        raise SettingsError("JupyterLab is not installed.", 'Install it with: pip install "astro_nb[lab]".')


def _notebook_folder(requested: Path) -> Path:
    """Return the requested folder, or the current one if the default one does not exist."""
    if requested.is_dir():
        return requested.resolve()
    if requested != _NOTEBOOKS:
        raise UsageError(f"There is no folder {str(requested)!r}.", "Give one that exists, or omit it.")
    reason = "There is no folder 'notebooks' here (a clone of the repository has the guided notebooks): "
    typer.echo(f"{reason}JupyterLab opens the current folder.", err=True)
    return Path.cwd()


def _choose_port(requested: int) -> int:
    """Return the requested port, else the default one, or a free one if that is in use."""
    if requested and not _is_free(requested):
        raise SettingsError(f"Port {requested} is in use.", "Give another one, or omit --port to get a free one.")
    if requested or _is_free(_DEFAULT_PORT):
        return requested or _DEFAULT_PORT
    port = _free_port()
    typer.echo(f"Port {_DEFAULT_PORT} is in use: JupyterLab uses port {port}.", err=True)
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

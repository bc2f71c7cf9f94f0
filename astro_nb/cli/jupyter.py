"""JupyterLab as a child process that ends with us."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import typer

from .stopping import TICK

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

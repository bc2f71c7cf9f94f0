"""A real JupyterLab in a real browser that reaches nothing but loopback.

One server and one browser serve the whole run. The folders of JupyterLab are temporary, Chromium resolves no name, and
every requested address is recorded: `assert_loopback` fails on one beyond this machine. The server is the child of a
small supervisor (this file, run as a script) that stops it and removes its folder when the pipe to the test run closes,
so a test run that is killed leaves nothing behind.

    path = lab.notebook("hello", "import ipywidgets as w", "w.Text(description='Name')")
    lab.open(path)                                  # opens it and runs all its cells
    lab.page.get_by_label("Name").fill("Ada")       # Playwright's page, for everything else
    lab.screenshot("hello")
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".screenshots"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PATIENCE = 60.0
"""Seconds that a server, a page or a cell may take before the test fails."""
EXPECTATION = 20.0
"""Seconds until the page has to look as a test expects."""

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_CHROMIUM_ARGS = [
    "--no-sandbox",  # containers run the tests as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells stay in the page, so that all can be found
}
_NETWORK_SCHEMES = ("http", "https", "ws", "wss", "ftp")
_COUNTED = re.compile(r"\[\d+\]")
_HARMLESS = ("favicon", "ResizeObserver loop", "Download the React DevTools")

_CURRENT = "window.jupyterapp?.shell?.currentWidget"
_SESSION = f"{_CURRENT}?.context?.sessionContext?.session"
_THEME_APPLIED = """light => document.body.dataset.jpThemeLight === light
    && !document.getElementById('jupyterlab-splash')"""
_WIDGETS_SAVED = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
_ASK = f"""async code => {{
    const future = {_SESSION}.kernel.requestExecute({{code, store_history: false}});
    let text = '', ok = true;
    future.onIOPub = message => {{
        text += message.content.text || '';
        if (message.header.msg_type === 'error') [ok, text] = [false, message.content.evalue];
    }};
    await future.done;
    return {{ok, text}};
}}"""
_CHECKS = (
    (find_spec("playwright") is not None, "the package playwright is not installed"),
    (find_spec("jupyterlab") is not None, "the package jupyterlab is not installed"),
    (any(map(shutil.which, _CHROMIUM)), f"there is no browser ({', '.join(_CHROMIUM)})"),
)


class LabError(AssertionError):
    """JupyterLab, the browser or a cell failed."""


class ConsoleLine(NamedTuple):
    """A line of the browser's console; an uncaught error of a script has the level "pageerror"."""

    level: str
    text: str


def missing() -> str:
    """Return why no browser test can run here; empty if one can."""
    return "; ".join(reason for available, reason in _CHECKS if not available)


class Lab:
    """JupyterLab and the page that shows it.

    Attributes:
        url, token: the server.
        root: the folder that it serves, with the notebooks and what they write.
        page: Playwright's page.
        requests: the addresses that the pages requested since `clear`.
        console: the lines in the browser's console since `clear`.
    """

    def __init__(self, url: str, token: str, root: Path, page: Page) -> None:
        self.url, self.token, self.root, self.page = url, token, root, page
        self.requests: list[str] = []
        self.console: list[ConsoleLine] = []
        page.context.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("console", lambda message: self.console.append(ConsoleLine(message.type, message.text)))
        page.on("pageerror", lambda error: self.console.append(ConsoleLine("pageerror", str(error))))
        page.on("filechooser", lambda chooser: None)  # from the start: the first click may precede a later listener
        page.on("dialog", lambda dialog: dialog.accept())  # "leave without saving?" would hold up the next page

    def __repr__(self) -> str:
        return "<Lab>"

    # --- notebooks ----------------------------------------------------------------------------------------------------

    def notebook(self, name: str, *cells: str) -> Path:
        """Write a notebook and return its path; a cell that starts with `# %% [markdown]` is Markdown."""
        path = self.root / f"{name.removesuffix('.ipynb')}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}}
        path.write_text(json.dumps({**content, "cells": [_cell(n, text) for n, text in enumerate(cells, 1)]}))
        return path

    def open(self, path: Path | str, run: bool = True) -> None:
        """Open a notebook alone in the page and wait for its kernel; earlier kernels are shut down first."""
        self.shut_down()
        absolute = Path(path) if Path(path).is_absolute() else self.root / path
        self.page.goto(f"{self.url}/doc/tree/{absolute.relative_to(self.root).as_posix()}?token={self.token}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait_idle()
        if run:
            self.run_all()

    def run_all(self, failing: bool = False) -> None:
        """Run all cells and wait for the last one.

        Raises:
            LabError: a cell failed, and `failing` does not allow it.
        """
        self.command("notebook:run-all-cells")
        self.wait_idle()
        errors = [out for cell in self.cells() for out in cell.get("outputs", []) if out["output_type"] == "error"]
        if errors and not failing:
            raise LabError(f"A cell failed: {errors[0]['ename']}: {errors[0]['evalue']}")

    def run(self, number: int) -> None:
        """Run one cell, counted from 1, by a click and a key; wait until it is done."""
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(number - 1)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        cell.locator(".jp-InputPrompt").filter(has_text=_COUNTED).wait_for()

    def wait_idle(self, seconds: float = PATIENCE) -> None:
        """Wait until the kernel is idle."""
        self.page.wait_for_function(f"() => {_SESSION}?.kernel?.status === 'idle'", timeout=1000 * seconds)

    def ask(self, expression: str) -> Any:
        """Evaluate a Python expression in the kernel of the open notebook; return plain data."""
        code = f"import json as _json; print(_json.dumps({expression}))"
        reply = self.page.evaluate(_ASK, code)
        if not reply["ok"]:
            raise LabError(f"{expression}: {reply['text']}")
        return json.loads(reply["text"])

    def save(self) -> None:
        """Save the notebook, as Ctrl-S does."""
        self.command("docmanager:save")

    def save_with_widgets(self) -> None:
        """Save the notebook with the state of its widgets; JupyterLab's command toggles that."""
        if not self.page.evaluate(f"() => window.jupyterapp.commands.isToggled('{_WIDGETS_SAVED}')"):
            self.command(_WIDGETS_SAVED)
        self.save()

    def read(self, path: Path | str) -> dict[str, Any]:
        """Read a notebook from disk."""
        content: dict[str, Any] = json.loads((self.root / path).read_text(encoding="utf-8"))
        return content

    def cells(self) -> list[dict[str, Any]]:
        """Return the cells of the open notebook with their outputs, saved or not."""
        found: list[dict[str, Any]] = self.page.evaluate(f"() => {_CURRENT}.content.model.toJSON().cells")
        return found

    def output(self, number: int) -> Locator:
        """Return the output area of one cell, counted from 1."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number - 1).locator(".jp-OutputArea").first

    def command(self, name: str, **arguments: Any) -> Any:
        """Execute a command of JupyterLab and wait for it."""
        execute = "([name, options]) => window.jupyterapp.commands.execute(name, options).then(() => null)"
        return self.page.evaluate(execute, [name, arguments])

    def shut_down(self) -> None:
        """Shut down every kernel of the server; unsaved changes are lost."""
        if self.page.url.startswith(self.url):
            self.page.goto("about:blank")
        for session in self._rest("GET", "/api/sessions"):
            self._rest("DELETE", f"/api/sessions/{session['id']}")

    # --- appearance ---------------------------------------------------------------------------------------------------

    def theme(self, name: str) -> None:
        """Change to the "light" or the "dark" theme, and wait until it is applied."""
        self.command("apputils:change-theme", theme=THEMES[name])
        self.page.wait_for_function(_THEME_APPLIED, arg=str(name == "light").lower())

    def viewport(self, width: int, height: int = 900) -> None:
        """Set the size of the page, in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})

    def screenshot(self, name: str, part: Locator | None = None) -> Path:
        """Save a screenshot of the page, or of a part of it, in `.screenshots/`; return its path."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        (part or self.page).screenshot(path=path)
        return path

    # --- what happened ------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget the requests and console lines so far."""
        self.requests.clear()
        self.console.clear()

    def console_errors(self) -> list[ConsoleLine]:
        """Return the errors of the page's scripts, without the known ones of JupyterLab itself."""
        return [line for line in self.console if line.level in ("error", "pageerror") and not _is_harmless(line.text)]

    def assert_loopback(self) -> None:
        """Fail if a page requested anything beyond this machine, received or not."""
        outside = sorted({url for url in self.requests if _leaves_machine(url)})
        assert not outside, f"The page requested {', '.join(outside[:5])}: only loopback is allowed."

    def _rest(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310  # loopback
            return json.loads(response.read() or "null")


@contextlib.contextmanager
def running_lab(environ: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """Run JupyterLab and Chromium; stop both at the end.

    Args:
        environ: environment variables for the server and its kernels.
    """
    with _server(environ or {}) as (url, token, root), _browser() as page:
        yield Lab(url, token, root, page)


def _cell(number: int, text: str) -> dict[str, Any]:
    first, _, rest = text.partition("\n")
    base = {"id": f"cell-{number}", "metadata": {}}
    if first.strip() == "# %% [markdown]":
        return {**base, "cell_type": "markdown", "source": rest}
    return {**base, "cell_type": "code", "source": text, "outputs": [], "execution_count": None}


def _leaves_machine(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in _NETWORK_SCHEMES and parts.hostname not in LOOPBACK


def _is_harmless(text: str) -> bool:
    return any(known in text for known in _HARMLESS)


# --- the server -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _server(environ: Mapping[str, str]) -> Iterator[tuple[str, str, Path]]:
    home = Path(tempfile.mkdtemp(prefix="astro_nb-lab-")).resolve()
    root, port, token = home / "root", free_port(), secrets.token_hex(16)
    root.mkdir()
    _write_settings(home / "settings")
    command = [sys.executable, __file__, str(home), *_lab_command(root, port, token)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, env=_environ(home, environ), start_new_session=True)
    assert child.stdin is not None
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", child, home / "server.log")
        yield f"http://127.0.0.1:{port}", token, root
    finally:
        child.stdin.close()  # the supervisor stops the server
        child.wait(PATIENCE)


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _lab_command(root: Path, port: int, token: str) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *arguments]


def _environ(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASTRO_NB_SANDBOX")}
    return {**inherited, **{name: str(home / folder) for name, folder in folders.items()}, **extra}


def _write_settings(folder: Path) -> None:
    for plugin, values in _SETTINGS.items():
        path = folder / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def _wait_for(url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and child.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310  # loopback
            return
        time.sleep(0.05)
    raise LabError(f"JupyterLab did not start:\n{log.read_text()[-3000:] if log.exists() else 'there is no log'}")


def supervise(home: Path, command: Sequence[str]) -> None:
    """Run a server until standard input or the server ends; then remove its folder."""
    with (home / "server.log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    signal.signal(signal.SIGCHLD, lambda *_: os.close(0))  # the server stopped by itself: stop reading
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
    shutil.rmtree(home, ignore_errors=True)


# --- the browser ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _browser() -> Iterator[Page]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * EXPECTATION)
    program = next(filter(None, map(shutil.which, _CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_CHROMIUM_ARGS)
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
        )
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        try:
            yield page
        finally:
            browser.close()


if __name__ == "__main__":
    supervise(Path(sys.argv[1]), sys.argv[2:])

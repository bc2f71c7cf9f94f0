"""The command line: the one room that prints.

A command brings rooms together and tells what they say. Heavy rooms are imported inside the commands, so that help and
mistakes answer at once. An error of ours is one sentence on stderr and exit status 1, never a traceback. The file is
long because it holds five commands; each has its section, and the last section is what they share.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from . import __version__
from .errors import AstroNbError, SettingsError, UnknownName, UsageError, closest

if TYPE_CHECKING:
    from .spec import Operation, Spec

PUBLISHED: Mapping[str, str] = {
    "v1": "https://api.astronomer.io/spec/v1.0",
    "v1beta1-iam": "https://api.astronomer.io/spec/iam/v1beta1",
    "v1beta1-platform": "https://api.astronomer.io/spec/platform/v1beta1",
}
"""Where Astronomer publishes its documents, by the name that `specs pull --version` takes; no token is needed."""

_HOME = "astro-v1"  # the bundled document, used where none is named
_LAB_PORT = 8888
_NOTEBOOKS = Path("notebooks")
_TICK = 0.1  # seconds between two looks at whether it is time to stop
_GRACE = 15.0  # seconds for JupyterLab to end its kernels
_COLORS = {"GET": "blue", "POST": "green", "PUT": "yellow", "PATCH": "yellow", "DELETE": "red"}
_OUTCOMES = {"ok": "green", "failed": "red"}

app = typer.Typer(
    name="astro-nb",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
specs_app = typer.Typer(
    no_args_is_help=True, help="OpenAPI documents: what ships with astro_nb, what Astronomer publishes."
)
app.add_typer(specs_app, name="specs")

Document = Annotated[
    str, typer.Option("--document", metavar="FILE", help="A file, a URL, or the name of a bundled one.")
]
Speed = Annotated[
    float, typer.Option("--speed", min=0.0, help="Life cycles run this many times as fast as in reality.")
]


def main() -> None:
    """The entry point: runs a command, and turns an error of ours into a sentence and exit status 1."""
    try:
        app()
    except AstroNbError as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    typer.secho(message, fg="red", err=True)
    raise SystemExit(1)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"astro_nb {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """A notebook version of Postman: explore an API in JupyterLab, learn on its sandbox, run what was recorded."""


# --- lab --------------------------------------------------------------------------------------------------------------


@app.command()
def lab(
    folder: Annotated[Path, typer.Argument(help="The folder of notebooks that JupyterLab opens.")] = _NOTEBOOKS,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    port: Annotated[int, typer.Option(help="JupyterLab's port; 8888 or a free one when left out.")] = 0,
    sandbox_port: Annotated[int, typer.Option(help="The sandbox's port; a free one when left out.")] = 0,
    speed: Speed = 10.0,
) -> None:
    """Start JupyterLab and a sandbox that its notebooks share; Ctrl-C ends both."""
    _require_jupyterlab()
    root, port = _folder(folder), _lab_port(port)
    from .sandbox import Sandbox

    with _stop_signals() as stop, Sandbox(_load(_HOME), speed=speed).start(sandbox_port) as sandbox:
        token = secrets.token_hex(24)
        with _jupyterlab(root, port, token, sandbox.url) as child:
            if _answers(port, child, stop):
                _open_lab(f"http://127.0.0.1:{port}/lab{_first_notebook(root)}?token={token}", sandbox.url, browser)
                _wait(stop, child)
            elif not stop.is_set():
                what = f"JupyterLab ended before it answered (exit status {child.poll()})."
                raise SettingsError(what, "What it says of it stands above.")


def _open_lab(address: str, sandbox_url: str, browser: bool) -> None:
    _tell({"JupyterLab": address, "Sandbox": sandbox_url, "": "Ctrl-C ends both."})
    if browser:
        webbrowser.open(address)


def _require_jupyterlab() -> None:
    if importlib.util.find_spec("jupyterlab") is None:
        raise SettingsError("JupyterLab is not installed.", 'Install it with: pip install "astro_nb[lab]"')


def _folder(asked: Path) -> Path:
    """The folder to serve: the one asked for, or the current one where the notebooks of a clone are not at hand."""
    if asked.is_dir():
        return asked.resolve()
    if asked != _NOTEBOOKS:
        raise UsageError(f"There is no folder {str(asked)!r}.", "Give one that exists, or leave it out.")
    told = "There is no folder 'notebooks' here (the guided notebooks come with a clone of the repository): "
    typer.echo(f"{told}JupyterLab opens the current folder.", err=True)
    return Path.cwd()


def _lab_port(asked: int) -> int:
    if asked and not _is_free(asked):
        raise SettingsError(f"Port {asked} is taken.", "Give another one, or leave --port out to get a free one.")
    return asked or (_LAB_PORT if _is_free(_LAB_PORT) else _free_port())


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _jupyterlab(root: Path, port: int, token: str, sandbox_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """JupyterLab as a child in a session of its own, so that Ctrl-C reaches it through us alone; ended at the close."""
    from .workbench import SANDBOX_URL

    with tempfile.TemporaryDirectory(prefix="astro_nb-") as extra:
        config = os.pathsep.join(filter(None, [_quiet_config(Path(extra)), os.environ.get("JUPYTER_CONFIG_PATH")]))
        # the token goes by the environment: a command line can be read by everyone on the machine
        told = {SANDBOX_URL: sandbox_url, "JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": config}
        command = _lab_command(root, port)
        child = subprocess.Popen(command, env={**os.environ, **told}, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603  # our own interpreter, no shell
        try:
            yield child
        finally:
            _end(child)


def _quiet_config(folder: Path) -> str:
    """A folder of Jupyter configuration without the extension that asks about news and looks for updates."""
    path = folder / "labconfig" / "page_config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    return str(folder)


def _lab_command(root: Path, port: int) -> list[str]:
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


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _answers(port: int, child: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait until JupyterLab answers; False when it ends, or is to be ended, before that."""
    while child.poll() is None and not stop.wait(_TICK):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api")
            return connection.getresponse().status < 500
    return False


def _first_notebook(root: Path) -> str:
    from urllib.parse import quote

    names = sorted(path.name for path in root.glob("*.ipynb"))
    return f"/tree/{quote(names[0])}" if names else ""


# --- sandbox ----------------------------------------------------------------------------------------------------------


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 for a free one.")] = 8080,
    document: Document = _HOME,
    speed: Speed = 1.0,
    seed: Annotated[int, typer.Option(help="Another number gives other data, the same number the same.")] = 0,
    limits: Annotated[bool, typer.Option("--limits/--no-limits", help="Keep the API's rate limits.")] = True,
) -> None:
    """Serve a document on this machine, with believable data that changes as you call it; Ctrl-C ends it."""
    from .sandbox import Sandbox

    spec = _load(document)
    with _stop_signals() as stop, Sandbox(spec, seed=seed, speed=speed, limits=limits).start(port) as served:
        _tell(_sandbox_facts(spec, served.url, served.token()))
        _wait(stop)


def _sandbox_facts(spec: Spec, url: str, token: str) -> dict[str, str]:
    from .workbench import SANDBOX_URL

    path = next((op.path for op in spec if op.method == "GET" and "{" not in op.path), "")
    return {
        "Sandbox": url,
        "Document": f"{spec.title} {spec.version}, {len(spec)} operations",
        "Token": f"{token}\nmade here, and good for this sandbox alone",
        "Try": f'curl -H "Authorization: Bearer {token}" {url}{path}',
        "Notebook": f'{SANDBOX_URL}={url} in the environment of JupyterLab, then anb.connect("sandbox")',
        "": "Ctrl-C ends it.",
    }


# --- run --------------------------------------------------------------------------------------------------------------


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="A runbook, or any other notebook.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p", "--parameter", metavar="NAME=VALUE", help="A value for one parameter of the notebook; repeatable."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where the executed notebook goes; .astro_nb/runs/ else.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds that one cell may take.")] = None,
) -> None:
    """Run a notebook from the first cell to the last, and tell of each."""
    values = _parameters(parameter or [])
    from .runbook import run as run_notebook

    result = run_notebook(notebook, values, output, timeout, progress=_Cells())
    typer.echo(f"{result.executed} of {result.cells} cells in {result.seconds:.1f} s · {result.output}")
    if not result.ok:
        _refuse(result.error)


def _parameters(given: Iterable[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    bad = next((name for name, sign, _ in pairs if not sign or not name), None)
    if bad is not None:
        raise UsageError(f"The parameter {bad!r} has no value.", "Write -p name=value.")
    return {name: value for name, _, value in pairs}


class _Cells:
    """One line a cell: `[3/9] Create a Deployment … ok 0.4 s`; begun when the cell begins, ended when it ends."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, number: int, total: int, heading: str, state: str) -> None:
        if state == "running":
            self._begun = time.monotonic()
            typer.echo(f"[{number}/{total}] {heading} … ", nl=False)
            return
        typer.secho(state, fg=_OUTCOMES.get(state), nl=False)
        typer.echo(f" {time.monotonic() - self._begun:.1f} s")


# --- ops --------------------------------------------------------------------------------------------------------------


@app.command()
def ops(
    search: Annotated[str, typer.Argument(help="Words of an id, a path, a summary, a tag or a field.")] = "",
    document: Document = _HOME,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the operations of a document, or those that fit the words."""
    spec = _load(document)
    found = spec.search(search)
    if not found:
        raise UsageError(f"No operation of {spec.title} fits {search!r}.", _nearest(search, spec))
    if as_json:
        typer.echo(json.dumps([_operation_facts(op) for op in found], indent=2, ensure_ascii=False))
        return
    room = _path_room(found)
    _table([(op.method, op.id, _tail(op.path, room), op.summary) for op in found], _COLORS)
    typer.echo(f"{len(found)} operations" if not search else f"{len(found)} of {len(spec)} operations")


def _path_room(operations: Sequence[Operation]) -> int | None:
    """Characters for a path where summaries are to be read as well; None where nothing needs to be cut."""
    edge = _edge()
    taken = max(len(op.method) + len(op.id) for op in operations) + max(len(op.summary) for op in operations) + 6
    return None if edge is None else max(edge - taken, 24)


def _tail(text: str, room: int | None) -> str:
    """A text cut at its beginning: the end of a path tells more."""
    return text if room is None or len(text) <= room else f"…{text[1 - room :]}"


def _nearest(search: str, spec: Spec) -> str:
    ids = [op.id for op in spec]
    candidates = [name for text in ("".join(search.split()), *search.split()) for name in closest(text, ids)]
    nearest = list(dict.fromkeys(candidates))[:5]
    return f"Did you mean {' or '.join(nearest)}?" if nearest else f"`astro-nb ops` lists all {len(spec)}."


def _operation_facts(operation: Operation) -> dict[str, Any]:
    names = ("method", "id", "path", "summary", "tags", "deprecated")
    return {name: getattr(operation, name) for name in names} | {"permissions": operation.permissions}


# --- specs ------------------------------------------------------------------------------------------------------------


@specs_app.command("list")
def specs_list() -> None:
    """Tell which documents are on this machine: bundled with astro_nb, and pulled."""
    from .spec import bundled

    folders = {"bundled": bundled(f"{_HOME}.yaml").parent, "pulled": _pulled_folder()}
    _table([_document_row(kind, path) for kind, folder in folders.items() for path in _documents(folder)])


@specs_app.command("pull")
def specs_pull(
    version: Annotated[str, typer.Option(help=f"Which one: {', '.join(PUBLISHED)}.")] = "v1",
    url: Annotated[str, typer.Option(help="Another address to pull it from.")] = "",
) -> None:
    """Fetch Astronomer's own document, and tell how it differs from the bundled one."""
    from .client import Client
    from .files import write_atomically
    from .spec import load

    address = url or _published(version)
    data = Client().fetch(address)
    overlay = _bundled_or_none(f"astro-{version}.overlay.yaml")
    pulled = load(address, overlay, lambda _: data)  # read before it is kept: what is no document is refused here
    path = _pulled_folder() / f"astro-{version}.yaml"
    write_atomically(path, data)
    _tell(_pulled_facts(pulled, address, path, overlay))
    _tell_differences(pulled, _bundled_or_none(f"astro-{version}.yaml"))


def _published(version: str) -> str:
    if version not in PUBLISHED:
        raise UnknownName("published version", version, PUBLISHED)
    return PUBLISHED[version]


def _pulled_facts(pulled: Spec, address: str, path: Path, overlay: Path | None) -> dict[str, str]:
    from_overlay = f", overlay={str(overlay)!r}" if overlay else ""
    fits = "fits" if not pulled.warnings else f"{len(pulled.warnings)} of its targets no longer fit:"
    return {
        "Document": f"{pulled.title} {pulled.version}, {len(pulled)} operations",
        "From": address,
        "Kept in": str(path),
        "Overlay": "\n".join([fits, *pulled.warnings]) if overlay else "none ships for this version",
        "Use it": f'anb.connect("astro", spec={str(path)!r}{from_overlay})',
    }


def _tell_differences(pulled: Spec, home: Path | None) -> None:
    if home is None:
        return
    ours, theirs = ({op.id: op for op in spec} for spec in (_load(str(home)), pulled))
    added = [op for name, op in theirs.items() if name not in ours]
    removed = [op for name, op in ours.items() if name not in theirs]
    typer.echo(f"Against the bundled document: {len(added)} added, {len(removed)} removed")
    _table([(sign, op.id, op.method, op.path) for sign, ops_ in (("+", added), ("-", removed)) for op in ops_])


def _document_row(kind: str, path: Path) -> tuple[str, ...]:
    spec = _load(str(path))
    return kind, path.stem, f"{spec.title} {spec.version}", f"{len(spec)} operations", str(path)


def _documents(folder: Path) -> list[Path]:
    """The documents of a folder, without what lies beside them (`api.overlay.yaml`)."""
    return sorted(path for path in folder.glob("*.yaml") if "." not in path.stem)


def _pulled_folder() -> Path:
    from .spec.document import cache_folder

    return cache_folder() / "pulled"


def _bundled_or_none(name: str) -> Path | None:
    from .spec import bundled

    with contextlib.suppress(AstroNbError):
        return bundled(name)
    return None


# --- for all commands -------------------------------------------------------------------------------------------------


def _load(source: str) -> Spec:
    from .client import Client
    from .spec import load

    return load(source, fetch=Client().fetch)


def _tell(facts: Mapping[str, str]) -> None:
    """Names and values, aligned; a value of several lines hangs below its first one."""
    width = 2 + max(map(len, facts))
    for name, value in facts.items():
        typer.echo(name.ljust(width) + value.replace("\n", "\n" + " " * width))


def _table(rows: Sequence[tuple[str, ...]], colors: Mapping[str, str] | None = None) -> None:
    """Rows in aligned columns, the first one coloured; in a terminal, lines are cut at its edge."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    edge = _edge()
    for first, *others in rows:
        rest = "  ".join(text.ljust(width) for text, width in zip(others, widths[1:], strict=True)).rstrip()
        head = typer.style(first.ljust(widths[0]), fg=(colors or {}).get(first))
        room = None if edge is None else max(edge - widths[0] - 2, 20)
        typer.echo(f"{head}  {rest if room is None or len(rest) <= room else rest[: room - 1] + '…'}")


def _edge() -> int | None:
    """Columns of the terminal; None where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set, instead of what they do otherwise."""
    stop = threading.Event()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(stop: threading.Event, child: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until it is time to stop, or the child has ended by itself."""
    while not stop.wait(_TICK) and (child is None or child.poll() is None):
        pass

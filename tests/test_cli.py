"""The command line. Most commands run in this process; signals, terminals and JupyterLab need others."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
import typer.main

from astro_nb import __version__
from astro_nb.cli import PUBLISHED, app, main
from astro_nb.openapi import bundled, load

PROGRAM = Path(sys.executable).with_name("astro-nb")
PATIENCE = 60.0  # seconds
KERNEL_CODE = """
import os, astro_nb as anb
api = anb.connect(history=None)
exchange = api.call("ListOrganizations")
print(exchange.status, os.environ["ASTRO_NB_SANDBOX_URL"], exchange.request.url)
"""

needs_lab = pytest.mark.skipif(
    find_spec("jupyterlab") is None and not os.environ.get("CI"), reason="the package jupyterlab is not installed"
)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in an empty folder, with caches and Jupyter's folders of its own."""
    folders = ("ASTRO_NB_CACHE", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    for name in folders:
        place = tmp_path / ".places" / name
        place.mkdir(parents=True)
        monkeypatch.setenv(name, str(place))
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Finished:
    """The output of a command that ended."""

    stdout: str
    stderr: str


def cli(*arguments: str | Path, status: int = 0, during: Callable[[], None] | None = None) -> Finished:
    """Run a command in this process; it has to end with this exit status, and without a traceback.

    Args:
        arguments: Those of `astro-nb`.
        status: The expected exit status.
        during: Runs in a thread beside the command.
    """
    output, errors = io.StringIO(), io.StringIO()
    code: Any = 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        patch.setattr(sys, "argv", ["astro-nb", *map(str, arguments)])
        thread = threading.Thread(target=during or (lambda: None))
        thread.start()
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        thread.join()
    assert code == status, output.getvalue() + errors.getvalue()
    assert "Traceback" not in output.getvalue() + errors.getvalue()
    return Finished(output.getvalue(), errors.getvalue())


def parse_facts(lines: list[str]) -> dict[str, str]:
    """The names and values that a serving command prints first."""
    pairs = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def sandbox_facts(*arguments: str | Path, probe: Callable[[dict[str, str]], Any]) -> Any:
    """Run `astro-nb sandbox` in this process, stop it when `probe` has used its facts; the result of `probe`."""
    results: list[Any] = []

    def use() -> None:
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C stops" not in sys.stdout.getvalue():  # type: ignore[attr-defined]  # redirected by `cli`
            assert time.monotonic() < deadline, "the sandbox did not start"
            time.sleep(0.01)
        try:
            results.append(probe(parse_facts(sys.stdout.getvalue().splitlines())))  # type: ignore[attr-defined]
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    cli("sandbox", "--port", "0", *arguments, during=use)
    (result,) = results
    return result


class Served:
    """A command that runs until a signal, in a process of its own, and the facts that it printed first."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.facts = parse_facts(_read_until(process, "Ctrl-C stops"))

    def stop(self, number: int) -> int:
        """Send the signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def _read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if words in line:
            return lines
        lines.append(line)
    raise AssertionError(f"It ended: {''.join(lines)}{process.stderr.read() if process.stderr else ''}")


@contextlib.contextmanager
def serving(*arguments: str | Path) -> Iterator[Served]:
    """Start a command that serves; it is stopped on exit, whatever happens."""
    command = [str(PROGRAM), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(PATIENCE, process.terminate)
        watchdog.start()
        try:
            yield Served(process)
        finally:
            watchdog.cancel()
            process.terminate()


def fetch(url: str, **headers: str) -> tuple[int, str]:
    """The status and text of the response at a URL of this machine."""
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()


def state_of(url: str) -> dict[str, Any]:
    """The state that a sandbox reports."""
    found: dict[str, Any] = json.loads(fetch(f"http://{urlsplit(url).netloc}/-/state")[1])
    return found


def is_open(url: str) -> bool:
    """Whether something listens at the port of a URL."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 80)) == 0


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet collected does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# --- help and mistakes ------------------------------------------------------------------------------------------------


def test_version() -> None:
    """The installed program exists, and `--version` shows the version of the package."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == f"astro_nb {__version__}\n"


def test_help_names_every_command() -> None:
    """The help names every command, and needs nothing heavy to do so."""
    help_text = cli("--help").stdout
    assert all(f"\n  {name} " in help_text for name in ("lab", "sandbox", "run", "scan", "ops", "audit", "specs"))
    heavy = "{'pandas', 'ipywidgets', 'openapi_core', 'nbformat', 'nbclient', 'IPython'}"
    code = f"import sys, astro_nb.cli; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_every_option_is_documented() -> None:
    """Every command, argument and option has a sentence of help."""
    root: Any = typer.main.get_command(app)
    commands = {name: command for name, command in root.commands.items() if name != "specs"}
    commands |= root.commands["specs"].commands
    assert {name for name, command in commands.items() if not command.help} == set()
    nameless = [(name, p.name) for name, c in commands.items() for p in c.params if not getattr(p, "help", None)]
    assert nameless == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ops", "--document", "no-such"), "No file 'no-such.yaml' ships with astro_nb."),
        (("ops", "--document", "no/such.yaml"), "There is no document at 'no/such.yaml'"),
        (("sandbox", "--document", "no-such"), "No file 'no-such.yaml' ships with astro_nb."),
        (("run", "no-such.ipynb"), "no-such.ipynb"),
        (("run", "no-such.ipynb", "-p", "name"), "The parameter 'name' has no value. Write -p name=value."),
        (("specs", "pull", "--version", "v2"), "There is no published version named 'v2'. There are: v1, "),
        (("lab", "no/such/folder"), "There is no folder 'no/such/folder'."),
    ],
)
def test_an_error_is_a_sentence(arguments: tuple[str, ...], message: str) -> None:
    """A mistake ends in exit status 1 and one line on stderr that says what to do."""
    done = cli(*arguments, status=1)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_an_error_is_red_in_a_terminal() -> None:
    """In a terminal an error is red; elsewhere there are no colours."""
    assert in_terminal("ops", "qqqq").startswith("\x1b[31mNo operation")
    assert "\x1b" not in cli("ops", "qqqq", status=1).stderr


def in_terminal(*arguments: str) -> str:
    """What a command shows in a terminal."""
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen([str(PROGRAM), *arguments], stdout=theirs, stderr=theirs):
        os.close(theirs)
        with contextlib.suppress(OSError):  # how a terminal reports that its other end is closed
            while piece := os.read(ours, 65_536):
                shown += piece
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


# --- ops --------------------------------------------------------------------------------------------------------------


def test_ops_lists_all() -> None:
    """Without words `ops` lists every operation once, in aligned columns, and counts them."""
    *rows, count = cli("ops").stdout.splitlines()
    spec = load()
    assert count == f"{len(spec)} operations"
    assert [tuple(row.split()[:3]) for row in rows] == [(op.method, op.id, op.path) for op in spec]
    assert len({row.index("/") for row in rows}) == 1


def test_ops_finds() -> None:
    """Words narrow the list as `Spec.search` does; `--json` prints the same for programs."""
    text = cli("ops", "agent tokens").stdout
    found = json.loads(cli("ops", "agent tokens", "--json").stdout)
    expected = [op.id for op in load().search("agent tokens")]
    assert [entry["id"] for entry in found] == expected
    assert text.endswith(f"{len(expected)} of {len(load())} operations\n")
    assert set(found[0]) == {"method", "id", "path", "summary", "tags", "deprecated", "permissions"}


def test_ops_finds_nothing() -> None:
    """Words that match nothing end in exit status 1 and the nearest operations."""
    assert "Did you mean ListDeployments" in cli("ops", "lst deploymnts", status=1).stderr
    assert f"lists all {len(load())}." in cli("ops", "qqqq", status=1).stderr


def test_ops_of_another_document(shared: Path) -> None:
    """`--document` takes any OpenAPI document."""
    assert cli("ops", "--document", shared / "specs" / "petstore3.yaml").stdout.endswith("19 operations\n")


def test_ops_of_a_url() -> None:
    """`--document` takes an address, too."""
    with web(bundled("astro-v1.yaml").parent) as url:
        assert cli("ops", "--document", f"{url}/astro-v1.yaml").stdout.endswith(f"{len(load())} operations\n")


def test_ops_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal no line is wider than it, and the end of the path and the summary are still there."""
    monkeypatch.setenv("COLUMNS", "120")
    lines = [re.sub(r"\x1b\[\d*m", "", line) for line in in_terminal("ops", "deployments").splitlines()]
    assert max(map(len, lines)) <= 120
    assert any(re.search(r"^GET +ListDeployments +…\S*/deployments +List the Organization's D", line) for line in lines)


# --- sandbox ----------------------------------------------------------------------------------------------------------


def test_sandbox_serves_until_ctrl_c() -> None:
    """The sandbox responds at the URL and with the token that it prints; Ctrl-C stops it with exit status 0."""
    with serving("sandbox", "--port", "0") as served:
        url, token = served.facts["Sandbox"], served.facts["Token"]
        status, text = fetch(f"{url}/organizations", Authorization=f"Bearer {token}")
        assert (status, fetch(f"{url}/organizations")[0]) == (200, 403)
        assert json.loads(text)["organizations"]
        assert served.stop(signal.SIGINT) == 0
        assert not is_open(url)


def test_sandbox_curl_line() -> None:
    """The curl line that the sandbox prints is complete: it is all that a request needs."""

    def probe(facts: dict[str, str]) -> tuple[str, int]:
        program, _, credentials, url = shlex.split(facts["Try"])
        name, _, value = credentials.partition(": ")
        return program, fetch(url, **{name: value})[0]

    assert sandbox_facts(probe=probe) == ("curl", 200)


def test_sandbox_options(shared: Path) -> None:
    """`--speed`, `--no-limits` and `--document` reach the sandbox, and SIGTERM stops it like Ctrl-C."""
    path = shared / "specs" / "petstore3.yaml"
    facts, state = sandbox_facts(
        "--speed", "25", "--no-limits", "--document", path, probe=lambda facts: (facts, state_of(facts["Sandbox"]))
    )
    assert (state["speed"], state["limits"], state["title"]) == (25, False, load(path).title)
    assert "19 operations" in facts["Document"]
    assert not is_open(facts["Sandbox"])


def test_sandbox_seed() -> None:
    """The same seed gives the same data, another seed other data."""

    def probe(facts: dict[str, str]) -> str:
        text = fetch(f"{facts['Sandbox']}/organizations", Authorization=f"Bearer {facts['Token']}")[1]
        return str(json.loads(text)["organizations"][0]["id"])

    ids = [sandbox_facts("--seed", seed, probe=probe) for seed in ("1", "1", "2")]
    assert ids[0] == ids[1] != ids[2]


def test_sandbox_port_taken() -> None:
    """A port that is in use is reported in one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port}" in cli("sandbox", "--port", port, status=1).stderr


# --- lab --------------------------------------------------------------------------------------------------------------


@needs_lab
def test_lab_with_its_sandbox(tmp_path: Path) -> None:
    """Lab opens at the first notebook, its kernels find the sandbox, no news is fetched; SIGTERM ends every process."""
    for name in ("02-later.ipynb", "01 first.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / name)
    with serving("lab", "--no-browser", "--speed", "7", tmp_path) as served:
        address, sandbox = served.facts["JupyterLab"], served.facts["Sandbox"]
        assert "/lab/tree/01%20first.ipynb?token=" in address
        status, page = fetch(address)
        assert status == 200
        assert '"news": {"disabled": true}' in page
        assert re.search(r'"disabledExtensions": \[[^]]*"@jupyterlab/apputils-extension:announcements"', page)
        assert state_of(sandbox)["speed"] == 7
        kernel, output = _run_in_kernel(address, KERNEL_CODE)
        assert output.split() == ["200", sandbox, f"{sandbox}/organizations"]
        assert served.stop(signal.SIGTERM) == 0
        assert [is_open(address), is_open(sandbox), is_alive(kernel)] == [False, False, False]


def _run_in_kernel(address: str, code: str) -> tuple[int, str]:
    """Start a kernel in the Lab at the address; its process id, and what it prints when it runs the code."""
    from jupyter_client import BlockingKernelClient

    parts = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)) as connection:
        authorization = {"Authorization": f"token {parts.query.removeprefix('token=')}"}
        connection.request("POST", "/api/kernels", body="{}", headers=authorization)
        kernel = json.loads(connection.getresponse().read())["id"]
    client = BlockingKernelClient()
    client.load_connection_file(str(Path(os.environ["JUPYTER_RUNTIME_DIR"]) / f"kernel-{kernel}.json"))
    client.start_channels()
    client.wait_for_ready(PATIENCE)
    outputs: list[str] = []

    def collect(message: dict[str, Any]) -> None:
        outputs.append(message["content"].get("text") or str(message["content"].get("traceback", "")))

    client.execute_interactive(f"{code}\nprint(os.getpid())", output_hook=collect, timeout=PATIENCE)
    client.stop_channels()
    *lines, pid = "".join(outputs).splitlines()
    return int(pid), "\n".join(lines)


@needs_lab
def test_lab_without_its_usual_folder_and_port() -> None:
    """Without a folder of notebooks, and with port 8888 in use, Lab takes the current folder and a free port.

    It says so, and Ctrl-C stops it without further output.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # another program uses it, which is as good
            stack.enter_context(socket.create_server(("127.0.0.1", 8888)))
        served = stack.enter_context(serving("lab", "--no-browser"))
        address = served.facts["JupyterLab"]
        port = urlsplit(address).port
        assert "/lab?token=" in address
        assert fetch(f"http://127.0.0.1:{port}/api")[0] == 200
        assert served.stop(signal.SIGINT) == 0
        assert served.process.stderr is not None
        no_folder, other_port = served.process.stderr.read().splitlines()
        assert no_folder.endswith("JupyterLab opens the current folder.")
        assert other_port == f"Port 8888 is in use: JupyterLab uses port {port}."


@needs_lab
def test_lab_stopped_before_it_is_ready() -> None:
    """A signal while Lab is starting stops it without output, like a later one."""
    with subprocess.Popen([str(PROGRAM), "lab", "--no-browser"], stdout=subprocess.PIPE) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None and not children.read_text():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.communicate()[0] == b""


def test_lab_port_taken() -> None:
    """A requested port that is in use is an error; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} is in use." in cli("lab", "--no-browser", "--port", port, ".", status=1).stderr


def test_lab_not_installed() -> None:
    """Without JupyterLab, one sentence says how to install it."""
    code = "import sys; sys.modules['jupyterlab'] = None; from astro_nb.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "lab"], capture_output=True, text=True, check=False)
    message = 'JupyterLab is not installed. Install it with: pip install "astro_nb[lab]".\n'
    assert (done.returncode, done.stderr) == (1, message)


# --- run --------------------------------------------------------------------------------------------------------------


def notebook(path: Path, *sources: str) -> Path:
    """A notebook of code cells, the first of which holds the parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata.tags = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_run_to_the_end(tmp_path: Path) -> None:
    """A notebook runs with the given parameters; each cell is a line, and the output has the given path."""
    path = notebook(tmp_path / "sum.ipynb", "first = 1", "second = first + 1", "print(second)")
    done = cli("run", path, "-p", "first=41", "--output", tmp_path / "done.ipynb")
    cells = re.findall(r"^\[(\d+)/(\d+)\] .* … ok \d+\.\d s$", done.stdout, re.MULTILINE)
    assert [int(number) for number, _ in cells] == list(range(1, len(cells) + 1))
    assert len(cells) >= 3
    assert str(tmp_path / "done.ipynb") in done.stdout.splitlines()[-1]
    assert nbformat.read(tmp_path / "done.ipynb", 4).cells[-1].outputs[0].text == "42\n"


def test_run_that_fails(tmp_path: Path) -> None:
    """A failing cell ends the run with exit status 1 and a sentence that names the error."""
    path = notebook(tmp_path / "bad.ipynb", "number = 0", "1 / number", "print('never')")
    done = cli("run", path, status=1)
    (message,) = done.stderr.splitlines()
    assert "ZeroDivisionError: division by zero" in message
    assert re.search(r"… failed \d", done.stdout)


def test_run_against_the_sandbox(tmp_path: Path) -> None:
    """A notebook that calls the API runs as it does in Lab, on the embedded sandbox."""
    code = 'import astro_nb as anb\napi = anb.connect(environment)\nassert api.call("ListOrganizations").ok'
    cli("run", notebook(tmp_path / "call.ipynb", 'environment = "sandbox"', code))


def test_run_with_an_unknown_parameter(tmp_path: Path) -> None:
    """A parameter that the notebook does not have is refused with the nearest that it has."""
    path = notebook(tmp_path / "sum.ipynb", "workspace = 1")
    assert "Did you mean workspace?" in cli("run", path, "-p", "worksapce=2", status=1).stderr


# --- specs ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def web(folder: Path) -> Iterator[str]:
    """The files of a folder over HTTP on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_specs_pull(tmp_path: Path) -> None:
    """A pulled document is saved unchanged; added and removed operations and unmatched overlay targets are reported."""
    text = bundled("astro-v1.yaml").read_text(encoding="utf-8")
    changed = re.sub(r"\bUpdateDeploymentHibernationOverride\b", "HibernateDeployment", text)
    changed = changed.replace("/hibernation-override:", "/hibernation:")
    (tmp_path / "newer.yaml").write_text(changed, encoding="utf-8")
    with web(tmp_path) as url:
        output = cli("specs", "pull", "--url", f"{url}/newer.yaml").stdout
    saved = tmp_path / ".places" / "ASTRO_NB_CACHE" / "pulled" / "astro-v1.yaml"
    assert saved.read_text(encoding="utf-8") == changed
    assert f"{len(load())} operations" in output
    assert "1 added, 1 removed" in output
    assert re.search(r"^\+  HibernateDeployment +POST", output, re.MULTILINE)
    assert re.search(r"^-  UpdateDeploymentHibernationOverride +POST", output, re.MULTILINE)
    unmatched = len(load(saved, bundled("astro-v1.overlay.yaml")).warnings)
    assert f"{unmatched} of its targets {'is' if unmatched == 1 else 'are'} no longer matched" in output
    rows = [line.split()[:2] for line in cli("specs", "list").stdout.splitlines()]
    assert rows == [["bundled", "astro-v1"], ["pulled", "astro-v1"]]


def test_specs_pull_of_the_same() -> None:
    """The bundled document, pulled, has no differences, and its overlay matches."""
    with web(bundled("astro-v1.yaml").parent) as url:
        output = cli("specs", "pull", "--url", f"{url}/astro-v1.yaml").stdout
    assert "0 added, 0 removed" in output
    assert re.search(r"^Overlay +matches$", output, re.MULTILINE)


def test_specs_pull_line_works(tmp_path: Path) -> None:
    """The line about how to use the pulled document is Python that loads it with its overlay."""
    with web(bundled("astro-v1.yaml").parent) as url:
        output = cli("specs", "pull", "--url", f"{url}/astro-v1.yaml").stdout
    line = next(line.partition("anb.connect")[2] for line in output.splitlines() if line.startswith("Use it"))
    arguments = eval(f"dict(environment={line.removeprefix('(')}", {})  # noqa: S307  # the line under test
    spec = load(arguments["spec"], arguments["overlay"])
    assert len(spec) == len(load())
    assert spec.extensions.token


@pytest.mark.parametrize("content", ["<html>Sign in</html>", "swagger: '1.2'\npaths: {}", "{"])
def test_specs_pull_of_no_document(tmp_path: Path, content: str) -> None:
    """What is not an OpenAPI 3 document is refused, and nothing is kept of it."""
    (tmp_path / "page.html").write_text(content)
    with web(tmp_path) as url:
        cli("specs", "pull", "--url", f"{url}/page.html", status=1)
    assert not list(tmp_path.rglob("pulled"))


def test_specs_pull_without_an_answer(tmp_path: Path) -> None:
    """A server that does not return the document, or is unreachable, is reported in one sentence."""
    with web(tmp_path) as url:
        assert "the server responded with 404" in cli("specs", "pull", "--url", f"{url}/none.yaml", status=1).stderr
    output = cli("specs", "pull", "--url", f"{url}/none.yaml", status=1).stderr
    assert output.startswith(f"There is no document at {url}/none.yaml: ")
    assert len(output.splitlines()) == 1


def test_published_addresses() -> None:
    """Documents come from Astronomer's own host, over HTTPS."""
    assert {urlsplit(url)[:2] for url in PUBLISHED.values()} == {("https", "api.astronomer.io")}

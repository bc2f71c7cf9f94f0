"""Planted secrets of every kind, looked for in everything that can be written, printed, drawn, logged or raised."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import tempfile
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any
from urllib.parse import quote, urljoin

import httpx
import pytest
from ipywidgets.widgets.widget import _instances as living
from support.planted import (
    BEARER,
    CLIENT,
    IN_QUERY,
    ONE_TIME,
    PASTED,
    PLANTED,
    TYPED,
    Seen,
    assert_clean,
    document,
    forms,
    served,
    spellings,
)

import astro_nb as anb
from astro_nb import Environment, Secret, Workbench, connect
from astro_nb.codegen import SNIPPETS
from astro_nb.errors import AstroNbError, SettingsError, UsageError
from astro_nb.http import Client
from astro_nb.runbooks import run
from astro_nb.secrets import redact

OPERATIONS = ("echo", "fails", "save", "mint", "keyed", "queried", "granted", "back")


@dataclass
class Planted:
    """A workbench in which every secret is in use, and what the server saw of it."""

    api: Workbench
    seen: Seen = field(repr=False)
    folder: Path

    def arguments(self, operation: str) -> dict[str, Any]:
        return {"name": "visible", "password": Secret.in_memory(TYPED)} if operation == "save" else {}

    def run_every_kind(self) -> list[Any]:
        """Every call, once from the cell and once in the background; the one-time token is captured."""
        exchanges = []
        for name in OPERATIONS:
            exchanges.append(self.api.call(name, **self.arguments(name)))
            call = self.api.session.build_call(name, self.arguments(name))
            exchanges.append(self.api.session.start(call).result(10))
            if name == "mint":
                self.api.variables["captured"] = exchanges[-1]["$.token"]
        return exchanges


@contextmanager
def planted(
    folder: Path, transport: Any = None, spec: Any = None, production: bool = False, **variables: str
) -> Iterator[Planted]:
    with served() as (url, seen):
        client = {"client_id": "me", "client_secret": "env:PLANTED_CLIENT", "token_url": f"{url}/token"}
        credentials = {"T": "env:PLANTED_BEARER", "OAuth": client}
        environment = Environment(
            "planted", base_url=url, credentials=credentials, variables=variables, production=production
        )
        api = connect(environment, spec=spec or document(), history=folder / ".astro_nb", transport=transport)
        api.session.credentials.add("Key", PASTED)
        api.session.credentials.add("Query", IN_QUERY)
        yield Planted(api, seen, folder)
        api.close()


@pytest.fixture
def planted_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Planted]:
    """The workbench with the planted secrets, in an empty folder."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path) as made:
        yield made


def use_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PLANTED_BEARER", BEARER)
    monkeypatch.setenv("PLANTED_CLIENT", CLIENT)
    monkeypatch.chdir(folder)
    (folder / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "t"))
    monkeypatch.setenv("TMPDIR", str(folder / "t"))


# --- the search itself ------------------------------------------------------------------------------------------------


def test_the_search_finds_what_is_planted() -> None:
    """Each spelling of each secret is found in a text that contains it, and is too long to be found by chance."""
    for secret in PLANTED.values():
        assert min(map(len, forms(secret))) > 12
        for form in forms(secret):
            with pytest.raises(AssertionError):
                assert_clean(f"…{form}…", "a text")


def test_every_secret_is_really_sent(planted_session: Planted) -> None:
    """The server received them all, so it could echo them all."""
    planted_session.run_every_kind()
    sent = planted_session.seen.text
    for what in ("bearer", "pasted", "query", "granted"):
        assert f"{what}-pl4nted" in sent
    assert TYPED in "".join(
        json.loads(body)["password"] for _, path, _, body in planted_session.seen.requests if path == "/save"
    )


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED)
def test_every_form_is_redacted(secret: str) -> None:
    """Every way in which a server writes a secret is redacted: escaped for HTML, for JSON by Go or .NET, for Python."""
    net = "".join(f"\\u{ord(s):04X}" if s in "<>&'\"+`\\" or ord(s) > 126 else s for s in secret)
    for form in {*spellings(secret), net.replace("\\u005C", "\\\\")}:
        assert redact(f"[{form}]", [secret]) == "[*****]", form


# --- shown ------------------------------------------------------------------------------------------------------------


def reachable(*roots: Any, most: int = 20_000) -> Iterator[Any]:
    """Yield every object of this package that can be reached from the roots by attributes, slots and containers."""
    waiting, seen = list(roots), set[int]()
    while waiting and len(seen) < most:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | type | FrameType):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting += [*value.values(), *value.keys()]
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += value
        elif type(value).__module__.startswith("astro_nb"):
            yield value
            with suppress(TypeError):
                waiting += vars(value).values()
            slots = [slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ())]
            waiting += [getattr(value, slot) for slot in slots if slot != "_value" and hasattr(value, slot)]


def test_no_reachable_object_shows_one(planted_session: Planted) -> None:
    """No repr, str, format or HTML of any reachable object has one: prepared requests, values, grants, tokens."""
    exchanges = planted_session.run_every_kind()
    api, kinds = planted_session.api, set[str]()
    plans = [api.session.prepare(api.session.build_call(name, planted_session.arguments(name))) for name in OPERATIONS]
    values = api.session._resolver("revealed")
    values.credential("T")
    previews = [api.session.preview(plan.call) for plan in plans]
    roots = (api, exchanges, plans, values, previews, Client(), api.explore("save"), api.runbook)
    for subject in reachable(*roots):
        kinds.add(type(subject).__name__)
        where = f"a {type(subject).__name__}"
        assert_clean(f"{subject!r} {subject!s} {subject}", where)
        if hasattr(subject, "_repr_mimebundle_") and type(subject).__name__ not in ("Workbench", "Explorer"):
            assert_clean(repr(subject._repr_mimebundle_()), f"the display of {where}")
    assert kinds >= {
        "PreparedRequest",
        "Grant",
        "Token",
        "Request",
        "Response",
        "Exchange",
        "Resolver",
        "Secret",
        "Call",
        "Variables",
    }
    for public in (api, api.session, api.environment, *exchanges):
        assert_clean(repr(vars(public)), f"the attributes of a {type(public).__name__}")


def test_no_view_of_a_response_shows_one(planted_session: Planted) -> None:
    """Text, JSON, items, frame, headers, error, call as data; no other response shows a typed secret."""
    for exchange in planted_session.run_every_kind():
        views = [
            exchange.text,
            exchange.json(),
            exchange.items,
            exchange.headers,
            exchange.error,
            exchange.call.to_dict(),
        ]
        views += [exchange.frame().to_csv(), exchange.frame().to_html(), exchange["$"], exchange.request_id]
        views += [exchange.request.url, exchange.request.headers, exchange.request.body.decode()]
        assert_clean(" ".join(map(repr, views)) + " ".join(map(str, views)), f"a view of {exchange.operation.id}")
    frames = [planted_session.api.history.frame(), planted_session.api.errors.frame()]
    assert_clean("".join(f.to_csv() + f.to_html() + f.to_json(date_format="iso") for f in frames), "a frame")


def test_no_snippet_and_no_widget_contains_a_secret(planted_session: Planted) -> None:
    """Every kind of snippet of every operation, and the synchronised state of every widget at every tab."""
    exchanges, api = planted_session.run_every_kind(), planted_session.api
    for exchange in exchanges:
        for kind in SNIPPETS:
            assert_clean(api.session.snippet(kind, exchange.call), f"{kind} of {exchange.operation.id}")
    explorer = api.explore("save")
    for exchange in exchanges:
        explorer.reopen(exchange)
        for tab in explorer.response._tabs.options:
            explorer.response._tabs.value = tab
            assert_clean(str([widget.get_state() for widget in living.values()]), f"the widgets at {tab}")
    assert explorer.status.last_error is None


# --- written ----------------------------------------------------------------------------------------------------------


def test_no_file_contains_a_secret(planted_session: Planted) -> None:
    """The history with its journal, bodies decompressed; runbook, executed notebook, its HTML; temporary files."""
    planted_session.run_every_kind()
    assert ONE_TIME in planted_session.api.call("late").text, (
        "what a server tells in a plain field is shown, but not kept"
    )
    assert_no_secret_in_folder(planted_session.folder)  # while the history is open: the journal is there
    assert [path for path in planted_session.folder.rglob("*-wal") if path.stat().st_size]
    path = planted_session.api.runbook.write("planted.ipynb")
    source = path.read_text(encoding="utf-8")
    assert_clean(source, "the runbook")
    (planted_session.folder / "planted.json").write_text(json.dumps(document()), encoding="utf-8")
    result = run(path, {"base_url": planted_session.api.environment.base_url, "document": "planted.json"})
    assert result.executed
    assert_clean(f"{result!r} {result} {result.error} {result._repr_mimebundle_()}", "the result of the run")
    if find_spec("nbconvert"):
        from nbconvert import HTMLExporter

        (planted_session.folder / "planted.html").write_text(
            HTMLExporter().from_filename(str(result.output))[0], encoding="utf-8"
        )
    files = assert_no_secret_in_folder(planted_session.folder)
    assert {".sqlite", ".ipynb", ".json"} <= {file.suffix for file in files}


def assert_no_secret_in_folder(folder: Path) -> list[Path]:
    """Search every file below a folder as bytes, and databases also row by row."""
    import sqlite3

    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        assert_clean(file.read_bytes().decode("latin-1"), file.name)
    found: list[str] = []
    for file in files:  # afterwards: whoever opens a database may take its journal away
        if file.suffix == ".sqlite":
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
                rows = [repr(row) for row in database.execute("SELECT * FROM entry")]
                bodies = [zlib.decompress(row[0]).decode() for row in database.execute("SELECT content FROM body")]
            database.close()
            found += [*rows, *bodies]
            assert_clean("\n".join([*rows, *bodies]), f"the rows of {file.name}")
    assert found
    return files


def test_no_environment_file_has_one(planted_session: Planted) -> None:
    """An environment is not written if one of its values is a secret that it refers to, in any spelling."""
    from astro_nb.environments import save_environment

    for spelled in (BEARER, f"Bearer {BEARER}", {"deep": [json.dumps(BEARER)]}):
        leaking = Environment("leaking", credentials={"T": "env:PLANTED_BEARER"}, variables={"plain": spelled})
        with pytest.raises(SettingsError, match="variables") as caught:
            save_environment(leaking, planted_session.folder / "environments")
        assert_clean(str(caught.value) + repr(caught.value.data), "the refusal")
    assert not (planted_session.folder / "environments").exists()
    with pytest.raises(SettingsError, match="password") as caught:
        Environment("url", base_url=f"https://me:{quote(ONE_TIME, safe='')}@api.example.com")
    assert_clean(str(caught.value), "the refusal")


def test_no_log_contains_a_secret(planted_session: Planted) -> None:
    """Everything at DEBUG, of every library, the arguments of each record included."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name} {record.getMessage()} {record.args!r} {vars(record)!r}")

    root, handler, before = logging.getLogger(), Keep(0), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        planted_session.run_every_kind()
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert any("httpcore" in line and "send_request_headers" in line for line in lines), "nothing is proved"
    assert_clean("\n".join(lines), "a log")


def test_nothing_is_warned_or_printed(
    planted_session: Planted, capfd: pytest.CaptureFixture[str], recwarn: Any
) -> None:
    """Warnings, standard output and standard error contain none."""
    planted_session.run_every_kind()
    out, err = capfd.readouterr()
    assert_clean(out + err + "".join(str(w.message) for w in recwarn), "what is printed")


def test_no_copy_contains_a_secret(planted_session: Planted) -> None:
    """An object with a secret cannot be pickled; pickled data contains none."""
    exchanges, api = planted_session.run_every_kind(), planted_session.api
    plan = api.session.prepare(api.session.build_call("granted", {}))
    values = api.session._resolver("revealed")
    values.credential("T")
    holders = [
        plan,
        plan.grant,
        values,
        api.session.prepare(api.session.build_call("queried", {})).request,
        Secret.in_memory(TYPED),
    ]
    for subject in holders:
        with pytest.raises(TypeError):
            pickle.dumps(subject)
    others = [api, api.session, api.variables, api.environment, api.history, *exchanges]
    others += [e.call for e in exchanges] + [e.request for e in exchanges]
    pickled = 0
    for subject in others:
        with suppress(TypeError):
            assert_clean(pickle.dumps(subject).decode("latin-1"), f"a pickled {type(subject).__name__}")
            pickled += 1
        with suppress(TypeError):
            assert_clean(repr(copy.copy(subject)), f"a copied {type(subject).__name__}")
    assert pickled >= 2 * len(exchanges)


# --- raised -----------------------------------------------------------------------------------------------------------


class Breaking(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that raises while it has the request; its frames are like those of a library."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raw = [*request.headers.raw, str(request.url), request.content if hasattr(request, "_content") else b""]
        raise self.error(f"broken after {len(raw)} parts")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def traceback_text(error: BaseException) -> str:
    """The text of all tracebacks with locals, earlier errors included: plain, and as IPython writes them."""
    from IPython.core.ultratb import VerboseTB

    found_text, waiting = [], [error]
    while waiting:
        now = waiting.pop()
        waiting += [e for e in (now.__cause__, None if now.__suppress_context__ else now.__context__) if e]
        found_text += [str(now), repr(now), repr(getattr(now, "data", "")), repr(vars(now))]
        found_text.append("".join(traceback.TracebackException.from_exception(now, capture_locals=True).format()))
        for frame in frames_of(now.__traceback__):
            found_text += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        out = io.StringIO()
        with suppress(OSError, TypeError):  # a source that cannot be read
            out.write(VerboseTB(theme_name="nocolor").text(type(now), now, now.__traceback__))
        found_text.append(out.getvalue())
    return "\n".join(found_text)


def frames_of(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@pytest.mark.parametrize("operation", ["echo", "save", "keyed", "queried"])
def test_no_failure_of_a_transport_has_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str, error: type[Exception]
) -> None:
    """What a transport raises becomes an exchange, which has nothing of the request in the clear."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path, Breaking(error)) as made:
        exchange = made.api.call(operation, **made.arguments(operation))
        found_text = f"{exchange!r} {exchange.failure} {exchange.error} {exchange._repr_mimebundle_()}"
    assert exchange.failure is not None
    assert exchange.failure.kind == "transport"
    assert_clean(found_text, "a failure")


@pytest.mark.parametrize("error", [KeyboardInterrupt])
@pytest.mark.parametrize("operation", ["echo", "save", "keyed", "queried"])
def test_no_traceback_contains_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str, error: type[BaseException]
) -> None:
    """Whatever stops a request while it is sent, no frame of the traceback has it in the clear."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path, Breaking(error)) as made, pytest.raises(error) as caught:
        made.api.call(operation, **made.arguments(operation))
    found_text = traceback_text(caught.value)
    assert "session.py" in found_text, "nothing is proved"
    assert_clean(found_text, "a traceback")


def test_no_traceback_of_the_background_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same on the client's thread."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path, Breaking(RuntimeError)) as made:
        running = made.api.session.client.start(made.api.session.prepare(made.api.session.build_call("queried", {})))
        exchange = running.result(10)
    assert exchange.failure is not None
    assert_clean(f"{exchange!r} {exchange.failure} {exchange.error} {exchange._repr_mimebundle_()}", "a failure")


@pytest.mark.parametrize(
    ("operation", "arguments", "kind"),
    [
        ("echo", {"header": "two\r\nlines"}, UsageError),
        ("save", {"name": "{{nobody}}", "password": Secret.in_memory(TYPED)}, AstroNbError),
        ("keyed", {"header": "{{nobody}}"}, AstroNbError),
    ],
)
def test_no_error_contains_a_secret(
    planted_session: Planted, operation: str, arguments: dict[str, Any], kind: type[Exception]
) -> None:
    """An error that is raised while the secrets are revealed has none in its frames, data or message."""
    headers = {"X-Odd": arguments["header"]} if "header" in arguments else {}
    body = {name: value for name, value in arguments.items() if name != "header"}
    call = anb.Call(operation, body=body or anb.UNSET, headers=headers)
    with pytest.raises(kind) as caught:
        planted_session.api.send(call)
    del call, body, arguments
    found_text = [
        f"{frame.f_code.co_filename} {frame.f_locals!r}"
        for frame in frames_of(caught.tb)
        if "test_leaks" not in str(frame)
    ]
    assert any("session.py" in frame for frame in found_text)
    assert_clean("\n".join([*found_text, str(caught.value), repr(caught.value.data)]), "a traceback")


# --- the sandbox ------------------------------------------------------------------------------------------------------


def test_the_sandbox_logs_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its log, its reprs and its control endpoints contain no typed secret."""
    use_folder(monkeypatch, tmp_path)
    with anb.Sandbox() as sandbox:
        monkeypatch.setenv("ASTRO_NB_SANDBOX_URL", sandbox.url)
        api = connect(history=None)
        link = {"objectType": "CONNECTION", "objectKey": "w", "scope": "WORKSPACE", "scopeEntityId": "x"}
        made = api.call("CreateEnvironmentObject", **link, connection={"type": "postgres", "password": TYPED})
        assert made.status
        state = httpx.get(urljoin(sandbox.url, "/-/state")).text
        assert "requests" in json.loads(state)
        shown = [state, repr(sandbox), repr(sandbox.log), str(vars(api.sandbox)), repr(api.sandbox)]
        assert_clean(" ".join(shown), "the sandbox")
        assert "eyJ" not in " ".join(shown), "a token begins like this"
        api.close()

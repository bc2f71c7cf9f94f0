"""Planted secrets in work of many calls: bulks, lists, waits, changes, and work in the background."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.display import DisplayHandle
from support.planted import BEARER, ONE_TIME, PASTED, TYPED, assert_clean, many
from test_leaks import (
    Breaking,
    Planted,
    assert_no_secret_in_folder,
    frames_of,
    planted,
    reachable,
    traceback_text,
    use_folder,
)

import astro_nb as anb
from astro_nb import Secret
from astro_nb.approval.change import Batch, describe_batch
from astro_nb.errors import AstroNbError, ConcurrentChange, UnsafeRefused, WaitTimeout
from astro_nb.exchange import CallGroup
from astro_nb.http.client import Stop
from astro_nb.runbooks import run
from astro_nb.secrets import MASK


@pytest.fixture
def planted_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Planted]:
    """The workbench with the planted secrets, before a list, in an empty folder."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path, spec=many()) as made:
        made.api.variables["kept"] = Secret.in_memory(TYPED)
        yield made


def rows() -> pd.DataFrame:
    """Secrets in a column that is secret by its field, by its name alone, and as objects; and a plain column."""
    return pd.DataFrame(
        {
            "name": ["a", "b"],
            "password": [TYPED, TYPED],
            "token": [ONE_TIME, ONE_TIME],
            "api_key": [PASTED, PASTED],  # goes nowhere
            "note": [Secret.in_memory(TYPED), Secret.in_memory(TYPED)],
        }
    )


def run_every_kind(api: anb.Workbench) -> list[Any]:
    """Every kind of work, at least once, with its results."""
    bulk = api.bulk("make", rows(), status=Secret.in_memory(TYPED))
    bulk.preview()
    bulk.run()
    failing = api.bulk("make", [{"name": {"no": "text"}, "password": TYPED, "client_secret": PASTED}])
    found = [bulk, failing, api.pages("list"), api.in_background(api.pages, "list").result(10)]
    found.append(api.wait("thing", lambda exchange: True, id="x"))
    found.append(api.wait("thing", f"$.name != {json.dumps(TYPED)}", timeout=5, id="x"))
    found.append(api.change("change", id="plain", name="new", password=Secret.in_memory(TYPED)))
    found.append(api.change("change", id="plain", note=Secret.in_memory(TYPED), dry_run=True))
    found.append(api.bulk("make", [{"name": "same"}], password=TYPED, token=Secret.in_memory(ONE_TIME)))
    found.append(api.start("make", name="a", password=Secret.in_memory(TYPED)).result(10))
    return found


def shown(subject: Any) -> str:
    """Return everything that a front end can show of an object."""
    found_text = [repr(subject), str(subject), f"{subject}"]
    found_text += map(str, subject._repr_mimebundle_().values()) if hasattr(subject, "_repr_mimebundle_") else []
    return "\n".join(found_text)


def package_traceback(error: BaseException) -> str:
    """The text of all tracebacks without the frames of this file, whose literals are the secrets."""
    below = error.__traceback__
    while below is not None and below.tb_frame.f_code.co_filename == __file__:
        below = below.tb_next
    assert below is not None, "nothing is proved"
    return traceback_text(error.with_traceback(below))


def frame_text(frame: pd.DataFrame) -> str:
    """Return a DataFrame in every written form, and its values one by one."""
    cells = [f"{value!r} {value}" for column in frame for value in frame[column].tolist()]
    return "\n".join([frame.to_csv(), frame.to_html(), repr(frame.to_dict()), *cells, repr(frame)])


# --- shown ------------------------------------------------------------------------------------------------------------


def test_the_secrets_are_really_sent(planted_session: Planted) -> None:
    """The server received them, and echoed them in every text."""
    run_every_kind(planted_session.api)
    made = [
        json.loads(body) for verb, path, _, body in planted_session.seen.requests if (verb, path) == ("POST", "/things")
    ]
    assert [one["password"] for one in made] == [TYPED] * 3
    assert [one.get("token") for one in made] == [ONE_TIME, ONE_TIME, None]
    assert [one.get("note") for one in made] == [TYPED, TYPED, None]
    assert BEARER in planted_session.seen.text or repr(BEARER)[1:-1] in planted_session.seen.text


def test_no_result_shows_a_secret(planted_session: Planted) -> None:
    """No result, and no object reachable from one, shows them: repr, text, HTML, tables, attributes."""
    kinds = set()
    found = run_every_kind(planted_session.api)
    for subject in reachable(*found, planted_session.api):
        kinds.add(type(subject).__name__)
        if type(subject).__name__ not in ("Workbench", "Explorer"):
            assert_clean(shown(subject), f"a {type(subject).__name__}")
        if type(subject).__name__ in ("CheckedRow", "Call", "Mark"):
            assert_clean(repr(vars(subject)), f"the attributes of a {type(subject).__name__}")
    assert_clean("".join(repr(vars(row)) for row in found[0].plan.rows), "the attributes of a row")
    assert kinds >= {"Bulk", "Pages", "WaitResult", "ChangeResult", "Transitions", "Row", "Mark", "Run", "Paging"}
    for public in found:
        assert_clean(repr(vars(public)), f"the attributes of a {type(public).__name__}")


def test_no_table_contains_a_secret(planted_session: Planted) -> None:
    """A preview, a result, failures and unknown rows, lists and transitions: as CSV, HTML, JSON, cell by cell."""
    bulk, failing, pages, _, waited, *_ = run_every_kind(planted_session.api)
    picks = {"picked": "$.token", "all": "$"}
    frames = [bulk.preview(), bulk.frame(picks), bulk.failures(), bulk.unknown(), failing.preview(), failing.frame()]
    frames += [failing.failures(), pages.frame(partial=True), pages.duplicates, waited.transitions.frame()]
    for number, frame in enumerate(frames):
        assert_clean(frame_text(frame), f"table {number}")
    assert failing.failures()["password"].iloc[0].reveal() == TYPED, "failures go in again"
    assert failing.failures()["client_secret"].iloc[0].reveal() == PASTED
    assert_clean(" ".join(pages.notes) + repr(pages.other_items) + repr(bulk.plan.checked), "notes")
    assert_clean(repr([m.__dict__ for m in bulk._marks.values()]) + bulk.plan.fingerprint, "what a bulk remembers")
    assert_clean(repr(planted_session.api.session.group_calls), "the calls of groups")


def test_no_confirmation_contains_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The confirmation of a bulk and of a change in production: when shown, when refused, and in the error."""
    use_folder(monkeypatch, tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: "no")
    with planted(tmp_path, spec=many(), production=True) as made:
        api = made.api
        bulk = api.bulk("make", rows(), status=Secret.in_memory(TYPED))
        calls = [checked.call for checked in bulk.plan.checked.values()]
        plans = [api.session.prepare(call) for call in calls if call is not None]
        change = describe_batch(plans, Batch(2, 2), lambda call: api.session.send(call))
        assert_clean(shown(change) + repr(change.rows) + change.frame().to_csv(), "the question")
        for action in (bulk.run, lambda: api.change("change", id="plain", name="n", password=Secret.in_memory(TYPED))):
            with pytest.raises(UnsafeRefused) as caught:
                action()
            assert_clean(f"{caught.value} {caught.value.data!r}" + package_traceback(caught.value), "a refusal")


def test_no_progress_shows_a_secret(planted_session: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is displayed, and so saved in a notebook: of bulks, lists, waits and attempts."""
    given: list[Any] = []
    monkeypatch.setattr("astro_nb.progress.in_notebook", lambda: True)
    monkeypatch.setattr("astro_nb.progress._DELAY", -1.0)
    monkeypatch.setattr("astro_nb.progress._INTERVAL", 0.0)
    monkeypatch.setattr("astro_nb.progress.Progress.__init__.__defaults__", (-1.0,), raising=False)
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: given.append((a, k)) or DisplayHandle())
    monkeypatch.setattr(DisplayHandle, "update", lambda self, *a, **k: given.append((a, k)))
    run_every_kind(planted_session.api)
    with suppress(WaitTimeout):
        planted_session.api.wait("thing", [f"$.name == {json.dumps(TYPED)}", "gone"], timeout=0.2, every=0.05, id="x")
    found_text = repr(given)
    assert "Waiting for thing" in found_text
    assert "Bulk of make" in found_text
    assert "Pages of list" in found_text
    assert_clean(found_text, "a display")


# --- written ----------------------------------------------------------------------------------------------------------


def test_no_file_contains_a_secret(planted_session: Planted) -> None:
    """Every table of the history with its journal; the runbook of all calls, and its run."""
    api = planted_session.api
    run_every_kind(api)
    with suppress(WaitTimeout):
        api.wait("thing", f"$.name == {json.dumps(TYPED)}", timeout=0.2, every=0.1, id="x")
    journal, bulk = api.history.journal, api.bulk("make", [{"name": "z", "password": TYPED}])
    bulk.run()
    assert bulk._run is not None
    assert_no_secret_in_folder(planted_session.folder)
    (file,) = planted_session.folder.rglob("*.sqlite")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: list(database.execute(f"SELECT * FROM {name}")) for name in names}  # noqa: S608  # its own tables
    database.close()
    counts = {name: len(found) for name, found in rows.items()}
    stored = repr(rows)
    assert {"run", "run_row"} <= set(names)
    assert counts["entry"] > 10, "the history stored nothing"
    assert counts["run_row"] == 3, "the journal stored nothing"
    assert counts["body"] >= 8, "the history stored no bodies"
    assert stored.count(MASK) > 10, "nothing was masked"
    assert_clean(stored, "a table of the history")
    marks = journal.marks(bulk._run)
    assert len(marks) == 1
    assert_clean(repr(marks), "the journal")
    path = api.runbook.write("planted.ipynb")
    assert_clean(path.read_text(encoding="utf-8"), "the runbook")
    (planted_session.folder / "planted.json").write_text(json.dumps(many()), encoding="utf-8")
    result = run(path, {"base_url": api.environment.base_url, "document": "planted.json"})
    assert_clean(f"{result!r} {result.error} {result._repr_mimebundle_()}", "the result of the run")
    assert_no_secret_in_folder(planted_session.folder)


def test_the_journal_stores_no_secret_of_a_reconciled_row(planted_session: Planted) -> None:
    """What a list contains about a row whose response was lost, and why a row was not sent, is redacted."""
    from astro_nb.bulk.sending import RowSender
    from astro_nb.history import Mark, Run

    api = planted_session.api
    api.variables["captured"] = api.call("mint")["$.token"]
    sending = RowSender(api.session, Run("r", "f", "make", "planted", 1), {}, None)
    found = {"note": f"{ONE_TIME} {TYPED}", ONE_TIME: [ONE_TIME]}
    sending.mark(0, Mark("done", 1.0, note=f"because of {ONE_TIME}", found=found))
    (file,) = planted_session.folder.rglob("*.sqlite")
    with sqlite3.connect(file) as database:
        stored = repr(list(database.execute("SELECT * FROM run_row")))
    assert f"because of {MASK}" in stored
    assert stored.count(MASK) >= 4
    assert_clean(stored, "the journal")
    database.close()


@pytest.mark.parametrize("goal", [TYPED, f"$.name == {json.dumps(TYPED)}"])
def test_the_goal_of_a_call_group_is_stored_without_a_secret(planted_session: Planted, goal: str) -> None:
    """The goal of a wait is masked in the file, whatever its source."""
    call = planted_session.api.session.build_call("thing", {"id": "x"})
    planted_session.api.session.send(call, CallGroup("wait", "1", (goal,), 600.0))
    (file,) = planted_session.folder.rglob("*.sqlite")
    with sqlite3.connect(file) as database:
        stored = repr(list(database.execute("SELECT * FROM entry")))
    assert MASK in stored
    assert "wait" in stored
    assert_clean(stored, "the history")
    database.close()


def test_no_log_contains_a_secret(planted_session: Planted, capfd: pytest.CaptureFixture[str], recwarn: Any) -> None:
    """Everything at DEBUG, from the notebook's thread and the client's, and all output and warnings."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name} {record.getMessage()} {record.args!r} {vars(record)!r}")

    root, handler, before = logging.getLogger(), Keep(0), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        run_every_kind(planted_session.api)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert any("httpcore" in line for line in lines), "nothing is proved"
    assert_clean("\n".join(lines), "a log")
    out, err = capfd.readouterr()
    assert_clean(out + err + "".join(str(w.message) for w in recwarn), "what is printed")


def test_no_copy_contains_a_secret(planted_session: Planted) -> None:
    """Pickles and copies contain none, or are refused."""
    found = run_every_kind(planted_session.api)
    running = planted_session.api.start("echo")
    running.result(10)
    for subject in (*found, running, Stop(), found[0].plan.constants, *found[0].plan.rows, found[4].transitions):
        for made in (pickle.dumps, copy.copy, copy.deepcopy):
            with suppress(TypeError, AttributeError, pickle.PicklingError):
                found_text = made(subject)
                text = found_text.decode("latin-1") if isinstance(found_text, bytes) else shown(found_text)
                assert_clean(text, f"a {made.__name__} of a {type(subject).__name__}")


# --- raised -----------------------------------------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[anb.Workbench], Any]] = {
    "bulk": lambda api: api.bulk("make", secrets()).run(),
    "preview": lambda api: api.bulk("make", secrets(), status=Secret.in_memory(TYPED)).preview(),
    "pages": lambda api: api.pages("list"),
    "wait": lambda api: api.wait("thing", "gone", timeout=1, id="x"),
    "change": lambda api: api.change("change", id="plain", password=Secret.in_memory(TYPED)),
    "start": lambda api: api.start("make", password=Secret.in_memory(TYPED)).result(10),
    "background": lambda api: api.in_background(api.bulk("make", secrets()).run).result(10),
    "background call": lambda api: api.in_background(api.call, "make", password=Secret.in_memory(TYPED)).result(10),
    "background wait": lambda api: api.in_background(api.wait, "thing", "gone", timeout=1, id="x").result(10),
}


def secrets() -> list[dict[str, Any]]:
    return [{"name": "a", "password": Secret.in_memory(TYPED), "token": Secret.in_memory(ONE_TIME)}]


@pytest.mark.parametrize(
    ("action", "error"),
    [*((action, RuntimeError) for action in ACTIONS), ("change", KeyboardInterrupt), ("wait", KeyboardInterrupt)],
)
def test_no_traceback_contains_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, action: str, error: type[BaseException]
) -> None:
    """Whatever fails while the request is sent, no frame of the traceback has it in the clear."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path, Breaking(error), spec=many()) as made:
        try:
            result = ACTIONS[action](made.api)
        except BaseException as caught:  # noqa: BLE001  # of whatever kind it is
            assert_clean(package_traceback(caught), "a traceback")
        else:
            sent = list(made.api.session.exchanges)
            assert sent or action == "preview", "nothing is proved"
            assert all(e.failure is not None and e.failure.kind == "transport" for e in sent)
            shown = [f"{e!r} {e.failure} {e.error} {e._repr_mimebundle_()}" for e in sent]
            assert_clean(f"{result!r} {shown}", "a failure")


@pytest.mark.parametrize("way", ["cell", "background"])
def test_no_error_contains_a_secret(planted_session: Planted, way: str) -> None:
    """Errors of every kind of work, with their data and the frames of their tracebacks."""
    api = planted_session.api
    failures: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
        "failed": (api.wait, ("thing", "gone"), {"timeout": 0.01, "id": "x"}),
        "lost": (api.wait, ("fails", "done"), {"timeout": 5}),
        "no row": (api.bulk, ("make", [{"password": Secret.in_memory(TYPED), "x": 1}], {"nope": "x"}), {}),
        "twice": (
            api.bulk,
            ("make", [{"password": Secret.in_memory(TYPED)}], {"password": "password"}),
            {"password": "x"},
        ),
        "no object": (api.bulk, ("make", [{"note": Secret.in_memory(TYPED)}]), {"body": ["x"]}),
        "no table": (api.bulk, ("make", 5), {}),
        "no update": (api.change, ("make",), {"password": Secret.in_memory(TYPED)}),
        "no body": (api.change, ("change",), {"id": "plain", "body": [Secret.in_memory(TYPED)]}),
        "masked": (api.change, ("change",), {"id": "plain", "password": Secret.in_memory(TYPED), "name": "n"}),
        "no list": (api.pages, ("echo",), {}),
    }
    raised = 0
    for name, (work, given, named) in failures.items():
        try:
            work(*given, **named) if way == "cell" else api.in_background(work, *given, **named).result(10)
        except AstroNbError as error:
            raised += 1
            held = [*error.data.values(), getattr(error, "transitions", "")]
            assert_clean(f"{error} {error.data!r}" + " ".join(map(shown, held)), f"the error of {name}")
            assert_clean(package_traceback(error), f"the traceback of {name}")
    assert raised >= len(failures) - 2


def test_a_concurrent_change_contains_no_secret(planted_session: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A concurrent change is reported by name; the secrets in it are masked."""
    import support.planted as server

    count = iter(range(100))

    def changing(path: Any, target: Any, query: Any) -> dict[str, Any]:
        return {"id": "x", "name": f"n{next(count)}", "token": ONE_TIME, "password": TYPED}

    monkeypatch.setattr(server, "_thing", changing)
    with pytest.raises(ConcurrentChange) as caught:
        planted_session.api.change(
            "change", id="plain", status="new", token=Secret.in_memory(ONE_TIME), password=Secret.in_memory(TYPED)
        )
    assert_clean(f"{caught.value} {caught.value.data!r}" + package_traceback(caught.value), "a concurrent change")


@pytest.mark.parametrize("bad", ["\x00", "\n", "\r\nX-Evil: 1", "\x7f", "\ud800"])
def test_a_credential_that_cannot_be_sent_is_reported_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bad: str
) -> None:
    """The error of httpx about a forbidden header contains its value; ours does not."""
    use_folder(monkeypatch, tmp_path)
    with planted(tmp_path, spec=many()) as made:
        for secret in (f"{PASTED}{bad}", f"{bad}{PASTED}"):
            for work in (made.api.call, lambda name: made.api.start(name).result(10)):
                try:
                    made.api.session.credentials.add("Key", secret)
                    found_text = shown(work("keyed"))
                except (AstroNbError, UnicodeError) as error:
                    found_text = f"{error} {error!r} {vars(error)!r}"
                    found_text += "".join(
                        f"{f.f_locals!r}" for f in frames_of(error.__traceback__) if f.f_code.co_filename != __file__
                    )
                assert_clean(found_text, "a refusal")


def test_a_status_line_is_redacted(planted_session: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may echo in its status line, too."""
    from http.server import BaseHTTPRequestHandler

    send = BaseHTTPRequestHandler.send_response

    def echo(self: Any, code: int, message: str | None = None) -> None:
        send(self, code, f"you sent {self.headers.get('Authorization', '')}")

    monkeypatch.setattr(BaseHTTPRequestHandler, "send_response", echo)
    for exchange in (planted_session.api.call("echo"), planted_session.api.start("fails").result(10)):
        assert "you sent" in exchange.status_text
        assert_clean(shown(exchange) + exchange.status_text, "a status line")

"""Every exchange is stored, survives crashes, and has no secret in it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import Call, OmittedUpload, Upload
from astro_nb.contract import Violation
from astro_nb.environments import Provenance
from astro_nb.errors import AstroNbError, AstroNbWarning, NewerFormat, SettingsError, UnknownName, UsageError
from astro_nb.exchange import Attempt, CallGroup, Exchange, Failure
from astro_nb.history import ExchangeList, History, Mark, Run
from astro_nb.messages import Request, Response
from astro_nb.openapi import load
from astro_nb.secrets import MASK

SPEC = load()
TOKEN = "planted-token-5678"
CHILD = """
    import sys, time
    sys.path.insert(0, {tests!r})
    from test_history import History, Path, SPEC, make_exchange
    history = History(SPEC, Path({path!r}))
    print("ready", flush=True)
    for number in range({count}):
        history.add(make_exchange(f"{name}-{{number:04}}"))
        print(number, flush=True)
    time.sleep({sleep})
"""


def make_exchange(
    key: str = "id-1", operation: str = "GetWorkspace", status: int = 200, body: bytes = b'{"id":"w"}', **more: Any
) -> Exchange:
    """Return an exchange that ended with this response."""
    headers = (("Content-Type", "application/json"), ("X-Request-Id", f"req-{key}"))
    request = Request("POST", "https://api.example.org/v1/x?a=b", (("Authorization", "Bearer *****"),), b'{"a":1}')
    defaults: dict[str, Any] = {
        "call": Call(operation, {"workspaceId": "{{w}}"}, {"deep": [None, True, 1.5, "ü"]}),
        "request": request,
        "started": datetime(2026, 6, 1, 9, 0, 0, 123456, tzinfo=UTC),
        "elapsed": 0.25,
        "response": Response(status, headers, body, "Word"),
        "attempts": (Attempt(1, 0.0, 0.1, "503", "retried", 1.0), Attempt(2, 1.1, 0.2, str(status))),
        "violations": (Violation(("a", 0), "is wrong", "type", "note"),),
        "environment": "here",
        "group": CallGroup("pages", "1"),
        "provenance": {
            "w": Provenance("ListWorkspaces", "$.workspaces[0].id", "id-0", datetime(2026, 6, 1, 8, 0, 0, 7, UTC))
        },
    }
    return Exchange(id=key, operation=SPEC.operation(operation), **{**defaults, **more})


def stored(folder: Path) -> bytes:
    """Return the content of all files of a folder, bodies decompressed, write-ahead logs included."""
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for path in folder.rglob("*.sqlite"):
        rows = sqlite3.connect(path).execute("SELECT content FROM body").fetchall()
        data += b"\0".join(zlib.decompress(content) for (content,) in rows)
    return data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history" / "api.sqlite"


@pytest.fixture
def stored_api(tmp_path: Path) -> Iterator[anb.Workbench]:
    """A workbench on a fresh sandbox whose history is in a file."""
    workbench = anb.connect(history=tmp_path / "history")
    yield workbench
    workbench.close()


def test_an_entry_is_read_back_unchanged(path: Path) -> None:
    """What another session reads from the file equals what was added, field by field."""
    exchange = make_exchange()
    History(SPEC, path).add(exchange)
    again = History(SPEC, path).get("id-1")
    assert again is not exchange
    for part in fields(Exchange):
        assert getattr(again, part.name) == getattr(exchange, part.name), part.name
    assert (again.request_id, again.size, again.json()) == (exchange.request_id, exchange.size, exchange.json())


def test_the_provenance_of_variables_is_stored_as_data(stored_api: anb.Workbench, tmp_path: Path) -> None:
    """Also of a variable inside another one, and of a secret: the place of its value, and never the value."""
    workspaces = stored_api.call("ListWorkspaces")
    found = stored_api.keep(workspaces, "$.workspaces[0].id", as_="workspace")
    stored_api.variables["home"], stored_api.variables["typed"] = "{{workspace}}", "typed by hand"
    token = stored_api.call("CreateApiToken", name="ci", role="ORGANIZATION_OWNER", scope="ORGANIZATION")
    secret = stored_api.keep(token, "$.token", as_="secret").value.reveal()
    ids = {"organizationId": "{{organizationId}}", "workspaceId": "{{home}}"}
    call = Call("GetWorkspace", ids, headers={"X-Key": "{{secret}}", "X-Typed": "{{typed}}"})
    sent = stored_api.session.send(call)
    assert found.provenance
    assert found.provenance.exchange_id == workspaces.id
    assert {name: place.path for name, place in sent.provenance.items()} == {
        "workspace": "$.workspaces[0].id",
        "secret": "$.token",
    }
    del stored_api.variables["workspace"]
    again = History(SPEC, stored_api.history.path)
    assert again.get(sent.id) is not sent
    assert again.get(sent.id).provenance == sent.provenance
    assert again.get(workspaces.id).provenance == {}
    assert len(secret) > 20
    assert secret.encode() not in stored(tmp_path)


def test_an_entry_without_provenance_has_none(path: Path) -> None:
    """Entries of earlier versions do not have the key."""
    history = History(SPEC, path)
    history.add(make_exchange())
    history.close()
    with sqlite3.connect(path) as database:
        ((detail,),) = database.execute("SELECT detail FROM entry").fetchall()
        old = orjson.loads(detail)
        assert old.pop("provenance")["w"]["exchange"] == "id-0"
        database.execute("UPDATE entry SET detail = ?", (orjson.dumps(old),))
    assert History(SPEC, path).get("id-1").provenance == {}


@pytest.mark.parametrize(
    "more",
    [
        {"response": None, "failure": Failure("broken", "It broke.", "The server.", "Try again.")},
        {"response": Response(204, (("X-Request-Id", "r"),), b"", "No Content"), "attempts": (), "violations": ()},
        {"response": Response(502, (("Content-Type", "text/html"),), "<p>ü 日本</p>".encode(), "Bad Gateway")},
        {"response": Response(200, (("Link", "<a>"), ("Link", "<b>"), ("Set-Cookie", "*****")), b"[]")},
        {"response": Response(200, (), b"[]", http_version="HTTP/2")},
        {"call": Call("GetWorkspace")},
        {"call": Call("GetWorkspace", {}, None, "text/plain", {"X": "y"})},
        {"request": Request("GET", "https://x", (("A", "1"), ("A", "2")))},
    ],
)
def test_every_kind_of_entry_is_read_back(more: dict[str, Any], path: Path) -> None:
    """Failures, empty responses, HTML pages, repeated headers, null bodies: all are read back equal."""
    exchange = make_exchange(**more)
    History(SPEC, path).add(exchange)
    again = History(SPEC, path).get("id-1")
    assert [(f.name, getattr(again, f.name)) for f in fields(Exchange)] == [
        (f.name, getattr(exchange, f.name)) for f in fields(Exchange)
    ]
    assert again._repr_mimebundle_() == exchange._repr_mimebundle_()


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=60)
@given(PLAIN, st.dictionaries(st.text(max_size=5), PLAIN, max_size=3))
def test_every_body_and_argument_is_read_back(data: Any, parameters: dict[str, Any]) -> None:
    """Any JSON in a response, a body or a parameter is the same when it is read back."""
    exchange = make_exchange(body=orjson.dumps(data), call=Call("GetWorkspace", parameters, data))
    with TemporaryDirectory() as folder:
        History(SPEC, Path(folder) / "api.sqlite").add(exchange)
        again = History(SPEC, Path(folder) / "api.sqlite").get("id-1")
    assert again.json() == exchange.json()
    assert again.call == exchange.call


def test_a_body_of_bytes_can_be_stored(path: Path) -> None:
    """A call whose body is a file is stored like any other."""
    exchange = make_exchange(call=Call("GetWorkspace", body=b"\x89PNG\0\xff"))
    History(SPEC, path).add(exchange)
    assert History(SPEC, path).get("id-1").operation.id == "GetWorkspace"


def test_a_large_body_is_truncated_and_the_entry_says_so(path: Path) -> None:
    """Of 3 MB the first one is stored; the table has the full size, and reading the JSON says what is missing."""
    body = orjson.dumps({"text": "ü" * 1_500_000})
    History(SPEC, path).add(make_exchange(body=body))
    history = History(SPEC, path)
    assert history.frame()["size"][0] == len(body)
    assert path.stat().st_size < 1_500_000
    again = history.get("id-1")
    assert again.size == len(body)
    with pytest.raises(AstroNbError, match=r"(?i)\bcut\b|not kept|only the first"):
        again.json()


def test_a_body_is_stored_once(path: Path) -> None:
    """The same response, a thousand times, is one body in the file."""
    history = History(SPEC, path)
    for number in range(1000):
        history.add(make_exchange(f"id-{number}"))
    assert sqlite3.connect(path).execute("SELECT COUNT(*) FROM body").fetchone() == (1,)
    assert len(history) == 1000


def test_entries_are_found_by_id_and_position(path: Path) -> None:
    """`history[-1]` is the latest, `history[0]` the first; the error for a missing one says what to do."""
    history = History(SPEC, path)
    with pytest.raises(UsageError, match="Send something first"):
        history[-1]
    for number in range(3):
        history.add(make_exchange(f"id-{number}"))
    assert (history[0].id, history[-1].id, history["id-1"].id) == ("id-0", "id-2", "id-1")
    assert [exchange.id for exchange in history] == ["id-0", "id-1", "id-2"]
    assert [exchange.id for exchange in history.recent()] == ["id-2", "id-1", "id-0"]
    assert [exchange.id for exchange in history.recent(1)] == ["id-2"]
    for wrong in (3, -4):
        with pytest.raises(UsageError, match="3 entries"):
            history[wrong]
    with pytest.raises(UnknownName, match="frame"):
        history["id-9"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["c", "b", "a"]),
        ("listdep", ["b"]),
        ("404", ["a"]),
        ("GETWORKSPACE no such", ["a"]),
        ("such workspace getdep", []),
        ("req-c", ["c"]),
        ("größe", ["c"]),
        ("GRÖSSE", ["c"]),
        ("100%", ["c"]),
        ("%", ["c"]),
        ("_", ["c"]),
        ("'; DROP TABLE entry; --", []),
    ],
)
def test_search_finds_entries_with_every_word(search: str, found: list[str]) -> None:
    """Words are searched for in operation, status, message and requestId, in any case; signs are literal."""
    history = History(SPEC)
    history.add(make_exchange("a", status=404, body=b'{"message":"No such workspace"}'))
    history.add(make_exchange("b", "ListDeployments"))
    history.add(make_exchange("c", "GetDeployment", 400, '{"message":"Die Größe ist 100% zu_groß"}'.encode()))
    assert history.frame(search)["id"].tolist() == found


def test_tables_have_their_columns_and_dtypes() -> None:
    """The frame of the errors adds the field errors; empty ones have dtypes too."""
    history = History(SPEC)
    for frame in (history.frame(), history.errors.frame()):
        assert str(frame["when"].dtype) == "datetime64[ns, UTC]"
        assert len(frame) == 0
    wrong = b'{"message":"Bad","requestId":"r","fieldErrors":[{"field":"name","message":"needed","code":"x"}]}'
    history.add(make_exchange("a"))
    history.add(make_exchange("b", status=400, body=wrong))
    history.add(make_exchange("c", response=None, failure=Failure("timeout", "Too late.", "The server.", "Wait.")))
    frame, errors = history.frame(), history.errors.frame()
    assert {str(table["when"].dtype) for table in (frame, errors)} == {"datetime64[ns, UTC]"}
    assert frame["operation"].tolist() == ["GetWorkspace"] * 3
    assert frame["status"].isna().tolist() == [True, False, False]
    assert frame["attempts"].tolist() == [2, 2, 2]
    assert frame["message"].tolist()[:2] == ["Too late.", "Bad"]
    assert errors["fieldErrors"].tolist() == [[], [{"field": "name", "message": "needed", "code": "x"}]]
    assert (len(history.errors), repr(history.errors)) == (2, "<Errors, 2 of 3 entries>")
    assert len(history.frame(most=1)) == 1


def test_a_folder_of_ours_ignores_itself_in_git(path: Path) -> None:
    """A folder created for the history is ignored by git; one that existed before is left alone."""
    History(SPEC, path)
    assert (path.parent / ".gitignore").read_text() == "*\n"
    others = path.parent.parent / "notebooks"
    others.mkdir()
    (others / "mine.ipynb").write_text("{}")
    History(SPEC, others / "api.sqlite")
    assert not (others / ".gitignore").exists()


def test_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """The error says so, and not one byte of the file is changed."""
    path = tmp_path / "api.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE later (x)")
        database.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    with pytest.raises(NewerFormat, match="format 99") as caught:
        History(SPEC, path)
    assert caught.value.todo
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\0" + b"\1" * 2000])
def test_a_file_that_is_not_a_history_is_refused(content: bytes, tmp_path: Path) -> None:
    """The error says so, and the file is left as it is."""
    path = tmp_path / "api.sqlite"
    path.write_bytes(content)
    with pytest.raises(AstroNbError, match="is not a history") as caught:
        History(SPEC, path)
    assert caught.value.todo
    assert path.read_bytes() == content


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    """A database with other tables gets none of ours."""
    path = tmp_path / "api.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (x)")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="songs"):
        History(SPEC, path)
    assert path.read_bytes() == before


def test_a_locked_file_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process has locked the file, the exchange that was sent is returned, and says so."""
    monkeypatch.setattr("astro_nb.history.database._LOCK_TIMEOUT", 0.01)
    history = History(SPEC, path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.warns(AstroNbWarning, match="locked by another process"):
        kept = history.add(make_exchange())
    assert "locked by another process" in kept.not_stored
    assert "not in the history" in repr(kept)
    assert "not in the history" in kept._repr_mimebundle_()["text/html"]
    other.execute("ROLLBACK")
    assert history.add(make_exchange("id-2")).not_stored == ""
    assert (len(history), history.get("id-1")) == (1, kept)


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    """If a file has the name of the folder, the error says what to do."""
    (tmp_path / "history").write_text("mine")
    with pytest.raises(SettingsError, match="cannot be used") as caught:
        History(SPEC, tmp_path / "history" / "api.sqlite")
    assert "another folder" in caught.value.todo


def test_a_closed_history_closes_its_file(path: Path) -> None:
    """After `close` the write-ahead log is gone; the next access opens the file; a history in memory stays as it is."""
    history = History(SPEC, path)
    history.add(make_exchange())
    history.close()
    history.close()
    assert [file.name for file in path.parent.iterdir() if file.suffix.startswith(".sqlite")] == [path.name]
    assert len(history) == 1
    memory = History(SPEC)
    memory.add(make_exchange())
    memory.close()
    assert len(memory) == 1


@pytest.mark.parametrize("body", [b"\x89PNG\0\xff", "größe".encode("latin-1"), b"", b"[1]\n"])
def test_a_body_is_stored_byte_for_byte(body: bytes, path: Path) -> None:
    """The bodies of responses and requests are read back byte for byte, text or not."""
    response = Response(200, (("Content-Type", "text/plain; charset=iso-8859-1"),), body)
    History(SPEC, path).add(make_exchange(response=response, request=Request("PUT", "https://x", (), body)))
    again = History(SPEC, path).get("id-1")
    assert (again.response, again.request.body, again.text) == (response, body, response.text)


def test_an_entry_of_a_removed_operation_can_be_read(path: Path) -> None:
    """If the document has lost an operation, its older entries are still listed and read, like the others."""
    history = History(SPEC, path)
    for key, operation in (("a", "GetWorkspace"), ("b", "ListDeployments")):
        history.add(make_exchange(key, operation))
    document = {**SPEC.document, "paths": {p: i for p, i in SPEC.document["paths"].items() if "deployments" not in p}}
    later = History(load(document), path)
    assert later.frame()["operation"].tolist() == ["ListDeployments", "GetWorkspace"]
    assert [exchange.id for exchange in later] == ["a", "b"]


def child(path: Path, name: str, count: int, sleep: float = 0) -> subprocess.Popen[str]:
    values = {"tests": str(Path(__file__).parent), "path": str(path), "name": name, "count": count, "sleep": sleep}
    source = textwrap.dedent(CHILD).format(**values)
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)


def test_two_processes_write_one_file_and_a_kill_loses_nothing(path: Path) -> None:
    """Two processes create one file together; one is killed while it writes: what it had stored is there."""
    first, second = child(path, "one", 200), child(path, "two", 5000, sleep=30)
    assert first.stdout is not None
    assert second.stdout is not None
    for line in second.stdout:
        if line.strip() == "150":
            break
    second.send_signal(signal.SIGKILL)
    rest = second.stdout.read().split()
    second.wait(10)
    last = int(rest[-1]) if rest else 150
    assert first.stdout.read().split()[-1] == "199"
    assert first.wait(30) == 0
    history = History(SPEC, path)
    keys = {exchange.id for exchange in history}
    assert keys >= {f"one-{n:04}" for n in range(200)} | {f"two-{n:04}" for n in range(last + 1)}
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_threads_write_together(path: Path) -> None:
    """Eight threads add four hundred entries while others read, in a file and in memory."""
    for history in (History(SPEC, path), History(SPEC)):
        with ThreadPoolExecutor(8) as pool:
            added = [pool.submit(history.add, make_exchange(f"id-{n}")) for n in range(400)]
            read = [pool.submit(history.rows, most=5) for _ in range(20)]
        assert [f.result().id for f in added] == [f"id-{n}" for n in range(400)]
        assert all(len(f.result()) <= 5 for f in read)
        assert len(history) == 400


def test_clearing_deletes_in_the_file_too(path: Path) -> None:
    """After `clear` nothing of an entry is left, in memory or in the file."""
    history = History(SPEC, path)
    history.add(make_exchange())
    history.clear()
    assert (len(history), list(history), history.recent()) == (0, [], [])
    assert len(History(SPEC, path)) == 0


SECRETS = ["planted-plain-4711", 'planted "quoted" \\ 4711', "pländed-4711-日本", "planted+/=?&4711 x"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_was_sent_is_never_on_disk(secret: str, stored_api: anb.Workbench, tmp_path: Path) -> None:
    """A secret in a body, a path or a query, echoed by the server, in whichever encoding, is in no file."""
    stored_api.variables["hidden"] = anb.Secret.in_memory(secret)
    for _ in range(2):  # the second is refused with a message that repeats the name
        stored_api.call("CreateWorkspace", name="{{hidden}}", description="x {{hidden}}")
    stored_api.call("GetWorkspace", workspaceId="{{hidden}}")
    stored_api.call("ListDeployments", names=["{{hidden}}"])
    data = stored(tmp_path / "history")
    assert len(stored_api.history) == 4
    for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret)):
        assert form.encode() not in data
    assert (
        secret
        not in repr(list(stored_api.history)) + stored_api.history.frame().to_csv() + stored_api.errors.frame().to_csv()
    )


def test_a_secret_of_the_document_is_never_on_disk(stored_api: anb.Workbench, tmp_path: Path) -> None:
    """One-time tokens, signed URLs, typed passwords and the API token itself are in no file; the mask is there."""
    token = stored_api.call("CreateApiToken", name="ci", role="ORGANIZATION_MEMBER", scope="ORGANIZATION")
    deployment = stored_api.call("ListDeployments")["$.deployments[0].id"]
    deploy = stored_api.call("CreateDeploy", deploymentId=deployment, type="DAG_ONLY")
    connection = {"type": "postgres", "host": "db.example", "login": "me", "password": TOKEN}
    typed = stored_api.call("CreateEnvironmentObject", objectKey="db", objectType="CONNECTION", scope="DEPLOYMENT",
                      scopeEntityId=deployment, connection=connection)  # fmt: skip
    assert token.ok, token
    assert deploy.ok, deploy
    assert typed.ok, typed
    planted = [token.reveal()["token"], deploy.reveal()["dagsUploadUrl"], TOKEN]
    session_token = stored_api.session.credentials.token_secret()
    assert session_token is not None
    data = stored(tmp_path / "history").decode("utf-8", "replace")
    for secret in [*planted, session_token.reveal()]:
        assert secret
        assert secret not in data
    assert MASK in data


def test_a_call_made_by_hand_is_stored_without_its_secrets(stored_api: anb.Workbench, tmp_path: Path) -> None:
    """A `Call` with a literal password, given to `send` as it is, leaves no password on disk."""
    body = {"objectKey": "db2", "objectType": "CONNECTION", "scope": "WORKSPACE", "connection": {"password": TOKEN}}
    stored_api.session.send(Call("CreateEnvironmentObject", {"organizationId": "{{organizationId}}"}, body))
    assert TOKEN.encode() not in stored(tmp_path / "history")


def test_a_header_with_credentials_is_stored_masked(stored_api: anb.Workbench, tmp_path: Path) -> None:
    """An Authorization header, given with a call as it is, leaves nothing on disk."""
    stored_api.session.send(
        Call("ListWorkspaces", {"organizationId": "x"}, headers={"Authorization": f"Bearer {TOKEN}"})
    )
    assert TOKEN.encode() not in stored(tmp_path / "history")


def test_an_entry_read_back_is_masked(stored_api: anb.Workbench, tmp_path: Path) -> None:
    """While it is recent a response can be revealed; what another session reads is masked."""
    made = stored_api.call("CreateApiToken", name="ci", role="ORGANIZATION_MEMBER", scope="ORGANIZATION")
    assert made.ok, made
    assert stored_api.history[-1].reveal()["token"] != MASK
    (file,) = (tmp_path / "history").glob("*.sqlite")
    again = History(stored_api.spec, file).get(made.id)
    assert again.reveal()["token"] == MASK
    assert again.json() == made.json()
    assert os.path.samefile(file, stored_api.history.path or "")


def test_a_small_file_is_stored_and_of_a_large_one_the_name(path: Path) -> None:
    """What was uploaded can be sent again from the history, up to a size; a larger one leaves the entry small."""
    small, large = Upload("a.png", b"\xff", "image/png"), Upload("b.bin", os.urandom(5_000_000))
    history = History(SPEC, path)
    calls = {key: Call("ListDeployments", body={"f": f}) for key, f in (("s", small), ("l", large))}
    keys = [history.add(make_exchange(key, call=call)).id for key, call in calls.items()]
    history.close()
    again = History(SPEC, path)
    assert again.get(keys[0]).call.body == {"f": small}
    cut = again.get(keys[1]).call.body["f"]
    assert isinstance(cut, OmittedUpload)
    assert (cut.name, cut.size) == ("b.bin", 5_000_000)
    again.close()
    assert sum(f.stat().st_size for f in path.parent.iterdir()) < 1_000_000


def test_the_beginning_of_a_request_of_files_is_stored(path: Path) -> None:
    """Text up to its limit, in whole characters; what is not text much shorter."""
    history = History(SPEC, path)
    for key, body in (("bytes", b"\xff" * 3_000_000), ("text", ("a" + "ü" * 600_000).encode())):
        history.add(make_exchange(key, request=Request("POST", "https://api.example.org/v1/x", (), body)))
    history.close()
    again = History(SPEC, path)
    assert again.get("bytes").request.body == b"\xff" * 100_000
    assert again.get("text").request.body.decode() == "a" + "ü" * 499_999
    again.close()


def test_exchanges_are_read_when_they_are_accessed(api: anb.Workbench) -> None:
    """The exchanges of a session are read one by one, from the end too; a slice is such a list as well."""
    for name in ("ListWorkspaces", "ListDeployments", "ListOrganizations"):
        api.call(name)
    looked: list[str] = []

    def get(key: str) -> Exchange:
        looked.append(key)
        return api.history.get(key)

    exchanges = ExchangeList(tuple(exchange.id for exchange in api.session.exchanges), get)
    assert next(reversed(exchanges)).operation.id == "ListOrganizations"
    assert len(looked) == 1
    assert [exchange.operation.id for exchange in exchanges[:2]] == ["ListWorkspaces", "ListDeployments"]


# --- the journal of runs ----------------------------------------------------------------------------------------------


def run_of(key: str, fingerprint: str = "rows") -> Run:
    return Run(key, fingerprint, "CreateWorkspace", "class", 3)


def test_a_run_is_continued_until_it_is_finished(path: Path) -> None:
    """An unfinished run is found by its rows, with the mark of each; a finished one is not."""
    journal = History(SPEC, path).journal
    run = journal.claim(run_of("one"))
    journal.mark(run, 0, Mark("begun", 1.5))
    journal.mark(run, 0, Mark("done", 1.5, "exchange-1", "found", {"id": "x", "deep": [None]}))
    journal.mark(run, 2, Mark("begun", 2.5))
    journal.mark(run, 1, Mark("begun", 2.5))
    journal.unmark(run, 1)
    journal.release(run, finished=False)
    again = History(SPEC, path).journal
    assert again.unfinished("rows") == run
    assert again.unfinished("other rows") is None
    assert again.marks(run) == {
        0: Mark("done", 1.5, "exchange-1", "found", {"id": "x", "deep": [None]}),
        2: Mark("begun", 2.5),
    }
    assert again.claim(run_of("two")) == run
    again.release(run, finished=True)
    assert again.unfinished("rows") is None
    assert again.claim(run_of("two")).id == "two"


def test_a_new_run_abandons_the_old_one(path: Path) -> None:
    """The old one is neither found nor changed; a finished one can be opened again by its id."""
    journal = History(SPEC, path).journal
    old = journal.claim(run_of("old"))
    new = journal.claim(run_of("new"), anew=True)
    assert (new.id, journal.unfinished("rows")) == ("new", new)
    journal.release(new, finished=True)
    assert journal.claim(old).id == "old"
    assert journal.unfinished("rows") is not None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell when a process began")
def test_a_run_belongs_to_one_running_process(path: Path) -> None:
    """While its owner runs it is refused; when the owner has ended, or its number is reused, it is not."""
    history = History(SPEC, path)
    run = history.journal.claim(run_of("one"))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        began = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]

        def held_by(owner: str) -> None:
            with sqlite3.connect(path) as database:
                database.execute("UPDATE run SET owner = ?", (owner,))
            database.close()

        held_by(f"{child.pid} {began}")
        for anew in (False, True):
            with pytest.raises(UsageError, match=f"Process {child.pid} is sending .*: nothing was sent"):
                history.journal.claim(run_of("two"), anew)
        held_by(f"{child.pid} 1")  # the number was given again since
        assert history.journal.claim(run_of("two")) == run
        held_by(f"{child.pid} {began}")
        child.kill()
        child.wait()
        assert history.journal.claim(run_of("two")) == run


def test_a_history_in_memory_has_its_runs_in_memory() -> None:
    """They work the same, and survive a close as the entries do."""
    history = History(SPEC)
    run = history.journal.claim(run_of("one"))
    history.journal.mark(run, 0, Mark("done", 1.0))
    history.close()
    assert history.journal.marks(run) == {0: Mark("done", 1.0)}

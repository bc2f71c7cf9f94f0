"""The secret scan: it finds what is planted in any part of any file, names the place, and reports no placeholder."""

from __future__ import annotations

import base64
import gzip
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.growth import growth
from support.planted import BEARER, ONE_TIME, TYPED, assert_clean, document, served, spellings

import astro_nb as anb
from astro_nb import secret_scan as scanning
from astro_nb.errors import SecretMissing, SettingsError, UsageError
from astro_nb.runbooks import run
from astro_nb.secret_scan import Scan, scan
from astro_nb.secrets import Finding, KnownSecrets, find_secrets, is_distinctive, notebook_parts, redact_notebook

JWT = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "RS256", "typ": "JWT"}, {"apiTokenId": "x", "exp": 1}, ["signature-signature"])
)
PLAIN_JWT = JWT.replace(JWT.split(".")[1], base64.urlsafe_b64encode(b'{"sub":"me"}').decode().rstrip("="))
_KEY = "MIIEpAIBAAKCAQEA7bq5Zk0l3Fq0Jv8Kq1r2s3t4u5v6w7x8y9z0A1B2C3D4E5F6"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY}\n-----END RSA PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder with an environment that names two secrets, one in the system's variables and one in `.env`."""
    monkeypatch.delenv("ASTRO_API_TOKEN", raising=False)
    monkeypatch.setenv("PLANTED_BEARER", BEARER)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"PLANTED_FILE='{ONE_TIME}'\n", encoding="utf-8")
    (tmp_path / "environments").mkdir()
    variables = "late: dotenv:PLANTED_FILE, asked: prompt:nobody, ring: keyring:a/b"
    text = f"credentials: {{T: env:PLANTED_BEARER}}\nvariables: {{{variables}}}\n"
    (tmp_path / "environments" / "planted.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def written(name: str, content: str | bytes | Any) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def notebook(**places: Any) -> dict[str, Any]:
    """A notebook with a text in one place or another."""

    def at(place: str) -> Any:
        return places.get(place.replace(" ", "_"), "")

    result = {"text/html": [at("html")], "application/json": {"a": at("json")}}
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["fine\n", at("stream")]},
        {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": result},
        {"output_type": "error", "ename": "E", "evalue": at("evalue"), "traceback": [at("traceback")]},
    ]
    source, note = ["import os\n", at("code")], {"note": at("cell metadata")}
    base = {"cell_type": "code", "id": "abc", "execution_count": 1}
    code = {**base, "metadata": note, "source": source, "outputs": outputs}
    attached = {"a.txt": {"text/plain": at("attachment")}}
    prose = {"cell_type": "markdown", "id": "def", "metadata": {}, "source": at("markdown"), "attachments": attached}
    model = {"model_name": "TextModel", "model_module": "@jupyter-widgets/controls", "model_module_version": "2.0.0"}
    kept = {"version_major": 2, "version_minor": 0, "state": {"m1": {**model, "state": {"value": at("widget")}}}}
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": kept}, "title": at("metadata")}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [code, prose]}


PARTS = {
    "code": (1, "abc", "code", 2),
    "stream": (1, "abc", "output 1", 2),
    "html": (1, "abc", "output 2", 1),
    "json": (1, "abc", "output 2", None),
    "evalue": (1, "abc", "output 3", None),
    "traceback": (1, "abc", "output 3", None),
    "cell metadata": (1, "abc", "metadata", None),
    "markdown": (2, "def", "markdown", 1),
    "attachment": (2, "def", "attachment a.txt", None),
    "widget": (None, "", "widget state, TextModel m1", None),
    "metadata": (None, "", "metadata", None),
}


# --- known secrets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PARTS)
@pytest.mark.parametrize(("secret", "name"), [(BEARER, "env:PLANTED_BEARER"), (ONE_TIME, "dotenv:PLANTED_FILE")])
def test_every_part_of_a_notebook_is_searched(place: str, secret: str, name: str) -> None:
    """Code, outputs, attachments, metadata and widget state; the finding names cell, id, part, line and the secret."""
    found = scan([written("n.ipynb", notebook(**{place.replace(" ", "_"): f"x {secret} y"}))])
    (finding,) = {(f.cell, f.cell_id, f.part) for f in found}
    cell, cell_id, part, line = PARTS[place]
    assert finding == (cell, cell_id, part)
    assert {(f.kind, f.secret, f.known) for f in found} == {("known secret", name, True)}
    assert line is None or line in {f.line for f in found}
    assert_clean(f"{found!r} {found.to_dict()} {found.frame().to_csv()} {found._repr_mimebundle_()}", "the report")


def test_a_clean_notebook_is_clean() -> None:
    """Nothing is found in clean files; the secrets that were looked for, and those not available, are listed."""
    found = scan([written("n.ipynb", notebook(code="token = os.environ['PLANTED_BEARER']"))])
    assert found.ok
    assert found.looked_for == ("env:PLANTED_BEARER", "dotenv:PLANTED_FILE")
    assert set(found.unknown) == {"env:ASTRO_API_TOKEN", "prompt:nobody", "keyring:a/b"}


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=16)
    .map(lambda text: f"9xQ7-{text}/z2Kp")
    .filter(is_distinctive),
    st.sampled_from(sorted(PARTS)),
    st.data(),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_secret_in_any_spelling_is_found_and_redacted(secret: str, place: str, data: st.DataObject) -> None:
    """Any secret in any part is found; the redacted notebook contains it in no part."""
    spelled = data.draw(st.sampled_from(sorted(spellings(secret))))
    made, known = notebook(**{place.replace(" ", "_"): f"before {spelled} after"}), KnownSecrets({"env:X": secret})
    leaks = [
        f for p in notebook_parts(made) for f in find_secrets(p.text, known, Finding("n", p.cell, p.cell_id, p.part))
    ]
    assert (PARTS[place][0], PARTS[place][2]) in {(f.cell, f.part) for f in leaks if f.known}
    clean = redact_notebook(made, known)
    assert not [f for p in notebook_parts(clean) for f in find_secrets(p.text, known, Finding("n")) if f.known]
    assert "*****" in json.dumps(clean)


@pytest.mark.parametrize("name", ["a.html", "a.yaml", "a.json", "a.py", "a.txt", "a.log", "a.har", "Makefile", "a.csv"])
@pytest.mark.parametrize("spell", sorted(range(8)))
def test_files_of_every_kind(name: str, spell: int) -> None:
    """Text is text whatever it is called: the line is named."""
    spelled = sorted(spellings(BEARER))[spell % len(spellings(BEARER))]
    (finding,) = scan([written(name, f"one\ntwo\n  {spelled}\n")])
    assert (finding.file, finding.line, finding.secret) == (name, 3, "env:PLANTED_BEARER")


@pytest.mark.parametrize("code", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_a_charset_hides_nothing(code: str) -> None:
    """Wide texts too, with a mark at the beginning or without."""
    assert scan([written("a.txt", f"odd {BEARER} even".encode(code))]).findings


def test_binary_files_are_searched_for_known_secrets() -> None:
    """The limits of the search in binary and compressed files are listed."""
    found = scan(
        [
            written("a.bin", b"\0\1\2" + BEARER.encode() + b"\0" + JWT.encode()),
            written("b.gz", gzip.compress(BEARER.encode())),
        ]
    )
    assert [(f.file, f.part, f.known) for f in found] == [("a.bin", "bytes", True)]
    assert {skip.file: skip.why.partition(":")[0] for skip in found.skipped} == {
        "a.bin": "binary",
        "b.gz": "compressed",
    }


def test_a_secret_named_by_an_option_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--secret env:NAME` is looked for as well; one without a value, or none at all, is refused."""
    monkeypatch.setenv("FURTHER", TYPED)
    path = written("a.txt", TYPED)
    assert scan([path]).ok
    assert [f.secret for f in scan([path], secrets=["env:FURTHER"])] == ["env:FURTHER"]
    with pytest.raises(SecretMissing):
        scan([path], secrets=["env:NOT_THERE"])
    with pytest.raises(SettingsError) as caught:
        scan([path], secrets=[TYPED])
    assert_clean(str(caught.value), "the refusal")


# --- histories --------------------------------------------------------------------------------------------------------


def test_a_history_is_searched() -> None:
    """Entries and compressed bodies, with the entry named; also deleted rows that are not overwritten yet."""
    with served() as (url, _):
        environment = anb.Environment("e", base_url=url)
        api = anb.connect(environment, spec=document(), history=".astro_nb")
        exchange = api.call("back")
        (path,) = Path(".astro_nb").glob("*.sqlite")
        assert scan([path]).ok
        (Path("environments") / "more.yaml").write_text("variables: {typed: env:TYPED}\n", encoding="utf-8")
        os.environ["TYPED"] = TYPED
        try:
            found = scan([".astro_nb"])  # it is open, and its journal is not yet taken in
            bodies = [f for f in found if f.file.endswith(".sqlite")]
            assert [f.part for f in bodies][:1] == [f"body {exchange.id} back, content"]
            assert {f.secret for f in found} == {"env:TYPED"}
            assert "api.history.clear()" in bodies[0].todo
        finally:
            del os.environ["TYPED"]
            api.close()


def test_another_database_is_searched_and_not_changed() -> None:
    """Deleted rows stay in the file until they are overwritten: they are found in its bytes."""
    with sqlite3.connect("other.sqlite") as database:
        database.execute("PRAGMA secure_delete=OFF")
        database.execute("CREATE TABLE t (a TEXT, b BLOB)")
        database.execute("INSERT INTO t VALUES (?, ?)", (f"x {BEARER}", b""))
        database.commit()
        assert [f.part for f in scan(["other.sqlite"])] == ["t, a"]
        database.execute("DELETE FROM t")
    database.close()
    before = Path("other.sqlite").read_bytes()
    assert [f.part for f in scan(["other.sqlite"])] == ["bytes"]
    assert Path("other.sqlite").read_bytes() == before
    broken = scan([written("broken.sqlite", b"SQLite format 3\0" + b"x" * 100 + BEARER.encode())])
    assert [f.part for f in broken] == ["bytes"]
    assert broken.skipped


# --- what looks like one ----------------------------------------------------------------------------------------------

LOOKS = [
    (JWT, "Astro API token"),
    (f"Authorization: Bearer {PLAIN_JWT}", "JWT"),
    (PEM, "private key"),
    (json.dumps(PEM), "private key"),
    ("Authorization: Bearer 3fa85f6457174562b3fc2c963f66afa6", "bearer token"),
    ('{"name": "authorization", "value": "Bearer 3fa85f6457174562b3fc2c963f66afa6"}', "bearer token"),
    ('headers={"Authorization": "3fa85f6457174562b3fc2c963f66afa6"}', "Authorization header"),
    ('{\\"authorization\\": \\"Token 3fa85f6457174562b3fc2c963f66afa6\\"}', "Authorization header"),
    ("Authorization: Basic " + base64.b64encode(b"me:hunter2-really").decode(), "Basic credential"),
    ("https://api.acme.io/x?a=1&api_key=9c1185a5c5e9fc54612808977ee8f548", "credential in a URL"),
    ("GET /x?token=9c1185a5c5e9fc54612808977ee8f548 HTTP/1.1", "credential in a URL"),
    ("https://x.s3.amazonaws.com/a?X-Amz-Signature=9c1185a5c5e9fc54612808977ee8f548", "credential in a URL"),
    ("https://me:hunter2really@db.acme.io/x", "password in a URL"),
    ("postgresql://me:hunter2really@db.acme.io:5432/x", "password in a URL"),
    ("aws_access_key_id = AKIAQ3EGRIPBIKLM2ZXY", "AWS key"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "GitHub token"),
]

NONE = [
    "Authorization: Bearer *****",
    "Authorization: Bearer {{token}}",
    "Authorization: Bearer <token>",
    "Bearer $ASTRO_API_TOKEN",
    "f\"Bearer {os.environ['ASTRO_API_TOKEN']}\"",
    '"Bearer " + os.environ["ASTRO_API_TOKEN"]',
    "Bearer authentication-is-needed",
    'headers={"Authorization": os.environ["AUTHORIZATION_HEADER_2"]}',
    "Authorization: Bearer YOUR_TOKEN_GOES_HERE_1",
    "https://api.example.com?api_key=your-api-key-123",
    "https://x.io?token={{token}}",
    "https://x.io?token=$TOKEN12345",
    "https://x.io?token=%7B%7Btoken%7D%7D",
    "https://user:password@host.io",
    "https://user:<password>@host.io",
    "https://user:{{password}}@host.io",
    "https://example.com:8443@x",
    "http://127.0.0.1:8888/lab?token=...",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA7bq5",
    "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA7bq5",
    "eyJhbGciOi...",
    "eyJub3QtanNvbg.eyJub3QtanNvbg.c2lnbmF0dXJlLXNpZw",
    "Basic authentication",
    "Basic usage: see below",
    "a?sort=token&limit=10",
    "cm9kZ3JpZGxlc3NpZHM4OTAw",
    "token=abc",
    "secret: env:ASTRO_API_TOKEN_2",
    "https://x.io/?token=env:ASTRO_API_TOKEN_2",
    "git@github.com:astronomer/astro.git",
    "mailto:me@x.io",
    "Bearer SECRET__TOKEN__TERCES12345",
]


@pytest.mark.parametrize(("text", "kind"), LOOKS, ids=[kind for _, kind in LOOKS])
def test_what_looks_like_a_credential_is_reported(text: str, kind: str) -> None:
    """It is reported as possible, once, with at most four of its characters."""
    (finding,) = scan([written("a.txt", f"line one\n{text}\n")])
    assert (finding.kind, finding.known) == (kind, False)
    assert finding.secret.endswith("*****")
    assert len(finding.secret) <= 9
    assert "possible" in str(finding)


@pytest.mark.parametrize("text", NONE)
def test_placeholders_are_no_credentials(text: str) -> None:
    """Masks, templates, names of variables, example words, and other texts that are not secrets."""
    assert [str(f) for f in scan([written("a.txt", text)])] == []


def test_the_files_of_this_project_are_clean() -> None:
    """Few false positives: the package, its documents, its notebooks and its README are clean."""
    root = Path(anb.__file__).parents[1]
    found = scan([root / name for name in ("astro_nb", "specs", "notebooks", "README.md", "pyproject.toml")])
    assert [str(f) for f in found] == []
    assert found.files > 150


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ" * 3,
        "?token=",
        "Bearer ",
        "a://b:",
        "-----BEGIN ",
        "ghp_",
        "Basic QUJD",
        'password="xK9dQ2mP7vT4zL8wB3nR" ',
    ],
)
def test_long_lines_are_searched_in_linear_time(piece: str) -> None:
    """Of near matches, and of many matches."""
    assert growth(lambda text: list(find_secrets(text, KnownSecrets(), Finding("x"))), piece) < 9


# --- walking ----------------------------------------------------------------------------------------------------------


def test_links_are_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    """A link out of the folder is listed as skipped; the target of one inside is searched once."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "a.txt").write_text(BEARER, encoding="utf-8")
    written("in/a.txt", BEARER)
    os.symlink(outside, "in/folder")
    os.symlink(outside / "a.txt", "in/file.txt")
    os.symlink("a.txt", "in/same.txt")
    os.symlink(".", "in/circle")
    found = scan(["in", "in/a.txt"])
    assert [f.file for f in found] == ["in/a.txt"]
    assert {skip.file for skip in found.skipped} == {"in/folder", "in/file.txt"}


def test_skipped_files_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env`, folders of other programs, pipes, and files over the limits."""
    written(".git/a", BEARER)
    os.mkfifo("pipe")
    for number in range(4):
        written(f"many/{number}.txt", f"{BEARER}\n" * 10)
    monkeypatch.setattr(scanning, "MOST_FINDINGS", 5)
    found = scan(["."])
    assert {skip.file for skip in found.skipped} >= {".git", ".env", "pipe", "many/0.txt"}
    assert len([f for f in found if f.file == "many/0.txt"]) == 5
    assert [f.file for f in scan([".git"])] == [".git/a"]
    assert [f.secret for f in scan([".env"])] == ["dotenv:PLANTED_FILE"]
    monkeypatch.setattr("astro_nb.secret_scan.MOST_FILES", 2)
    assert any("first 2 files" in skip.why for skip in scan(["many"]).skipped)
    monkeypatch.setattr("astro_nb.secret_scan.LARGEST", 100)
    assert any("only its first" in skip.why for skip in scan(["many/3.txt"]).skipped)
    with pytest.raises(UsageError):
        scan(["nowhere"])


# --- where it is used -------------------------------------------------------------------------------------------------


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from astro_nb.cli import main; main()"
    environ = {**os.environ, "PYTHONPATH": str(Path(anb.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, env=environ
    )
    assert "Traceback" not in done.stderr
    return done


def test_the_command() -> None:
    """Exit status 0 if it is clean, else 1; the output says what to do, and JSON contains everything."""
    written("clean/a.txt", "nothing")
    written("n.ipynb", notebook(stream=BEARER, code=f"x = '{PLAIN_JWT}'"))
    assert command("scan", "clean").returncode == 0
    done = command("scan", "clean", "n.ipynb", "--json", "found.json")
    assert done.returncode == 1
    assert "n.ipynb, cell 1 (abc), output 1, line 2" in done.stdout
    assert "Clear the output" in done.stdout
    assert "rotate" in done.stdout
    found_text = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert found_text["ok"] is False
    assert {(f["kind"], f["secret"]) for f in found_text["findings"]} == {
        ("known secret", "env:PLANTED_BEARER"),
        ("JWT", "eyJh*****"),
    }
    assert_clean(done.stdout + done.stderr + json.dumps(found_text), "the output of the command")
    assert json.loads(command("scan", "n.ipynb", "--json", "-").stdout) == {**found_text, "files": 1}
    assert command("scan", "nowhere").returncode == 1


def test_a_scan_of_the_workbench_finds_typed_secrets() -> None:
    """`api.scan()` searches the notebook's folder for every secret that the session knows, also those in memory."""
    api = anb.connect(history=None)
    api.variables["typed"] = anb.Secret.in_memory(TYPED, "typed")
    token = api.session.credentials.token_secret()
    assert token is not None
    written("n.ipynb", notebook(markdown=f"{TYPED} and {token.reveal()}"))
    found = api.scan()
    api.close()
    assert isinstance(found, Scan)
    assert {f.secret for f in found} == {"held:typed", "held:SANDBOX_TOKEN"}
    assert list(found.frame()["file"].unique()) == ["n.ipynb"]
    assert "n.ipynb, cell 2" in found._repr_mimebundle_()["text/html"]
    assert_clean(repr(found) + str(found._repr_mimebundle_()), "the report")


def test_a_run_that_shows_a_secret_fails_and_is_redacted() -> None:
    """The cell is named; the other outputs stay, so that the failure can be analysed."""
    cells = [
        nbformat.v4.new_code_cell("import os\nprint('kept')", id="a"),
        nbformat.v4.new_code_cell("print(os.environ['PLANTED_BEARER'])\n12345", id="b"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), "n.ipynb")
    result = run("n.ipynb")
    assert not result.ok
    assert result.executed == 2
    assert result.failed_cell is None
    assert [(f.cell, f.cell_id, f.part, f.secret) for f in result.leaks] == [(2, "b", "output 1", "env:PLANTED_BEARER")]
    assert "cell 2 (b), output 1" in result.error
    text = result.output.read_text(encoding="utf-8")
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert "kept" in text
    assert "*****" in text
    assert "12345" in text
    assert_clean(text + repr(result) + str(result._repr_mimebundle_()), "the output")
    done = command("run", "n.ipynb")
    assert done.returncode == 1
    assert "output 1" in done.stderr
    assert_clean(done.stdout + done.stderr, "the output of the command")


def test_a_failing_run_does_not_show_the_secret() -> None:
    """Neither the error, nor its traceback, nor the progress heading contains a secret."""
    source = f"# {BEARER}\nimport os\nraise ValueError(os.environ['PLANTED_BEARER'])"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), "n.ipynb")
    found_text: list[Any] = []
    result = run("n.ipynb", progress=lambda *facts: found_text.append(facts))
    assert result.failed_cell is not None
    assert "ValueError" in result.error
    assert {f.part for f in result.leaks} == {"code", "output 1"}
    assert_clean(f"{result!r} {result.error} {found_text}" + result.output.read_text(encoding="utf-8"), "the run")


def test_a_possible_secret_does_not_end_a_run() -> None:
    """A value that only looks like a secret does not end a run."""
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"print('{PLAIN_JWT}')")]), "n.ipynb")
    result = run("n.ipynb")
    assert (result.ok, result.leaks) == (True, ())
    assert PLAIN_JWT in result.output.read_text(encoding="utf-8")


KEY = "7Kq2ZpXw9LmN4vRt8sYb"


@pytest.mark.parametrize(
    "text",
    [f'{{"key": "{KEY}"}}', f"api_key={KEY}", f"token: {KEY}", f"<password>{KEY}</password>", f"'sasKey': '{KEY}'"],
)
def test_the_value_of_a_secrets_name_is_found(text: str) -> None:
    """What looks like a key or token after a name that means one, in any syntax."""
    (finding,) = scan([written("a.txt", f"one\n{text}\n")])
    assert (finding.known, finding.kind, finding.line) == (False, "value of a secret's name", 2)
    assert KEY not in f"{finding} {finding.to_dict()}"


@pytest.mark.parametrize(
    "text",
    [
        *('{"key": "REGION"}', "token_count: 5", f"nextPageToken: {KEY}", f"public_key: {KEY}", f"{KEY} = token"),
        *(f"id: {KEY}", "password = os.environ['X']", "key: 550e8400-e29b-41d4-a716-446655440000"),
        "Signature: 8a477f597d28d172789f06886806bc55",
    ],
)  # fmt: skip
def test_other_values_are_not_found(text: str) -> None:
    """Names of variables, cursors, public keys, ids, and the tag of a cache folder."""
    assert scan([written("a.txt", text)]).ok


@pytest.mark.parametrize("secret", ["admin", "000000"])
def test_a_common_secret_is_found_after_a_secrets_name(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What merely equals it is not found."""
    monkeypatch.setenv("COMMON_SECRET", secret)
    path = written("a.txt", f"user: {secret}\npassword: {secret}\n")
    found = scan([path], ["env:COMMON_SECRET"])
    assert [(f.line, f.known) for f in found] == [(2, True)]
    assert any("short or common" in name for name in found.unknown)

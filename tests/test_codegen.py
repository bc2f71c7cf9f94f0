"""Generated code is run as it is, and the server receives the request that the form would have sent."""

from __future__ import annotations

import email
import email.policy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.call import UNSET, Call, Upload
from astro_nb.codegen import SNIPPETS, literal
from astro_nb.environments import Environment
from astro_nb.errors import UnknownName, UsageError
from astro_nb.messages import Request, Response, header
from astro_nb.openapi import load
from astro_nb.schema import example_call
from astro_nb.secrets import Secret

TOKEN = "planted-token-0815"
NASTY = 'O\'Brien says "$HOME `id` \\n %41 & ü 日本 🚀" \\'
ORDER = ("accept", "authorization", "content-type", "cookie", "x-trace", "x-key")


@dataclass
class Recorder:
    """A server that records every request and forwards it to a sandbox."""

    sandbox: anb.Sandbox
    seen: list[Request] = field(default_factory=list)
    benches: list[anb.Workbench] = field(default_factory=list)
    url: str = ""

    def last(self) -> dict[str, Any]:
        """Return the latest request: everything that could matter to an API."""
        request = self.seen[-1]
        is_json = header(request.headers, "content-type").startswith("application/json")
        body = json.loads(request.body) if is_json and request.body else request.body
        headers = {name: header(request.headers, name) for name in ORDER}
        return {"method": request.method, "target": request.url, "body": body, **headers}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """A recording server on a port of its own, in front of a sandbox."""
    recorder = Recorder(anb.Sandbox(limits=False))

    def respond(request: Request) -> Response:
        headers = (("Authorization", f"Bearer {recorder.sandbox.token()}"), ("Content-Type", "application/json"))
        recorder.seen.append(request)
        response = recorder.sandbox.handle(replace(request, url=recorder.url + request.url[3:], headers=headers))
        return Response(response.status, (), response.body)

    with LocalServer(respond) as server:
        recorder.url = f"{server.url}/v1"
        yield recorder
        for api in recorder.benches:
            api.close()


ODD: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Odd", "version": "1"},
    "components": {
        "securitySchemes": {
            "basic": {"type": "http", "scheme": "basic"},
            "query": {"type": "apiKey", "in": "query", "name": "api_key"},
            "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
        }
    },
    "paths": {
        "/find": {
            "get": {
                "operationId": "find",
                "parameters": [
                    {"in": "query", "name": "from", "schema": {"type": "string"}},
                    {"in": "query", "name": "operation", "schema": {"type": "string"}},
                    {"in": "query", "name": "filter", "style": "deepObject", "schema": {"type": "object"}},
                    {"in": "query", "name": "ids[]", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"in": "header", "name": "X-Trace", "schema": {"type": "string"}},
                    {"in": "cookie", "name": "flavour", "schema": {"type": "string"}},
                ],
            }
        },
        "/things/{id}": {
            "post": {
                "operationId": "change",
                "parameters": [
                    {"in": "path", "name": "id", "required": True, "schema": {"type": "string"}},
                    {"in": "query", "name": "name", "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {n: {} for n in ("id", "name", "class", "body", "self", "tags")},
                            }
                        },
                        "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
                        "text/plain": {"schema": {"type": "string"}},
                        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                        "multipart/form-data": {
                            "schema": {"type": "object"},
                            "encoding": {"x": {"headers": {"X-Part": {"schema": {"const": "one two"}}}}},
                        },
                    }
                },
            }
        },
        "/login": {
            "get": {"operationId": "basic", "security": [{"basic": []}]},
            "post": {"operationId": "byQuery", "security": [{"query": []}]},
            "put": {"operationId": "byHeader", "security": [{"header": []}]},
        },
    },
}


def bench(recorder: Recorder, spec: Any = None, secret: str = TOKEN) -> anb.Workbench:
    """A workbench whose requests go to the recorder, with SNIPPET_TOKEN."""
    os.environ["SNIPPET_TOKEN"] = secret
    here = Environment("rec", base_url=recorder.url, credentials={"token": "env:SNIPPET_TOKEN"})
    api = anb.connect(here, spec=spec, history=None, variables={"organizationId": "org-1"})
    api.variables["hidden"] = Secret("env:SNIPPET_SECRET")
    recorder.benches.append(api)
    return api


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating-system variables that the snippets look up."""
    monkeypatch.setenv("SNIPPET_TOKEN", TOKEN)
    monkeypatch.setenv("SNIPPET_SECRET", "planted-secret-0815")


def run(kind: str, source: str, api: anb.Workbench) -> None:
    """Run a snippet as a user would after pasting it: in a cell, as a script, in a shell."""
    if kind == "curl":
        done = subprocess.run(["bash", "-c", source], capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr.decode()
        return
    exec(compile(source, kind, "exec"), {"api": api})  # noqa: S102  # to run it is what this test is for


def same(kind: str, call: Call, recorder: Recorder, api: anb.Workbench) -> None:
    """A call and its snippet send the same request."""
    api.session.send(call)
    wanted = recorder.last()
    source = api.session.snippet(kind, call)
    count = len(recorder.seen)
    run(kind, source, api)
    assert len(recorder.seen) == count + 1, "nothing was sent"
    assert recorder.last() == wanted, source


CALLS = {
    "plain": ("ListWorkspaces", {}),
    "query": ("ListDeployments", {"limit": 5, "names": ["a b", NASTY, "c&d=e"], "sorts": ["name:asc"]}),
    "path": ("GetDeployment", {"deploymentId": "a/b ü?#%"}),
    "delete": ("DeleteDeployment", {"deploymentId": "gone"}),
    "text": ("CreateWorkspace", {"name": NASTY, "description": "line one\nline two\ttab\r\n'''\"\"\""}),
    "values": ("CreateWorkspace", {"body": {"name": "x", "cicdEnforcedDefault": None, "more": [1.5, True, {}, []]}}),
    "long": ("CreateWorkspace", {"name": "x", "description": "word " * 200}),
    "secret": ("CreateWorkspace", {"name": "before {{hidden}} after", "description": "{{hidden}}"}),
    "template": ("GetWorkspace", {"workspaceId": "{{place}}"}),
    "nested": (
        "CreateDeployment",
        {"name": "n", "workspaceId": "w", "workerQueues": [{"name": "default", "isDefault": True, "podCpu": "0.5"}]},
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", SNIPPETS)
def test_a_snippet_sends_the_same_request(kind: str, name: str, recorder: Recorder) -> None:
    """With any arguments, the snippet sends what the call sends, and shows no secret."""
    api = bench(recorder)
    api.variables["place"] = "ws 1"
    operation, arguments = CALLS[name]
    body = arguments.get("body", UNSET)
    call = api.session.build_call(operation, {k: v for k, v in arguments.items() if k != "body"}, body)
    same(kind, call, recorder, api)
    source = api.session.snippet(kind, call)
    assert TOKEN not in source
    assert "planted-secret" not in source


ODD_CALLS = {
    "keyword": Call("find", {"from": "here"}),
    "operation": Call("find", {"operation": "find"}),
    "deep object": Call("find", {"filter": {"state": "on", "kind": ["a", "b"]}}),
    "brackets": Call("find", {"ids[]": ["1", "2"]}),
    "header": Call("find", {"X-Trace": "it's $1 {x}"}),
    "empty header": Call("find", {"X-Trace": ""}),
    "cookie": Call("find", {"flavour": "oat"}),
    "extra header": Call("find", headers={"X-Key": "extra"}),
    "clash with path": Call("change", {"id": "7"}, {"id": "8", "tags": []}),
    "clash with query": Call("change", {"id": "7"}, {"name": "in the body"}),
    "names of Python": Call("change", {"id": "7"}, {"class": "c", "self": "s", "body": "b"}),
    "empty body": Call("change", {"id": "7"}, {}),
    "null body": Call("change", {"id": "7"}, None),
    "list body": Call("change", {"id": "7"}, [1, "two", None]),
    "form": Call("change", {"id": "7"}, {"a": "x y", "b": ["1", "&"]}, "application/x-www-form-urlencoded"),
    "text": Call("change", {"id": "7"}, "@file 'quoted'\nnext", "text/plain"),
    "binary": Call("change", {"id": "7"}, b"\x89PNG\r\n\0\xff", "application/octet-stream"),
    "large number": Call("change", {"id": "7"}, {"tags": [1e300, 2**53, -0.1]}),
}


@pytest.mark.parametrize("name", ODD_CALLS)
@pytest.mark.parametrize("kind", SNIPPETS)
def test_unusual_documents_have_correct_snippets(kind: str, name: str, recorder: Recorder) -> None:
    """Keywords, clashing names, brackets, other media types: the snippet still sends what the call sends."""
    same(kind, ODD_CALLS[name], recorder, bench(recorder, ODD))


@pytest.mark.parametrize("operation", ["basic", "byQuery", "byHeader"])
@pytest.mark.parametrize("secret", [TOKEN, "user:pa ss&w+rd%41"])
@pytest.mark.parametrize("kind", ["Python (httpx)", "curl"])
def test_every_way_to_authenticate_is_complete(
    kind: str, secret: str, operation: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet itself encodes Basic credentials and escapes keys in the query, from the secret that it looks up."""
    monkeypatch.setenv("SNIPPET_TOKEN", secret)
    same(kind, Call(operation), recorder, bench(recorder, ODD, secret))


@pytest.mark.parametrize("kind", ["Python (httpx)", "curl"])
def test_a_secret_with_quotes_stays_one_value(kind: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret with quotes and backslashes arrives unchanged in the JSON body."""
    monkeypatch.setenv("SNIPPET_SECRET", 'pa"ss\\word\nnext')
    same(kind, Call("CreateWorkspace", {"organizationId": "o"}, {"name": "{{hidden}}"}), recorder, bench(recorder))


def test_a_script_stands_on_its_own(recorder: Recorder) -> None:
    """The httpx snippet runs in a process of its own: all that it needs is imported in it."""
    api = bench(recorder)
    call = api.session.build_call("CreateWorkspace", {"name": "from a script", "description": "{{hidden}}"})
    source = api.session.snippet("Python (httpx)", call)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0].isdigit(), "the status of the response comes first"
    assert recorder.last()["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("method", ["`id`", "X|id", "a&b", "$HOME", "a'b", "#x", "M-SEARCH"])
def test_a_method_is_no_command(method: str) -> None:
    """The method of an operation is quoted: the shell reads it as one word."""
    item = {"additionalOperations": {method: {"responses": {}}}}
    api = anb.connect(spec={"openapi": "3.2.0", "paths": {"/a": item}}, base_url="https://h", history=None)
    (op,) = api.spec
    text = api.session.snippet("curl", Call(op.id))
    script = f"curl() {{ printf '%s\\n' \"$@\"; }}\n{text}"
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[:3] == ["--request", method, "https://h/a"]
    assert ran.stderr == ""


@pytest.mark.parametrize(
    "kind", ["text/plain;headers=@/etc/hostname", "a/b; filename=x", "a/b;type=c/d", "a/b;x=y;ENCODER=8bit"]
)
def test_a_type_of_a_part_reads_no_file(kind: str) -> None:
    """curl would send the file that a document names in the type of a part: there is no such command."""
    media = {"multipart/form-data": {"schema": {"type": "object"}, "encoding": {"a": {"contentType": kind}}}}
    spec = {"openapi": "3.1.0", "paths": {"/a": {"post": {"requestBody": {"content": media}}}}}
    call = Call("post_a", body={"a": "x", "f": Upload("f.txt", b"y")})
    api = anb.connect(spec=spec, base_url="https://h", history=None)
    with pytest.raises(UsageError, match="curl"):
        api.session.snippet("curl", call)


@pytest.fixture(scope="module")
def astro() -> Iterator[anb.Workbench]:
    """One workbench for all tests that send nothing."""
    workbench = anb.connect("astro", token=Secret.in_memory(TOKEN), history=None, variables={"organizationId": "org-1"})
    yield workbench
    workbench.close()


@pytest.mark.parametrize("operation", [op.id for op in load()])
def test_every_operation_of_astro_has_snippets(operation: str, astro: anb.Workbench) -> None:
    """Each operation's example call gives Python that compiles, and that means the same call again."""
    call = astro.session.extract_secrets(example_call(astro.spec.operation(operation)))
    for kind in ("Python (astro_nb)", "Python (httpx)"):
        compile(astro.session.snippet(kind, call), kind, "exec")

    class Reader:
        def call(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Call:
            return astro.session.build_call(operation, arguments, body)

    again = eval(astro.session.snippet("Python (astro_nb)", call), {"api": Reader()})  # noqa: S307  # what it is for
    assert again == call


def test_every_operation_of_astro_has_a_curl_command(astro: anb.Workbench) -> None:
    """The commands of all operations are correct shell: bash reads them without running them."""
    calls = [astro.session.extract_secrets(example_call(operation)) for operation in astro.spec]
    script = "\n".join(astro.session.snippet("curl", call) for call in calls)
    done = subprocess.run(["bash", "-n"], input=script.encode(), capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, b"")
    assert script.count("curl --request") == len(calls) == 75


def test_an_unknown_kind_of_snippet_is_reported(astro: anb.Workbench) -> None:
    """The error for an unknown kind of snippet lists the known ones."""
    with pytest.raises(UnknownName):
        astro.session.snippet("Pyhton (httpx)", Call("ListWorkspaces"))


@pytest.mark.parametrize(
    "value",
    ["", 'say "x"', "it's", "line\nbreak", "\ud800", "日本", "\\", -0.5, 1e300, True, None, [1, ["x"]], {"a": {}}],
)
def test_a_literal_is_the_value(value: Any) -> None:
    """Plain data as source reads back as itself, on one line."""
    source = literal(value)
    assert eval(source) == value  # noqa: S307  # to read it back is what this test is for
    assert "\n" not in source


# --- files ------------------------------------------------------------------------------------------------------------

FILES = {"a b.png": b"\x89PNG\r\n\0\xff", "data.csv": "a,ü\r\n".encode(), "q\"uote'.txt": b"x"}
FORMS: dict[str, dict[str, Any]] = {
    "file": {"f": Upload("a b.png", FILES["a b.png"], "image/png")},
    "several": {"f": [Upload("data.csv", FILES["data.csv"], "text/csv"), Upload("a b.png", FILES["a b.png"])]},
    "quotes": {"f": Upload("q\"uote'.txt", b"x"), "t": NASTY.replace("\n", "")},
    "text": {"f": Upload("data.csv", FILES["data.csv"]), "t": "@data.csv", "u": "<data.csv;type=x", "n": 5},
    "json": {"f": Upload("data.csv", FILES["data.csv"]), "o": {"a": ["\\", '"']}, "x": {"b": 1}},
    "secret": {"f": Upload("data.csv", FILES["data.csv"]), "s": "before {{hidden}}"},
}


def parts_of(request: Request) -> list[tuple[str, str | None, str, str | None, bytes]]:
    """Return the parts of a form as another parser reads them: name, file, type, another header, content."""
    head = f"Content-Type: {header(request.headers, 'content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.compat32)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            part.get("X-Part"),
            part.get_payload(decode=True),
        )
        for part in message.get_payload()  # type: ignore[union-attr]  # a list, where it is a multipart message
    ]  # type: ignore[misc]  # as above


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", SNIPPETS)
def test_a_snippet_sends_files_by_their_names(
    kind: str, name: str, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet reads the file when it runs, and sends it as the same part of the same form."""
    monkeypatch.chdir(tmp_path)
    for file, content in FILES.items():
        Path(file).write_bytes(content)
    api = bench(recorder, ODD)
    call = Call("change", {"id": "7"}, FORMS[name], "multipart/form-data")
    api.session.send(call)
    wanted, source = parts_of(recorder.seen[-1]), api.session.snippet(kind, call)
    run(kind, source, api)
    assert parts_of(recorder.seen[-1]) == wanted, source
    assert "planted-secret" not in source
    assert "PNG" not in source


@pytest.mark.parametrize("kind", SNIPPETS)
def test_a_snippet_sends_a_file_as_the_whole_body(
    kind: str, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read by its name too, and sent with its content type."""
    monkeypatch.chdir(tmp_path)
    Path("it's.bin").write_bytes(FILES["a b.png"])
    upload = Upload("it's.bin", FILES["a b.png"])
    same(kind, Call("change", {"id": "7"}, upload, "application/octet-stream"), recorder, bench(recorder, ODD))


@pytest.mark.parametrize("kind", ["Python (httpx)", "curl"])
def test_user_and_password_are_coded_together(kind: str, recorder: Recorder) -> None:
    """The user is in the snippet, the password is looked up."""
    api = bench(recorder, ODD)
    mapping = {"username": "me", "password": "env:SNIPPET_SECRET"}
    api.session.switch(Environment("rec", base_url=recorder.url, credentials={"basic": mapping}))
    same(kind, Call("basic"), recorder, api)
    assert "planted-secret" not in api.session.snippet(kind, Call("basic"))


@pytest.mark.parametrize("security", ["", "header"])
@pytest.mark.parametrize("kind", SNIPPETS)
def test_a_chosen_way_to_authenticate_is_in_the_snippet(kind: str, security: str, recorder: Recorder) -> None:
    """The security of a call decides whether its snippet has a credential."""
    api = bench(recorder, ODD)
    api.session.switch(
        Environment("rec", base_url=recorder.url, credentials=dict.fromkeys(("header", "query"), "env:SNIPPET_SECRET"))
    )
    same(kind, Call("byQuery", security=security), recorder, api)
    assert bool(header(recorder.seen[-1].headers, "x-key")) == bool(security)

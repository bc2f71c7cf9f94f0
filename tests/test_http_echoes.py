"""Common secrets in the response to the request that sent them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.documents import make_document
from support.servers import LocalServer, json_response

import astro_nb as anb
from astro_nb.history import texts_in
from astro_nb.http import Retries
from astro_nb.messages import Request, Response

TEXT = {"type": "string"}
BODY = {
    "type": "object",
    "properties": {"pin": TEXT, "note": TEXT, "list": {"type": "array", "items": {"type": "object"}}},
}


def document() -> dict[str, Any]:
    parameters = [
        {"name": name, "in": place, "required": place == "path", "schema": TEXT} for name, place in PLACES.items()
    ]
    post = {"operationId": "make", "parameters": parameters, "responses": {"200": {"description": ""}}}
    post["requestBody"] = {"content": {"application/json": {"schema": BODY}}}
    return dict(make_document({"/things/{code}": {"post": post}}).document)


PLACES = {"code": "path", "otp": "query", "X-Pin": "header"}


@pytest.fixture
def served(tmp_path: Any) -> Iterator[tuple[LocalServer, anb.Workbench]]:
    with LocalServer() as server:
        environment = anb.Environment("local", base_url=server.url)
        api = anb.connect(environment, spec=document(), retries=Retries(1), history=tmp_path / ".astro_nb")
        api.variables["mine"] = anb.Secret.in_memory("000000", "mine")
        yield server, api
        api.close()


def send(api: anb.Workbench, body: Any = None, **parameters: Any) -> anb.Exchange:
    return api.session.send(anb.Call("make", {"code": "c", **parameters}, body={} if body is None else body))


@pytest.mark.parametrize(
    ("body", "parameters", "response", "shown"),
    [
        ({"pin": "{{mine}}"}, {}, {"pin": "000000", "note": "000000"}, {"pin": "*****", "note": "000000"}),
        ({"pin": "{{mine}}"}, {}, {"data": {"pin": "000000"}, "n": 0}, {"data": {"pin": "*****"}, "n": 0}),
        (
            {"list": [{"v": "000000"}, {"v": "{{mine}}"}]}, {},
            {"list": [{"v": "000000"}, {"v": "000000"}]}, {"list": [{"v": "000000"}, {"v": "*****"}]},
        ),
        ({}, {"otp": "{{mine}}"}, {"otp": "000000", "zip": "000000"}, {"otp": "*****", "zip": "000000"}),
        ({}, {"code": "{{mine}}"}, {"code": "000000", "zip": "000000"}, {"code": "*****", "zip": "000000"}),
        ({}, {"X-Pin": "{{mine}}"}, {"x": "000000"}, {"x": "000000"}),
    ],
)  # fmt: skip
def test_a_common_secret_is_masked_where_it_was_sent(
    body: Any, parameters: Any, response: Any, shown: Any, served: tuple[LocalServer, anb.Workbench]
) -> None:
    """Under its name and at its place; an equal value elsewhere is shown."""
    server, api = served
    keys = {p.name: p.key for p in api.spec.operation("make").parameters}
    server.respond = lambda request: json_response(response)
    exchange = send(api, body, **{keys[name]: value for name, value in parameters.items()})
    assert "000000" in f"{server.requests[0].url} {server.requests[0].headers} {server.requests[0].body!r}"
    assert "000000" not in f"{exchange.request.url} {exchange.request.headers}"
    assert exchange.json() == shown
    assert exchange.ok


def test_a_common_secret_in_a_header_is_masked_in_that_header(served: tuple[LocalServer, anb.Workbench]) -> None:
    """Of the same name; another header with the same value is shown."""
    server, api = served
    server.respond = lambda request: json_response({}, 200, {"X-Pin": "000000", "X-Count": "000000"})
    key = next(p.key for p in api.spec.operation("make").parameters if p.name == "X-Pin")
    headers = send(api, **{key: "{{mine}}"}).headers
    assert (headers["X-Pin"], headers["X-Count"]) == ("*****", "000000")


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_common_secret_is_masked_in_quotes_in_an_error(quote: str, served: tuple[LocalServer, anb.Workbench]) -> None:
    """A server repeats what it refuses; a successful response may have the same words."""
    server, api = served
    message = f"{quote}000000{quote} is too simple: 000000 requests"
    for status, shown in ((400, message.replace(f"{quote}000000", f"{quote}*****")), (200, message)):
        server.respond = lambda request, status=status: json_response({"message": message}, status)
        assert send(api, {"pin": "{{mine}}"}).json()["message"] == shown
    server.respond = lambda request: Response(400, (("Content-Type", "text/plain"),), message.encode())
    assert f"{quote}*****{quote}" in send(api, {"pin": "{{mine}}"}).text


def test_the_history_has_no_common_secret_where_it_was_sent(served: tuple[LocalServer, anb.Workbench]) -> None:
    """Neither the request nor its echo."""
    server, api = served

    def echo(request: Request) -> Response:
        return Response(200, (("Content-Type", "application/json"),), request.body)

    server.respond = echo
    send(api, {"pin": "{{mine}}", "note": "n"}, otp="{{mine}}")
    assert api.history.path is not None
    rows = [content for _, content in texts_in(api.history.path)]
    assert rows
    assert not any(b"000000" in content for content in rows)

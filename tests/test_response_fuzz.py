"""Any JSON that a server may write, in any charset and coding, cut anywhere: shown, stored and read without loss."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.errors import AstroNbError
from astro_nb.exchange import Exchange
from astro_nb.messages import Response
from astro_nb.workbench import Workbench

PLANTED = "planted-9f3c7a1e"
ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "price": {"type": "number", "multipleOf": 0.01},
        "password": {"type": "string", "format": "password"},
        "at": {"type": "string", "format": "date-time"},
        "by": {"type": "object", "properties": {"id": {"type": "string"}}},
        "free": {},
        "either": {"oneOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"type": "string"}]},
    },
}
SCHEMAS: dict[str, Any] = {"one": ITEM, "list": {"type": "array", "items": ITEM}}
RESPONSES = {
    name: {"200": {"description": "", "content": {"application/json": {"schema": s}}}} for name, s in SCHEMAS.items()
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "fuzz", "version": "1"},
    "paths": {f"/{name}": {"post": {"operationId": name, "responses": found}} for name, found in RESPONSES.items()},
}

NUMBERS = [
    "1",
    "-0",
    "1e400",
    "1E+999999999",
    "89490200001123456789",
    "0.12345678901234567890",
    "NaN",
    "-Infinity",
    "1e2",
]
TEXTS = ['"a"', '"\\ud800"', '"é"', '"😀"', '"0001-01-01T00:00:00Z"', '"\\u0000"', '""', '"<b>"', '"now"', '"{{x}}"']
NAMES = ["id", "price", "at", "by", "by.id", "free", "either", "a", "a.b", "\\ud800", "é"]
SCALARS = st.sampled_from([*NUMBERS, *TEXTS, "null", "true"])


def lists(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON arrays of these values."""
    return st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON objects of these values, which may have a name twice, and a secret."""
    members = st.tuples(st.sampled_from(NAMES), inner).map(lambda member: f'"{member[0]}": {member[1]}')
    secret = st.sampled_from([f'"password": "{PLANTED}"', f'"free": {{"apiKey": "{PLANTED}"}}'])
    return st.lists(members | secret, max_size=5).map(lambda found: f"{{{', '.join(found)}}}")


VALUES = st.recursive(SCALARS, lambda inner: lists(inner) | objects(inner), max_leaves=8)
TEXT = objects(VALUES) | lists(objects(VALUES)) | VALUES
CODECS = st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-32-le", "utf-8-sig", "iso-8859-1"])
CODINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": bytes}


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server whose response a test sets."""
    with LocalServer() as started:
        yield started


@pytest.fixture
def api(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """The server's API, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return anb.connect(spec=DOCUMENT, base_url=server.url)


SENT = st.tuples(TEXT, CODECS, st.sampled_from(sorted(CODINGS)), st.none() | st.floats(0, 1))


@given(SENT, st.booleans(), st.sampled_from([200, 400]))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_response(
    server: LocalServer, api: Workbench, sent: tuple[str, str, str, float | None], declares: bool, status: int
) -> None:
    """Nothing raises but our errors, no secret is in any output, and the history has the same response."""
    text, codec, coding, cut = sent
    body = CODINGS[coding](text.encode(codec, "backslashreplace"))
    body = body if cut is None else body[: int(cut * len(body))]
    media = f"application/json; charset={codec}" if declares else "application/json"
    fields = (("Content-Type", media), *((("Content-Encoding", coding),) if coding else ()))
    server.respond = lambda request: Response(status, fields, body)
    for operation in SCHEMAS:
        exchange = api.call(operation)
        shown = _outputs(exchange)
        assert len(shown) >= 5
        assert not [output for output in shown if PLANTED in output]
        stored = anb.connect(spec=DOCUMENT, base_url=server.url).history.get(exchange.id)
        assert (stored.status, stored.call) == (exchange.status, exchange.call)
        if exchange.response is not None and exchange.response.is_json:
            assert repr(stored.json()) == repr(exchange.json())


def _outputs(exchange: Exchange) -> list[str]:
    """Return everything that an exchange shows."""
    bundle = exchange._repr_mimebundle_()
    for shown in bundle.values():
        assert shown.encode()
    outputs = [*bundle.values(), exchange.text, str(exchange.headers), repr(exchange.error), repr(exchange.violations)]
    with contextlib.suppress(AstroNbError):
        outputs += [repr(exchange.json()), repr(exchange.items), repr(exchange.check())]
        frame = exchange.frame()
        outputs += [repr(frame), str(frame.to_dict())]
        outputs.append(repr(exchange["$[?@.id > 1 || @.price == 0.1]"]))
    return outputs

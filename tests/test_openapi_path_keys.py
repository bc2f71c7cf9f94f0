"""The keys of `paths` with a query or a fragment, methods in capitals, and servers without a path."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.call import UNSET
from astro_nb.contract import check_request_fully
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import MissingArgument
from astro_nb.messages import Request
from astro_nb.openapi import Spec, load
from astro_nb.openapi.spec import split_path_key
from astro_nb.sandbox import Sandbox
from astro_nb.schema import build_call
from astro_nb.serialization import build_request

OK = {"responses": {"200": {"description": "Fine."}}}


def parameter(name: str, place: str = "query", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": {"type": "string"}, "required": place == "path", **more}


def document(*entries: tuple[str, list[Any]], method: str = "get", version: str = "3.0.3") -> Spec:
    """A document with an operation of each path key and its parameters; the ids are `op0`, `op1` and so on."""
    paths: dict[str, Any] = {}
    for number, (key, parameters) in enumerate(entries):
        paths[key] = {method: {"operationId": f"op{number}", "parameters": parameters, **OK}}
    return Spec({"openapi": version, "info": {"title": "T", "version": "1"}, "paths": paths})


def request_of(spec: Spec, name: str, base_url: str = "https://h.example/api", /, **arguments: Any) -> Request:
    operation = spec.operation(name)
    values = Resolver(Variables(), Environment("e", base_url=base_url), mode="revealed")
    return build_request(operation, build_call(operation, arguments), values)


@pytest.mark.parametrize(
    ("key", "parameters", "arguments", "url"),
    [
        ("/items?beta=true", [parameter("limit")], {"limit": "5"}, "/items?beta=true&limit=5"),
        ("/items?beta=true", [], {}, "/items?beta=true"),
        ("/items?a=x%20y%26&flag&b=", [], {}, "/items?a=x%20y%26&flag&b="),
        ("/items?q=é b+c", [], {}, "/items?q=%C3%A9%20b+c"),
        ("/items?#top", [], {}, "/items"),
        ("/items#top?a=1", [], {}, "/items"),
        ("/items?a=1#b", [parameter("c")], {"c": "2"}, "/items?a=1&c=2"),
        ("/items/{id}?a=1", [parameter("id", "path")], {"id": "x?y"}, "/items/x%3Fy?a=1"),
        ("/items?id={id}", [parameter("id")], {"id": "1"}, "/items?id=1"),
        ("/items?id={id}", [parameter("id")], {}, "/items"),
        ("/items?id={id}", [parameter("id", "path")], {"id": "a&b"}, "/items?id=a%26b"),
        ("/items?id={user}", [parameter("user", "path")], {"user": "1"}, "/items?id=1"),
        ("/items?id={user}", [], {"user": "1"}, "/items?id=1"),
        ("/items?filter=name:{name}&x=1", [], {"name": "a&b"}, "/items?filter=name:a%26b&x=1"),
        ("/items?page=1", [parameter("page", required=True)], {}, "/items?page=1"),
        ("/items?page=1", [parameter("page", required=True)], {"page": "2"}, "/items?page=2"),
        ("/items{?page,size}", [parameter("page")], {"page": "2"}, "/items?page=2"),
        ("/items?a=1{&page}", [parameter("page")], {"page": "2"}, "/items?a=1&page=2"),
        ("/{who?}", [parameter("who?", "path")], {"who?": "me"}, "/me"),
    ],
)
def test_the_query_of_a_path_is_sent_and_its_fragment_is_not(
    key: str, parameters: list[Any], arguments: Any, url: str
) -> None:
    spec = document((key, parameters))
    request = request_of(spec, "op0", **arguments)
    assert request.url == f"https://h.example/api{url}"
    assert check_request_fully(spec.operation("op0"), request) == ()


def test_a_template_in_the_query_needs_a_value() -> None:
    spec = document(("/items?filter=name:{name}", []), ("/other?id={user}", []))
    for name in ("op0", "op1"):
        with pytest.raises(MissingArgument):
            request_of(spec, name)


def test_a_query_of_the_base_url_comes_first() -> None:
    spec = document(("/items?beta=true", [parameter("limit")]))
    request = request_of(spec, "op0", "https://h.example/api/?sig=a%2Fb#top", limit="5")
    assert request.url == "https://h.example/api/items?sig=a%2Fb&beta=true&limit=5"


WORD = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=6)
PAIR = st.tuples(WORD, st.text(max_size=6).filter(lambda text: not set(text) & set("{}&#+%") and text.isprintable()))


@settings(deadline=None, max_examples=60)
@given(WORD, st.lists(PAIR, max_size=4), WORD | st.none(), st.text(min_size=1, max_size=8))
def test_whatever_the_key_is_the_pairs_arrive(path: str, pairs: list[Any], fragment: str | None, value: str) -> None:
    """The document's pairs in their order, then the parameters, and nothing of the fragment."""
    query = "&".join(f"{name}={text}" for name, text in pairs)
    key = f"/{path}{'?' if pairs else ''}{query}{'' if fragment is None else f'#{fragment}'}"
    spec = document((key, [parameter("own-argument")]))
    parts = urlsplit(request_of(spec, "op0", **{"own-argument": value}).url)
    assert (parts.path, parts.fragment) == (f"/api/{path}", "")
    assert parse_qsl(parts.query, keep_blank_values=True) == [*pairs, ("own-argument", value)]


@given(st.text(max_size=30))
def test_a_key_is_split_without_loss(key: str) -> None:
    path, query, fragment = split_path_key(key)
    before, after = [path, f"{path}?{query}"], ["", f"#{fragment}"]
    assert key in [start + end for start in before for end in after]


def test_keys_that_differ_by_query_or_fragment_are_operations_of_their_own() -> None:
    """Each has its own id, its whole key is shown and found, and the sandbox routes requests to it."""
    spec = document(
        ("/items", []),
        ("/items?beta=true", [parameter("limit")]),
        ("/items?beta=true&mode=full", []),
        ("/index#one", [parameter("a", required=True)]),
        ("/index#two", [parameter("b", required=True)]),
        ("/index#three", [parameter("X-Target", "header", required=True)]),
    )
    calls: list[dict[str, str]] = [{}, {"limit": "5"}, {}, {"a": "1"}, {"b": "1"}, {"X-Target": "1"}]
    assert [operation.path for operation in spec] == ["/items"] * 3 + ["/index"] * 3
    assert "/items?beta=true&mode=full" in repr(spec.operation("op2"))
    assert [operation.id for operation in spec.search("#two")] == ["op4"]
    sandbox = Sandbox(spec)
    for number, arguments in enumerate(calls):
        sandbox.serve(request_of(spec, f"op{number}", sandbox.in_process_url, **arguments))
    assert [entry.operation for entry in sandbox.log] == [f"op{number}" for number in range(len(calls))]
    warned = [operation.id for operation in spec if operation.warnings]
    assert warned == ["op3", "op4", "op5"]


def test_derived_ids_tell_them_apart() -> None:
    raw = {key: {"get": OK} for key in ("/a", "/a?x=1", "/a#x", "/a?x=2")}
    spec = load({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": raw})
    assert [operation.id for operation in spec] == ["get_a", "get_a_x_1", "get_a_x", "get_a_x_2"]


@pytest.mark.parametrize("head", [{"openapi": "3.1.0"}, {"swagger": "2.0", "host": "h.example"}])
def test_methods_in_capitals_are_read_with_a_warning(head: dict[str, str]) -> None:
    item = {"GET": OK, "Post": {**OK, "operationId": "make"}, "put": {**OK, "operationId": "lower"}, "PUT": OK}
    spec = load({**head, "info": {"title": "T", "version": "1"}, "paths": {"/a": item}})
    assert {(operation.method, operation.id) for operation in spec} == {
        ("GET", "get_a"), ("POST", "make"), ("PUT", "lower"),
    }  # fmt: skip
    assert "GET has to be in lower case" in spec.operation("get_a").warnings[0]
    assert spec.operation("lower").warnings == ()
    assert "PUT is ignored" in " ".join(spec.warnings)
    assert build_call(spec.operation("make"), {}).body is UNSET


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("", "https://h/"), (" ", "https://h/"), ("/", "https://h/"), (".", "https://h/docs/"), ("..", "https://h/"),
        ("v2", "https://h/docs/v2"), ("/v2", "https://h/v2"), ("#", "https://h/"), ("//other", "https://other"),
        ("{base}", "https://h/"), ("{base}/v2", "https://h/v2"),
    ],
)  # fmt: skip
def test_a_server_without_a_path_is_the_root_of_the_documents_host(url: str, base: str) -> None:
    servers = [{"url": url, "variables": {"base": {"default": ""}}}]
    spec = Spec(
        {"openapi": "3.0.0", "servers": servers, "paths": {"/a": {"get": OK}}}, "https://h/docs/openapi.json?x=1"
    )
    assert spec.servers == (base,)
    assert request_of(spec, "get_a", spec.servers[0]).url == f"{base.rstrip('/')}/a"

"""Servers with their variables, and whether an address is one of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_nb.errors import UsageError
from astro_nb.openapi import Server, ServerVariable, Spec, load

CHOICES = {"enum": ["eu", "us"], "default": "eu", "description": "Where."}


def spec(*servers: Any, source: str = "", **more: Any) -> Spec:
    """A document with these servers, fetched from `source` if that is given."""
    data = orjson.dumps({"openapi": "3.2.0", "servers": list(servers), "paths": {"/a": {"get": {}}}, **more})
    return load(source or data, fetch=lambda _: data)


def server(url: Any, source: str = "", **variables: Any) -> Server:
    """One server as read."""
    (found,) = spec({"url": url, "variables": variables}, source=source).server_list
    return found


def test_what_a_server_says() -> None:
    """Address, description, name (3.2) and variables, numbers and truth values as texts."""
    raw = {
        "url": "https://{r}.h:{p}/{v}", "description": "d", "name": "n",
        "variables": {"r": CHOICES, "p": {"default": 443}, "v": {"enum": [True, 2]}},
    }  # fmt: skip
    (found,) = spec(raw).server_list
    assert found == Server(
        "https://{r}.h:{p}/{v}", "d",
        (ServerVariable("r", "eu", ("eu", "us"), "Where."), ServerVariable("p", "443"),
         ServerVariable("v", "true", ("true", "2"))),
        "n",
    )  # fmt: skip
    assert spec(raw).servers == (found.fill(),) == ("https://eu.h:443/true",)


def test_filling() -> None:
    """Given values override defaults; an undeclared variable stays until it has a value; other names are ignored."""
    found = server("https://{r}.h/{v}/{x}", r=CHOICES, v={"default": ""})
    assert found.fill() == found.fill({}) == "https://eu.h//{x}"
    assert found.fill({"r": "us", "v": "1", "x": "y", "other": "z"}) == "https://us.h/1/y"
    with pytest.raises(UsageError, match="eu, us"):
        found.fill({"r": "asia"})


def test_a_value_is_not_filled_again() -> None:
    """A value that looks like a variable stays what it is."""
    assert server("https://{a}/{b}", a={"default": "{b}"}, b={"default": "x"}).fill() == "https://{b}/x"


@pytest.mark.parametrize(
    ("url", "values", "wanted"),
    [
        ("/api/{v}", {"v": "2"}, "https://h/api/2"), ("{v}", {"v": "3"}, "https://h/docs/3"),
        ("{v}/x", {"v": "http://g"}, "http://g/x"), ("{v}/x", {"v": "/api"}, "https://h/api/x"),
        ("//{v}/x", {"v": "g"}, "https://g/x"), ("https://{v}.g", {"v": "a"}, "https://a.g"), (".", {}, "https://h/docs/"),
    ],
)  # fmt: skip
def test_relative_servers_are_meant_against_the_documents_address(url: str, values: Any, wanted: str) -> None:
    """Also if the variable contains the scheme, or is at the beginning."""
    found = server(url, "https://h/docs/openapi.json", v={"default": "1"})
    assert found.fill(values) == wanted


def test_without_servers() -> None:
    """The default server of a fetched document is its own host; other documents have none."""
    assert spec(source="https://h/docs/x.json").servers == ("https://h/",)
    assert spec().servers == ()


def test_servers_of_an_operation() -> None:
    """Its own ones, else its path's, else none."""
    paths = {
        "/a": {"servers": [{"url": "https://p"}], "get": {"servers": [{"url": "https://o"}]}, "put": {}},
        "/b": {"get": {}},
    }
    found = spec({"url": "https://d"}, paths=paths)
    assert {op.id: [s.url for s in op.server_list] for op in found} == {
        "get_a": ["https://o"], "put_a": ["https://p"], "get_b": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw", ["text", [{}], ["h"], [{"url": 5}], [{"url": "https://[h"}], [{"url": "x", "variables": 5}]]
)
def test_malformed_servers_are_none(raw: Any) -> None:
    """They are warnings of the document and of the operation, and there are no servers."""
    found = load({"openapi": "3.0.0", "servers": raw, "paths": {"/a": {"get": {"servers": raw}}}})
    op = found.operation("get_a")
    if raw == [{"url": "https://[h"}]:
        assert found.has_server("https://h") is False
        return
    assert (found.server_list, op.server_list, found.servers, op.servers) == ((), (), (), ())
    assert (found.warnings[0][:8], op.warnings[0][:8]) == ("servers:", "servers:")


@pytest.mark.parametrize(
    ("url", "variables", "yes", "no"),
    [
        ("https://h/v1", {}, ["https://h/v1", "https://h/v1/", "HTTPS://H/v1", "https://h:443/v1"],
         ["https://h", "https://h/V1", "http://h/v1", "https://h:8443/v1", "https://h/v1?x", "https://h.evil/v1",
          "https://h@evil/v1", "https://evil/h/v1", "https://h/v1/../x", "h/v1", "", "https://[h/v1", "/v1"]),
        ("https://{r}.h", {"r": CHOICES}, ["https://eu.h", "https://us.h"], ["https://asia.h", "https://.h", "https://eu.h/x"]),
        ("https://{r}.h", {"r": {"default": "eu"}}, ["https://any.h", "https://a.b.h"],
         ["https://evil/.h", "https://evil?.h", "https://evil#.h", "https://a@evil.h", "https://x\\.h", "https://evil/x.h"]),
        ("{s}://h:{p}/{v}", {"s": {"enum": ["http", "https"]}, "p": {"default": "80"}, "v": {"default": "v1"}},
         ["http://h:80/v2", "https://h:9/v1", "http://h/v1"], ["ftp://h:80/v1", "http://h:80/v1/x"]),
        ("{base}/v1", {"base": {"enum": ["https://a", "https://b"], "default": "https://a"}},
         ["https://a/v1", "https://b/v1"], ["https://c/v1"]),
        ("https://h/{p}", {"p": {"default": "a/b"}}, ["https://h/a/b", "https://h/c"], ["https://g/a/b"]),
        ("https://{x}.h", {}, ["https://a.h"], ["https://a.g"]),
        ("/v1", {}, [], ["https://h/v1"]),
        ("https://h.x", {}, ["https://h.x"], ["https://hax"]),
    ],
)  # fmt: skip
def test_has_server(url: str, variables: Any, yes: list[str], no: list[str]) -> None:
    """A URL is a server's if its variables can produce it; the text around them is literal."""
    found = spec({"url": "https://other"}, {"url": url, "variables": variables})
    assert [u for u in yes if not found.has_server(u)] == []
    assert [u for u in no if found.has_server(u)] == []


@given(
    st.text("abz09-", min_size=1),
    st.sampled_from(["eu", "us"]),
    st.text("abz09-._~", min_size=1).filter(lambda v: v.strip(".")),
)
def test_what_a_server_makes_it_serves(host: str, region: str, version: str) -> None:
    """Whatever its variables are filled with, it is the server still."""
    found = Server("https://{h}.{r}.example/{v}", "", (
        ServerVariable("h", "x"), ServerVariable("r", "eu", ("eu", "us")), ServerVariable("v", "1"),
    ))  # fmt: skip
    assert found.matches(found.fill({"h": host, "r": region, "v": version}))


def test_has_server_takes_no_time() -> None:
    """Many variables and a long address do not make the search long."""
    variables = {f"v{n}": {"default": "a"} for n in range(12)}
    found = spec({"url": "https://" + "".join(f"{{v{n}}}" for n in range(12)) + ".h", "variables": variables})
    assert found.has_server("https://" + "a" * 60 + ".g") is False


SMUGGLED = (
    "evil.com/", "evil.com#", "evil.com?", "evil.com\\", "u@evil.com:443/", "evil.com%2f", "x y", "a\nb", "evil.com:1",
    "u:p", "[", "/", "\0", "evil.com\t",
)  # fmt: skip


@pytest.mark.parametrize("value", SMUGGLED)
@pytest.mark.parametrize("url", ["https://{h}.example.com/v1", "https://{h}/v1", "{s}://{h}.example.com", "//{h}.a"])
def test_no_value_leads_to_another_host(value: str, url: str) -> None:
    """A value that ends the host, adds a user or a port is rejected."""
    if url == "https://{h}/v1" and value in ("evil.com:1",):
        assert Server(url, "", (ServerVariable("h", "x"),)).fill({"h": value}) == "https://evil.com:1/v1"
        return
    for variables in ((ServerVariable("h", "x"), ServerVariable("s", "https")), ()):
        with pytest.raises(UsageError):
            Server(url, "", variables, home="https://h/x.yaml" if url[0] == "/" else "").fill(
                {"h": value, "s": "https"}
            )


@pytest.mark.parametrize(
    ("url", "value", "wanted"),
    [
        ("/{v}", "/evil.com", None), ("/{v}", "\\evil.com", None), ("/{v}", "../x", None), ("/{v}", "a/./b", None),
        ("/{v}", "v2?x", None), ("/{v}", "v2", "https://h/v2"), ("/{v}", "a/b", "https://h/a/b"),
        ("{v}://g/x", "https://evil.com/", None), ("{v}://g/x", "http", "http://g/x"),
        ("{v}", "https://g/x?y", None), ("{v}", "https://g", "https://g"),
    ],
)  # fmt: skip
def test_values_of_paths_and_schemes(url: str, value: str, wanted: str | None) -> None:
    """A step is a step and a scheme a scheme; a variable that is the whole address may be any address."""
    made = Server(url, "", (ServerVariable("v", "1"),), home="https://h/x.yaml")
    if wanted is None:
        with pytest.raises(UsageError):
            made.fill({"v": value})
    else:
        assert made.fill({"v": value}) == wanted


def test_a_base_path_right_behind_the_host() -> None:
    """`https://h{base}`, as many write it, takes another path, and no more of a host."""
    found = Server("https://h{b}", "", (ServerVariable("b", "/v1"),))
    assert (found.fill(), found.fill({"b": "/v2/x"}), found.fill({"b": ""})) == (
        "https://h/v1",
        "https://h/v2/x",
        "https://h",
    )
    for value in (".evil.com/", ":80@evil.com", "//x", "/../x"):
        with pytest.raises(UsageError):
            found.fill({"b": value})


@given(st.text(), st.text())
def test_the_host_is_the_templates_whatever_is_given(host: str, version: str) -> None:
    """Any text is rejected, or leaves the end of the host and the beginning of the path in place."""
    found = Server("https://{h}.example.com/api/{v}", "", (ServerVariable("h", "x"), ServerVariable("v", "1")))
    try:
        parts = urlsplit(found.fill({"h": host, "v": version}))
    except UsageError:
        return
    assert (parts.hostname or "").endswith(".example.com")
    assert (parts.username, parts.port, parts.query, parts.fragment) == (None, None, "", "")
    assert parts.path.startswith("/api/")

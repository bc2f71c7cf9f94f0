"""A call becomes the request that the OpenAPI specification defines."""

from __future__ import annotations

import email
import email.message
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.call import UNSET, Call
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import AstroNbError, MissingArgument, UsageError
from astro_nb.http.transport import from_httpx, to_httpx
from astro_nb.messages import Request, header
from astro_nb.openapi import Operation, Spec
from astro_nb.secrets import Secret
from astro_nb.serialization import build_request
from astro_nb.session.secrets import to_templates
from astro_nb.templates import as_literal

STABLE = settings(deadline=None, max_examples=100)
PLANTED = "planted-5d1c"


def operation(*parameters: Any, path: str = "/x", media: str = "", method: str = "post", **more: Any) -> Operation:
    """Return an operation with these parameters, a body if a media type is given, and further fields."""
    for parameter in parameters:
        path += f"/{{{parameter['name']}}}" if parameter["in"] == "path" else ""
    body = {"requestBody": {"content": {media: more.pop("content", {})}}} if media else {}
    raw = {"operationId": "x", "parameters": list(parameters), **body, "responses": {}, **more}
    return next(iter(Spec({"openapi": "3.1.1", "paths": {path: {method: raw}}})))


def values(**environment: Any) -> Resolver:
    """Values for a host, with one secret variable and a plain one."""
    variables = Variables(shared={"secret": Secret.in_memory(PLANTED), "plain": "p"})
    return Resolver(variables, Environment("e", base_url="https://api.example.com", **environment), mode="revealed")


def built(op: Operation, _body: Any = UNSET, _values: Resolver | None = None, **arguments: Any) -> Request:
    """The request of a call."""
    return build_request(op, Call("x", arguments, _body), _values or values())


def one(value: Any, where: str, name: str = "color", **more: Any) -> str:
    """Return one parameter as sent: the end of the path, the query, the header's or the cookie's value."""
    parameter = {"name": name, "in": where, "schema": {}, **more}
    request = build_request(operation(parameter), Call("x", {name: value}), values())
    parts = urlsplit(request.url)
    found = {"path": parts.path.removeprefix("/x/"), "query": parts.query, "header": header(request.headers, name)}
    return found.get(where, header(request.headers, "cookie"))


# --- the table of styles: OpenAPI 3.1.1, section 4.8.12.4 -------------------------------------------------------------

TEXT, ARRAY, OBJECT = "blue", ["blue", "black", "brown"], {"R": 100, "G": 200, "B": 150}


@pytest.mark.parametrize(
    ("where", "style", "explode", "text", "array", "subject"),
    [
        ("path", "matrix", False, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
        ("path", "matrix", True, ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"),
        ("path", "label", False, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
        ("path", "label", True, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
        ("path", "simple", False, "blue", "blue,black,brown", "R,100,G,200,B,150"),
        ("path", "simple", True, "blue", "blue,black,brown", "R=100,G=200,B=150"),
        ("header", "simple", False, "blue", "blue,black,brown", "R,100,G,200,B,150"),
        ("header", "simple", True, "blue", "blue,black,brown", "R=100,G=200,B=150"),
        ("query", "form", False, "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"),
        ("query", "form", True, "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"),
        ("cookie", "form", False, "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"),
        ("query", "spaceDelimited", False, None, "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"),
        ("query", "pipeDelimited", False, None, "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"),
        ("query", "deepObject", True, None, None, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    ],
)
def test_the_table_of_styles(where: str, style: str, explode: bool, text: Any, array: Any, subject: Any) -> None:
    """Every cell of the specification's table that is not n/a is reproduced exactly."""
    for value, expected in ((TEXT, text), (ARRAY, array), (OBJECT, subject)):
        assert expected is None or one(value, where, style=style, explode=explode) == expected


def test_the_defaults_of_style_and_explode() -> None:
    """By default a path and a header are simple, a query is form and exploded: names=a&names=b."""
    assert one(OBJECT, "path") == one(OBJECT, "header") == "R,100,G,200,B,150"
    assert one(["a", "b"], "query", name="names") == "names=a&names=b"
    assert one(ARRAY, "query", style="spaceDelimited") == "color=blue%20black%20brown"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("", "color="), (True, "color=true"), (1.5, "color=1.5"), (2**70, f"color={2**70}"), ([], ""), (None, "")),
        *(([None, "a"], "color=a"), ({"R": 1, "G": None}, "R=1"), ({}, ""), ([{"a": 1}], "color=%7B%22a%22%3A1%7D")),
    ],
)
def test_what_the_table_leaves_open(value: Any, expected: str) -> None:
    """RFC 6570: an empty text is sent; undefined values (null, no entries, null members) are left out."""
    assert one(value, "query") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 3, 14, 9, 30, tzinfo=UTC), "2026-03-14T09:30:00Z"),
        (datetime(2026, 3, 14, 9, 30), "2026-03-14T09:30:00Z"),  # one without a zone is what is meant
        (datetime(2026, 3, 14, 9, 30, tzinfo=timezone(timedelta(hours=2))), "2026-03-14T09:30:00+02:00"),
        (pandas.Timestamp("2026-03-14 09:30", tz="UTC"), "2026-03-14T09:30:00Z"),
        (date(2026, 3, 14), "2026-03-14"),
        (numpy.int64(5), "5"),
        (numpy.bool_(True), "true"),
        (numpy.float64(1.5), "1.5"),
    ],
)
def test_what_is_no_json_has_its_text(value: Any, expected: str) -> None:
    """A datetime is RFC 3339, in UTC if it has no zone; a value from a DataFrame is sent as it is displayed."""
    assert parse_qsl(one(value, "query")) == [("color", expected)]
    assert one([value], "path") == one(value, "path")
    sent = body({"a": value})[0].decode()
    assert sent in (f'{{"a":{expected}}}', f'{{"a":"{expected}"}}')


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), pandas.NaT, "\ud800", ["a", "\ud800"], {"\ud800": 1}])
@pytest.mark.parametrize("where", ["path", "query", "header", "cookie"])
def test_what_cannot_be_serialized_is_reported_with_its_place(value: Any, where: str) -> None:
    """Bytes, sets, objects and lone surrogates are the caller's mistake; the message names the parameter."""
    with pytest.raises(UsageError, match=r"color|cookie|Cookie") as raised:
        one(value, where)
    assert raised.value.todo


def test_members_without_a_value_are_left_out_of_a_deep_object() -> None:
    """The rules of RFC 6570 also apply to the style that it does not define."""
    assert one({"a": None, "b": [1, None], "c": []}, "query", style="deepObject", explode=True) == "color%5Bb%5D=1"


@pytest.mark.parametrize("value", [None, "", [], {}, [None], {"a": None}, "{{empty}}"])
@pytest.mark.parametrize("style", ["simple", "label", "matrix"])
def test_a_path_needs_its_parameters(value: Any, style: str) -> None:
    """An empty path segment would address another resource: the error names the parameter, and nothing is sent."""
    op, given_values = operation({"name": "id", "in": "path", "style": style, "schema": {}}), values()
    given_values.variables["empty"] = ""
    if style == "matrix" and value in ("", "{{empty}}"):  # the table has `;color` for it, which is a step of its own
        assert built(op, _values=given_values, id=value).url.endswith("/x/;id")
        return
    with pytest.raises(MissingArgument) as raised:
        built(op, _values=given_values, id=value)
    assert raised.value.data["missing"] == ["id"]
    assert raised.value.todo


@pytest.mark.parametrize(
    "value",
    [".", "..", "%2e%2E", ".%2e", "../users", "a/..", "a/./b", "..\\users", "%2e%2e%2fusers", "..;v=1", "x/../.."],
)
def test_a_step_of_dots_does_not_climb(value: str) -> None:
    """DELETE /things/.. would delete something else: clients and servers normalise it, in many spellings."""
    with pytest.raises(UsageError, match="another resource") as raised:
        built(operation({"name": "id", "in": "path", "schema": {}}, path="/things", method="delete"), id=value)
    assert raised.value.todo


def test_a_label_makes_a_step_of_dots_too() -> None:
    """The dot of the style counts, too: the check is on what is sent, not on the value."""
    with pytest.raises(UsageError, match="another resource"):
        one(".", "path", style="label")
    assert one("..", "path", style="label") == "..."


@pytest.mark.parametrize("value", ["...", "a..b", "v1.0", ".well-known", "..a", "a.", "1..", "%2e%2e%2e", "50%"])
def test_dots_that_lead_nowhere_are_sent(value: str) -> None:
    """Only a segment of one or two dots, and nothing else, leads elsewhere."""
    path = urlsplit(built(operation({"name": "id", "in": "path", "schema": {}}), id=value).url).path
    assert unquote(path) == f"/x/{value}"


def test_dots_that_combine_in_one_segment_are_rejected() -> None:
    """Neither value is a segment of dots, but both together are."""
    one_dot = [{"name": name, "in": "path", "schema": {}} for name in "ab"]
    raw = {"parameters": one_dot, "responses": {}}
    op = next(iter(Spec({"openapi": "3.1.1", "paths": {"/x/{a}{b}": {"get": raw}}})))
    with pytest.raises(UsageError, match="another resource"):
        built(op, a=".", b=".")


def test_a_parameter_of_a_media_type_is_json() -> None:
    """A parameter with `content` is serialised by it, not by a style."""
    parameter = {"name": "f", "in": "query", "content": {"application/json": {"schema": {"type": "array"}}}}
    assert urlsplit(built(operation(parameter), f=[1, "a b"]).url).query == "f=%5B1%2C%22a%20b%22%5D"


# --- percent-encoding -------------------------------------------------------------------------------------------------

NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(["100%", "a&b", "filter[name]", "$top", "a=b", "a%20b", "+"])
TEXTS = st.text(max_size=12) | st.sampled_from(["a/b", "a?b#c", "100%", "%2F", "a+b c", "é=&;,", "{{", "*'()!~"])


def literal(value: Any) -> Any:
    """Return texts as a call holds them if their braces are no templates."""
    return to_templates(as_literal(value))


def climbs(text: str) -> bool:
    """Whether a path segment, decoded any number of times, is or contains a segment of dots."""
    steps = re.split(r"[/\\;]", unquote(unquote(unquote(text))))
    return any(step in (".", "..") for step in steps)


@STABLE
@given(TEXTS.filter(lambda text: text and not climbs(text)), TEXTS.filter(lambda text: not climbs(f"-{text}")))
def test_a_path_holds_what_was_given(text: str, other: str) -> None:
    """The value of a path segment decodes to itself, stays one segment, and is sent as it is shown."""
    op = operation({"name": "a", "in": "path", "schema": {}}, {"name": "b", "in": "path", "schema": {}})
    request = built(op, a=literal(text), b=literal(f"-{other}"))
    path = urlsplit(request.url).path
    assert [unquote(step) for step in path.split("/")] == ["", "x", text, f"-{other}"]
    assert to_httpx(request).url.raw_path.decode() == path


@STABLE
@given(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3), st.sampled_from(["form", "deepObject"]))
def test_a_query_holds_what_was_given(members: dict[str, str], style: str) -> None:
    """Names and values of any kind decode to themselves, and are sent as they are shown."""
    request = built(
        operation({"name": "q", "in": "query", "style": style, "explode": True, "schema": {}}), q=literal(members)
    )
    query = urlsplit(request.url).query
    wrap = "q[{}]" if style == "deepObject" else "{}"
    assert parse_qsl(query, keep_blank_values=True) == [(wrap.format(k), v) for k, v in members.items()]
    assert to_httpx(request).url.query.decode() == query


@STABLE
@given(NAMES, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
def test_a_list_holds_what_was_given(name: str, entries: list[str], explode: bool) -> None:
    """A parameter of any name repeats, or joins its items by commas that differ from those inside them."""
    query = one(literal(entries), "query", name=name, explode=explode)
    found = [pair.partition("=")[::2] for pair in query.split("&")]
    assert {unquote(key) for key, _ in found} == {name}
    assert [unquote(v) for _, joined in found for v in (joined.split(",") if not explode else [joined])] == entries


def test_reserved_characters_pass_where_they_are_allowed() -> None:
    """`allowReserved` is RFC 6570's reserved expansion: reserved characters and encoded triples pass, nothing else."""
    assert one(":/?@!$'()*,;", "query", allowReserved=True) == "color=:/?@!$'()*,;"
    assert one("a b&c#d%", "query", allowReserved=True) == "color=a%20b%26c%23d%25"
    assert one("a%20b", "query", allowReserved=True) == "color=a%20b"
    assert one({"a=b&c": "/"}, "query", allowReserved=True, explode=True) == "a%3Db%26c=/"
    label = {"style": "label", "allowReserved": True}
    assert [one(["a,b", "c"], "path", explode=e, **label) for e in (False, True)] == [".a,b,c", ".a,b.c"]


# --- headers and cookies ----------------------------------------------------------------------------------------------


def test_each_header_occurs_once_and_the_last_one_wins() -> None:
    """Standard headers are overridden by the environment's, those by parameters, those by the call's."""
    op = operation({"name": "x-trace", "in": "header", "schema": {}}, media="application/json")
    environment = values(headers={"X-Trace": "environment", "X-Team": "{{plain}}"})
    call = Call("x", {"x-trace": "parameter"}, {}, headers={"accept": "text/csv", "X-Own": "ž"})
    request = build_request(op, call, environment)
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names))
    found = {name.lower(): value for name, value in request.headers}
    expected = {"x-trace": "parameter", "x-team": "p", "accept": "text/csv", "x-own": "ž", "user-agent": "astro_nb"}
    assert expected.items() <= found.items()


def test_cookies_share_one_header() -> None:
    """RFC 6265, section 5.4: one Cookie field, pairs divided by a semicolon."""
    op = operation({"name": "a", "in": "cookie", "schema": {}}, {"name": "b", "in": "cookie", "schema": {}})
    assert header(built(op, a="1", b=["2", "3"]).headers, "cookie") == "a=1; b=2; b=3"


@pytest.mark.parametrize("where", ["header", "cookie"])
@pytest.mark.parametrize("end", ["\r\nX-Evil: 1", "\n", "\0"])
def test_no_value_can_begin_a_new_header(where: str, end: str) -> None:
    """A line break in a header raises an error without the value, which may be a secret."""
    style = "cookie" if where == "cookie" else "simple"  # in a cookie's `form` it would be percent-encoded
    with pytest.raises(UsageError, match="line break") as raised:
        built(operation({"name": "h", "in": where, "style": style, "schema": {}}), h="{{secret}}" + end)
    assert PLANTED not in str(raised.value)


@pytest.mark.parametrize("value", [" a", "a\t", " a\tb "])
def test_a_header_neither_begins_nor_ends_with_a_blank(value: str) -> None:
    """Blanks around a value are not part of it (RFC 9110, section 5.5), and h11 rejects them."""
    assert header(built(operation({"name": "h", "in": "header", "schema": {}}), h=value).headers, "h") == value.strip()


def test_our_request_is_httpx_request() -> None:
    """Method, target, headers and body are sent unchanged; Content-Length is sent also for an empty body."""
    op = operation({"name": "q", "in": "query", "schema": {}}, media="application/json")
    request = built(op, {"a": "ž"}, q="a b")
    sent = to_httpx(request)
    assert (sent.method, str(sent.url), sent.read()) == ("POST", request.url, request.body)
    assert sent.headers["content-length"] == str(len(request.body))
    assert sent.headers["host"] == "api.example.com"
    assert {(k.lower(), v) for k, v in request.headers} <= {(k.lower(), v) for k, v in sent.headers.items()}
    assert to_httpx(built(op)).headers["content-length"] == "0"
    assert "content-length" not in to_httpx(built(operation(method="get"))).headers


def test_httpx_response_is_ours() -> None:
    """Status, body and every header, also those that repeat."""
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "application/json")]
    response = from_httpx(httpx.Response(207, headers=headers), b'{"a":1}')
    assert (response.status, response.json()) == (207, {"a": 1})
    assert [value for name, value in response.headers if name.lower() == "set-cookie"] == ["a=1", "b=2"]


# --- bodies -----------------------------------------------------------------------------------------------------------


def body(content: Any, media: str = "application/json", **described: Any) -> tuple[bytes, str]:
    """A body as it is sent, and its content type."""
    request = built(operation(media=media, content=described), content)
    return request.body, header(request.headers, "content-type")


def parts(content: Any, **described: Any) -> dict[str, email.message.Message]:
    """The parts of a multipart body, by name."""
    data, media = body(content, "multipart/form-data", **described)
    message = email.message_from_bytes(f"Content-Type: {media}\r\n\r\n".encode() + data)
    found = message.get_payload()
    assert isinstance(found, list)
    return {str(part.get_param("name", header="content-disposition")): part for part in found}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "media", "expected", "sent_as"),
    [
        ({"a": "ž"}, "application/json", '{"a":"ž"}'.encode(), "application/json"),
        (None, "application/json", b"null", "application/json"),
        ([], "application/merge-patch+json", b"[]", "application/merge-patch+json"),
        ({"a": 1}, "application/vnd.x+json; v=1", b'{"a":1}', "application/vnd.x+json; v=1"),
        ({"a": 1}, "*/*", b'{"a":1}', "application/json"),
        ({"a": 1}, "application/*", b'{"a":1}', "application/json"),
        ("a,b", "text/csv", b"a,b", "text/csv"),
        (b"\xff", "application/octet-stream", b"\xff", "application/octet-stream"),
        ({"a": [1, "b c"], "d": True}, "application/x-www-form-urlencoded", b"a=1&a=b%20c&d=true", None),
        ({"a": "{{plain}}", "b": {"c": 1}}, "application/x-www-form-urlencoded", b"a=p&b=%7B%22c%22%3A1%7D", None),
    ],
)
def test_bodies_by_media_type(content: Any, media: str, expected: bytes, sent_as: str | None) -> None:
    """Each media type has its encoder; a range of types is never sent as one."""
    assert body(content, media) == (expected, sent_as or media)


def test_no_body_is_not_null() -> None:
    """A body that is unset is not sent, and neither is a content type."""
    assert body(UNSET) == (b"", "")


def test_a_multipart_body() -> None:
    """Texts are sent unchanged, objects as JSON, bytes as a file, lists as several parts."""
    found = parts({"t": "ž", "o": {"a": 1}, "f": b"\xff\r\n", "n": 5, "y": True})
    assert {name: part.get_payload(decode=True) for name, part in found.items()} == {
        **{"t": "ž".encode(), "o": b'{"a":1}', "f": b"\xff\r\n", "n": b"5", "y": b"true"}
    }
    assert (found["f"].get_filename(), found["f"].get_content_type()) == ("f", "application/octet-stream")
    assert found["o"].get_content_type() == "application/json"
    assert body({"a": ["x", "y"]}, "multipart/form-data")[0].count(b'name="a"') == 2


@pytest.mark.parametrize(
    "content", [{1: 2}, {"a": float("nan")}, {"a": object()}, {"a": b"x"}, {"a": {1, 2}}, {"a": "\ud800"}, "\ud800"]
)
def test_what_json_cannot_represent_is_reported(content: Any) -> None:
    """A body that JSON cannot represent is the caller's mistake: a UsageError that ends in what to do."""
    with pytest.raises(AstroNbError) as raised:
        body(content)
    assert raised.value.todo


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"a": [1, {1}]}, "body.a.1"),
        ({"a": {"b": float("inf")}}, "body.a.b"),
        ({"a": None, "b": [float("nan")]}, "body.b.0"),
    ],
)
def test_the_place_of_what_is_no_json_is_named(content: Any, place: str) -> None:
    """The error has the location, which is needed in a large body."""
    with pytest.raises(UsageError, match=re.escape(f"{place} ")):
        body(content)


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_lone_surrogate_is_reported_in_every_body(media: str) -> None:
    """It is not an error of the codec."""
    with pytest.raises(UsageError, match=r"^body.* half of a character"):
        body("\ud800" if media == "text/plain" else {"a": "\ud800"}, media)


@pytest.mark.parametrize(
    ("content", "media", "expected"),
    [
        ("a", "text/*", (b"a", "text/plain")),
        (b"\xff", "*/*", (b"\xff", "application/octet-stream")),
        (b"\xff", "image/*", (b"\xff", "application/octet-stream")),
    ],
)
def test_a_range_is_sent_as_the_usual_type_in_it(content: Any, media: str, expected: tuple[bytes, str]) -> None:
    """Bytes are sent unchanged, whatever the range."""
    assert body(content, media) == expected


def test_an_empty_form() -> None:
    """Null and empty lists are not sent; a multipart body without parts still has its end."""
    assert body({"a": None, "b": []}, "application/x-www-form-urlencoded")[0] == b""
    data, media = body({"a": None, "b": []}, "multipart/form-data")
    assert data.startswith(b"--" + media.partition("boundary=")[2].encode() + b"--")


def test_the_encoding_of_the_document_is_used() -> None:
    """OpenAPI 3.1.1, 4.8.15: a part has the first type that is no range; a form's fields have their style."""
    encoding = {
        "f": {"contentType": "image/*, image/png"},
        "j": {"contentType": "application/json"},
        "t": {"contentType": "text/csv; charset=utf-8"},
        "r": {"contentType": "image/*"},
    }
    found = parts({"f": b"\xff", "j": "text", "t": "a,b", "r": b"\xff", "o": {}}, encoding=encoding)
    types = {name: part["content-type"] for name, part in found.items()}
    assert types == {
        **{"f": "image/png", "j": "application/json", "t": "text/csv; charset=utf-8"},
        **{"r": "application/octet-stream", "o": "application/json"},
    }
    assert found["j"].get_payload(decode=True) == b'"text"'
    with pytest.raises(UsageError, match="which has no objects and lists"):
        parts({"x": {"a": 1}}, encoding={"x": {"contentType": "text/csv"}})
    styles = {"a": {"explode": False}, "d": {"style": "deepObject", "explode": True}, "j": encoding["j"]}
    form = body({"a": [1, 2], "d": {"k": "v"}, "j": [1, 2]}, "application/x-www-form-urlencoded", encoding=styles)
    assert form[0] == b"a=1,2&d%5Bk%5D=v&j=%5B1%2C2%5D"


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_needs_names_and_values(media: str) -> None:
    """A list cannot be sent as a form."""
    with pytest.raises(UsageError, match="Give a dict"):
        body([1], media)


# --- what a document may not do ---------------------------------------------------------------------------------------


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=12))
@settings(max_examples=300)
def test_whatever_a_documents_path_is_the_host_stays(path: str) -> None:
    """No path, with or without a slash at its beginning, becomes part of the host; each can be sent."""
    request = built(operation(path=re.sub(r"[{}]|^x-", "", path)))
    sent = to_httpx(request).url
    assert urlsplit(request.url).netloc == sent.netloc.decode() == "api.example.com"
    assert request.url.replace(" ", "\n").isprintable()
    assert request.url.isascii()


@pytest.mark.parametrize("name", ["X\r\nY", "X Y", "X: Y", "Authorization:", "", "é", "a;b", " X", "[x]"])
def test_what_is_no_name_of_a_header(name: str) -> None:
    """Invalid names of parameters, of a call's headers and of a part's headers are rejected."""
    op = operation({"in": "header", "name": name, "schema": {"type": "string"}, "required": True})
    assert (op.parameters, built(op, **{name: "v"}).headers) == ((), built(operation()).headers)
    assert any("not a valid header name" in text for text in op.warnings)
    with pytest.raises(UsageError):
        build_request(operation(), Call("x", headers={name: "v"}), values())
    described = {"encoding": {"a": {"headers": {name: {"schema": {"const": "v"}}}}}}
    with pytest.raises(UsageError):
        body({"a": "b"}, "multipart/form-data", **described)


@pytest.mark.parametrize("method", ["Copy", "x-purge", "M-SEARCH", "PATCH"])
def test_a_method_is_sent_as_the_document_writes_it(method: str) -> None:
    """Methods are case-sensitive (RFC 9110, section 9.1)."""
    made = to_httpx(Request(method, "https://h/x", ()))
    assert made.method == method


@pytest.mark.parametrize("value", ["a; admin=1", {"a": "b; c=d"}, {"a; b": "c"}, ["x", "y;z"]])
@pytest.mark.parametrize("described", [{"style": "cookie"}, {"content": {"application/json": {}}}])
def test_no_value_becomes_a_second_cookie(value: Any, described: Any) -> None:
    """If nothing is percent-encoded, a semicolon is rejected."""
    param = {"in": "cookie", "name": "n", "schema": {}} if "style" in described else {"in": "cookie", "name": "n"}
    with pytest.raises(UsageError, match="semicolon"):
        built(operation({**param, **described}), n=value)


@pytest.mark.parametrize("address", ["https://[h", "http://[::1", "//[x"])
@pytest.mark.parametrize("where", ["base", "server", "token"])
def test_a_malformed_url_is_reported(address: str, where: str) -> None:
    """A malformed server URL of the environment, the operation or the token endpoint raises a clear error."""
    flows = {"clientCredentials": {"tokenUrl": address, "scopes": {}}}
    document = {
        "openapi": "3.1.1", "servers": [{"url": "https://h"}], "security": [{"o": []}] if where == "token" else [],
        "components": {"securitySchemes": {"o": {"type": "oauth2", "flows": flows}}},
        "paths": {"/x": {"get": {"servers": [{"url": address}] if where == "server" else []}}},
    }  # fmt: skip
    client = {"client_id": "c", "client_secret": Secret.in_memory("planted-0815")}
    env = Environment("e", base_url=address if where == "base" else "https://h", credentials={"o": client})
    with pytest.raises(AstroNbError) as caught:
        build_request(next(iter(Spec(document))), Call("get_x"), Resolver(Variables(), env, mode="revealed"))
    assert caught.value.todo
    assert "planted" not in str(caught.value)

"""HTTP requests and responses as plain data, whatever the server sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.errors import AstroNbError, PickError
from astro_nb.messages import Headers, Request, Response, header, is_json, join_headers, media_type

STEADY = settings(deadline=None, max_examples=100)
PLANTED = "planted-3b9f"


def typed(content_type: str, body: bytes = b"") -> Response:
    """A response of that media type."""
    return Response(200, (("content-type", content_type),), body)


def test_header_names_have_no_case() -> None:
    """The first field of a name counts, in any spelling; a missing one gives the default."""
    fields: Headers = (("X-Request-ID", "1"), ("x-request-id", "2"), ("Empty", ""))
    assert header(fields, "x-Request-Id") == "1"
    assert header(fields, "empty", "default") == ""
    assert header(fields, "other") == ""
    assert header(fields, "other", "default") == "default"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; Charset=UTF-8", "application/json"),
        (" text/plain ;charset=x", "text/plain"),
        ("", ""),
        (";", ""),
    ],
)
def test_media_type_is_bare(value: str, wanted: str) -> None:
    """Parameters, case and spaces are not part of the media type."""
    assert media_type((("Content-Type", value),)) == wanted
    assert typed(value).media_type == wanted
    assert media_type(()) == ""


@pytest.mark.parametrize(
    ("media", "wanted"),
    [
        ("application/json", True), ("application/problem+json", True), ("text/json", True),
        ("application/octet-stream", False), ("application/x-ndjson", False), ("text/plain", False), ("", False),
        ("application/jsonp", False), ("application/json-seq", False), ("Application/JSON; charset=utf-8", True),
    ],
)  # fmt: skip
def test_is_json(media: str, wanted: bool) -> None:
    """JSON is application/json, and whatever ends in +json (RFC 6839); NDJSON is not."""
    assert is_json(media) is wanted


def test_a_message_keeps_its_body_out_of_its_repr() -> None:
    """Neither repr nor str nor format of a message shows a body, a header or a query."""
    request = Request("POST", f"https://h/a?key={PLANTED}", (("Authorization", PLANTED),), PLANTED.encode(), True)
    response = Response(200, (("Set-Cookie", PLANTED),), PLANTED.encode())
    for message in (request, response):
        for shown in (repr(message), str(message), f"{message}", f"{[message]}"):
            assert PLANTED not in shown
    assert repr(Request("POST", "https://h/a?b=c")) == "<Request POST https://h/a>"
    assert repr(response) == "<Response 200, 12 bytes>"


@pytest.mark.parametrize(
    "url",
    [f"https://user:{PLANTED}@h/a", f"https://h/a#{PLANTED}", f"https://h/tokens/{PLANTED}"],
    ids=["user", "fragment", "path"],
)
def test_a_request_with_secrets_shows_nothing_of_them(url: str) -> None:
    """`secret` marks a request that contains secrets: a path parameter may be one, so the path is hidden, too."""
    assert PLANTED not in repr(Request("GET", url, secret=True))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.Example.com:8443/v1", "api.example.com"),
        ("https://user@example.com/", "example.com"),
        ("http://[::1]:80/", "::1"),
        ("/relative", ""),
        ("", ""),
    ],
)
def test_host(url: str, host: str) -> None:
    """The host is in lower case, without port and user."""
    assert Request("GET", url).host == host


def test_a_malformed_url_is_reported() -> None:
    """A malformed URL raises a UsageError, not a ValueError."""
    with pytest.raises(AstroNbError):
        _ = Request("GET", "http://[bad/").host


def test_with_header_replaces_in_any_spelling() -> None:
    """A replaced header occurs once; the original request is unchanged, body and secrecy are copied."""
    first = Request("POST", "https://h/", (("x-a", "1"), ("B", "2"), ("X-A", "3")), b"body", True)
    second = first.with_header("X-a", "4")
    assert second.headers == (("B", "2"), ("X-a", "4"))
    assert (second.body, second.secret) == (b"body", True)
    assert len(first.headers) == 3


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "grün".encode(), "grün"),
        ("", "grün".encode(), "grün"),
        ("text/plain; charset=latin-1", "grün".encode("latin-1"), "grün"),
        ('text/plain; charset="UTF-8"', "grün".encode(), "grün"),
        ("text/plain; format=flowed; CHARSET='utf-16'", "grün".encode("utf-16"), "grün"),
        ("text/plain; charset=no-such-thing", "grün".encode(), "grün"),
        ("text/plain; charset=", b"x", "x"),
        ("text/plain; charset", b"x", "x"),
        ("text/plain", b"a\xffb", "a�b"),
    ],
)
def test_text(content_type: str, body: bytes, text: str) -> None:
    """The declared charset is used where it exists, else UTF-8; what cannot be decoded is shown as such."""
    assert typed(content_type, body).text == text


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "base64", "unicode_escape", "utf-7", "rot13"])
def test_an_odd_charset_is_no_error(charset: str) -> None:
    """A server may name any charset, one that Python knows but cannot use here too: the text is still shown."""
    assert "hello" in typed(f"text/plain; charset={charset}", b"\xff hello").text


@given(st.binary(max_size=40), st.text(max_size=12))
@STEADY
def test_no_answer_is_an_error(body: bytes, charset: str) -> None:
    """Any bytes under any charset: text, parsing and repr raise nothing but PickError from `json()`."""
    response = typed(f"application/json; charset={charset}", body)
    assert isinstance(response.text, str)
    assert isinstance(response.is_json, bool)
    if not response.is_json:
        with pytest.raises(PickError):
            response.json()


@pytest.mark.parametrize(
    ("body", "wanted"), [(b"{}", {}), (b"null", None), (b"[1]", [1]), (b'"x"', "x"), (b" 5 ", 5), (b"false", False)]
)
def test_json_whatever_the_type_says(body: bytes, wanted: object) -> None:
    """A body that parses is JSON, under any declared type; null and false are JSON too."""
    for content_type in ("application/json", "text/plain", ""):
        assert typed(content_type, body).is_json
        assert typed(content_type, body).json() == wanted


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b""),
        ("application/json", b"RBAC: access denied"),
        ("text/html", b"<html>502</html>"),
        ("application/octet-stream", b'{"a":1}\n{"a":2}\n'),
        ("application/json", b'{"a": 01}'),
        ("application/json", b"\xff\xfe"),
        ("", b'{"a":'),
    ],
)
def test_a_body_that_is_not_json(content_type: str, body: bytes) -> None:
    """A gateway's plain-text error, NDJSON, an empty 200: `json()` reports status and type, and points to `text`."""
    response = typed(content_type, body)
    assert not response.is_json
    with pytest.raises(PickError) as caught:
        response.json()
    assert f"(200, {content_type or 'no media type'})" in caught.value.what
    assert "response.text" in caught.value.todo


def test_a_byte_order_mark_does_not_hide_json() -> None:
    """Windows servers put a byte order mark first; a reader may ignore it (RFC 8259, section 8.1), and ours does."""
    assert typed("application/json", b'\xef\xbb\xbf{"a": 1}').json() == {"a": 1}


def test_the_repr_of_a_secret_request_has_its_host() -> None:
    """Scheme and host are no secrets; a URL that cannot be read is not shown at all."""
    assert repr(Request("GET", "https://u:p@h:8443/a?b#c", secret=True)) == "<Request GET https://h:8443>"
    assert PLANTED not in repr(Request("GET", f"https://{PLANTED}@[bad/", secret=True))
    assert repr(Request("GET", "https://h/a#c")) == "<Request GET https://h/a>"


def test_an_error_about_a_body_does_not_quote_it() -> None:
    """A body that fails to parse may contain a secret: the error has the place, not the text."""
    with pytest.raises(PickError) as caught:
        typed("application/json", b'{"token": "' + PLANTED.encode()).json()
    assert PLANTED not in f"{caught.value!r} {caught.value.data}"


def test_messages_are_equal_by_value() -> None:
    """Two messages with the same parts are equal, also after one was read."""
    one, other = typed("application/json", b"{}"), typed("application/json", b"{}")
    assert one.json() == {}
    assert one == other
    assert hash(one) == hash(other)


def test_header_fields_of_one_name_are_joined() -> None:
    """Several fields of a name are a list (RFC 9110, section 5.3), in any spelling; cookies are kept apart."""
    fields: Headers = (("Link", "<a>"), ("X", "1"), ("link", "<b>"), ("Set-Cookie", "a=1, b"), ("Set-Cookie", "c=2"))
    assert join_headers(fields) == {"Link": "<a>, <b>", "X": "1", "Set-Cookie": "a=1, b\nc=2"}


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/json", '{"a": "ž"}'.encode("utf-16"), '{"a": "ž"}'),
        ("application/json", '{"a": "ž"}'.encode("utf-32-le"), '{"a": "ž"}'),
        ("application/json; charset=iso-8859-2", '{"a": "ž"}'.encode("iso-8859-2"), '{"a": "ž"}'),
        ("application/json; charset=iso-8859-1", '{"a": "ž"}'.encode(), '{"a": "ž"}'),
        ("application/json", b'\xef\xbb\xbf{"a": "\xc5\xbe"}', '{"a": "ž"}'),
    ],
)
def test_text_and_data_have_one_charset(content_type: str, body: bytes, text: str) -> None:
    """What is parsed is what is shown; another charset than UTF-8 is noted, and a text is encoded as the body was."""
    response = typed(content_type, body)
    assert (response.json(), response.text) == ({"a": "ž"}, text)
    assert typed(content_type, response.encode(text)).json() == {"a": "ž"}
    assert bool(response.json_notes) is ("utf-8" not in content_type and not body.startswith(b"\xef"))

"""Parameters in every row of the tables of styles can be read back, also where the specification is silent."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_serialization_requests import built, one, operation, values

from astro_nb.call import Call
from astro_nb.errors import UsageError
from astro_nb.messages import header
from astro_nb.openapi import Operation, Parameter, Spec
from astro_nb.serialization import build_request
from astro_nb.serialization.styles import build_whole_query, to_json

STABLE = settings(deadline=None, max_examples=60)


# --- RFC 6570, section 3.2, and OpenAPI 3.2, section 4.12.7 -----------------------------------------------------------

TEXT, EMPTY, ARRAY, OBJECT = "Hello World!", "", ["red", "green", "blue"], {"semi": ";", "dot": ".", "comma": ","}


@pytest.mark.parametrize(
    ("where", "style", "explode", "value", "expected"),
    [
        ("path", "simple", False, TEXT, "Hello%20World%21"),
        ("path", "simple", False, ARRAY, "red,green,blue"),
        ("path", "simple", False, OBJECT, "semi,%3B,dot,.,comma,%2C"),
        ("path", "simple", True, OBJECT, "semi=%3B,dot=.,comma=%2C"),
        ("path", "label", False, ARRAY, ".red,green,blue"),
        ("path", "label", True, OBJECT, ".semi=%3B.dot=..comma=%2C"),
        ("path", "matrix", False, EMPTY, ";color"),
        ("path", "matrix", True, EMPTY, ";color"),
        ("path", "matrix", False, OBJECT, ";color=semi,%3B,dot,.,comma,%2C"),
        ("path", "matrix", True, OBJECT, ";semi=%3B;dot=.;comma=%2C"),
        ("path", "matrix", True, {"a": "", "b": 1}, ";a;b=1"),
        ("path", "matrix", True, ["", "x"], ";color;color=x"),
        ("query", "form", True, EMPTY, "color="),
        ("query", "form", False, OBJECT, "color=semi,%3B,dot,.,comma,%2C"),
        ("query", "form", True, OBJECT, "semi=%3B&dot=.&comma=%2C"),
        ("cookie", "form", True, "a=b; c", "color=a%3Db%3B%20c"),
        ("cookie", "form", True, OBJECT, "semi=%3B; dot=.; comma=%2C"),
        ("cookie", "cookie", True, EMPTY, "color="),
        ("cookie", "cookie", True, "blue", "color=blue"),
        ("cookie", "cookie", False, ARRAY, "color=red,green,blue"),
        ("cookie", "cookie", True, ARRAY, "color=red; color=green; color=blue"),
        ("cookie", "cookie", False, {"R": 1, "G": 2}, "color=R,1,G,2"),
        ("cookie", "cookie", True, {"R": 1, "G": 2}, "R=1; G=2"),
        ("cookie", "cookie", True, "a%20b=c", "color=a%20b=c"),
        ("header", "simple", False, "a,b c%", "a,b c%"),
    ],
)
def test_the_examples_of_the_specifications(where: str, style: str, explode: bool, value: Any, expected: str) -> None:
    """RFC 6570's own variables, and the rows of 3.2 for cookies: `form` is percent-encoded, `cookie` is not (D.1)."""
    assert one(value, where, style=style, explode=explode) == expected


def test_an_empty_value_is_sent() -> None:
    """`allowEmptyValue` means the same as in RFC 6570: the name, and nothing after the equals sign."""
    assert one("", "query", allowEmptyValue=True) == "color="
    assert one(None, "query", allowEmptyValue=True) == ""


def test_reserved_characters_in_a_cookie() -> None:
    """`allowReserved` keeps what a cookie can contain (RFC 6265, section 4.1.1), but not what ends its value."""
    assert one("a=b/c;d,e", "cookie", allowReserved=True) == "color=a=b/c%3Bd%2Ce"


# --- deepObject: as qs reads it, for the specification is silent ------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": {"b": {"c": 1}}}, "color[a][b][c]=1"),
        ({"a": ["x", "y"], "b": 2}, "color[a]=x&color[a]=y&color[b]=2"),
        ({"a": [{"b": 1}, {"b": 2}]}, "color[a][0][b]=1&color[a][1][b]=2"),
        ({"a": [["x"], "y"]}, "color[a][0]=x&color[a][1]=y"),
        ({"a": {"b": None, "c": {}}, "d": [None]}, ""),
        ({"a&b": "c d"}, "color[a%26b]=c%20d"),
    ],
)
def test_members_of_members_have_a_bracket_each(value: Any, expected: str) -> None:
    """Undefined values are left out at every depth."""
    query = one(value, "query", style="deepObject", explode=True)
    assert query.replace("%5B", "[").replace("%5D", "]") == expected


# --- content ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "value", "expected"),
    [
        ("application/json", {"a": [1]}, '{"a":[1]}'),
        ("application/vnd.x+json; v=1", "a", '"a"'),
        ("text/plain", "a b,c", "a b,c"),
        ("text/plain", 5, "5"),
        ("application/x-www-form-urlencoded", {"a": ["1", "2"], "b": "c d"}, "a=1&a=2&b=c%20d"),
        ("application/x-www-form-urlencoded", "a=1", "a=1"),
    ],
)
@pytest.mark.parametrize("where", ["query", "header", "cookie", "path"])
def test_a_parameter_of_a_media_type(media: str, value: Any, expected: str, where: str) -> None:
    """`content` decides how the value is serialized, the location whether it is percent-encoded."""
    parameter = {"name": "p", "in": where, "content": {media: {"schema": {}}}}
    request = build_request(operation(parameter), Call("x", {"p": value}), values())
    parts = urlsplit(request.url)
    found = {
        "query": unquote(parts.query.removeprefix("p=")),
        "path": unquote(parts.path.removeprefix("/x/")),
        "header": header(request.headers, "p"),
        "cookie": header(request.headers, "cookie").removeprefix("p="),
    }
    assert found[where] == expected


@pytest.mark.parametrize(
    ("media", "value", "expected"),
    [
        ("application/x-www-form-urlencoded", {"a": "b c", "d": [1, 2]}, "a=b%20c&d=1&d=2"),
        ("application/x-www-form-urlencoded", "a=b%20c&d", "a=b%20c&d"),
        ("application/json", {"a": [1, 2]}, "%7B%22a%22%3A%5B1%2C2%5D%7D"),
        ("text/plain", "$.a&b", "%24.a%26b"),
        ("application/json", None, ""),
    ],
)
def test_a_parameter_that_is_the_whole_query(media: str, value: Any, expected: str) -> None:
    """`in: querystring` (OpenAPI 3.2, section 4.12.1): its content is the whole query."""
    parameter = Parameter("q", "q", "querystring", False, {}, media_type=media)  # type: ignore[arg-type]  # of 3.2
    assert build_whole_query((parameter,), {"q": value}) == expected


# --- read back --------------------------------------------------------------------------------------------------------

PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=8)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0/\\;.%"), min_size=1, max_size=8)
OBJECTS = st.dictionaries(WORDS, WORDS, min_size=1, max_size=3)


def paired(flat: list[str]) -> dict[str, str]:
    """Return names and values alternately."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def equations(parts: list[str]) -> dict[str, str]:
    """Return names and values joined by an equals sign."""
    return {unquote(name): unquote(value) for name, _, value in (part.partition("=") for part in parts)}


@STABLE
@given(st.lists(WORDS, min_size=1, max_size=4), OBJECTS)
@pytest.mark.parametrize(
    ("style", "explode", "begin", "joint"),
    [
        ("simple", False, "", ","),
        ("simple", True, "", ","),
        ("label", False, ".", ","),
        ("label", True, ".", "."),
        ("matrix", False, ";color=", ","),
    ],
)
def test_every_row_of_a_path_is_read_back(
    style: str, explode: bool, begin: str, joint: str, listed: list[str], members: dict[str, str]
) -> None:
    """Split at the style's separator and decoded, it is the original value."""
    text = one(listed, "path", style=style, explode=explode)
    assert [unquote(part) for part in text.removeprefix(begin).split(joint)] == listed
    parts = one(members, "path", style=style, explode=explode).removeprefix(begin).split(joint)
    assert (equations(parts) if explode else paired([unquote(part) for part in parts])) == members


@STABLE
@given(st.lists(WORDS, min_size=1, max_size=4), OBJECTS)
def test_an_exploded_matrix_is_read_back(listed: list[str], members: dict[str, str]) -> None:
    """Each entry has a semicolon and a name of its own."""
    entries = one(listed, "path", style="matrix", explode=True).split(";")[1:]
    assert [unquote(entry.removeprefix("color=")) for entry in entries] == listed
    assert equations(one(members, "path", style="matrix", explode=True).split(";")[1:]) == members


@STABLE
@given(st.lists(PLAIN, min_size=1, max_size=4), st.dictionaries(PLAIN, PLAIN, min_size=1, max_size=3))
@pytest.mark.parametrize(("style", "joint"), [("form", ","), ("spaceDelimited", "%20"), ("pipeDelimited", "%7C")])
def test_every_row_of_a_query_is_read_back(style: str, joint: str, listed: list[str], members: dict[str, str]) -> None:
    """It is split before decoding; one value with a separator looks like two (OpenAPI 3.1.1, appendix C.2)."""
    texts = [*listed, *members, *members.values()]
    if style != "form" and any(unquote(joint) in text for text in texts):
        return
    joined = one(listed, "query", style=style, explode=False).removeprefix("color=")
    assert [unquote(part) for part in joined.split(joint)] == listed
    flat = one(members, "query", style=style, explode=False).removeprefix("color=").split(joint)
    assert paired([unquote(part) for part in flat]) == members


@STABLE
@given(st.lists(PLAIN, min_size=1, max_size=4), st.dictionaries(PLAIN, PLAIN, min_size=1, max_size=3))
def test_an_exploded_query_is_read_back(listed: list[str], members: dict[str, str]) -> None:
    """Parsed as a form, it is the original value."""
    assert [v for _, v in parse_qsl(one(listed, "query"), keep_blank_values=True)] == listed
    assert dict(parse_qsl(one(members, "query"), keep_blank_values=True)) == members


HEADERS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",;="), min_size=1, max_size=8)


@STABLE
@given(st.lists(HEADERS, min_size=1, max_size=4), st.dictionaries(HEADERS, HEADERS, min_size=1, max_size=3))
def test_headers_are_read_back(listed: list[str], members: dict[str, str]) -> None:
    """Nothing is encoded in them: commas are the caller's to escape (OpenAPI 3.1.1, appendix D)."""
    assert one(listed, "header").split(",") == listed
    assert paired(one(members, "header").split(",")) == members
    exploded = one(members, "header", explode=True).split(",")
    assert {name: value for name, _, value in (part.partition("=") for part in exploded)} == members


@STABLE
@given(st.lists(PLAIN, min_size=1, max_size=4), st.dictionaries(PLAIN, PLAIN, min_size=1, max_size=3))
def test_cookies_are_read_back(listed: list[str], members: dict[str, str]) -> None:
    """Any value in the style `form` is one cookie."""
    assert [unquote(c.partition("=")[2]) for c in one(listed, "cookie").split("; ")] == listed
    assert equations(one(members, "cookie").split("; ")) == members
    joined = one(listed, "cookie", explode=False).removeprefix("color=")
    assert [unquote(part) for part in joined.split(",")] == listed


TREES = st.dictionaries(
    PLAIN, st.recursive(PLAIN, lambda inner: st.dictionaries(PLAIN, inner, min_size=1, max_size=2), max_leaves=5),
    min_size=1, max_size=3,
)  # fmt: skip


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what bracketed names mean, split before decoding."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        *way, last = [unquote(step) for step in name.removeprefix("color%5B").removesuffix("%5D").split("%5D%5B")]
        here = found
        for step in way:
            here = here.setdefault(step, {})
        here[last] = unquote(value)
    return found


@STABLE
@given(TREES.filter(lambda tree: "[" not in str(tree) and "]" not in str(tree)))
def test_deep_objects_are_read_back(tree: dict[str, Any]) -> None:
    """Nested members are read back under their names."""
    query = one(tree, "query", style="deepObject", explode=True)
    assert nested([pair.partition("=")[::2] for pair in query.split("&")]) == tree


# --- servers ----------------------------------------------------------------------------------------------------------


def placed(base: str, home: str = "https://api.example.com/v1", **servers: Any) -> str:
    """The URL of an operation whose path or self may have servers of its own."""
    item = {"get": {"operationId": "x", "responses": {}, "servers": servers.get("own", [])}}
    item["servers"] = servers.get("item", [])
    document = {"openapi": "3.1.1", "servers": [{"url": home}], "paths": {"/x": item}}
    op: Operation = next(iter(Spec(document)))
    return build_request(op, Call("x"), values_at(base)).url


def values_at(base: str) -> Any:
    """Values for that server, without secrets."""
    from astro_nb.environments import Environment, Resolver, Variables

    return Resolver(Variables(), Environment("e", base_url=base), mode="revealed")


OWN, ITEM = [{"url": "https://files.example.com/up"}], [{"url": "https://item.example.com"}]


@pytest.mark.parametrize(
    ("base", "servers", "expected"),
    [
        ("https://api.example.com/v1", {}, "https://api.example.com/v1/x"),
        ("https://api.example.com/v1/", {"own": OWN}, "https://files.example.com/up/x"),
        ("https://api.example.com/v1", {"item": ITEM}, "https://item.example.com/x"),
        ("https://api.example.com/v1", {"item": ITEM, "own": OWN}, "https://files.example.com/up/x"),
        ("https://api.example.com/v1", {"own": [{"url": "/v2"}]}, "https://api.example.com/v2/x"),
        ("https://api.example.com/v1", {"own": [{"url": "beta"}]}, "https://api.example.com/v1/beta/x"),
        ("https://other.example.com", {"own": OWN}, "https://other.example.com/x"),
        ("http://127.0.0.1:8000", {"own": OWN}, "http://127.0.0.1:8000/x"),
    ],
)
def test_an_operations_own_server(base: str, servers: Any, expected: str) -> None:
    """It overrides the document's; an environment with another URL (the sandbox) overrides both."""
    assert placed(base, **servers) == expected


def test_a_json_query_is_json_again() -> None:
    """It is percent-encoded as a whole."""
    parameter = Parameter("q", "q", "querystring", False, {}, media_type="application/json")  # type: ignore[arg-type]  # of 3.2
    assert orjson.loads(unquote(build_whole_query((parameter,), {"q": {"é": "&="}}))) == {"é": "&="}


def test_a_file_is_no_parameter() -> None:
    """It is reported with its place."""
    from astro_nb.call import Upload

    with pytest.raises(UsageError, match="color"):
        one(Upload("a", b"b"), "query")
    with pytest.raises(UsageError, match=r"body\.f"):
        built(operation(media="application/json"), {"f": Upload("a", b"b")})


@pytest.mark.parametrize("value", [b"ab", bytearray(b"ab"), [b"ab"], {"a": b"ab"}])
def test_bytes_in_a_parameter_are_refused_by_name(value: Any) -> None:
    """The message names the type, at any depth."""
    with pytest.raises(UsageError, match=r"cannot be written as JSON: JSON has no value of the type byte"):
        to_json(value, "q")

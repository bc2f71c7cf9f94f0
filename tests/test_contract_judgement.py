"""The full check judges what is sent: no violation where a message matches, whatever the path or the media type."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.call import Call
from astro_nb.contract import Violation, check_request_fully, check_response_fully
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import UsageError
from astro_nb.messages import Request, Response
from astro_nb.openapi import Operation, Spec
from astro_nb.serialization import build_request

OBJECT = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


def operation(path: str = "/x", parameters: Any = (), content: Any = None, version: str = "3.1.0") -> Operation:
    raw: dict[str, Any] = {"operationId": "x", "parameters": list(parameters)}
    raw |= {"requestBody": {"required": True, "content": content}} if content else {}
    raw["responses"] = {"200": {"description": "", **({"content": content} if content else {})}}
    return Spec({"openapi": version, "info": {"title": "T", "version": "1"}, "paths": {path: {"post": raw}}}).operation(
        "x"
    )


def sent(op: Operation, body: Any = None, **arguments: Any) -> Request:
    values = Resolver(Variables(), Environment("e", base_url="https://h/base/v1"), mode="revealed")
    return build_request(op, Call("x", arguments, body) if body is not None else Call("x", arguments), values)


def errors(found: tuple[Violation, ...]) -> list[str]:
    return [violation.message for violation in found if violation.severity == "error"]


def path_parameter(name: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", **schema}}


@settings(deadline=None, max_examples=50)
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    st.sampled_from(["/x/{a}/y", "/a b/{a}", "/{a}.json", "/é/{a}:go"]),
)
def test_the_value_of_a_path_parameter_is_judged_as_it_was_given(value: str, path: str) -> None:
    """Whatever it contains: slashes, percent signs, the characters of a template. Its length says that it is whole."""
    op = operation(path, [path_parameter("a", maxLength=len(value), minLength=len(value))])
    try:
        request = sent(op, a=value)
    except UsageError:  # a segment of dots
        return
    assert errors(check_request_fully(op, request)) == []
    longer = operation(path, [path_parameter("a", minLength=len(value) + 1)])
    assert len(errors(check_request_fully(longer, request))) == 1


@pytest.mark.parametrize("url", ["https://h/other", "https://h/x/1/2", "https://h/x/"])
def test_another_path_is_a_violation(url: str) -> None:
    op = operation("/x/{a}/y/{b}", [path_parameter("a"), path_parameter("b")])
    assert "not found" in errors(check_request_fully(op, Request("POST", url)))[0]


def test_a_pattern_with_slashes_matches_in_a_path() -> None:
    op = operation("/tags/{arn}", [path_parameter("arn", pattern=r"^arn:aws:x::\d+:environment/\w+$")])
    assert check_request_fully(op, sent(op, arn="arn:aws:x::12:environment/a")) == ()
    assert errors(check_request_fully(op, sent(op, arn="arn:aws:x::12:environment-a")))


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_an_invalid_default_of_an_absent_parameter_is_not_sent_and_not_judged(version: str) -> None:
    schema = {"type": "array", "items": {"type": "string"}, "default": "a,b"}
    query = [
        {"name": "q", "in": "query", "schema": schema},
        {"name": "n", "in": "query", "schema": {"type": "integer", "default": ""}},
        {"name": "X-B", "in": "header", "schema": {"type": "boolean", "default": "false"}},
    ]
    op = operation(parameters=query, version=version)
    assert check_request_fully(op, sent(op)) == ()
    assert errors(check_request_fully(op, sent(op, n="x")))


@pytest.mark.parametrize(
    "media", ["text/csv", "text/plain", "application/octet-stream", "video/mp4", "application/xml"]
)
def test_text_is_not_judged_as_an_object(media: str) -> None:
    """It has a note that says so; a schema of text is checked."""
    op = operation(content={media: {"schema": OBJECT}})
    request = sent(op, "a;b")
    response = Response(200, (("Content-Type", media),), b"a;b")
    for found in (check_request_fully(op, request), check_response_fully(op, request, response)):
        assert [violation.severity for violation in found] == ["note"]
        assert "not checked against its schema" in found[0].message
    limited = operation(content={media: {"schema": {"type": "string", "maxLength": 2}}})
    assert errors(check_request_fully(limited, sent(limited, "a;b")))
    assert errors(check_response_fully(limited, request, response))


def test_an_empty_form_is_not_a_missing_body() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    op = operation(content={"application/x-www-form-urlencoded": {"schema": schema}})
    request = sent(op, {})
    assert (request.body, check_request_fully(op, request)) == (b"", ())
    assert errors(check_request_fully(op, Request("POST", request.url)))


@pytest.mark.parametrize("place", ["path", "query"])
def test_a_template_name_of_any_characters(place: str) -> None:
    for name in ("sub.id", "x-id", "$id", "a b", "id+"):
        path = f"/x/{{{name}}}" if place == "path" else "/x"
        op = operation(path, [{**path_parameter(name), "in": place}])
        request = sent(op, **{name: "1"})
        assert name == unquote(name)
        assert check_request_fully(op, request) == ()

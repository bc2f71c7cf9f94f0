"""Hostile and generated documents: forms, samples and checks end soon, without an exception."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.documents import make_operation

from astro_nb.contract import check_request_body, check_request_fully
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.explorer import dry_render
from astro_nb.forms import Form
from astro_nb.schema import body_field, mask_secrets
from astro_nb.schema.samples import texts_like
from astro_nb.schema.validation import is_endless
from astro_nb.serialization import build_request

MANY = 26
"""Levels that double: 2 to this power would take hours."""
SECONDS = 10.0
"""Each of them takes one or two at the most; the machine may be busy."""


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def chain(count: int, link: Any, end: Any) -> dict[str, Any]:
    """Schemas A0, A1, …, each made of the reference to the next."""
    return {**{f"A{i}": link(ref(f"A{i + 1}")) for i in range(count)}, f"A{count}": end}


def both(inner: Any) -> dict[str, Any]:
    return {"type": "object", "required": ["a", "b"], "properties": {"a": inner, "b": inner}}


BASE = {"oneOf": [ref("A"), ref("B")], "discriminator": {"propertyName": "t"}}
HOSTILE: dict[str, tuple[Any, dict[str, Any]]] = {
    "allOf doubles": (ref("A0"), chain(MANY, lambda r: {"allOf": [r, r]}, {"type": "object"})),
    "oneOf doubles": (ref("A0"), chain(MANY, lambda r: {"oneOf": [r, r]}, {"type": "object"})),
    "anyOf doubles": (ref("A0"), chain(MANY, lambda r: {"anyOf": [r, {"allOf": [r]}]}, {"type": "object"})),
    "properties double": (ref("A0"), chain(MANY, both, {"type": "string"})),
    "entries grow": (
        ref("A0"),
        chain(MANY, lambda r: {"type": "array", "minItems": 10, "items": r}, {"type": "string"}),
    ),
    "required recursion": (ref("A"), {"A": {"type": "object", "required": ["a"], "properties": {"a": ref("A")}}}),
    "recursive oneOf": (
        ref("A"),
        {"A": {"oneOf": [ref("A"), ref("A"), {"type": "object", "properties": {"a": ref("A")}}]}},
    ),
    "recursive allOf": (ref("A"), {"A": {"allOf": [ref("A"), ref("B")]}, "B": {"allOf": [ref("A")]}}),
    "a reference to itself": (ref("A"), {"A": ref("A")}),
    "deep allOf": (ref("A0"), chain(3000, lambda r: {"allOf": [r]}, {"type": "object"})),
    "deep objects": (
        ref("A0"),
        chain(3000, lambda r: {"type": "object", "required": ["a"], "properties": {"a": r}}, {}),
    ),
    "many properties": (
        {
            "type": "object",
            "required": [f"p{i}" for i in range(5000)],
            "properties": {f"p{i}": {} for i in range(20000)},
        },
        {},
    ),
    "many choices": ({"type": "string", "enum": [f"v{i}" for i in range(50000)]}, {}),
    "long text": ({"type": "string", "minLength": 10**9}, {}),
    "long list": ({"type": "array", "minItems": 10**9, "items": {"type": "string"}}, {}),
    "many names": ({"type": "object", "minProperties": 10**9}, {}),
    "a pattern that repeats repeats": ({"type": "string", "pattern": "(((a{100}){100}){100}){100}"}, {}),
    "a pattern without end": ({"type": "string", "pattern": "^(a+)+$", "example": "a" * 40 + "!"}, {}),
    "numbers without sense": ({"type": "integer", "minimum": 1e308, "multipleOf": 1e-300}, {}),
    "unions of unions": (
        ref("Base"),
        {"Base": BASE, "A": {"allOf": [ref("Base")]}, "B": {"allOf": [ref("Base")], "type": "object"}},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_gives_a_form_and_messages(name: str) -> None:
    """Drawing, filling and checking a form of a hostile schema takes little processor time and raises nothing."""
    begun = time.process_time()
    op = make_operation(HOSTILE[name][0], **HOSTILE[name][1])
    form = Form(op)
    assert dry_render(form) == ""
    form.fill(full=True)
    problems = form.problems(lambda value: value)
    assert all(isinstance(text, str) and text for text in problems.values())
    body = form.to_call().body
    assert mask_secrets(body_field(op), body) == body
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("name", ["allOf doubles", "oneOf doubles", "anyOf doubles"])
def test_a_schema_that_is_too_large_is_reported(name: str) -> None:
    """A schema that unfolds without end is not checked; a note says so."""
    op = make_operation(HOSTILE[name][0], **HOSTILE[name][1])
    assert [(v.keyword, v.severity) for v in check_request_body(op, {})] == [("document", "note")]


def test_an_endless_pattern_is_left_to_the_fast_check() -> None:
    """Python's engine has no limit, so only the fast check uses such a pattern."""
    op = make_operation({"type": "string", "pattern": "^(a+)+$"}, {})
    values = Resolver(Variables(), Environment("test", base_url="http://localhost"))
    form = Form(op)
    form.set(("body",), "a" * 60 + "!")
    begun = time.process_time()
    violations = check_request_fully(op, build_request(op, form.to_call(), values))
    assert time.process_time() - begun < SECONDS
    assert [v.severity for v in violations] == ["note"]
    assert check_request_body(op, "b") != ()


@pytest.mark.parametrize(
    ("pattern", "endless"),
    [
        ("^(a+)+$", True),
        ("(a|aa)*b", True),
        (r"([a-z]+\.)*x", True),
        (r"(\d{1,})+", True),
        (r"^[a-z]+(-[a-z]{2})?$", False),
        (r"^sha256:[a-f0-9]{64}$", False),
        (r"^(a|b)$", False),
        (r"^\(a+\)+$", False),
    ],
)
def test_is_endless(pattern: str, endless: bool) -> None:
    """Nested repetition may take forever in Python's engine."""
    assert is_endless(pattern) is endless


@pytest.mark.parametrize(
    "pattern", [r"^[a-z]{3,}$", r"^\d+\.\d+\.\d+$", r"^sha256:[a-f0-9]{64}$", r"^(ab)\1$", r"^.+@.+$"]
)
def test_a_text_for_a_pattern(pattern: str) -> None:
    """The first text matches the pattern."""
    import re

    assert re.search(pattern, next(texts_like(pattern)))


@pytest.mark.parametrize("pattern", ["", "(", r"^\p{L}+$", "(a{300}){300}"])
def test_no_text_for_an_unreadable_or_huge_pattern(pattern: str) -> None:
    """No text is made for a pattern that Python cannot read, or that requires too many characters."""
    assert list(texts_like(pattern)) == []

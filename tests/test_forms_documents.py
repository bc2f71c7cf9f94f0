"""Forms of real documents: a valid value, set on the form and read back place by place, is the same value."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.field_values import values

from astro_nb.call import UNSET, Call
from astro_nb.contract import check_request_body
from astro_nb.forms import Form, format_value
from astro_nb.messages import is_json
from astro_nb.openapi import Operation, load
from astro_nb.schema import Field

Location = tuple[str | int, ...]
SHARED = Path(__file__).resolve().parents[2] / "shared"


@lru_cache
def documents() -> tuple[str, ...]:
    """The bundled document, and other APIs' documents outside the repository."""
    others = [*(SHARED / "specs").glob("*"), *(SHARED / "fixtures" / "real-specs" / "valid").glob("*")]
    return ("astro-v1", *sorted(str(path) for path in others if path.name != "github.json"))


@lru_cache(maxsize=8)
def bodies(document: str) -> tuple[tuple[Operation, str], ...]:
    return tuple((op, media) for op in load(document) if op.body for media in op.body.content if is_json(media))


def leaves(form: Form, field: Field | None, at: Location) -> Iterator[tuple[Field, Location]]:
    """The places of a form that are typed or chosen by themselves, as its present values have it."""
    value = form.get(at)
    if field is None or value is UNSET:
        return
    if field.kind == "union":
        branch = field.branch_for(value)
        if branch is not None:
            yield from leaves(form, branch.field, at)
    elif isinstance(value, dict) and field.kind in ("object", "map"):
        for name in value:
            yield from leaves(form, field.member(name), (*at, name))
    elif isinstance(value, list) and field.kind == "array" and field.item is not None and field.item.kind == "object":
        for index in range(len(value)):
            yield from leaves(form, field.item_at(index), (*at, index))
    else:
        yield field, at


def assert_kept(operation: Operation, media: str, value: Any) -> None:
    form = Form(operation, media)
    form.load_call(Call(operation.id, {}, value, media))
    for field, at in [*leaves(form, form.body, ("body",))]:
        shown = format_value(field, form.get(at))
        if shown != "":  # an empty control is UNSET: only values that are displayed are compared
            form.set_text(at, field, shown)
        assert repr(form.to_call().body) == repr(value), (operation.id, at, shown)
    form.set_body_text(form.body_text())
    assert repr(form.to_call().body) == repr(value)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_valid_value_that_is_set_and_read_back_is_the_same(data: st.DataObject) -> None:
    """For bodies of all available documents: one document, one of its bodies, one value at a time."""
    known = bodies(data.draw(st.sampled_from(documents())))
    assume(known)
    operation, media = known[data.draw(st.integers(0, len(known) - 1))]
    form = Form(operation, media)
    assert form.body is not None
    value = data.draw(values(form.body))
    assume(check_request_body(operation, value, media) == ())
    assert_kept(operation, media, value)


def test_every_example_that_is_set_and_read_back_is_the_same() -> None:
    """For every body of every available document."""
    count = 0
    for document in documents():
        for operation, media in bodies(document):
            form = Form(operation, media)
            form.fill(full=True)
            assert_kept(operation, media, form.to_call().body)
            count += 1
    assert count >= 30


def test_other_documents_are_available() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} does not exist: only the bundled document was tested.")
    assert len(documents()) > 100

"""The difference between two values: the rows are complete, and hold no secret."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_nb.call import UNSET
from astro_nb.diff import DiffRow, Entry, Steps, StoredValue, compare_values, is_equal
from astro_nb.secrets import MASK, Secret

NAMES = st.sampled_from(["a", "b", "id", "key", "name", "x.y", "workspaceId"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "eu", "us", "1", "{{x}}"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


def key_of(holder: Any, step: Any) -> Any:
    """The key of a step in a list or an object; UNSET if there is no such item."""
    if not isinstance(step, Entry):
        there = step < len(holder) if isinstance(holder, list) else step in holder
        return step if there else UNSET
    found = (n for n, e in enumerate(holder) if is_equal(e.get(step.field) if step.field else e, step.value))
    return next(found, UNSET)


def apply_rows(now: Any, rows: tuple[DiffRow, ...]) -> Any:
    """A value with the rows applied to it; removals come last, so that no index moves too early."""
    root = {"": copy.deepcopy(now)}
    for row in [*(r for r in rows if r.kind != "removed"), *reversed([r for r in rows if r.kind == "removed"])]:
        steps: Steps = ("", *row.steps)
        holder: Any = root
        for step in steps[:-1]:
            holder = holder[key_of(holder, step)]
        at = key_of(holder, steps[-1])
        if row.kind == "removed":
            del holder[at]
        elif at is UNSET and isinstance(holder, list):
            holder.append(row.then)
        else:
            holder[steps[-1] if at is UNSET else at] = row.then
    return root[""]


def without_order(value: Any) -> Any:
    """A value in which the order of objects in a list has no meaning."""
    if isinstance(value, dict):
        return {k: without_order(v) for k, v in value.items()}
    if not isinstance(value, list):
        return value
    items = [without_order(v) for v in value]
    return sorted(items, key=repr) if all(isinstance(v, dict) for v in items) else items


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: sorted_keys(value[k]) for k in sorted(value)}
    return [sorted_keys(v) for v in value] if isinstance(value, list) else value


@given(OBJECTS, OBJECTS)
def test_the_rows_turn_one_value_into_the_other(now: Any, then: Any) -> None:
    """The rows, applied to the first value, give the second one; entries of lists keep no order."""
    made = apply_rows(now, compare_values(now, then))
    assert is_equal(without_order(sorted_keys(made)), without_order(sorted_keys(then)))


@given(OBJECTS)
def test_equal_values_are_unchanged(now: Any) -> None:
    """A value compared with a copy of itself is unchanged."""
    assert {row.kind for row in compare_values(now, copy.deepcopy(now))} == ({"unchanged"} if now else set())


@given(VALUES, VALUES)
def test_the_kind_says_which_side_has_a_value(now: Any, then: Any) -> None:
    """What is added was missing, what is removed will be, what is changed differs."""
    for row in compare_values(now, then):
        assert (row.kind == "added") == (row.now is UNSET)
        assert (row.kind == "removed") == (row.then is UNSET)
        assert (row.kind == "changed") == (UNSET not in (row.now, row.then) and not is_equal(row.now, row.then))


def test_entries_are_matched_by_their_key() -> None:
    """Of a list in another order, with an entry less and one more, only these two are rows of a change."""
    now = {"variables": [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}]}
    then = {"variables": [{"key": "C", "value": "3"}, {"key": "A", "value": "1"}]}
    row_kinds = {row.path: row.kind for row in compare_values(now, then)}
    assert row_kinds == {"variables[A]": "unchanged", "variables[B]": "removed", "variables[C]": "added"}


def test_the_order_of_scalars_counts() -> None:
    """Scalars in another order are a change; one that is added at the end is the only change."""
    assert [r.kind for r in compare_values({"l": ["a", "b"]}, {"l": ["b", "a"]})] == ["changed"]
    assert [(r.path, r.kind) for r in compare_values({"l": ["a"]}, {"l": ["a", "b"]})] == [
        ("l[a]", "unchanged"),
        ("l[b]", "added"),
    ]


@pytest.mark.parametrize(
    ("now", "then", "kind"),
    [
        (Secret.in_memory("planted-one"), Secret.in_memory("planted-one", "other"), "unchanged"),
        (Secret.in_memory("planted-one"), Secret.in_memory("planted-two"), "changed"),
        (Secret.in_memory("planted-one"), "planted-one", "unchanged"),
        (Secret.in_memory("planted-one"), UNSET, "removed"),
        (StoredValue(), Secret.in_memory("planted-two"), "unknown"),
        (StoredValue(), UNSET, "unchanged"),
        (StoredValue(Secret.in_memory("planted-one")), Secret.in_memory("planted-one"), "unchanged"),
        (StoredValue(Secret.in_memory("planted-one")), Secret.in_memory("planted-two"), "changed"),
    ],
)
def test_secrets_are_compared_and_never_shown(now: Any, then: Any, kind: str) -> None:
    """Secrets are compared by their content, and masked on both sides."""
    (row,) = compare_values({"s": now}, {"s": then} if then is not UNSET else {})
    assert row.kind == kind
    assert {row.now, row.then} - {UNSET} == {MASK}
    assert "planted" not in repr(row)


def test_true_is_not_one() -> None:
    """JSON types are different, and a text is not a number."""
    kinds = [compare_values({"a": x}, {"a": y})[0].kind for x, y in ((True, 1), ("1", 1), (1, 1.0), (None, False))]
    assert kinds == ["changed", "changed", "unchanged", "changed"]


def test_deep_nesting_is_compared_as_one_value() -> None:
    """A value as deep as a parser allows is compared all the same."""
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert compare_values({"a": deep}, {"a": 2})[0].kind == "changed"
    assert compare_values({"a": deep}, {"a": deep})[0].kind == "unchanged"

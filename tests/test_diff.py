"""What becomes of a value: the rows tell all of it, and nothing that is secret."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_nb.approval import omission_rule, state_to_body
from astro_nb.call import UNSET
from astro_nb.diff import DiffRow, Entry, Steps, StoredValue, compare_values, is_equal
from astro_nb.openapi import UpdateExtension, read_extensions
from astro_nb.secrets import MASK, Secret


def update_of(**members: Any) -> UpdateExtension | None:
    """The extension for updates with these members, as it is read from an overlay."""
    return read_extensions({"x-astro-nb-update": members}).update


NAMES = st.sampled_from(["a", "b", "id", "key", "name", "x.y", "workspaceId"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "eu", "us", "1", "{{x}}"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


def place(holder: Any, step: Any) -> Any:
    """The key of a step in a list or an object; UNSET where nothing is there."""
    if not isinstance(step, Entry):
        there = step < len(holder) if isinstance(holder, list) else step in holder
        return step if there else UNSET
    found = (n for n, e in enumerate(holder) if is_equal(e.get(step.field) if step.field else e, step.value))
    return next(found, UNSET)


def applied(now: Any, rows: tuple[DiffRow, ...]) -> Any:
    """A value with what the rows say done to it: what is removed goes last, so that no index moves before its turn."""
    root = {"": copy.deepcopy(now)}
    for row in [*(r for r in rows if r.kind != "removed"), *reversed([r for r in rows if r.kind == "removed"])]:
        steps: Steps = ("", *row.steps)
        holder: Any = root
        for step in steps[:-1]:
            holder = holder[place(holder, step)]
        at = place(holder, steps[-1])
        if row.kind == "removed":
            del holder[at]
        elif at is UNSET and isinstance(holder, list):
            holder.append(row.then)
        else:
            holder[steps[-1] if at is UNSET else at] = row.then
    return root[""]


def ordered(value: Any) -> Any:
    """A value in which the order of objects in a list means nothing."""
    if isinstance(value, dict):
        return {k: ordered(v) for k, v in value.items()}
    if not isinstance(value, list):
        return value
    items = [ordered(v) for v in value]
    return sorted(items, key=repr) if all(isinstance(v, dict) for v in items) else items


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: sorted_keys(value[k]) for k in sorted(value)}
    return [sorted_keys(v) for v in value] if isinstance(value, list) else value


@given(OBJECTS, OBJECTS)
def test_the_rows_make_one_of_the_other(now: Any, then: Any) -> None:
    """What the rows tell, done to the present value, gives the value to be; entries keep no order."""
    made = applied(now, compare_values(now, then))
    assert is_equal(ordered(sorted_keys(made)), ordered(sorted_keys(then)))


@given(OBJECTS)
def test_nothing_changes_where_nothing_differs(now: Any) -> None:
    """A value against itself is kept, all of it."""
    assert {row.kind for row in compare_values(now, copy.deepcopy(now))} <= {"unchanged"}


@given(VALUES, VALUES)
def test_kinds_say_what_stands_on_each_side(now: Any, then: Any) -> None:
    """What is added was not there, what is removed will not be, what is changed differs."""
    for row in compare_values(now, then):
        assert (row.kind == "added") == (row.now is UNSET)
        assert (row.kind == "removed") == (row.then is UNSET)
        assert (row.kind == "changed") == (UNSET not in (row.now, row.then) and not is_equal(row.now, row.then))


def test_entries_are_known_by_what_names_them() -> None:
    """A list in another order, with one entry less and one more, tells of those two alone."""
    now = {"variables": [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}]}
    then = {"variables": [{"key": "C", "value": "3"}, {"key": "A", "value": "1"}]}
    told = {row.path: row.kind for row in compare_values(now, then)}
    assert told == {"variables[A]": "unchanged", "variables[B]": "removed", "variables[C]": "added"}


def test_the_order_of_plain_values_counts() -> None:
    """Scalars in another order are a change; one that is added at the end is told alone."""
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
    """Two secrets are the same by what they hold, and stand as stars on both sides."""
    (row,) = compare_values({"s": now}, {"s": then} if then is not UNSET else {})
    assert row.kind == kind
    assert {row.now, row.then} - {UNSET} == {MASK}
    assert "planted" not in repr(row)


def test_true_is_not_one() -> None:
    """JSON's kinds are kept apart, and a text is no number."""
    kinds = [compare_values({"a": x}, {"a": y})[0].kind for x, y in ((True, 1), ("1", 1), (1, 1.0), (None, False))]
    assert kinds == ["changed", "changed", "unchanged", "changed"]


def test_what_is_nested_without_end_is_told_as_one() -> None:
    """A value as deep as a parser allows is compared all the same."""
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert compare_values({"a": deep}, {"a": 2})[0].kind == "changed"
    assert compare_values({"a": deep}, {"a": deep})[0].kind == "unchanged"


def test_the_overlay_says_what_an_update_loses() -> None:
    """Whole updates lose what is left out; lists that are replaced lose their entries; all else stays, or who knows."""
    whole, some = omission_rule(update_of(whole=True), "POST"), omission_rule(update_of(replaces=["queues"]), "POST")
    assert [whole(("a",)), some(("queues", Entry("key", "A"))), some(("a",)), some(("a", "b"))] == [
        "removed", "removed", "unchanged", "unknown"
    ]  # fmt: skip
    assert [omission_rule(None, m)(("a",)) for m in ("PUT", "PATCH", "POST")] == ["removed", "unchanged", "unknown"]


def test_a_state_is_told_as_a_body() -> None:
    """`from` takes over, `keep` hides, `strip` takes away: in lists too, and the state itself is left as it is."""
    state = {
        "tags": ["x"], "updatedAt": "now", "q": [{"cpu": 1, "name": "d"}], "links": [{"old": 5}],
        "vars": [{"key": "A", "isSecret": True}, {"key": "B", "isSecret": False, "value": "b"}],
    }  # fmt: skip
    before = copy.deepcopy(state)
    note = {
        "from": {"k8sTags": "tags", "links[].new.it": "links[].old"},
        "keep": {"vars[].value": "leave-out-when isSecret"},
        "strip": ["tags", "updatedAt", "q[].cpu", "links[].old", "nowhere.at.all"],
    }
    assert state_to_body(state, update_of(**note)) == {
        "k8sTags": ["x"], "q": [{"name": "d"}], "links": [{"new": {"it": 5}}],
        "vars": [{"key": "A", "isSecret": True, "value": StoredValue()}, {"key": "B", "isSecret": False, "value": "b"}],
    }  # fmt: skip
    assert state == before


@given(VALUES, st.dictionaries(st.sampled_from(["from", "keep", "strip"]), VALUES | st.just({"a[].b": "c"})))
def test_no_note_and_no_state_can_break_it(state: Any, note: Any) -> None:
    """Whatever an overlay says, and whatever a server answers, there is something to compare."""
    assert compare_values(state_to_body(state, read_extensions({"x-astro-nb-update": note}).update), {}) is not None

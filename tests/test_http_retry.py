"""What is retried, when, and why not: the table at the head of `http/retry.py`, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.exchange import Failure
from astro_nb.http import Retries
from astro_nb.http.retry import decide, may_have_been_done, retry_after
from astro_nb.messages import Response
from astro_nb.openapi import load

SPEC = load()
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TRANSIENT = [408, 425, 502, 503, 504]
UNLIMITED = Retries(attempts=10**6, total=1e12)


def failure(kind: str) -> Failure:
    return Failure(kind, "It failed.", "The network.", "Try again.")


def response(status: int, after: str | None = None) -> Response:
    """A response, with a Retry-After if one is given."""
    return Response(status, () if after is None else (("Retry-After", after),))


OUTCOMES = st.sampled_from(
    [
        *map(response, [200, 301, 400, 404, 429, 500, *TRANSIENT]),
        failure("connect"),
        failure("timeout"),
        failure("broken"),
    ]
)


@pytest.mark.parametrize(
    ("outcome", "safe", "again"),
    [
        (response(429), True, True),
        (response(429), False, True),
        (failure("connect"), True, True),
        (failure("connect"), False, True),
        *[(response(status), True, True) for status in TRANSIENT],
        *[(response(status), False, False) for status in TRANSIENT],
        (failure("timeout"), True, True),
        (failure("timeout"), False, False),
        (failure("broken"), True, True),
        (failure("broken"), False, False),
        *[(response(status), True, False) for status in (200, 204, 301, 400, 401, 403, 404, 409, 501, 505)],
        *[(response(status), True, True) for status in (500, 507, 520)],
        *[(response(status), False, False) for status in (500, 501, 507, 520)],
        (failure("cancelled"), True, False),
        (failure("invalid"), True, False),
        (failure("too large"), True, False),
    ],
)
def test_what_is_retried(outcome: Response | Failure, safe: bool, again: bool) -> None:
    """429 and a failed connection for every method; transient errors and breaks for idempotent ones; nothing else."""
    decision = decide(Retries(), safe, outcome, 1, 0.0)
    assert (decision.wait is not None) is again
    assert decision.reason


@pytest.mark.parametrize("outcome", [failure("timeout"), failure("broken"), response(503)])
def test_an_uncertain_attempt_is_marked(outcome: Response | Failure) -> None:
    """A request that is not repeated says that it may have been carried out."""
    assert "may have been carried out" in decide(Retries(), False, outcome, 1, 0.0).reason


@pytest.mark.parametrize(
    ("operation", "safe"),
    [
        ("ListDeployments", True),
        ("DeleteDeployment", True),
        ("UpdateDeployment", True),
        ("UpdateWorkspace", True),
        ("CreateDeployment", False),
        ("CreateApiToken", False),
        ("RotateApiToken", False),
        ("FinalizeDeploy", False),
        ("DeployRollback", False),
        ("CreateUserInvite", False),
    ],
)
def test_which_operations_are_idempotent(operation: str, safe: bool) -> None:
    """Reads, deletions and updates are; a create, a rotation, a finalization, a rollback, an invitation never is."""
    assert SPEC.operation(operation).is_idempotent is safe


@pytest.mark.parametrize("operation", [op.id for op in SPEC if op.id.startswith(("Create", "Rotate", "BulkCreate"))])
def test_no_create_is_idempotent(operation: str) -> None:
    """There is no idempotency key: a create is not sent again after a break."""
    assert not SPEC.operation(operation).is_idempotent


@pytest.mark.parametrize("status", [500, 507, 520])
def test_a_server_error_is_tried_three_times(status: int) -> None:
    """A 500 may be permanent: two more attempts, and no third."""
    assert decide(Retries(), True, response(status), 2, 0.0).wait is not None
    decision = decide(Retries(), True, response(status), 3, 0.0)
    assert decision.wait is None
    assert "given up after 3 attempts" in decision.reason


@pytest.mark.parametrize("kind", ["connect", "broken", "timeout"])
def test_a_permanent_failure_is_not_retried(kind: str) -> None:
    """A certificate that is not trusted is not trusted a second later; a connection that failed is tried once more."""
    assert decide(Retries(), True, replace(failure(kind), permanent=True), 1, 0.0).wait is None
    assert decide(Retries(), True, failure(kind), 1, 0.0).wait is not None
    assert (decide(Retries(), True, failure(kind), 2, 0.0).wait is None) == (kind == "connect")


def test_waits_double_and_the_upper_half_is_jitter() -> None:
    """1, 2, 4, 8 s … up to the cap; the jitter removes at most half."""
    least = [decide(UNLIMITED, True, failure("broken"), n, 0.0, lambda: 0.0).wait for n in range(1, 9)]
    most = [decide(UNLIMITED, True, failure("broken"), n, 0.0, lambda: 1.0).wait for n in range(1, 9)]
    assert most == [1, 2, 4, 8, 16, 32, 60, 60]
    assert least == [wait / 2 for wait in most if wait]


def test_retry_after_is_followed() -> None:
    """Exactly, without jitter; 0 means at once, but only once."""
    assert decide(Retries(), False, response(429, "7"), 1, 0.0).wait == 7.0
    assert decide(Retries(), False, response(429, "30.5"), 1, 0.0).wait == 30.5
    assert decide(Retries(), True, response(503, "0"), 1, 0.0).wait == 0.0
    assert decide(Retries(), True, response(503, "0"), 2, 0.0, lambda: 1.0).wait == 2.0


def test_a_wait_over_the_cap_is_given_up() -> None:
    """If a server asks for more than the cap, the request is given up, and the reason has the seconds."""
    decision = decide(Retries(), True, response(429, "3600"), 1, 0.0)
    assert decision.wait is None
    assert "asks to wait 3600 s" in decision.reason
    assert decide(Retries(cap=3600, total=1e9), True, response(429, "3600"), 1, 0.0).wait == 3600


def test_attempts_and_time_are_bounded() -> None:
    """By the number of attempts and by the total; the reason says which."""
    assert decide(Retries(attempts=3), True, failure("broken"), 2, 0.0).wait is not None
    assert "given up after 3 attempts" in decide(Retries(attempts=3), True, failure("broken"), 3, 0.0).reason
    late = decide(Retries(total=10), True, response(429, "5"), 1, 6.0)
    assert late.wait is None
    assert "total of 10 s" in late.reason


@pytest.mark.parametrize("text", ["", " ", "-5", ".5", "1.", "soon", "٣", "1e3", "Mon, 99 Foo 2026 09:00:00 GMT"])
def test_a_malformed_retry_after_falls_back(text: str) -> None:
    """What is neither a number nor a date is ignored."""
    assert retry_after(response(429, text)) is None
    assert decide(Retries(), False, response(429, text), 1, 0.0, lambda: 1.0).wait == 1.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        (" 12 ", 12.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Mon, 01 Jun 2026 09:00:30 -0000", 30.0),
        ("Monday, 01-Jun-26 09:00:30 GMT", 30.0),
    ],
)
def test_both_forms_of_retry_after_are_read(text: str, seconds: float) -> None:
    """Seconds and dates (RFC 9110, section 10.2.3); a date in the past means at once."""
    assert retry_after(response(503, text), NOW) == seconds


@pytest.mark.parametrize("wrong", [timedelta(minutes=-7), timedelta(0), timedelta(hours=1), timedelta(days=400)])
def test_a_date_is_compared_with_the_clock_of_the_server(wrong: timedelta) -> None:
    """However wrong one of the two clocks is, 20 seconds are 20 seconds."""
    there = NOW + wrong
    after, date = (format_datetime(moment, usegmt=True) for moment in (there + timedelta(seconds=20), there))
    assert retry_after(Response(429, (("Retry-After", after), ("Date", date))), NOW) == 20.0
    assert decide(Retries(), True, Response(429, (("Retry-After", after), ("Date", date))), 1, 0.0).wait == 20.0


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40) | st.integers(0, 10**400).map(str))
def test_any_retry_after_leads_to_a_decision(text: str) -> None:
    """Whatever Retry-After is, the wait is not over the cap."""
    decision = decide(Retries(), True, response(429, text), 1, 0.0)
    assert decision.wait is None or 0 <= decision.wait <= Retries().cap


@settings(deadline=None, max_examples=100)
@given(OUTCOMES, st.booleans(), st.integers(1, 2000), st.floats(0, 1e6), st.floats(0, 0.999))
def test_every_decision_is_within_the_limits(
    outcome: Response | Failure, safe: bool, attempt: int, spent: float, chance: float
) -> None:
    """No wait is negative, over the cap or beyond the total; there is no attempt after the last."""
    limits = Retries()
    decision = decide(limits, safe, outcome, attempt, spent, lambda: chance)
    if decision.wait is not None:
        assert 0 <= decision.wait <= limits.cap
        assert spent + decision.wait <= limits.total
        assert attempt < limits.attempts


@pytest.mark.parametrize(
    ("outcome", "uncertain"),
    [
        *[(response(status), False) for status in (200, 302, 400, 404, 429, 501, 505)],
        *[(response(status), True) for status in (500, 502, 503, 504, 520)],
        *[(failure(kind), False) for kind in ("connect", "invalid", "token")],
        *[(failure(kind), True) for kind in ("timeout", "broken", "too large", "cancelled")],
    ],
)
def test_what_may_have_been_done(outcome: Response | Failure, uncertain: bool) -> None:
    """A server that refused has done nothing; one that broke off or did not respond may have."""
    assert may_have_been_done(outcome) is uncertain

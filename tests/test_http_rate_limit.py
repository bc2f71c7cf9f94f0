"""A limiter hands out reservations at an even rate, and never more than the bucket of the server holds."""

from __future__ import annotations

import heapq
import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.exchange import WAITING, Attempt
from astro_nb.http import Client, Rate, rate_of
from astro_nb.http.rate_limit import RateLimiter, limiter_for
from astro_nb.openapi import load
from astro_nb.sandbox import Sandbox
from astro_nb.sandbox.clock import RateLimits
from astro_nb.secrets import Secret

SPEC = load()
RATES = [Rate("GET", 25, 1), Rate("POST", 10, 1), Rate("DELETE", 5, 1), Rate("logs", 2, 60), Rate("one", 1, 1)]


def send_times(limiter: RateLimiter, count: int, now: float = 0.0) -> list[float]:
    """Return when requests that are all made at once are sent."""
    return [now + limiter.reserve(now).wait for _ in range(count)]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_reservations_keep_the_rate(rate: Rate) -> None:
    """Four fifths of the bucket at once; then 99 % of the allowed rate."""
    sent = send_times(RateLimiter(rate), 500)
    at_once = sum(when == 0 for when in sent)
    assert at_once == max(1, int(rate.count - rate.count // 5))
    expected = (500 - at_once) * rate.per / rate.count
    assert expected <= sent[-1] <= 1.02 * expected
    assert sent == sorted(sent)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(RATES[:3]),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.15)), min_size=1, max_size=200),
)
def test_no_request_meets_an_empty_bucket(rate: Rate, asked: list[tuple[float, float]]) -> None:
    """Whenever requests are made, and however long each takes to arrive (up to 150 ms), a token bucket admits them."""
    limiter, limits, now = RateLimiter(rate), RateLimits(), 0.0
    arrivals = []
    for pause, late in asked:
        now += pause / rate.count
        heapq.heappush(arrivals, now + limiter.reserve(now).wait + late)
    refused = [limits.take("me", rate.label, rate.count, rate.per, heapq.heappop(arrivals)) for _ in asked]
    assert not any(refused)


def test_a_quiet_hour_fills_the_bucket_and_no_more() -> None:
    """After it as many go at once as in the beginning."""
    limiter = RateLimiter(RATES[0])
    first, later = send_times(limiter, 100), send_times(limiter, 100, 3600.0)
    assert [when - 3600 for when in later] == pytest.approx(first)


def test_a_cancelled_reservation_causes_no_delay() -> None:
    """At one request in 1,000 s, a cancelled one does not delay the next; a pause renews every reservation."""
    limiter = RateLimiter(Rate("GET", 0.001, 1))
    assert limiter.reserve(0.0).wait == 0
    waits = []
    for _ in range(5):
        reservation = limiter.reserve(1.0)
        waits.append(reservation.wait)
        limiter.cancel(reservation)
    assert waits == pytest.approx([1009.0] * 5)
    reserved = limiter.reserve(1.0)
    limiter.pause(1.0, 5000.0)
    limiter.cancel(reserved)
    assert limiter.reserve(1.0).wait == 5000.0


def test_a_refusal_pauses_all_requests() -> None:
    """Every reservation is renewed: the first request is sent when the server asked, the others one after another."""
    limiter = RateLimiter(RATES[0])
    before = [limiter.reserve(0.0) for _ in range(30)]
    limiter.pause(0.5, 3.0)
    assert not any(limiter.is_valid(reservation) for reservation in before)
    assert send_times(limiter, 3, 0.5) == pytest.approx([3.5, 3.5404, 3.5808])
    limiter.pause(0.6, 0.0)  # another refusal, which asks for less, does not open what is closed
    assert limiter.reserve(0.6).wait == pytest.approx(2.9)


def test_a_refusal_without_a_time_pauses_briefly() -> None:
    """If the server does not say how long to wait, five requests are skipped."""
    limiter = RateLimiter(RATES[1])
    limiter.pause(0.0, None)
    assert limiter.reserve(0.0).wait == pytest.approx(0.505)


@pytest.mark.parametrize(
    ("operation", "own", "text"),
    [
        ("ListDeployments", {}, "GET: 25 a second"),
        ("CreateDeployment", {}, "POST: 10 a second"),
        ("DeleteDeployment", {}, "DELETE: 5 a second"),
        ("GetOrganizationAuditLogs", {}, "GetOrganizationAuditLogs: 2 in 60 s"),
        ("ListDeployments", {"GET": 3}, "GET: 3 a second"),
        ("CreateDeployment", {"GET": 3}, "POST: 10 a second"),
        ("GetOrganizationAuditLogs", {"GET": 3}, "GetOrganizationAuditLogs: 2 in 60 s"),
    ],
)
def test_the_rate_of_an_operation(operation: str, own: dict[str, float], text: str) -> None:
    """An operation's own limit goes first, then the environment's, then the overlay's for the method."""
    assert str(rate_of(SPEC.operation(operation), ("e", "u"), own)) == text


def test_without_a_limit_there_is_no_rate() -> None:
    """A document without an overlay has no limit, nor has an infinite one."""
    document = {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "paths": {"/x": {"get": {"operationId": "x", "responses": {}}}},
    }
    assert rate_of(load(document).operation("x"), ("e", "u"), {}) is None
    assert rate_of(SPEC.operation("ListDeployments"), ("e", "u"), {"GET": math.inf}) is None


def test_a_limiter_is_shared_by_all_with_the_same_clock() -> None:
    """Two sessions of one environment share it; another environment, rate or clock has its own."""
    rate = Rate("GET", 25, 1, ("e", "u"))
    shared = limiter_for(rate, time.monotonic)
    assert limiter_for(Rate("GET", 25, 1, ("e", "u")), time.monotonic) is shared
    assert limiter_for(Rate("GET", 25, 1, ("f", "u")), time.monotonic) is not shared
    assert limiter_for(rate, time.time) is not shared


def connected(sandbox: Sandbox, **limits: float) -> anb.Workbench:
    token = Secret.in_memory(sandbox.token(), "TOKEN")
    return anb.connect(
        Environment("paced", base_url=sandbox.url, credentials={"token": token}, limits=limits), history=None
    )


def test_a_whole_kernel_respects_the_limits() -> None:
    """Two workbenches, eight threads, 120 requests: at most one is refused by the sandbox, and some had to wait."""
    with Sandbox() as sandbox:
        benches = [connected(sandbox), connected(sandbox)]
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n: benches[n % 2].call("ListOrganizations"), range(120)))
        took = time.monotonic() - began
        for bench in benches:
            bench.close()
    assert all(exchange.ok for exchange in found)
    refused = sum(attempt.outcome == "429" for exchange in found for attempt in exchange.attempts)
    assert refused <= 1
    assert took >= 0.95 * (120 - 25) / 25
    assert max(attempt.rate_limit_wait for exchange in found for attempt in exchange.attempts) > 0


def test_a_wait_for_the_rate_limit_is_reported_and_can_be_cancelled() -> None:
    """A wait of half a second or more is reported before it is over; if it is cancelled, nothing was sent."""
    attempts: list[Attempt] = []
    with Sandbox(limits=False) as sandbox:
        api = connected(sandbox, GET=0.2)
        call = api.session.build_call("ListOrganizations", {})
        assert api.session.send(call).ok
        running = api.session.start(call, attempts.append)
        ended = time.monotonic() + 3
        while not attempts and time.monotonic() < ended:
            time.sleep(0.01)
        running.cancel()
        exchange = running.result(2)
        seen = sandbox.requests
        api.close()
    assert [attempt.outcome for attempt in attempts] == [WAITING]
    assert "GET: 0.2 a second" in attempts[0].decision
    assert exchange.failure is not None
    assert exchange.outcome == "failed"
    assert not exchange.attempts
    assert seen == 1


def test_the_duration_of_an_exchange_is_without_the_rate_limit() -> None:
    """`elapsed` is the server's time; the wait for the rate limit is with the attempt."""
    slept: list[float] = []
    with Sandbox(limits=False) as sandbox:
        api = connected(sandbox, GET=0.01)
        api.session.client = Client(sleep=slept.append)
        first = api.call("ListOrganizations")
        exchange = api.call("ListOrganizations")
        api.close()
    assert first.attempts[0].rate_limit_wait == 0.0  # the first one did not wait
    assert slept == [pytest.approx(101, abs=1)]
    assert exchange.elapsed < 5

"""What goes out is what httpx itself would send, and what comes back is bounded, however it was packed."""

from __future__ import annotations

import zlib

import httpcore
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_nb.http import transport as doors
from astro_nb.http.transport import _PLAIN, TooLarge, _target, _unpacked, failure_of
from astro_nb.messages import Request

PLAIN = st.from_regex(_PLAIN, fullmatch=True).filter(lambda text: int(_PLAIN.fullmatch(text)[3] or 1) < 65_536)  # type: ignore[index]  # it matches


@settings(deadline=None, max_examples=300, derandomize=True)
@given(PLAIN)
@example("http://127.0.0.1:8000/v1/a.b/c..d/%7Bx%7D?names=a&names=b&q='*'")
@example("https://api.example.com/v1/?a=b?c/d")
def test_a_plain_address_is_sent_as_httpx_sends_it(address: str) -> None:
    """The quick way and httpx's reading of the address give the same host and the same target, byte for byte."""
    try:
        theirs = httpx.URL(address)
    except httpx.InvalidURL:
        return
    ours, host = _target(address)
    assert (ours.scheme, ours.host, ours.target) == (theirs.raw_scheme, theirs.raw_host, theirs.raw_path)
    assert ours.port in (theirs.port, {b"http": 80, b"https": 443}[ours.scheme])
    assert host == address.split("/")[2].encode()


@pytest.mark.parametrize(
    ("address", "target", "host"),
    [
        ("http://h.example/a/../b", b"/b", b"h.example"),
        ("http://H.Example/ä b?q=ü#part", b"/%C3%A4%20b?q=%C3%BC", b"H.Example"),
        ("http://user:word@h.example/x", b"/x", b"h.example"),
        ("http://[::1]:8080/x", b"/x", b"[::1]:8080"),
        ("http://h.example", b"/", b"h.example"),
    ],
)
def test_any_other_address_is_read_by_httpx(address: str, target: bytes, host: bytes) -> None:
    """What has something to encode, to resolve or to leave out goes the careful way."""
    assert _PLAIN.fullmatch(address) is None
    url, told = _target(address)
    assert (url.target, told) == (target, host)


def test_what_unpacks_to_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small answer that unpacks to a large one ends while it is unpacked, long before all of it is there."""
    monkeypatch.setattr(doors, "LARGEST_ANSWER", 1_000_000)
    packed = zlib.compress(bytes(500_000_000), 9)
    answer = httpcore.Response(200, headers=[(b"Content-Encoding", b"deflate")])
    pieces: list[int] = []
    check = doors._check_size
    monkeypatch.setattr(doors, "_check_size", lambda size: pieces.append(size) or check(size))  # type: ignore[func-returns-value]  # both
    with pytest.raises(TooLarge):
        _unpacked(answer, packed)
    assert pieces[-1] < 150_000_000


def test_what_is_not_packed_as_it_says_is_a_failure_of_the_server() -> None:
    """A coding that the body does not have is told as such."""
    answer = httpcore.Response(200, headers=[(b"Content-Encoding", b"gzip")])
    with pytest.raises(httpx.DecodingError) as raised:
        _unpacked(answer, b"plain")
    assert failure_of(raised.value, Request("GET", "http://h.example/")).kind == "broken"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpcore.ConnectError("x"), "connect"),
        (httpcore.ConnectTimeout("x"), "connect"),
        (httpcore.PoolTimeout("x"), "timeout"),
        (httpcore.ReadTimeout("x"), "timeout"),
        (httpcore.ReadError("x"), "broken"),
        (httpcore.WriteError("x"), "broken"),
        (httpcore.RemoteProtocolError("x"), "broken"),
        (httpcore.LocalProtocolError("x"), "invalid"),
        (httpcore.UnsupportedProtocol("x"), "invalid"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_errors_beneath_httpx_are_told_like_its_own(error: Exception, kind: str) -> None:
    """Each means the same as the error of that name in httpx."""
    request = Request("GET", "http://h.example/")
    assert isinstance(error, doors_errors())
    assert failure_of(error, request).kind == kind
    assert failure_of(getattr(httpx, type(error).__name__)("x"), request) == failure_of(error, request)


def doors_errors() -> tuple[type[BaseException], ...]:
    from astro_nb.http.transport import SENDING_ERRORS

    return SENDING_ERRORS

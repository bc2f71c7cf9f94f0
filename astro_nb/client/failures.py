"""What an exception of the transport means, in words: what happened, whose fault it is, what to do."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import httpcore
import httpx

from ..exchange import Failure
from ..message import Request

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer that are read; a larger one is a failure that says so."""


class TooLarge(Exception):
    """An answer that is larger than is read."""


_BENEATH = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""What connections raise that httpx does not stand before."""

SENDING_ERRORS = (
    *(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, OverflowError, ExceptionGroup, TooLarge),
    *_BENEATH,
)
"""Everything that sending can raise."""

_SERVER = "The network, or the base URL."
_LOOK_FIRST = "Look whether it was carried out before you send again."

_FAILURES: tuple[tuple[type[Exception], str, str, str], ...] = (
    (
        httpx.ConnectTimeout,
        "connect",
        "The network or the server.",
        "Check the base URL and your network.",
    ),
    (
        httpx.ConnectError,
        "connect",
        _SERVER,
        "Check that the server runs and that the base URL is right.",
    ),
    (
        httpx.PoolTimeout,
        "timeout",
        "Too much is sent at once.",
        "Send fewer requests at a time.",
    ),
    (
        httpx.TimeoutException,
        "timeout",
        "The server is slow.",
        "Try again, or raise `timeout` of the environment.",
    ),
    (httpx.DecodingError, "broken", "The server.", "Tell its operators: the body is not coded as it says."),
    (httpx.UnsupportedProtocol, "invalid", "The base URL.", "Use http:// or https://."),
    (
        httpx.LocalProtocolError,
        "invalid",
        "The request.",
        "Look for odd characters in its headers.",
    ),
    (httpx.TransportError, "broken", "The server or the network.", _LOOK_FIRST),
    (ssl.SSLError, "connect", "The server's certificate.", "Check the base URL; ask its operators."),
    (OSError, "broken", "The network.", "Try again."),
    (TooLarge, "too large", "The answer.", "Ask for fewer items at once."),
)

_MESSAGES = {
    "connect": "No connection to {host} could be made",
    "timeout": "{host} did not answer in time",
    "broken": "The connection to {host} broke before the answer was complete",
    "invalid": "The request to {host} cannot be sent as it is",
    "too large": f"The answer of {{host}} is larger than {LARGEST_ANSWER // 1_000_000} MB",
}


def failure_of(error: Exception, request: Request) -> Failure:
    """The failure that an exception means; the request's path, headers and body are never part of it."""
    came = _as_httpx(error)
    for kind, name, fault, todo in _FAILURES:
        if issubclass(came, kind):
            detail = f" ({error})" if name == "connect" and str(error) else ""
            return Failure(name, _MESSAGES[name].format(host=_host(request)) + detail + ".", fault, todo)
    told = f"The request cannot be sent: {type(error).__name__}."
    return Failure("invalid", told, "The request is malformed.", "Check the URL and the headers.")


def _as_httpx(error: Exception) -> type[Exception]:
    """The kind of an error, in httpx's classes: httpcore's have the same names."""
    kind = type(error)
    return getattr(httpx, kind.__name__, kind) if isinstance(error, _BENEATH) else kind


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc.rpartition("@")[2] or "the server"

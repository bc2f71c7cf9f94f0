"""Why there is no response: each exception of the network by its real cause, whose fault it is, and what to do.

An exception of httpx is often the outermost of several: a certificate that is not trusted, a refused connection or
an unknown host are all a `ConnectError`. `failure_of` looks at all of them, first in `_CAUSES`, then in `_ERRORS`.

No message holds the path, a header or the body of a request, or text of a response: each of them may be a secret.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from ..exchange import Failure
from ..messages import Request, origin_of
from .codings import CodingError, ResponseTooLarge

LARGEST_RESPONSE = 256 * 1024 * 1024
"""The most bytes of a response that are read."""

_PROBE_TIMEOUT = 1.0  # seconds


SENDING_ERRORS = (
    *(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, OverflowError, ExceptionGroup),
    *(CodingError, ResponseTooLarge),
)
"""Every exception that sending a request over the network can raise. A transport that was given may raise others."""


def failure_of(error: Exception, request: Request, proxy: str = "", other_scheme: str = "") -> Failure:
    """Return the failure that an exception means.

    Args:
        error: the exception.
        request: the request.
        proxy: the proxy that the request goes through, without user and password; empty if none.
        other_scheme: the scheme that the server's port speaks, if `find_other_scheme` found one.
    """
    causes = tuple(_causes(error))
    facts = _Facts(error, causes, proxy if _is_before_request(error) else "", other_scheme)
    host = facts.proxy or _host(request)
    for applies, row in _CAUSES:
        if applies(facts):
            what = row.what.format(host=host, detail=_detail(facts))
            return Failure(row.kind, f"{what}.", row.fault, row.todo, row.permanent)
    for exception, kind, what, fault, todo in _ERRORS:
        if isinstance(error, exception):
            detail = f" ({error})" if kind == "connect" and str(error) else ""
            return Failure(kind, f"{what.format(host=host)}{detail}.", fault, todo, permanent=kind == "invalid")
    if isinstance(error, SENDING_ERRORS):
        message = f"The request cannot be sent: {type(error).__name__}."
        return Failure("invalid", message, "The request is malformed.", "Check the URL and the headers.", True)
    message = f"The transport failed while it sent the request: {type(error).__name__}."
    return Failure("transport", message, "The transport that was given.", "Correct it.", permanent=True)


def needs_probe(error: Exception, scheme: str) -> bool:
    """Whether the other scheme may be the cause: http was closed without a response, or TLS gets no answer."""
    if scheme == "https":
        return isinstance(error, httpx.ConnectTimeout)
    is_closed = isinstance(error, httpx.RemoteProtocolError) and str(error).startswith("Server disconnected")
    is_reset = isinstance(error, httpx.ReadError | httpx.WriteError)
    return is_closed or (is_reset and any(isinstance(cause, ConnectionError) for cause in _causes(error)))


def find_other_scheme(request: Request) -> str:
    """Return the scheme that the port of a request speaks, if that is not the request's own; else an empty text.

    One connection is opened, and nothing of the request is sent.
    """
    parts = urlsplit(request.url)
    try:
        address = (parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme])
        with socket.create_connection(address, _PROBE_TIMEOUT) as connection:
            if parts.scheme == "https":
                return "http"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(connection, server_hostname=parts.hostname):
                return "https"
    except (OSError, ValueError, KeyError):
        return ""


# --- the tables -------------------------------------------------------------------------------------------------------


class _Facts(NamedTuple):
    """The exception, all exceptions that led to it, the proxy (if that may be at fault), and the other scheme."""

    error: Exception
    causes: tuple[BaseException, ...]
    proxy: str
    other_scheme: str


@dataclass(frozen=True)
class _Row:
    """A failure; `what` may name the `{host}` and the `{detail}` of the exception."""

    kind: str
    what: str
    fault: str
    todo: str
    permanent: bool = False


_CERTIFICATE = "The server's certificate."
_NO_CONNECTION = "No connection to {host} could be made: "
_UNTRUSTED = _Row(
    "connect",
    f"{_NO_CONNECTION}its certificate is not trusted on this computer ({{detail}})",
    _CERTIFICATE,
    "If you trust the server, set SSL_CERT_FILE to a file with the certificate of its authority, and start again.",
    True,
)
_EXPIRED = _Row(
    "connect",
    f"{_NO_CONNECTION}its certificate is not valid today ({{detail}})",
    _CERTIFICATE,
    "Check the clock of this computer; tell the operators of the server.",
    True,
)
_OTHER_NAME = _Row(
    "connect",
    f"{_NO_CONNECTION}its certificate is for another host name",
    "The base URL, or the server's certificate.",
    "Use the host name that the certificate is for in the base URL; ask the operators of the server.",
    True,
)
_CERTIFICATE_CODES: Mapping[int, _Row] = {9: _EXPIRED, 10: _EXPIRED, 62: _OTHER_NAME, 63: _OTHER_NAME, 64: _OTHER_NAME}
"""By OpenSSL's code of a verification (`X509_V_ERR_…`); all others mean that the certificate is not trusted."""

_PLAIN_HTTP = _Row(
    "connect",
    f"{_NO_CONNECTION}this port does not speak TLS, so it is no https",
    "The base URL.",
    "Use http:// in the base URL, or the port for https.",
    True,
)
_SPEAKS_TLS = _Row(
    "connect",
    "{host} speaks TLS on this port, and closes a connection of plain HTTP",
    "The base URL.",
    "Use https:// in the base URL.",
    True,
)
_NO_TLS_ANSWER = _Row(
    "connect",
    "{host} accepts connections, but does not answer the greeting of TLS",
    "The base URL, or the server.",
    "If it speaks plain HTTP on this port, use http:// in the base URL; else ask its operators.",
)
_CLIENT_CERTIFICATE = _Row(
    "connect",
    f"{_NO_CONNECTION}it asks for a certificate of the client",
    "The settings.",
    "Connect through a proxy that has the certificate: astro_nb cannot send one.",
    True,
)
_HANDSHAKE = _Row(
    "connect",
    f"{_NO_CONNECTION}the TLS handshake failed ({{detail}})",
    "The server, or something between it and this computer.",
    "Check the base URL and its port; ask the operators of the server.",
    True,
)
_REFUSED = _Row(
    "connect",
    f"{_NO_CONNECTION}it refuses connections, so nothing listens on this port",
    "The server, or the base URL.",
    "Check that the server runs, and that the base URL and its port are right.",
)
_UNKNOWN_HOST = _Row(
    "connect",
    f"{_NO_CONNECTION}there is no host of this name",
    "The base URL, or the network.",
    "Check the spelling of the host in the base URL; check your network or VPN.",
)
_UNREACHABLE = _Row(
    "connect",
    f"{_NO_CONNECTION}there is no way to it in the network",
    "The network.",
    "Check your network or VPN.",
)
_NOT_HTTP = _Row(
    "not http",
    "The response of {host} is not valid HTTP ({detail})",
    "The server, or something between it and this computer.",
    "Check the port in the base URL; tell the operators of the server.",
    True,
)
_UNDECODABLE = _Row(
    "broken",
    "The body of the response of {host} does not have the encoding that its headers declare",
    "The server.",
    "Tell its operators.",
    True,
)
_PROXY_REFUSED = _Row(
    "connect",
    "The proxy {host} refused the connection ({detail})",
    "The proxy of this computer.",
    "Check HTTP_PROXY and HTTPS_PROXY with user and password, or name the host in NO_PROXY.",
    True,
)
_PROXY_UNREACHABLE = _Row(
    "connect",
    "No connection to the proxy {host} could be made ({detail})",
    "The proxy settings of this computer.",
    "Check HTTP_PROXY and HTTPS_PROXY, or name the server in NO_PROXY.",
)

_INCOMPLETE = _Row(
    "broken",
    "The response of {host} {detail}",
    "The server or the network.",
    "Check whether the request was carried out before you send it again.",
)
_UNREADABLE = _Row(
    "broken",
    "The response of {host} {detail}",
    "The server.",
    "Check whether the request was carried out; tell the operators of the server what it sends.",
    True,
)

_PLAIN_REASONS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
_CLIENT_CERTIFICATE_REASONS = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_NO_CERTIFICATE")
_UNKNOWN_HOST_CODES = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_UNREACHABLE_CODES = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)


def _has_certificate_code(row: _Row) -> Callable[[_Facts], bool]:
    def applies(facts: _Facts) -> bool:
        found = _first(facts, ssl.SSLCertVerificationError)
        return found is not None and _CERTIFICATE_CODES.get(getattr(found, "verify_code", 0), _UNTRUSTED) is row

    return applies


def _has_ssl_reason(reasons: tuple[str, ...] | None) -> Callable[[_Facts], bool]:
    """Return whether TLS failed for one of these reasons; None for any reason but a connection that was cut."""

    def applies(facts: _Facts) -> bool:
        found = _first(facts, ssl.SSLError)
        if found is None or isinstance(found, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return False
        reason = getattr(found, "reason", None)
        return reason in reasons if reasons is not None else bool(reason)

    return applies


def _is_connecting(facts: _Facts) -> bool:
    return isinstance(facts.error, httpx.ConnectError | httpx.ConnectTimeout)


_CAUSES: tuple[tuple[Callable[[_Facts], bool], _Row], ...] = (
    (lambda facts: isinstance(facts.error, httpx.ProxyError) and bool(facts.proxy), _PROXY_REFUSED),
    *((_has_certificate_code(row), row) for row in (_EXPIRED, _OTHER_NAME, _UNTRUSTED)),
    (_has_ssl_reason(_PLAIN_REASONS), _PLAIN_HTTP),
    (_has_ssl_reason(_CLIENT_CERTIFICATE_REASONS), _CLIENT_CERTIFICATE),
    (lambda facts: _is_connecting(facts) and _has_ssl_reason(None)(facts), _HANDSHAKE),
    (lambda facts: _is_connecting(facts) and bool(facts.proxy), _PROXY_UNREACHABLE),
    (lambda facts: facts.other_scheme == "https", _SPEAKS_TLS),
    (lambda facts: facts.other_scheme == "http", _NO_TLS_ANSWER),
    (lambda facts: _is_connecting(facts) and _first(facts, ConnectionRefusedError) is not None, _REFUSED),
    (lambda facts: getattr(_first(facts, socket.gaierror), "errno", None) in _UNKNOWN_HOST_CODES, _UNKNOWN_HOST),
    (
        lambda facts: _is_connecting(facts) and any(getattr(c, "errno", 0) in _UNREACHABLE_CODES for c in facts.causes),
        _UNREACHABLE,
    ),
    (lambda facts: isinstance(facts.error, CodingError) and facts.error.is_cut, _INCOMPLETE),
    (lambda facts: isinstance(facts.error, CodingError), _UNREADABLE),
    (lambda facts: _is_malformed(facts.causes), _NOT_HTTP),
    (lambda facts: isinstance(facts.error, httpx.DecodingError), _UNDECODABLE),
)
"""Causes that are recognized with certainty. The first row that applies counts."""

_UNCONNECTED = "No connection to {host} could be made"
_LATE, _BROKEN = "{host} did not respond in time", "The connection to {host} broke before the response was complete"
_UNSENDABLE = "The request to {host} cannot be sent as it is"
_TOO_LARGE = f"The response of {{host}} is larger than {LARGEST_RESPONSE // 1_000_000} MB"
_CHECK_PROXY = "Check HTTP_PROXY and HTTPS_PROXY, or name the host in NO_PROXY."
_CHECK_SERVER = "Check that the server runs and that the base URL is right."
_CHECK_DONE = "Check whether the request was carried out before you send it again."
_ERRORS: tuple[tuple[type[Exception], str, str, str, str], ...] = (
    (
        httpx.ConnectTimeout,
        "connect",
        _UNCONNECTED,
        "The network or the server.",
        "Check the base URL and your network.",
    ),
    (httpx.ConnectError, "connect", _UNCONNECTED, "The network, or the base URL.", _CHECK_SERVER),
    (httpx.ProxyError, "connect", _UNCONNECTED, "The proxy of this computer.", _CHECK_PROXY),
    (httpx.PoolTimeout, "timeout", _LATE, "Too many requests are sent at once.", "Send fewer requests at a time."),
    (
        httpx.TimeoutException,
        "timeout",
        _LATE,
        "The server is slow.",
        "Try again, or raise `timeout` in the environment.",
    ),
    (httpx.UnsupportedProtocol, "invalid", _UNSENDABLE, "The base URL.", "Use http:// or https://."),
    (httpx.LocalProtocolError, "invalid", _UNSENDABLE, "The request.", "Check its headers for unusual characters."),
    (httpx.TransportError, "broken", _BROKEN, "The server or the network.", _CHECK_DONE),
    (ssl.SSLError, "connect", _UNCONNECTED, _CERTIFICATE, "Check the base URL; ask its operators."),
    (OSError, "broken", _BROKEN, "The network.", "Try again."),
    (ResponseTooLarge, "too large", _TOO_LARGE, "The response.", "Ask for fewer items at once."),
)
"""What an exception means if its cause is not in `_CAUSES`. The first row that matches counts."""


# --- what an exception is made of -------------------------------------------------------------------------------------


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, also those of a group."""
    pending, seen = [error], set[int]()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        following = (current.__cause__, current.__context__, *getattr(current, "exceptions", ()))
        pending += [inner for inner in following if isinstance(inner, BaseException)]


def _first(facts: _Facts, kind: type[BaseException]) -> BaseException | None:
    return next((cause for cause in facts.causes if isinstance(cause, kind)), None)


def _is_before_request(error: Exception) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)


def _is_malformed(causes: tuple[BaseException, ...]) -> bool:
    """Whether the parser refused a response; a response that was cut is none that it refuses."""
    refused = [cause for cause in causes if type(cause).__module__.startswith("h11.")]
    return any(not str(cause).startswith("peer closed") for cause in refused) and not isinstance(
        causes[0], httpx.LocalProtocolError
    )


def _detail(facts: _Facts) -> str:
    """Return what an exception says about its cause, without text of a response."""
    certificate = _first(facts, ssl.SSLCertVerificationError)
    if certificate is not None:
        return str(getattr(certificate, "verify_message", "")) or "not verified"
    tls = _first(facts, ssl.SSLError)
    if tls is not None:
        return str(getattr(tls, "reason", "")).replace("_", " ").lower()
    return str(facts.error).partition(":")[0] or type(facts.error).__name__


def _host(request: Request) -> str:
    return origin_of(request.url).partition("://")[2] or "the server"


def as_connection_failure(failure: Failure) -> Failure:
    """Return a failure of what comes before a request, such as getting a token: the request itself was not sent."""
    return replace(failure, kind="connect") if failure.kind in ("timeout", "broken", "not http") else failure

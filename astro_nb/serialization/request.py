"""A call as an HTTP request.

`build_request(operation, call, values)` is pure: with shown values it is for the eye, with revealed ones for the
transport; `build_both` gives both. Parameters are serialised by the table of the OpenAPI specification (3.1.1, section
4.8.12.2 and appendix E); what it leaves open follows RFC 6570.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..call import Call
from ..environments import Resolver
from ..errors import UsageError
from ..messages import Headers, Request
from ..openapi import Operation, Parameter
from .bodies import body_of
from .security import Alternative, Alternatives, alternatives_of, authenticate, choose, select
from .styles import Pairs, pairs_of, path_of, query_of, whole_query
from .text import is_name, is_unfit, joined, to_text

USER_AGENT = "astro_nb"


def build_request(operation: Operation, call: Call, values: Resolver) -> Request:
    """The request that a call means.

    Args:
        operation: the operation called.
        call: its arguments, still holding templates.
        values: how templates resolve; whether secrets become stars or are revealed.

    Raises:
        UnknownName: a variable or a parameter does not exist.
        MissingArgument: a path parameter has no value.
        UsageError: a value cannot be said where it stands, or would change what the request means.
        SecretRefused: a secret would leave its hosts, or go out in the clear.
    """
    return _checked(_built(operation, call, values), values)


def build_request_pair(
    operation: Operation, call: Call, revealed: Resolver, shown: Callable[[], Resolver]
) -> tuple[Request, Request]:
    """The request for the transport, and the one for the eye; what holds no secret is built once for both.

    Args:
        operation, call: as for `build_request`, which raises the same.
        revealed: the values to send.
        shown: makes the values to show, once those to send are known.
    """
    draft = _draft(operation, call, revealed)
    is_plain = not revealed.revealed
    sent, seen = _checked(_signed(operation, call, draft, revealed), revealed), shown()
    return sent, _signed(operation, call, draft, seen) if is_plain else _built(operation, call, seen)


def _built(operation: Operation, call: Call, values: Resolver) -> Request:
    return _signed(operation, call, _draft(operation, call, values), values)


class _Draft(NamedTuple):
    """A request without its credentials."""

    base: str
    path: str
    query: Pairs
    whole: str
    headers: Pairs
    cookies: Pairs
    last: Pairs
    body: bytes


def _draft(operation: Operation, call: Call, values: Resolver) -> _Draft:
    outline, given = _outline(operation), values.resolve(dict(call.parameters))
    path = path_of(operation, outline.path, given)
    headers = [*_filled(values, values.environment.headers), *pairs_of(outline.header, given)]
    body, content = body_of(operation, call, values)
    last = [*([("Content-Type", content)] if content else []), *_filled(values, call.headers)]
    return _Draft(
        base=_base_url(operation, outline, values),
        path=path,
        query=pairs_of(outline.query, given),
        whole=whole_query(outline.whole, given) if outline.whole else "",
        headers=headers,
        cookies=pairs_of(outline.cookie, given),
        last=last,
        body=body,
    )


def _signed(operation: Operation, call: Call, draft: _Draft, values: Resolver) -> Request:
    """A draft with the credentials that these values have for it."""
    outline = _outline(operation)
    headers, query, cookies = list(draft.headers), list(draft.query), list(draft.cookies)
    authenticate(_need(operation, outline, call, values), values, headers, query, cookies)
    headers += draft.last
    if cookies:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    asked = _joined(draft.whole, query_of(query))
    url = f"{draft.base}{draft.path}{f'?{asked}' if asked else ''}"
    return Request(operation.method, url, _finished(outline, headers), draft.body, bool(values.revealed))


def _joined(*queries: str) -> str:
    return "&".join(filter(None, queries))


def _need(operation: Operation, outline: _Outline, call: Call, values: Resolver) -> Alternative:
    if call.security is None:
        return select(operation, outline.security, values.environment)
    return choose(operation, call.security, values.environment)


def _base_url(operation: Operation, outline: _Outline, values: Resolver) -> str:
    """The environment's server; where that is one of the document's, the operation's own goes before it."""
    base = values.environment.base_url or ""
    if outline.server and operation.spec.has_server(base):
        base = joined(base, outline.server)
    if not _is_web(base):
        raise UsageError(f"{base!r} is not the URL of a server.", 'Give one: connect(…, base_url="https://…").')
    return base.rstrip("/")


def _is_web(base: str) -> bool:
    try:
        return urlsplit(base).scheme in ("http", "https")
    except ValueError:
        return False


def _checked(request: Request, values: Resolver) -> Request:
    if values.revealed:
        values.environment.require_allowed_host(request.url)
    if is_unfit("".join([name + value for name, value in request.headers])):
        broken = next(name for name, value in request.headers if is_unfit(name + value))
        what = f"The header {broken} holds a line break or another character that no header can hold."
        raise UsageError(what, "Take it out of the value.")
    odd = next((name for name, _ in request.headers if not is_name(name)), None)
    if odd is not None:
        raise UsageError(f"No header can be called {odd[:60]!r}.", "Use letters, digits and hyphens.")
    return request


@dataclass(frozen=True)
class _Outline:
    """What every request of an operation shares: parameters by place, credentials, headers that need no value."""

    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    header: tuple[Parameter, ...]
    cookie: tuple[Parameter, ...]
    whole: tuple[Parameter, ...]
    security: Alternatives
    standard: Mapping[str, tuple[str, str]]
    server: str


_outlines: WeakKeyDictionary[Operation, _Outline] = WeakKeyDictionary()


def _outline(operation: Operation) -> _Outline:
    """The outline of an operation; it is drawn once."""
    found = _outlines.get(operation)
    if found is None:
        found = _outlines[operation] = _drawn(operation)
    return found


def _drawn(operation: Operation) -> _Outline:
    places = ("path", "query", "header", "cookie", "querystring")
    path, query, head, cookie, whole = (tuple(p for p in operation.parameters if p.location == at) for at in places)
    standard = [("User-Agent", USER_AGENT), ("Accept", _accept(operation)), ("Accept-Encoding", "gzip, deflate")]
    by_name = {name.lower(): (name, value) for name, value in standard}
    server = next(iter(operation.servers), "")
    return _Outline(path, query, head, cookie, whole, alternatives_of(operation), by_name, server)


def _filled(values: Resolver, headers: Mapping[str, str]) -> Pairs:
    return list(values.resolve(dict(headers)).items()) if headers else []


def _finished(outline: _Outline, headers: Pairs) -> Headers:
    """The headers, each name once (the last wins), with those that every request needs."""
    found = dict(outline.standard)
    for name, value in headers:
        found[name.lower()] = (name, to_text(value, name).strip(" \t"))  # RFC 9110, section 5.5
    return tuple(found.values())


def _accept(operation: Operation) -> str:
    kinds = dict.fromkeys(m for r in operation.responses.values() for m in r.content)
    return ", ".join([*kinds, "*/*;q=0.5"]) if kinds else "*/*"

"""A call as an HTTP request.

`build_request(operation, call, values)` is pure. With a resolver that masks secrets it builds the request to show, with
one that reveals them the request to send; `build_request_pair` builds both. Parameters are serialized by the table of
the OpenAPI specification (3.1.1, section 4.8.12.2 and appendix E), and where that is silent by RFC 6570.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

from ..call import Call
from ..environments import Resolver
from ..errors import UsageError
from ..messages import Headers, Request
from ..openapi import Operation, Parameter, Server
from ..openapi.parameters import is_token
from .bodies import encode_body
from .security import (
    Alternative,
    Alternatives,
    authenticate,
    automatic_alternative,
    named_alternative,
    sendable_alternatives,
)
from .styles import (
    Pairs,
    build_pairs,
    build_path,
    build_path_query,
    build_whole_query,
    has_forbidden_characters,
    join_pairs,
    join_url,
    to_text,
)

USER_AGENT = "astro_nb"


def build_request(operation: Operation, call: Call, values: Resolver) -> Request:
    """Return the request of a call; `values` resolves its templates, and masks or reveals secrets.

    Raises:
        UnknownName: a variable or a parameter does not exist.
        MissingArgument: a path parameter has no value.
        UsageError: a value cannot be represented in its place, or would change the meaning of the request.
        SecretRefused: a secret would be sent to a host that is not the environment's, or unencrypted.
    """
    return _check_request(_build(operation, call, values), values)


def build_request_pair(
    operation: Operation, call: Call, revealing: Resolver, masking: Callable[[], Resolver]
) -> tuple[Request, Request]:
    """Return the request to send and the request to show; the parts without secrets are built once for both.

    It raises the same errors as `build_request`.

    Args:
        operation, call: as for `build_request`.
        revealing: the resolver for the request to send.
        masking: returns the resolver for the request to show; called after the one to send has been built.
    """
    draft = _draft(operation, call, revealing)
    has_secret = bool(revealing.revealed)
    sent = _check_request(_add_credentials(operation, call, draft, revealing), revealing)
    values = masking()
    return sent, _build(operation, call, values) if has_secret else _add_credentials(operation, call, draft, values)


def _build(operation: Operation, call: Call, values: Resolver) -> Request:
    return _add_credentials(operation, call, _draft(operation, call, values), values)


class _Draft(NamedTuple):
    """A request without its credentials."""

    base: str
    path: str
    path_query: Pairs
    query: Pairs
    whole_query: str
    headers: Pairs
    cookies: Pairs
    last_headers: Pairs
    body: bytes


def _draft(operation: Operation, call: Call, values: Resolver) -> _Draft:
    outline, arguments = _outline(operation), values.resolve(dict(call.parameters))
    path = build_path(operation, outline.path, arguments)
    headers = [*_resolve_headers(values, values.environment.headers), *build_pairs(outline.header, arguments)]
    body, media_type = encode_body(operation, call, values)
    last = [*([("Content-Type", media_type)] if media_type else []), *_resolve_headers(values, call.headers)]
    return _Draft(
        base=_base_url(operation, outline, values),
        path=path,
        path_query=build_path_query(operation, arguments) if operation.path_query else [],
        query=build_pairs(outline.query, arguments),
        whole_query=build_whole_query(outline.whole_query, arguments) if outline.whole_query else "",
        headers=headers,
        cookies=build_pairs(outline.cookie, arguments),
        last_headers=last,
        body=body,
    )


def _add_credentials(operation: Operation, call: Call, draft: _Draft, values: Resolver) -> Request:
    """Return the request of a draft with its credentials."""
    outline = _outline(operation)
    headers, query, cookies = list(draft.headers), list(draft.query), list(draft.cookies)
    authenticate(_alternative(operation, outline, call, values), values, headers, query, cookies)
    headers += draft.last_headers
    if cookies:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    base, _, base_query = draft.base.partition("?")
    given = {unquote(name) for name, _ in query}
    own = [pair for name, pair in draft.path_query if name not in given]  # a parameter of the same name replaces it
    query_text = "&".join(filter(None, (base_query, *own, draft.whole_query, join_pairs(query))))
    url = f"{base.rstrip('/')}{draft.path}{f'?{query_text}' if query_text else ''}"
    return Request(operation.method, url, _final_headers(outline, headers), draft.body, bool(values.revealed))


def _alternative(operation: Operation, outline: _Outline, call: Call, values: Resolver) -> Alternative:
    if call.security is None:
        return automatic_alternative(operation, outline.security, values.environment)
    return named_alternative(operation, call.security, values.environment)


def _base_url(operation: Operation, outline: _Outline, values: Resolver) -> str:
    """Return the environment's server; if it is one of the document's, an operation's own server has priority.

    Variables of the own server have the values of the environment's `server_variables`; else those that were chosen for
    the document's server, by name, where it allows them; else their defaults.
    """
    base = values.environment.base_url or ""
    if outline.server is not None and operation.spec.has_server(base):
        chosen = values.environment.server_variables
        base = join_url(base, outline.server.fill_chosen(chosen, operation.spec.chosen_variables(base)))
    if "{" in base or "}" in base:
        raise UsageError(
            f"The server {base!r} has braces: variables are not resolved in it.",
            'Write its address out: base_url of the environment, or connect(…, base_url="https://…").',
        )
    if not _is_http_url(base):
        raise UsageError(f"{base!r} is not the URL of a server.", 'Give one: connect(…, base_url="https://…").')
    return base.partition("#")[0].rstrip("/")


def _is_http_url(base: str) -> bool:
    try:
        return urlsplit(base).scheme in ("http", "https")
    except ValueError:
        return False


def _check_request(request: Request, values: Resolver) -> Request:
    if values.revealed:
        values.environment.require_allowed_host(request.url)
    if has_forbidden_characters("".join([name + value for name, value in request.headers])):
        broken = next(name for name, value in request.headers if has_forbidden_characters(name + value))
        what = f"The header {broken} contains a line break or another character that headers do not allow."
        raise UsageError(what, "Take it out of the value.")
    odd = next((name for name, _ in request.headers if not is_token(name)), None)
    if odd is not None:
        raise UsageError(f"A header cannot be named {odd[:60]!r}.", "Use letters, digits and hyphens.")
    return request


@dataclass(frozen=True)
class _Outline:
    """What all requests of an operation share: parameters by location, ways to authenticate, standard headers."""

    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    header: tuple[Parameter, ...]
    cookie: tuple[Parameter, ...]
    whole_query: tuple[Parameter, ...]
    security: Alternatives
    standard: Mapping[str, tuple[str, str]]
    server: Server | None


_outlines: WeakKeyDictionary[Operation, _Outline] = WeakKeyDictionary()


def _outline(operation: Operation) -> _Outline:
    """Return the outline of an operation; it is built once."""
    if operation not in _outlines:
        _outlines[operation] = _build_outline(operation)
    return _outlines[operation]


def _build_outline(operation: Operation) -> _Outline:
    places = ("path", "query", "header", "cookie", "querystring")
    path, query, head, cookie, whole_query = (
        tuple(p for p in operation.parameters if p.location == place) for place in places
    )
    standard = [("User-Agent", USER_AGENT), ("Accept", _accept_header(operation)), ("Accept-Encoding", "gzip, deflate")]
    by_name = {name.lower(): (name, value) for name, value in standard}
    server = next(iter(operation.server_list), None)
    return _Outline(path, query, head, cookie, whole_query, sendable_alternatives(operation), by_name, server)


def _resolve_headers(values: Resolver, headers: Mapping[str, str]) -> Pairs:
    return list(values.resolve(dict(headers)).items()) if headers else []


def _final_headers(outline: _Outline, headers: Pairs) -> Headers:
    """Return the headers with the standard ones, each name once: the last one wins."""
    found = dict(outline.standard)
    for name, value in headers:
        found[name.lower()] = (name, to_text(value, name).strip(" \t"))  # RFC 9110, section 5.5
    return tuple(found.values())


def _accept_header(operation: Operation) -> str:
    media_types = dict.fromkeys(m for r in operation.responses.values() for m in r.content)
    return ", ".join([*media_types, "*/*;q=0.5"]) if media_types else "*/*"

"""Credentials in their places, by a table of schemes."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ..environments import Environment, Resolver
from ..errors import SecretMissing, UnknownName, UsageError
from ..openapi import Operation, SecurityScheme
from .styles import Pairs
from .text import is_unfit, joined, quoted, to_utf8

Alternative = tuple[SecurityScheme, ...]
Alternatives = tuple[Alternative, ...]

_BEARERS = ("bearer", "oauth2", "openIdConnect")
"""The kinds whose credential is sent as a bearer token: these, and no others, the credential `token` serves."""

_PREFIXES = dict.fromkeys(_BEARERS, "Bearer")
_JOINT = " + "
_UNSENT = {
    "mutualTLS": "A certificate of the client is beneath HTTP, and astro_nb sends none.",
    "digest": "HTTP digest authentication is not supported, for it needs an answer of the server first.",
}
"""The kinds that no header can say, and why."""

_WORDS = {
    "apiKey": ("apiKey: {location} {parameter}", "the API key"),
    "basic": ("user and password", "user and password with a colon between them, user:password"),
    "bearer": ("bearer token", "the token"),
    "oauth2": ("OAuth2 token", "an access token"),
    "openIdConnect": ("OpenID Connect token", "an access token"),
}
"""Each kind in words, and what to paste for it."""


@dataclass(frozen=True)
class SecurityChoice:
    """One way to authenticate: in words, as `Call.security` names it, whether it can be met, and what it lacks.

    Attributes:
        label: the words.
        value: what `Call.security` has to be.
        is_available: whether every credential that it needs is there.
        lacking: the schemes that have no credential, each with the words of what to paste.
    """

    label: str
    value: str | None
    is_available: bool
    missing: tuple[tuple[str, str], ...] = ()


def alternatives_of(operation: Operation) -> Alternatives:
    """The alternatives that ask for a credential and can be met: declared schemes, and none that we cannot send."""
    return tuple(need for need in _declared(operation) if all(s.kind not in _UNSENT for s in need))


def security_choices(operation: Operation, environment: Environment) -> tuple[SecurityChoice, ...]:
    """The ways to authenticate an operation: by itself, by each alternative, not at all."""
    found = tuple(_choice(need, environment) for need in _declared(operation))
    automatic = any(choice.is_available for choice in found) or not found or () in operation.security
    return (SecurityChoice("automatic", None, automatic), *found, SecurityChoice("none", "", True))


def authenticate(need: Alternative, values: Resolver, headers: Pairs, query: Pairs, cookies: Pairs) -> None:
    """Add the credentials of an alternative.

    Raises:
        UsageError: one of them cannot be sent.
    """
    places = {"header": headers, "query": query, "cookie": cookies}
    for scheme in need:
        place, name, value = _credential(scheme, values)
        if value and place == "query":
            name, value = quoted(name, scheme.name, "$"), quoted(value, scheme.name, "*")  # a mask stays one
        if value:
            places.get(place, headers).append((name, value))


def select(operation: Operation, alternatives: Alternatives, environment: Environment) -> Alternative:
    """The first alternative that the environment has credentials for; empty where none fits.

    Raises:
        UsageError: it has them for one that cannot be sent alone.
    """
    for need in alternatives:
        if all(_is_held(environment, scheme) for scheme in need):
            return need
    for scheme in (s for need in operation.security for s in need if s.kind == "digest"):
        if environment.credentials.get(scheme.name):
            raise _unsent(scheme)
    return ()


def choose(operation: Operation, chosen: str, environment: Environment) -> Alternative:
    """The alternative of that name, as `Call.security` has it; any scheme of the document may be named.

    Raises:
        UnknownName: the document has no such scheme.
        SecretMissing: it has no credential.
        UsageError: it cannot be sent.
    """
    if not chosen:
        return ()
    named = next((need for need in operation.security if _value(need) == chosen), None) or _named(operation, chosen)
    for scheme in named:
        if scheme.kind in _UNSENT:
            raise _unsent(scheme)
        if not _is_held(environment, scheme):
            raise SecretMissing(
                f"The environment {environment.name!r} has no credential for {scheme.name}.",
                f"Paste {_WORDS.get(scheme.kind, ('', 'it'))[1]}: "
                f'api.session.credentials.add("{scheme.name}", …), or name it in the environment.',
            )
    return named


def _unsent(scheme: SecurityScheme) -> UsageError:
    return UsageError(f"{scheme.name} cannot be used: {_UNSENT[scheme.kind]}", "Choose another scheme, or none.")


def _declared(operation: Operation) -> Alternatives:
    known = operation.spec.scheme_names
    return tuple(need for need in operation.security if need and all(s.name in known for s in need))


def _named(operation: Operation, chosen: str) -> Alternative:
    """Schemes of the document that the operation does not ask for, but the caller does."""
    spec = operation.spec
    for name in chosen.split(_JOINT):
        if name not in spec.scheme_names:
            raise UnknownName("security scheme", name, spec.scheme_names)
    return tuple(spec.scheme(name, []) for name in chosen.split(_JOINT))


def _value(need: Alternative) -> str:
    return _JOINT.join(scheme.name for scheme in need)


def _choice(need: Alternative, environment: Environment) -> SecurityChoice:
    missing = tuple(
        (s.name, _UNSENT.get(s.kind) or f"Paste {_WORDS.get(s.kind, ('', 'the credential'))[1]}.")
        for s in need
        if s.kind in _UNSENT or not _is_held(environment, s)
    )
    return SecurityChoice(_JOINT.join(_label(s, environment) for s in need), _value(need), not missing, missing)


def _label(scheme: SecurityScheme, environment: Environment) -> str:
    if environment.uses_client_credentials(scheme.name) and scheme.kind in _BEARERS:
        return "OAuth2 client credentials"
    if scheme.kind not in _WORDS:  # the document's own word, in which braces may stand
        return f"HTTP {scheme.kind}"
    return _WORDS[scheme.kind][0].format(location=scheme.location or "header", parameter=scheme.parameter)


def _is_held(environment: Environment, scheme: SecurityScheme) -> bool:
    held = environment.credentials
    return bool(held.get(scheme.name) or (scheme.kind in _BEARERS and held.get("token")))


def _secret(scheme: SecurityScheme, values: Resolver) -> str:
    """The credential without the blanks that it was pasted with; a password is encoded, and sent with all it has."""
    given = values.credential(scheme.name) or ""
    value = given if scheme.kind == "basic" else given.strip()
    if value != given:
        values.revealed.add(value)
    if not value or (scheme.kind != "basic" and is_unfit(value)):
        raise UsageError(
            f"The credential for {scheme.name} is empty, or holds control characters: it cannot be sent.",
            "Copy it anew, without line breaks, to where the environment takes it from.",
        )
    return value


def _token_url(scheme: SecurityScheme, values: Resolver) -> str:
    """Where the document says that tokens are given; a relative address is meant against the server's."""
    flow = scheme.flows.get("clientCredentials")
    return joined(values.environment.base_url or "", flow.token_url) if flow and flow.token_url else ""


def _credential(scheme: SecurityScheme, values: Resolver) -> tuple[str, str, str]:
    """Place, name and value of a credential; no value where the client gets a token first."""
    if scheme.kind in _BEARERS and values.environment.uses_client_credentials(scheme.name):
        value = values.grant(scheme.name, _token_url(scheme, values))
        return "header", "Authorization", f"Bearer {value}" if value else ""
    value = _secret(scheme, values)
    if scheme.kind == "apiKey":
        return scheme.location or "header", scheme.parameter, value
    if scheme.kind == "basic" and values.mode == "revealed":
        value = base64.b64encode(to_utf8(value, scheme.name)).decode()
    return "header", "Authorization", f"{_PREFIXES.get(scheme.kind) or scheme.kind.capitalize()} {value}"

"""Credentials in a request, by the types of security schemes (OpenAPI 3.1.1, section 4.8.27)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ..environments import Environment, Resolver
from ..errors import SecretMissing, UnknownName, UsageError
from ..openapi import Operation, SecurityScheme
from .credential_kinds import BEARERS, require_kind, require_value
from .styles import Pairs, has_forbidden_characters, join_url, percent_encode, to_utf8

Alternative = tuple[SecurityScheme, ...]
"""The schemes of one Security Requirement Object: all of them are needed."""

Alternatives = tuple[Alternative, ...]

_PREFIXES = dict.fromkeys(BEARERS, "Bearer")
_SEPARATOR = " + "
_UNSUPPORTED = {
    "mutualTLS": "client certificates are not supported.",
    "digest": "HTTP digest authentication is not supported: it needs a challenge from the server first.",
}
"""Schemes that are not supported, and why."""

_DESCRIPTIONS = {
    "apiKey": ("apiKey: {location} {parameter}", "the API key"),
    "basic": ("user and password", "user and password with a colon between them, user:password"),
    "bearer": ("bearer token", "the token"),
    "oauth2": ("OAuth2 token", "an access token"),
    "openIdConnect": ("OpenID Connect token", "an access token"),
}
"""The label of each scheme, and what to paste for it."""


@dataclass(frozen=True)
class SecurityChoice:
    """One way to authenticate an operation.

    Attributes:
        label: its description.
        value: what `Call.security` has to be.
        is_available: whether the environment has every credential that it needs.
        missing: the schemes that have no credential, each with what to paste.
    """

    label: str
    value: str | None
    is_available: bool
    missing: tuple[tuple[str, str], ...] = ()


def sendable_alternatives(operation: Operation) -> Alternatives:
    """Return the alternatives that need a credential and are supported, with schemes that the document declares."""
    declared = _declared_alternatives(operation)
    return tuple(schemes for schemes in declared if all(s.kind not in _UNSUPPORTED for s in schemes))


def security_choices(operation: Operation, environment: Environment) -> tuple[SecurityChoice, ...]:
    """Return the ways to authenticate an operation: automatic, each alternative, none."""
    found = tuple(_choice(alternative, environment) for alternative in _declared_alternatives(operation))
    automatic = any(choice.is_available for choice in found) or not found or () in operation.security
    return (SecurityChoice("automatic", None, automatic), *found, SecurityChoice("none", "", True))


def authenticate(alternative: Alternative, values: Resolver, headers: Pairs, query: Pairs, cookies: Pairs) -> None:
    """Add the credentials of an alternative to the headers, the query and the cookies of a request.

    Raises:
        UsageError: one of them cannot be sent.
    """
    places = {"header": headers, "query": query, "cookie": cookies}
    for scheme in alternative:
        place, name, value = _credential(scheme, values)
        if value and place == "query":  # the mask is not encoded
            name, value = percent_encode(name, scheme.name, "$"), percent_encode(value, scheme.name, "*")
        if value:
            places.get(place, headers).append((name, value))


def automatic_alternative(operation: Operation, alternatives: Alternatives, environment: Environment) -> Alternative:
    """Return the first alternative for which the environment has credentials; empty if there is none.

    Raises:
        UsageError: it has credentials for digest authentication, which is not supported.
    """
    for alternative in alternatives:
        if all(_is_available(environment, scheme) for scheme in alternative):
            return alternative
    for scheme in (s for alternative in operation.security for s in alternative if s.kind == "digest"):
        if environment.credentials.get(scheme.name):
            raise _unsupported_error(scheme)
    return ()


def named_alternative(operation: Operation, chosen: str, environment: Environment) -> Alternative:
    """Return the alternative of that name, as in `Call.security`; any scheme of the document may be named.

    Raises:
        UnknownName: the document has no such scheme.
        SecretMissing: the environment has no credential for it.
        UsageError: it is not supported.
    """
    if not chosen:
        return ()
    declared = next((schemes for schemes in operation.security if _alternative_name(schemes) == chosen), None)
    named = declared or _schemes_by_name(operation, chosen)
    for scheme in named:
        if scheme.kind in _UNSUPPORTED:
            raise _unsupported_error(scheme)
        if not _is_available(environment, scheme):
            raise SecretMissing(
                f"The environment {environment.name!r} has no credential for {scheme.name}.",
                f"Paste {_DESCRIPTIONS.get(scheme.kind, ('', 'it'))[1]}: "
                f'api.session.credentials.add("{scheme.name}", …), or name it in the environment.',
            )
    return named


def _unsupported_error(scheme: SecurityScheme) -> UsageError:
    return UsageError(f"{scheme.name} cannot be used: {_UNSUPPORTED[scheme.kind]}", "Choose another scheme, or none.")


def _declared_alternatives(operation: Operation) -> Alternatives:
    known = operation.spec.scheme_names
    return tuple(schemes for schemes in operation.security if schemes and all(s.name in known for s in schemes))


def _schemes_by_name(operation: Operation, chosen: str) -> Alternative:
    """Return schemes of the document that the operation does not declare, but the caller names."""
    spec = operation.spec
    for name in chosen.split(_SEPARATOR):
        if name not in spec.scheme_names:
            raise UnknownName("security scheme", name, spec.scheme_names)
    return tuple(spec.scheme(name, []) for name in chosen.split(_SEPARATOR))


def _alternative_name(alternative: Alternative) -> str:
    return _SEPARATOR.join(scheme.name for scheme in alternative)


def _choice(alternative: Alternative, environment: Environment) -> SecurityChoice:
    missing = tuple(
        (s.name, _UNSUPPORTED.get(s.kind) or f"Paste {_DESCRIPTIONS.get(s.kind, ('', 'the credential'))[1]}.")
        for s in alternative
        if s.kind in _UNSUPPORTED or not _is_available(environment, s)
    )
    label = _SEPARATOR.join(_label(s, environment) for s in alternative)
    return SecurityChoice(label, _alternative_name(alternative), not missing, missing)


def _label(scheme: SecurityScheme, environment: Environment) -> str:
    if environment.uses_client_credentials(scheme.name) and scheme.kind in BEARERS:
        return "OAuth2 client credentials"
    if scheme.kind not in _DESCRIPTIONS:  # the name comes from the document and may contain braces
        return f"HTTP {scheme.kind}"
    return _DESCRIPTIONS[scheme.kind][0].format(location=scheme.location or "header", parameter=scheme.parameter)


def _is_available(environment: Environment, scheme: SecurityScheme) -> bool:
    credentials = environment.credentials
    return bool(credentials.get(scheme.name) or (scheme.kind in BEARERS and credentials.get("token")))


def _secret(scheme: SecurityScheme, values: Resolver) -> str:
    """Return the credential without surrounding blanks; user and password, which are encoded, are not changed."""
    stored = values.credential(scheme.name) or ""
    value = stored if scheme.kind == "basic" else stored.strip()
    if value != stored:
        values.revealed.add(value)
    if not value or (scheme.kind != "basic" and has_forbidden_characters(value)):
        raise UsageError(
            f"The credential for {scheme.name} is empty or contains control characters: it cannot be sent.",
            "Copy it again, without line breaks, to where the environment reads it from.",
        )
    if values.mode == "revealed":
        require_value(scheme, value)
    return value


def _token_url(scheme: SecurityScheme, values: Resolver) -> str:
    """Return the token endpoint in the document, resolved against the server's URL."""
    flow = scheme.flows.get("clientCredentials")
    return join_url(values.environment.base_url or "", flow.token_url) if flow and flow.token_url else ""


def _credential(scheme: SecurityScheme, values: Resolver) -> tuple[str, str, str]:
    """Return location, name and value of a credential; the value is empty if the client gets a token first."""
    if scheme.kind in BEARERS and values.environment.uses_client_credentials(scheme.name):
        value = values.grant(scheme.name, _token_url(scheme, values))
        return "header", "Authorization", f"Bearer {value}" if value else ""
    require_kind(scheme, values.environment.credential_for(scheme.name))
    value = _secret(scheme, values)
    if scheme.kind == "apiKey":
        return scheme.location or "header", scheme.parameter, value
    if scheme.kind == "basic" and values.mode == "revealed":
        value = base64.b64encode(to_utf8(value, scheme.name)).decode()
    return "header", "Authorization", f"{_PREFIXES.get(scheme.kind) or scheme.kind.capitalize()} {value}"

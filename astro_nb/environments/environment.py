"""What a credential is made of: a secret, a user with a password, or a client that is given tokens.

An environment: where requests go, as whom, and with which variables.

The secrets that an environment refers to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ..errors import SecretRefused, SettingsError
from ..secrets.references import Secret, parse_variable, require_reference

Credential = str | Secret | Mapping[str, Any]
"""A secret reference; `{username, password}`; or `{client_id, client_secret, scopes, token_url, method}`."""

METHODS = ("client_secret_basic", "client_secret_post")
"""How a client says who it is to the token's server (RFC 6749, section 2.3.1), by the names of RFC 7591."""

_SECRETS = {"client_id": "client_secret", "username": "password"}
_MORE = {"client_id": ("scopes", "token_url", "method"), "username": ()}


@dataclass(frozen=True)
class Grant:
    """What a token is asked for with: OAuth 2.0 client credentials (RFC 6749, section 4.4).

    Attributes:
        url: the token endpoint; its host is one of the environment's.
        client: the client's id.
        secret: its secret, in the clear.
        scopes: what the token is to be good for; empty for what the server gives by default.
        method: how the client says who it is; one of `METHODS`.
    """

    url: str
    client: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    method: str = METHODS[0]

    def __reduce__(self) -> Any:
        raise TypeError("A grant holds a secret: it is neither copied nor pickled.")


def require_credential(given: Any) -> None:
    """Raise SettingsError for what is no credential, without repeating it: it may be the secret."""
    if not isinstance(given, Mapping):
        if given and not isinstance(given, Secret):
            require_reference(given)
        return
    kind = kind_of(given)
    require_reference_of(given.get(_SECRETS[kind]))
    for name, value in given.items():
        if name not in (kind, _SECRETS[kind], *_MORE[kind]):
            raise SettingsError(f"A credential has no field {name!r}.", f"It may hold {_listed(kind)}.")
        if name == "scopes" and not (isinstance(value, str) or _is_texts(value)):
            raise SettingsError("`scopes` of a credential is no list of texts.", "Write [first, second].")
        if name == "method" and value not in METHODS:
            raise SettingsError("`method` of a credential is not known.", f"Write {' or '.join(METHODS)}.")
        if name in (kind, "token_url") and not isinstance(value, str | Secret):
            raise SettingsError(f"`{name}` of a credential is no text.", "Write it as a text, in quotes.")


def require_reference_of(given: Any) -> None:
    """Raise SettingsError unless given is a secret or the reference of one."""
    if not isinstance(given, Secret):
        require_reference(given)


def kind_of(given: Mapping[str, Any]) -> str:
    """By which field a credential of several is known: "client_id" or "username".

    Raises:
        SettingsError: it has neither.
    """
    for kind in _SECRETS:
        if kind in given:
            return kind
    raise SettingsError(
        "A credential of several fields has neither a client_id nor a username.",
        "Write {client_id: …, client_secret: env:NAME} or {username: …, password: env:NAME}.",
    )


def secret_of(given: Credential) -> Secret:
    """The secret in a credential."""
    if isinstance(given, Mapping):
        given = given[_SECRETS[kind_of(given)]]
    return Secret(given) if isinstance(given, str) else given  # type: ignore[return-value]  # checked when it was made


def plain_or_secret(given: Any) -> str | Secret:
    """A text as it is, a reference as the secret that it means."""
    return Secret(given) if Secret.is_reference(given) else given


def scopes_of(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes of a credential."""
    found = given.get("scopes") or ()
    return tuple(found.split() if isinstance(found, str) else map(str, found))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)


def _listed(kind: str) -> str:
    return ", ".join((kind, _SECRETS[kind], *_MORE[kind]))


_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ORIGIN = re.compile("[^:/?#]*://[^/?#]*")


@dataclass(frozen=True)
class Environment:
    """Where requests go, as whom, and with which variables.

    Attributes:
        name: for people, and for `connect(name)`.
        spec: the document, as for `spec.load`.
        base_url: the server; None for the document's first, "sandbox" for the embedded one.
        production: whether unsafe methods ask first, and the explorer looks unmistakable.
        color: a CSS colour for the bar; None for the default of the kind.
        credentials: secret references by security scheme; `token` serves every bearer scheme. A scheme of several
            fields has a mapping: `{username, password}`, or `{client_id, client_secret, scopes, token_url, method}` for
            OAuth 2.0 client credentials, where the client gets the tokens by itself.
        variables: plain values by name; a secret reference such as `keyring:astro/db` makes a secret variable, and
            `{from: env:REGION, secret: false}` one that is read when it is sent, and shown.
        headers: sent with every request; templates are allowed.
        hosts: further hosts that may see the secrets; on this machine with the port, as in localhost:8080.
        timeout: seconds allowed to connect, and between two pieces of an answer.
        overlay: what the document leaves unsaid, where it does not lie beside the document.
        extends: the environment that a file builds on: mappings merge by name, all else that is said replaces.
        limits: requests per second by method, such as `{GET: 25, POST: 10}`; `.inf` for as fast as one likes. Where
            nothing is said, the overlay's hold.
        guard: whether unsafe methods ask first; None for only in production.

    Raises:
        SettingsError: a credential is no secret reference, a limit is not above 0, or the base URL holds a password; it
            is not repeated.
    """

    name: str
    spec: str = "astro-v1"
    base_url: str | None = None
    production: bool = False
    color: str | None = None
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    timeout: Mapping[str, float] = field(default_factory=lambda: {"connect": 10.0, "read": 60.0})
    overlay: str | None = None
    extends: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    guard: bool | None = None

    def __post_init__(self) -> None:
        for credential in self.credentials.values():
            require_credential(credential)
        wrong = [method for method, limit in self.limits.items() if not limit > 0]
        if wrong:
            raise SettingsError(
                f"The limit of {wrong[0]} is no number above 0.", "Give requests per second, or infinity for none."
            )
        if _has_password(self.base_url or ""):
            raise SettingsError(
                "The base URL holds a password, which everybody would see: it is not used.",
                "Take it out, and name it in `credentials`: {login: {username: me, password: env:NAME}}.",
            )

    @property
    def requires_approval(self) -> bool:
        """Whether unsafe methods ask first."""
        return self.production if self.guard is None else self.guard

    def with_base_url(self, base_url: str) -> Environment:
        """The same environment with its base URL known."""
        return replace(self, base_url=base_url.rstrip("/"))

    def parsed_variables(self) -> dict[str, Any]:
        """The variables, secret references turned into secrets, and plain ones into what is read later.

        Raises:
            SettingsError: a plain reference is malformed.
        """
        found = {name: parse_variable(value) for name, value in self.variables.items()}
        return {
            n: value.for_environment(self.name) if isinstance(value, Secret) else value for n, value in found.items()
        }

    def secret_for(self, scheme: str) -> Secret | None:
        """The secret for a security scheme: the one of its name, else `token`."""
        found = self.credential_for(scheme)
        return secret_of(found).for_environment(self.name) if found else None

    def credential_for(self, scheme: str) -> Credential | None:
        """The credential for a security scheme as it was given: the one of its name, else `token`."""
        return self.credentials.get(scheme) or self.credentials.get("token") or None

    def uses_client_credentials(self, scheme: str) -> bool:
        """Whether the credential for a scheme is a client's, which is given tokens for it."""
        found = self.credential_for(scheme)
        return isinstance(found, Mapping) and kind_of(found) == "client_id"

    def require_allowed_host(self, url: str) -> None:
        """Raise SecretRefused when a secret may not be sent to `url`: another host, or plain HTTP beyond loopback."""
        scheme, host, told = _whither(_origin(url))
        allowed = _homes(_origin(self.base_url or ""), tuple(self.hosts))
        if host not in allowed and told not in allowed:
            whom = told or "an address without a host"
            raise SecretRefused(
                f"A secret of the environment {self.name!r} was about to be sent to {whom}: nothing was sent.",
                f"If it is meant to see them, add it to `hosts` (now: {', '.join(sorted(allowed)) or 'none'}).",
                host=host,
            )
        if scheme != "https" and host not in _LOOPBACK:
            raise SecretRefused(
                f"A secret was about to be sent to {host} over plain HTTP: nothing was sent.", "Use https://."
            )


def _origin(url: str) -> str:
    """What stands before the path of an address; empty where nothing does, or it is not read alike by all."""
    if "\\" in url or not url.isprintable() or " " in url:
        return ""
    found = _ORIGIN.match(url)
    return found[0] if found else ""


@lru_cache(maxsize=64)
def _whither(origin: str) -> tuple[str, str, str]:
    """The scheme and the host of an origin, and by what it is told whose it is; empty where it is malformed.

    That is the host: on this machine with its port, for each may be another program's.
    """
    try:
        parts = urlsplit(origin)
        host = (parts.hostname or "").lower()
        port = f":{parts.port or {'https': 443}.get(parts.scheme, 80)}" if host in _LOOPBACK else ""
    except ValueError:
        return "", "", ""
    return parts.scheme, host, host + port


@lru_cache(maxsize=64)
def _homes(base: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """What may see the secrets of an environment, of which this is the server's origin."""
    return frozenset({_whither(base)[2], *(host.lower() for host in hosts)} - {""})


def _has_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return False


_BUILT_IN = {
    "sandbox": Environment("sandbox", base_url="sandbox", color="#2e7d32", credentials={}),
    "astro": Environment("astro", credentials={"token": "env:ASTRO_API_TOKEN"}, color="#5e35b1"),
}


def built_in_environments() -> Mapping[str, Environment]:
    """The environments that need no file: `sandbox` and `astro`."""
    return _BUILT_IN


def environment_secrets(environment: Environment) -> list[Secret]:
    """Every secret that an environment refers to, in whatever field, each once."""
    found = [secret for field in fields(environment) for secret in _secrets_in(getattr(environment, field.name))]
    return list(dict.fromkeys(found))


def _secrets_in(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, str) and Secret.is_reference(value):
        yield Secret(value)
    elif isinstance(value, Mapping):
        yield from (secret for inner in value.values() for secret in _secrets_in(inner))
    elif isinstance(value, list | tuple):
        yield from (secret for inner in value for secret in _secrets_in(inner))

"""An environment: where requests go, as whom, and with which variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ..errors import SecretRefused, SettingsError
from .credentials import Credential, kind_of, require_credential, secret_of
from .outside import typed
from .secret import Secret

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
    def is_guarded(self) -> bool:
        """Whether unsafe methods ask first."""
        return self.production if self.guard is None else self.guard

    def at(self, base_url: str) -> Environment:
        """The same environment with its base URL known."""
        return replace(self, base_url=base_url.rstrip("/"))

    def typed_variables(self) -> dict[str, Any]:
        """The variables, secret references turned into secrets, and plain ones into what is read later.

        Raises:
            SettingsError: a plain reference is malformed.
        """
        found = {name: typed(value) for name, value in self.variables.items()}
        return {n: value.asked_in(self.name) if isinstance(value, Secret) else value for n, value in found.items()}

    def secret_for(self, scheme: str) -> Secret | None:
        """The secret for a security scheme: the one of its name, else `token`."""
        found = self.credential_for(scheme)
        return secret_of(found).asked_in(self.name) if found else None

    def credential_for(self, scheme: str) -> Credential | None:
        """The credential for a security scheme as it was given: the one of its name, else `token`."""
        return self.credentials.get(scheme) or self.credentials.get("token") or None

    def is_granted(self, scheme: str) -> bool:
        """Whether the credential for a scheme is a client's, which is given tokens for it."""
        found = self.credential_for(scheme)
        return isinstance(found, Mapping) and kind_of(found) == "client_id"

    def require_home(self, url: str) -> None:
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


def built_in() -> Mapping[str, Environment]:
    """The environments that need no file: `sandbox` and `astro`."""
    return _BUILT_IN

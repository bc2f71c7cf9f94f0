"""An environment: where requests go, with which credentials and variables, and what its token contains.

| to do what                                                | use                                   |
|-----------------------------------------------------------|---------------------------------------|
| read what a credential consists of                        | `credential_type`, `secret_of`, …     |
| decide whether a secret may be sent to a URL              | `Environment.require_allowed_host`    |
| find every secret that an environment refers to           | `environment_secrets`                 |
| read the claims of a JSON Web Token (RFC 7519), untrusted | `read_token`                          |
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from ..errors import SecretRefused, SettingsError, TokenExpired
from ..files import current_folder
from ..openapi import TokenExtension
from ..secrets import Reference, Secret
from ..secrets.references import parse_variable, require_reference
from ..templates import as_literal

_LATEST_SECONDS = 1e11  # the year 5138; a larger `exp` is in milliseconds (1e11 of them are in 1973)
_MOST_REMEMBERED = 64  # tokens


@dataclass(frozen=True)
class TokenFacts:
    """What a token's claims contain; none of it is secret.

    Attributes:
        is_jwt: whether the token could be read at all.
        expires: when it expires, in UTC; None if it has no such claim.
        variables: the variables that it provides, such as `organizationId`.
        claims: the remaining plain claims, for display.
        permissions: the permissions that it lists, such as `deployment.get` or `workspace.*`; usually none.
    """

    is_jwt: bool
    expires: datetime | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()

    def expired(self, now: datetime | None = None) -> bool:
        """Whether it has expired."""
        return self.expires is not None and self.expires <= (now or datetime.now(UTC))

    def require_valid(self, source: str, now: datetime | None = None) -> None:
        """Raise TokenExpired if it has expired."""
        if self.expires is not None and self.expired(now):
            raise TokenExpired(
                f"The token ({source}) expired on {self.expires:%Y-%m-%d %H:%M} UTC: nothing was sent.",
                "Create or rotate an API token, set it again, and call `connect` again.",
                expires=self.expires,
            )

    @property
    def scope(self) -> str:
        """The narrowest resource that the token is bound to: "Workspace", or "unknown"."""
        bound = [name.removesuffix("Id") for name in self.variables if name.endswith("Id")]
        return bound[-1].capitalize() if bound else "unknown"


def read_token(token: str, extension: TokenExtension | None = None) -> TokenFacts:
    """Return what a token's claims contain.

    Args:
        token: the token as it is sent.
        extension: what the overlay declares about the claims (`x-astro-nb-token`).
    """
    claims = _decode_claims(token)
    if claims is None:
        return TokenFacts(False)
    extension = extension or TokenExtension()
    listed = claims.get(extension.list)
    entries = listed if isinstance(listed, list) else []
    variables = _read_variables(entries, extension.variables)
    permissions = tuple(entry for entry in entries if isinstance(entry, str) and ":" not in entry)
    plain = {k: v for k, v in claims.items() if isinstance(v, str | int | float | bool) and k != "exp"}
    return TokenFacts(True, _expiry(claims.get("exp")), variables, plain, permissions)


_expiries: dict[int, datetime | None] = {}
"""When the latest tokens expire, by hash, so that no token is stored here."""


def require_valid(token: str, source: str) -> None:
    """Raise TokenExpired if a token has expired according to its claims. This is checked for every token sent."""
    key = hash(token)
    if key not in _expiries:
        if len(_expiries) >= _MOST_REMEMBERED:
            _expiries.clear()
        _expiries[key] = _expiry((_decode_claims(token) or {}).get("exp"))
    expires = _expiries[key]
    if expires is not None:
        TokenFacts(True, expires).require_valid(source)


def _read_variables(entries: list[Any], wanted: Iterable[str]) -> dict[str, str]:
    """Return the values of the wanted names, in the order of the names; a name with several values has none."""
    pairs = [str(entry).partition(":") for entry in entries]
    found = {name: {value for key, _, value in pairs if key == name and value} for name in wanted}
    return {name: as_literal(values.pop()) for name, values in found.items() if len(values) == 1}


def _expiry(exp: Any) -> datetime | None:
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    try:
        return datetime.fromtimestamp(exp / 1000 if exp > _LATEST_SECONDS else exp, UTC)
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return None


def _decode_claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None


Credential = str | Secret | Mapping[str, Any]
"""A secret reference; `{username, password}`; or `{client_id, client_secret, scopes, token_url, method}`."""

METHODS = ("client_secret_basic", "client_secret_post")
"""How a client authenticates to the token endpoint (RFC 6749, section 2.3.1), by the names of RFC 7591."""

_SECRET_FIELDS = {"client_id": "client_secret", "username": "password"}
_OPTIONAL_FIELDS = {"client_id": ("scopes", "token_url", "method"), "username": ()}
"""The fields of a credential, by the field that decides its type."""


@dataclass(frozen=True)
class Grant:
    """The OAuth 2.0 client credentials with which a token is requested (RFC 6749, section 4.4).

    Attributes:
        url: the token endpoint; its host is one of the environment's.
        client: the client's id.
        secret: its secret, in the clear.
        scopes: the requested scopes; empty for the server's default.
        method: how the client authenticates; one of `METHODS`.
    """

    url: str
    client: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    method: str = METHODS[0]

    def __reduce__(self) -> Any:
        raise TypeError("A grant holds a secret: it cannot be copied or pickled.")


def require_credential(value: Any) -> None:
    """Raise SettingsError unless the value is a credential. The message does not repeat it: it may be the secret."""
    if not isinstance(value, Mapping):
        if value:
            _require_secret(value)
        return
    kind = credential_type(value)
    _require_secret(value.get(_SECRET_FIELDS[kind]))
    known = (kind, _SECRET_FIELDS[kind], *_OPTIONAL_FIELDS[kind])
    for name, inner in value.items():
        is_list = isinstance(inner, list | tuple)
        if name not in known:
            raise SettingsError(f"A credential has no field {name!r}.", f"It may have {', '.join(known)}.")
        if name == "scopes" and not all(isinstance(text, str) for text in (inner if is_list else [inner])):
            raise SettingsError("`scopes` of a credential is not a list of texts.", "Write [first, second].")
        if name == "method" and inner not in METHODS:
            raise SettingsError("`method` of a credential is not known.", f"Write {' or '.join(METHODS)}.")
        if name in (kind, "token_url") and not isinstance(inner, str | Secret):
            raise SettingsError(f"`{name}` of a credential is not a text.", "Write it as a text, in quotes.")


def _require_secret(value: Any) -> None:
    if not isinstance(value, Secret):
        require_reference(value)


def credential_type(credential: Mapping[str, Any]) -> str:
    """Return the type of a credential with several fields: "client_id" or "username".

    Raises:
        SettingsError: it has neither field.
    """
    for kind in _SECRET_FIELDS:
        if kind in credential:
            return kind
    raise SettingsError(
        "A credential with several fields has neither a client_id nor a username.",
        "Write {client_id: …, client_secret: env:NAME} or {username: …, password: env:NAME}.",
    )


def secret_of(credential: Credential) -> Secret:
    """Return the secret in a credential."""
    if isinstance(credential, Mapping):
        credential = credential[_SECRET_FIELDS[credential_type(credential)]]
    return Secret(credential) if isinstance(credential, str) else credential  # type: ignore[return-value]  # checked when the environment was made


def text_or_secret(value: Any) -> str | Secret:
    """Return a text as it is, and a reference as its secret."""
    return Secret(value) if Secret.is_reference(value) else value


def scopes_of(credential: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the scopes of a credential."""
    scopes = credential.get("scopes") or ()
    return tuple(scopes.split() if isinstance(scopes, str) else map(str, scopes))


_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ORIGIN = re.compile("[^:/?#]*://[^/?#]*")


@dataclass(frozen=True)
class Environment:
    """Where requests go, with which credentials, and with which variables.

    Attributes:
        name: for display, and for `connect(name)`.
        spec: the document, as for `connect(spec=…)`.
        base_url: the server; None for the document's first, "sandbox" for the embedded one.
        production: whether unsafe methods ask first; the explorer marks such an environment clearly.
        color: a CSS colour for the bar; None for the default.
        credentials: secret references by security scheme; `token` serves every bearer scheme. A scheme with several
            fields has a mapping: `{username, password}`, or `{client_id, client_secret, scopes, token_url, method}` for
            OAuth 2.0 client credentials, where the client gets the tokens by itself.
        variables: plain values by name; a secret reference such as `keyring:astro/db` makes a secret variable, and
            `{from: env:REGION, secret: false}` a plain one that is read when it is sent.
        headers: sent with every request; templates are allowed.
        server_variables: values of the variables in the URLs of the document's servers, and of those of operations.
        hosts: further hosts to which the secrets may be sent; on this machine with the port, as in localhost:8080.
        timeout: seconds to connect, and to wait between two parts of a response.
        overlay: an OpenAPI overlay that is not in the folder of the document.
        extends: the environment that a file builds on: mappings are merged by name, all other fields are replaced.
        limits: requests per second by method, such as `{GET: 25, POST: 10}`; `.inf` for no limit. Methods that are not
            listed have the limits of the overlay.
        guard: whether unsafe methods ask first; None for only in production.
        folder: where the search for a `.env` file starts: the current folder when it was made. It is in no file.

    Raises:
        SettingsError: a credential is not a secret reference, a limit is not above 0, or the base URL contains a
            password. The message does not repeat it.
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
    server_variables: Mapping[str, str] = field(default_factory=dict)
    timeout: Mapping[str, float] = field(default_factory=lambda: {"connect": 10.0, "read": 60.0})
    overlay: str | None = None
    extends: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    guard: bool | None = None
    folder: Path = field(default_factory=current_folder, compare=False, repr=False)

    def __post_init__(self) -> None:
        for credential in self.credentials.values():
            require_credential(credential)
        wrong = [method for method, limit in self.limits.items() if not limit > 0]
        if wrong:
            raise SettingsError(
                f"The limit of {wrong[0]} is not a number above 0.", "Give requests per second, or infinity for none."
            )
        if _has_password(self.base_url or ""):
            raise SettingsError(
                "The base URL contains a password, which everyone would see: it is not used.",
                "Take it out, and name it in `credentials`: {login: {username: me, password: env:NAME}}.",
            )

    @property
    def requires_approval(self) -> bool:
        """Whether unsafe methods ask first."""
        return self.production if self.guard is None else self.guard

    def with_base_url(self, base_url: str) -> Environment:
        """Return the same environment with this base URL."""
        return replace(self, base_url=base_url.rstrip("/"))

    def parsed_variables(self) -> dict[str, Any]:
        """Return the variables, with `Secret` and `Reference` objects in place of references.

        Raises:
            SettingsError: a reference is malformed.
        """
        parsed = {name: parse_variable(value) for name, value in self.variables.items()}
        return {name: self._own(value) for name, value in parsed.items()}

    def _own(self, value: Any) -> Any:
        """Return a secret or a reference as this environment reads it; any other value as it is."""
        if isinstance(value, Reference):
            return replace(value, folder=self.folder)
        return value.for_environment(self.name).in_folder(self.folder) if isinstance(value, Secret) else value

    def secret_for(self, scheme: str) -> Secret | None:
        """Return the secret for a security scheme: the one of its name, else `token`."""
        credential = self.credential_for(scheme)
        return secret_of(credential).for_environment(self.name).in_folder(self.folder) if credential else None

    def credential_for(self, scheme: str) -> Credential | None:
        """Return the credential for a security scheme as it was given: the one of its name, else `token`."""
        return self.credentials.get(scheme) or self.credentials.get("token") or None

    def uses_client_credentials(self, scheme: str) -> bool:
        """Whether the credential for a scheme is a client's, with which tokens are requested."""
        credential = self.credential_for(scheme)
        return isinstance(credential, Mapping) and credential_type(credential) == "client_id"

    def require_allowed_host(self, url: str) -> None:
        """Raise SecretRefused if a secret may not be sent to `url`: another host, or plain HTTP except to loopback."""
        scheme, host, owner = _parse_origin(_origin(url))
        allowed = _allowed_owners(_origin(self.base_url or ""), tuple(self.hosts))
        if host not in allowed and owner not in allowed:
            raise SecretRefused(
                f"A secret of the environment {self.name!r} was about to be sent to "
                f"{owner or 'an address without a host'}: nothing was sent.",
                f"If it is meant to see them, add it to `hosts` (now: {', '.join(sorted(allowed)) or 'none'}).",
                host=host,
            )
        if scheme != "https" and host not in _LOOPBACK:
            raise SecretRefused(
                f"A secret was about to be sent to {host} over plain HTTP: nothing was sent.", "Use https://."
            )


def _origin(url: str) -> str:
    """Return the part before the path of a URL; empty if there is none, or if parsers disagree about it."""
    if "\\" in url or not url.isprintable() or " " in url:
        return ""
    found = _ORIGIN.match(url)
    return found[0] if found else ""


@lru_cache(maxsize=64)
def _parse_origin(origin: str) -> tuple[str, str, str]:
    """Return the scheme, the host, and the owner of an origin; empty texts if it is malformed.

    The owner is the host; on this machine with the port, because each port may belong to another program.
    """
    try:
        parts = urlsplit(origin)
        host = (parts.hostname or "").lower()
        port = f":{parts.port or {'https': 443}.get(parts.scheme, 80)}" if host in _LOOPBACK else ""
    except ValueError:
        return "", "", ""
    return parts.scheme, host, host + port


@lru_cache(maxsize=64)
def _allowed_owners(base: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """Return who may see the secrets of an environment; `base` is the origin of its server."""
    return frozenset({_parse_origin(base)[2], *(host.lower() for host in hosts)} - {""})


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
    """Return the environments that need no file: `sandbox` and `astro`."""
    return _BUILT_IN


def environment_secrets(environment: Environment) -> list[Secret]:
    """Return every secret that an environment refers to in any field, none twice."""
    found = [secret for field in fields(environment) for secret in _find_secrets(getattr(environment, field.name))]
    return [secret.in_folder(environment.folder) for secret in dict.fromkeys(found)]


def _find_secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, str) and Secret.is_reference(value):
        yield Secret(value)
    elif isinstance(value, Mapping):
        yield from (secret for inner in value.values() for secret in _find_secrets(inner))
    elif isinstance(value, list | tuple):
        yield from (secret for inner in value for secret in _find_secrets(inner))

"""What a credential is made of: a secret, a user with a password, or a client that is given tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SettingsError
from .secret import Secret, require_reference

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

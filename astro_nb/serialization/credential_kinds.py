"""Whether a credential is of the kind that its security scheme takes: a token, or user and password.

Only what a server cannot accept is refused. The message never repeats the credential.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..environments.environment import Credential, credential_type
from ..errors import SettingsError
from ..openapi import SecurityScheme
from ..secrets import Secret

BEARERS = ("bearer", "oauth2", "openIdConnect")
"""Schemes whose credential is sent as a bearer token: the credential `token` serves these and no others."""

_LOGIN = ("basic",)
_KEY = ("apiKey",)
_ANY = (*BEARERS, *_LOGIN, *_KEY)
_ALONE = "Paste the token alone, without anything around it."
_BY_HAND = 'If the server takes just that, send it yourself, with `security=""` and a header Authorization of the call.'
_URI = re.compile(r"secret-token:", re.IGNORECASE)  # RFC 8959


@dataclass(frozen=True)
class _Rule:
    """What a credential of some schemes must not be.

    Attributes:
        kinds: the kinds of the schemes.
        is_broken: whether a credential is that.
        what: what is wrong with it.
        todo: what to do.
    """

    kinds: tuple[str, ...]
    is_broken: Callable[[str], object]
    what: str
    todo: str


_RULES = (
    _Rule(_ANY, lambda value: not value.strip(), "is empty", "Give the credential itself."),
    _Rule(_ANY, re.compile(r"\*+\Z").match, "is a mask, not the credential", "Give the credential itself."),
    _Rule(
        _ANY,
        Secret.is_reference,
        "is the reference of a secret, not its value",
        "Name the reference in `credentials` of the environment.",
    ),
    _Rule(
        _ANY,
        re.compile(r"\s*-----BEGIN ").match,
        "is a private key or a certificate (PEM)",
        "Give the token or the password that belongs to it.",
    ),
    _Rule(_ANY, re.compile(r"\{\{.*\}\}\Z").match, "is a template, not the credential", "Give the credential itself."),
    _Rule(
        (*BEARERS, *_KEY),
        re.compile(r"\s*\{.*\}\s*\Z", re.DOTALL).match,
        "is a JSON object, such as the response with the token",
        _ALONE,
    ),
    _Rule((*BEARERS, *_KEY), re.compile(r"([\"'`]).*\1\Z").match, "is in quotes", _ALONE),
    _Rule((*BEARERS, *_KEY), re.compile(r"<[^<>]*>\Z").match, "is a placeholder", "Give the credential itself."),
    _Rule(
        (*BEARERS, *_LOGIN),
        re.compile(r"(?:authorization\s*:\s*)?(?:bearer|basic)\s", re.IGNORECASE).match,
        "begins with the name of its scheme, which is added when it is sent",
        "Give what comes after it.",
    ),
    _Rule(BEARERS, re.compile(r".*\s", re.DOTALL).match, "contains a blank, which no token does", _ALONE),
    _Rule(
        BEARERS,
        lambda value: ":" in value and not _URI.match(value),
        "has a colon, like user and password; the scheme takes a token (RFC 6750, section 2.1)",
        f"Give a token. {_BY_HAND}",
    ),
    _Rule(
        BEARERS,
        lambda value: not value.isascii(),
        "has characters that no token has, such as the dots of a text that was shortened",
        "Copy the whole token again.",
    ),
    _Rule(
        _LOGIN,
        lambda value: ":" not in value,
        "has no colon: the scheme takes user and password (RFC 7617, section 2)",
        "Write user:password, not encoded; or {username: me, password: env:NAME} in the environment.",
    ),
)
"""In order: the first that a credential breaks is reported. A new rule is a new row."""


def require_kind(scheme: SecurityScheme, credential: Credential | None) -> None:
    """Raise SettingsError if a credential has fields that its scheme does not take; nothing is read."""
    if credential is None or isinstance(credential, str | Secret) or credential_type(credential) != "username":
        return
    if scheme.kind not in _LOGIN:
        wanted = "an API key" if scheme.kind in _KEY else "a token"
        raise SettingsError(
            f"The credential for {scheme.name} is user and password, but the scheme takes {wanted}: nothing was sent.",
            f"Write {{{scheme.name}: env:NAME}} in `credentials`, with {wanted} in that variable.",
        )


def require_value(scheme: SecurityScheme, value: str) -> None:
    """Raise SettingsError if the value of a credential is none that its scheme takes."""
    rule = next((rule for rule in _RULES if scheme.kind in rule.kinds and rule.is_broken(value)), None)
    if rule is not None:
        raise SettingsError(f"The credential for {scheme.name} {rule.what}: nothing was sent.", rule.todo)
    header = f"{scheme.parameter}:".lower()
    if scheme.kind in _KEY and value.lower().startswith(f"{header} "):
        raise SettingsError(f"The credential for {scheme.name} begins with its name: nothing was sent.", _ALONE)

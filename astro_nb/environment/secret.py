"""A secret is a reference: its value is fetched when it is sent, and shown nowhere.

Rule 1: no repr, str, format, pickle or JSON of a `Secret` holds its value.
Rule 2: a value typed by the user or captured from an answer lives in memory alone, and ends with the kernel.
"""

from __future__ import annotations

import base64
import getpass
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from ..errors import SecretMissing

MASK: Final = "*****"
"""What stands in place of a secret wherever one is shown or stored."""

_SHORTEST = 6  # characters: shorter values would be found by chance in any text


class Secret:
    """A secret by reference: `env:NAME`, `dotenv:NAME`, `keyring:service/name`, `prompt:label`; or held in memory."""

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str | None = None) -> None:
        self.reference = reference
        self._value = value

    @classmethod
    def held(cls, value: str, label: str = "session") -> Secret:
        """A secret that is held in memory, for instance one that was typed into a form."""
        return cls(f"held:{label}", value)

    @classmethod
    def is_reference(cls, text: Any) -> bool:
        """Whether a text is the reference of a secret, such as `env:ASTRO_API_TOKEN`."""
        return isinstance(text, str) and text.partition(":")[0] in _SOURCES and ":" in text

    def reveal(self) -> str:
        """The value itself. Never print it, and never put it in a variable of the notebook.

        Raises:
            SecretMissing: the reference yields nothing.
        """
        return _fetch(self.reference) if self._value is None else self._value

    @property
    def variable(self) -> str:
        """The name of an operating-system variable that would hold it, for snippets."""
        kind, _, name = self.reference.partition(":")
        return name if kind in ("env", "dotenv") else re.sub(r"\W+", "_", name).strip("_").upper() or "SECRET"

    @property
    def source(self) -> str:
        """Where the value comes from, in words."""
        kind, _, name = self.reference.partition(":")
        return {
            "env": f"environment variable {name}",
            "dotenv": f".env, {name}",
            "held": f"memory ({name})",
        }.get(kind, f"{kind} {name}")

    def __repr__(self) -> str:
        return f"<Secret {self.reference}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.reference, self._value) == (other.reference, other._value)

    def __hash__(self) -> int:
        return hash(self.reference)

    def __reduce__(self) -> Any:
        if self._value is not None:
            raise TypeError("A secret that is held in memory cannot be pickled.")
        return (Secret, (self.reference,))


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every known secret starred out: plain, URL-encoded, and in base64 at any alignment."""
    for form in _forms(tuple(sorted(set(secrets), key=len, reverse=True))):
        if form in text:
            text = text.replace(form, MASK)
    return text


@lru_cache(maxsize=64)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            for form in (secret, quote(secret, safe=""), quote_plus(secret), *_base64_forms(secret)):
                found[form] = None
    return tuple(sorted(found, key=len, reverse=True))


def _base64_forms(secret: str) -> Iterable[str]:
    """What base64 makes of the secret inside a longer text: the part that no neighbour can change, by alignment."""
    for shift in range(3):
        data = b"\0" * shift + secret.encode()
        whole = len(data) // 3 * 3
        start = 4 if shift else 0
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(data[:whole])[start:].decode()
            if len(form) >= _SHORTEST:
                yield form


def _fetch(reference: str) -> str:
    kind, _, name = reference.partition(":")
    source = _SOURCES.get(kind)
    value = source(name) if source else None
    if not value:
        raise SecretMissing(
            f"The secret {reference} has no value.", _ADVICE.get(kind, "{}").format(name), reference=reference
        )
    return value


def _from_dotenv(name: str) -> str | None:
    import dotenv  # imported at first use

    path = next((p / ".env" for p in (Path.cwd(), *Path.cwd().parents) if (p / ".env").is_file()), None)
    return dotenv.dotenv_values(path).get(name) if path else None


def _from_keyring(name: str) -> str | None:
    import keyring  # imported at first use: it looks for the desktop's services
    import keyring.errors

    service, _, user = name.partition("/")
    try:
        return keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise SecretMissing(f"The keyring cannot be read ({error}).", "Use env: or dotenv: on this machine.") from error


@lru_cache(maxsize=64)  # asked once: the answer is held in memory as long as the kernel lives
def _from_prompt(name: str) -> str | None:
    try:
        return getpass.getpass(f"{name}: ")
    except EOFError:
        return None


_SOURCES: dict[str, Callable[[str], str | None]] = {
    "env": os.environ.get,
    "dotenv": _from_dotenv,
    "keyring": _from_keyring,
    "prompt": _from_prompt,
}

_ADVICE = {
    "env": "Set the environment variable {} before you start Jupyter.",
    "dotenv": "Add the line {}=… to a file named .env beside the notebook.",
    "keyring": "Store it once: keyring set {}.",
    "prompt": "Enter {} when you are asked, or name another source.",
}

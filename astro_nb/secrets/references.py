"""A secret is a reference: its value is fetched when it is sent, and shown nowhere.

Rule 1: no repr, str, format, pickle or JSON of a `Secret` holds its value.
Rule 2: a value typed by the user or captured from an answer lives in memory alone, and ends with the kernel.

A plain value that is read from the operating system or a `.env` file when it is sent.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import SecretMissing, SettingsError

MASK: Final = "*****"
"""What stands in place of a secret wherever one is shown or stored."""


class Secret:
    """A secret by reference: `env:NAME`, `dotenv:NAME`, `keyring:service/name`, `prompt:label`; or held in memory.

    Raises:
        SettingsError: what is given is no reference; it is not repeated, for it may be the secret itself.
    """

    __slots__ = ("_number", "_value", "is_captured", "reference")

    def __init__(self, reference: str, value: str | None = None) -> None:
        require_reference(reference)
        self.reference = reference
        self._value = value
        self._number: int | float | None = None
        self.is_captured = False

    @classmethod
    def in_memory(cls, value: str | int | float, label: str = "session", captured: bool = False) -> Secret:
        """A secret that is held in memory; a number stays one.

        Args:
            value: the secret.
            label: what it is called.
            captured: whether it was captured from an answer; else it was typed, into a form for instance.
        """
        held = cls(f"held:{label}", str(value))
        held.is_captured = captured
        held._number = None if isinstance(value, str) else value
        return held

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

    def value_if_available(self, folder: Path | None = None, keyring: bool = False) -> str:
        """The value where it is to be had without asking anybody; empty where it is not.

        Args:
            folder: from where a `.env` is looked for; by default the folder that this process works in.
            keyring: whether the keyring may be asked, which may put a question to the user by itself.
        """
        kind, _, name = self.reference.partition(":")
        if self._value is not None:
            return self._value
        if kind in _QUIET:
            return _QUIET[kind](name, folder) or ""
        with contextlib.suppress(SecretMissing):
            return _fetch(self.reference) if keyring and kind == "keyring" else ""
        return ""

    def json_value(self) -> str | int | float:
        """As `reveal`, but a number where it was given as one: what a body has to hold.

        Raises:
            SecretMissing: the reference yields nothing.
        """
        return self.reveal() if self._number is None else self._number

    @property
    def variable(self) -> str:
        """The name of an operating-system variable that would hold it, for snippets."""
        kind, _, name = self.reference.partition(":")
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII)
        if kind not in ("env", "dotenv"):
            plain = plain.strip("_").upper()
        return f"_{plain}" if plain[:1].isdigit() else plain or "SECRET"

    def for_environment(self, environment: str) -> Secret:
        """The secret as one environment asks for it: an answer that was typed for one goes to no other."""
        asks = self.reference.startswith("prompt:") and not self.reference.endswith(f" ({environment})")
        return Secret(f"{self.reference} ({environment})") if asks else self

    @property
    def is_in_memory(self) -> bool:
        """Whether it is known to this kernel alone, so that no reference leads to it."""
        return self.reference.startswith("held:")

    @property
    def is_local(self) -> bool:
        """Whether the value lies in memory, so that looking at it costs nothing and asks nobody."""
        return self._value is not None or self.reference.startswith("env:")

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

    def __copy__(self) -> Secret:
        return self  # it never changes, and its value is not to be had twice

    def __deepcopy__(self, memo: Any) -> Secret:
        return self

    def __reduce__(self) -> Any:
        if self._value is not None:
            raise TypeError("A secret that is held in memory cannot be pickled.")
        return (Secret, (self.reference,))


def require_reference(given: Any) -> None:
    """Raise SettingsError for what is not the reference of a secret, without repeating it: it may be the secret."""
    if not Secret.is_reference(given) and not (isinstance(given, str) and given.startswith("held:")):
        raise SettingsError(
            "A secret is given by reference, and what was given is none.",
            "Write env:NAME, dotenv:NAME, keyring:service/user or prompt:label, and keep the value itself there.",
        )


def _fetch(reference: str) -> str:
    value = look_up(reference)
    if not value:
        raise SecretMissing(f"The secret {reference} has no value.", advice_for(reference), reference=reference)
    return value


def look_up(reference: str) -> str | None:
    """What stands at the place that a reference names; None where nothing does."""
    kind, _, name = reference.partition(":")
    source = _SOURCES.get(kind)
    return source(name) if source else None


def advice_for(reference: str) -> str:
    """What to do where a reference leads to nothing, in words."""
    kind, _, name = reference.partition(":")
    return _ADVICE[kind].format(name, *name.partition("/"))


def _from_dotenv(name: str, folder: Path | None = None) -> str | None:
    import dotenv  # imported at first use

    start = (folder or Path.cwd()).absolute()
    path = next((p / ".env" for p in (start, *start.parents) if (p / ".env").is_file()), None)
    return dotenv.dotenv_values(path).get(name) if path else None


def _from_keyring(name: str) -> str | None:
    import keyring  # imported at first use: it looks for the desktop's services
    import keyring.errors

    service, _, user = name.partition("/")
    try:
        return keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise SecretMissing(f"The keyring cannot be read ({error}).", "Use env: or dotenv: on this machine.") from error


_ANSWERS: dict[str, str] = {}  # asked once: an answer is held in memory as long as the kernel lives


def _from_prompt(name: str) -> str | None:
    if not _ANSWERS.get(name):
        with contextlib.suppress(EOFError, NotImplementedError):  # nobody is there to answer; ipykernel says the latter
            _ANSWERS[name] = getpass.getpass(f"{name}: ")
    return _ANSWERS.get(name)


_SOURCES: dict[str, Callable[[str], str | None]] = {
    "env": os.environ.get,
    "dotenv": _from_dotenv,
    "keyring": _from_keyring,
    "prompt": _from_prompt,
}

_QUIET: dict[str, Callable[[str, Path | None], str | None]] = {
    "env": lambda name, folder: os.environ.get(name),
    "dotenv": _from_dotenv,
    "prompt": lambda name, folder: _ANSWERS.get(name),
}
"""What asks nobody."""

_ADVICE = {
    "env": "Set the environment variable {} before you start Jupyter.",
    "dotenv": "Add the line {}=… to a file named .env beside the notebook.",
    "keyring": "Store it once: keyring set {1} {3}.",
    "prompt": "Enter {} when you are asked, or name another source.",
    "held": "It ended with the kernel that held it: set it again.",
}


_PLAIN_SOURCES = ("env", "dotenv")
_FIELDS = {"from", "secret"}


@dataclass(frozen=True)
class Reference:
    """Where a plain value stands: `env:NAME` or `dotenv:NAME`. In a file: `{from: env:NAME, secret: false}`.

    Raises:
        SettingsError: what is given is no such reference.
    """

    reference: str

    def __post_init__(self) -> None:
        if not Secret.is_reference(self.reference) or self.reference.partition(":")[0] not in _PLAIN_SOURCES:
            raise SettingsError(
                "A value that is no secret is read from env:NAME or dotenv:NAME, and what was given is neither.",
                "Write {from: env:NAME, secret: false}, or the secret's reference alone.",
            )

    def read(self) -> str:
        """The value as it is now; a text.

        Raises:
            SettingsError: nothing stands there.
        """
        found = look_up(self.reference)
        if found is None:
            raise SettingsError(f"{self.reference} has no value.", advice_for(self.reference), reference=self.reference)
        return found

    @property
    def shown(self) -> str:
        """The value as it is now, or that there is none."""
        found = look_up(self.reference)
        return f"({self.reference} is not set)" if found is None else found

    @property
    def plain(self) -> dict[str, Any]:
        """As it is written in a file."""
        return {"from": self.reference, "secret": False}


def parse_variable(value: Any) -> Any:
    """A value of a file as what it means: a `Secret`, a `Reference`, or itself.

    Raises:
        SettingsError: it says where it comes from, but not in a way that can be read.
    """
    if Secret.is_reference(value):
        return Secret(value)
    if not isinstance(value, Mapping) or not set(value) <= _FIELDS or not Secret.is_reference(value.get("from")):
        return value
    secret = value.get("secret", True)
    if not isinstance(secret, bool):
        raise SettingsError(
            "`secret` of a variable is neither true nor false.", "Write {from: env:NAME, secret: false}."
        )
    return Secret(value["from"]) if secret else Reference(value["from"])

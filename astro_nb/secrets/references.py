"""Secrets and plain values by reference: where each is read from, and when.

A `Secret` is fetched when it is sent, and shown nowhere. Rules:

1. No repr, str, format, pickle or JSON of a `Secret` contains its value.
2. A value that was typed, or captured from a response, is held in memory only and is gone when the kernel ends.

A `Reference` is a plain value that is read from the operating system or a `.env` file when it is sent.

| source of a secret     | read from                                                     |
|------------------------|---------------------------------------------------------------|
| `env:NAME`             | an environment variable of the operating system               |
| `dotenv:NAME`          | the nearest `.env` file                                       |
| `keyring:service/name` | the keyring of the operating system                           |
| `prompt:label`         | the user, who is asked once per kernel                        |
| `held:label`           | memory; made by `Secret.in_memory`, never written in a file   |
"""

from __future__ import annotations

import codecs
import contextlib
import getpass
import io
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import SecretMissing, SettingsError
from ..files import current_folder
from ..json_text import Number
from ..plain import Placeholder

MASK: Final = "*****"
"""Stands in place of a secret wherever one is shown or stored."""

_IN_MEMORY, _DOTENV = "held", "dotenv:"


class Secret(Placeholder):
    """A secret by reference: `env:NAME`, `dotenv:NAME`, `keyring:service/name`, `prompt:label`; or held in memory.

    Attributes:
        reference: the source and the name there.
        is_captured: whether it was captured from a response.
        folder: where the search for a `.env` file starts: the current folder when it was made.

    Raises:
        SettingsError: the argument is not a reference. The message does not repeat it: it may be the secret itself.
    """

    __slots__ = ("_number", "_value", "folder", "is_captured", "reference")

    def __init__(self, reference: str, value: str | None = None) -> None:
        require_reference(reference)
        self.reference = reference
        self._value = value
        self._number: Number | None = None
        self.is_captured = False
        self.folder = current_folder() if reference.startswith(_DOTENV) else None

    @classmethod
    def in_memory(cls, value: str | Number, label: str = "session", captured: bool = False) -> Secret:
        """Return a secret that is held in memory; a number stays a number.

        Args:
            value: the secret.
            label: its name, for display.
            captured: whether it was captured from a response; otherwise it was typed, for instance into a form.
        """
        secret = cls(f"{_IN_MEMORY}:{label}", str(value))
        secret.is_captured = captured
        secret._number = None if isinstance(value, str) else value
        return secret

    @classmethod
    def is_reference(cls, text: Any) -> bool:
        """Whether a text is a reference to a secret, such as `env:ASTRO_API_TOKEN`."""
        return isinstance(text, str) and text.partition(":")[0] in _SOURCES and ":" in text

    def reveal(self) -> str:
        """Return the value itself. Never print it, and never assign it to a variable of the notebook.

        Raises:
            SecretMissing: there is no value at the reference.
        """
        return _fetch(self.reference, self.folder) if self._value is None else self._value

    def value_if_available(self, folder: Path | None = None, keyring: bool = False) -> str:
        """Return the value if it can be read without asking the user, else an empty text.

        Args:
            folder: where the search for a `.env` file starts; by default its own `folder`.
            keyring: whether to ask the keyring, which may show a dialog of its own.
        """
        source, _, name = self.reference.partition(":")
        if self._value is not None:
            return self._value
        with contextlib.suppress(SecretMissing):
            if source in _SOURCES_WITHOUT_QUESTIONS:
                return _SOURCES_WITHOUT_QUESTIONS[source](name, folder or self.folder) or ""
            return _fetch(self.reference) if keyring and source == "keyring" else ""
        return ""

    def json_value(self) -> str | Number:
        """Return the value for a body: a number if it was given as one, else the text of `reveal`.

        Raises:
            SecretMissing: there is no value at the reference.
        """
        return self.reveal() if self._number is None else self._number

    @property
    def variable(self) -> str:
        """The name of an environment variable that could hold it, for generated code."""
        source, _, name = self.reference.partition(":")
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII)
        if source not in _PLAIN_SOURCES:
            plain = plain.strip("_").upper()
        return f"_{plain}" if plain[:1].isdigit() else plain or "SECRET"

    def for_environment(self, environment: str) -> Secret:
        """Return the secret as one environment asks for it: what is typed for one is not sent to another."""
        asks = self.reference.startswith("prompt:") and not self.reference.endswith(f" ({environment})")
        return Secret(f"{self.reference} ({environment})") if asks else self

    def in_folder(self, folder: Path) -> Secret:
        """Return the secret with the folder in which the search for a `.env` file starts."""
        if not self.reference.startswith(_DOTENV) or self.folder == folder:
            return self
        moved = Secret(self.reference)
        moved.folder = folder
        return moved

    @property
    def is_in_memory(self) -> bool:
        """Whether only this kernel has the value, so that no reference leads to it."""
        return self.reference.startswith(f"{_IN_MEMORY}:")

    @property
    def is_local(self) -> bool:
        """Whether the value is in memory or in the environment of this process, so that reading it is free."""
        return self._value is not None or self.reference.startswith("env:")

    @property
    def source(self) -> str:
        """A description of where the value comes from."""
        source, _, name = self.reference.partition(":")
        described = {"env": f"environment variable {name}", "dotenv": f".env, {name}", _IN_MEMORY: f"memory ({name})"}
        return described.get(source, f"{source} {name}")

    def __repr__(self) -> str:
        return f"<Secret {self.reference}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.reference, self._value) == (other.reference, other._value)

    def __hash__(self) -> int:
        return hash(self.reference)

    def __copy__(self) -> Secret:
        return self  # immutable, and the value should exist only once

    def __deepcopy__(self, memo: Any) -> Secret:
        return self

    def __reduce__(self) -> Any:
        if self._value is not None:
            raise TypeError("A secret that is held in memory cannot be pickled.")
        return (Secret, (self.reference,))


def require_reference(value: Any) -> None:
    """Raise SettingsError unless the value is a reference to a secret. The message does not repeat it."""
    if not Secret.is_reference(value) and not (isinstance(value, str) and value.startswith(f"{_IN_MEMORY}:")):
        raise SettingsError(
            "A secret is given by reference, and this is not one.",
            "Write env:NAME, dotenv:NAME, keyring:service/user or prompt:label, and keep the value itself there.",
        )


def _fetch(reference: str, folder: Path | None = None) -> str:
    value = look_up(reference, folder)
    if not value:
        raise SecretMissing(f"The secret {reference} has no value.", _todo(reference), reference=reference)
    return value


def look_up(reference: str, folder: Path | None = None) -> str | None:
    """Return the value at a reference, or None if there is none; `folder` is where the search for a `.env` starts."""
    source, _, name = reference.partition(":")
    if reference.startswith(_DOTENV):
        return _from_dotenv(name, folder)
    read = _SOURCES.get(source)
    return read(name) if read else None


def _todo(reference: str) -> str:
    """Return what to do if there is no value at a reference."""
    source, _, name = reference.partition(":")
    return _ADVICE[source].format(name, *name.partition("/"))


def _from_dotenv(name: str, folder: Path | None = None) -> str | None:
    """Return a value of the nearest `.env` file.

    Raises:
        SecretMissing: the file cannot be read. No frame of the traceback, and no error behind it, has its content.
    """
    start = (folder or Path.cwd()).absolute()
    path = next((p / ".env" for p in (start, *start.parents) if (p / ".env").is_file()), None)
    if path is None:
        return None
    value, problem = _read_dotenv(path, name)
    if problem:
        raise SecretMissing(f"{path} {problem}.", "Save it again as a text in UTF-8, readable for you.")
    return value


def _read_dotenv(path: Path, name: str) -> tuple[str | None, str]:
    """Return the value of a name in a `.env` file, and why it cannot be read, as a clause; an empty text if it can."""
    import dotenv  # imported at first use

    try:
        content = path.read_bytes()
    except OSError as error:
        return None, f"cannot be read ({error.strerror})"
    text, is_certain = _decode_dotenv(content)
    if "\0" in text:
        return None, "is not a text file"
    value = dotenv.dotenv_values(stream=io.StringIO(text)).get(name)
    if value is not None and not is_certain and not value.isascii():
        return None, f"is not in UTF-8, so the characters of {name} are not certain"
    return value, ""


def _decode_dotenv(content: bytes) -> tuple[str, bool]:
    """Return the text of a file, and whether its encoding is certain: it has a byte order mark, or it is in UTF-8.

    Editors on Windows also write UTF-16, some of them without a byte order mark; then every other byte is zero.
    """
    marked = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    charsets = [charset for mark, charset in marked if content.startswith(mark)]
    zeros = [bool(content[0::2].count(0)), bool(content[1::2].count(0))]
    if not charsets and any(zeros) and not all(zeros):
        charsets = ["utf-16-be" if zeros[0] else "utf-16-le"]
    for charset in [*charsets, "utf-8"]:
        text = content.decode(charset, "replace")
        if "\N{REPLACEMENT CHARACTER}" not in text:
            return text, True
    return content.decode("latin-1"), False


def _from_keyring(name: str) -> str | None:
    import keyring  # imported at first use: it searches for the services of the desktop
    import keyring.errors

    service, _, user = name.partition("/")
    try:
        return keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise SecretMissing(f"The keyring cannot be read ({error}).", "Use env: or dotenv: on this machine.") from error


_PROMPTED: dict[str, str] = {}
"""What the user typed, by label, so that each is asked once per kernel."""


def _from_prompt(name: str) -> str | None:
    if not _PROMPTED.get(name):
        with contextlib.suppress(EOFError, NotImplementedError):  # there is no user; ipykernel raises the latter
            _PROMPTED[name] = getpass.getpass(f"{name}: ")
    return _PROMPTED.get(name)


_SOURCES: dict[str, Callable[[str], str | None]] = {
    "env": os.environ.get,
    "dotenv": _from_dotenv,
    "keyring": _from_keyring,
    "prompt": _from_prompt,
}

_SOURCES_WITHOUT_QUESTIONS: dict[str, Callable[[str, Path | None], str | None]] = {
    "env": lambda name, folder: os.environ.get(name),
    "dotenv": _from_dotenv,
    "prompt": lambda name, folder: _PROMPTED.get(name),
}

_ADVICE = {
    "env": "Set the environment variable {} before you start Jupyter.",
    "dotenv": "Add the line {}=… to a file named .env beside the notebook.",
    "keyring": "Store it once: keyring set {1} {3}.",
    "prompt": "Enter {} when you are asked, or name another source.",
    _IN_MEMORY: "It ended with the kernel that held it: set it again.",
}

_PLAIN_SOURCES = ("env", "dotenv")
_REFERENCE_FIELDS = {"from", "secret"}


@dataclass(frozen=True)
class Reference(Placeholder):
    """Where a plain value is read from: `env:NAME` or `dotenv:NAME`. In a file: `{from: env:NAME, secret: false}`.

    Raises:
        SettingsError: the argument is not such a reference.
    """

    reference: str
    folder: Path = field(default_factory=current_folder, compare=False, repr=False)  # where the search starts

    def __post_init__(self) -> None:
        if not Secret.is_reference(self.reference) or self.reference.partition(":")[0] not in _PLAIN_SOURCES:
            raise SettingsError(
                "A value that is not secret is read from env:NAME or dotenv:NAME, and this is neither.",
                "Write {from: env:NAME, secret: false}, or the secret's reference alone.",
            )

    def read(self) -> str:
        """Return the current value, a text.

        Raises:
            SettingsError: there is no value at the reference.
        """
        found = look_up(self.reference, self.folder)
        if found is None:
            raise SettingsError(f"{self.reference} has no value.", _todo(self.reference), reference=self.reference)
        return found

    @property
    def display_value(self) -> str:
        """The current value, or that it is not set."""
        found = None
        with contextlib.suppress(SecretMissing):
            found = look_up(self.reference, self.folder)
        return f"({self.reference} is not set)" if found is None else found

    @property
    def file_value(self) -> dict[str, Any]:
        """How it is written in a file."""
        return {"from": self.reference, "secret": False}


def parse_variable(value: Any) -> Any:
    """Return the `Secret` or the `Reference` that a value of a file means, or the value itself.

    Raises:
        SettingsError: it is a malformed reference.
    """
    if Secret.is_reference(value):
        return Secret(value)
    if (
        not isinstance(value, Mapping)
        or not set(value) <= _REFERENCE_FIELDS
        or not Secret.is_reference(value.get("from"))
    ):
        return value
    secret = value.get("secret", True)
    if not isinstance(secret, bool):
        raise SettingsError(
            "`secret` of a variable is neither true nor false.", "Write {from: env:NAME, secret: false}."
        )
    return Secret(value["from"]) if secret else Reference(value["from"])

"""A plain value that is read from the operating system or a `.env` file when it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError
from .secret import Secret, advice_for, look_up

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


def typed(value: Any) -> Any:
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

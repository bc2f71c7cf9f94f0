"""The one place where a call's names become values, in stars or in the clear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .secret import MASK, Secret
from .settings import Environment
from .token import read_token
from .variables import Variables, resolve

Mode = Literal["shown", "named", "revealed"]
_MARK = re.compile(r"SECRET__(\w+?)__TERCES")


@dataclass(frozen=True)
class Values:
    """Resolves what a call still holds open.

    The mode says what a secret becomes: stars ("shown"), a mark that holds the name of a variable ("named", for
    snippets), or itself ("revealed", for the transport alone). `used` collects the secrets that were revealed, so that
    whoever sent them can keep them out of what is stored.
    """

    variables: Variables
    environment: Environment
    token_notes: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "shown"
    used: set[str] = field(default_factory=set, repr=False)

    def fill(self, data: Any) -> Any:
        """Plain data with its templates resolved.

        Raises:
            UnknownName: a variable does not exist.
            SecretMissing: a secret reference yields nothing.
        """
        return resolve(data, self.variables, self._secret)

    def credential(self, scheme: str) -> str | None:
        """The credential for a security scheme; None where the environment has none.

        Raises:
            SecretMissing: its reference yields nothing.
            TokenExpired: its own claims say that its time has passed.
        """
        secret = self.environment.secret_for(scheme)
        if secret is None:
            return None
        value = self._secret(secret)
        if self.mode == "revealed":
            read_token(value, self.token_notes).require_valid(secret.source)
        return value

    def _secret(self, secret: Secret) -> str:
        if self.mode == "shown":
            return MASK
        if self.mode == "named":
            return f"SECRET__{secret.variable}__TERCES"
        value = secret.reveal()
        self.used.add(value)
        return value


def split_named(text: str) -> list[str]:
    """A text built in the mode "named", cut at its marks: literal text and variable names in turn, text first."""
    return _MARK.split(text)

"""The one place where a call's names become values, in stars or in the clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .secret import MASK, Secret
from .settings import Environment
from .token import read_token
from .variables import Variables, resolve


@dataclass(frozen=True)
class Values:
    """Resolves what a call still holds open. Shown values are stars where a secret stands; revealed ones are sent.

    `used` collects the secrets that were revealed, so that whoever sent them can keep them out of what is stored.
    """

    variables: Variables
    environment: Environment
    token_notes: Mapping[str, Any] = field(default_factory=dict)
    reveal: bool = False
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
        if not self.reveal:
            return MASK
        value = self._secret(secret)
        read_token(value, self.token_notes).require_valid(secret.source)
        return value

    def _secret(self, secret: Secret) -> str:
        if not self.reveal:
            return MASK
        value = secret.reveal()
        self.used.add(value)
        return value

"""The one place where a call's names become values, in stars or in the clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .secret import MASK, Secret
from .settings import Environment
from .token import read_token
from .variables import Variables, resolve

Mode = Literal["shown", "named", "revealed"]
_MARK = re.compile(r"SECRET__(\w+?)__TERCES", re.ASCII)  # a name of ours is ASCII, so that no neighbour joins it


class Drawn:
    """The dynamic values of one request, in order: what is shown has the same ones as what is sent."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._values = list(values)
        self._next = 0

    def again(self) -> Drawn:
        """The same values, from the first one on."""
        return Drawn(self._values)

    def draw(self, make: Callable[[], Any]) -> Any:
        """The next value; it is made where there is none yet."""
        if self._next == len(self._values):
            self._values.append(make())
        self._next += 1
        return self._values[self._next - 1]


class _Drawing:
    """Variables whose dynamic values are drawn once."""

    def __init__(self, variables: Variables, drawn: Drawn) -> None:
        self._variables, self._drawn = variables, drawn

    def value_of(self, name: str) -> Any:
        if name.startswith("$"):
            return self._drawn.draw(lambda: self._variables.value_of(name))
        return self._variables.value_of(name)

    def known(self) -> Iterable[str]:
        return self._variables.known()


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
    drawn: Drawn = field(default_factory=lambda: Drawn(), repr=False)

    def fill(self, data: Any) -> Any:
        """Plain data with its templates resolved.

        Raises:
            UnknownName: a variable does not exist.
            SecretMissing: a secret reference yields nothing.
        """
        return resolve(data, _Drawing(self.variables, self.drawn), self._secret)

    def credential(self, scheme: str) -> str | None:
        """The credential for a security scheme; None where the environment has none.

        Raises:
            SecretMissing: its reference yields nothing.
            TokenExpired: its own claims say that its time has passed.
        """
        secret = self.environment.secret_for(scheme)
        if secret is None:
            return None
        value = str(self._secret(secret))
        if self.mode == "revealed":
            read_token(value, self.token_notes).require_valid(secret.source)
        return value

    def _secret(self, secret: Secret) -> Any:
        if self.mode == "shown":
            return MASK
        if self.mode == "named":
            return f"SECRET__{secret.variable}__TERCES"
        if self.environment.base_url:
            self.environment.require_home(self.environment.base_url)  # before it is revealed, so that no frame holds it
        self.used.add(secret.reveal())
        return secret.typed()


def split_named(text: str) -> list[str]:
    """A text built in the mode "named", cut at its marks: literal text and variable names in turn, text first."""
    return _MARK.split(text)

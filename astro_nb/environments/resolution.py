"""The one place where a call's names become values, in stars or in the clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import SettingsError
from ..secrets.references import MASK, Secret
from ..templates import is_response_reference, resolve
from .environment import METHODS, Environment, Grant, kind_of, plain_or_secret, scopes_of
from .tokens import require_valid
from .variables import Variables

Mode = Literal["masked", "named", "revealed"]
_MARK = re.compile(r"SECRET__(\w+?)__TERCES", re.ASCII)  # a name of ours is ASCII, so that no neighbour joins it


class DynamicValues:
    """The dynamic values of one request, in order: what is shown has the same ones as what is sent."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._values = list(values)
        self._next = 0

    def again(self) -> DynamicValues:
        """The same values, from the first one on."""
        return DynamicValues(self._values)

    def draw(self, make: Callable[[], Any]) -> Any:
        """The next value; it is made where there is none yet."""
        if self._next == len(self._values):
            self._values.append(make())
        self._next += 1
        return self._values[self._next - 1]


class _Drawing:
    """Variables whose dynamic values are drawn once, and the answers that a template refers to."""

    def __init__(self, variables: Variables, drawn: DynamicValues, answer: Callable[[str], Any] | None) -> None:
        self._variables, self._drawn, self._answer = variables, drawn, answer

    def value_of(self, name: str) -> Any:
        if self._answer is not None and is_response_reference(name):
            return self._answer(name)
        if name.startswith("$"):
            return self._drawn.draw(lambda: self._variables.value_of(name))
        return self._variables.value_of(name)

    def known(self) -> Iterable[str]:
        return self._variables.known()


@dataclass(frozen=True)
class Resolver:
    """Resolves what a call still holds open.

    The mode says what a secret becomes: stars ("masked"), a mark that holds the name of a variable ("named", for
    snippets), or itself ("revealed", for the transport alone). `used` collects the secrets that were revealed, so that
    whoever sent them can keep them out of what is stored; `grants` those for which the client has to get a token.
    `answer` gives what a template such as `{{responses.GetThing.name}}` refers to.
    """

    variables: Variables
    environment: Environment
    mode: Mode = "masked"
    revealed: set[str] = field(default_factory=set, repr=False)
    grants: list[Grant] = field(default_factory=list, repr=False)
    drawn: DynamicValues = field(default_factory=lambda: DynamicValues(), repr=False)
    answer: Callable[[str], Any] | None = field(default=None, repr=False)

    def __reduce__(self) -> Any:
        raise TypeError("Values hold secrets: they are neither copied nor pickled.")

    def resolve(self, data: Any) -> Any:
        """Plain data with its templates resolved.

        Raises:
            UnknownName: a variable does not exist.
            SecretMissing: a secret reference yields nothing.
        """
        return resolve(data, _Drawing(self.variables, self.drawn, self.answer), self._secret, self.variables.hint)

    def credential(self, scheme: str) -> str | None:
        """The credential for a security scheme; None where the environment has none.

        Raises:
            SecretMissing: its reference yields nothing.
            TokenExpired: its own claims say that its time has passed.
        """
        given = self.environment.credential_for(scheme)
        secret = self.environment.secret_for(scheme)
        if secret is None:
            return None
        if isinstance(given, Mapping):
            return self._login(scheme, given, secret)
        value = str(self._secret(secret))
        if self.mode == "revealed":
            require_valid(value, secret.source)
        return value

    def grant(self, scheme: str, url: str = "") -> str:
        """Have the client get a token for a scheme: an empty text, or what stands for the token where it is shown.

        Args:
            scheme: its name.
            url: the token endpoint that the document names; the environment's own goes before it.

        Raises:
            SettingsError: no endpoint is known, or it is none of the environment's hosts.
        """
        given = self.environment.credential_for(scheme)
        if self.mode != "revealed" or not isinstance(given, Mapping):
            return {"masked": MASK}.get(self.mode) or _marked(Secret.in_memory("", f"{scheme} token").variable)
        url = str(given.get("token_url") or url)
        if not url:
            raise SettingsError(
                f"No address is known that gives tokens for {scheme}.", "Add `token_url` to the credential."
            )
        self.environment.require_allowed_host(url)
        client, secret = str(self._text(given["client_id"])), str(self._text(given["client_secret"]))
        self.grants.append(Grant(url, client, secret, scopes_of(given), str(given.get("method") or METHODS[0])))
        return ""

    def _login(self, scheme: str, given: Mapping[str, Any], secret: Secret) -> str:
        """User and password as one secret."""
        if kind_of(given) == "client_id":
            raise SettingsError(f"{scheme} takes no tokens of a client.", "Give its credential as one secret.")
        user, password = self._text(given["username"]), self._secret(secret)
        if self.mode == "masked":
            return MASK
        if self.mode == "revealed":
            self.revealed.add(f"{user}:{password}")
        return f"{user}:{password}"

    def _text(self, given: Any) -> Any:
        found = plain_or_secret(given)
        return self._secret(found) if isinstance(found, Secret) else found

    def _secret(self, secret: Secret) -> Any:
        if self.mode == "masked":
            return MASK
        if self.mode == "named":
            return _marked(secret.variable)
        if self.environment.base_url:
            self.environment.require_allowed_host(
                self.environment.base_url
            )  # before it is revealed, so that no frame holds it
        self.revealed.add(secret.reveal())
        return secret.json_value()


def _marked(variable: str) -> str:
    return f"SECRET__{variable}__TERCES"


def split_at_secrets(text: str) -> list[str]:
    """A text built in the mode "named", cut at its marks: literal text and variable names in turn, text first."""
    return _MARK.split(text)

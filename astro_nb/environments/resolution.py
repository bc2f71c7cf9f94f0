"""The one place where the names in a call become values, masked or revealed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import SettingsError
from ..secrets import MASK, Secret
from ..templates import is_response_reference, resolve
from .environment import METHODS, Environment, Grant, credential_type, require_valid, scopes_of, text_or_secret
from .variables import Provenance, Variables

Mode = Literal["masked", "named", "revealed"]
"""What a secret becomes: the mask, for display; a marker with the name of a variable, for generated code; its value."""

_MARKER = re.compile(r"SECRET__(\w+?)__TERCES", re.ASCII)  # variable names are ASCII, so no neighbour can extend one


class DynamicValues:
    """The dynamic values of one request, in order: the request that is shown has the same ones as the one sent."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._values = list(values)
        self._next = 0

    def replay(self) -> DynamicValues:
        """Return the same values, from the first one on."""
        return DynamicValues(self._values)

    def next(self, generate: Callable[[], Any]) -> Any:
        """Return the next value; it is generated if there is none yet."""
        if self._next == len(self._values):
            self._values.append(generate())
        self._next += 1
        return self._values[self._next - 1]


class _Lookup:
    """Variables, dynamic values and values of responses, by name."""

    def __init__(
        self,
        variables: Variables,
        dynamic: DynamicValues,
        response_value: Callable[[str], Any] | None,
        provenance: dict[str, Provenance],
    ) -> None:
        self._variables, self._dynamic, self._response_value = variables, dynamic, response_value
        self._provenance = provenance

    def value_of(self, name: str) -> Any:
        if self._response_value is not None and is_response_reference(name):
            return self._response_value(name)
        if name.startswith("$"):
            return self._dynamic.next(lambda: self._variables.value_of(name))
        variable = next(iter(self._variables.all(name)), None)
        if variable is None:
            raise KeyError(name)
        if variable.provenance is not None:
            self._provenance[name] = variable.provenance
        return variable.value

    def known(self) -> Iterable[str]:
        return self._variables.known()


@dataclass(frozen=True)
class Resolver:
    """Resolves the templates and credentials of one request.

    Attributes:
        variables: the variables.
        environment: where the request goes, and its credentials.
        mode: what a secret becomes.
        revealed: the secrets that were revealed, so that they can be redacted from what is stored.
        grants: the OAuth grants for which the client has to get a token before it sends.
        dynamic: the dynamic values.
        response_value: returns the value of a template such as `{{responses.GetThing.name}}`.
        provenance: where the values of the variables that were resolved came from, by name, as far as it is known.
    """

    variables: Variables
    environment: Environment
    mode: Mode = "masked"
    revealed: set[str] = field(default_factory=set, repr=False)
    grants: list[Grant] = field(default_factory=list, repr=False)
    dynamic: DynamicValues = field(default_factory=lambda: DynamicValues(), repr=False)
    response_value: Callable[[str], Any] | None = field(default=None, repr=False)
    provenance: dict[str, Provenance] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> Any:
        raise TypeError("A Resolver holds secrets: it cannot be copied or pickled.")

    def resolve(self, data: Any) -> Any:
        """Return nested data with its templates resolved.

        Raises:
            UnknownName: a variable does not exist.
            SecretMissing: a secret has no value.
        """
        lookup = _Lookup(self.variables, self.dynamic, self.response_value, self.provenance)
        return resolve(data, lookup, self._secret, self.variables.hint)

    def credential(self, scheme: str) -> str | None:
        """Return the credential for a security scheme; None if the environment has none.

        Raises:
            SecretMissing: its reference has no value.
            TokenExpired: it has expired according to its own claims.
        """
        given, secret = self.environment.credential_for(scheme), self.environment.secret_for(scheme)
        if secret is None:
            return None
        if isinstance(given, Mapping):
            return self._login(scheme, given, secret)
        value = str(self._secret(secret))
        if self.mode == "revealed":
            require_valid(value, secret.source)
        return value

    def grant(self, scheme: str, url: str = "") -> str:
        """Have the client get a token for a scheme before it sends.

        Args:
            scheme: the name of the security scheme.
            url: the token endpoint in the document; the environment's own has priority.

        Returns:
            An empty text, or a placeholder for the token in a request that is not sent.

        Raises:
            SettingsError: no endpoint is known, or its host is not one of the environment's.
        """
        given = self.environment.credential_for(scheme)
        if self.mode == "named":
            return _marker(Secret.in_memory("", f"{scheme} token").variable)
        if self.mode != "revealed" or not isinstance(given, Mapping):
            return MASK
        url = str(given.get("token_url") or url)
        if not url:
            raise SettingsError(f"No token endpoint is known for {scheme}.", "Add `token_url` to the credential.")
        self.environment.require_allowed_host(url)
        client, secret = str(self._text(given["client_id"])), str(self._text(given["client_secret"]))
        self.grants.append(Grant(url, client, secret, scopes_of(given), str(given.get("method") or METHODS[0])))
        return ""

    def _login(self, scheme: str, given: Mapping[str, Any], secret: Secret) -> str:
        """Return user and password as one secret."""
        if credential_type(given) == "client_id":
            raise SettingsError(f"{scheme} takes no tokens of a client.", "Give its credential as one secret.")
        user, password = self._text(given["username"]), self._secret(secret)
        if self.mode == "masked":
            return MASK
        if self.mode == "revealed":
            self.revealed.add(f"{user}:{password}")
        return f"{user}:{password}"

    def _text(self, given: Any) -> Any:
        value = text_or_secret(given)
        value = value.in_folder(self.environment.folder) if isinstance(value, Secret) else value
        return self._secret(value) if isinstance(value, Secret) else value

    def _secret(self, secret: Secret) -> Any:
        if self.mode == "named":
            return _marker(secret.variable)
        if self.mode != "revealed":
            return MASK
        if self.environment.base_url:  # checked before it is revealed, so that no frame of a traceback holds it
            self.environment.require_allowed_host(self.environment.base_url)
        self.revealed.add(secret.reveal())
        return secret.json_value()


def _marker(variable: str) -> str:
    return f"SECRET__{variable}__TERCES"


def split_at_secrets(text: str) -> list[str]:
    """Split a text that was built in the mode "named": literal text and variable names in turn, text first."""
    return _MARKER.split(text)

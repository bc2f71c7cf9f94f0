"""Work of many calls that is held to the place where it began.

As whom requests go: the environment, its credentials, and those that were pasted for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime

from ..environments import Environment, TokenFacts, Variables, read_token
from ..errors import SecretMissing, SettingsError, UnknownName
from ..openapi import Operation, Spec
from ..permissions import TokenPanel, token_panel
from ..secrets import Secret
from ..serialization import security_choices

Place = tuple[str, str | None]
"""The name and the address of an environment."""

_held: ContextVar[tuple[object, Place] | None] = ContextVar("held", default=None)


@contextmanager
def held_to(session: object, place: Place) -> Iterator[None]:
    """Within it, `require_held` refuses what that session would send to any other place."""
    token = _held.set((session, place))
    try:
        yield
    finally:
        _held.reset(token)


def require_held(session: object, place: Place) -> None:
    """Raise where work that began in another place goes on here.

    Raises:
        SettingsError: the environment was changed meanwhile; nothing was sent.
    """
    held = _held.get()
    if held is None or held[0] is not session or held[1] == place:
        return
    (name, address), (other, elsewhere) = held[1], place
    raise SettingsError(
        f"The environment was changed to {other!r} at {elsewhere}, but this began in {name!r} at {address}: "
        "nothing of it is sent there.",
        "Change back, and call it again.",
    )


class Authenticated:
    """A document and an environment, and as whom requests go there."""

    def __init__(self, spec: Spec, environment: Environment, variables: Variables) -> None:
        self.spec = spec
        self.environment = environment
        self.variables = variables
        self._pasted: dict[tuple[str, str | None], dict[str, Secret]] = {}  # by environment and server
        self._fill_variables()

    def token_secret(self) -> Secret | None:
        """The secret that authenticates requests, or None where the environment has none."""
        secrets = (self.effective_environment.secret_for(name) for name in [*self.spec.scheme_names, "token"])
        return next((secret for secret in secrets if secret), None)

    def token_facts(self) -> TokenFacts | None:
        """What the token says of itself; None where there is none."""
        secret = self.token_secret()
        try:
            return read_token(secret.reveal(), self.spec.extensions.token) if secret else None
        except SecretMissing:
            return None

    def token_panel(self) -> TokenPanel:
        """What is known of the token, for display; never the token."""
        return token_panel(self.token_secret(), self.token_facts(), self.bindings)

    @property
    def bindings(self) -> tuple[str, ...]:
        """The names of the ids that a token may be bound to, the widest first, where the overlay knows them."""
        return self.spec.extensions.token.variables if self.spec.extensions.token else ()

    def set_credential(self, scheme: str, secret_text: str) -> None:
        """Hold a pasted credential for a security scheme, in memory and for this environment: it goes before its own.

        Raises:
            UnknownName: the document has no such scheme.
            SettingsError: the text is empty.
        """
        require_scheme(self.spec, scheme, secret_text)
        pasted = self._pasted.setdefault(self._place, {})
        pasted[scheme] = Secret.in_memory(secret_text, scheme)
        self._fill_variables()

    def drop_credential(self, scheme: str) -> None:
        """Forget what was pasted for a scheme; nothing happens where nothing was."""
        self._pasted.get(self._place, {}).pop(scheme, None)
        self._fill_variables()

    def security_choices(self, operation: Operation) -> list[tuple[str, str | None, bool]]:
        """The ways to authenticate an operation: in words, as `Call.security` has it, and whether it can be met."""
        return [
            (choice.label, choice.value, choice.is_available)
            for choice in security_choices(operation, self.effective_environment)
        ]

    def lacking_credentials(self, operation: Operation) -> dict[str, str]:
        """The schemes of an operation that have no credential, each with the words of what to paste."""
        return {
            name: words
            for choice in security_choices(operation, self.effective_environment)
            for name, words in choice.missing
        }

    @property
    def effective_environment(self) -> Environment:
        """The environment with what was pasted for it."""
        pasted = self._pasted.get(self._place) if self._pasted else None
        if not pasted:
            return self.environment
        return replace(self.environment, credentials={**self.environment.credentials, **pasted})

    def pin_environment(self) -> AbstractContextManager[None]:
        """Within it, nothing is sent to another environment than this one, whoever changes it meanwhile."""
        return held_to(self, self._place)

    @property
    def _place(self) -> tuple[str, str | None]:
        return self.environment.name, self.environment.base_url

    def _fill_variables(self) -> None:
        self._since = datetime.now(UTC)
        self.variables.fill_scope("environment", self.environment.parsed_variables(), self.environment.name)
        facts = self.token_facts() if self.spec.extensions.token else None
        self.variables.fill_scope("token", facts.variables if facts else {}, "the token's claims")

    def _values_near(self, typed: bool = False) -> set[str]:
        """The values of this session's secrets that lie in memory, or of those of them alone that were typed."""
        pasted = (secret for place in self._pasted.values() for secret in place.values())
        secrets = [secret for secret in (*self.variables.secrets(), *pasted) if secret.is_local]
        return {s.value_if_available() for s in secrets if not typed or (s.is_in_memory and not s.is_captured)} - {""}


def require_scheme(spec: Spec, scheme: str, secret_text: str) -> None:
    """Raise unless the document has that security scheme (or it is `token`), and there is something to hold for it."""
    if scheme not in (*spec.scheme_names, "token"):
        raise UnknownName("security scheme", scheme, spec.scheme_names)
    if not secret_text.strip():
        raise SettingsError(f"Nothing was given for {scheme}.", "Paste the credential itself.")

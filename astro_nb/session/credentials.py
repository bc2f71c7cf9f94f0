"""Where requests are sent, and with which credentials: the environment, and what was pasted for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from ..environments import Environment, TokenFacts, Variables, read_token
from ..errors import SecretMissing, SettingsError, UnknownName
from ..openapi import Operation, SecurityScheme, Spec
from ..permissions import TokenPanel, token_panel
from ..secrets import Secret
from ..serialization import SecurityChoice, require_value, security_choices


class Target(NamedTuple):
    """The name and the base URL of an environment: secrets that are held for one target are not sent to another."""

    name: str
    base_url: str | None


_pinned: ContextVar[tuple[Credentials, Target] | None] = ContextVar("pinned", default=None)
"""The target that long-running work started with, and whose it is."""


class Credentials:
    """An environment, its credentials, and credentials that were pasted for it.

    It fills two scopes of the variables: "environment" with the environment's own variables, and "token" with those
    from the token's claims.

    Attributes:
        environment: the environment as it was loaded; change it with `switch`.
        since: when the current credentials came into use.
    """

    def __init__(self, spec: Spec, environment: Environment, variables: Variables) -> None:
        self.environment = environment
        self.since = datetime.now(UTC)
        self._spec, self._variables = spec, variables
        self._pasted: dict[Target, dict[str, Secret]] = {}
        self._fill_variables()

    def __repr__(self) -> str:
        return f"<Credentials of {self.environment.name}>"

    @property
    def target(self) -> Target:
        """The name and the base URL of the environment."""
        return Target(self.environment.name, self.environment.base_url)

    @property
    def effective_environment(self) -> Environment:
        """The environment with the pasted credentials, which take precedence over its own."""
        pasted = self._pasted.get(self.target) if self._pasted else None
        if not pasted:
            return self.environment
        return replace(self.environment, credentials={**self.environment.credentials, **pasted})

    def switch(self, environment: Environment) -> None:
        """Use another environment. Pasted credentials are kept for the one that they were pasted for."""
        self.environment = environment
        self._fill_variables()

    def add(self, scheme: str, secret_text: str | Secret) -> None:
        """Hold a credential for a security scheme in memory. It takes precedence over the environment's own.

        Args:
            scheme: the name of a security scheme of the document, or "token".
            secret_text: the credential; a `Secret` is read now.

        Raises:
            UnknownName: the document has no such scheme.
            SettingsError: it is empty, no text, or of another kind than the scheme takes.
        """
        if scheme not in (*self._spec.scheme_names, "token"):
            raise UnknownName("security scheme", scheme, self._spec.scheme_names)
        text = secret_text.reveal() if isinstance(secret_text, Secret) else secret_text
        if not isinstance(text, str):
            raise SettingsError(f"The credential for {scheme} is no text.", "Paste the credential itself, in quotes.")
        require_value(self._scheme(scheme), text.strip() if self._scheme(scheme).kind != "basic" else text)
        self._pasted.setdefault(self.target, {})[scheme] = Secret.in_memory(text, scheme)
        self._fill_variables()

    def _scheme(self, name: str) -> SecurityScheme:
        """The security scheme of that name; a bearer token for `token`, unless the document has one of that name."""
        known = name in self._spec.scheme_names
        return self._spec.scheme(name, []) if known else SecurityScheme(name, "bearer")

    def remove(self, scheme: str) -> None:
        """Remove the pasted credential for a security scheme, if there is one."""
        self._pasted.get(self.target, {}).pop(scheme, None)
        self._fill_variables()

    def choices(self, operation: Operation) -> tuple[SecurityChoice, ...]:
        """Return the ways to authenticate a request, and which credentials each of them lacks."""
        return security_choices(operation, self.effective_environment)

    # --- the token ----------------------------------------------------------------------------------------------------

    def token_secret(self) -> Secret | None:
        """Return the secret that authenticates requests; None if the environment has none."""
        environment = self.effective_environment
        secrets = (environment.secret_for(name) for name in [*self._spec.scheme_names, "token"])
        return next((secret for secret in secrets if secret), None)

    def token_facts(self) -> TokenFacts | None:
        """Return what the token's claims say; None if there is no token."""
        secret = self.token_secret()
        try:
            return read_token(secret.reveal(), self._spec.extensions.token) if secret else None
        except SecretMissing:
            return None

    def token_panel(self) -> TokenPanel:
        """Return what is known about the token, for display; never the token itself."""
        return token_panel(self.token_secret(), self.token_facts(), self.token_variables)

    @property
    def token_variables(self) -> tuple[str, ...]:
        """The names of the ids that a token may be restricted to, the widest scope first."""
        token = self._spec.extensions.token
        return token.variables if token else ()

    # --- secrets ------------------------------------------------------------------------------------------------------

    def secret_values(self, typed_only: bool = False) -> set[str]:
        """Return the values of all secrets that can be had without a prompt, or only of those that were typed."""
        pasted = (secret for secrets in list(self._pasted.values()) for secret in list(secrets.values()))
        secrets = [secret for secret in (*self._variables.secrets(), *pasted) if secret.is_local]
        wanted = (s for s in secrets if not typed_only or (s.is_in_memory and not s.is_captured))
        return {secret.value_if_available() for secret in wanted} - {""}

    def _fill_variables(self) -> None:
        self.since = datetime.now(UTC)
        variables, environment = self._variables, self.environment
        variables.fill_scope("environment", environment.parsed_variables(), environment.name)
        facts = self.token_facts() if self._spec.extensions.token else None
        variables.fill_scope("token", facts.variables if facts else {}, "the token's claims")

    # --- long-running work --------------------------------------------------------------------------------------------

    @contextmanager
    def pin_environment(self) -> Iterator[None]:
        """Within this block, `require_pinned` raises if the environment was switched in the meantime."""
        token = _pinned.set((self, self.target))
        try:
            yield
        finally:
            _pinned.reset(token)

    def require_pinned(self) -> None:
        """Raise if this code runs within `pin_environment`, and the environment is another one now.

        Raises:
            SettingsError: the environment was switched; nothing was sent.
        """
        pinned = _pinned.get()
        if pinned is None or pinned[0] is not self or pinned[1] == self.target:
            return
        began, now = pinned[1], self.target
        raise SettingsError(
            f"The environment was switched to {now.name!r} at {now.base_url}, but this was started in {began.name!r} "
            f"at {began.base_url}: nothing was sent.",
            f"Switch back to {began.name!r}, and call it again.",
        )

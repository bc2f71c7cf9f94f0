"""An environment, a document, a client and a history, put together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..environments import Environment, Variables, load_environment
from ..history import FOLDER, History
from ..http import Client, Retries
from ..openapi import Spec, load
from ..secrets import Secret
from ..session import Session
from .workbench import Workbench

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient


SANDBOX_URL = "ASTRO_NB_SANDBOX_URL"
"""Operating-system variable with the address of a sandbox that runs already; `astro-nb lab` sets it."""


SANDBOX_SPEED = 10.0
"""How many times faster than life the embedded sandbox runs: a Deployment is created in seconds, not in minutes."""


def connect(
    environment: str | Environment | None = None,
    *,
    spec: Any = None,
    base_url: str | None = None,
    token: str | Secret | None = None,
    overlay: Any = None,
    variables: Mapping[str, Any] | None = None,
    history: str | Path | None = FOLDER,
    retries: Retries | None = None,
    transport: Any = None,
    seed: int | None = None,
) -> Workbench:
    """A workbench for an API.

    Args:
        environment: the name of an environment (built in: "sandbox", the default, and "astro"), or one made in Python.
        spec: another document: a path, a URL, a dict, a text.
        base_url: the server; by default the environment's, else the document's first.
        token: a secret reference such as "env:MY_TOKEN", or a `Secret`.
        overlay: what the document leaves unsaid; by default the overlay beside it.
        variables: session variables to begin with.
        history: the folder of the history; None keeps it in memory.
        retries: what is tried again, and how long.
        transport: an httpx transport in place of the network.
        seed: what random values such as `{{$uuid}}` follow, for runs that can be repeated.

    Raises:
        DocumentError: the document cannot be used.
        SettingsError: the environment is not set up, or its token has expired.
        UnknownName: there is no such environment.
    """
    chosen = _environment(environment, spec, base_url, token)
    client = Client(chosen.timeout, retries, transport)
    document = load(spec if spec is not None else chosen.spec, overlay or chosen.overlay, client.fetch)
    kept = History(document, Path(history) / f"{_slug(document.title)}.sqlite" if history is not None else None)
    return _opened(chosen, document, Variables(seed, session=dict(variables or {})), client, kept)


def _opened(chosen: Environment, spec: Spec, variables: Variables, client: Client, history: History) -> Workbench:
    """The workbench; where its token turns out to have expired, what was started for it is stopped again."""
    placed, sandbox = _placed(chosen, spec)
    if sandbox is not None:
        client.bypass_proxy(placed.base_url or "")
    workbench = Workbench(Session(spec, placed, variables, client, history), sandbox)
    try:
        workbench.environments.fill_shared(variables)
        _require_valid_token(workbench.session)
    except BaseException:
        workbench.close()
        raise
    return workbench


def _environment(
    given: str | Environment | None, spec: Any, base_url: str | None, token: str | Secret | None
) -> Environment:
    if given is None and (spec is not None or base_url is not None):
        given = Environment("default")
    chosen = given if isinstance(given, Environment) else load_environment(given or "sandbox")
    chosen = replace(chosen, base_url=base_url) if base_url else chosen
    return replace(chosen, credentials={**chosen.credentials, "token": token}) if token else chosen


def _placed(environment: Environment, spec: Spec) -> tuple[Environment, Sandbox | SandboxClient | None]:
    """The environment with its base URL known; the sandbox is started, or found, where it is meant."""
    if environment.base_url != "sandbox":
        return environment.with_base_url(environment.base_url or (spec.servers or ("",))[0]), None
    from ..sandbox import Sandbox, SandboxClient

    running = os.environ.get(SANDBOX_URL)
    sandbox = SandboxClient(running) if running else Sandbox(spec, speed=SANDBOX_SPEED).start()
    credentials = environment.credentials or {"token": Secret.in_memory(sandbox.token(), "SANDBOX_TOKEN")}
    return replace(environment, credentials=credentials).with_base_url(sandbox.url), sandbox


def _require_valid_token(session: Session) -> None:
    facts, secret = session.token_facts(), session.token_secret()
    if facts and secret:
        facts.require_valid(secret.source)


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "api"

"""Connect to an API: read the environment and the document, start the sandbox if it is needed, open a session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..environments import Environment, Variables, load_environment
from ..errors import SettingsError
from ..files import current_folder, local_path
from ..history import FOLDER, History, history_path
from ..http import Client, Retries
from ..openapi import Spec, load
from ..secrets import Secret
from ..session import Credentials, open_session
from .workbench import Workbench

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient

SANDBOX_URL = "ASTRO_NB_SANDBOX_URL"
"""Environment variable of the operating system with the URL of a running sandbox; `astro-nb lab` sets it."""

SANDBOX_SPEED = 10.0
"""How many times faster than real time the embedded sandbox runs: a Deployment is created in seconds."""


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
    """Return a workbench for an API.

    Args:
        environment: the name of an environment (built in are "sandbox", the default, and "astro"), or an `Environment`.
        spec: another document: a path, a URL, a dict, or the text itself.
        base_url: the server; by default the environment's, or else the document's first one.
        token: a secret reference such as "env:MY_TOKEN", or a `Secret`.
        overlay: an OpenAPI Overlay for the document; by default the one in its folder.
        variables: initial session variables.
        history: the folder of the history, which has a file for each document and server; None keeps it in memory. A
            relative one, like the folders of environments and `.env` files, is in the current folder, and stays there
            if that changes.
        retries: how often and for how long failed requests are repeated.
        transport: an httpx transport to use instead of the network.
        seed: makes random values such as `{{$uuid}}` repeatable.

    Raises:
        DocumentError: the document cannot be used.
        SettingsError: the environment is incomplete, or its token has expired.
        UnknownName: there is no such environment.
    """
    chosen = _choose_environment(environment, spec, base_url, token)
    client = Client(chosen.timeout, retries, transport)
    source = spec if spec is not None else chosen.spec
    document = load(source, overlay or chosen.overlay, client.fetch)
    folder = current_folder() / local_path(history).expanduser() if history is not None else None
    path = history_path(folder, document, source, _server_of(chosen, document)) if folder is not None else None
    return _open_workbench(
        chosen, document, Variables(seed, session=dict(variables or {})), client, History(document, path)
    )


def _open_workbench(
    environment: Environment, spec: Spec, variables: Variables, client: Client, history: History
) -> Workbench:
    """Return the workbench. If its token has expired, everything that was started is stopped."""
    located, sandbox = _locate_server(environment, spec)
    if sandbox is not None:
        client.bypass_proxy(located.base_url or "")
    workbench = Workbench(open_session(spec, located, variables, client, history), sandbox)
    try:
        workbench.environments.fill_shared(variables)
        _require_valid_token(workbench.session.credentials)
    except BaseException:
        workbench.close()
        raise
    return workbench


def _choose_environment(
    given: str | Environment | None, spec: Any, base_url: str | None, token: str | Secret | None
) -> Environment:
    if given is None and (spec is not None or base_url is not None):
        given = Environment("default")
    chosen = given if isinstance(given, Environment) else load_environment(given or "sandbox")
    chosen = replace(chosen, base_url=base_url) if base_url else chosen
    if set("{}") & set(chosen.base_url or ""):
        raise SettingsError(
            f"The base URL {chosen.base_url!r} has braces: variables are not resolved in it.",
            "Write the address out: one environment for each server.",
        )
    return replace(chosen, credentials={**chosen.credentials, "token": token}) if token else chosen


def _server_of(environment: Environment, spec: Spec) -> str:
    """Return the environment's server, or else the document's first one."""
    first = next(iter(spec.server_list), None)
    return environment.base_url or (first.fill_chosen(environment.server_variables) if first else "")


def _locate_server(environment: Environment, spec: Spec) -> tuple[Environment, Sandbox | SandboxClient | None]:
    """Return the environment with a base URL, and the sandbox, started or already running, if that is the server."""
    if environment.base_url != "sandbox":
        return environment.with_base_url(_server_of(environment, spec)), None
    from ..sandbox import Sandbox, SandboxClient

    running = os.environ.get(SANDBOX_URL)
    sandbox = SandboxClient(running) if running else Sandbox(spec, speed=SANDBOX_SPEED).start()
    credentials = environment.credentials or {"token": Secret.in_memory(sandbox.token(), "SANDBOX_TOKEN")}
    return replace(environment, credentials=credentials).with_base_url(sandbox.url), sandbox


def _require_valid_token(credentials: Credentials) -> None:
    facts, secret = credentials.token_facts(), credentials.token_secret()
    if facts and secret:
        facts.require_valid(secret.source)

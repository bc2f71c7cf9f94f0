"""An environment: where requests go, as whom, and with which variables; kept as a plain YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ..errors import NewerFormat, SecretRefused, SettingsError, UnknownName
from ..files import write_atomically
from .secret import Secret

FORMAT = 1
FOLDER = Path("environments")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Environment:
    """Where requests go, as whom, and with which variables.

    Attributes:
        name: for people, and for `connect(name)`.
        spec: the document, as for `spec.load`.
        base_url: the server; None for the document's first, "sandbox" for the embedded one.
        production: whether unsafe methods ask first, and the explorer looks unmistakable.
        color: a CSS colour for the bar; None for the default of the kind.
        credentials: secret references by security scheme; `token` serves every bearer scheme.
        variables: plain values by name; a secret reference such as `keyring:astro/db` makes a secret variable.
        headers: sent with every request; templates are allowed.
        hosts: further hosts that may see the secrets.
        timeout: seconds allowed to connect, and between two pieces of an answer.
        notes: the overlay, where it does not lie beside the document.
    """

    name: str
    spec: str = "astro-v1"
    base_url: str | None = None
    production: bool = False
    color: str | None = None
    credentials: Mapping[str, str | Secret] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    timeout: Mapping[str, float] = field(default_factory=lambda: {"connect": 10.0, "read": 60.0})
    overlay: str | None = None

    def at(self, base_url: str) -> Environment:
        """The same environment with its base URL known."""
        return replace(self, base_url=base_url.rstrip("/"))

    def typed_variables(self) -> dict[str, Any]:
        """The variables, secret references turned into secrets."""
        return {k: Secret(v) if Secret.is_reference(v) else v for k, v in self.variables.items()}

    def secret_for(self, scheme: str) -> Secret | None:
        """The secret for a security scheme: the one of its name, else `token`."""
        reference = self.credentials.get(scheme) or self.credentials.get("token")
        return Secret(reference) if isinstance(reference, str) else reference

    def require_home(self, url: str) -> None:
        """Raise SecretRefused when a secret may not be sent to `url`: another host, or plain HTTP beyond loopback."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        home = urlsplit(self.base_url or "")
        allowed = {(home.hostname or "").lower(), *(h.lower() for h in self.hosts)}
        if host not in allowed:
            raise SecretRefused(
                f"A secret of the environment {self.name!r} was about to be sent to {host}: nothing was sent.",
                f"If it is meant to see them, add it to `hosts` (now: {', '.join(sorted(filter(None, allowed)))}).",
                host=host,
            )
        if parts.scheme != "https" and host not in _LOOPBACK:
            raise SecretRefused(
                f"A secret was about to be sent to {host} over plain HTTP: nothing was sent.", "Use https://."
            )


_BUILT_IN = {
    "sandbox": Environment("sandbox", base_url="sandbox", color="#2e7d32", credentials={}),
    "astro": Environment("astro", credentials={"token": "env:ASTRO_API_TOKEN"}, color="#5e35b1"),
}


def built_in() -> Mapping[str, Environment]:
    """The environments that need no file: `sandbox` and `astro`."""
    return _BUILT_IN


def names(folder: Path = FOLDER) -> list[str]:
    """Every environment there is: the built-in ones, then the files."""
    return [*_BUILT_IN, *sorted(p.stem for p in folder.glob("*.yaml") if p.stem not in _BUILT_IN)]


def load_environment(name: str, folder: Path = FOLDER) -> Environment:
    """The environment of that name: `environments/<name>.yaml`, else a built-in one.

    Raises:
        UnknownName: there is neither.
        SettingsError: the file is malformed, or holds a field that is not known.
        NewerFormat: the file was written by a later version.
    """
    path = folder / f"{name}.yaml"
    if path.is_file():
        return _from_file(path, name)
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    raise UnknownName("environment", name, names(folder), todo=f"Write {path}, or give spec= and base_url=.")


def save_environment(environment: Environment, folder: Path = FOLDER) -> Path:
    """Write an environment to its file and return the path; secrets stay references."""
    held = [k for k, v in environment.variables.items() if isinstance(v, Secret)]
    if held:
        raise SettingsError(
            f"The variables {', '.join(held)} hold secrets.", "Save a reference such as env:NAME instead."
        )
    data = {k: v for k, v in asdict(environment).items() if v not in (None, {}, (), "")}
    data["hosts"] = list(environment.hosts)
    path = folder / f"{environment.name}.yaml"
    text = yaml.safe_dump({"format": FORMAT, **data}, sort_keys=False, allow_unicode=True)
    write_atomically(path, text.encode())
    return path


def _from_file(path: Path, name: str) -> Environment:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not YAML: {str(error).splitlines()[0]}.", "Mend the file.") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{path} does not hold names and values.", "See `Environment` for the fields.")
    version = data.pop("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        raise NewerFormat(f"{path} has format {version}; this astro_nb reads {FORMAT}.", "Update astro_nb.")
    unknown = set(data) - set(Environment.__dataclass_fields__)
    if unknown:
        raise UnknownName(f"field of an environment ({path})", sorted(unknown)[0], Environment.__dataclass_fields__)
    data["hosts"] = tuple(data.get("hosts") or ())
    return Environment(**{**data, "name": name})

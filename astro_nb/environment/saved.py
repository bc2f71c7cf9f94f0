"""An environment as a plain YAML file, checked when it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import NewerFormat, SettingsError, UnknownName
from ..files import write_atomically
from ..plain_yaml import NotYaml, dump_yaml, load_yaml
from .credentials import require_credential
from .references import references_of
from .scrubbing import scrub
from .secret import Secret
from .settings import Environment, built_in
from .variables import Literal

FORMAT = 1
FOLDER = Path("environments")
_FIELDS = tuple(field.name for field in fields(Environment))
_PLAIN_NAME = re.compile(r"(?!\.)[^/\\:\0-\x1f]{1,60}")


def names(folder: Path = FOLDER) -> list[str]:
    """Every environment there is: the built-in ones, then the files."""
    return [*built_in(), *sorted(p.stem for p in folder.glob("*.yaml") if p.stem not in built_in())]


def load_environment(name: str, folder: Path = FOLDER) -> Environment:
    """The environment of that name: `environments/<name>.yaml`, else a built-in one.

    Raises:
        UnknownName: there is neither.
        SettingsError: the name is not that of a file, or the file is malformed.
        NewerFormat: the file was written by a later version.
    """
    path = _path(name, folder)
    if path.is_file():
        return Environment(**{**_checked(_read(path), path), "name": name})
    if name in built_in():
        return built_in()[name]
    raise UnknownName("environment", name, names(folder), todo=f"Write {path}, or give spec= and base_url=.")


def save_environment(environment: Environment, folder: Path = FOLDER) -> Path:
    """Write an environment to its file and return the path; secrets are written as references.

    Raises:
        SettingsError: a secret is held in memory, a value is a secret in the clear, or it cannot be written.
        NewerFormat: the file that is there was written by a later version.
    """
    path = _path(environment.name, folder)
    if path.is_file():
        _read(path)
    data = {name: _plain(getattr(environment, name), name) for name in _FIELDS}
    kept = {name: value for name, value in data.items() if value not in (None, {}, "") and value != []}
    _require_clean(kept, environment)
    try:
        text = dump_yaml({"format": FORMAT, **kept, "hosts": list(environment.hosts)})
    except NotYaml as error:
        raise SettingsError(f"The environment cannot be written: {error}.", "Keep plain values in it.") from error
    write_atomically(path, text.encode())
    return path


def _path(name: str, folder: Path) -> Path:
    if not _PLAIN_NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be the name of an environment.", f"Use a plain name: its file is {folder}/<name>.yaml."
        )
    return folder / f"{name}.yaml"


def _plain(value: Any, place: str) -> Any:
    """A value as it is written: secrets as references, texts that are no templates escaped."""
    if isinstance(value, Mapping):
        return {name: _plain(inner, f"{place}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, place) for inner in value]
    if isinstance(value, Secret):
        return _reference(value, place)
    return value.template if isinstance(value, Literal) else value


def _reference(secret: Secret, place: str) -> str:
    if secret.is_held:
        raise SettingsError(
            f"`{place}` is a secret that is held in memory, which no file keeps.",
            "Save a reference such as env:NAME instead.",
        )
    return secret.reference


def _require_clean(data: Mapping[str, Any], environment: Environment) -> None:
    """Raise SettingsError where a field holds the value of a secret that this environment, or a built-in one, names."""
    secrets = [secret for e in (environment, *built_in().values()) for secret in references_of(e)]
    values = frozenset(value for secret in secrets if (value := secret.quietly()))
    for name, value in data.items():
        text = json.dumps(value, default=str, ensure_ascii=False)
        if scrub(text, values) != text:
            raise SettingsError(
                f"`{name}` holds a secret in the clear: nothing was written.", "Write a reference, such as env:NAME."
            )


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(path: Path) -> dict[str, Any]:
    """What a file says, its format known and taken off; names without a value are as if they were not there."""
    try:
        data = load_yaml(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}).", "Check who may read it.") from error
    except NotYaml as error:
        raise SettingsError(f"{path} is not YAML: {error}.", "Mend the file.") from error
    if not isinstance(data, dict | None):
        raise SettingsError(f"{path} does not hold names and values.", "See `Environment` for the fields.")
    told = {name: value for name, value in (data or {}).items() if value is not None}
    version = told.pop("format", FORMAT)
    if not isinstance(version, int) or isinstance(version, bool) or version > FORMAT:
        raise NewerFormat(f"{path} has format {version}; this astro_nb reads {FORMAT}.", "Update astro_nb.")
    return told


def _checked(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The fields of an environment, each of its kind."""
    unknown = sorted(str(name) for name in data if name not in _FIELDS)
    if unknown:
        raise UnknownName(f"field of an environment ({path})", unknown[0], _FIELDS)
    hosts = data.get("hosts", [])
    told = {**data, "hosts": [hosts] if isinstance(hosts, str) else hosts}
    for name, rule in _RULES.items():
        if name in told and not rule.holds(told[name]):
            raise SettingsError(f"`{name}` in {path} is not what it has to be.", f"Write {rule.wanted}.")
    return {**told, "hosts": tuple(told["hosts"])}


@dataclass(frozen=True)
class _Rule:
    """What a field has to be: the test, and what to write, in words."""

    holds: Callable[[Any], bool]
    wanted: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_credential(value: Any) -> bool:
    try:
        require_credential(value)
    except SettingsError:
        return False
    return not isinstance(value, str) or not value or Secret.is_reference(value)


def _is_server(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    except ValueError:
        return False
    return value == "sandbox" or (parts.scheme in ("http", "https") and bool(parts.hostname))


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _names(holds: Callable[[Any], bool], *only: str) -> Callable[[Any], bool]:
    """The test for names and values: every name a text, one of `only` where some are given, and every value so."""
    return lambda value: (
        isinstance(value, dict)
        and all(isinstance(name, str) and name in (only or (name,)) and holds(inner) for name, inner in value.items())
    )


_RULES = {
    "spec": _Rule(_is_text, "a path, a URL or a bundled name, such as astro-v1"),
    "base_url": _Rule(_is_server, "the address of a server, such as https://api.example.com/v1, or sandbox"),
    "production": _Rule(lambda value: isinstance(value, bool), "true or false"),
    "color": _Rule(_is_text, "a CSS colour in quotes, such as '#5e35b1'"),
    "credentials": _Rule(
        _names(_is_credential),
        "schemes and secret references: {token: env:NAME, login: {username: me, password: env:NAME}}",
    ),
    "variables": _Rule(_names(lambda value: True), "names and values: {region: eu}"),
    "headers": _Rule(_names(_is_text), "names and texts, numbers in quotes: {X-Team: data}"),
    "hosts": _Rule(lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list: [files.example.com]"),
    "timeout": _Rule(_names(_is_seconds, "connect", "read"), "seconds: {connect: 10, read: 60}"),
    "overlay": _Rule(_is_text, "a path, a URL or a bundled name"),
}
"""What a file may say, field by field; a new field is a new row."""

"""Environments and shared variables as YAML files.

A file contains only an environment's own fields; `compose_environment` puts them on top of the environment that it
extends. Secrets are written as references, and a value that is one in the clear is refused.

| to do what                                          | use                                       |
|-----------------------------------------------------|-------------------------------------------|
| read or write an environment                        | `load_environment`, `save_environment`    |
| read or write the fields in its own file            | `read_own_fields`, `write_own_fields`     |
| read or write `_shared.yaml`                        | `load_shared`, `save_shared`              |
| add a field                                         | a row in `_RULES`                         |
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..call import UNSET
from ..errors import NewerFormat, SettingsError, UnknownName
from ..files import save_file
from ..secrets import Reference, Secret, redact
from ..secrets.references import parse_variable
from ..templates import LiteralText
from .environment import Environment, built_in_environments, environment_secrets, require_credential
from .variables import Variables

FORMAT = 1
FOLDER = Path("environments")
FIELDS = tuple(field.name for field in fields(Environment) if field.compare)
MERGED = ("credentials", "variables", "headers", "server_variables", "timeout", "limits")
"""Mappings that are merged: an environment has the members of the one that it extends, and its own have priority."""

_ALWAYS_WRITTEN = ("spec", "production", "timeout", "hosts")  # also with their default
_PLAIN_NAME = re.compile(r"(?![._])[^/\\:\0-\x1f]{1,60}")
_SHARED = "_shared"
_SUFFIXES = (".yaml", ".yml")


# --- the fields -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rule:
    """What a field has to be: a check, and what to write."""

    is_valid: Callable[[Any], bool]
    wanted: str


def validate_fields(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the fields of an environment, each of the right type.

    Raises:
        UnknownName: there is no such field.
        SettingsError: a field is not of the right type; the message does not repeat its value.
    """
    unknown = sorted(str(name) for name in data if name not in FIELDS)
    if unknown:
        raise UnknownName(f"field of an environment ({path})", unknown[0], FIELDS)
    valid = dict(data)
    if isinstance(valid.get("hosts"), str | tuple):
        valid["hosts"] = [valid["hosts"]] if isinstance(valid["hosts"], str) else list(valid["hosts"])
    for name, rule in _RULES.items():
        if name in valid and not rule.is_valid(valid[name]):
            raise SettingsError(f"`{name}` in {path} is not of the right type.", f"Write {rule.wanted}.")
    odd = next((name for name in valid.get("variables", ()) if not Variables.is_name(name)), None)
    if odd is not None:
        raise SettingsError(
            f"{odd!r} in {path} cannot be a variable's name: no template could use it.",
            "Use letters, digits, '_', '-' and '.'; begin with a letter.",
        )
    return {**valid, "hosts": tuple(valid["hosts"])} if "hosts" in valid else valid


_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_variable(value: Any) -> bool:
    try:
        parse_variable(value)
    except SettingsError:
        return False
    return True


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
    has_braces = "{" in str(value) or "}" in str(value)
    return value == "sandbox" or (parts.scheme in ("http", "https") and bool(parts.hostname) and not has_braces)


def _is_above_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _mapping_of(is_valid: Callable[[Any], bool], *names: str) -> Callable[[Any], bool]:
    """Return the check for a mapping: every name a text, one of `names` if there are any, and every value valid."""
    return lambda value: (
        isinstance(value, dict)
        and all(isinstance(k, str) and k in (names or (k,)) and is_valid(v) for k, v in value.items())
    )


_RULES = {
    "spec": _Rule(_is_text, "a path, a URL or a bundled name, such as astro-v1"),
    "base_url": _Rule(
        _is_server, "the address of a server without variables, such as https://api.example.com/v1, or sandbox"
    ),
    "production": _Rule(_is_bool, "true or false"),
    "color": _Rule(_is_text, "a CSS colour in quotes, such as '#5e35b1'"),
    "credentials": _Rule(
        _mapping_of(_is_credential),
        "schemes and secret references: {token: env:NAME, login: {username: me, password: env:NAME}}",
    ),
    "variables": _Rule(
        _mapping_of(_is_variable), "names and values: {region: eu, zone: {from: env:ZONE, secret: false}}"
    ),
    "headers": _Rule(_mapping_of(_is_text), "names and texts, numbers in quotes: {X-Team: data}"),
    "hosts": _Rule(lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list: [files.example.com]"),
    "server_variables": _Rule(_mapping_of(_is_text), "names and texts: {region: eu}"),
    "timeout": _Rule(_mapping_of(_is_above_zero, "connect", "read"), "seconds: {connect: 10, read: 60}"),
    "overlay": _Rule(_is_text, "a path, a URL or a bundled name"),
    "extends": _Rule(lambda value: isinstance(value, str) and bool(value), "the name of another environment"),
    "limits": _Rule(_mapping_of(_is_above_zero, *_METHODS), "requests per second by method: {GET: 25, POST: 10}"),
    "guard": _Rule(_is_bool, "true or false"),
}
"""The fields of a file. A new field is a new row."""


# --- environments -----------------------------------------------------------------------------------------------------


def environment_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all environments: the built-in ones, then the files; `_shared.yaml` is not an environment."""
    files = sorted(name for name in _files_by_name(folder) if _PLAIN_NAME.fullmatch(name))
    return [*built_in_environments(), *(name for name in files if name not in built_in_environments())]


def same_name(name: str) -> str:
    """Return the name of an environment in the one form in which names are compared, NFC.

    A file that was written on macOS may have the letters of its name and their accents apart (NFD).
    """
    return unicodedata.normalize("NFC", name)


def _files_by_name(folder: Path) -> dict[str, list[Path]]:
    """Return the YAML files of a folder, by the names of their environments."""
    found: dict[str, list[Path]] = {}
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read ({error.strerror}).", "Check who may read it.") from error
    for path in paths:
        if path.suffix.lower() in _SUFFIXES:
            found.setdefault(same_name(path.stem), []).append(path)
    return found


def _file_of(name: str, folder: Path) -> Path:
    """Return the file of a name in a folder, whether or not it exists.

    Raises:
        SettingsError: there are several, such as `prod.yaml` and `prod.yml`.
    """
    found = _files_by_name(folder).get(same_name(name), [])
    if len(found) > 1:
        raise SettingsError(
            f"{' and '.join(map(str, found))} are both the file of {name!r}.",
            "Keep one of them, and move the other away.",
        )
    return found[0] if found else folder / f"{same_name(name)}.yaml"


def load_environment(name: str, folder: Path = FOLDER) -> Environment:
    """Return the environment of that name: `environments/<name>.yaml`, else a built-in one; with what it extends.

    Raises:
        UnknownName: there is neither.
        SettingsError: the name cannot be that of a file, the file is malformed, or environments extend each other in a
            circle.
        NewerFormat: the file was written by a later version.
    """
    return compose_environment(same_name(name), read_own_fields(name, folder), folder)


def save_environment(environment: Environment, folder: Path = FOLDER) -> Path:
    """Write an environment to its file and return the path; secrets are written as references.

    If it extends another environment, only the differences are written.

    Raises:
        SettingsError: a secret is held in memory, a value is a secret in the clear or cannot be written, or something
            inherited is missing.
        NewerFormat: the existing file was written by a later version.
    """
    return write_own_fields(environment.name, _own_fields_of(environment, folder), folder)


def read_own_fields(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Return the fields of an environment without what it extends.

    Raises:
        UnknownName, SettingsError, NewerFormat: as for `load_environment`.
    """
    path = environment_path(name, folder)
    if path.is_file():
        return validate_fields(read_fields(path), path)
    if name in built_in_environments():
        return _built_in_fields(name)
    others = [other for other in folder.glob("*") if same_name(other.name).startswith(f"{same_name(name)}.")]
    hint = f"{others[0]} is not read: its name has to be {path.name}." if others else ""
    todo = f"Write {path}, or give spec= and base_url=."
    raise UnknownName("environment", name, environment_names(folder), todo=todo, hint=hint)


def compose_environment(name: str, own: Mapping[str, Any], folder: Path = FOLDER) -> Environment:
    """Return the environment with these fields of its own on top of what it extends.

    Raises:
        UnknownName: an environment that is extended does not exist; the message names those that lead to it.
        SettingsError: they extend each other in a circle, or a file is malformed.
    """
    merged = _merge(_layers(name, own, folder))
    return Environment(**{**merged, "name": name, "extends": own.get("extends")})


def write_own_fields(name: str, own: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write the fields of an environment's file and return the path; the comment at its beginning stays.

    Raises:
        SettingsError: the fields could not be read again.
        NewerFormat: the existing file was written by a later version.
    """
    path = environment_path(name, folder)
    if path.is_file():
        read_fields(path)
    _require_no_secret(own, compose_environment(name, validate_fields(dict(own), path), folder))
    write_fields(path, dict(own))
    return path


def environment_path(name: str, folder: Path) -> Path:
    """Return the path of an environment's file, whether or not it exists.

    Raises:
        SettingsError: the name cannot be that of a file.
    """
    if not _PLAIN_NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be the name of an environment.", f"Use a plain name: its file is {folder}/<name>.yaml."
        )
    return _file_of(name, folder)


def _layers(name: str, own: Mapping[str, Any], folder: Path) -> list[Mapping[str, Any]]:
    """Return the own fields of an environment, then those of each environment that is extended on the way."""
    layers, chain = [own], [name]
    while base := same_name(layers[-1].get("extends") or ""):
        if base == chain[-1] and base in built_in_environments():  # a file with a built-in name extends that one
            return [*layers, _built_in_fields(base)]
        if base in chain:
            raise SettingsError(
                f"Environments extend each other in a circle: {' → '.join([*chain, base])}.",
                "Take `extends` out of one of them.",
            )
        chain.append(base)
        if base not in environment_names(folder):
            raise UnknownName(f"environment to extend ({' → '.join(chain)})", base, environment_names(folder))
        layers.append(read_own_fields(base, folder))
    return layers


def _merge(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of several layers; the first layer has priority."""
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged |= {**layer, **{f: {**merged.get(f, {}), **layer[f]} for f in MERGED if f in layer}}
    return merged


def _built_in_fields(name: str) -> dict[str, Any]:
    environment = built_in_environments()[name]
    return {field: value for field in FIELDS if (value := getattr(environment, field)) is not None}


def _own_fields_of(environment: Environment, folder: Path) -> dict[str, Any]:
    """Return what the file of an environment has to contain: what differs from the defaults and what it extends."""
    data = {field: to_file_value(getattr(environment, field), field) for field in FIELDS if field != "extends"}
    default = Environment(environment.name if environment.extends else "")
    changed = {f: v for f, v in data.items() if not is_same_in_file(v, to_file_value(getattr(default, f), f))}
    if environment.extends is None:
        return {f: v for f, v in data.items() if f in _ALWAYS_WRITTEN or f in changed}
    base = {"extends": environment.extends}
    inherited = to_file_value(_merge(_layers(environment.name, base, folder)[1:]), "extends")
    own = {f: _difference(f, v, inherited[f]) if f in inherited else changed.get(f, UNSET) for f, v in data.items()}
    return {**base, **{field: value for field, value in own.items() if value is not UNSET and field != "name"}}


def _difference(field: str, value: Any, inherited: Any) -> Any:
    """Return what has to be written for a field with this inherited value; UNSET for nothing."""
    if field not in MERGED:
        if value is None and inherited is not None:
            raise _missing_error(field)
        return UNSET if is_same_in_file(value, inherited) else value
    for name in inherited:
        if name not in value:
            raise _missing_error(f"{field}.{name}")
    own = {name: v for name, v in value.items() if name not in inherited or not is_same_in_file(v, inherited[name])}
    return own or UNSET


def _missing_error(place: str) -> SettingsError:
    return SettingsError(
        f"`{place}` comes from the environment that is extended, and cannot be left out.",
        "Give it another value here, or take it out there.",
    )


def _require_no_secret(data: Mapping[str, Any], environment: Environment) -> None:
    """Raise SettingsError if a field contains the value of a secret of this environment or of a built-in one."""
    secrets = [secret for e in (environment, *built_in_environments().values()) for secret in environment_secrets(e)]
    values = frozenset(value for secret in secrets if (value := secret.value_if_available()))
    for name, value in data.items():
        text = json.dumps(value, default=str, ensure_ascii=False)
        if redact(text, values) != text:
            raise SettingsError(
                f"`{name}` contains a secret in the clear: nothing was written.",
                "Write a reference, such as env:NAME.",
            )


# --- shared variables -------------------------------------------------------------------------------------------------


def shared_path(folder: Path = FOLDER) -> Path:
    """Return the path of the file of shared variables.

    Raises:
        SettingsError: there are two.
    """
    return _file_of(_SHARED, folder)


def load_shared(folder: Path = FOLDER) -> dict[str, Any]:
    """Return the shared variables by name, references as `Secret` and `Reference`; empty if there is no file.

    Raises:
        SettingsError: the file is malformed.
        NewerFormat: it was written by a later version.
    """
    path = shared_path(folder)
    data = read_fields(path) if path.is_file() else {}
    return {name: parse_variable(value) for name, value in _validate_shared(data, path).items()}


def save_shared(variables: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write the shared variables and return the path; of a `Variables` those in the scope "shared".

    Raises:
        SettingsError: a secret is held in memory, or a value cannot be written.
        NewerFormat: the existing file was written by a later version.
    """
    path = shared_path(folder)
    if path.is_file():
        read_fields(path)
    shared = variables.in_scope("shared") if isinstance(variables, Variables) else variables
    data = {"variables": to_file_value(shared, "variables")}
    _validate_shared(data, path)
    write_fields(path, data)
    return path


def _validate_shared(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the variables in the fields of a file, which may have no other field."""
    other = next((str(field) for field in data if field != "variables"), None)
    if other is not None:
        raise UnknownName(f"field of the shared variables ({path})", other, ["variables"])
    return dict(validate_fields(data, path).get("variables", {}))


# --- YAML -------------------------------------------------------------------------------------------------------------


def read_fields(path: Path) -> dict[str, Any]:
    """Return the fields in a file, without its format and without fields that have no value.

    Raises:
        SettingsError: it cannot be read, or is not a mapping.
        NewerFormat: it was written by a later version.
    """
    from ..yaml import YamlError, load_yaml  # imported at first use: the built-in environments need no YAML

    try:
        data = load_yaml(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}).", "Check who may read it.") from error
    except YamlError as error:
        raise SettingsError(f"{path} is not YAML: {error}.", "Correct the file.") from error
    if not isinstance(data, dict | None):
        raise SettingsError(f"{path} is not a mapping of names to values.", "See `Environment` for the fields.")
    found = {name: value for name, value in (data or {}).items() if value is not None}
    version = found.pop("format", FORMAT)
    if not isinstance(version, int) or isinstance(version, bool) or version > FORMAT:
        raise NewerFormat(f"{path} has format {version}; this astro_nb reads {FORMAT}.", "Update astro_nb.")
    return found


def write_fields(path: Path, data: dict[str, Any]) -> None:
    """Write a file with its format; the comment at the beginning of the existing file stays.

    Raises:
        SettingsError: the file cannot be written.
    """
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}
    text = _to_yaml({"format": FORMAT, **plain})
    save_file(path, (_leading_comment(path) + text).encode())


def to_file_value(value: Any, place: str) -> Any:
    """Return a value as it is written: secrets as references, texts that are not templates escaped.

    Raises:
        SettingsError: a secret is held in memory; `place` names it in the message.
    """
    if isinstance(value, Mapping):
        return {name: to_file_value(inner, f"{place}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_file_value(inner, place) for inner in value]
    if isinstance(value, Secret):
        if value.is_in_memory:
            raise SettingsError(
                f"`{place}` is a secret that is held in memory, which is never written to a file.",
                "Save a reference such as env:NAME instead.",
            )
        return value.reference
    if isinstance(value, Reference):
        return value.file_value
    return value.template if isinstance(value, LiteralText) else value


def is_same_in_file(one: Any, other: Any) -> bool:
    """Whether two plain values are written alike: 1 differs from true and from 1.0.

    Raises:
        SettingsError: one of them cannot be written.
    """
    return one is other or _to_yaml(one) == _to_yaml(other)


def _to_yaml(data: Any) -> str:
    from ..yaml import YamlError, dump_yaml  # imported at first use, as above

    try:
        return dump_yaml(data)
    except YamlError as error:
        raise SettingsError(f"The environment cannot be written: {error}.", "Keep plain values in it.") from error


def _leading_comment(path: Path) -> str:
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))

"""What each field of an environment's file has to be.

An environment as a plain YAML file, on top of the one that it extends.

The variables of all environments, as a file beside theirs.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..call import UNSET
from ..errors import NewerFormat, SettingsError, UnknownName
from ..files import write_atomically
from ..secrets.redaction import redact
from ..secrets.references import Reference, Secret, parse_variable
from ..templates import LiteralText
from .environment import Environment, built_in_environments, environment_secrets, require_credential
from .variables import Variables

FIELDS = tuple(field.name for field in fields(Environment))


def checked(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The fields of an environment, each of its kind.

    Raises:
        UnknownName: there is no such field.
        SettingsError: one is not of its kind; what stands there is not repeated.
    """
    unknown = sorted(str(name) for name in data if name not in FIELDS)
    if unknown:
        raise UnknownName(f"field of an environment ({path})", unknown[0], FIELDS)
    told = dict(data)
    if isinstance(told.get("hosts"), str | tuple):
        told["hosts"] = [told["hosts"]] if isinstance(told["hosts"], str) else list(told["hosts"])
    for name, rule in _RULES.items():
        if name in told and not rule.holds(told[name]):
            raise SettingsError(f"`{name}` in {path} is not what it has to be.", f"Write {rule.wanted}.")
    return {**told, "hosts": tuple(told["hosts"])} if "hosts" in told else told


_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class _Rule:
    """What a field has to be: the test, and what to write, in words."""

    holds: Callable[[Any], bool]
    wanted: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_value(value: Any) -> bool:
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
    return value == "sandbox" or (parts.scheme in ("http", "https") and bool(parts.hostname))


def _is_above_zero(value: Any) -> bool:
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
    "variables": _Rule(_names(_is_value), "names and values: {region: eu, zone: {from: env:ZONE, secret: false}}"),
    "headers": _Rule(_names(_is_text), "names and texts, numbers in quotes: {X-Team: data}"),
    "hosts": _Rule(lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list: [files.example.com]"),
    "timeout": _Rule(_names(_is_above_zero, "connect", "read"), "seconds: {connect: 10, read: 60}"),
    "overlay": _Rule(_is_text, "a path, a URL or a bundled name"),
    "extends": _Rule(lambda value: isinstance(value, str) and bool(value), "the name of another environment"),
    "limits": _Rule(_names(_is_above_zero, *_METHODS), "requests per second by method: {GET: 25, POST: 10}"),
    "guard": _Rule(lambda value: isinstance(value, bool), "true or false"),
}
"""What a file may say, field by field; a new field is a new row."""


FORMAT = 1
FOLDER = Path("environments")
MERGED = ("credentials", "variables", "headers", "timeout", "limits")
"""Fields of names and values: an environment has those of the one that it extends, and its own before them."""

_ALWAYS = ("spec", "production", "timeout", "hosts")  # written also where they say what would be so anyway
_PLAIN_NAME = re.compile(r"(?![._])[^/\\:\0-\x1f]{1,60}")


def environment_names(folder: Path = FOLDER) -> list[str]:
    """Every environment there is: the built-in ones, then the files; a name with an underscore before it is none."""
    files = sorted(path.stem for path in folder.glob("*.yaml") if _PLAIN_NAME.fullmatch(path.stem))
    return [*built_in_environments(), *(name for name in files if name not in built_in_environments())]


def load_environment(name: str, folder: Path = FOLDER) -> Environment:
    """The environment of that name: `environments/<name>.yaml`, else a built-in one; with what it extends.

    Raises:
        UnknownName: there is neither.
        SettingsError: the name is not that of a file, the file is malformed, or it extends itself by a circle.
        NewerFormat: the file was written by a later version.
    """
    return composed(name, said(name, folder), folder)


def save_environment(environment: Environment, folder: Path = FOLDER) -> Path:
    """Write an environment to its file and return the path; secrets are written as references.

    Of one that extends another only what differs is written.

    Raises:
        SettingsError: a secret is held in memory, a value is a secret in the clear or cannot be written, or something
            inherited is left out.
        NewerFormat: the file that is there was written by a later version.
    """
    return write_said(environment.name, _own(environment, folder), folder)


def said(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """What an environment says itself, field by field, without what it extends.

    Raises:
        UnknownName, SettingsError, NewerFormat: as for `load_environment`.
    """
    path = path_of(name, folder)
    if path.is_file():
        return checked(read_said(path), path)
    if name in built_in_environments():
        return _built_in(name)
    raise UnknownName(
        "environment", name, environment_names(folder), todo=f"Write {path}, or give spec= and base_url=."
    )


def composed(name: str, own: Mapping[str, Any], folder: Path = FOLDER) -> Environment:
    """The environment of a name that says `own`, on top of what it extends.

    Raises:
        UnknownName: one that is extended does not exist; the way to it is told.
        SettingsError: they extend each other in a circle, or a file is malformed.
    """
    found = _merged(_layers(name, own, folder))
    return Environment(**{**found, "name": name, "extends": own.get("extends")})


def write_said(name: str, own: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write what an environment says itself, and return the path; the comment at the file's beginning stays.

    Raises:
        SettingsError: what it says could not be read again.
        NewerFormat: the file that is there was written by a later version.
    """
    path = path_of(name, folder)
    if path.is_file():
        read_said(path)
    _require_clean(own, composed(name, checked(dict(own), path), folder))
    write_yaml(path, dict(own))
    return path


def _layers(name: str, own: Mapping[str, Any], folder: Path) -> list[Mapping[str, Any]]:
    """What an environment says, then what each one says that is extended on the way."""
    layers, way = [own], [name]
    while base := layers[-1].get("extends"):
        if base == way[-1] and base in built_in_environments():  # a file of a built-in one's name builds on that
            return [*layers, _built_in(base)]
        if base in way:
            raise SettingsError(
                f"Environments extend each other in a circle: {' → '.join([*way, base])}.",
                "Take `extends` out of one of them.",
            )
        way.append(base)
        if base not in environment_names(folder):
            raise UnknownName(f"environment to extend ({' → '.join(way)})", base, environment_names(folder))
        layers.append(said(base, folder))
    return layers


def _merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several layers say together, the first before the others."""
    found: dict[str, Any] = {}
    for layer in reversed(layers):
        found |= {**layer, **{f: {**found.get(f, {}), **layer[f]} for f in MERGED if f in layer}}
    return found


def _built_in(name: str) -> dict[str, Any]:
    found = built_in_environments()[name]
    return {field: value for field in FIELDS if (value := getattr(found, field)) is not None}


# --- writing ----------------------------------------------------------------------------------------------------------


def _own(environment: Environment, folder: Path) -> dict[str, Any]:
    """What the file of an environment has to say: all that is not so by default, or not so where it extends."""
    data = {field: plain(getattr(environment, field), field) for field in FIELDS if field != "extends"}
    blank = Environment(environment.name if environment.extends else "")
    other = {f: v for f, v in data.items() if not is_same(v, plain(getattr(blank, f), f))}
    if environment.extends is None:
        return {f: v for f, v in data.items() if f in _ALWAYS or f in other}
    base = {"extends": environment.extends}
    inherited = plain(_merged(_layers(environment.name, base, folder)[1:]), "extends")
    own = {f: _differing(f, v, inherited[f]) if f in inherited else other.get(f, UNSET) for f, v in data.items()}
    return {**base, **{field: value for field, value in own.items() if value is not UNSET and field != "name"}}


def _differing(field: str, value: Any, inherited: Any) -> Any:
    """What a field has to say where `inherited` counts otherwise; UNSET for nothing."""
    if field not in MERGED:
        if value is None and inherited is not None:
            raise _left_out(field)
        return UNSET if is_same(value, inherited) else value
    for name in inherited:
        if name not in value:
            raise _left_out(f"{field}.{name}")
    own = {name: v for name, v in value.items() if name not in inherited or not is_same(v, inherited[name])}
    return own or UNSET


def _left_out(place: str) -> SettingsError:
    return SettingsError(
        f"`{place}` comes from the environment that is extended, and cannot be left out.",
        "Give it another value here, or take it out there.",
    )


def is_same(one: Any, other: Any) -> bool:
    """Whether two plain values are written alike: 1 is neither true nor 1.0.

    Raises:
        SettingsError: one of them cannot be written.
    """
    return one is other or _dumped(one) == _dumped(other)


def _dumped(data: Any) -> str:
    from ..yaml import YamlError, dump_yaml  # imported at first use: the built-in environments need none

    try:
        return dump_yaml(data)
    except YamlError as error:
        raise SettingsError(f"The environment cannot be written: {error}.", "Keep plain values in it.") from error


def write_yaml(path: Path, data: dict[str, Any]) -> None:
    """Write a file of ours whole, with its format; the comment at the beginning of the one that is there stays."""
    kept = {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}
    text = _dumped({"format": FORMAT, **kept})
    write_atomically(path, (_comment(path) + text).encode())


def _comment(path: Path) -> str:
    """The lines of comment that a file begins with."""
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


def path_of(name: str, folder: Path) -> Path:
    """The file of an environment, whether or not there is one.

    Raises:
        SettingsError: the name is not one of a file.
    """
    if not _PLAIN_NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be the name of an environment.", f"Use a plain name: its file is {folder}/<name>.yaml."
        )
    return folder / f"{name}.yaml"


def plain(value: Any, place: str) -> Any:
    """A value as it is written: secrets as references, texts that are no templates escaped.

    Raises:
        SettingsError: a secret is held in memory.
    """
    if isinstance(value, Mapping):
        return {name: plain(inner, f"{place}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, place) for inner in value]
    if isinstance(value, Secret):
        return _reference(value, place)
    if isinstance(value, Reference):
        return value.file_value
    return value.template if isinstance(value, LiteralText) else value


def _reference(secret: Secret, place: str) -> str:
    if secret.is_in_memory:
        raise SettingsError(
            f"`{place}` is a secret that is held in memory, which no file keeps.",
            "Save a reference such as env:NAME instead.",
        )
    return secret.reference


def _require_clean(data: Mapping[str, Any], environment: Environment) -> None:
    """Raise SettingsError where a field holds the value of a secret that this environment, or a built-in one, names."""
    secrets = [secret for e in (environment, *built_in_environments().values()) for secret in environment_secrets(e)]
    values = frozenset(value for secret in secrets if (value := secret.value_if_available()))
    for name, value in data.items():
        text = json.dumps(value, default=str, ensure_ascii=False)
        if redact(text, values) != text:
            raise SettingsError(
                f"`{name}` holds a secret in the clear: nothing was written.", "Write a reference, such as env:NAME."
            )


# --- reading ----------------------------------------------------------------------------------------------------------


def read_said(path: Path) -> dict[str, Any]:
    """What a file says, its format known and taken off; names without a value are as if they were not there.

    Raises:
        SettingsError: it cannot be read, or holds no names and values.
        NewerFormat: it was written by a later version.
    """
    from ..yaml import YamlError, load_yaml  # as above

    try:
        data = load_yaml(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}).", "Check who may read it.") from error
    except YamlError as error:
        raise SettingsError(f"{path} is not YAML: {error}.", "Mend the file.") from error
    if not isinstance(data, dict | None):
        raise SettingsError(f"{path} does not hold names and values.", "See `Environment` for the fields.")
    told = {name: value for name, value in (data or {}).items() if value is not None}
    version = told.pop("format", FORMAT)
    if not isinstance(version, int) or isinstance(version, bool) or version > FORMAT:
        raise NewerFormat(f"{path} has format {version}; this astro_nb reads {FORMAT}.", "Update astro_nb.")
    return told


NAME = "_shared"


def shared_path(folder: Path = FOLDER) -> Path:
    """Where the shared variables stand."""
    return folder / f"{NAME}.yaml"


def load_shared(folder: Path = FOLDER) -> dict[str, Any]:
    """The shared variables by name, references turned into what they mean; none where there is no file.

    Raises:
        SettingsError: the file is malformed.
        NewerFormat: it was written by a later version.
    """
    path = shared_path(folder)
    told = read_said(path) if path.is_file() else {}
    return {name: parse_variable(value) for name, value in _checked(told, path).items()}


def save_shared(variables: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write the shared variables and return the path; of a `Variables` those of the scope "shared".

    Raises:
        SettingsError: a secret is held in memory, or a value cannot be written.
        NewerFormat: the file that is there was written by a later version.
    """
    path = shared_path(folder)
    if path.is_file():
        read_said(path)
    shared = variables.in_scope("shared") if isinstance(variables, Variables) else variables
    data = {"variables": plain(shared, "variables")}
    _checked(data, path)
    write_yaml(path, data)
    return path


def _checked(told: dict[str, Any], path: Path) -> dict[str, Any]:
    """The variables in what a file says; it may say nothing else."""
    other = next((str(field) for field in told if field != "variables"), None)
    if other is not None:
        raise UnknownName(f"field of what all environments share ({path})", other, ["variables"])
    found = checked(told, path).get("variables", {})
    if not all(Variables.is_name(name) for name in found):
        raise SettingsError(f"A name in {path} cannot be a variable's.", "Use letters, digits, '_', '-' and '.'.")
    return dict(found)

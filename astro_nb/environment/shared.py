"""The variables of all environments, as a file beside theirs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SettingsError, UnknownName
from .outside import typed
from .rules import checked
from .saved import FOLDER, plain, read_said, write_yaml
from .variables import Variables

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
    return {name: typed(value) for name, value in _checked(told, path).items()}


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

"""Which secrets are known here: those of environments and those of a session, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..environment import FOLDER, Environment, Secret, Variables, load_environment, names, references_of
from ..errors import AstroNbError
from ..exchange import Exchange
from ..pick import leaves
from .texts import Known

_MOST_LEAVES = 1_000_000


def known_values(secrets: Iterable[Secret], folder: Path | None = None, keyring: bool = False) -> Known:
    """The values of secrets where they are to be had without asking anybody; the references of the others."""
    values: dict[str, str] = {}
    unknown: list[str] = []
    for secret in secrets:
        value = secret.quietly(folder, keyring)
        if value:
            values[_name_for(secret, value, values)] = value
        else:
            unknown.append(secret.reference)
    return Known(values, tuple(dict.fromkeys(unknown)))


def known_here(folder: Path, keyring: bool = False) -> Known:
    """The secrets of every environment: the built-in ones, and those under `environments/` in a folder."""
    secrets: list[Secret] = []
    broken: list[str] = []
    for name in names(folder / FOLDER):
        try:
            secrets += references_of(load_environment(name, folder / FOLDER))
        except AstroNbError:  # what is no environment refers to nothing: it is told, and looked through like any file
            broken.append(f"{FOLDER / name}.yaml")
    return known_values(secrets, folder, keyring) | Known(unknown=tuple(broken))


def known_of(variables: Variables, acting: Environment, exchanges: Iterable[Exchange] = ()) -> Known:
    """The secrets of a session: its variables, its credentials, and those in its answers."""
    held = [v.value for name in variables for v in variables.all(name) if isinstance(v.value, Secret)]
    return known_values([*held, *references_of(acting), *(s for e in exchanges for s in secrets_in_answer(e))])


def secrets_in_answer(exchange: Exchange) -> Iterator[Secret]:
    """The secret fields of an answer."""
    if exchange.answer and exchange.answer.is_json:
        yield from (leaf for _, leaf in leaves(exchange["$"], _MOST_LEAVES) if isinstance(leaf, Secret))


def _name_for(secret: Secret, value: str, values: Mapping[str, str]) -> str:
    """The reference; with a number where another value has it already."""
    name, number = secret.reference, 2
    while values.get(name, value) != value:
        name, number = f"{secret.reference} ({number})", number + 1
    return name

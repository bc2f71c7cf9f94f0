"""Files looked through for secrets: those that are known, and what looks like one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..environment import Secret
from ..errors import SecretMissing
from ..leaks import Finding, Known, known_here, known_values
from .reading import read
from .told import Scan, Skipped
from .walking import files_under

MOST_FINDINGS = 200
"""Findings that are told of one file."""

_SHORTEST = 6  # characters: shorter values would be found by chance


def scan(
    paths: Iterable[str | Path],
    secrets: Iterable[str] = (),
    keyring: bool = False,
    known: Known | None = None,
) -> Scan:
    """Look through files and folders.

    Args:
        paths: files and folders; a folder is looked through with all below it.
        secrets: references of further secrets, such as `env:NAME`.
        keyring: whether the keyring may be asked for the values of its secrets.
        known: further secrets, with their values.

    Raises:
        UsageError: there is nothing at a path.
        SettingsError: what is given as a secret is no reference.
        SecretMissing: a secret that was named has no value.
    """
    places = [Path(path) for path in paths]
    wanted = _known(places, secrets, keyring) | (known or Known())
    findings, skipped, files = list[Finding](), list[Skipped](), 0
    for found in files_under(places):
        if isinstance(found, Skipped):
            skipped.append(found)
            continue
        looked = read(found, wanted)
        files += 1
        skipped += [Skipped(str(found), why) for why in looked.notes]
        findings += looked.findings[:MOST_FINDINGS]
        if len(looked.findings) > MOST_FINDINGS:
            more = len(looked.findings) - MOST_FINDINGS
            skipped.append(Skipped(str(found), f"{more:,} more findings are not told"))
    short = tuple(f"{name} (too short)" for name, value in wanted.values.items() if len(value) < _SHORTEST)
    looked_for = tuple(name for name, value in wanted.values.items() if len(value) >= _SHORTEST)
    return Scan(tuple(findings), files, tuple(skipped), looked_for, (*wanted.unknown, *short))


def _known(places: Iterable[Path], named: Iterable[str], keyring: bool) -> Known:
    """The secrets of the environments here and beside what is looked through, and those that were named."""
    folders = dict.fromkeys([Path.cwd(), *(path if path.is_dir() else path.absolute().parent for path in places)])
    known = Known()
    for folder in folders:
        known |= known_here(folder, keyring)
    asked = known_values([Secret(reference) for reference in named], Path.cwd(), keyring=True)
    if asked.unknown:
        raise SecretMissing(
            f"The secret {asked.unknown[0]} has no value, so it cannot be looked for.", "Set it, or leave it out."
        )
    return known | asked

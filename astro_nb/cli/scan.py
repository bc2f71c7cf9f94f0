"""`astro-nb scan`: files searched for secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_table, write_out

if TYPE_CHECKING:
    from ..secret_scan import Scan
    from ..secrets import Finding


def scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="REFERENCE", help="Another secret, such as env:NAME; may be repeated."),
    ] = None,
    keyring: Annotated[bool, typer.Option("--keyring", help="Search for the secrets in the keyring, too.")] = False,
    json_file: Annotated[
        str, typer.Option("--json", metavar="FILE", help="Write the findings as JSON; `-` for standard output.")
    ] = "",
) -> None:
    """Search notebooks, histories, exports and other files for secrets; exit status 1 if there are any."""
    from ..secret_scan import scan as scan_files

    found = scan_files(paths, secret or (), keyring)
    if json_file:
        write_out(json_file, json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
    if json_file != "-":
        _print_report(found)
    if not found.ok:
        raise typer.Exit(1)


def _print_report(found: Scan) -> None:
    colors = {"known": "red", "possible": "yellow"}
    rows = [("known" if f.known else "possible", f.kind, f.secret, f.place) for f in found]
    if rows:
        print_table(rows, colors)
        typer.echo("\n".join(["", "What to do:", *_advice(found)]))
    for skip in found.skipped:
        typer.echo(f"skipped: {skip.file} ({skip.why})")
    for name in found.unknown:
        typer.echo(f"not available, so not looked for: {name}")
    typer.echo(found.summary)


def _advice(findings: Iterable[Finding]) -> Iterable[str]:
    return dict.fromkeys(f"  {finding.todo}" for finding in findings)

"""`astro-nb specs`: the documents on this machine, and those that Astronomer publishes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import AstroNbError, UnknownName
from .output import HOME, load_spec, print_facts, print_table

if TYPE_CHECKING:
    from ..openapi import Spec


PUBLISHED: Mapping[str, str] = {
    "v1": "https://api.astronomer.io/spec/v1.0",
    "v1beta1-iam": "https://api.astronomer.io/spec/iam/v1beta1",
    "v1beta1-platform": "https://api.astronomer.io/spec/platform/v1beta1",
}
"""Where Astronomer publishes its documents, by the name that `specs pull --version` takes; no token is needed."""

specs = typer.Typer(
    no_args_is_help=True, help="OpenAPI documents: the bundled ones, and those that Astronomer publishes."
)


@specs.command("list")
def _list() -> None:
    """List the documents on this machine: bundled with astro_nb, and pulled."""
    from ..openapi import bundled

    folders = {"bundled": bundled(f"{HOME}.yaml").parent, "pulled": _pulled_folder()}
    print_table([_document_row(origin, path) for origin, folder in folders.items() for path in _documents(folder)])


@specs.command("pull")
def _pull(
    version: Annotated[str, typer.Option(help=f"One of: {', '.join(PUBLISHED)}.")] = "v1",
    url: Annotated[str, typer.Option(help="Another URL to fetch it from.")] = "",
) -> None:
    """Fetch Astronomer's own document, and report how it differs from the bundled one."""
    from ..files import save_file
    from ..http import Client
    from ..openapi import load

    address = url or _published_url(version)
    client = Client()
    data = client.fetch(address)
    overlay = _bundled_or_none(f"astro-{version}.overlay.yaml")

    def fetch(url: str, /, *, same_host: bool = False) -> bytes:
        return client.fetch(url, same_host=True) if same_host else data

    pulled = load(address, overlay, fetch)  # loaded before it is saved, so that only a valid document is saved
    path = _pulled_folder() / f"astro-{version}.yaml"
    save_file(path, data)
    print_facts(_pulled_facts(pulled, address, path, overlay))
    _print_differences(pulled, _bundled_or_none(f"astro-{version}.yaml"))


def _published_url(version: str) -> str:
    if version not in PUBLISHED:
        raise UnknownName("published version", version, PUBLISHED)
    return PUBLISHED[version]


def _pulled_facts(pulled: Spec, address: str, path: Path, overlay: Path | None) -> dict[str, str]:
    from_overlay = f", overlay={str(overlay)!r}" if overlay else ""
    result = "matches" if not pulled.warnings else f"{_count_targets(len(pulled.warnings))} no longer matched:"
    return {
        "Document": f"{pulled.title} {pulled.version}, {len(pulled)} operations",
        "From": address,
        "Saved as": str(path),
        "Overlay": "\n".join([result, *pulled.warnings]) if overlay else "none is bundled for this version",
        "Use it": f'anb.connect("astro", spec={str(path)!r}{from_overlay})',
    }


def _count_targets(count: int) -> str:
    return f"{count} of its targets {'is' if count == 1 else 'are'}"


def _print_differences(pulled: Spec, home: Path | None) -> None:
    if home is None:
        return
    ours, theirs = ({op.id: op for op in spec} for spec in (load_spec(str(home)), pulled))
    added = [op for name, op in theirs.items() if name not in ours]
    removed = [op for name, op in ours.items() if name not in theirs]
    typer.echo(f"Compared with the bundled document: {len(added)} added, {len(removed)} removed")
    print_table([(sign, op.id, op.method, op.path_key) for sign, ops_ in (("+", added), ("-", removed)) for op in ops_])


def _document_row(origin: str, path: Path) -> tuple[str, ...]:
    spec = load_spec(str(path))
    return origin, path.stem, f"{spec.title} {spec.version}", f"{len(spec)} operations", str(path)


def _documents(folder: Path) -> list[Path]:
    """Return the documents in a folder, without other files such as `api.overlay.yaml`."""
    return sorted(path for path in folder.glob("*.yaml") if "." not in path.stem)


def _pulled_folder() -> Path:
    from ..openapi.parsing import cache_folder

    return cache_folder() / "pulled"


def _bundled_or_none(name: str) -> Path | None:
    from ..openapi import bundled

    with contextlib.suppress(AstroNbError):
        return bundled(name)
    return None

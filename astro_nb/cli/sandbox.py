"""`astro-nb sandbox`: run the sandbox as a server until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .output import HOME, Document, Speed, load_spec, print_facts, stop_signals, wait

if TYPE_CHECKING:
    from ..openapi import Spec


def sandbox(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 for a free one.")] = 8080,
    document: Document = HOME,
    speed: Speed = 1.0,
    seed: Annotated[int, typer.Option(help="The same number gives the same data, another one other data.")] = 0,
    limits: Annotated[bool, typer.Option("--limits/--no-limits", help="Apply the API's rate limits.")] = True,
) -> None:
    """Serve a document on this machine, with realistic data that changes as you call it; Ctrl-C stops it."""
    from ..sandbox import Sandbox

    spec = load_spec(document)
    with stop_signals() as stop, Sandbox(spec, seed=seed, speed=speed, limits=limits).start(port) as running:
        print_facts(_sandbox_facts(spec, running.url, running.token()))
        wait(stop)


def _sandbox_facts(spec: Spec, url: str, token: str) -> dict[str, str]:
    from ..workbench import SANDBOX_URL

    path = next((op.path for op in spec if op.method == "GET" and "{" not in op.path), "")
    return {
        "Sandbox": url,
        "Document": f"{spec.title} {spec.version}, {len(spec)} operations",
        "Token": f"{token}\ngenerated; valid only for this sandbox",
        "Try": f'curl -H "Authorization: Bearer {token}" {url}{path}',
        "Notebook": f'{SANDBOX_URL}={url} in the environment of JupyterLab, then anb.connect("sandbox")',
        "": "Ctrl-C stops it.",
    }

"""What several commands take, and how what is given becomes a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..spec import Spec

HOME = "astro-v1"  # the bundled document, used where none is named

Document = Annotated[
    str, typer.Option("--document", metavar="FILE", help="A file, a URL, or the name of a bundled one.")
]
Speed = Annotated[
    float, typer.Option("--speed", min=0.0, help="Life cycles run this many times as fast as in reality.")
]


def load_document(source: str) -> Spec:
    """The document at a path, at a URL, or bundled under a name."""
    from ..client import Client
    from ..spec import load

    return load(source, fetch=Client().fetch)

"""A notebook version of Postman: forms, chaining, history and runbooks for any OpenAPI document.

import astro_nb as anb
api = anb.connect()        # the embedded sandbox: no token, no internet
api                        # shows the explorer
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .call import UNSET, Body, Call, Upload
from .environments import Environment, Environments
from .errors import AstroNbError
from .exchange import Exchange, advice_for, outcome_of
from .http import Retries
from .secrets import Reference, Secret
from .workbench import Workbench, connect

if TYPE_CHECKING:
    from .sandbox import Sandbox

__version__ = "0.1.0"

__all__ = [
    "UNSET",
    "AstroNbError",
    "Body",
    "Call",
    "Environment",
    "Environments",
    "Exchange",
    "Reference",
    "Retries",
    "Sandbox",
    "Secret",
    "Upload",
    "Workbench",
    "advice_for",
    "connect",
    "outcome_of",
]


def __getattr__(name: str) -> Any:
    """Import `Sandbox` on first use, so that `import astro_nb` does not wait for it."""
    if name == "Sandbox":
        from .sandbox import Sandbox

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

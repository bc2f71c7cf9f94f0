"""A notebook version of Postman: forms, chaining, history and runbooks for any OpenAPI document."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
_WHERE = {
    "UNSET": "call", "AstroNbError": "errors", "Call": "call", "Environment": "environment", "Exchange": "exchange",
    "Retries": "pace", "Sandbox": "sandbox", "Secret": "environment", "Workbench": "workbench", "connect": "workbench",
}  # fmt: skip
__all__ = [*_WHERE]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(name)

"""The room that knows all the others: introductions only."""

from .opening import SANDBOX_SPEED, SANDBOX_URL, connect
from .workbench import Workbench

__all__ = ["SANDBOX_SPEED", "SANDBOX_URL", "Workbench", "connect"]

"""The facade: connect to an API and use it."""

from .connect import SANDBOX_SPEED, SANDBOX_URL, connect
from .workbench import Workbench

__all__ = ["SANDBOX_SPEED", "SANDBOX_URL", "Workbench", "connect"]

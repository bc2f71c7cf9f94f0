"""The only window to the network and the only clock."""

from .client import Client
from .conversation import Note, Plan, new_id
from .running import Running, Stop, current_stop, in_background

__all__ = ["Client", "Note", "Plan", "Running", "Stop", "current_stop", "in_background", "new_id"]

"""The only window to the network and the only clock."""

from .client import Client, Running
from .conversation import Note, Plan, new_id

__all__ = ["Client", "Note", "Plan", "Running", "new_id"]

"""Resolve a call, send it, keep its exchange."""

from .concurrent import PARALLEL, Many, send_many
from .secrets import known_here, known_of, known_values
from .session import GUARD, Session, permissions

__all__ = ["GUARD", "PARALLEL", "Many", "Session", "known_here", "known_of", "known_values", "permissions", "send_many"]

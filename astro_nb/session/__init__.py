"""Calls made: resolved, sent, and kept."""

from .session import GUARD, Session, permissions

__all__ = ["GUARD", "Session", "permissions"]

"""Resolve a call, send it, keep its exchange."""

from .concurrent import PARALLEL, Many, send_many
from .secrets import available_secrets, environment_folder_secrets, session_secrets
from .session import Session, permissions

__all__ = [
    "PARALLEL",
    "Many",
    "Session",
    "available_secrets",
    "environment_folder_secrets",
    "permissions",
    "send_many",
    "session_secrets",
]

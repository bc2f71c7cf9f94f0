"""Resolve a call, send it, and store its exchange."""

from .credentials import Credentials
from .secrets import add_headers, available_secrets, environment_folder_secrets, session_secrets
from .session import MAX_PARALLEL, ConcurrentCalls, Session, open_session, send_many

__all__ = [
    "MAX_PARALLEL",
    "ConcurrentCalls",
    "Credentials",
    "Session",
    "add_headers",
    "available_secrets",
    "environment_folder_secrets",
    "open_session",
    "send_many",
    "session_secrets",
]

"""Calls as HTTP requests: parameters, bodies and credentials."""

from .credential_kinds import require_value
from .request import build_request, build_request_pair
from .security import SecurityChoice, security_choices
from .styles import to_json

__all__ = [
    "SecurityChoice",
    "build_request",
    "build_request_pair",
    "require_value",
    "security_choices",
    "to_json",
]

"""Sending: transport, request flow, retries, rate limits, OAuth."""

from .client import Client, Running, Stop, current_stop, in_background
from .rate_limit import Rate, rate_of
from .request_flow import OnAttempt, PreparedRequest, new_id, redact_response
from .retry import Retries

__all__ = [
    "Client",
    "OnAttempt",
    "PreparedRequest",
    "Rate",
    "Retries",
    "Running",
    "Stop",
    "current_stop",
    "in_background",
    "new_id",
    "rate_of",
    "redact_response",
]

"""Sending: transport, request flow, retries, rate limits, OAuth."""

from .background import Running, Stop, current_stop, in_background
from .client import Client
from .rate_limit import Rate, rate_of
from .request_flow import OnAttempt, PreparedRequest, new_id
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
]

"""Sending: transport, request flow, retries, rate limits, OAuth."""

from .background import Running, Stop, current_stop, in_background
from .client import Client
from .rate_limit import Budget, Rate, Slot, budget_of, rate_of
from .request_flow import OnAttempt, PreparedRequest, new_id
from .retry import Decision, Retries, decide, retry_after

__all__ = [
    "Budget",
    "Client",
    "Decision",
    "OnAttempt",
    "PreparedRequest",
    "Rate",
    "Retries",
    "Running",
    "Slot",
    "Stop",
    "budget_of",
    "current_stop",
    "decide",
    "in_background",
    "new_id",
    "rate_of",
    "retry_after",
]

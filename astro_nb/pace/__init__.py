"""How fast and how often to ask."""

from .budget import Budget, Rate, Slot, budget_of, rate_of
from .retries import Decision, Retries, decide, may_be_done, repeatable, retry_after

__all__ = [
    "Budget",
    "Decision",
    "Rate",
    "Retries",
    "Slot",
    "budget_of",
    "decide",
    "may_be_done",
    "rate_of",
    "repeatable",
    "retry_after",
]

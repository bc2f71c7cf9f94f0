"""Repeat a call until a condition holds."""

from .conditions import Goal, Until, Verdict, goal_of, until_of
from .states import Deed, deed_before, grace_of, state_of
from .transitions import Log, Transition, Transitions, duration_words, strip
from .wait import Patience, Waited, failed, timed_out, wait_for

__all__ = [
    "Deed",
    "Goal",
    "Log",
    "Patience",
    "Transition",
    "Transitions",
    "Until",
    "Verdict",
    "Waited",
    "deed_before",
    "duration_words",
    "failed",
    "goal_of",
    "grace_of",
    "state_of",
    "strip",
    "timed_out",
    "until_of",
    "wait_for",
]

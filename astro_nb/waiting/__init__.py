"""When a thing is what one waits for, and what was seen until it was."""

from .drawing import duration_words, strip
from .ending import failed, timed_out
from .stale import Deed, deed_before
from .states import grace_of, state_of
from .transitions import Log, Transition, Transitions
from .until import Goal, Until, Verdict, goal_of, until_of
from .waited import Waited

__all__ = [
    "Deed",
    "Goal",
    "Log",
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
]

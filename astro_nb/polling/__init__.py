"""Repeat a call until a condition holds."""

from .conditions import Until, parse_until
from .states import state_of
from .transitions import Transition, Transitions
from .wait import WaitOptions, WaitResult, wait_for

__all__ = ["Transition", "Transitions", "Until", "WaitOptions", "WaitResult", "parse_until", "state_of", "wait_for"]

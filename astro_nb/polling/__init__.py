"""Repeat a call until a condition holds."""

from .conditions import Until
from .states import Transition, Transitions, state_of
from .wait import WaitOptions, WaitResult, wait_for

__all__ = ["Transition", "Transitions", "Until", "WaitOptions", "WaitResult", "state_of", "wait_for"]

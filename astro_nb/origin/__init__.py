"""Where a value may come from, and go: what the document tells of it, and what earlier answers hold."""

from .consumers import Consumer, consumers, inputs_of
from .producers import GOOD, Producer, producers
from .seen import Suggestion, source_of, suggest, thing

__all__ = [
    "GOOD",
    "Consumer",
    "Producer",
    "Suggestion",
    "consumers",
    "inputs_of",
    "producers",
    "source_of",
    "suggest",
    "thing",
]

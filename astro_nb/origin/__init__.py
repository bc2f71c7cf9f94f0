"""Where a value may come from, and go: what the document tells of it, and what earlier answers hold."""

from .consumers import Consumer, consumers, inputs_of
from .listing import sources_frame, uses_frame
from .producers import GOOD, Producer, producers, producers_of
from .provenance import Provenance, provenance_of
from .seen import Suggestion, source_of, suggest, thing

__all__ = [
    "GOOD",
    "Consumer",
    "Producer",
    "Provenance",
    "Suggestion",
    "consumers",
    "inputs_of",
    "producers",
    "producers_of",
    "provenance_of",
    "source_of",
    "sources_frame",
    "suggest",
    "thing",
    "uses_frame",
]

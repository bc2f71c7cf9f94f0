"""Where values come from and go to: producers, consumers, provenance, response references, suggestions."""

from .linking import Linking, Suggestion, suggest
from .producers import Consumer, Producer, consumers, linkable_inputs, producers, sources_frame, uses_frame
from .response_references import Responses, read_reference

__all__ = [
    "Consumer",
    "Linking",
    "Producer",
    "Responses",
    "Suggestion",
    "consumers",
    "linkable_inputs",
    "producers",
    "read_reference",
    "sources_frame",
    "suggest",
    "uses_frame",
]

"""Where values come from and go to: producers, consumers, provenance, response references, suggestions."""

from .linking import Linking, Provenance, provenance_of
from .producers import (
    GOOD,
    Consumer,
    Producer,
    consumers,
    inputs_of,
    producers,
    producers_of,
    sources_frame,
    uses_frame,
)
from .response_references import Responses, read_reference
from .suggestions import Suggestion, source_of, suggest, thing

__all__ = [
    "GOOD",
    "Consumer",
    "Linking",
    "Producer",
    "Provenance",
    "Responses",
    "Suggestion",
    "consumers",
    "inputs_of",
    "producers",
    "producers_of",
    "provenance_of",
    "read_reference",
    "source_of",
    "sources_frame",
    "suggest",
    "thing",
    "uses_frame",
]

"""One call and its result."""

from .attempts import WAITING, Attempt, ErrorFacts, Failure, FieldError, plain
from .display import draw, draw_body, draw_error, headline, size_words, time_words
from .exchange import Exchange, item_field, lead
from .frames import paged_frame
from .group import SINGLE_CALL, CallGroup, GroupKind
from .outcome import Outcome, advice_for, outcome_of

__all__ = [
    "SINGLE_CALL",
    "WAITING",
    "Attempt",
    "CallGroup",
    "ErrorFacts",
    "Exchange",
    "Failure",
    "FieldError",
    "GroupKind",
    "Outcome",
    "advice_for",
    "draw",
    "draw_body",
    "draw_error",
    "headline",
    "item_field",
    "lead",
    "outcome_of",
    "paged_frame",
    "plain",
    "size_words",
    "time_words",
]

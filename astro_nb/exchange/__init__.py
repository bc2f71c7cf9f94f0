"""One call and its result."""

from .attempts import HELD, Attempt, ErrorFacts, Failure, FieldError, plain
from .display import draw, draw_body, draw_error, headline, size_words, time_words
from .exchange import Exchange, item_field, items_path, lead
from .frames import paged_frame
from .outcome import Outcome, may_be_done

__all__ = [
    "HELD",
    "Attempt",
    "ErrorFacts",
    "Exchange",
    "Failure",
    "FieldError",
    "Outcome",
    "draw",
    "draw_body",
    "draw_error",
    "headline",
    "item_field",
    "items_path",
    "lead",
    "may_be_done",
    "paged_frame",
    "plain",
    "size_words",
    "time_words",
]

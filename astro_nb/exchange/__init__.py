"""One call and what came of it."""

from .drawing import draw, draw_body, draw_error, headline, size_words, time_words
from .ended import Outcome
from .exchange import SECRET_HEADERS, Exchange
from .facts import HELD, Attempt, ErrorFacts, Failure, FieldError, plain
from .items import item_field, items_path, lead

__all__ = [
    "HELD",
    "SECRET_HEADERS",
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
    "plain",
    "size_words",
    "time_words",
]

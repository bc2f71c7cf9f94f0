"""One call and its result."""

from .display import (
    draw_body,
    draw_error,
    draw_exchange,
    draw_headline,
    draw_notes,
    format_duration,
    format_size,
    item_field,
    leading_columns,
    paged_frame,
)
from .exchange import Exchange
from .parts import (
    SINGLE_CALL,
    WAITING,
    Attempt,
    CallGroup,
    Failure,
    FieldError,
    Outcome,
    advice_for,
    outcome_of,
    printable,
)

__all__ = [
    "SINGLE_CALL",
    "WAITING",
    "Attempt",
    "CallGroup",
    "Exchange",
    "Failure",
    "FieldError",
    "Outcome",
    "advice_for",
    "draw_body",
    "draw_error",
    "draw_exchange",
    "draw_headline",
    "draw_notes",
    "format_duration",
    "format_size",
    "item_field",
    "leading_columns",
    "outcome_of",
    "paged_frame",
    "printable",
]

"""What an unsafe call would change, and whether it may be sent."""

from .approval import ALLOW_UNSAFE, Guard, displayed, is_guarded, require_confirmed
from .change import Change, Found, ManyChanges, found_in, path_value, what_would_change
from .diff import KINDS, Entry, Hidden, Lost, Row, Steps, compare
from .display import shown
from .reading import call_to_read, deed_of, last_parameter, lists, reader_of
from .update_body import as_body, held_by, lost_by, ruled, sendable, uncovered

__all__ = [
    "ALLOW_UNSAFE",
    "KINDS",
    "Change",
    "Entry",
    "Found",
    "Guard",
    "Hidden",
    "Lost",
    "ManyChanges",
    "Row",
    "Steps",
    "as_body",
    "call_to_read",
    "compare",
    "deed_of",
    "displayed",
    "found_in",
    "held_by",
    "is_guarded",
    "last_parameter",
    "lists",
    "lost_by",
    "path_value",
    "reader_of",
    "require_confirmed",
    "ruled",
    "sendable",
    "shown",
    "uncovered",
    "what_would_change",
]

"""What an unsafe call would change, and whether it may be sent."""

from .asking import ALLOW_UNSAFE, Guard, displayed, is_guarded, require_confirmed
from .change import Change, what_would_change
from .comparing import KINDS, Entry, Hidden, Lost, Row, Steps, compare
from .drawing import shown
from .found import Found, found_in, path_value
from .holding import held_by, ruled
from .many import ManyChanges
from .present import as_body, lost_by, sendable, uncovered
from .reading import call_to_read, deed_of, last_parameter, lists, reader_of

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

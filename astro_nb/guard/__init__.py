"""What an unsafe call would change, and whether it may be sent."""

from .asking import ALLOW_UNSAFE, Guard, is_guarded, require_confirmed
from .change import Change, what_would_change
from .comparing import KINDS, Entry, Row, compare
from .many import ManyChanges
from .reading import deed_of, reader_of

__all__ = [
    "ALLOW_UNSAFE",
    "KINDS",
    "Change",
    "Entry",
    "Guard",
    "ManyChanges",
    "Row",
    "compare",
    "deed_of",
    "is_guarded",
    "reader_of",
    "require_confirmed",
    "what_would_change",
]

"""What an unsafe call would change, and whether it may be sent."""

from .approval import ALLOW_UNSAFE, Approval, displayed, needs_approval, require_confirmed
from .change import Change, Found, ManyChanges, found_in, path_value, what_would_change
from .diff import KINDS, Entry, Hidden, Lost, Row, Steps, compare
from .display import shown
from .update_body import as_body, held_by, lost_by, ruled, sendable, uncovered

__all__ = [
    "ALLOW_UNSAFE",
    "KINDS",
    "Approval",
    "Change",
    "Entry",
    "Found",
    "Hidden",
    "Lost",
    "ManyChanges",
    "Row",
    "Steps",
    "as_body",
    "compare",
    "displayed",
    "found_in",
    "held_by",
    "lost_by",
    "needs_approval",
    "path_value",
    "require_confirmed",
    "ruled",
    "sendable",
    "shown",
    "uncovered",
    "what_would_change",
]

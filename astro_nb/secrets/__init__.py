"""What is secret and where it may stand: references, redaction, patterns."""

from .findings import Finding, Known, Piece, find_known, find_leaks, findings_frame, pieces_of, starred_notebook
from .redaction import occurrences, scrub
from .references import MASK, Reference, Secret

__all__ = [
    "MASK",
    "Finding",
    "Known",
    "Piece",
    "Reference",
    "Secret",
    "find_known",
    "find_leaks",
    "findings_frame",
    "occurrences",
    "pieces_of",
    "scrub",
    "starred_notebook",
]

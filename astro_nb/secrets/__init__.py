"""What is secret and where it may stand: references, redaction, patterns."""

from .findings import Finding, Known, Piece, find_known, find_leaks, findings_frame, pieces_of, starred_notebook
from .names import SECRET_HEADERS, is_secret_header, is_secret_name
from .redaction import occurrences, scrub
from .references import MASK, Reference, Secret

__all__ = [
    "MASK",
    "SECRET_HEADERS",
    "Finding",
    "Known",
    "Piece",
    "Reference",
    "Secret",
    "find_known",
    "find_leaks",
    "findings_frame",
    "is_secret_header",
    "is_secret_name",
    "occurrences",
    "pieces_of",
    "scrub",
    "starred_notebook",
]

"""What in a text is a secret, or looks like one."""

from .finding import Finding, findings_frame
from .known import known_here, known_of, known_values
from .notebooks import Piece, pieces_of, starred_notebook
from .texts import Known, find_known, find_leaks

__all__ = [
    "Finding",
    "Known",
    "Piece",
    "find_known",
    "find_leaks",
    "findings_frame",
    "known_here",
    "known_of",
    "known_values",
    "pieces_of",
    "starred_notebook",
]

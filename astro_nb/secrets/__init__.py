"""What is secret and where it may stand: references, redaction, patterns."""

from .findings import (
    Finding,
    KnownSecrets,
    NotebookPart,
    find_known_secrets,
    find_secrets,
    findings_frame,
    notebook_parts,
    redact_notebook,
)
from .names import SECRET_HEADERS, is_secret_header, is_secret_name
from .redaction import find_occurrences, redact
from .references import MASK, Reference, Secret

__all__ = [
    "MASK",
    "SECRET_HEADERS",
    "Finding",
    "KnownSecrets",
    "NotebookPart",
    "Reference",
    "Secret",
    "find_known_secrets",
    "find_occurrences",
    "find_secrets",
    "findings_frame",
    "is_secret_header",
    "is_secret_name",
    "notebook_parts",
    "redact",
    "redact_notebook",
]

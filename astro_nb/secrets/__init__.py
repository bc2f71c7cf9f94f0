"""What is secret and where it may be: references, names, redaction, patterns."""

from .findings import (
    Finding,
    KnownSecrets,
    find_known_secrets,
    find_secrets,
    findings_frame,
    notebook_parts,
    redact_notebook,
)
from .patterns import is_secret_header, is_secret_name
from .redaction import SHORTEST, redact, redact_bytes, redact_data
from .references import MASK, Reference, Secret

__all__ = [
    "MASK",
    "SHORTEST",
    "Finding",
    "KnownSecrets",
    "Reference",
    "Secret",
    "find_known_secrets",
    "find_secrets",
    "findings_frame",
    "is_secret_header",
    "is_secret_name",
    "notebook_parts",
    "redact",
    "redact_bytes",
    "redact_data",
    "redact_notebook",
]

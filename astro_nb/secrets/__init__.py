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
from .patterns import (
    is_distinctive,
    is_harmless_by_prose,
    is_random,
    is_secret_by_prose,
    is_secret_header,
    is_secret_name,
    is_secrets_name,
    may_be_secret_name,
)
from .redaction import redact, redact_bytes, redact_data
from .references import MASK, Reference, Secret
from .texts import mask_text, mask_url_secrets

__all__ = [
    "MASK",
    "Finding",
    "KnownSecrets",
    "Reference",
    "Secret",
    "find_known_secrets",
    "find_secrets",
    "findings_frame",
    "is_distinctive",
    "is_harmless_by_prose",
    "is_random",
    "is_secret_by_prose",
    "is_secret_header",
    "is_secret_name",
    "is_secrets_name",
    "mask_text",
    "mask_url_secrets",
    "may_be_secret_name",
    "notebook_parts",
    "redact",
    "redact_bytes",
    "redact_data",
    "redact_notebook",
]

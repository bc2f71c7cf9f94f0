"""What an unsafe call would change, and whether it may be sent."""

from .approval import ALLOW_UNSAFE, Approval, display_change, needs_approval
from .change import BATCH_PREVIEWS, Change, ReadState, describe_change, path_value, path_values, state_in, value_text
from .update_body import (
    drop_excluded_fields,
    omission_rule,
    state_to_body,
    unprotected_secrets,
    without_stored_values,
    writable_part,
)

__all__ = [
    "ALLOW_UNSAFE",
    "BATCH_PREVIEWS",
    "Approval",
    "Change",
    "ReadState",
    "describe_change",
    "display_change",
    "drop_excluded_fields",
    "needs_approval",
    "omission_rule",
    "path_value",
    "path_values",
    "state_in",
    "state_to_body",
    "unprotected_secrets",
    "value_text",
    "without_stored_values",
    "writable_part",
]

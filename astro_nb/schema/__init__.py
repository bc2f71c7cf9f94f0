"""JSON Schema as a tree of fields: normalization, samples, validation, masking."""

from .arguments import arrange, body_fields, signature, snake
from .field import Branch, Field, read
from .masking import has_secret, lift, mask, redact
from .operations import (
    Problem,
    RuleView,
    body_example,
    body_field,
    broken_rules,
    parameter_fields,
    parameters_by_name,
    response_field,
    rule_view,
)
from .samples import example_call, sample

__all__ = [
    "Branch",
    "Field",
    "Problem",
    "RuleView",
    "arrange",
    "body_example",
    "body_field",
    "body_fields",
    "broken_rules",
    "example_call",
    "has_secret",
    "lift",
    "mask",
    "parameter_fields",
    "parameters_by_name",
    "read",
    "redact",
    "response_field",
    "rule_view",
    "sample",
    "signature",
    "snake",
]

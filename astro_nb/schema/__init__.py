"""JSON Schema as a tree of fields: normalization, samples, validation, masking."""

from .arguments import body_fields, build_call, python_name, python_names, signature, snake_case
from .documentation import describe_operation, describe_type, operation_html
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
    "body_example",
    "body_field",
    "body_fields",
    "broken_rules",
    "build_call",
    "describe_operation",
    "describe_type",
    "example_call",
    "has_secret",
    "lift",
    "mask",
    "operation_html",
    "parameter_fields",
    "parameters_by_name",
    "python_name",
    "python_names",
    "read",
    "redact",
    "response_field",
    "rule_view",
    "sample",
    "signature",
    "snake_case",
]

"""JSON Schema as a tree of fields: normalization, samples, validation, masking."""

from .arguments import body_fields, build_call, python_name, python_names, signature, snake_case
from .documentation import describe_operation, describe_type, operation_html
from .field import Branch, Field, read_field
from .masking import extract_secrets, has_secret, hold_secrets, mask_secrets
from .operations import (
    ActiveRules,
    Problem,
    active_rules,
    body_example,
    body_field,
    broken_rules,
    parameter_fields,
    parameter_fields_by_name,
    response_field,
)
from .samples import example_call, make_sample

__all__ = [
    "ActiveRules",
    "Branch",
    "Field",
    "Problem",
    "active_rules",
    "body_example",
    "body_field",
    "body_fields",
    "broken_rules",
    "build_call",
    "describe_operation",
    "describe_type",
    "example_call",
    "extract_secrets",
    "has_secret",
    "hold_secrets",
    "make_sample",
    "mask_secrets",
    "operation_html",
    "parameter_fields",
    "parameter_fields_by_name",
    "python_name",
    "python_names",
    "read_field",
    "response_field",
    "signature",
    "snake_case",
]

"""A form as data; the only reader of JSON Schema."""

from .arguments import arrange, body_fields, signature
from .masking import mask, redact
from .rules import Problem, RuleView, broken_rules, rule_view
from .sample import example_call, sample
from .tree import Branch, Field, body_field, parameter_fields, read, response_field

__all__ = [
    "Branch",
    "Field",
    "Problem",
    "RuleView",
    "arrange",
    "body_field",
    "body_fields",
    "broken_rules",
    "example_call",
    "mask",
    "parameter_fields",
    "read",
    "redact",
    "response_field",
    "rule_view",
    "sample",
    "signature",
]

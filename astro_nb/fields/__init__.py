"""A form as data; the only reader of JSON Schema."""

from .arguments import arrange, body_fields, signature, snake
from .masking import has_secret, lift, mask, redact
from .places import body_example, body_field, parameter_fields, parameters_by_name, response_field
from .rules import Problem, RuleView, broken_rules, rule_view
from .sample import example_call, sample
from .tree import Branch, Field, read

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

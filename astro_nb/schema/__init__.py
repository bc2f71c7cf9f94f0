"""JSON Schema as a tree of fields: normalization, samples, validation, masking."""

from .arguments import (
    body_fields,
    build_call,
    declares_body,
    describe_operation,
    describe_type,
    operation_html,
    python_name,
    python_names,
    signature,
    snake_case,
    take_body,
    undeclared_fields,
    whole_integers,
)
from .contradictions import find_contradiction
from .field import Branch, Field, further_properties, read_field
from .files import content_encoding, encode_content, is_text_media_type, read_files
from .masking import extract_secrets, has_secret, hold_secrets, mask_secrets
from .operations import (
    active_rules,
    body_example,
    body_field,
    broken_rules,
    parameter_fields,
    parameter_fields_by_name,
    response_field,
    without_read_only,
)
from .samples import example_call, make_sample, preset_values
from .secret_names import ROOT, response_secret_names, secret_names
from .validation import INTEGER_BITS, CompiledSchema, compile_schema, has_format, is_endless, is_valid, matches_shape

__all__ = [
    "INTEGER_BITS",
    "ROOT",
    "Branch",
    "CompiledSchema",
    "Field",
    "active_rules",
    "body_example",
    "body_field",
    "body_fields",
    "broken_rules",
    "build_call",
    "compile_schema",
    "content_encoding",
    "declares_body",
    "describe_operation",
    "describe_type",
    "encode_content",
    "example_call",
    "extract_secrets",
    "find_contradiction",
    "further_properties",
    "has_format",
    "has_secret",
    "hold_secrets",
    "is_endless",
    "is_text_media_type",
    "is_valid",
    "make_sample",
    "mask_secrets",
    "matches_shape",
    "operation_html",
    "parameter_fields",
    "parameter_fields_by_name",
    "preset_values",
    "python_name",
    "python_names",
    "read_field",
    "read_files",
    "response_field",
    "response_secret_names",
    "secret_names",
    "signature",
    "snake_case",
    "take_body",
    "undeclared_fields",
    "whole_integers",
    "without_read_only",
]

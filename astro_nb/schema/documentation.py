"""The documentation of an operation as plain text and as HTML: what it does, and its arguments."""

from __future__ import annotations

import textwrap

from .. import html
from ..openapi import Operation
from .arguments import body_fields
from .field import Field
from .operations import parameter_fields

_MAX_CHOICES = 8  # listed of a field's choices
_WIDTH = 88  # characters a line


def describe_operation(operation: Operation) -> str:
    """Return an operation's documentation as plain text: what it does, and each argument."""
    head = f"{operation.summary or operation.id}\n\n{operation.method} {operation.path}"
    parts = [head, textwrap.fill(operation.description, _WIDTH)]
    if operation.permissions:
        parts.append(f"Permission: {', '.join(operation.permissions)}")
    fields = [*parameter_fields(operation), *body_fields(operation)]
    if fields:
        parts.append("Arguments:\n" + "\n".join(map(_describe_argument, fields)))
    return "\n\n".join(part for part in parts if part)


def operation_html(operation: Operation) -> html.Markup:
    """Return an operation's documentation as static HTML."""
    fields = [*parameter_fields(operation), *body_fields(operation)]
    rows = [
        (html.code(f.name), describe_type(f), "required" if f.required else "", html.prose(f.info.description))
        for f in fields
    ]
    pill = html.method_pill(operation.method)
    return html.tag(
        "div",
        html.tag("div", pill, " ", html.tag("strong", operation.id), " ", html.code(operation.path)),
        html.tag("p", html.prose(operation.description or operation.summary)),
        html.table(["argument", "type", "required", "description"], rows) if rows else "",
    )


def describe_type(field: Field) -> str:
    """Return a field's type for people, with its choices."""
    if field.kind != "choice":
        return field.type_name
    choices = ", ".join(map(str, field.info.choices[:_MAX_CHOICES]))
    return choices + (" …" if len(field.info.choices) > _MAX_CHOICES else "")


def _describe_argument(field: Field) -> str:
    head = f"    {field.name} ({describe_type(field)}{', required' if field.required else ''})"
    text = textwrap.fill(field.info.description, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return f"{head}\n{text}" if text else head

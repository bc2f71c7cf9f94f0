"""A document as a table of operations."""

from .document import bundled, load_document
from .model import NOTE, Operation, Parameter, RequestBody, ResponseSpec, SecurityScheme
from .overlay import apply_overlay
from .table import Spec, load

__all__ = [
    "NOTE",
    "Operation",
    "Parameter",
    "RequestBody",
    "ResponseSpec",
    "SecurityScheme",
    "Spec",
    "apply_overlay",
    "bundled",
    "load",
    "load_document",
]

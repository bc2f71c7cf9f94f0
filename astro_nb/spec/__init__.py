"""A document as a table of operations."""

from .document import Fetch, bundled, load_document
from .media import RequestBody, ResponseSpec
from .model import Operation
from .notes import NOTE, notes_of
from .overlay import apply_overlay
from .parameters import Parameter
from .readers import reader_at, shape_of, upwards
from .references import name_of
from .security import OAuthFlow, SecurityScheme
from .servers import Server, ServerVariable
from .table import Spec, load

__all__ = [
    "NOTE",
    "Fetch",
    "OAuthFlow",
    "Operation",
    "Parameter",
    "RequestBody",
    "ResponseSpec",
    "SecurityScheme",
    "Server",
    "ServerVariable",
    "Spec",
    "apply_overlay",
    "bundled",
    "load",
    "load_document",
    "name_of",
    "notes_of",
    "reader_at",
    "shape_of",
    "upwards",
]

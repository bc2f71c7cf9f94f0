"""OpenAPI documents: load, resolve references, upgrade, extend by overlays, and list their operations."""

from .documents import bundled, load_document
from .extensions import NOTE, notes_of
from .external_references import Fetch
from .operations import OAuthFlow, Operation, SecurityScheme
from .overlays import apply_overlay
from .parameters import Parameter, RequestBody, ResponseSpec
from .references import reference_name
from .resources import reader_at, shape_of, upwards
from .servers import Server, ServerVariable
from .spec import Spec, load

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
    "notes_of",
    "reader_at",
    "reference_name",
    "shape_of",
    "upwards",
]

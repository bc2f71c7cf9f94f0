"""Parameters, bodies and credentials to and from HTTP."""

from .request import build_both, build_request
from .security import Choice, choices_of
from .text import json_of

__all__ = ["Choice", "build_both", "build_request", "choices_of", "json_of"]

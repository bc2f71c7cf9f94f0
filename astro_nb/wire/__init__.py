"""Between our words and HTTP's, both ways."""

from .request import build_both, build_request, from_httpx, to_httpx
from .security import Choice, choices_of
from .texts import json_of

__all__ = ["Choice", "build_both", "build_request", "choices_of", "from_httpx", "json_of", "to_httpx"]

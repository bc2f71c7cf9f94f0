"""Between our words and HTTP's, both ways."""

from .request import build_request, from_httpx, to_httpx
from .texts import json_of

__all__ = ["build_request", "from_httpx", "json_of", "to_httpx"]

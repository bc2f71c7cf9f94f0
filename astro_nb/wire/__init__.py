"""Between our words and HTTP's, both ways."""

from .request import build_request, from_httpx, to_httpx

__all__ = ["build_request", "from_httpx", "to_httpx"]

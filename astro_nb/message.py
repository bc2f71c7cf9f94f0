"""A request and a response of HTTP as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import orjson

from .errors import PickError

Headers = tuple[tuple[str, str], ...]
"""Header fields in order, names as sent; a name may repeat."""


def header(headers: Headers, name: str, default: str = "") -> str:
    """The first value of a header field; names compare without case (RFC 9110, section 5.1)."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), default)


def media_type(headers: Headers) -> str:
    """The bare media type of a message, in lower case, without parameters; empty where none is declared."""
    return header(headers, "content-type").partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether a media type carries JSON: application/json or any `+json` suffix (RFC 6839)."""
    return media == "application/json" or media.endswith("+json") or media == "text/json"


@dataclass(frozen=True)
class Request:
    """One HTTP request. `secret` says that it holds secrets in the clear: then its repr shows the target alone."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    secret: bool = False

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url.partition('?')[0]}>"

    @property
    def host(self) -> str:
        """Host of the target, in lower case, without the port."""
        return (urlsplit(self.url).hostname or "").lower()

    def with_header(self, name: str, value: str) -> Request:
        """The same request with one header field set anew."""
        kept = tuple((k, v) for k, v in self.headers if k.lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))


@dataclass(frozen=True)
class Response:
    """One HTTP response, its body whole and decoded from any transfer or content coding."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    reason: str = ""
    http_version: str = "HTTP/1.1"

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    @property
    def media_type(self) -> str:
        """Bare media type of the body; empty where none is declared."""
        return media_type(self.headers)

    @cached_property
    def text(self) -> str:
        """The body as text, in the declared charset or UTF-8; what cannot be decoded becomes U+FFFD."""
        charset = "utf-8"
        for part in header(self.headers, "content-type").split(";")[1:]:
            key, _, value = part.strip().partition("=")
            charset = value.strip("\"' ") if key.lower() == "charset" else charset
        try:
            return self.body.decode(charset, errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")

    @cached_property
    def _parsed(self) -> tuple[Any, str]:
        if not self.body:
            return None, "the body is empty"
        try:
            return orjson.loads(self.body), ""
        except orjson.JSONDecodeError as error:
            return None, str(error)

    @property
    def is_json(self) -> bool:
        """Whether the body parses as JSON, whatever the declared type says."""
        return not self._parsed[1]

    def json(self) -> Any:
        """The body as plain JSON data.

        Raises:
            PickError: the body is not JSON.
        """
        data, problem = self._parsed
        if problem:
            kind = self.media_type or "no declared media type"
            raise PickError(
                f"The answer ({self.status}, {kind}) is not JSON: {problem}.", "Read it as text: `response.text`."
            )
        return data

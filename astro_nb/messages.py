"""HTTP requests and responses as plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from .errors import PickError, UsageError
from .json_text import JsonError, JsonNote, ReadJson, detect_codec, read_json

Headers = tuple[tuple[str, str], ...]
"""Header fields in order, names as sent; a name may occur several times."""


def header(headers: Headers, name: str, default: str = "") -> str:
    """Return the first value of a header field; names are compared without case (RFC 9110, section 5.1)."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), default)


def join_headers(headers: Headers) -> dict[str, str]:
    """Return header fields by name, in the spelling of the first; several values are joined by a comma.

    That is what several fields of a name mean (RFC 9110, section 5.3), except for Set-Cookie: its values have commas,
    and are joined by a line break.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), (name, []))[1].append(value)
    return {name: ("\n" if key == "set-cookie" else ", ").join(values) for key, (name, values) in found.items()}


def media_type(headers: Headers) -> str:
    """Return the media type of a message in lower case, without parameters; empty if there is none."""
    return bare_media_type(header(headers, "content-type"))


def bare_media_type(media: str) -> str:
    """Return a media type in lower case, without parameters, as media types are compared (RFC 9110, section 8.3.1)."""
    return media.partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether a media type is JSON: application/json, text/json or any `+json` suffix (RFC 6839)."""
    media_type = bare_media_type(media)
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def is_yaml(media: str) -> bool:
    """Whether a media type is YAML: application/yaml, its unregistered forms or any `+yaml` suffix (RFC 9512)."""
    main, _, subtype = bare_media_type(media).partition("/")
    return main in ("application", "text") and (subtype in ("yaml", "x-yaml", "vnd.yaml") or subtype.endswith("+yaml"))


def is_cbor(media: str) -> bool:
    """Whether a media type is CBOR: application/cbor or any `+cbor` suffix (RFC 8949, section 9.5)."""
    media_type = bare_media_type(media)
    return media_type == "application/cbor" or media_type.endswith("+cbor")


def has_data(media: str) -> bool:
    """Whether a media type carries plain data of the types that JSON has: JSON, YAML or CBOR."""
    return is_json(media) or is_yaml(media) or is_cbor(media)


def read_data(body: bytes, media: str, charset: str = "") -> Any:
    """Return the plain data of a body in JSON, YAML or CBOR.

    Raises:
        ValueError: the body is not of its media type; also JsonError and YamlError.
    """
    if is_cbor(media):
        import cbor2  # imported at first use: few APIs have it

        try:
            return cbor2.loads(body)
        except cbor2.CBORDecodeError as error:
            raise ValueError(f"the body is not CBOR: {error}") from error
    if is_yaml(media):
        from .yaml import load_yaml  # imported at first use: few APIs have it

        return load_yaml(body)
    return read_json(body, charset).data


def closest_media_type(media: str, declared: Iterable[str]) -> str | None:
    """Return which of the declared media types and ranges a media type is; None if it is none of them.

    The one whose parameters agree most comes first, then one of the same type, then a range (RFC 9110, sections 8.3.1
    and 12.5.1). Names and types are compared without case.
    """
    kind, parameters = _parse_media_type(media)
    main = kind.partition("/")[0]
    best, best_score = None, 0
    for name in declared:
        other, others = _parse_media_type(name)
        if other == kind:
            score = 1000 + 2 * len(parameters & others) - len(parameters ^ others)
            score += 1000 if others <= parameters else 0
        else:
            score = next((score for score, matches in _RANGES if matches(other, main, kind)), 0)
        score += 500 if name == media else 0
        if score > best_score:
            best, best_score = name, score
    return best


_RANGES: tuple[tuple[int, Callable[[str, str, str], bool]], ...] = (
    (3, lambda other, main, kind: other == f"{main}/*+json" and is_json(kind)),  # not in RFC 9110, but ASP.NET has it
    (2, lambda other, main, kind: other == f"{main}/*"),
    (1, lambda other, main, kind: other in ("*/*", "*")),
)
"""The score of each kind of range, and whether it contains a media type."""


def _parse_media_type(media: str) -> tuple[str, frozenset[tuple[str, str]]]:
    kind, *rest = media.lower().split(";")
    pairs = (part.partition("=")[::2] for part in rest if part.strip())
    return kind.strip(), frozenset((name.strip(), value.strip(" \t\"'")) for name, value in pairs)


def is_under_base_url(url: str, base: str) -> bool:
    """Whether a URL is a base URL or below it."""
    base = base.rstrip("/")
    return url == base or url.startswith((f"{base}/", f"{base}?"))


@dataclass(frozen=True)
class Request:
    """One HTTP request. `secret` marks one that contains secrets: its repr shows only scheme and host."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    secret: bool = False

    def __repr__(self) -> str:
        return f"<Request {self.method} {origin_of(self.url) or '…' if self.secret else re.split('[?#]', self.url)[0]}>"

    def __reduce__(self) -> Any:
        if self.secret:
            raise TypeError("A request that contains secrets cannot be copied or pickled.")
        return type(self), (self.method, self.url, self.headers, self.body)

    @property
    def host(self) -> str:
        """The host of the URL in lower case, without the port.

        Raises:
            UsageError: The URL is malformed.
        """
        try:
            return (urlsplit(self.url).hostname or "").lower()
        except ValueError as error:
            raise UsageError("The request's URL is malformed.", "Check the base URL.") from error

    def with_header(self, name: str, value: str) -> Request:
        """Return the same request with one header field replaced."""
        others = tuple((k, v) for k, v in self.headers if k.lower() != name.lower())
        return replace(self, headers=(*others, (name, value)))


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, without user and password; empty if it is malformed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@dataclass(frozen=True)
class Response:
    """One HTTP response, its body decoded from any transfer or content coding.

    Attributes:
        status, headers, body, reason, http_version: as received.
        full_size: bytes of the complete body, if only its beginning was stored; None if the body is complete.
        note: what is unusual about how the body was received; empty if nothing is.
    """

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    reason: str = ""
    http_version: str = "HTTP/1.1"
    full_size: int | None = None
    note: str = ""

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    @property
    def content_type(self) -> str:
        """The media type of the body with its parameters, as received; empty if there is none."""
        return header(self.headers, "content-type").strip()

    @cached_property
    def media_type(self) -> str:
        """The media type of the body without parameters; empty if there is none."""
        return media_type(self.headers)

    @cached_property
    def text(self) -> str:
        """The body as text, in the declared charset or UTF-8; undecodable bytes become U+FFFD."""
        return self.body.decode(detect_codec(self.body, self._charset)[0], errors="replace")

    @property
    def _charset(self) -> str:
        """The declared charset; empty if none is."""
        charset = ""
        for part in header(self.headers, "content-type").split(";")[1:]:
            key, _, value = part.strip().partition("=")
            charset = value.strip("\"' ") if key.lower() == "charset" else charset
        return charset

    def encode(self, text: str) -> bytes:
        """Return a text in the charset in which the body is read; in UTF-8 if that lacks a character."""
        try:
            return text.encode(detect_codec(self.body, self._charset)[0])
        except UnicodeEncodeError:
            return text.encode(errors="backslashreplace")

    @property
    def is_truncated(self) -> bool:
        """Whether only the beginning of the body was stored."""
        return self.full_size is not None

    @property
    def size(self) -> int:
        """Bytes of the body as it was received."""
        return len(self.body) if self.full_size is None else self.full_size

    @cached_property
    def _parsed(self) -> ReadJson | JsonError:
        if self.is_truncated:
            return JsonError(f"only the first {len(self.body)} of its {self.size} bytes were stored")
        if not self.body:
            return JsonError("the body is empty")
        try:
            return read_json(self.body, self._charset)
        except JsonError as error:
            return error.with_traceback(None)

    @property
    def is_json(self) -> bool:
        """Whether the body parses as JSON, whatever the declared type says."""
        return isinstance(self._parsed, ReadJson)

    @property
    def is_cut(self) -> bool:
        """Whether the body is declared as JSON, and ends in the middle of it."""
        return is_json(self.media_type) and isinstance(self._parsed, JsonError) and self._parsed.is_cut

    @property
    def json_notes(self) -> tuple[JsonNote, ...]:
        """What is unusual about the body as JSON; empty if nothing is, or if it is not JSON."""
        return self._parsed.notes if isinstance(self._parsed, ReadJson) else ()

    def json(self) -> Any:
        """Return the body as plain JSON data, every number exact: see `json_text.read_json`.

        Raises:
            PickError: The body is not JSON.
        """
        read = self._parsed
        if isinstance(read, JsonError):
            media_type = self.media_type or "no media type"
            raise PickError(
                f"The response ({self.status}, {media_type}) is not JSON: {read}.", "Use its text: `response.text`."
            )
        return read.data

"""A multipart body read back as the values that were meant, by the fields that it was made from.

openapi-core reads the parts as texts alone; this reader is independent of the writer in `wire`, so that each keeps the
other honest.

The full judgement of a message by openapi-core: path, parameters, media type, status, security and body.

openapi-core is handed a document that holds one operation and what it refers to: reading a large one takes it long.
It reads JSON and forms of texts; what else a body can be is read for it, and a multipart body is shown to it as JSON.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakKeyDictionary

import orjson

from ..messages import Headers, Request, Response, bare_media_type, header, is_json, media_type
from ..openapi import Operation
from ..schema import Field, body_field, parameter_fields, response_field
from ..schema.json_schema import Direction
from .checks import MaskedValue, Violation, describe_violation, undeclared_status
from .slices import MULTIPART_AS_JSON, cut, is_beyond, is_unread, method_of


def read_parts(field: Field | None, headers: Headers, body: bytes) -> dict[str, Any]:
    """The values of a multipart body by name (RFC 7578); a name that repeats, or that means a list, is a list."""
    found: dict[str, list[Any]] = {}
    for part in _parts(headers, body):
        name = str(part.get_param("name", "", header="content-disposition"))
        found.setdefault(name, []).append(_value(_entry(field, name), part))
    return {name: values if len(values) > 1 or _is_list(field, name) else values[0] for name, values in found.items()}


def _parts(headers: Headers, body: bytes) -> list[EmailMessage]:
    head = f"Content-Type: {header(headers, 'content-type')}\r\n\r\n".encode("utf-8", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def _member(field: Field | None, name: str) -> Field | None:
    known = (form.member(name) for form in field.alternatives) if field is not None else ()
    return next((member for member in known if member is not None), None)


def _is_list(field: Field | None, name: str) -> bool:
    member = _member(field, name)
    return member is not None and member.kind == "array"


def _entry(field: Field | None, name: str) -> Field | None:
    member = _member(field, name)
    return member.item if member is not None and member.kind == "array" else member


def _value(field: Field | None, part: EmailMessage) -> Any:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    if part.get_filename() is not None:
        return raw.decode("latin-1")  # a file is a string to a schema, whatever it holds
    text = raw.decode("utf-8", "replace")
    kind = field.kind if field is not None else "text"
    as_json = is_json(part.get_content_type()) if "content-type" in part else False
    return _parsed(text) if as_json or kind not in ("text", "file", "choice") else _chosen(field, text)


def _chosen(field: Field | None, text: str) -> Any:
    """A choice by its text: `1` may stand for the number."""
    choices = field.info.choices if field is not None and field.kind == "choice" else ()
    other = text if not choices or any(isinstance(choice, str) for choice in choices) else _parsed(text)
    return next((choice for choice in choices if str(choice) == text), other)


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


_SAFE = ("required", "additionalProperties", "dependentRequired", "unevaluatedProperties")
"""Keywords of which jsonschema tells by names alone, never by values."""


_OURS = ("Unsupported scheme type", "Unsupported .* style")
"""Warnings of openapi-core about what is told here by other means: OAuth2, and styles that there are none of."""


@dataclass(frozen=True)
class _Engine:
    """openapi-core for one operation, and what it cannot judge there."""

    core: Any
    notes: tuple[Violation, ...]


_engines: WeakKeyDictionary[Operation, dict[Direction, _Engine]] = WeakKeyDictionary()


def check_request_fully(operation: Operation, request: Request) -> tuple[Violation, ...]:
    """What openapi-core says against a request; empty when nothing."""
    engine = _engine(operation, "request")
    errors = engine.core.iter_request_errors(_RequestView(operation, request))

    def field(name: str | None) -> Field | None:
        if name is None:
            return body_field(operation, media_type(request.headers) or None)
        keys = {parameter.key for parameter in operation.parameters if parameter.name == name}
        return next((field for field in parameter_fields(operation) if field.name in keys), None)

    return (*engine.notes, *_beyond(operation, media_type(request.headers)), *_violations(errors, field))


def check_response_fully(operation: Operation, request: Request, response: Response) -> tuple[Violation, ...]:
    """What openapi-core says against an answer; empty when nothing. An undeclared status is a note."""
    if operation.response(response.status) is None:
        return (undeclared_status(response.status),)
    engine = _engine(operation, "response")
    errors = engine.core.iter_response_errors(_RequestView(operation, request), _ResponseView(response))

    def field(name: str | None) -> Field | None:
        return None if name else response_field(operation, response.status, response.media_type)

    return (*engine.notes, *_violations(errors, field))


def _beyond(operation: Operation, kind: str) -> tuple[Violation, ...]:
    """That a parameter or a body was not judged, where it was not."""
    body = f"A body of type {kind} is not judged against its schema: XML has no one reading as JSON."
    unread = (p for p in operation.parameters if is_unread(operation, p))
    told = [f"The parameter {p.name} is not judged: openapi-core cannot read its style, {p.style}." for p in unread]
    return tuple(
        Violation((), text, "document", "note") for text in [*told, *([body] if is_beyond(operation, kind) else [])]
    )


class _RequestView:
    """Our request as openapi-core wants to see one."""

    def __init__(self, operation: Operation, request: Request) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict  # openapi-core's own dictionaries

        parts = urlsplit(request.url)
        self.host_url = "http://localhost"
        self.path = _below_base(operation.path, parts.path)
        self.method = method_of(operation)
        self.content_type, self.body = _read(operation, request)
        cookies = [c.strip().partition("=")[::2] for c in header(request.headers, "cookie").split(";") if c]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query, keep_blank_values=True)),
            header=Headers(list(request.headers)),
            cookie=ImmutableMultiDict(cookies),
        )


class _ResponseView:
    """Our response as openapi-core wants to see one."""

    def __init__(self, response: Response) -> None:
        from werkzeug.datastructures import Headers

        self.status_code = response.status
        self.headers = Headers(list(response.headers))
        self.content_type = header(response.headers, "content-type").lower()
        self.data = response.body or None


def _read(operation: Operation, request: Request) -> tuple[str, bytes | None]:
    """The body and its type as openapi-core can read them."""
    kind = media_type(request.headers)
    if not kind.startswith("multipart/"):
        return header(request.headers, "content-type").lower(), request.body or None

    values = read_parts(body_field(operation, kind), request.headers, request.body)
    return MULTIPART_AS_JSON, orjson.dumps(values)


class _Readers(dict[str, Callable[..., Any]]):
    """What a body of each media type is read as; forms are left to openapi-core."""

    def __contains__(self, media: object) -> bool:
        return bare_media_type(str(media)) != "application/x-www-form-urlencoded"

    def __getitem__(self, media: str) -> Callable[..., Any]:
        return _json if is_json(media) else _either if "*" in media else _text


def _json(body: bytes, **parameters: str) -> Any:
    return orjson.loads(body)


def _either(body: bytes, **parameters: str) -> Any:
    """In a range anything may stand: JSON where it reads so."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _text(body)


def _text(body: bytes, **parameters: str) -> str:
    """Whatever it is, to a schema it is a string."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _engine(operation: Operation, direction: Direction) -> _Engine:
    kept = _engines.setdefault(operation, {})
    if direction not in kept:
        import openapi_core  # imported at first use: it takes as long as all the rest together

        for words in _OURS:
            warnings.filterwarnings("ignore", words, module="openapi_core")

        document, notes = cut(operation, direction)
        config = openapi_core.Config(spec_validator_cls=None, extra_media_type_deserializers=_Readers())
        core = openapi_core.OpenAPI.from_dict(document, config=config)
        kept[direction] = _Engine(core, tuple(Violation((), text, "document", "note") for text in notes))
    return kept[direction]


def _below_base(template: str, path: str) -> str:
    """The part of a URL's path that the template covers, percent-decoded as openapi-core expects it.

    A slash in a value stays encoded: decoded it would look like one of the path's own.
    """
    pattern = re.sub(r"\\\{.+?\\\}", "[^/]+", re.escape(template))
    match = re.search(f"{pattern}$", path)
    return unquote(re.sub("(?i)%2f", "%252F", match[0])) if match else path


_FAILURES = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What openapi-core raises of itself where a document is not as it expects one."""


def _found(errors: Iterable[Exception]) -> Iterator[Exception | str]:
    """The errors; at last, in words, why there may be more."""
    try:
        yield from errors
    except _FAILURES as failure:
        yield f"openapi-core cannot judge this message: {type(failure).__name__} in it."


def _violations(errors: Iterable[Exception], field: Callable[[str | None], Field | None]) -> Iterator[Violation]:
    for error in _found(errors):
        if isinstance(error, str):
            yield Violation((), error, "document", "note")
            continue
        name = getattr(error, "name", None)
        holder = error if getattr(error, "schema_errors", None) else error.__cause__
        inner = getattr(holder, "schema_errors", None)
        if inner:
            shown = MaskedValue(getattr(holder, "value", None), lambda name=name: field(name))  # type: ignore[misc]  # of this turn
            yield from (_violation(schema_error, shown) for schema_error in inner)
        else:
            yield Violation((), _sentence(error)[:240], type(error).__name__)


def _violation(error: Any, shown: MaskedValue) -> Violation:
    location, keyword = tuple(error.absolute_path), str(error.validator)
    if keyword in _SAFE:
        return Violation(location, f"{error.message}."[:240], keyword)
    return Violation(location, describe_violation(keyword, shown.describe(location), error.validator_value), keyword)


def _sentence(error: BaseException) -> str:
    """What an error says, without the value that it may quote."""
    cause = error.__cause__
    if cause is None:
        return _words(error) if hasattr(error, "value") else str(error)
    if hasattr(cause, "value") or cause.__cause__ is not None:
        named = f"{getattr(error, 'location', 'header')} {getattr(error, 'name', '')}".strip()
        return f"{_words(error)}{f' ({named})' if hasattr(error, 'name') else ''}: {_words(cause)}"
    return str(error) if str(cause) in str(error) else f"{error}: {cause}"


def _words(error: BaseException) -> str:
    """The name of an error's class as words: `InvalidParameter` is "Invalid parameter"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).capitalize()

"""The full check of a message by openapi-core: path, parameters, media type, status, security and body.

openapi-core gets a document of one operation and what it refers to (see `slices`), since it reads large documents
slowly. It reads JSON and forms of text; other bodies are read for it, and a multipart body is given to it as JSON. The
reader of multipart bodies is independent of the writer in `serialization/`, so that each tests the other.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakKeyDictionary

from ..call import UNSET
from ..data import replace_values
from ..json_text import JsonError, is_whole, read_json, write_json
from ..messages import (
    Headers,
    Request,
    Response,
    bare_media_type,
    closest_media_type,
    header,
    is_cbor,
    is_json,
    is_yaml,
    media_type,
    read_data,
)
from ..openapi import Operation
from ..schema import Field, body_field, parameter_fields, response_field
from ..schema.validation import Direction
from .checks import MaskedValue, Violation, check_reading, describe_violation, undeclared_status
from .parameters import read_form, read_spread, spread_parameters
from .slices import FORM, SLICE_PATH, find_unchecked, form_as_json, is_unreadable, method_of, slice_document


def read_parts(field: Field | None, headers: Headers, body: bytes) -> dict[str, Any]:
    """Return the values of a multipart body by name (RFC 7578), as a list if it repeats or is an array."""
    head = f"Content-Type: {header(headers, 'content-type')}\r\n\r\n".encode("utf-8", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    values: dict[str, list[Any]] = {}
    for part in message.iter_parts():
        if isinstance(part, EmailMessage):
            name = str(part.get_param("name", "", header="content-disposition"))
            member = _member(field, name)
            part_field = member.item if member is not None and _is_array(member) else member
            values.setdefault(name, []).append(_part_value(part_field, part))
    return {n: found if len(found) > 1 or _is_array(_member(field, n)) else found[0] for n, found in values.items()}


def _member(field: Field | None, name: str) -> Field | None:
    members = (form.member(name) for form in field.alternatives) if field is not None else ()
    return next((member for member in members if member is not None), None)


def _is_array(field: Field | None) -> bool:
    return field is not None and field.kind == "array"


def _part_value(field: Field | None, part: EmailMessage) -> Any:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    if part.get_filename() is not None:
        return raw.decode("latin-1")  # a file is a string to a schema, whatever it holds
    text = raw.decode("utf-8", "replace")
    kind = field.kind if field is not None else "text"
    as_json = is_json(part.get_content_type()) if "content-type" in part else False
    return _json_or_text(text) if as_json or kind not in ("text", "file", "choice") else _choice_value(field, text)


def _choice_value(field: Field | None, text: str) -> Any:
    """Return the choice that is written as this text: `1` may be a number."""
    choices = field.info.choices if field is not None and field.kind == "choice" else ()
    other = text if not choices or any(isinstance(choice, str) for choice in choices) else _json_or_text(text)
    return next((choice for choice in choices if str(choice) == text), other)


def _json_or_text(text: str) -> Any:
    try:
        return read_json(text).data
    except JsonError:
        return text


_TEMPLATE_NAME = re.compile(r"\{([^{}]+)\}")
_MAX_MESSAGE = 240  # characters
_MAX_DIGITS = 1000
_WITHOUT_VALUES = ("required", "additionalProperties", "dependentRequired", "unevaluatedProperties")
"""Keywords whose message in jsonschema has names only, no values."""

_KNOWN_WARNINGS = ("Unsupported scheme type", "Unsupported .* style")
"""Warnings of openapi-core about what is reported here as a note: OAuth2, and unknown styles."""


@dataclass(frozen=True)
class _Validator:
    """openapi-core for one operation, and what it cannot check."""

    core: Any
    notes: tuple[Violation, ...]


_validators: WeakKeyDictionary[Operation, dict[Direction, _Validator]] = WeakKeyDictionary()


def check_request_fully(operation: Operation, request: Request) -> tuple[Violation, ...]:
    """Return every way in which a request, as it is sent, does not match the document; empty if it matches.

    What cannot be checked is a violation of severity "note".
    """
    validator = _validator(operation, "request")
    errors = validator.core.iter_request_errors(_RequestView(operation, request))

    def field(name: str | None) -> Field | None:
        if name is None:
            return body_field(operation, header(request.headers, "content-type") or None)
        keys = {parameter.key for parameter in operation.parameters if parameter.name == name}
        return next((field for field in parameter_fields(operation) if field.name in keys), None)

    return (*validator.notes, *_unchecked_parts(operation, media_type(request.headers)), *_violations(errors, field))


def check_response_fully(operation: Operation, request: Request, response: Response) -> tuple[Violation, ...]:
    """Return every way in which a response does not match the document; empty if it matches.

    An undeclared status and what cannot be checked are violations of severity "note".
    """
    notes = check_reading(operation, response)
    declared = operation.response(response.status)
    if declared is None:
        return (*notes, undeclared_status(response.status))
    unchecked = find_unchecked(operation.spec, response.media_type, declared.schema(response.content_type))
    notes = (*notes, *([Violation((), unchecked, "document", "note")] if unchecked else []))
    validator = _validator(operation, "response")
    errors = validator.core.iter_response_errors(
        _RequestView(operation, request), _ResponseView(response, declared.content)
    )

    def field(name: str | None) -> Field | None:
        return None if name else response_field(operation, response.status, response.content_type)

    return (*notes, *validator.notes, *_violations(errors, field))


def _unchecked_parts(operation: Operation, kind: str) -> tuple[Violation, ...]:
    """Return a note for each parameter, and for the body, that openapi-core cannot check."""
    unread = (p for p in operation.parameters if is_unreadable(operation, p))
    notes = [f"The parameter {p.name} is not checked: openapi-core cannot read its style, {p.style}." for p in unread]
    unchecked = find_unchecked(operation.spec, kind, operation.body.schema(kind)) if operation.body else ""
    notes += [unchecked] if unchecked else []
    return tuple(Violation((), text, "document", "note") for text in notes)


class _RequestView:
    """A request with the interface that openapi-core requires."""

    def __init__(self, operation: Operation, request: Request) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict  # openapi-core's own dictionaries

        parts = urlsplit(request.url)
        self.host_url = "http://localhost"
        path_values = _path_values(operation.path, parts.path)
        self.path = parts.path if path_values is None else SLICE_PATH
        self.method = method_of(operation)
        self.content_type, self.body = _read_body(operation, request)
        cookies = [c.strip().partition("=")[::2] for c in header(request.headers, "cookie").split(";") if c]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(_read_query(operation, parts.query)),
            header=Headers(list(request.headers)),
            cookie=ImmutableMultiDict(cookies),
            path=path_values or {},
        )


class _ResponseView:
    """A response with the interface that openapi-core requires."""

    def __init__(self, response: Response, content: Mapping[str, Any]) -> None:
        from werkzeug.datastructures import Headers

        self.status_code = response.status
        self.headers = Headers(list(response.headers))
        self.content_type = _declared_type(content, response.content_type)
        self.data = response.body or None


def _read_query(operation: Operation, query: str) -> list[tuple[str, str]]:
    """Return the pairs of a query; a parameter that is spread over several pairs is one pair, in JSON."""
    pairs = parse_qsl(query, keep_blank_values=True)
    names = {parameter.key: parameter.name for parameter, _ in spread_parameters(operation)}
    values = read_spread(operation, pairs) if names else {}
    rest = [(name, value) for name, value in pairs if name not in names.values()]
    return [*rest, *((names[key], write_json(value).decode()) for key, value in values.items())]


def _declared_type(content: Mapping[str, Any], content_type: str) -> str:
    """Return the media type of a message as the slice of the document has it: openapi-core compares texts."""
    declared = closest_media_type(content_type, content)
    is_range = declared is None or declared.partition(";")[0].endswith("*")
    return content_type.lower() if declared is None or is_range else declared.lower()


def _read_body(operation: Operation, request: Request) -> tuple[str, bytes | None]:
    """Return the media type and the body as openapi-core can read them: a form as JSON."""
    kind, content_type = media_type(request.headers), header(request.headers, "content-type")
    content = operation.body.content if operation.body else {}
    declared = closest_media_type(content_type, content)
    if declared is not None and kind.startswith("multipart/"):
        values = read_parts(body_field(operation, content_type), request.headers, request.body)
        return form_as_json(content, declared), write_json(values)
    if declared is not None and kind == FORM:
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        values = read_form(body_field(operation, content_type), content[declared].get("encoding"), pairs)
        return form_as_json(content, declared), write_json(values)
    return _declared_type(content, content_type), request.body or None


class _Readers(dict[str, Callable[..., Any]]):
    """The reader of each media type; openapi-core reads forms itself."""

    def __contains__(self, media: object) -> bool:
        return bare_media_type(str(media)) != FORM

    def __getitem__(self, media: str) -> Callable[..., Any]:
        if is_yaml(media) or is_cbor(media):
            return partial(_read_data, media)
        return _read_json if is_json(media) else _read_json_or_text if "*" in media else _read_text


def _read_json(body: bytes, **parameters: str) -> Any:
    return replace_values(read_json(body, parameters.get("charset", "")).data, _as_integer)


def _read_data(media: str, body: bytes, **parameters: str) -> Any:
    def plain(value: Any) -> Any:
        return value.decode("latin-1") if isinstance(value, bytes) else _as_integer(value)

    return replace_values(read_data(body, media), plain)


def _as_integer(value: Any) -> Any:
    """Return a whole decimal as an integer, which jsonschema knows, unless it has too many digits to be written out."""
    is_integer = isinstance(value, Decimal) and value.adjusted() < _MAX_DIGITS and is_whole(value)
    return int(value) if is_integer else UNSET


def _read_json_or_text(body: bytes, **parameters: str) -> Any:
    try:
        return read_json(body).data
    except JsonError:
        return _read_text(body)


def _read_text(body: bytes, **parameters: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _validator(operation: Operation, direction: Direction) -> _Validator:
    cache = _validators.setdefault(operation, {})
    if direction not in cache:
        import openapi_core  # imported at first use: it takes as long to load as everything else together

        for pattern in _KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", pattern, module="openapi_core")

        document, notes = slice_document(operation, direction)
        config = openapi_core.Config(spec_validator_cls=None, extra_media_type_deserializers=_Readers())
        core = openapi_core.OpenAPI.from_dict(document, config=config)
        cache[direction] = _Validator(core, tuple(Violation((), text, "document", "note") for text in notes))
    return cache[direction]


def _path_values(template: str, path: str) -> dict[str, str] | None:
    """Return the decoded values of a path template by name; None if a URL's path does not end in this template.

    A segment is decoded for itself, so that an encoded slash in it does not separate segments.
    """
    text = "/".join(unquote(segment).replace("/", "\0") for segment in path.split("/"))
    pieces = _TEMPLATE_NAME.split(template)
    for value in ("([^/]+)", "(.+)"):  # a value may have slashes of its own if it is sent unencoded
        pattern = "".join(value if number % 2 else re.escape(unquote(piece)) for number, piece in enumerate(pieces))
        if match := re.search(f"{pattern}$", text, re.DOTALL):
            return {name: found.replace("\0", "/") for name, found in zip(pieces[1::2], match.groups(), strict=True)}
    return None


_FAILURES = (AttributeError, LookupError, RecursionError, TypeError, ValueError, re.error)
"""What openapi-core raises if a document is not as it expects."""


def _until_failure(errors: Iterable[Exception]) -> Iterator[Exception | str]:
    """Yield the errors; if openapi-core fails, also a message about that."""
    try:
        yield from errors
    except _FAILURES as failure:
        yield f"openapi-core cannot check this message: it raised {type(failure).__name__}."


def _violations(errors: Iterable[Exception], field: Callable[[str | None], Field | None]) -> Iterator[Violation]:
    for error in _until_failure(errors):
        if isinstance(error, str):
            yield Violation((), error, "document", "note")
            continue
        name = getattr(error, "name", None)
        holder = error if getattr(error, "schema_errors", None) else error.__cause__
        inner = getattr(holder, "schema_errors", None)
        if inner:
            masked = MaskedValue(getattr(holder, "value", None), lambda name=name: field(name))  # type: ignore[misc]  # bound per iteration
            yield from (replace(_violation(schema_error, masked), parameter=name or "") for schema_error in inner)
        else:
            yield Violation((), _message_of(error)[:_MAX_MESSAGE], type(error).__name__, parameter=name or "")


def _violation(error: Any, masked: MaskedValue) -> Violation:
    location, keyword = tuple(error.absolute_path), str(error.validator)
    if keyword in _WITHOUT_VALUES:
        return Violation(location, f"{error.message}."[:_MAX_MESSAGE], keyword)
    return Violation(location, describe_violation(keyword, masked.describe(location), error.validator_value), keyword)


def _message_of(error: BaseException) -> str:
    """Return the message of an error without the value that it may quote."""
    cause = error.__cause__
    if cause is None:
        return _class_as_words(error) if hasattr(error, "value") else str(error)
    if hasattr(cause, "value") or cause.__cause__ is not None:
        named = f"{getattr(error, 'location', 'header')} {getattr(error, 'name', '')}".strip()
        return f"{_class_as_words(error)}{f' ({named})' if hasattr(error, 'name') else ''}: {_class_as_words(cause)}"
    return str(error) if str(cause) in str(error) else f"{error}: {cause}"


def _class_as_words(error: BaseException) -> str:
    """Return the name of an error's class as words: "Invalid parameter" for `InvalidParameter`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).capitalize()

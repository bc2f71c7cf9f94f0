"""The full judgement of a message by openapi-core: path, parameters, media type, status, security and body.

openapi-core is handed a document that holds one operation and what it refers to: reading a large one takes it long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakKeyDictionary

from ..message import Request, Response, header
from ..spec import Operation
from .fast import Violation

_engines: WeakKeyDictionary[Operation, Any] = WeakKeyDictionary()


def judge_request(operation: Operation, request: Request) -> tuple[Violation, ...]:
    """What openapi-core says against a request; empty when nothing."""
    return tuple(_violations(_engine(operation).iter_request_errors(_RequestView(operation, request))))


def judge_response(operation: Operation, request: Request, response: Response) -> tuple[Violation, ...]:
    """What openapi-core says against an answer; empty when nothing. An undeclared status is a note."""
    if operation.response(response.status) is None:
        return (Violation((), f"The document does not declare status {response.status}.", "status", "note"),)
    view = _RequestView(operation, request)
    return tuple(_violations(_engine(operation).iter_response_errors(view, _ResponseView(response))))


class _RequestView:
    """Our request as openapi-core wants to see one."""

    def __init__(self, operation: Operation, request: Request) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict  # openapi-core's own dictionaries

        parts = urlsplit(request.url)
        self.host_url = "http://localhost"
        self.path = _below_base(operation.path, parts.path)
        self.method = request.method.lower()
        self.content_type = header(request.headers, "content-type").lower()
        self.body = request.body or None
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


def _engine(operation: Operation) -> Any:
    if operation not in _engines:
        import openapi_core  # imported at first use: it takes as long as all the rest together

        config = openapi_core.Config(spec_validator_cls=None)
        _engines[operation] = openapi_core.OpenAPI.from_dict(_slice(operation), config=config)
    return _engines[operation]


def _slice(operation: Operation) -> dict[str, Any]:
    document = operation.spec.document
    item = {operation.method.lower(): operation.raw, "parameters": operation.item.get("parameters", [])}
    found: dict[str, Any] = {
        "openapi": document["openapi"],
        "info": {"title": operation.id, "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {operation.path: item},
        "components": {"securitySchemes": (document.get("components") or {}).get("securitySchemes") or {}},
    }
    if document.get("security"):
        found["security"] = document["security"]
    _carry(operation, item, found)
    return found


def _carry(operation: Operation, start: Any, into: dict[str, Any]) -> None:
    """Copy everything that `start` refers to, at the place where the references look for it."""
    waiting, seen = list(_references(start)), set()
    while waiting:
        ref = waiting.pop()
        if ref in seen or not ref.startswith("#/"):
            continue
        seen.add(ref)
        target = operation.spec.lookup(ref)
        *steps, last = [s.replace("~1", "/").replace("~0", "~") for s in ref[2:].split("/")]
        holder: Any = into
        for step in steps:
            holder = holder.setdefault(step, {})
        holder.setdefault(last, target)
        waiting.extend(_references(target))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _below_base(template: str, path: str) -> str:
    """The part of a URL's path that the template covers, percent-decoded as openapi-core expects it."""
    pattern = re.sub(r"\\\{.+?\\\}", "[^/]+", re.escape(template))
    match = re.search(f"{pattern}$", path)
    return unquote(match[0]) if match else path


def _violations(errors: Iterable[Exception]) -> Iterator[Violation]:
    for error in errors:
        inner = getattr(error.__cause__, "schema_errors", None) or getattr(error, "schema_errors", None)
        if inner:
            for schema_error in inner:
                yield Violation(
                    tuple(schema_error.absolute_path), schema_error.message[:240], str(schema_error.validator)
                )
        else:
            detail = f": {error.__cause__}" if error.__cause__ else ""
            yield Violation((), f"{error}{detail}"[:240], type(error).__name__)

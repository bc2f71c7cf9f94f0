"""What is wrong with a call before it is sent, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..call import UNSET, Call
from ..contract import Violation, check_parameter, check_request_body
from ..environment import MASK
from ..errors import AstroNbError
from ..fields import body_field, broken_rules
from ..message import Request, is_json, media_type
from ..session import Session
from ..spec import Operation
from .rows import Row

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Checked:
    """A row looked at: its call and the request as it would be sent, where there can be one, and what is wrong."""

    call: Call | None
    request: Request | None
    problems: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def content(self) -> Any:
        """The body as it would be sent, secrets as stars: plain data where it is JSON."""
        return _content(self.request) if self.request is not None and self.request.body else None


def arranged(session: Session, operation: Operation, row: Row) -> Call:
    """The call of a row; its secrets become variables.

    Raises:
        UsageError: a parameter is missing.
    """
    return session.arrange(operation.id, row.parameters, row.body)


def check(session: Session, operation: Operation, call: Call) -> Checked:
    """What is wrong with a call; nothing is sent."""
    try:
        request = session.preview(call)
        parameters = {key: session.shown(value) for key, value in call.parameters.items()}
    except AstroNbError as error:
        return Checked(call, None, (str(error),))
    problems = [*_of_parameters(operation, parameters), *_of_body(operation, call, request)]
    return Checked(call, request, tuple(dict.fromkeys(problems)))


def _of_parameters(operation: Operation, parameters: Mapping[str, Any]) -> Iterator[str]:
    for key, value in parameters.items():
        if value == "" and _is_required(operation, key):
            yield f"{key}: it is required, and empty."
        yield from (f"{key}: {v.message}" for v in check_parameter(operation, key, value) if _counts(v, value))


def _of_body(operation: Operation, call: Call, request: Request) -> Iterator[str]:
    if call.body is UNSET:
        if operation.body is not None and operation.body.required:
            yield "A body is required."
        return
    if operation.body is None or not is_json(media_type(request.headers)):
        return
    body = _content(request)
    for violation in check_request_body(operation, body, call.media_type):
        if _counts(violation, body):
            yield _at(violation.location, violation.message)
    for problem in broken_rules(body_field(operation, call.media_type), body):
        yield _at(problem.location, problem.message)


def _counts(violation: Violation, value: Any) -> bool:
    """Whether a violation is one: stars stand for something that nobody has looked at."""
    for step in violation.location:
        try:
            value = value[step]
        except (LookupError, TypeError):  # what is missing is at no place
            value = None
    return violation.severity == "error" and not (isinstance(value, str) and MASK in value)


def _at(location: Location, message: str) -> str:
    where = ".".join(map(str, location))
    return f"{where}: {message}" if where else message


def _is_required(operation: Operation, key: str) -> bool:
    parameter = operation.parameter(key)
    return parameter is not None and parameter.required


def _content(request: Request) -> Any:
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return request.body.decode("utf-8", "replace")

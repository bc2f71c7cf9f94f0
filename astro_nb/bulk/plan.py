"""What is wrong with a call before it is sent, in words.

A table against an operation: what each row would send, and what is wrong with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..call import UNSET, Call
from ..contract import Violation, check_parameter, check_request_body
from ..errors import AstroNbError, UsageError
from ..messages import Request, is_json, media_type
from ..openapi import Operation
from ..schema import body_field, broken_rules
from ..secrets import MASK, Secret, redact
from ..session import Session
from . import results
from .mapping import Mapped, unused
from .rows import Constants, Given, Row, Rows

if TYPE_CHECKING:
    from ..frames import DataFrame


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
    return session.build_call(operation.id, row.parameters, row.body)


def check(session: Session, operation: Operation, call: Call) -> Checked:
    """What is wrong with a call; nothing is sent."""
    try:
        request = session.preview(call)
        parameters = {key: session.resolve(value) for key, value in call.parameters.items()}
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


class Sheet:
    """A table against an operation; nothing is sent.

    Attributes:
        operation: what is called.
        mapping: which column goes where, and why.
        constants: what is the same in all rows.
        unused: the columns that are not sent.
    """

    def __init__(
        self, session: Session, operation: Operation, given: Given, mapping: tuple[Mapped, ...], constants: Constants
    ) -> None:
        self.operation, self.mapping, self.unused = operation, mapping, unused(given.columns, mapping)
        self.constants = constants
        self._session, self._given = session, given
        make = Rows(operation, mapping, constants)
        self._rows = tuple(make.row(number, cells) for number, cells in enumerate(given.rows))
        self._checked: dict[int, Checked] = {}
        self._checked_in: Any = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def environment(self) -> str:
        """The name of the environment that it goes to."""
        return self._session.environment.name

    @property
    def checked(self) -> dict[int, Checked]:
        """Each row as it would be sent, and what is wrong with it; nothing is sent."""
        if self._checked_in is not self._session.environment:
            self._checked, self._checked_in = {}, self._session.environment
        calls = {row.number: self._call(row) for row in self._rows if not self._is_valid(row)}
        for number, call in calls.items():  # after all calls are made: each makes variables of its secrets
            self._checked[number] = call if isinstance(call, Checked) else check(self._session, self.operation, call)
        return self._checked

    def preview(self) -> DataFrame:
        """What would be sent, as a table with the index of the rows: method, url, body, valid, problems."""
        return results.preview(self._given, self.operation, self.checked)

    @property
    def fingerprint(self) -> str:
        """By what the same rows in the same place are known again, by another kernel too; no secret is in it."""
        session = self._session
        rows = [row.masked(self.operation) for row in self._rows]
        place = [self.operation.id, session.environment.name, session.environment.base_url]
        text = orjson.dumps([place, rows], default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        return hashlib.blake2b(redact(text, _lasting_secrets(session)).encode(), digest_size=16).hexdigest()

    def _call(self, row: Row) -> Call | Checked:
        try:
            return arranged(self._session, self.operation, row)
        except UsageError as error:
            return Checked(None, None, (str(error),))

    def _is_valid(self, row: Row) -> bool:
        return row.number in self._checked and self._checked[row.number].valid


def _lasting_secrets(session: Session) -> set[str]:
    """The values of the secrets that are the same in another kernel."""
    acting = session.effective_environment
    named = [v.value for v in session.variables.entries()] + [acting.secret_for(name) for name in acting.credentials]
    return {s.value_if_available() for s in named if isinstance(s, Secret) and not s.is_in_memory} - {""}

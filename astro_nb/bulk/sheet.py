"""A table against an operation: what each row would send, and what is wrong with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from ..call import Call
from ..environment import Secret, scrub
from ..errors import UsageError
from ..session import Session
from ..spec import Operation
from . import results
from .checking import Checked, arranged, check
from .given import Given
from .mapping import Mapped, unused
from .rows import Constants, Row, Rows

if TYPE_CHECKING:
    from ..tables import DataFrame


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
        return hashlib.blake2b(scrub(text, _lasting_secrets(session)).encode(), digest_size=16).hexdigest()

    def _call(self, row: Row) -> Call | Checked:
        try:
            return arranged(self._session, self.operation, row)
        except UsageError as error:
            return Checked(None, None, (str(error),))

    def _is_valid(self, row: Row) -> bool:
        return row.number in self._checked and self._checked[row.number].valid


def _lasting_secrets(session: Session) -> set[str]:
    """The values of the secrets that are the same in another kernel."""
    acting = session.acting
    named = [v.value for v in session.variables.entries()] + [acting.secret_for(name) for name in acting.credentials]
    return {s.quietly() for s in named if isinstance(s, Secret) and not s.is_held} - {""}

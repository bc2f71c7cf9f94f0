"""A table on its way to a server: looked at, sent, gone on with, and joined with what came of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from ..call import UNSET, Call
from ..client import new_id
from ..environment import Secret, scrub
from ..errors import UsageError
from ..guard import is_guarded
from ..guard.many import SHOWN
from ..history import Mark, Run
from ..rounds import PARALLEL, Progress
from ..session import Session
from ..spec import Operation
from . import drawing, results
from .checking import Checked, arranged, check
from .finding import Doubt, find_out
from .given import Given, read_rows
from .mapping import Mapped, mapped, unused
from .outcomes import OPEN, OUTCOMES, told_outcome
from .rows import Constants, Row, Rows
from .running import Sending

if TYPE_CHECKING:
    from ..tables import DataFrame


def bulk(
    session: Session,
    operation: str,
    rows: Any,
    columns: Mapping[str, str] | None = None,
    body: Any = UNSET,
    tell: Progress | None = None,
    /,
    **constants: Any,
) -> Bulk:
    """A table as many requests; nothing is sent yet.

    Args:
        session, operation: where, and what.
        rows: a DataFrame, a list of mappings, or an answer of the API.
        columns: the column for a parameter or a field of the body: `{"environmentVariable.value": "value"}`.
        body: what the body of each is beside that.
        tell: told of the progress.
        constants: what is the same in all rows; templates are resolved in these alone.

    Raises:
        UnknownName: there is no such operation, column, parameter or field.
        UsageError: the rows are no table, or one place would be given two values.
    """
    found, given = session.spec.operation(operation), read_rows(rows)
    fixed = Constants(found, constants, body)
    mapping = mapped(found, given.columns, columns or {}, fixed.places)
    return Bulk(session, found, given, mapping, fixed, tell)


class Bulk:
    """Many requests of one operation, one for each row of a table.

    Attributes:
        operation: what is called.
        mapping: which column goes where, and why.
        unused: the columns that are not sent.
    """

    def __init__(
        self,
        session: Session,
        operation: Operation,
        given: Given,
        mapping: tuple[Mapped, ...],
        constants: Constants,
        tell: Progress | None = None,
    ) -> None:
        self.operation, self.mapping, self.unused = operation, mapping, unused(given.columns, mapping)
        self.constants = constants
        self._session, self._given, self._tell = session, given, tell
        make = Rows(operation, mapping, constants)
        self._rows = tuple(make.row(number, cells) for number, cells in enumerate(given.rows))
        self._checked: dict[int, Checked] = {}
        self._checked_in: Any = None
        self._marks: dict[int, Mark] = {}
        self._run: Run | None = None
        self.stopped = 0
        self.resumed = self._unfinished()

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in self.counts.items() if count)
        return f"<Bulk of {len(self):,} {self.operation.id}: {told or 'no rows'}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": drawing.tell(self), "text/html": str(drawing.draw(self))}

    @property
    def environment(self) -> str:
        """The name of the environment that it goes to."""
        return self._session.environment.name

    @property
    def counts(self) -> dict[str, int]:
        """How many rows came to which outcome."""
        found = Counter(self.outcomes)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def outcomes(self) -> list[str]:
        """What came of each row."""
        checked, marks = self.checked, self._marks
        return [
            told_outcome(marks[n]) if n in marks else "not sent" if checked[n].valid else "invalid"
            for n in range(len(self))
        ]

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

    def frame(self, pick: Mapping[str, str] | None = None) -> DataFrame:
        """The rows, joined with what came of each; `pick={"newId": "$.id"}` adds values of the answers.

        A column that the rows have already goes before: what came of them is `bulk.status` then. Secrets are stars.
        """
        told = [self._result(number, outcome, pick or {}) for number, outcome in enumerate(self.outcomes)]
        return results.joined(self._given, self._rows, told, dict.fromkeys(pick or {}, "object"))

    def failures(self) -> DataFrame:
        """The rows that failed or are invalid, as they were given, with a message; `api.bulk` takes them again."""
        return self._of("failed", "invalid")

    def unknown(self) -> DataFrame:
        """The rows that may have been carried out, as they were given, with a message."""
        return self._of("unknown")

    def run(self, parallel: int = PARALLEL, *, resume: bool = True, send_invalid: bool = False) -> Bulk:
        """Send the rows; what was begun before and not finished is gone on with.

        A first interrupt lets what is under way end, a second one cancels it; `run()` again goes on. A row that is done
        or has failed is not sent again; whether one happened whose answer was lost is looked up before.

        Args:
            parallel: how many are under way at once.
            resume: whether to go on with what was begun; else all is sent anew.
            send_invalid: whether to send rows in which something is wrong.

        Raises:
            UnsafeRefused: the environment asks first, and it was not confirmed; nothing was sent.
            UsageError: another process is sending these rows.
            SettingsError: nothing can be sent.
        """
        calls = {n: c.call for n, c in self.checked.items() if c.call is not None and (c.valid or send_invalid)}
        journal, fresh = (
            self._session.history.journal,
            Run(new_id(), self._fingerprint(), self.operation.id, self.environment, len(self)),
        )
        if resume:
            self._unfinished()
        known = self._marks if resume else {}
        left = [number for number in calls if _is_left(known.get(number))]
        if not left:
            return self
        plans = [self._session.plan(calls[n]) for n in left[:SHOWN]] if self._is_guarded else []
        with self._session.guard.leave_for_many(plans, len(calls), len(left), self._session.environment):
            run = journal.claim(self._run if self._run and resume else fresh, anew=not resume)
            finished = False
            try:
                self._run, self._marks = run, {**known, **journal.marks(run)}
                finished = self._sent(run, {n: c for n, c in calls.items() if _is_left(self._marks.get(n))}, parallel)
            finally:
                journal.release(run, finished)
        return self

    # --- one run ------------------------------------------------------------------------------------------------------

    def _sent(self, run: Run, calls: Mapping[int, Call], parallel: int) -> bool:
        """Send the rows that are left, once it is known which; whether all have come to an end."""
        sending = Sending(self._session, run, self._marks, self._tell)
        doubts = {
            n: Doubt(calls[n], self._marks[n]) for n in calls if n in self._marks and self._marks[n].state in OPEN
        }
        found = find_out(self._session, self.operation, doubts, self._made()) if doubts else {}
        for number, verdict in found.items():
            if verdict.state != "again":
                old = self._marks[number]
                sending.mark(number, Mark(verdict.state, old.at, old.exchange, verdict.note, verdict.item))
        again = {n: call for n, call in calls.items() if n not in found or found[n].state == "again"}
        sending.send(again.items(), max(1, parallel))
        self.stopped = sending.stopped
        return all(n in self._marks and self._marks[n].state not in ("begun", "cancelled") for n in calls)

    def _made(self) -> set[str]:
        """The ids of what the rows have made that are done."""
        made = {"id": self._id_path}
        done = (self._result(n, "done", made) for n, mark in self._marks.items() if mark.state == "done")
        return {str(row["id"]) for row in done if row["id"] is not None}

    @property
    def _id_path(self) -> str:
        note = self.operation.notes.get("item")
        return f"$.{note.get('id', 'id')}" if isinstance(note, Mapping) else "$.id"

    @property
    def _is_guarded(self) -> bool:
        return is_guarded(self.operation, self._session.environment)

    def _unfinished(self) -> int:
        """Take up a run of these rows that was not finished; how many of them it had begun."""
        found = self._session.history.journal.unfinished(self._fingerprint())
        if found is None:
            return 0
        self._run = found
        self._marks = {**self._marks, **self._session.history.journal.marks(found)}
        return len(self._marks)

    def _fingerprint(self) -> str:
        """By what the same rows in the same place are known again, by another kernel too; no secret is in it."""
        session = self._session
        rows = [row.masked(self.operation) for row in self._rows]
        place = [self.operation.id, session.environment.name, session.environment.base_url]
        text = orjson.dumps([place, rows], default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        return hashlib.blake2b(scrub(text, _lasting_secrets(session)).encode(), digest_size=16).hexdigest()

    # --- one row ------------------------------------------------------------------------------------------------------

    def _call(self, row: Row) -> Call | Checked:
        try:
            return arranged(self._session, self.operation, row)
        except UsageError as error:
            return Checked(None, None, (str(error),))

    def _is_valid(self, row: Row) -> bool:
        return row.number in self._checked and self._checked[row.number].valid

    def _result(self, number: int, outcome: str, pick: Mapping[str, str]) -> dict[str, Any]:
        problems = () if number in self._marks else self._checked[number].problems
        return results.result(self._session.history, outcome, self._marks.get(number), problems, pick)

    def _of(self, *wanted: str) -> DataFrame:
        every = self.outcomes
        numbers = [number for number, outcome in enumerate(every) if outcome in wanted]
        messages = [self._result(number, every[number], {})["message"] for number in numbers]
        return results.selected(self._given, [self._rows[n] for n in numbers], messages, self.operation, self.mapping)


def _is_left(mark: Mark | None) -> bool:
    """Whether a row is still to be sent, or to be found out about."""
    return mark is None or mark.state in (*OPEN, "invalid")


def _lasting_secrets(session: Session) -> set[str]:
    """The values of the secrets that are the same in another kernel."""
    acting = session.acting
    named = [v.value for v in session.variables.entries()] + [acting.secret_for(name) for name in acting.credentials]
    return {s.quietly() for s in named if isinstance(s, Secret) and not s.is_held} - {""}

"""A table on its way to a server, told in words and drawn as static HTML.

A table on its way to a server: looked at, sent, gone on with, and joined with what came of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from .. import html
from ..approval import BATCH_PREVIEWS, needs_approval
from ..call import UNSET, Call
from ..history import Mark, Run
from ..http import new_id
from ..openapi import Operation, id_field
from ..progress import OnProgress
from ..session import MAX_PARALLEL, Session
from . import results
from .mapping import Mapped, mapped
from .plan import Checked, Sheet
from .reconcile import Doubt, find_out
from .results import DOUBTFUL, LEFT, OUTCOMES, told_outcome
from .rows import Constants, Given, read_rows
from .sending import Sending

if TYPE_CHECKING:
    from ..frames import DataFrame


_MOST = 5  # rows that are shown as they would be sent
_LONGEST = 300  # characters of one body
_TONES = {"done": "good", "failed": "bad", "unknown": "warn", "invalid": "bad", "not sent": "quiet"}


def tell(bulk: Bulk) -> str:
    """As plain text."""
    arrows = [f"  {target} ← {source}  ({reason})" for target, source, reason in _mapping(bulk)]
    troubles = [f"  {number}: {outcome}: {message}" for number, outcome, message in islice(_troubles(bulk), _MOST)]
    shown = [f"  {number}: {' '.join(told).rstrip()}" for number, *told in _shown(bulk)]
    lines = [_headline(bulk), *arrows, *filter(None, [_counted(bulk)]), *_notes(bulk)]
    return "\n".join([*lines, *_under("Not done:", troubles), *_under("First rows:", shown)])


def draw(bulk: Bulk) -> html.Markup:
    """As static HTML."""
    counts = [html.pill(f"{n:,} {outcome}", _TONES[outcome]) for outcome, n in bulk.counts.items() if n]
    head = html.join([html.method_pill(bulk.operation.method), " ", html.tag("strong", _headline(bulk))])
    where = [(html.code(target), html.code(source), reason) for target, source, reason in _mapping(bulk)]
    rows = [(number, html.code(path), html.code(body)) for number, path, body in _shown(bulk)]
    parts = [
        html.join([head, " ", *counts], " "),
        *(html.muted(note) for note in _notes(bulk)),
        html.table(["goes to", "comes from", "why"], where) if where else "",
        _drawn_troubles(bulk),
        html.details("The first rows as they would be sent", html.table(["row", "to", "body"], rows)) if rows else "",
    ]
    return html.tag("div", *(html.tag("div", part, style="margin:6px 0") for part in parts if part))


def _troubles(bulk: Bulk) -> Iterator[tuple[int, str, str]]:
    """The rows that failed, are unknown or invalid: the number of each, the outcome, and why."""
    for number, outcome in enumerate(bulk.outcomes):
        if outcome in ("failed", "unknown", "invalid"):
            yield number, outcome, str(bulk.result(number, outcome, {})["message"] or "")


def _drawn_troubles(bulk: Bulk) -> html.Markup:
    told = list(islice(_troubles(bulk), _MOST + 1))
    rows = [(n, html.pill(outcome, _TONES[outcome]), message) for n, outcome, message in told[:_MOST]]
    more = html.muted("…and more: failures() and unknown() have them all.") if len(told) > _MOST else ""
    return html.join([html.table(["row", "outcome", "what is wrong"], rows), more]) if rows else html.Markup("")


def _headline(bulk: Bulk) -> str:
    count = len(bulk)
    return f"{bulk.operation.id} for {count:,} {'row' if count == 1 else 'rows'} in {bulk.environment}"


def _counted(bulk: Bulk) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in bulk.counts.items() if count)


def _under(heading: str, lines: list[str]) -> list[str]:
    return [heading, *lines] if lines else []


def _mapping(bulk: Bulk) -> Iterator[tuple[str, str, str]]:
    for m in bulk.mapping:
        yield m.target.name, m.column, m.reason
    for steps in bulk.constants.places:
        yield ".".join(map(str, steps)), bulk.constants.shown(steps), "the same in all rows"


def _notes(bulk: Bulk) -> Iterator[str]:
    counts = bulk.counts
    if not len(bulk):
        yield "There are no rows."
    if bulk.unused:
        yield f"Left out, for no field is called so or it is given otherwise: {', '.join(map(repr, bulk.unused))}."
    if bulk.resumed and counts["not sent"]:
        yield (
            f"A run of these rows was begun before and not finished ({bulk.resumed:,} of them were begun): "
            "run() goes on with it, run(resume=False) begins anew."
        )
    if bulk.lost and counts["not sent"]:
        yield f"{bulk.lost} No more rows were begun: run() goes on."
    if bulk.stopped and counts["not sent"]:
        yield "You stopped it: run() goes on."
    if counts["unknown"]:
        yield "What is unknown may have been carried out: run() looks for it, and sends again what did not happen."


def _shown(bulk: Bulk) -> Iterator[tuple[int, str, str]]:
    """The first rows that may be sent: the number, the path and the body of each."""
    outcomes = bulk.outcomes
    for number in islice((n for n, outcome in enumerate(outcomes) if outcome == "not sent"), _MOST):
        checked = bulk.checked[number]
        if checked.request is not None:
            parts = urlsplit(checked.request.url)
            yield number, f"{parts.path}{'?' * bool(parts.query)}{parts.query}", _body(checked)


def _body(checked: Checked) -> str:
    content: Any = checked.content
    told = content if isinstance(content, str) else orjson.dumps(content).decode() if content is not None else ""
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def bulk(
    session: Session,
    operation: str,
    rows: Any,
    columns: Mapping[str, str] | None = None,
    body: Any = UNSET,
    tell: OnProgress | None = None,
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


class Bulk(Sheet):
    """Many requests of one operation, one for each row of a table.

    Attributes:
        resumed: how many rows had been begun by a run that was not finished, and that `run()` goes on with.
        stopped: how often the user asked the last run to stop.
        lost: why the last run ended early: the server could not be reached; else empty.
    """

    def __init__(
        self,
        session: Session,
        operation: Operation,
        given: Given,
        mapping: tuple[Mapped, ...],
        constants: Constants,
        tell: OnProgress | None = None,
    ) -> None:
        super().__init__(session, operation, given, mapping, constants)
        self._tell = tell
        self._marks: dict[int, Mark] = {}
        self._run: Run | None = None
        self.stopped, self.lost = 0, ""
        self.resumed = self._unfinished()

    def __repr__(self) -> str:
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in self.counts.items() if count)
        return f"<Bulk of {len(self):,} {self.operation.id}: {told or 'no rows'}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": tell(self), "text/html": str(draw(self))}

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

    def frame(self, pick: Mapping[str, str] | None = None) -> DataFrame:
        """The rows, joined with what came of each; `pick={"newId": "$.id"}` adds values of the answers.

        A column that the rows have already goes before: what came of them is `bulk.status` then. Secrets are stars.
        """
        told = [self.result(number, outcome, pick or {}) for number, outcome in enumerate(self.outcomes)]
        return results.joined(self._given, self._rows, told, dict.fromkeys(pick or {}, "object"))

    def failures(self) -> DataFrame:
        """The rows that failed or are invalid, as they were given, with a message; `api.bulk` takes them again."""
        return self._of("failed", "invalid")

    def unknown(self) -> DataFrame:
        """The rows that may have been carried out, as they were given, with a message."""
        return self._of("unknown")

    def run(self, parallel: int = MAX_PARALLEL, *, resume: bool = True, send_invalid: bool = False) -> Bulk:
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
        if resume:
            self._unfinished()
        known = self._marks if resume else {}
        left = [number for number in calls if _is_left(known.get(number))]
        if not left and not (resume and self._run):
            return self
        guarded = needs_approval(self.operation, self._session.environment)
        with self._session.pin_environment():
            plans = [self._session.prepare(calls[number]) for number in left[:BATCH_PREVIEWS]] if guarded else []
            with self._session.approve_many(plans, len(calls), len(left)):
                self._go_on(calls, known, parallel, anew=not resume)
        return self

    # --- one run ------------------------------------------------------------------------------------------------------

    def _go_on(self, calls: Mapping[int, Call], known: dict[int, Mark], parallel: int, anew: bool) -> None:
        """Send what is left of a run that is ours meanwhile."""
        journal = self._session.history.journal
        fresh = Run(new_id(), self.fingerprint, self.operation.id, self.environment, len(self))
        run = journal.claim(fresh if anew or self._run is None else self._run, anew)
        finished = False
        try:
            self._run, self._marks = run, {**known, **journal.marks(run)}
            left = {number: call for number, call in calls.items() if _is_left(self._marks.get(number))}
            finished = self._sent(run, left, parallel)
        finally:
            journal.release(run, finished)

    def _sent(self, run: Run, calls: Mapping[int, Call], parallel: int) -> bool:
        """Send the rows that are left, once it is known which; whether all have come to an end."""
        sending = Sending(self._session, run, self._marks, self._tell)
        begun = {n: self._marks[n] for n in calls if n in self._marks}
        doubts = {n: Doubt(calls[n], mark) for n, mark in begun.items() if mark.state in DOUBTFUL}
        found = find_out(self._session, self.operation, doubts, self._made()) if doubts else {}
        for number, verdict in found.items():
            if verdict.state != "again":
                old = self._marks[number]
                sending.mark(number, Mark(verdict.state, old.at, old.exchange, verdict.note, verdict.item))
        again = {n: call for n, call in calls.items() if n not in found or found[n].state == "again"}
        sending.send(again.items(), max(1, parallel))
        self.stopped, self.lost = sending.stopped, sending.lost
        return all(n in self._marks and self._marks[n].state not in ("begun", "cancelled") for n in calls)

    def _made(self) -> set[str]:
        """The ids of what the rows have made that are done."""
        path = {"id": f"$.{id_field(self.operation)}"}
        done = (self.result(n, "done", path) for n, mark in self._marks.items() if mark.state == "done")
        return {str(row["id"]) for row in done if row["id"] is not None}

    def _unfinished(self) -> int:
        """Take up a run of these rows that was not finished; how many of them it had begun."""
        found = self._session.history.journal.unfinished(self.fingerprint)
        if found is None:
            return 0
        self._run = found
        self._marks = {**self._marks, **self._session.history.journal.marks(found)}
        return len(self._marks)

    # --- one row ------------------------------------------------------------------------------------------------------

    def result(self, number: int, outcome: str, pick: Mapping[str, str]) -> dict[str, Any]:
        """What came of one row."""
        problems = () if number in self._marks else self._checked[number].problems
        return results.result(self._session.history, outcome, self._marks.get(number), problems, pick)

    def _of(self, *wanted: str) -> DataFrame:
        every = self.outcomes
        numbers = [number for number, outcome in enumerate(every) if outcome in wanted]
        messages = [self.result(number, every[number], {})["message"] for number in numbers]
        return results.selected(self._given, [self._rows[n] for n in numbers], messages, self.operation, self.mapping)


def _is_left(mark: Mark | None) -> bool:
    """Whether a row is still to be sent, or to be found out about."""
    return mark is None or mark.state in LEFT

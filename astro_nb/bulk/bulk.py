"""A table as many requests: preview it, run it, continue it, and join it with the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .. import html
from ..approval import BATCH_PREVIEWS, needs_approval
from ..call import UNSET, Call
from ..errors import SettingsError
from ..history import Mark, Run
from ..http import new_id
from ..json_text import write_json
from ..openapi import id_field
from ..progress import OnProgress
from ..schema import take_body
from ..session import MAX_PARALLEL, Session
from . import plan as results
from .plan import OUTCOMES, PENDING_STATES, UNRESOLVED_STATES, BatchPlan, CheckedRow, mark_outcome
from .rows import Constants, is_column_name, map_columns, read_table, require_used_columns
from .sending import RowSender, UnresolvedRow, reconcile

if TYPE_CHECKING:
    from ..frames import DataFrame

_MAX_SHOWN_ROWS = 5
_MAX_SHOWN_BODY = 300  # characters
_TONES = {"done": "good", "failed": "bad", "unknown": "warn", "invalid": "bad", "not sent": "quiet"}


def prepare_bulk(
    session: Session,
    operation: str,
    rows: Any,
    columns: Mapping[str, str] | None = None,
    body: Any = UNSET,
    on_progress: OnProgress | None = None,
    /,
    **constants: Any,
) -> Bulk:
    """Return a table as many requests. Nothing is sent yet.

    Args:
        session: the session that sends.
        operation: the id of the operation to call.
        rows: a DataFrame, a list of mappings, or a response of the API.
        columns: the column for a parameter or a field of the body: `{"environmentVariable.value": "value"}`.
        body: the body that the cells are added to; also as the constant `body`, as for `Workbench.call`.
        on_progress: called after each row.
        constants: the arguments that are the same in all rows. Only in these are templates resolved.

    Raises:
        UnknownName: there is no such operation, column, parameter or field.
        UsageError: the rows are not a table, a parameter or field would get two values, a column is misspelled, or no
            column is sent at all.
    """
    declared = session.spec.operation(operation)
    table = read_table(rows, lambda name: name in (columns or {}).values() or is_column_name(declared, name))
    constants, body = take_body(declared, constants, body)
    fixed = Constants(declared, constants, body)
    mapping = map_columns(declared, table.columns, columns or {}, fixed.locations)
    require_used_columns(declared, table, mapping, fixed.locations)
    return Bulk(session, BatchPlan(session, declared, table, mapping, fixed), on_progress)


class Bulk:
    """Many requests of one operation, one for each row of a table.

    Attributes:
        plan: what each row sends, and which column goes where.
        resumed: the number of rows that an unfinished run has started; `run()` continues it.
        interrupts: how often the user interrupted the last run.
        connection_error: why the last run ended early: the server could not be reached; else empty.
        history_error: why the last run ended early: its journal could not be written; else empty.
    """

    def __init__(self, session: Session, plan: BatchPlan, on_progress: OnProgress | None = None) -> None:
        self.plan = plan
        self._session = session
        self._on_progress = on_progress
        self._marks: dict[int, Mark] = {}
        self._run: Run | None = None
        self.interrupts, self.connection_error, self.history_error = 0, "", ""
        self.resumed = self._load_unfinished()

    def __len__(self) -> int:
        return len(self.plan)

    def __repr__(self) -> str:
        return f"<Bulk of {len(self):,} {self.plan.operation.id}: {_count_text(self) or 'no rows'}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": _bulk_text(self), "text/html": str(_draw_bulk(self))}

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows by outcome."""
        counter = Counter(self.outcomes)
        return {outcome: counter[outcome] for outcome in OUTCOMES}

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each row."""
        checked, marks = self.plan.checked, self._marks
        return [
            mark_outcome(marks[n]) if n in marks else "not sent" if checked[n].is_valid else "invalid"
            for n in range(len(self))
        ]

    def preview(self) -> DataFrame:
        """Return what would be sent as a DataFrame with the index of the rows: method, url, body, valid, problems."""
        return self.plan.preview()

    def frame(self, pick: Mapping[str, str] | None = None) -> DataFrame:
        """Return the rows joined with the result of each, secrets masked.

        A result whose name is already a column of the rows is called `bulk.status` and so on.

        Args:
            pick: JSONPaths in the responses by column: `{"newId": "$.id"}`.
        """
        rows = [self.result(number, outcome, pick or {}) for number, outcome in enumerate(self.outcomes)]
        return results.join_results(self.plan.table, self.plan.rows, rows, dict.fromkeys(pick or {}, "object"))

    def failures(self) -> DataFrame:
        """Return the rows that failed or are invalid, as they were given, with a message. `api.bulk` accepts them."""
        return self._select("failed", "invalid")

    def unknown(self) -> DataFrame:
        """Return the rows that may have been carried out, as they were given, with a message."""
        return self._select("unknown")

    def result(self, number: int, outcome: str, pick: Mapping[str, str]) -> dict[str, Any]:
        """Return the result of one row by column."""
        problems = () if number in self._marks else self.plan.checked[number].problems
        return results.row_result(self._session.history, outcome, self._marks.get(number), problems, pick)

    def run(self, parallel: int = MAX_PARALLEL, *, resume: bool = True, send_invalid: bool = False) -> Bulk:
        """Send the rows, and return this bulk. An unfinished run of the same rows is continued.

        The first interrupt lets the active requests end, the second one cancels them; `run()` continues. A row that is
        done or has failed is not sent again. Before a row whose response was lost is sent again, it is looked up.

        Args:
            parallel: the number of requests at once.
            resume: whether to continue an unfinished run; otherwise all rows are sent.
            send_invalid: whether to send rows that have problems.

        Raises:
            UnsafeRefused: the environment asks for approval, and it was not given; nothing was sent.
            UsageError: another process is sending these rows.
            SettingsError: nothing can be sent.
        """
        checked = self.plan.checked
        calls = {n: c.call for n, c in checked.items() if c.call is not None and (c.is_valid or send_invalid)}
        if resume:
            self._load_unfinished()
        known = self._marks if resume else {}
        left = [number for number in calls if _is_pending(known.get(number))]
        if not left and not (resume and self._run):
            return self
        session = self._session
        asks = needs_approval(self.plan.operation, session.environment)
        with session.pin_environment():
            requests = [session.prepare(calls[number]) for number in left[:BATCH_PREVIEWS]] if asks else []
            with session.approve_many(requests, len(calls), len(left)):
                self._run_claimed(calls, known, parallel, restart=not resume)
        return self

    def _run_claimed(self, calls: Mapping[int, Call], known: dict[int, Mark], parallel: int, restart: bool) -> None:
        """Claim the run in the journal, and send the rows that are left."""
        journal, plan = self._session.history.journal, self.plan
        new_run = Run(new_id(), plan.fingerprint, plan.operation.id, plan.environment, len(self))
        run = journal.claim(new_run if restart or self._run is None else self._run, restart)
        is_finished = False
        try:
            self._run, self._marks = run, _newest(known, journal.marks(run))
            left = {number: call for number, call in calls.items() if _is_pending(self._marks.get(number))}
            is_finished = self._send(run, left, parallel)
        finally:
            try:
                journal.release(run, is_finished)
            except SettingsError as error:  # rows may have been sent: the bulk has their results, and a note says so
                self.history_error = self.history_error or error.what

    def _send(self, run: Run, calls: Mapping[int, Call], parallel: int) -> bool:
        """Reconcile the unresolved rows, then send those that are not done; return whether all have ended."""
        sender = RowSender(self._session, run, self._marks, self._on_progress)
        marks = {n: self._marks[n] for n in calls if n in self._marks}
        unresolved = {n: UnresolvedRow(calls[n], m) for n, m in marks.items() if m.state in UNRESOLVED_STATES}
        operation = self.plan.operation
        found = reconcile(self._session, operation, unresolved, self._created_ids()) if unresolved else {}
        for number, resolution in found.items():
            if resolution.state != "not done":
                old = self._marks[number]
                mark = Mark(resolution.state, old.at, old.exchange, resolution.note, resolution.item)
                sender.mark(number, mark)
        to_send = {n: call for n, call in calls.items() if n not in found or found[n].state == "not done"}
        sender.send(to_send.items(), max(1, parallel))
        self.interrupts, self.connection_error = sender.interrupts, sender.connection_error
        self.history_error = sender.history_error
        return all(n in self._marks and self._marks[n].state not in ("begun", "cancelled") for n in calls)

    def _created_ids(self) -> set[str]:
        """Return the ids of the resources that the rows have created."""
        path = {"id": f"$.{id_field(self.plan.operation)}"}
        done = (self.result(n, "done", path) for n, mark in self._marks.items() if mark.state == "done")
        return {str(row["id"]) for row in done if row["id"] is not None}

    def _load_unfinished(self) -> int:
        """Load an unfinished run of these rows from the journal; return the number of rows that it has started."""
        journal = self._session.history.journal
        run = journal.unfinished(self.plan.fingerprint)
        if run is None:
            return 0
        self._run = run
        self._marks = _newest(self._marks, journal.marks(run))
        return len(self._marks)

    def _select(self, *wanted: str) -> DataFrame:
        outcomes, plan = self.outcomes, self.plan
        numbers = [number for number, outcome in enumerate(outcomes) if outcome in wanted]
        messages = [self.result(number, outcomes[number], {})["message"] for number in numbers]
        rows = [plan.rows[number] for number in numbers]
        return results.select_rows(plan.table, rows, messages, plan.operation, plan.mapping)


def _is_pending(mark: Mark | None) -> bool:
    """Whether a row still has to be sent or reconciled."""
    return mark is None or mark.state in PENDING_STATES


def _newest(held: Mapping[int, Mark], stored: Mapping[int, Mark]) -> dict[int, Mark]:
    """Return the mark of each row: the journal's, unless it could not be written and the one in memory is newer."""
    newer = {n: mark for n, mark in held.items() if n in stored and mark.at > stored[n].at}
    return {**held, **stored, **newer}


# --- display ----------------------------------------------------------------------------------------------------------


def _bulk_text(bulk: Bulk) -> str:
    mappings = [f"  {target} ← {source}  ({reason})" for target, source, reason in _mapping_rows(bulk)]
    problems = [f"  {number}: {outcome}: {message}" for number, outcome, message in _problems(bulk, _MAX_SHOWN_ROWS)]
    first = [f"  {number}: {url} {body}".rstrip() for number, url, body in _first_rows(bulk)]
    lines = [_headline(bulk), *mappings, *filter(None, [_count_text(bulk)]), *_notes(bulk)]
    for heading, block in (("Not done:", problems), ("First rows:", first)):
        lines += [heading, *block] if block else []
    return "\n".join(lines)


def _draw_bulk(bulk: Bulk) -> html.Markup:
    """Return a bulk as static HTML: counts, notes, the mapping, problems, and the first rows."""
    counts = [html.pill(f"{n:,} {outcome}", _TONES[outcome]) for outcome, n in bulk.counts.items() if n]
    head = html.join([html.method_pill(bulk.plan.operation.method), " ", html.tag("strong", _headline(bulk))])
    mapping = [(html.code(target), html.code(source), reason) for target, source, reason in _mapping_rows(bulk)]
    rows = [(number, html.code(url), html.code(body)) for number, url, body in _first_rows(bulk)]
    requests = html.table(["row", "URL", "body"], rows)
    parts = [
        html.join([head, " ", *counts], " "),
        *(html.muted(note) for note in _notes(bulk)),
        html.table(["field", "column or value", "reason"], mapping) if mapping else "",
        _draw_problems(bulk),
        html.details("The first rows as they would be sent", requests) if rows else "",
    ]
    return html.tag("div", *(html.tag("div", part, style="margin:6px 0") for part in parts if part))


def _draw_problems(bulk: Bulk) -> html.Markup:
    problems = _problems(bulk, _MAX_SHOWN_ROWS + 1)
    rows = [(n, html.pill(outcome, _TONES[outcome]), message) for n, outcome, message in problems[:_MAX_SHOWN_ROWS]]
    more = html.muted("There are more: see failures() and unknown().") if len(problems) > len(rows) else ""
    return html.join([html.table(["row", "outcome", "message"], rows), more]) if rows else html.Markup("")


def _problems(bulk: Bulk, limit: int) -> list[tuple[int, str, str]]:
    """Return the first rows that failed, are unknown or invalid: the number, the outcome, and the message of each."""
    numbers = ((n, outcome) for n, outcome in enumerate(bulk.outcomes) if outcome in ("failed", "unknown", "invalid"))
    return [(n, outcome, str(bulk.result(n, outcome, {})["message"] or "")) for n, outcome in islice(numbers, limit)]


def _headline(bulk: Bulk) -> str:
    return f"{bulk.plan.operation.id} for {html.pluralize(len(bulk), 'row')} in {bulk.plan.environment}"


def _count_text(bulk: Bulk) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in bulk.counts.items() if count)


def _mapping_rows(bulk: Bulk) -> Iterator[tuple[str, str, str]]:
    for m in bulk.plan.mapping:
        yield m.target.name, m.column, m.reason
    for location in bulk.plan.constants.locations:
        yield ".".join(map(str, location)), bulk.plan.constants.display_value(location), "the same in all rows"


def _notes(bulk: Bulk) -> Iterator[str]:
    counts = bulk.counts
    if not len(bulk):
        yield "There are no rows."
    if bulk.plan.unused:
        columns = ", ".join(map(repr, bulk.plan.unused))
        yield f"Columns that are not sent, because no field has their name or it has a value already: {columns}."
    if bulk.plan.empty:
        yield f"Columns without a value in any row, so that nothing is sent for them: {', '.join(bulk.plan.empty)}."
    if bulk.resumed and counts["not sent"]:
        yield (
            f"An earlier run of these rows was not finished; it started {html.pluralize(bulk.resumed, 'row')}. "
            "run() continues it, run(resume=False) sends all rows."
        )
    if bulk.connection_error and counts["not sent"]:
        yield f"{bulk.connection_error} No more rows were started; run() continues."
    if bulk.history_error:
        yield (
            f"{bulk.history_error} No more rows were started, and this kernel alone knows how the last ones ended: "
            "make the history usable and call run() of this bulk again before you end it."
        )
    if bulk.interrupts and counts["not sent"]:
        yield "You interrupted the run; run() continues it."
    if counts["unknown"]:
        yield "Unknown rows may have been carried out: run() looks them up, and sends those that are not done."


def _first_rows(bulk: Bulk) -> Iterator[tuple[int, str, str]]:
    """Yield the first rows that may be sent: the number, the path and the body of each."""
    checked = bulk.plan.checked
    unsent = (n for n, outcome in enumerate(bulk.outcomes) if outcome == "not sent")
    for number in islice(unsent, _MAX_SHOWN_ROWS):
        row = checked[number]
        if row.request is not None:
            parts = urlsplit(row.request.url)
            yield number, f"{parts.path}{'?' * bool(parts.query)}{parts.query}", _body_text(row)


def _body_text(row: CheckedRow) -> str:
    content = row.content
    text = content if isinstance(content, str) else "" if content is None else write_json(content).decode()
    return text if len(text) <= _MAX_SHOWN_BODY else f"{text[:_MAX_SHOWN_BODY]}…"

"""What came of a change: the difference, and the answer.

Fields that the server wants at a fixed ratio: where one is changed alone, the other follows.

What was read and is written back as it is, secrets among it.

A thing read, changed in one place, and written back whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import orjson

from .. import html
from ..approval import (
    Change,
    Entry,
    Found,
    Hidden,
    Row,
    Steps,
    as_body,
    compare,
    displayed,
    found_in,
    held_by,
    lost_by,
    needs_approval,
    path_value,
    ruled,
    sendable,
    shown,
    uncovered,
    what_would_change,
)
from ..call import UNSET, Call
from ..environments import Variables
from ..errors import ConcurrentChange, UsageError
from ..exchange import CallGroup, Exchange, Outcome
from ..http import new_id
from ..messages import header, is_json
from ..openapi import Operation, Ratio, call_to_read, last_parameter
from ..schema import Field, body_field, hold_secrets
from ..secrets import MASK, Secret, redact
from ..session import Session
from ..templates import template_names
from .merge import Merger, as_given


@dataclass(frozen=True, repr=False)
class Changed:
    """What came of a change. What the server answered is read from it as from an exchange.

    Attributes:
        change: the difference, field by field; no secret is in it.
        exchange: the write; where nothing was written, the last reading.
        sent: whether the write was sent.
        remade: what the server made otherwise than it was written; `now` is what was written, `then` what came of it.
        told: why nothing was sent, in a sentence; else empty.
    """

    change: Change
    exchange: Exchange
    sent: bool
    remade: tuple[Row, ...] = ()
    told: str = ""

    @property
    def ok(self) -> bool:
        """Whether the thing is now as it was meant to be; of a dry run, whether it could be read."""
        return self.exchange.ok and not self.change.trouble

    @property
    def status(self) -> int | None:
        """The status of the answer; None where none came."""
        return self.exchange.status

    @property
    def outcome(self) -> Outcome:
        """What became of it, as of an exchange: of a write that may or may not have been done it is "unknown"."""
        return self.exchange.outcome

    def json(self) -> Any:
        """The answer as plain data, secrets as stars."""
        return self.exchange.json()

    def __getitem__(self, path: str) -> Any:
        """The value at a JSONPath of the answer, as of an exchange."""
        return self.exchange[path]

    def __contains__(self, path: str) -> bool:
        return path in self.exchange

    def __repr__(self) -> str:
        return "\n".join([self.change.text(), *self._words(), repr(self.exchange)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        told = [html.tag("div", words) for words in self._words()]
        answer = self.exchange._repr_mimebundle_()["text/html"]
        drawn = html.Markup(self.change.html())
        if self.sent:  # it was shown before it was written
            drawn = html.details(f"What was changed of “{self.change.name}”", drawn)
        return {"text/plain": repr(self), "text/html": f"{answer}{html.tag('div', *told, drawn)}"}

    def _words(self) -> list[str]:
        made = [_made(row) for row in self.remade]
        return [*([self.told] if self.told else []), *made]


def _made(row: Row) -> str:
    written = "was left out" if row.now is UNSET else f"was written as {shown(row.now)}"
    return f"{row.path} {written}; the server made {shown(row.then)} of it."


_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?")


def followed(
    body: Mapping[str, Any], change: Mapping[str, Any], follow: Mapping[str, Ratio], operation: str
) -> dict[str, Any]:
    """A body in which what follows a field that was changed alone is changed too.

    Args:
        body: the body, the change merged into it.
        change: what was given.
        follow: by field, the quantity that it follows: the memory is twice the CPU, in Gi.
        operation: its id, for what is told.

    Raises:
        UsageError: a template is in the one, so that the other cannot be told.
    """
    made = dict(body)
    for other, ratio in follow.items():
        field, times, unit = ratio.of, Decimal(ratio.times), ratio.unit
        for given, wanted, factor, old, new in ((field, other, times, "", unit), (other, field, 1 / times, unit, "")):
            if given in change and change[given] is not None and wanted not in change and wanted in body:
                made[wanted] = _scaled(change[given], factor, old, new, f"{operation} wants {wanted} beside {given}.")
    return made


def _scaled(value: Any, factor: Decimal, old: str, new: str, what: str) -> str:
    text = str(value).removesuffix(old)
    if template_names(value) or not _NUMBER.fullmatch(text):
        raise UsageError(what, "Give both.")
    return f"{(Decimal(text) * factor).normalize():f}{new}"


def captured(field: Field | None, body: Any) -> Any:
    """A body in which what it calls a secret is a `Secret` that was captured: no answer hides what nobody typed."""
    return _veiled(body, hold_secrets(field, sendable(body)))


def masked(body: Any, at: Steps = ()) -> Iterator[str]:
    """The paths of the texts that hold a secret of this session: answers show stars in their place."""
    if isinstance(body, str) and MASK in body:
        yield ".".join(map(str, at))
    parts = body.items() if isinstance(body, Mapping) else enumerate(body) if isinstance(body, list) else ()
    for name, inner in parts:
        if MASK in str(name):
            yield ".".join(map(str, (*at, name)))
        yield from masked(inner, (*at, name))


def as_shown_now(reading: Exchange, variables: Variables) -> Exchange:
    """A reading as it would be answered now: without the secrets that were typed since."""
    held = [v.value for v in variables.entries() if isinstance(v.value, Secret) and v.value.is_in_memory]
    typed = {secret.value_if_available() for secret in held if not secret.is_captured}
    if reading.response is None or not typed:
        return reading
    body = redact(reading.response.body.decode("latin-1"), typed).encode("latin-1")  # byte for byte, as the client does
    return replace(reading, response=replace(reading.response, body=body))


def _veiled(body: Any, redacted: Any) -> Any:
    """The redacted body with what is hidden put back where it stood."""
    if isinstance(body, Hidden):
        return body
    if isinstance(body, Mapping) and isinstance(redacted, Mapping):
        return {name: _veiled(inner, redacted.get(name)) for name, inner in body.items()}
    if isinstance(body, list) and isinstance(redacted, list) and len(body) == len(redacted):
        return [_veiled(*pair) for pair in zip(body, redacted, strict=True)]
    return redacted


_NOTHING = "Nothing would change: nothing was sent."
_DRY = "A dry run: nothing was sent."


def change(
    session: Session, operation: str, /, *, body: Any = UNSET, dry_run: bool = False, **arguments: Any
) -> Changed:
    """Read a thing, change what is given, show the difference, and write it back; all else stays as it is.

    Args:
        session, operation: where, and the operation that updates the thing.
        body: fields as a mapping, beside those among the arguments.
        dry_run: only read, and tell the difference.
        arguments: parameters first, then fields of the body; see `Workbench.change`.

    Raises:
        UsageError: the operation is no update of a thing that can be read, or the change is not one of its body.
        UnsafeRefused: the environment is guarded, and it was not confirmed.
        ConcurrentChange: somebody changed the thing meanwhile; nothing was written.
    """
    found = session.spec.operation(operation)
    reader = _reader(found)
    given = session.build_call(operation, arguments, body)
    if given.body is not UNSET and not isinstance(given.body, Mapping):
        raise UsageError("The body of a change is a mapping of fields.", "Give the fields that change.")
    with session.pin_environment():
        return _Changing(session, found, reader, given).run(dry_run)


def _reader(operation: Operation) -> Operation:
    """The operation that reads what an operation updates.

    Raises:
        UsageError: it is none that can be read first and written back.
    """
    resources = operation.spec.resources
    if resources.role(operation).action != "update" or operation.body is None:
        raise UsageError(f"{operation.id} does not update a thing.", f'Use api.call("{operation.id}", …).')
    own = resources.reader_at(operation.path)
    declared = operation.extensions.update is not None
    reader = resources.reader_of(operation) if declared else own if own and not resources.is_list(own) else None
    if reader is None or not is_json(operation.body.media_type):
        why = "takes no JSON" if reader else "has no operation beside it that reads the thing"
        raise UsageError(
            f"{operation.id} {why}, so nothing can be changed in it.",
            f'Use api.call("{operation.id}", …) with all that the thing shall be.',
        )
    return reader


class _Changing:
    """One change on its way. Its exchanges have one `group`."""

    def __init__(self, session: Session, operation: Operation, reader: Operation, given: Call) -> None:
        self._session, self._operation, self._reader, self._given = session, operation, reader, given
        self._group = CallGroup("change", new_id())
        self._update = operation.extensions.update

    def run(self, dry_run: bool) -> Changed:
        """Read, compare, ask, read again, write."""
        id_ = path_value(self._session.prepare(self._given, self._group), last_parameter(self._operation))
        first = self._read()
        found = found_in(self._reader, first, id_)
        if found.trouble or not isinstance(found.state, Mapping):
            trouble = found.trouble or f"{self._reader.id} answers no object."
            return Changed(replace(self._difference(self._given, first), trouble=trouble), first, False)
        call = self._written(found.state)
        change = self._difference(call, first)
        if dry_run or not change.count("removed", "changed", "added", "unknown"):
            return self._unsent(change, first, dry_run)
        self._ask(call, change)
        second = self._read()
        again = found_in(self._reader, second, id_)
        if again.trouble:
            told = "It could not be read again right before the write: nothing was sent."
            return Changed(replace(change, trouble=again.trouble), second, False, told=told)
        self._require_same(found_in(self._reader, as_shown_now(first, self._session.variables), id_), again)
        return self._write(call, change, second, id_)

    # --- the body -----------------------------------------------------------------------------------------------------

    @cached_property
    def _field(self) -> Field | None:
        return body_field(self._operation, self._given.media_type)

    def _body(self, state: Any) -> Any:
        """A state as the body would tell it; what stays by being left out is hidden in it."""
        return held_by(self._field, as_body(state, self._update))

    def _written(self, state: Any) -> Call:
        """The call that writes the thing back, the change merged into it, its secrets lifted out."""
        update, wanted = self._update, {} if self._given.body is UNSET else self._given.body
        lost = lost_by(update, self._operation.method)
        merger = Merger(self._operation.id, update.entries if update else {}, lost, self._session.shown)
        merged = merger.merge(captured(self._field, self._body(state)), wanted, self._field)
        merged = ruled(
            self._field, followed(merged, wanted, update.follow if update else {}, self._operation.id), wanted
        )
        for path in uncovered(merged, update):
            raise UsageError(f"{path} is a secret that the server does not tell.", "Give its value anew with the rest.")
        body = sendable(self._part(merged, wanted))
        for path in masked(body):
            raise UsageError(
                f"{path} holds what is a secret of this session, so no answer shows it, and it cannot be written back.",
                "Give it anew with the rest, the secret in it as {{variable}}.",
            )
        call = self._session.extract_secrets(replace(self._given, body=body))
        self._given = replace(self._given, body=as_given(merger, wanted, call.body, self._field))
        return call

    def _part(self, merged: Mapping[str, Any], wanted: Mapping[str, Any]) -> Any:
        """All of the body; of a PATCH what changes and what has to be there."""
        if self._operation.method != "PATCH":
            return merged
        needed = {
            child.name
            for form in (self._field.alternatives if self._field else ())
            for child in form.children
            if child.required
        }
        return {name: value for name, value in merged.items() if name in wanted or name in needed}

    # --- reading and writing ------------------------------------------------------------------------------------------

    def _read(self) -> Exchange:
        return self._session.send(call_to_read(self._reader, self._operation, self._given), self._group)

    def _difference(self, call: Call, reading: Exchange) -> Change:
        return what_would_change(self._session.prepare(call, self._group), lambda _: reading)

    def _ask(self, call: Call, change: Change) -> None:
        """Show the difference; where the environment is guarded the guard does, and asks."""
        here = self._session.environment
        if needs_approval(self._operation, here):
            self._session.approval.require_approval(self._session.prepare(call, self._group), here)
        else:
            displayed(change)

    def _require_same(self, first: Found, second: Found) -> None:
        moved = [
            row
            for row in compare(sendable(self._body(first.state)), sendable(self._body(second.state)))
            if row.kind != "kept"
        ]
        if moved:
            raise _concurrent(self._operation, moved)

    def _unsent(self, change: Change, first: Exchange, dry_run: bool) -> Changed:
        changes = bool(change.count("removed", "changed", "added", "unknown"))
        if not dry_run:
            self._session.group_calls[self._group.id] = self._given
        return Changed(change, first, False, told=_DRY if changes else _NOTHING)

    def _write(self, call: Call, change: Change, reading: Exchange, id_: str) -> Changed:
        self._session.group_calls[self._group.id] = self._given
        tag = self._tag(reading)
        with self._session.approval.allow_unsafe():  # leave was given for this very call
            answer = self._session.send(replace(call, headers={**call.headers, **tag}), self._group)
        if tag and answer.status == 412 and len(answer.attempts) == 1:  # else it may be our own first attempt
            raise _concurrent(self._operation, [])
        return Changed(change, answer, True, self._remade(answer, id_, change))

    def _tag(self, reading: Exchange) -> dict[str, str]:
        """`If-Match`, where the very thing that is written was read with a strong validator (RFC 9110, 13.1.1)."""
        own = self._operation.spec.resources.reader_at(self._operation.path)
        tag = header(reading.response.headers, "etag") if reading.response and own is self._reader else None
        return {"If-Match": tag} if tag and tag.startswith('"') else {}

    def _remade(self, answer: Exchange, id_: str, change: Change) -> tuple[Row, ...]:
        """What the answer, or a further reading where it tells nothing of the thing, has otherwise than was meant."""
        if not answer.ok:
            return ()
        written = orjson.loads(answer.request.body)
        state = answer["$"] if answer.response and answer.response.is_json else UNSET
        if not (isinstance(state, Mapping) and set(state) & set(written)):
            state = found_in(self._reader, self._read(), id_).state
        rows = compare(written, sendable(self._body(state))) if state is not UNSET else ()
        removed = {row.path for row in change.rows if row.kind == "removed"}
        return tuple(row for row in rows if _is_remade(row) or (row.kind == "added" and row.path in removed))


def _is_remade(row: Row) -> bool:
    """Whether a value came out otherwise; one that an answer leaves out may be there all the same."""
    gone = row.kind == "removed" and row.steps and isinstance(row.steps[-1], Entry | int)
    return (row.kind == "changed" or bool(gone)) and MASK not in f"{row.now}{row.then}"


def _concurrent(operation: Operation, rows: list[Row]) -> ConcurrentChange:
    fields = ", ".join(row.path for row in rows[:10]) + (" …" if len(rows) > 10 else "")
    told = f"Somebody changed {fields}" if rows else "Somebody changed the thing"
    return ConcurrentChange(
        f"{told} while {operation.id} was being made ready: nothing was written.",
        "Call it again: it starts from what is there now.",
        rows=tuple(rows),
        fields=[row.path for row in rows],
    )

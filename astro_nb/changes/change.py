"""A resource that is read, changed in one place, and written back.

An update usually replaces more than the field that you want to change. `change` reads the resource, merges the change
into its state, shows the difference, asks for approval where the environment requires it, reads the resource once more
to find concurrent changes, and writes it. All its requests are one group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .. import html
from ..approval import (
    Change,
    ReadState,
    describe_change,
    display_change,
    drop_excluded_fields,
    needs_approval,
    omission_rule,
    path_value,
    state_in,
    state_to_body,
    unprotected_secrets,
    value_text,
    without_stored_values,
    writable_part,
)
from ..call import UNSET, Call
from ..data import walk
from ..diff import DiffRow, Entry, StoredValue, compare_values
from ..environments import Variables
from ..errors import ConcurrentChange, UsageError
from ..exchange import CallGroup, Exchange, Outcome
from ..http import new_id, redact_response
from ..json_text import read_json
from ..messages import header, is_json
from ..openapi import Operation, call_to_read, last_parameter
from ..schema import Field, body_field, hold_secrets
from ..secrets import MASK, Secret
from ..session import Session, add_headers
from .merge import Merger, fill_ratios

_NO_CHANGE = "Nothing would change: nothing was sent."
_DRY_RUN = "Dry run: nothing was sent."
_NOT_READ_AGAIN = "The resource could not be read again right before the update: nothing was sent."
_PRECONDITION_FAILED = 412
_MAX_FIELDS_IN_MESSAGE = 10


@dataclass(frozen=True, repr=False)
class ChangeResult:
    """The result of a change. Values of the response are read from it as from an exchange: `result["$.id"]`.

    Attributes:
        change: the difference in each field, without secrets.
        exchange: the exchange of the update, or of the last reading if nothing was sent.
        sent: whether the update was sent.
        altered: fields that the server set to something else than was sent; `now` is what was sent.
        reason: why nothing was sent; empty if something was.
    """

    change: Change
    exchange: Exchange
    sent: bool
    altered: tuple[DiffRow, ...] = ()
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the resource has the wanted state; for a dry run, whether it could be read."""
        return self.exchange.ok and not self.change.read_error

    @property
    def status(self) -> int | None:
        """The status of the response; None if there was none."""
        return self.exchange.status

    @property
    def outcome(self) -> Outcome:
        """The outcome, as of an exchange: "unknown" if the update may or may not have been done."""
        return self.exchange.outcome

    def json(self) -> Any:
        """Return the response as plain data, secrets masked."""
        return self.exchange.json()

    def __getitem__(self, path: str) -> Any:
        """Return the value at a JSONPath of the response, as an exchange does."""
        return self.exchange[path]

    def __contains__(self, path: str) -> bool:
        return path in self.exchange

    def __repr__(self) -> str:
        return "\n".join([self.change.text(), *self._messages(), repr(self.exchange)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        messages = [html.tag("div", message) for message in self._messages()]
        response = self.exchange._repr_mimebundle_()["text/html"]
        change = html.Markup(self.change.html())
        if self.sent:  # it was displayed before it was sent
            change = html.details(f'Changes to "{self.change.name}"', change)
        return {"text/plain": repr(self), "text/html": f"{response}{html.tag('div', *messages, change)}"}

    def _messages(self) -> list[str]:
        return [*([self.reason] if self.reason else []), *map(_altered_message, self.altered)]


def _altered_message(row: DiffRow) -> str:
    sent = "was not sent" if row.now is UNSET else f"was sent as {value_text(row.now)}"
    return f"{row.path} {sent}; the server set it to {value_text(row.then)}."


def change(
    session: Session, operation: str, body: Any = UNSET, /, *, dry_run: bool = False, **arguments: Any
) -> ChangeResult:
    """Read a resource, change what is given, show the difference, and write it back; everything else stays.

    Args:
        session, operation: the session, and the operation that updates the resource.
        body: fields as a mapping, in addition to those among the arguments; also as `body=`, as for `Workbench.call`.
        dry_run: only read the resource and return the difference.
        arguments: parameters, and fields of the body; see `Workbench.change`.

    Raises:
        UsageError: the operation does not update a resource that can be read, or the change does not fit its body.
        UnsafeRefused: the environment requires approval, and the change was not confirmed.
        ConcurrentChange: someone else changed the resource in the meantime; nothing was sent.
    """
    target = session.spec.operation(operation)
    reader = _reader_for(target)
    call = session.build_call(operation, arguments, body)
    if call.body is not UNSET and not isinstance(call.body, Mapping):
        raise UsageError("The body of a change has to be a mapping of fields.", "Give the fields that change.")
    with session.pin_environment():
        return _ChangeRun(session, target, reader, call).run(dry_run)


def _reader_for(operation: Operation) -> Operation:
    """Return the operation that reads the resource that an operation updates.

    Raises:
        UsageError: the operation does not update a resource that can be read first and written back.
    """
    resources = operation.spec.resources
    if resources.role(operation).action != "update" or operation.body is None:
        raise UsageError(f"{operation.id} does not update a resource.", f'Use api.call("{operation.id}", …).')
    own = resources.reader_at(operation.path)
    is_declared = operation.extensions.update is not None
    reader = resources.reader_of(operation) if is_declared else own if own and not resources.is_list(own) else None
    if reader is None or not is_json(operation.body.media_type):
        why = "does not accept JSON" if reader else "has no operation at its path that reads the resource"
        raise UsageError(
            f"{operation.id} {why}, so a part of the resource cannot be changed.",
            f'Use api.call("{operation.id}", …) with all fields of the resource.',
        )
    return reader


class _ChangeRun:
    """One change being made."""

    def __init__(self, session: Session, operation: Operation, reader: Operation, call: Call) -> None:
        self._session, self._operation, self._reader, self._call = session, operation, reader, call
        self._group = CallGroup("change", new_id())
        self._update = operation.extensions.update

    def run(self, dry_run: bool) -> ChangeResult:
        """Read, compare, ask, read again, write."""
        resource_id = path_value(self._session.prepare(self._call, self._group), last_parameter(self._operation))
        first = self._read()
        current = state_in(self._reader, first, resource_id)
        if current.error or not isinstance(current.state, Mapping):
            error = current.error or f"{self._reader.id} does not return an object."
            return ChangeResult(replace(self._difference(self._call, first), read_error=error), first, False)
        call = self._update_call(current.state)
        change = self._difference(call, first)
        if dry_run or not change.is_effective:
            return self._not_sent(change, first, dry_run)
        self._ask(call, change)
        second = self._read()
        again = state_in(self._reader, second, resource_id)
        if again.error:
            return ChangeResult(replace(change, read_error=again.error), second, False, reason=_NOT_READ_AGAIN)
        masked_first = redact_later_secrets(first, self._session.variables)
        self._require_unchanged(state_in(self._reader, masked_first, resource_id), again)
        return self._write(call, change, second, resource_id)

    # --- the body -----------------------------------------------------------------------------------------------------

    @cached_property
    def _field(self) -> Field | None:
        return body_field(self._operation, self._call.media_type)

    def _body_of(self, state: Any) -> Any:
        return writable_part(self._field, state_to_body(state, self._update))

    def _update_call(self, state: Any) -> Call:
        """The call that writes the resource back, with the change merged and its secrets extracted."""
        update, wanted = self._update, {} if self._call.body is UNSET else self._call.body
        omitted = omission_rule(update, self._operation.method)
        merger = Merger(self._operation.id, update.entries if update else {}, omitted, self._session.resolve)
        merged = merger.merge(hold_response_secrets(self._field, self._body_of(state)), wanted, self._field)
        merged = fill_ratios(merged, wanted, update.follow if update else {}, self._operation.id)
        merged = drop_excluded_fields(self._field, merged, wanted)
        for path in unprotected_secrets(merged, update):
            raise UsageError(
                f"{path} is a secret whose value the server does not return.", "Give its value again, with the rest."
            )
        body = without_stored_values(self._partial_body(merged, wanted))
        for path in masked_paths(body):
            raise UsageError(
                f"{path} contains a secret of this session, which responses mask, so it cannot be written back.",
                "Give its value again with the rest, and the secret in it as {{variable}}.",
            )
        call = self._session.extract_secrets(replace(self._call, body=body))
        self._call = replace(self._call, body=merger.change_as_sent(wanted, call.body, self._field))
        return call

    def _partial_body(self, merged: Mapping[str, Any], wanted: Mapping[str, Any]) -> Any:
        """The whole body; for a PATCH the changed and the required fields."""
        if self._operation.method != "PATCH":
            return merged
        forms = self._field.alternatives if self._field else ()
        required = {child.name for form in forms for child in form.children if child.required}
        return {name: value for name, value in merged.items() if name in wanted or name in required}

    # --- reading and writing ------------------------------------------------------------------------------------------

    def _read(self) -> Exchange:
        return self._session.send(call_to_read(self._reader, self._operation, self._call), self._group)

    def _difference(self, call: Call, reading: Exchange) -> Change:
        return describe_change(self._session.prepare(call, self._group), lambda _: reading)

    def _ask(self, call: Call, change: Change) -> None:
        """Display the difference; where approval is required, ask for it, which displays it too."""
        if needs_approval(self._operation, self._session.environment):
            self._session.require_approval(self._session.prepare(call, self._group))
        else:
            display_change(change)

    def _require_unchanged(self, first: ReadState, second: ReadState) -> None:
        before, after = (without_stored_values(self._body_of(reading.state)) for reading in (first, second))
        changed = [row for row in compare_values(before, after) if row.kind != "unchanged"]
        if changed:
            raise _concurrent_change(self._operation, changed)

    def _not_sent(self, change: Change, reading: Exchange, dry_run: bool) -> ChangeResult:
        if not dry_run:
            self._session.group_calls[self._group.id] = self._call
        return ChangeResult(change, reading, False, reason=_DRY_RUN if change.is_effective else _NO_CHANGE)

    def _write(self, call: Call, change: Change, reading: Exchange, resource_id: str) -> ChangeResult:
        self._session.group_calls[self._group.id] = self._call
        condition = self._precondition(reading)
        with self._session.approval.allow_unsafe():  # exactly this call was approved
            exchange = self._session.send(add_headers(self._operation, call, condition), self._group)
        is_first_attempt = len(exchange.attempts) == 1  # a later one may conflict with our own first attempt
        if condition and exchange.status == _PRECONDITION_FAILED and is_first_attempt:
            raise _concurrent_change(self._operation, [])
        return ChangeResult(change, exchange, True, self._altered_fields(exchange, resource_id, change))

    def _precondition(self, reading: Exchange) -> dict[str, str]:
        """`If-Match`, if the resource itself was read with a strong validator (RFC 9110, section 13.1.1)."""
        own = self._operation.spec.resources.reader_at(self._operation.path)
        tag = header(reading.response.headers, "etag") if reading.response and own is self._reader else None
        return {"If-Match": tag} if tag and tag.startswith('"') else {}

    def _altered_fields(self, exchange: Exchange, resource_id: str, change: Change) -> tuple[DiffRow, ...]:
        """The fields that the server set to something else, by the response or, if it has none of them, a reading."""
        if not exchange.ok:
            return ()
        sent = read_json(exchange.request.body).data
        state = exchange["$"] if exchange.response and exchange.response.is_json else UNSET
        if not (isinstance(state, Mapping) and set(state) & set(sent)):
            state = state_in(self._reader, self._read(), resource_id).state
        rows = compare_values(sent, without_stored_values(self._body_of(state))) if state is not UNSET else ()
        removed = {row.path for row in change.rows if row.kind == "removed"}
        return tuple(row for row in rows if _is_altered(row) or (row.kind == "added" and row.path in removed))


def _is_altered(row: DiffRow) -> bool:
    """Whether a value differs from what was sent; a field that a response leaves out may still be set."""
    is_lost_entry = row.kind == "removed" and bool(row.steps) and isinstance(row.steps[-1], Entry | int)
    return (row.kind == "changed" or is_lost_entry) and MASK not in f"{row.now}{row.then}"


def _concurrent_change(operation: Operation, rows: list[DiffRow]) -> ConcurrentChange:
    more = " …" if len(rows) > _MAX_FIELDS_IN_MESSAGE else ""
    fields = ", ".join(row.path for row in rows[:_MAX_FIELDS_IN_MESSAGE]) + more if rows else "the resource"
    return ConcurrentChange(
        f"Someone else changed {fields} while {operation.id} was being prepared: nothing was written.",
        "Call it again: it starts from the new state.",
        rows=tuple(rows),
        fields=[row.path for row in rows],
    )


# --- secrets in what was read -----------------------------------------------------------------------------------------


def hold_response_secrets(field: Field | None, body: Any) -> Any:
    """Return a body with its secret fields as `Secret`, marked as captured, so that responses do not mask them."""
    return _restore_stored(body, hold_secrets(field, without_stored_values(body)))


def _restore_stored(body: Any, held: Any) -> Any:
    """The body `held`, with the stored values of `body` put back in their places."""
    if isinstance(body, StoredValue):
        return body
    if isinstance(body, Mapping) and isinstance(held, Mapping):
        return {name: _restore_stored(inner, held.get(name)) for name, inner in body.items()}
    if isinstance(body, list) and isinstance(held, list) and len(body) == len(held):
        return [_restore_stored(*pair) for pair in zip(body, held, strict=True)]
    return held


def masked_paths(body: Any) -> Iterator[str]:
    """Yield the paths of texts and names that contain the mask: a secret of this session was masked in a response."""
    for location, value in walk(body):
        if (isinstance(value, str) and MASK in value) or (location and MASK in str(location[-1])):
            yield ".".join(map(str, location))


def redact_later_secrets(reading: Exchange, variables: Variables) -> Exchange:
    """Return a reading as it would be now: without the secrets that were typed since."""
    in_memory = [v.value for v in variables.entries() if isinstance(v.value, Secret) and v.value.is_in_memory]
    typed = frozenset(secret.value_if_available() for secret in in_memory if not secret.is_captured)
    if reading.response is None or not typed:
        return reading
    return replace(reading, response=redact_response(reading.response, typed))

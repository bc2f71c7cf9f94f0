"""No secret of the session in what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ..environment import Secret, names_in, scrub
from ..errors import RunbookError, SecretMissing
from ..pick import leaves
from .cells import Cell
from .steps import Recorded, Step

_ASKING = ("prompt:", "keyring:")
"""Sources that ask the user or the desktop: a secret of theirs is looked at only where it has been used already."""


def require_clean(cells: tuple[Cell, ...], session: Recorded, steps: tuple[Step, ...]) -> None:
    """Raise RunbookError, naming the step, where a cell holds a known secret in the clear."""
    known = {value for secret in _known(session, steps) if (value := _revealed(secret))}
    for cell in cells:
        if scrub(cell.source, known) != cell.source:
            step = cell.step
            where = f"Step {step.number} ({step.operation.id})" if step else "The head of the runbook"
            todo = f"leave the step out: api.runbook.drop({step.number})." if step else "give another title."
            raise RunbookError(
                f"{where} would hold a secret in the clear: nothing was written.",
                f"Give the value as an anb.Secret, so that the call holds its name only, or {todo}",
                step=step.number if step else None,
            )


def _known(session: Recorded, steps: tuple[Step, ...]) -> Iterator[Secret]:
    used = {name for step in steps for e in step.exchanges for name in names_in(e.call.to_dict())}
    for name in session.variables:
        for variable in session.variables.all(name):
            if isinstance(variable.value, Secret) and (
                name in used or not variable.value.reference.startswith(_ASKING)
            ):
                yield variable.value
    for scheme in session.acting.credentials:
        secret = session.acting.secret_for(scheme)
        if secret and any(e.environment == session.environment.name for step in steps for e in step.exchanges):
            yield secret
    for step in steps:
        for exchange in step.exchanges:
            if exchange.answer and exchange.answer.is_json:
                yield from (leaf for _, leaf in leaves(exchange["$"], 1_000_000) if isinstance(leaf, Secret))


def _revealed(secret: Secret) -> str:
    with suppress(SecretMissing):
        return secret.reveal()
    return ""

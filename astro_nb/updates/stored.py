"""What was read and is written back as it is, secrets among it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..environment import MASK, Secret, Variables, scrub
from ..exchange import Exchange
from ..fields import Field, redact
from ..guard import Hidden, Steps, sendable


def captured(field: Field | None, body: Any) -> Any:
    """A body in which what it calls a secret is a `Secret` that was captured: no answer hides what nobody typed."""
    return _veiled(body, redact(field, sendable(body)))


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
    held = [v.value for v in variables.entries() if isinstance(v.value, Secret) and v.value.is_held]
    typed = {secret.quietly() for secret in held if not secret.is_captured}
    if reading.answer is None or not typed:
        return reading
    body = scrub(reading.answer.body.decode("latin-1"), typed).encode("latin-1")  # byte for byte, as the client does
    return replace(reading, answer=replace(reading.answer, body=body))


def _veiled(body: Any, redacted: Any) -> Any:
    """The redacted body with what is hidden put back where it stood."""
    if isinstance(body, Hidden):
        return body
    if isinstance(body, Mapping) and isinstance(redacted, Mapping):
        return {name: _veiled(inner, redacted.get(name)) for name, inner in body.items()}
    if isinstance(body, list) and isinstance(redacted, list) and len(body) == len(redacted):
        return [_veiled(*pair) for pair in zip(body, redacted, strict=True)]
    return redacted

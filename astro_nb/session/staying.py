"""Work of many calls that is held to the place where it began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import SettingsError

Place = tuple[str, str | None]
"""The name and the address of an environment."""

_held: ContextVar[tuple[object, Place] | None] = ContextVar("held", default=None)


@contextmanager
def held_to(session: object, place: Place) -> Iterator[None]:
    """Within it, `require_held` refuses what that session would send to any other place."""
    token = _held.set((session, place))
    try:
        yield
    finally:
        _held.reset(token)


def require_held(session: object, place: Place) -> None:
    """Raise where work that began in another place goes on here.

    Raises:
        SettingsError: the environment was changed meanwhile; nothing was sent.
    """
    held = _held.get()
    if held is None or held[0] is not session or held[1] == place:
        return
    (name, address), (other, elsewhere) = held[1], place
    raise SettingsError(
        f"The environment was changed to {other!r} at {elsewhere}, but this began in {name!r} at {address}: "
        "nothing of it is sent there.",
        "Change back, and call it again.",
    )

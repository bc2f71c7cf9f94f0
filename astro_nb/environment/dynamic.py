"""Values that are made anew at each use, by the names that Postman gives them where it has one."""

from __future__ import annotations

import random
import string
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .secret import Secret

_ADJECTIVES = ("amber", "brisk", "calm", "eager", "lucid", "quiet", "rapid", "solar", "tidal", "vivid")
_NOUNS = ("aurora", "comet", "eclipse", "horizon", "meteor", "nebula", "orbit", "pulsar", "quasar", "zenith")
_ALPHANUMERIC = string.ascii_letters + string.digits
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.~")  # URLs and shells leave them be
_PASSWORD = 20  # characters


def chance(seed: int | None) -> random.Random:
    """What dynamic values are drawn from: repeatable by a seed, else the operating system's own chance."""
    return random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  # repeatable on purpose


def _uuid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def _now(pattern: str) -> Callable[[random.Random], str]:
    return lambda r: datetime.now(UTC).strftime(pattern)


def _name(r: random.Random, between: str = "-") -> str:
    return f"{r.choice(_ADJECTIVES)}{between}{r.choice(_NOUNS)}{between}{r.randint(100, 999)}"


def _password(r: random.Random) -> Secret:
    """One of each kind of character, for servers that ask for it, and as many as make it hard to guess."""
    drawn = [r.choice(kind) for kind in _KINDS] + r.choices(_ALPHANUMERIC, k=_PASSWORD - len(_KINDS))
    r.shuffle(drawn)
    return Secret.held("".join(drawn), "randomPassword")


DYNAMIC: dict[str, Callable[[random.Random], Any]] = {
    "uuid": _uuid,
    "guid": _uuid,
    "randomUUID": _uuid,
    "timestamp": lambda r: int(time.time()),
    "isoTimestamp": _now("%Y-%m-%dT%H:%M:%SZ"),
    "date": _now("%Y-%m-%d"),
    "randomInt": lambda r: r.randint(0, 1000),
    "randomBoolean": lambda r: r.random() < 0.5,
    "randomAlphaNumeric": lambda r: r.choice(_ALPHANUMERIC),
    "randomName": _name,
    "randomEmail": lambda r: f"{_name(r, '.')}@example.com",
    "randomPassword": _password,
}
"""What each name makes; those that are random follow the seed of the `Variables`."""

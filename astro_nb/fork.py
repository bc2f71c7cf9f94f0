"""What a process has to make anew after it was forked: locks, threads, connections, and files that are open.

`multiprocessing` forks on Linux, and so do some servers of notebooks. A child has none of the parent's threads, a lock
that another thread held stays locked for ever, and a connection that both use mixes up their messages.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

_renewals: list[weakref.WeakMethod[Any]] = []


def renew_after_fork(method: Callable[[], None]) -> None:
    """Call a bound method in every child of this process right after a fork, as long as its object lives."""
    _renewals[:] = [known for known in _renewals if known() is not None]
    _renewals.append(weakref.WeakMethod(method))


def _renew_all() -> None:
    for known in list(_renewals):
        renew = known()
        if renew is not None:
            renew()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_renew_all)

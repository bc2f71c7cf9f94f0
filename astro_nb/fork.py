"""What a process has to make anew after it was forked: locks, threads, connections, and files that are open.

`multiprocessing` forks on Linux, and so do some servers of notebooks. A child has none of the parent's threads, a lock
that another thread held stays locked for ever, and a connection that both use mixes up their messages.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

_Hooks = list[weakref.WeakMethod[Any]]
_before: _Hooks = []
_after_in_parent: _Hooks = []
_after_in_child: _Hooks = []


def renew_after_fork(renew: Callable[[], None]) -> None:
    """Call a bound method in every child of this process right after a fork, as long as its object lives."""
    _add(_after_in_child, renew)


def hold_during_fork(hold: Callable[[], None], release: Callable[[], None]) -> None:
    """Call bound methods right before each fork and, in the parent, right after it, as long as their object lives.

    What nobody may change while the process is copied is held so. The child makes its locks anew.
    """
    _add(_before, hold)
    _add(_after_in_parent, release)


def _add(hooks: _Hooks, method: Callable[[], None]) -> None:
    hooks[:] = [known for known in hooks if known() is not None]
    hooks.append(weakref.WeakMethod(method))


def _run(hooks: _Hooks) -> None:
    for known in list(hooks):
        method = known()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(
        before=lambda: _run(_before),
        after_in_parent=lambda: _run(_after_in_parent),
        after_in_child=lambda: _run(_after_in_child),
    )

"""Which process holds a run, and whether it still lives."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def this_process() -> str:
    """This process: its number, and when it began where the system tells, for numbers are given again."""
    return f"{os.getpid()} {_began(os.getpid())}".rstrip()


def is_alive(owner: str) -> bool:
    """Whether another process than this one holds a run and still lives."""
    number, _, began = owner.partition(" ")
    if not number or int(number) == os.getpid() or sys.platform == "win32":  # there, asking would interrupt it
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        pass
    return _began(int(number)) == began


def _began(number: int) -> str:
    """When a process began, in the system's own count; empty where it does not tell, or the process is dead."""
    try:
        told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = told.rpartition(")")[2].split()
    return "dead" if state in ("Z", "X") else rest[18]

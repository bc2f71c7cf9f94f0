"""Who is told of long work as it goes on."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float | None, str], None]
"""Told of long work: the fraction done (None where unknown), and words."""

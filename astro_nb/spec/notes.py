"""The extensions by which overlays and the loader add to a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .sound import faults_in, sound_notes

NOTE = "x-astro-nb-"
"""Prefix of the extensions by which an overlay tells what the document leaves unsaid."""

TOLD = f"{NOTE}told"
"""What the loader has to say of a document or an operation: a list of sentences."""

FILES = f"{NOTE}files"
"""The files that the document refers to, by a name of their own."""

UNREAD = f"{NOTE}unread"
"""Why a file that the document refers to is not among them, by its address."""

_LOADERS = {TOLD, FILES, UNREAD}


def notes_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an overlay says, by the extension's name without its prefix; what is malformed is left out."""
    said = _said(raw)
    return sound_notes(said) if said else said


def malformed(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """What is malformed in what an overlay says, in words."""
    return tuple(faults_in(_said(raw)))


def _said(raw: Mapping[str, Any]) -> dict[str, Any]:
    ours = {str(key): value for key, value in raw.items() if str(key).startswith(NOTE) and key not in _LOADERS}
    return {key[len(NOTE) :]: value for key, value in ours.items()}


def told_of(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """What the loader has to say of a document or an operation."""
    told = raw.get(TOLD)
    return tuple(map(str, told)) if isinstance(told, list) else ()

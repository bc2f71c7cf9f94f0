"""The exceptions of astro_nb, as one tree.

AstroNbError                     says what happened and what to do
├── DocumentError                the document is at fault
│   ├── DocumentNotFound
│   ├── DocumentInvalid          not YAML or JSON, not OpenAPI, out of bounds
│   └── DanglingReference        a $ref that points nowhere
├── UsageError                   the caller is at fault: raised before anything is sent
│   ├── UnknownName              an operation, argument, variable or environment that does not exist
│   ├── MissingArgument
│   ├── PickError                a JSONPath that matches nothing, or a body that is not JSON
│   ├── RunbookError
│   └── UnsafeRefused            a call that changes something and was not confirmed
├── SettingsError                the environment is at fault
│   ├── SecretMissing            a secret reference without a value
│   ├── SecretRefused            a secret that would be sent to another host
│   ├── TokenExpired
│   └── NewerFormat              state written by a later version of astro_nb
├── WaitError                    a condition was not met
│   ├── WaitTimeout
│   └── WaitFailed               a final state other than the wanted one
├── Stopped                      background work that was cancelled
├── PagesIncomplete              a list of which a page is missing
└── ConcurrentChange             a resource that somebody else changed at the same time

A server's response is never in this tree: a 404, a 500 or a broken connection is an `Exchange` whose `ok` is false.
"""

from __future__ import annotations

import contextlib
import difflib
import warnings
from collections.abc import Iterable
from typing import Any

_MIN_SIMILARITY = 0.6  # of two names, from 0 to 1
_MIN_PART = 4  # characters of a part of a name that is recognised
_MAX_NAMES_SHOWN = 8


class AstroNbError(Exception):
    """The base of all errors of astro_nb.

    Attributes:
        what: What happened, in one sentence.
        todo: What to do about it, in one sentence.
        data: The facts behind the message, by name; never a secret.
    """

    def __init__(self, what: str, todo: str, **data: Any) -> None:
        self.what, self.todo, self.data = what, todo, data
        super().__init__(f"{what} {todo}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by the message, whatever arguments the class takes."""
        return _rebuild, (type(self), self.what, self.todo), self.__dict__

    def _render_traceback_(self) -> list[str]:
        """Let IPython show the message without a traceback, which would not help the caller."""
        return [f"{type(self).__name__}: {self.what}", f"  → {self.todo}"]


class AstroNbWarning(UserWarning):
    """Something went wrong after a request was sent, or beside it: the result is returned, and a warning is shown."""


def show_warning(text: str) -> None:
    """Show a warning; it never raises, even where warnings are errors, since that would lose what was received."""
    with contextlib.suppress(Warning):
        warnings.warn(text, AstroNbWarning, stacklevel=3)


class DocumentError(AstroNbError):
    """The OpenAPI document, or the part of it that is needed, cannot be used."""


class DocumentNotFound(DocumentError):
    """There is no document at the given source."""


class DocumentInvalid(DocumentError):
    """The given source is not a valid OpenAPI document."""


class DanglingReference(DocumentError):
    """A `$ref` of the document points nowhere, or is circular."""


class UsageError(AstroNbError):
    """The call is wrong: nothing was sent."""


class UnknownName(UsageError):
    """A name that does not exist; `data` has its `kind`, the `name` and the `nearest` names that exist.

    The advice is the nearest names, else `todo`, else all names; `hint` says where such a name comes from.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, todo: str = "", hint: str = "") -> None:
        names = sorted(set(known))
        nearest = closest_names(name, names)
        advice = f"Did you mean {' or '.join(nearest)}?" if nearest else todo or _list_names(names)
        advice = f"{advice} {hint}".strip()
        super().__init__(f"There is no {kind} named {name!r}.", advice, kind=kind, name=name, nearest=nearest)


class MissingArgument(UsageError):
    """A required argument was not given."""


class PickError(UsageError):
    """A JSONPath is malformed or matches nothing, or a body is not JSON."""


class RunbookError(UsageError):
    """A runbook cannot be written or run."""


class UnsafeRefused(UsageError):
    """A call that changes something was not confirmed; `data` may have the `change` that it would make."""


class SettingsError(AstroNbError):
    """The environment is not set up for what was asked."""


class SecretMissing(SettingsError):
    """A secret reference has no value."""


class SecretRefused(SettingsError):
    """A secret would be sent to a host that it does not belong to, or over plain HTTP."""


class TokenExpired(SettingsError):
    """The token has expired, by its own claims."""


class NewerFormat(SettingsError):
    """A file was written by a later version of astro_nb; it is not modified."""


class WaitError(AstroNbError):
    """The condition that was waited for was not met."""


class WaitTimeout(WaitError):
    """The time ran out; `data["last"]` has the last state seen."""


class WaitFailed(WaitError):
    """A final state other than the wanted one was reached."""


class Stopped(AstroNbError):
    """Background work was cancelled."""


class PagesIncomplete(AstroNbError):
    """A page could not be read, so the list is incomplete; `data["exchange"]` says why."""


class ConcurrentChange(AstroNbError):
    """Somebody changed the resource between reading and writing, so nothing was written; `data["rows"]` says what."""


def _rebuild(error_type: type[AstroNbError], what: str, todo: str) -> AstroNbError:
    """Return an error as it was before it was copied or pickled; its data are set afterwards."""
    error = error_type.__new__(error_type)
    AstroNbError.__init__(error, what, todo)
    return error


def closest_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Return the known names that are most similar to `name`, best first; case is ignored."""
    by_fold = {k.casefold(): k for k in known}
    wanted = name.casefold()
    found = difflib.get_close_matches(wanted, by_fold, n=limit, cutoff=_MIN_SIMILARITY)
    inside = [k for k in by_fold if len(wanted) >= _MIN_PART and wanted in k and k not in found]
    return [by_fold[k] for k in [*found, *inside][:limit]]


def _list_names(names: list[str]) -> str:
    if not names:
        return "There are none yet: create one first."
    shown = ", ".join(names[:_MAX_NAMES_SHOWN])
    return f"There are: {shown}{' …' if len(names) > _MAX_NAMES_SHOWN else ''}."

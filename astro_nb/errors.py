"""Everything that can go wrong, drawn as one tree.

AstroNbError                     carries what happened, and ends in what to do
├── DocumentError                the document's fault
│   ├── DocumentNotFound
│   ├── DocumentInvalid          not YAML or JSON, not OpenAPI, out of bounds
│   └── DanglingReference        a $ref that points nowhere
├── UsageError                   the caller's fault: raised before anything is sent
│   ├── UnknownName              an operation, argument, variable or environment that does not exist
│   ├── MissingArgument
│   ├── PickError                a path that finds nothing in a response
│   ├── RunbookError
│   └── UnsafeRefused            an unsafe method in a guarded environment that nobody confirmed
├── SettingsError                the environment's fault
│   ├── SecretMissing            a secret reference that yields nothing
│   ├── SecretRefused            a secret that would leave its hosts
│   ├── TokenExpired
│   └── NewerFormat              state written by a later version of astro_nb
├── WaitError                    what was waited for did not come
│   ├── WaitTimeout
│   └── WaitFailed               a terminal state that is not the one wanted
├── Stopped                      work in the background that was cancelled
├── PagesIncomplete              a list that was not read to its end
└── ConcurrentChange             somebody else changed a thing while it was being changed

What a server answers is never in this tree: a 404, a 500 or a broken connection is an `Exchange` whose `ok` is false.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class AstroNbError(Exception):
    """Base of all errors of astro_nb.

    Attributes:
        what: what happened, one sentence.
        todo: what to do about it, one sentence.
        data: the facts behind the sentence, by name; never a secret.
    """

    def __init__(self, what: str, todo: str, **data: Any) -> None:
        self.what, self.todo, self.data = what, todo, data
        super().__init__(f"{what} {todo}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by what the error says, whatever its class wants to be made of."""
        return _again, (type(self), self.what, self.todo), self.__dict__

    def _render_traceback_(self) -> list[str]:
        """Let IPython show the sentence alone: the stack would say nothing that the caller can act on."""
        return [f"{type(self).__name__}: {self.what}", f"  → {self.todo}"]


class DocumentError(AstroNbError):
    """The OpenAPI document cannot be used, wholly or in the part that was asked for."""


class DocumentNotFound(DocumentError):
    """There is no document at the place given."""


class DocumentInvalid(DocumentError):
    """What stands at the place given is not an OpenAPI document."""


class DanglingReference(DocumentError):
    """A `$ref` of the document points nowhere, or for ever at itself."""


class UsageError(AstroNbError):
    """The call is wrong: nothing was sent."""


class UnknownName(UsageError):
    """A name that does not exist; `data` holds `kind`, `name` and the `nearest` names that do.

    What to do is the nearest names, else `todo`, else all names; `hint` says where such a name could come from.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, todo: str = "", hint: str = "") -> None:
        names = sorted(set(known))
        nearest = closest_names(name, names)
        advice = f"Did you mean {' or '.join(nearest)}?" if nearest else todo or _all_of(names)
        advice = f"{advice} {hint}".strip()
        super().__init__(f"There is no {kind} named {name!r}.", advice, kind=kind, name=name, nearest=nearest)


class MissingArgument(UsageError):
    """A required argument was not given."""


class PickError(UsageError):
    """A JSONPath is malformed, or finds nothing in the value."""


class RunbookError(UsageError):
    """A runbook cannot be written or run."""


class UnsafeRefused(UsageError):
    """An unsafe method in a guarded environment was not confirmed; `data` may hold the `change` that it would make."""


class SettingsError(AstroNbError):
    """The environment is not set up for what was asked."""


class SecretMissing(SettingsError):
    """A secret reference yields no value."""


class SecretRefused(SettingsError):
    """A secret would be sent to a host that it does not belong to, or in the clear."""


class TokenExpired(SettingsError):
    """The token's own claims say that its time has passed."""


class NewerFormat(SettingsError):
    """A file was written by a later version of astro_nb; it is left as it is."""


class WaitError(AstroNbError):
    """What was waited for did not come about."""


class WaitTimeout(WaitError):
    """Time ran out; `data["last"]` holds the last state seen."""


class WaitFailed(WaitError):
    """A terminal state was reached that is not the one wanted."""


class Stopped(AstroNbError):
    """Work in the background was cancelled before its end."""


class PagesIncomplete(AstroNbError):
    """A page could not be read, so the list is not whole; `data["exchange"]` tells why."""


class ConcurrentChange(AstroNbError):
    """Somebody changed the thing between reading and writing, so nothing was written; `data["rows"]` tells what."""


def _again(kind: type[AstroNbError], what: str, todo: str) -> AstroNbError:
    """An error as it was before it was copied or pickled; its data come after."""
    error = kind.__new__(kind)
    AstroNbError.__init__(error, what, todo)
    return error


def closest_names(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that look most like `name`, best first; case does not count."""
    by_fold = {k.casefold(): k for k in known}
    wanted = name.casefold()
    found = difflib.get_close_matches(wanted, by_fold, n=most, cutoff=0.6)
    inside = [k for k in by_fold if len(wanted) > 3 and wanted in k and k not in found]
    return [by_fold[k] for k in [*found, *inside][:most]]


def _all_of(names: list[str]) -> str:
    if not names:
        return "There are none yet: make one first."
    shown = ", ".join(names[:8])
    return f"There are: {shown}{' …' if len(names) > 8 else ''}."

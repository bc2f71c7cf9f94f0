"""What `{{responses.Operation.path}}` refers to: a value of an earlier answer, and when to ask for that anew.

Rule 1: only what is safe is ever called by itself, once for a request at the most, and never for what is only shown.
Rule 2: a value keeps its type; a secret arrives as a `Secret`, and the braces in a server's text are braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ..data import Location
from ..errors import UnknownName, UsageError
from ..exchange import Exchange
from ..jsonpath import is_singular, to_path, unquote_name
from ..openapi import Operation, Spec
from ..secrets import MASK, Secret

PENDING = "asked when sent"
"""What is shown in place of a value that only sending will bring."""

ASK = ("never", "missing", "always")
_QUOTED = r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\""
_PARTS = re.compile(rf"responses((?:[^'\";]|{_QUOTED})*+)((?:;[^;]*)*)", re.DOTALL)
_NAMED = re.compile(rf"\[\s*({_QUOTED})\s*\]", re.DOTALL)
_AGE = re.compile(r"(\d{1,9})\s*([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BRACES = {ord("{"): "\\u007b", ord("}"): "\\u007d"}


@dataclass(frozen=True)
class ResponseReference:
    """A reference to a value of an answer.

    Attributes:
        operation: the id of the operation that answered.
        path: the JSONPath of the value; of many matches the first counts.
        ask: when the operation is called for it: "never", when an answer is "missing", "always".
        older: the seconds after which an answer counts as missing; None for never.
    """

    operation: str
    path: str = "$"
    ask: str = "missing"
    older: float | None = None


def read_reference(name: str, spec: Spec) -> ResponseReference:
    """What stands between the braces, taken apart.

    `responses.ListDeployments.deployments[0].id`, with a JSONPath after the operation
    (`responses.ListDeployments.$..id`), an operation with an odd id in brackets (`responses['odd id'].name`), and
    rules: `; ask=never`, `; ask=always`, `; older=10m`.

    Raises:
        UnknownName: there is no such operation, or no such rule.
        UsageError: it cannot be read.
    """
    parts = _PARTS.fullmatch(name)
    if parts is None:
        raise UsageError(f"{{{{{name}}}}} cannot be read.", "Write it as {{responses.GetThing.name}}.")
    operation, rest = _operation(parts[1].strip(), spec)
    return ResponseReference(operation, _path(rest), **_rules(parts[2]))


def write_reference(operation: Operation, location: Location) -> str:
    """The template that refers to a place in the latest answer of an operation; `read_reference` is its inverse."""
    path = to_path(location)[1:].translate(_BRACES)
    plain, quoted = to_path((operation.id,))[1:].translate(_BRACES), f"['{_escaped(operation.id)}']"
    alike = plain[:1] == "." and _operation(plain + path, operation.spec)[0] == operation.id
    return f"{{{{responses{plain if alike else quoted}{path}}}}}"


@dataclass(frozen=True)
class Responses:
    """The answers that one request refers to.

    Attributes:
        latest: gives the latest good answer of an operation; None where there is none.
        ask: calls an operation; None where nothing is sent.
        pending: what stands for a value that only sending will bring; None where that is an error.
        taken: the answers that were used so far, by operation.
    """

    spec: Spec
    latest: Callable[[Operation], Exchange | None]
    ask: Callable[[Operation], Exchange] | None = None
    pending: str | None = None
    taken: dict[str, Exchange] = field(default_factory=dict)

    def value_of(self, name: str) -> Any:
        """The value that a reference means.

        Raises:
            KeyError: there is none; it holds a UsageError that says why, and what to do.
            UsageError: it cannot be read.
        """
        reference = read_reference(name, self.spec)
        operation = self.spec.operation(reference.operation)
        if operation.id not in self.taken:
            found = self.latest(operation)
            if found is None and self.ask is None and self.pending is not None and _would_ask(reference, operation):
                return self.pending
            fresh = found is not None and not _is_stale(reference, found)
            self.taken[operation.id] = found if found and fresh else self._asked(reference, operation, found)
        return value_at(self.taken[operation.id], reference.path)

    def _asked(self, reference: ResponseReference, operation: Operation, found: Exchange | None) -> Exchange:
        if not _would_ask(reference, operation):
            raise KeyError(_missing(reference, operation, found))
        if self.ask is None:
            if found is None:
                raise KeyError(_missing(reference, operation, None))
            return found  # what is there is shown
        answered = self.ask(operation)
        if not answered.ok:
            told = answered.error.message if answered.error else answered.status_text
            what = f"{operation.id} was called for a value of its answer, and that did not go well: {told}"
            raise KeyError(UsageError(what, f'Look at it: api.call("{operation.id}").', exchange=answered))
        return answered


def value_at(exchange: Exchange, path: str) -> Any:
    """The value at a path of an answer, the first where there are many: a secret as a `Secret`.

    Raises:
        KeyError: nothing stands there, or stars do; it holds a UsageError that says so.
    """
    try:
        found = exchange[path]
    except UsageError as error:
        what = f"The latest answer of {exchange.operation.id} does not give {path}: {error.what}"
        raise KeyError(UsageError(what, error.todo)) from error
    value = found if is_singular(path) else found[0]
    if _has_stars(value):
        what = f"The history keeps no secrets, and {path} of {exchange.operation.id} is one."
        raise KeyError(UsageError(what, f'Call it again: api.call("{exchange.operation.id}", …).'))
    return value


def _has_stars(value: Any) -> bool:
    if isinstance(value, Secret):
        return value.is_in_memory and value.reveal() == MASK
    if isinstance(value, Mapping):
        return any(map(_has_stars, value.values()))
    return any(map(_has_stars, value)) if isinstance(value, list) else False


def _is_stale(reference: ResponseReference, found: Exchange) -> bool:
    old = reference.older is not None and datetime.now(UTC) - found.started > timedelta(seconds=reference.older)
    return reference.ask == "always" or old


def _would_ask(reference: ResponseReference, operation: Operation) -> bool:
    return reference.ask != "never" and operation.is_safe


def _missing(reference: ResponseReference, operation: Operation, found: Exchange | None) -> UsageError:
    what = f"No answer of {operation.id} is at hand" if found is None else f"The answer of {operation.id} is too old"
    if not operation.is_safe:
        what += ", and what changes things is not called by itself"
    return UsageError(f"{what}.", f'Call it first: api.call("{operation.id}", …).')


# --- reading ----------------------------------------------------------------------------------------------------------


def _operation(place: str, spec: Spec) -> tuple[str, str]:
    """The id of the operation at the beginning of a reference, and the rest; of several the longest id counts."""
    quoted = _NAMED.match(place)
    if quoted:
        spec.operation(unquote_name(quoted[1]))
        return unquote_name(quoted[1]), place[quoted.end() :]
    inner = place[1:]
    ids = [o.id for o in spec if inner.startswith(o.id) and inner[len(o.id) :].lstrip()[:1] in ("", ".", "[")]
    if place[:1] != "." or not ids:
        spec.operation(re.split(r"[.\[\s]", inner, maxsplit=1)[0])
        raise UsageError(f"responses{place} names no operation.", "Write it as {{responses.GetThing.name}}.")
    name = max(ids, key=len)
    return name, inner[len(name) :].strip()


def _path(rest: str) -> str:
    rest = rest.strip()
    whole = rest[:2] == ".$" and rest[2:3] in ("", ".", "[")
    return rest[1:] if whole else f"${rest}"


def _rules(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for rule in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in rule.partition("="))
        if name not in _RULES:
            raise UnknownName("rule of a reference", name, _RULES)
        found[name] = _RULES[name](value)
    return found


def _ask(value: str) -> str:
    if value not in ASK:
        raise UnknownName("way to ask", value, ASK, todo=f"Write ask={', ask='.join(ASK)}.")
    return value


def _age(value: str) -> float:
    parts = _AGE.fullmatch(value)
    if parts is None:
        raise UsageError(f"{value!r} is no age.", "Write it as older=30s, older=10m, older=2h or older=1d.")
    return float(parts[1]) * _SECONDS[parts[2]]


_RULES: dict[str, Callable[[str], Any]] = {"ask": _ask, "older": _age}
"""What may stand behind a semicolon; a new rule is a new row."""


def _escaped(name: str) -> str:
    quoted = to_path((f" {name}",))  # the blank has it quoted
    return quoted[4:-2].translate(_BRACES)

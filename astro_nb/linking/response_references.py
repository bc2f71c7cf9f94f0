"""Resolve `{{responses.Operation.path}}`: a value of an earlier response, and when to request that again.

Rule 1: only safe operations are called automatically, at most once for a request, and never for a preview.
Rule 2: a value keeps its type; a secret arrives as a `Secret`, and braces in a server's text stay braces.
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

PENDING = "read when sent"
"""What a preview shows in place of a value that only sending will bring."""

ASK = ("never", "missing", "always")
"""When the operation of a reference is called for it."""

_QUOTED = r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\""
_PARTS = re.compile(rf"responses((?:[^'\";]|{_QUOTED})*+)((?:;[^;]*)*)", re.DOTALL)
_QUOTED_ID = re.compile(rf"\[\s*({_QUOTED})\s*\]", re.DOTALL)
_AGE = re.compile(r"(\d{1,9})\s*([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BRACES = {ord("{"): "\\u007b", ord("}"): "\\u007d"}
_EXAMPLE = "Write it as {{responses.GetWorkspace.name}}."


@dataclass(frozen=True)
class ResponseReference:
    """A reference to a value of a response.

    Attributes:
        operation: the id of the operation.
        path: the JSONPath of the value; the first of several matches counts.
        ask: when the operation is called: "never", if a response is "missing", or "always".
        older: the age in seconds from which on a response counts as missing; None for any age.
    """

    operation: str
    path: str = "$"
    ask: str = "missing"
    older: float | None = None


def read_reference(name: str, spec: Spec) -> ResponseReference:
    """Parse the text between the braces.

    `responses.ListDeployments.deployments[0].id`, with a JSONPath after the operation
    (`responses.ListDeployments.$..id`), an operation with an odd id in brackets (`responses['odd id'].name`), and
    rules: `; ask=never`, `; ask=always`, `; older=10m`.

    Raises:
        UnknownName: there is no such operation, or no such rule.
        UsageError: it cannot be parsed.
    """
    parts = _PARTS.fullmatch(name)
    if parts is None:
        raise UsageError(f"{{{{{name}}}}} cannot be read.", _EXAMPLE)
    operation, rest = _split_operation(parts[1].strip(), spec)
    return ResponseReference(operation, _read_path(rest), **_read_rules(parts[2]))


def write_reference(operation: Operation, location: Location) -> str:
    """Return the template for a place in the latest response of an operation; the inverse of `read_reference`."""
    path = to_path(location)[1:].translate(_BRACES)
    plain, quoted = to_path((operation.id,))[1:].translate(_BRACES), f"['{_escape(operation.id)}']"
    is_same = plain[:1] == "." and _split_operation(plain + path, operation.spec)[0] == operation.id
    return f"{{{{responses{plain if is_same else quoted}{path}}}}}"


@dataclass(frozen=True)
class Responses:
    """The responses that one request refers to.

    Attributes:
        latest: returns the latest good response of an operation, or None.
        call: calls an operation; None if nothing may be sent.
        pending: the replacement of a value that only sending will give; None to raise an error instead.
        used: the responses that were used so far, by operation.
    """

    spec: Spec
    latest: Callable[[Operation], Exchange | None]
    call: Callable[[Operation], Exchange] | None = None
    pending: str | None = None
    used: dict[str, Exchange] = field(default_factory=dict)

    def value_of(self, name: str) -> Any:
        """Return the value of a reference.

        Raises:
            KeyError: there is none; it holds a UsageError with the reason, and what to do.
            UsageError: it cannot be parsed.
        """
        reference = read_reference(name, self.spec)
        operation = self.spec.operation(reference.operation)
        if operation.id not in self.used:
            found = self.latest(operation)
            if found is None and self.call is None and self.pending is not None and _may_call(reference, operation):
                return self.pending
            is_fresh = found is not None and not _is_stale(reference, found)
            self.used[operation.id] = found if found and is_fresh else self._request(reference, operation, found)
        return value_at(self.used[operation.id], reference.path)

    def _request(self, reference: ResponseReference, operation: Operation, found: Exchange | None) -> Exchange:
        if not _may_call(reference, operation):
            raise KeyError(_missing(reference, operation, found))
        if self.call is None:
            if found is None:
                raise KeyError(_missing(reference, operation, None))
            return found  # a preview shows what there is
        exchange = self.call(operation)
        if not exchange.ok:
            problem = exchange.error.message if exchange.error else exchange.status_text
            what = f"{operation.id} was called for a value of its response, and failed: {problem}"
            raise KeyError(UsageError(what, f'See api.call("{operation.id}").', exchange=exchange))
        return exchange


def value_at(exchange: Exchange, path: str) -> Any:
    """Return the value at a path of a response, the first of several; a secret as a `Secret`.

    Raises:
        KeyError: there is none, or it is masked; it holds a UsageError with the reason.
    """
    try:
        found = exchange[path]
    except UsageError as error:
        what = f"The latest response of {exchange.operation.id} does not have {path}: {error.what}"
        raise KeyError(UsageError(what, error.todo)) from error
    value = found if is_singular(path) else found[0]
    if _is_masked(value):
        what = f"The history stores no secrets, and {path} of {exchange.operation.id} is one."
        raise KeyError(UsageError(what, f'Call it again: api.call("{exchange.operation.id}", …).'))
    return value


def _is_masked(value: Any) -> bool:
    if isinstance(value, Secret):
        return value.is_in_memory and value.reveal() == MASK
    if isinstance(value, Mapping):
        return any(map(_is_masked, value.values()))
    return any(map(_is_masked, value)) if isinstance(value, list) else False


def _is_stale(reference: ResponseReference, found: Exchange) -> bool:
    is_old = reference.older is not None and datetime.now(UTC) - found.started > timedelta(seconds=reference.older)
    return reference.ask == "always" or is_old


def _may_call(reference: ResponseReference, operation: Operation) -> bool:
    return reference.ask != "never" and operation.is_safe


def _missing(reference: ResponseReference, operation: Operation, found: Exchange | None) -> UsageError:
    what = f"There is no response of {operation.id}" if found is None else f"The response of {operation.id} is too old"
    if not operation.is_safe:
        what += ", and an operation that may change something is not called automatically"
    return UsageError(f"{what}.", f'Call it first: api.call("{operation.id}", …).')


# --- parsing ----------------------------------------------------------------------------------------------------------


def _split_operation(text: str, spec: Spec) -> tuple[str, str]:
    """Return the id of the operation at the beginning of a reference, and the rest; the longest of several ids."""
    quoted = _QUOTED_ID.match(text)
    if quoted:
        spec.operation(unquote_name(quoted[1]))
        return unquote_name(quoted[1]), text[quoted.end() :]
    inner = text[1:]
    ids = [o.id for o in spec if inner.startswith(o.id) and inner[len(o.id) :].lstrip()[:1] in ("", ".", "[")]
    if text[:1] != "." or not ids:
        spec.operation(re.split(r"[.\[\s]", inner, maxsplit=1)[0])
        raise UsageError(f"responses{text} names no operation.", _EXAMPLE)
    name = max(ids, key=len)
    return name, inner[len(name) :].strip()


def _read_path(rest: str) -> str:
    rest = rest.strip()
    is_whole = rest[:2] == ".$" and rest[2:3] in ("", ".", "[")
    return rest[1:] if is_whole else f"${rest}"


def _read_rules(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for rule in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in rule.partition("="))
        if name not in _RULES:
            raise UnknownName("rule of a reference", name, _RULES)
        found[name] = _RULES[name](value)
    return found


def _read_ask(value: str) -> str:
    if value not in ASK:
        raise UnknownName("way to ask", value, ASK, todo=f"Write ask={', ask='.join(ASK)}.")
    return value


def _read_age(value: str) -> float:
    parts = _AGE.fullmatch(value)
    if parts is None:
        raise UsageError(f"{value!r} is no age.", "Write it as older=30s, older=10m, older=2h or older=1d.")
    return float(parts[1]) * _SECONDS[parts[2]]


_RULES: dict[str, Callable[[str], Any]] = {"ask": _read_ask, "older": _read_age}
"""What may follow a semicolon; a new rule is a new row."""


def _escape(name: str) -> str:
    quoted = to_path((f" {name}",))  # the blank makes it quoted
    return quoted[4:-2].translate(_BRACES)

"""What a token has to be allowed: the permissions that operations need, compared with what is known about the token.

`TokenPanel` is what is known about a token, `Privileges` what it needs. Whether the token has a permission is decided
by the responses of the server; where there is none, by the token's claims. Many tokens name no permissions, but have
roles that only the server knows, so the answer is often "unknown".

`calls_in` finds the operations that the code of a notebook calls, without running it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from . import html
from .approval import path_values
from .environments import TokenFacts
from .exchange import Exchange
from .frames import make_frame
from .openapi import Operation, Spec
from .schema import python_names
from .secrets import Secret

if TYPE_CHECKING:
    from .frames import DataFrame

# --- the token --------------------------------------------------------------------------------------------------------

_EXPIRES_SOON = 7 * 86_400  # seconds
_NOT_IN_TOKEN = "not in the token"  # noqa: S105  # words, not a credential

NO_TOKEN = "no token"  # noqa: S105  # words, not a credential


@dataclass(frozen=True)
class TokenPanel:
    """What is known about a token. The token itself is not in it.

    Attributes:
        kind: "JSON Web Token", "opaque token", "token without a value" or "no token".
        scope: the narrowest scope that it is restricted to: "deployment", "workspace", "organization"; else empty.
        bound: the ids that it is restricted to, by name, the widest scope first.
        permissions: the permissions that it names; usually none.
        expires: when it expires, in UTC; None if it has no such claim.
        state: "valid", "expires soon" (within a week), "expired", or empty if it has no such claim.
        source: where it comes from.
    """

    kind: str
    scope: str = ""
    bound: tuple[tuple[str, str], ...] = ()
    permissions: tuple[str, ...] = ()
    expires: datetime | None = None
    state: str = ""
    source: str = ""

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Each fact as text: its name and its value."""
        if self.kind == NO_TOKEN:
            return (("kind", self.kind),)
        expires = f"{self.expires:%Y-%m-%d %H:%M} UTC ({self.state})" if self.expires else _NOT_IN_TOKEN
        bound = ", ".join(f"{name} {value}" for name, value in self.bound)
        return (
            ("kind", self.kind),
            ("scope", f"{self.scope} ({bound})" if bound else _NOT_IN_TOKEN),
            ("permissions", ", ".join(self.permissions) or f"{_NOT_IN_TOKEN}; depends on its roles"),
            ("expires", expires),
            ("source", self.source),
        )


def token_panel(
    secret: Secret | None, facts: TokenFacts | None, names: Iterable[str], now: datetime | None = None
) -> TokenPanel:
    """Return what is known about a token.

    Args:
        secret: the reference of the token; None if there is none.
        facts: what its claims say; None if the reference has no value.
        names: the ids that a token may be restricted to, the widest scope first.
        now: the time that it is compared with; by default the current one.
    """
    if secret is None:
        return TokenPanel(NO_TOKEN)
    if facts is None:
        return TokenPanel("token without a value", source=secret.source)
    bound = tuple((name, facts.variables[name]) for name in names if name in facts.variables)
    scope = _scope_word(bound[-1][0]) if bound else ""
    kind = "JSON Web Token" if facts.is_jwt else "opaque token"
    state = _expiry_state(facts.expires, now or datetime.now(UTC))
    return TokenPanel(kind, scope, bound, facts.permissions, facts.expires, state, secret.source)


def _expiry_state(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return ""
    left = (expires - now).total_seconds()
    return "expired" if left <= 0 else "expires soon" if left < _EXPIRES_SOON else "valid"


# --- what is needed ---------------------------------------------------------------------------------------------------

Coverage = Literal["yes", "no", "unknown"]

COLUMNS = {
    "operation": "string", "permission": "string", "scope": "string", "used": "Int64",
    "covered": "string", "reason": "string",
}  # fmt: skip
_TONES = {"yes": "good", "no": "bad", "unknown": "quiet"}


@dataclass(frozen=True)
class Need:
    """One permission that one operation needs.

    Attributes:
        operation: the operation's id.
        permission: the name of the permission; empty if the document names none.
        scope: where it is needed: "organization", "workspace", "deployment"; empty if the path does not say.
        ids: the ids in the URLs of the requests, by name; a name with several values is left out.
        used: how many times the operation was called.
        covered: whether the token has the permission: "yes", "no" or "unknown".
        reason: how that is known.
    """

    operation: str
    permission: str
    scope: str
    ids: Mapping[str, str]
    used: int
    covered: Coverage = "unknown"
    reason: str = ""

    @property
    def scope_with_id(self) -> str:
        """The scope, with its id if there is one."""
        return " ".join(filter(None, (self.scope, self.ids.get(f"{self.scope}Id", ""))))


class Privileges:
    """What a token has to be allowed: one `Need` for each operation and permission.

    Attributes:
        needs: the permissions that are needed.
        notes: what could not be determined, as sentences.
    """

    def __init__(self, needs: Iterable[Need], notes: Iterable[str] = ()) -> None:
        self.needs = tuple(needs)
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self.needs)

    def __repr__(self) -> str:
        missing = sum(need.covered == "no" for need in self.needs)
        return f"<Privileges, {len(self.needs)} needed{f', {missing} not covered' if missing else ''}>"

    @property
    def permissions(self) -> list[str]:
        """The names of the permissions, each once."""
        return list(dict.fromkeys(need.permission for need in self.needs if need.permission))

    def frame(self) -> DataFrame:
        """Return one row per need: operation, permission, scope, uses, and whether the token covers it, and why."""
        rows = [{**{name: getattr(need, name) for name in COLUMNS}, "scope": need.scope_with_id} for need in self.needs]
        return make_frame(rows, COLUMNS)

    @property
    def ticket(self) -> str:
        """A request to the person who creates the token, as text."""
        if not self.needs:
            return "This token needs no permission: nothing was called."
        operations: dict[tuple[str, str], list[str]] = {}
        for need in self.needs:
            operations.setdefault((need.permission, need.scope_with_id), []).append(need.operation)
        lines = [
            f"- {permission}{f' for the {scope}' if scope else ''} ({', '.join(names)})"
            for (permission, scope), names in sorted(operations.items())
            if permission
        ]
        unnamed = [name for (permission, _), names in operations.items() if not permission for name in names]
        rest = [f"The document names no permission for {', '.join(unnamed)}."] if unnamed else []
        return "\n".join([*(["This token needs:", *lines] if lines else []), *rest, *self.notes])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = [
            (
                need.operation,
                html.code(need.permission),
                need.scope_with_id,
                need.used,
                html.pill(need.covered, _TONES[need.covered]),
                need.reason,
            )
            for need in self.needs
        ]
        table = html.table(list(COLUMNS), rows)
        return {"text/plain": self.ticket, "text/html": str(html.tag("div", table, html.copyable(self.ticket)))}


def permissions_of(exchanges: Iterable[Exchange]) -> list[str]:
    """Return the permissions that exchanges needed, each once, in the order of their first use."""
    return list(dict.fromkeys(p for exchange in exchanges for p in exchange.operation.permissions))


def privileges_of_exchanges(
    exchanges: Iterable[Exchange], facts: TokenFacts | None, names: Iterable[str], since: datetime | None = None
) -> Privileges:
    """Return what requests needed. A response of the server takes precedence over the token's claims.

    Args:
        exchanges: what was sent.
        facts: the token's claims; None if there is no token.
        names: the ids that a token may be restricted to, the widest scope first.
        since: when the token came into use; earlier responses are about another one.
    """
    known = tuple(names)
    by_operation: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        by_operation.setdefault(exchange.operation.id, []).append(exchange)
    needs: list[Need] = []
    for group in by_operation.values():
        verdict = _verdict_of_responses([e for e in group if since is None or e.started >= since])
        for need in _needs_of(group[0].operation, _common_ids(group), len(group), known):
            covered, reason = verdict or _verdict_of_claims(need, facts, known)
            needs.append(replace(need, covered=covered, reason=reason))
    return Privileges(needs)


def privileges_of_calls(
    spec: Spec,
    counts: Mapping[str, int],
    facts: TokenFacts | None,
    names: Iterable[str],
    notes: Iterable[str] = (),
) -> Privileges:
    """Return what operations would need, given how many times each is called; nothing is sent.

    Raises:
        UnknownName: there is no such operation.
    """
    known = tuple(names)
    needs = [need for name, count in counts.items() for need in _needs_of(spec.operation(name), {}, count, known)]
    verdicts = [_verdict_of_claims(need, facts, known) for need in needs]
    pairs = zip(needs, verdicts, strict=True)
    return Privileges([replace(need, covered=covered, reason=reason) for need, (covered, reason) in pairs], notes)


def _needs_of(operation: Operation, ids: Mapping[str, str], used: int, names: tuple[str, ...]) -> list[Need]:
    permissions = operation.permissions or ("",)
    return [Need(operation.id, name, _scope_of(operation, name, names), ids, used) for name in permissions]


def _scope_of(operation: Operation, permission: str, names: tuple[str, ...]) -> str:
    """Return the narrowest scope that the path names, or a narrower one that the permission's name begins with."""
    prefix = permission.partition(".")[0]
    scopes = [n for n in names if f"{{{n}}}" in operation.path or prefix == _scope_word(n)]
    return _scope_word(scopes[-1]) if scopes else ""


def _scope_word(id_name: str) -> str:
    return id_name.removesuffix("Id")


def _common_ids(group: Iterable[Exchange]) -> dict[str, str]:
    """Return the values of the path parameters that all of some requests have in common."""
    values: dict[str, set[str]] = {}
    for exchange in group:
        for name, value in path_values(exchange.operation, exchange.request.url).items():
            values.setdefault(name, set()).add(value)
    return {name: found.pop() for name, found in values.items() if len(found) == 1}


# --- whether the token has it -----------------------------------------------------------------------------------------

Verdict = tuple[Coverage, str]
_NO_VERDICT: Verdict = ("unknown", f"{_NOT_IN_TOKEN}; depends on its roles")
_FORBIDDEN = 403


def _verdict_of_responses(group: list[Exchange]) -> Verdict | None:
    """Return what the latest response shows: the token has the permission after a success, but not after a 403."""
    for exchange in reversed(group):
        if exchange.ok or exchange.status == _FORBIDDEN:
            return ("yes" if exchange.ok else "no"), f"the server returned {exchange.status_text}"
    return None


def _verdict_of_claims(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict:
    return next(filter(None, (rule(need, facts, names) for rule in _CLAIM_RULES)), _NO_VERDICT)


def _is_readable(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    if facts is None:
        return "unknown", "there is no token"
    return None if facts.is_jwt else ("unknown", "the token cannot be read")


def _has_name(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    return None if need.permission else ("unknown", "the document names no permission")


def _has_not_expired(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    expired = facts is not None and facts.expired(datetime.now(UTC))
    return ("no", "the token has expired") if expired else None


def _is_for_the_same_ids(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    bound = facts.variables if facts else {}
    other = next((n for n in names if n in bound and n in need.ids and bound[n] != need.ids[n]), None)
    return ("no", f"the token is restricted to the {_scope_word(other)} {bound[other]}") if other else None


def _is_wide_enough(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    bound = [n for n in names if facts and n in facts.variables]
    needed = f"{need.scope}Id"
    if not bound or needed not in names or names.index(bound[-1]) <= names.index(needed):
        return None
    return "no", f"the token is restricted to one {_scope_word(bound[-1])}, and this needs the {need.scope}"


def _is_listed(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    if not facts or not facts.permissions:
        return None
    listed = any(fnmatchcase(need.permission, pattern) for pattern in facts.permissions)
    return ("yes", "the token lists it") if listed else ("no", "the token lists others, but not this one")


_CLAIM_RULES = (_is_readable, _has_name, _has_not_expired, _is_for_the_same_ids, _is_wide_enough, _is_listed)
"""The rules for the token's claims, in order; the first with a verdict decides."""


# --- the calls in a notebook ------------------------------------------------------------------------------------------

_CALLERS = frozenset({"bulk", "call", "change", "pages", "wait", "Call", "build_call", "arrange"})
"""What takes the id of an operation as its first argument; "arrange" is in notebooks written before 0.2."""

_MAGIC = re.compile(r"(?m)^(\s*)[%!?].*$")


def calls_in(spec: Spec, cells: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the ids of the operations that code cells call, one for each place, and notes on what cannot be read."""
    functions = {name: operation.id for name, operation in python_names(spec).items()}
    known = {operation.id for operation in spec}
    called: list[str] = []
    notes: list[str] = []
    for number, source in enumerate(cells, 1):
        try:
            tree = ast.parse(_MAGIC.sub(r"\1pass", source))
        except (SyntaxError, ValueError, RecursionError):
            notes.append(f"Code cell {number} is not valid Python.")
            continue
        for operation_id, caller in _operations_in(tree, functions):
            if operation_id in known:
                called += [operation_id, *(_readers_of(spec, operation_id) if caller == "change" else [])]
            else:
                notes.append(f"Code cell {number} calls {operation_id!r}, which the document does not have.")
    return called, notes


def _readers_of(spec: Spec, operation_id: str) -> list[str]:
    """Return the operation that a change calls first."""
    reader = spec.resources.reader_of(spec.operation(operation_id))
    return [reader.id] if reader else []


def _operations_in(tree: ast.Module, functions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the operation ids in `api.call("…")`, `api.ops.…` and the like, each with the function that is called."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, first = node.func, node.args[0] if node.args else None
        caller = getattr(function, "attr", getattr(function, "id", ""))
        if caller in _CALLERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, caller
        elif caller in functions and isinstance(function, ast.Attribute) and "ops" in _dotted_names(function.value):
            yield functions[caller], caller


def _dotted_names(node: ast.expr) -> list[str]:
    """Return the names in `api.ops.deployment`, the last one first."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [*names, node.id] if isinstance(node, ast.Name) else names

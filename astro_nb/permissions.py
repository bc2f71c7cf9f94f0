"""What is known of a token, as plain rows; the token itself is never among them.

The permissions that operations need, each held against what the token says of itself and what was answered.

The operations that the code of a notebook calls, found without running it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from . import html
from .environments import TokenFacts
from .exchange import Exchange
from .frames import make_frame
from .openapi import Operation, Spec
from .schema import python_names
from .secrets import Secret

if TYPE_CHECKING:
    from .frames import DataFrame


_SOON = 7 * 86_400  # seconds


@dataclass(frozen=True)
class TokenPanel:
    """What is known of a token.

    Attributes:
        kind: "JSON Web Token", "opaque token" or "no token".
        scope: the narrowest thing that it is bound to: "deployment", "workspace", "organization"; else empty.
        bound: the ids that it is bound to, by name, the widest first.
        permissions: those that it names; mostly none.
        expires: when it ends, in UTC; None where it does not say.
        state: "valid", "ends soon" (within a week), "expired", or empty where it does not say.
        source: where it comes from, in words.
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
        """Each fact in words: its name and its value."""
        ends = f"{self.expires:%Y-%m-%d %H:%M} UTC ({self.state})" if self.expires else "it does not say"
        bound = ", ".join(f"{name} {value}" for name, value in self.bound)
        if self.kind == NONE:
            return (("kind", self.kind),)
        return (
            ("kind", self.kind),
            ("scope", f"{self.scope} ({bound})" if bound else "it does not say"),
            ("permissions", ", ".join(self.permissions) or "it does not say: its roles decide"),
            ("expires", ends),
            ("source", self.source),
        )


NONE = "no token"


def token_panel(
    secret: Secret | None, facts: TokenFacts | None, names: Iterable[str], now: datetime | None = None
) -> TokenPanel:
    """What is known of a token, from where it comes from and what it says of itself.

    Args:
        secret: the reference of the token; None where there is none.
        facts: what it says of itself; None where it yields no value.
        names: the ids that it may be bound to, the widest first.
        now: the time by which it is judged.
    """
    if secret is None:
        return TokenPanel(NONE)
    if facts is None:
        return TokenPanel("token without a value", source=secret.source)
    bound = tuple((name, facts.variables[name]) for name in names if name in facts.variables)
    scope = bound[-1][0].removesuffix("Id") if bound else ""
    kind = "JSON Web Token" if facts.is_jwt else "opaque token"
    state = _state(facts.expires, now or datetime.now(UTC))
    return TokenPanel(kind, scope, bound, facts.permissions, facts.expires, state, secret.source)


def _state(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return ""
    left = (expires - now).total_seconds()
    return "expired" if left <= 0 else "ends soon" if left < _SOON else "valid"


Covered = Literal["yes", "no", "unknown"]

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
        permission: its name; empty where the document names none.
        scope: what it has to hold for: "organization", "workspace", "deployment"; empty where the path does not say.
        ids: the ids in the addresses that were asked, by name; a name that had several has none.
        used: how many times it was called.
        covered: whether the token has it: "yes", "no" or "unknown".
        reason: how that is known.
    """

    operation: str
    permission: str
    scope: str
    ids: Mapping[str, str]
    used: int
    covered: Covered = "unknown"
    reason: str = ""

    @property
    def scope_words(self) -> str:
        """The scope with its id, where one is known."""
        return " ".join(filter(None, (self.scope, self.ids.get(f"{self.scope}Id", ""))))


class Privileges:
    """What a token has to be allowed: a row for each operation and permission."""

    def __init__(self, needs: Iterable[Need], told: Iterable[str] = ()) -> None:
        self.needs = tuple(needs)
        self.told = tuple(told)

    def __len__(self) -> int:
        return len(self.needs)

    def __repr__(self) -> str:
        lacking = sum(need.covered == "no" for need in self.needs)
        return f"<Privileges, {len(self.needs)} needed{f', {lacking} of them not covered' if lacking else ''}>"

    @property
    def permissions(self) -> list[str]:
        """The names of the permissions, each once."""
        return list(dict.fromkeys(need.permission for need in self.needs if need.permission))

    def frame(self) -> DataFrame:
        """Operation, permission, scope, how often it was used, and whether the token covers it, with the reason."""
        return make_frame([_row(need) for need in self.needs], COLUMNS)

    @property
    def ticket(self) -> str:
        """A text for whoever creates the token."""
        if not self.needs:
            return "This token needs no permission: nothing was called."
        wanted: dict[tuple[str, str], list[str]] = {}
        for need in self.needs:
            wanted.setdefault((need.permission, need.scope_words), []).append(need.operation)
        named = {key: names for key, names in wanted.items() if key[0]}
        lines = [f"- {p}{f' for the {s}' if s else ''} ({', '.join(names)})" for (p, s), names in sorted(named.items())]
        silent = [name for key, names in wanted.items() if not key[0] for name in names]
        rest = [f"The document names no permission for {', '.join(silent)}."] if silent else []
        return "\n".join([*(["This token needs:", *lines] if lines else []), *rest, *self.told])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = [
            (n.operation, html.code(n.permission), n.scope_words, n.used, _verdict(n), n.reason) for n in self.needs
        ]
        drawn = html.table(list(COLUMNS), rows)
        return {"text/plain": self.ticket, "text/html": str(html.tag("div", drawn, html.copyable(self.ticket)))}


def needs_of_trail(
    exchanges: Iterable[Exchange], facts: TokenFacts | None, names: Iterable[str], since: datetime | None = None
) -> Privileges:
    """What was needed for what was sent; an answer goes before what the token says of itself.

    Args:
        exchanges: what was sent.
        facts: what the token says of itself; None where there is none.
        names: the ids that a token may be bound to, the widest first.
        since: when the token came to be used; what was answered before tells nothing of it.
    """
    by_operation: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        by_operation.setdefault(exchange.operation.id, []).append(exchange)
    found: list[Need] = []
    for group in by_operation.values():
        seen = _answered([exchange for exchange in group if since is None or exchange.started >= since])
        for need in _needs(group[0].operation, _ids_of(group), len(group), tuple(names)):
            found.append(replace(need, covered=seen[0], reason=seen[1]) if seen else judged(need, facts, names))
    return Privileges(found)


def needs_of_calls(
    spec: Spec, used: Mapping[str, int], facts: TokenFacts | None, names: Iterable[str], told: Iterable[str] = ()
) -> Privileges:
    """What some operations would need; `used` says how often each is called.

    Raises:
        UnknownName: there is no such operation.
    """
    needs = (_needs(spec.operation(name), {}, count, tuple(names)) for name, count in used.items())
    return Privileges([judged(need, facts, names) for group in needs for need in group], told)


def judged(need: Need, facts: TokenFacts | None, names: Iterable[str]) -> Need:
    """The need with what the token's own claims say of it."""
    found = next(filter(None, (rule(need, facts, tuple(names)) for rule in _RULES)), _UNSAID)
    return replace(need, covered=found[0], reason=found[1])


Verdict = tuple[Covered, str]
_UNSAID: Verdict = ("unknown", "the token does not say what it is allowed; its roles decide")


def _is_readable(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    if facts is None:
        return "unknown", "there is no token"
    return None if facts.is_jwt else ("unknown", "the token cannot be read")


def _is_named(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    return None if need.permission else ("unknown", "the document names no permission")


def _has_time(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    expired = facts is not None and facts.expired(datetime.now(UTC))
    return ("no", "the token has expired") if expired else None


def _is_there(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    """Whether the token is bound to something else than what was asked about."""
    bound = facts.variables if facts else {}
    other = next((n for n in names if n in bound and n in need.ids and bound[n] != need.ids[n]), None)
    return ("no", f"the token is bound to the {_word(other)} {bound[other]}") if other else None


def _is_wide(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    """Whether the token is bound to something narrower than what is needed."""
    bound = [n for n in names if facts and n in facts.variables]
    wanted = f"{need.scope}Id"
    if not bound or wanted not in names or names.index(bound[-1]) <= names.index(wanted):
        return None
    return "no", f"the token is bound to one {_word(bound[-1])}, and this is for the {need.scope}"


def _is_listed(need: Need, facts: TokenFacts | None, names: tuple[str, ...]) -> Verdict | None:
    if not facts or not facts.permissions:
        return None
    listed = any(fnmatchcase(need.permission, pattern) for pattern in facts.permissions)
    return ("yes", "the token names it") if listed else ("no", "the token names others, and not this one")


_RULES = (_is_readable, _is_named, _has_time, _is_there, _is_wide, _is_listed)
"""What is looked at, in order; the first that says something decides."""


def _answered(group: list[Exchange]) -> Verdict | None:
    """What the latest answer that tells says of a permission: a success has it, a 403 has not."""
    for exchange in reversed(group):
        if exchange.ok:
            return "yes", f"answered {exchange.status_text}"
        if exchange.status == 403:
            return "no", f"answered {exchange.status_text}"
    return None


def _needs(operation: Operation, ids: Mapping[str, str], used: int, names: tuple[str, ...]) -> list[Need]:
    every = operation.permissions or ("",)
    return [Need(operation.id, name, _scope_of(operation, name, names), ids, used) for name in every]


def _scope_of(operation: Operation, permission: str, names: tuple[str, ...]) -> str:
    """The narrowest thing that the path names, or a narrower one with which the permission's name begins."""
    inside = [n for n in names if f"{{{n}}}" in operation.path or permission.partition(".")[0] == _word(n)]
    return _word(inside[-1]) if inside else ""


def _word(name: str | None) -> str:
    return (name or "").removesuffix("Id")


def _ids_of(group: Iterable[Exchange]) -> dict[str, str]:
    """The values of the path parameters that all of some requests share."""
    found: dict[str, set[str]] = {}
    for exchange in group:
        template = exchange.operation.path.strip("/").split("/")
        asked = urlsplit(exchange.request.url).path.strip("/").split("/")[-len(template) :]
        for step, value in zip(template, asked, strict=False):
            if step.startswith("{") and step.endswith("}"):
                found.setdefault(step[1:-1], set()).add(unquote(value))
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _verdict(need: Need) -> html.Markup:
    return html.pill(need.covered, _TONES[need.covered])


def _row(need: Need) -> dict[str, Any]:
    plain = {name: getattr(need, name) for name in COLUMNS}
    return {**plain, "scope": need.scope_words}


_CALLERS = frozenset({"bulk", "call", "change", "pages", "wait", "Call", "arrange"})
"""What takes the id of an operation as its first argument."""

_MAGIC = re.compile(r"(?m)^(\s*)[%!?].*$")


def calls_in(spec: Spec, cells: Iterable[str]) -> tuple[list[str], list[str]]:
    """The ids of the operations that some cells of code call, once for each place; and what could not be read."""
    functions = {name: operation.id for name, operation in python_names(spec).items()}
    found: list[str] = []
    told: list[str] = []
    for number, source in enumerate(cells, 1):
        try:
            tree = ast.parse(_MAGIC.sub(r"\1pass", source))
        except (SyntaxError, ValueError, RecursionError):
            told.append(f"Code cell {number} is no Python that can be read.")
            continue
        for name, called in _named(tree, functions):
            known = any(operation.id == name for operation in spec)
            found += [name, *(_read_for(spec, name) if called == "change" else [])] if known else []
            told += [] if known else [f"Code cell {number} calls {name!r}, which the document does not have."]
    return found, told


def _read_for(spec: Spec, name: str) -> list[str]:
    """What a change reads first."""
    reader = spec.resources.reader_of(spec.operation(name))
    return [reader.id] if reader else []


def _named(tree: ast.Module, functions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The ids in `api.call("…")` and its like, and those behind `api.ops.…`, each with what is called."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, first = node.func, node.args[0] if node.args else None
        called = getattr(function, "attr", getattr(function, "id", ""))
        if called in _CALLERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, called
        elif called in functions and isinstance(function, ast.Attribute) and "ops" in _steps(function.value):
            yield functions[called], called


def _steps(node: ast.expr) -> list[str]:
    """The names of `api.ops.deployment`, the last first."""
    found = []
    while isinstance(node, ast.Attribute):
        found.append(node.attr)
        node = node.value
    return [*found, node.id] if isinstance(node, ast.Name) else found

"""What a request must pass before its deed is done, in order; the first check that fails answers.

The order is the table CHECKS. Faults come before all of them, in the
sandbox itself. What the gateway says is plain text; what the API says stands in the document's envelope.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..call import UNSET
from ..messages import header
from ..openapi import RateLimit
from ..schema import broken_rules
from .life import values_at
from .model import Kind, Refusal
from .requests import FieldError, Refused, Visit, read_body, read_query
from .tokens import Grant

if TYPE_CHECKING:
    from .state import World


_GATEWAY: dict[str, tuple[int, str]] = {
    "missing": (401, "no token was sent"),
    "malformed": (401, "the token is malformed"),
    "expired": (401, "the token has expired"),
    "revoked": (401, "the token is no longer valid"),
    "unknown": (401, "the token was not issued by this server"),
    "rate": (429, "too many requests"),
}


def _limit(visit: Visit) -> tuple[RateLimit | None, str]:
    operation = visit.operation
    if operation.extensions.limit:
        return operation.extensions.limit, operation.id
    return operation.spec.extensions.limits.get(operation.method), operation.method


def check_token(visit: Visit) -> None:
    """The token is there, well formed, made here, and still valid."""
    tokens = visit.world.tokens
    if not tokens.needed or not visit.operation.security:
        return
    scheme, _, token = header(visit.request.headers, "authorization").partition(" ")
    if not token or scheme.lower() != "bearer":
        raise gateway(visit.world, "missing")
    subject, problem = tokens.read(token.strip())
    if subject is None:
        raise gateway(visit.world, problem)
    visit.subject = subject


def check_rate(visit: Visit) -> None:
    """The subject has not asked too often."""
    limits, (plan, label) = visit.limits, _limit(visit)
    if plan is None or not limits.on:
        return
    now = visit.world.pace.real()
    wait = limits.take(visit.subject.key, label, plan.count, plan.per, now)
    if wait:
        headers = {"Retry-After": str(max(1, math.ceil(wait)))} if limits.retry_after else {}
        raise gateway(visit.world, "rate", headers)


def check_path(visit: Visit) -> None:
    """Whatever the path names is there, below what the path says it is below."""
    store = visit.world.store
    for name, kind in visit.plan.above:
        place = {**visit.path, kind.id: visit.path[name]}
        store.sampled(kind, visit.path)
        item = store.find(kind.name, store.key(kind, place))
        if item is None or any(str(item.get(p)) != visit.path[p] for p in kind.parents if p in visit.path):
            raise Refused(404, f"Not found: there is no {_spoken(kind)} '{visit.path[name]}'")
        visit.items[kind.name] = item
    if visit.kind.sample:
        store.sampled(visit.kind, visit.path)


def check_permission(visit: Visit) -> None:
    """One of the subject's grants allows the operation, for the things that the path names."""
    grants = allowed(visit)
    for _, kind in visit.plan.above:
        grants = tuple(grant for grant in grants if within(grant, kind, visit.items[kind.name]))
    if not grants:
        raise forbidden(visit)


def allowed(visit: Visit) -> tuple[Grant, ...]:
    """The grants of the subject that include the operation's permissions."""
    operation = visit.operation
    return tuple(g for g in visit.subject.grants if g.covers(operation.permissions, operation.method))


def within(grant: Grant, kind: Kind, item: Mapping[str, Any]) -> bool:
    """Whether a thing belongs to what a grant is bound to; what belongs nowhere below the top is everyone's."""
    if not grant.kind or grant.kind not in kind.within:
        return True
    return any(grant.id in values_at(item, path) for path in kind.within[grant.kind])


def forbidden(visit: Visit) -> Refused:
    """The refusal for want of a permission."""
    names = " and ".join(visit.operation.permissions) or visit.operation.id
    return Refused(403, f"Forbidden: this token does not have the permission {names} here")


def check_parameters(visit: Visit) -> None:
    """Query and headers fit their declarations."""
    visit.query = read_query(visit.plan, visit.request)


def check_body(visit: Visit) -> None:
    """The body fits its schema and the overlay's rules, names things that are there, and belongs to the subject."""
    visit.body = read_body(visit.plan, visit.request)
    if isinstance(visit.body, Mapping):
        assumed = {name: v for name, v in visit.deed.assume.items() if visit.body.get(name) in (None, "")}
        visit.body = {**visit.body, **assumed}
    if visit.body is UNSET or isinstance(visit.body, bytes):
        return
    errors = tuple(_violations(visit)) or tuple(_dangling(visit))
    if errors:
        raise Refused(400, f"Invalid request: {'; '.join(e.message.rstrip('.') for e in errors[:5])}", errors)


def check_refusals(visit: Visit) -> None:
    """None of the deed's own reasons to refuse holds."""
    for refusal in visit.deed.refuse:
        if _applies(refusal, visit):
            text = str(refusal.message(visit.scope(visit.target)))
            fields = (FieldError(refusal.field, "invalid", text),) if refusal.field else ()
            raise Refused(refusal.status, text, fields)


def _applies(refusal: Refusal, visit: Visit) -> bool:
    from .life import holds

    scope = visit.scope(visit.target)
    if not holds(refusal.conditions(scope), scope.names):
        return False
    kind = refusal.any or refusal.none
    there = kind and visit.world.matching(kind, {path: make(scope) for path, make in refusal.where})
    return bool(there) if refusal.any else not there


def gateway(world: World, name: str, headers: Mapping[str, str] | None = None) -> Refused:
    """The refusal that the gateway gives, in the words of the sandbox file."""
    status, text = _GATEWAY[name]
    stated = world.knowledge.refusals.get(name) or {}
    return Refused(int(stated.get("status", status)), str(stated.get("text", text)), headers=headers, plain=True)


def _violations(visit: Visit) -> Iterable[FieldError]:
    from ..contract import check_request_body  # imported at first use: reading needs no judge

    form = _is_form(visit)
    for violation in () if form else check_request_body(visit.operation, visit.body):
        if violation.severity == "error" and not (violation.keyword == "oneOf" and _chosen(visit)):
            name = _dotted(violation.location)
            yield FieldError(name, violation.keyword, _said(name, violation.message))
    if visit.plan.body:
        for problem in broken_rules(visit.plan.body, visit.body):
            name = _dotted(problem.location)
            yield FieldError(name, "rule", _said(name, problem.message))


def _chosen(visit: Visit) -> bool:
    """Whether a union's branch can be told all the same: real servers decide, where strict `oneOf` cannot."""
    field = visit.plan.body
    return field is not None and field.kind == "union" and field.branch_for(visit.body) is not None


def _is_form(visit: Visit) -> bool:
    return header(visit.request.headers, "content-type").startswith("application/x-www-form-urlencoded")


def _dangling(visit: Visit) -> Iterable[FieldError]:
    """Ids in the body that name nothing: which fields hold ids, the sandbox file says."""
    for path, kind in {**visit.kind.refers, **(visit.deed.options.get("refers") or {})}.items():
        for value in values_at(visit.body, path):
            if value and visit.world.store.find(kind, str(value)) is None:
                spoken = _spoken(visit.world.kinds[kind])
                yield FieldError(path, "exists", f"{path}: there is no {spoken} '{value}'")


def check_reach(visit: Visit, item: Mapping[str, Any]) -> None:
    """A subject that is bound to one thing makes and moves things nowhere else."""
    if not any(within(grant, visit.kind, item) for grant in allowed(visit)):
        raise forbidden(visit)


def _said(name: str, message: str) -> str:
    return message if not name or message.startswith(name.rpartition(".")[2]) else f"{name}: {message}"


def _dotted(location: Iterable[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")


def _spoken(kind: Kind) -> str:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", kind.name.rpartition("/")[2])
    return words.replace("-", " ").lower() or "such thing"


CHECKS: tuple[Callable[[Visit], None], ...] = (
    check_token,
    check_rate,
    check_path,
    check_permission,
    check_parameters,
    check_body,
    check_refusals,
)

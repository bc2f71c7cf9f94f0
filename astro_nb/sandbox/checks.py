"""What a request must pass before its action runs, in the order of the table CHECKS; the first failure responds.

Faults come before all of them (see `engine`). Errors of the gateway are plain text; those of the API use the document's
error envelope.
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
from .behavior import FieldError, Grant, Refused, Resource, find_values
from .requests import RequestContext, read_body, read_query

if TYPE_CHECKING:
    from .state import State


GATEWAY: dict[str, tuple[int, str]] = {
    "missing": (401, "no token was sent"),
    "malformed": (401, "the token is malformed"),
    "expired": (401, "the token has expired"),
    "revoked": (401, "the token is no longer valid"),
    "unknown": (401, "the token was not issued by this server"),
    "rate": (429, "too many requests"),
}
"""The gateway's errors: status and text, unless the API's behavior has its own."""

_MOST_MESSAGES = 5  # in the message of a refusal; `fieldErrors` names all


def gateway_error(state: State, name: str, headers: Mapping[str, str] | None = None) -> Refused:
    """Return an error of the gateway by its name."""
    status, text = state.behavior.gateway.get(name, GATEWAY[name])
    return Refused(status, text, headers=headers, plain=True)


def check_token(context: RequestContext) -> None:
    """Require a token that is well formed, made by this sandbox, and valid."""
    tokens = context.state.tokens
    if not tokens.required or not context.operation.security:
        return
    scheme, _, token = header(context.request.headers, "authorization").partition(" ")
    if not token or scheme.lower() != "bearer":
        raise gateway_error(context.state, "missing")
    subject, problem = tokens.read(token.strip())
    if subject is None:
        raise gateway_error(context.state, problem)
    context.subject = subject


def check_rate(context: RequestContext) -> None:
    """Refuse a request beyond the rate limit of its subject."""
    limits, (rate, label) = context.limits, _rate_limit(context)
    if rate is None or not limits.enabled:
        return
    now = context.state.clock.real()
    wait = limits.take(context.subject.key, label, rate.count, rate.per, now)
    if wait:
        headers = {"Retry-After": str(max(1, math.ceil(wait)))} if limits.retry_after else {}
        raise gateway_error(context.state, "rate", headers)


def _rate_limit(context: RequestContext) -> tuple[RateLimit | None, str]:
    operation = context.operation
    if operation.extensions.limit:
        return operation.extensions.limit, operation.id
    return operation.spec.extensions.limits.get(operation.method), operation.method


def check_path(context: RequestContext) -> None:
    """Require every resource that the path names, each below the one before it."""
    state = context.state
    for name, resource in context.plan.above:
        state.create_samples(resource, context.path)
        item = state.find(resource.name, resource.key_of({**context.path, resource.id: context.path[name]}))
        above = [parent for parent in resource.parents if parent in context.path]
        if item is None or any(str(item.get(parent)) != context.path[parent] for parent in above):
            raise Refused(404, f"Not found: there is no {_words(resource)} '{context.path[name]}'")
        context.items[resource.name] = item
    state.create_samples(context.resource, context.path)


def check_permission(context: RequestContext) -> None:
    """Require a grant that allows the operation for the resources that the path names."""
    grants = allowed_grants(context)
    for _, resource in context.plan.above:
        grants = tuple(grant for grant in grants if is_within(grant, resource, context.items[resource.name]))
    if not grants:
        raise permission_error(context)


def allowed_grants(context: RequestContext) -> tuple[Grant, ...]:
    """Return the grants of the subject that include the operation's permissions."""
    operation = context.operation
    return tuple(g for g in context.subject.grants if g.covers(operation.permissions, operation.method))


def is_within(grant: Grant, resource: Resource, item: Mapping[str, Any]) -> bool:
    """Whether a resource belongs to what a grant is bound to; one without such a scope is open to every grant."""
    if not grant.scope or grant.scope not in resource.scopes:
        return True
    return any(grant.id in find_values(item, path) for path in resource.scopes[grant.scope])


def permission_error(context: RequestContext) -> Refused:
    """Return the refusal for a missing permission."""
    names = " and ".join(context.operation.permissions) or context.operation.id
    return Refused(403, f"Forbidden: this token does not have the permission {names} here")


def check_scope(context: RequestContext, item: Mapping[str, Any]) -> None:
    """Refuse to create or move a resource outside of what the subject's grants are bound to."""
    if not any(is_within(grant, context.resource, item) for grant in allowed_grants(context)):
        raise permission_error(context)


def check_parameters(context: RequestContext) -> None:
    """Require query and headers that match their declarations."""
    context.query = read_query(context.plan, context.request)


def check_body(context: RequestContext) -> None:
    """Require a body that matches its schema and the overlay's rules, and holds ids that exist."""
    context.body = read_body(context.plan, context.request)
    if isinstance(context.body, Mapping):
        assumed = {name: v for name, v in context.action.assume.items() if context.body.get(name) in (None, "")}
        context.body = {**context.body, **assumed}
    if context.body is UNSET or isinstance(context.body, bytes):
        return
    errors = tuple(_violations(context)) or tuple(_unknown_ids(context))
    if errors:
        messages = "; ".join(error.message.rstrip(".") for error in errors[:_MOST_MESSAGES])
        raise Refused(400, f"Invalid request: {messages}", errors)


def check_action(context: RequestContext) -> None:
    """Apply the operation's own check."""
    if context.action.check:
        context.action.check(context)


def _violations(context: RequestContext) -> Iterable[FieldError]:
    from ..contract import check_request_body  # imported on first use: a sandbox that is only read does not need it

    is_form = header(context.request.headers, "content-type").startswith("application/x-www-form-urlencoded")
    for violation in () if is_form else check_request_body(context.operation, context.body):
        if violation.severity == "error" and not (violation.keyword == "oneOf" and _has_branch(context)):
            name = _dotted_path(violation.location)
            yield FieldError(name, violation.keyword, _prefix_name(name, violation.message))
    if context.plan.body:
        for problem in broken_rules(context.plan.body, context.body):
            name = _dotted_path(problem.location)
            yield FieldError(name, "rule", _prefix_name(name, problem.message))


def _has_branch(context: RequestContext) -> bool:
    """Whether a union's branch can be chosen although several match: servers choose where strict `oneOf` fails."""
    field = context.plan.body
    return field is not None and field.kind == "union" and field.branch_for(context.body) is not None


def _unknown_ids(context: RequestContext) -> Iterable[FieldError]:
    for path, name in {**context.resource.references, **context.action.references}.items():
        for value in find_values(context.body, path):
            if value and context.state.find(name, value) is None:
                words = _words(context.state.resources[name])
                yield FieldError(path, "exists", f"{path}: there is no {words} '{value}'")


def _prefix_name(name: str, message: str) -> str:
    """Return the message with the field's name in front, unless it begins with it."""
    return message if not name or message.startswith(name.rpartition(".")[2]) else f"{name}: {message}"


def _dotted_path(location: Iterable[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")


def _words(resource: Resource) -> str:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", resource.name.rpartition("/")[2])
    return words.replace("-", " ").lower() or "such resource"


CHECKS: tuple[Callable[[RequestContext], None], ...] = (
    check_token,
    check_rate,
    check_path,
    check_permission,
    check_parameters,
    check_body,
    check_action,
)

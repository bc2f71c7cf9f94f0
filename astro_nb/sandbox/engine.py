"""From a request to a response: route, faults, checks, action."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ..messages import Request, Response
from ..openapi import Spec
from . import astro
from .actions import ACTIONS
from .behavior import Behavior, Refused, resources_of
from .checks import CHECKS, gateway_error
from .clock import Clock, RateLimits, Sequence
from .faults import Fault, Faults
from .requests import OperationPlan, RequestContext, Route, Router
from .responses import refusal_response, text_response, with_headers
from .state import State

_BEHAVIORS = (astro,)  # modules with `matches(spec)` and `behavior()`
PIECES = 10  # of a body that drips
_HTML_ERROR = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)


@dataclass(frozen=True)
class Served:
    """A response and how it travels: seconds before it, seconds over it, and the kind of fault that breaks it."""

    response: Response
    request_id: str = ""
    operation: str = ""
    latency: float = 0.0
    drip: float = 0.0
    broken: str = ""


class Engine:
    """The sandbox without its front ends. Not thread-safe: a front end holds the lock."""

    def __init__(self, spec: Spec, seed: int, clock: Clock, faults: Faults, behavior: Behavior | None = None) -> None:
        self.spec, self._seed, self.clock, self._faults = spec, seed, clock, faults
        self._behavior = behavior_for(spec) if behavior is None else behavior
        self._resources = resources_of(spec, self._behavior)
        self._router = Router(spec)
        self._plans: dict[str, OperationPlan] = {}
        self.limits = RateLimits()
        self.base = urlsplit(next(iter(spec.servers), "")).path.rstrip("/")
        self.reset()

    def reset(self) -> None:
        """Return to the seed."""
        self.state = State(self._behavior, self._resources, self._seed, self.clock)
        self._requests = Sequence(self._seed)
        self.limits.clear()

    def serve(self, request: Request) -> Served:
        """Return the response to a request, with the faults that apply to it."""
        request_id = self._requests.next("request")
        path = urlsplit(request.url).path
        endpoint = self._behavior.endpoint(path)
        try:
            if endpoint:
                served = Served(endpoint(self.state, request))
            else:
                served = self._serve(request, self._route(request), request_id)
        except Refused as refused:
            served = Served(refusal_response(refused, request_id, None, self.spec))
        response = with_headers(served.response, {"X-Request-Id": request_id})
        return replace(served, response=response, request_id=request_id)

    def plan(self, route: Route) -> OperationPlan:
        """Return the plan of an operation, prepared on first use."""
        name = route.operation.id
        if name not in self._plans:
            self._plans[name] = OperationPlan(route.operation, self._resources, self._behavior)
        return self._plans[name]

    def _serve(self, request: Request, route: Route, request_id: str) -> Served:
        plan = self.plan(route)
        context = RequestContext(request, self.state, plan, route.path, self.limits)

        def refuse(refused: Refused) -> Response:
            return refusal_response(refused, request_id, plan.operation, self.spec)

        def respond() -> Response:
            try:
                for check in CHECKS:
                    check(context)
                return (plan.action.handle or ACTIONS[plan.action.kind])(context)
            except Refused as refused:
                return refuse(refused)

        return replace(self._apply_faults(plan, respond, refuse), operation=plan.operation.id)

    def _apply_faults(
        self, plan: OperationPlan, respond: Callable[[], Response], refuse: Callable[[Refused], Response]
    ) -> Served:
        faults = self._faults.take(plan.operation.id, plan.operation.method)
        latency = sum(float(fault["seconds"]) for fault in faults if fault.kind == "latency")
        main = next((fault for fault in faults if fault.kind != "latency"), None)
        if main is None:
            return Served(respond(), latency=latency)
        if main.options.get("done"):
            respond()
        refused = self._refusal(main)
        apply = _EFFECTS.get(main.kind, _only_respond)
        return replace(apply(main, lambda: refuse(refused) if refused else respond()), latency=latency)

    def _refusal(self, fault: Fault) -> Refused | None:
        """Return the error that a fault of kind `status` or `rate_limit` responds with; None for the other kinds."""
        retry_after = fault.options.get("retry_after")
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if fault.kind == "status":
            return Refused(int(fault["code"]), "A fault of the sandbox responds with this error", headers=headers)
        return gateway_error(self.state, "rate", headers) if fault.kind == "rate_limit" else None

    def _route(self, request: Request) -> Route:
        method, parts = request.method, urlsplit(request.url)
        path = parts.path
        is_below = path.startswith(f"{self.base}/") or not self.base
        route = (
            self._router.find(method, path[len(self.base) :], parts.query, request.headers)
            if is_below
            else frozenset[str]()
        )
        if isinstance(route, Route):
            return route
        if route:
            allowed = ", ".join(sorted(route))
            raise Refused(405, f"Method not allowed: {method}; this path has {allowed}", headers={"Allow": allowed})
        raise Refused(404, f"Not found: there is no path {path}")


def behavior_for(spec: Spec) -> Behavior:
    """Return the behavior of a document's API; an empty one, which is then inferred, if none is known."""
    return next((module.behavior() for module in _BEHAVIORS if module.matches(spec)), Behavior())


def split_body(body: bytes) -> Iterator[bytes]:
    """Yield a body in pieces, for one that drips."""
    size = max(1, -(-len(body) // PIECES))
    yield from (body[at : at + size] for at in range(0, len(body), size))


def _only_respond(fault: Fault, respond: Callable[[], Response]) -> Served:
    return Served(respond())


def _truncate(fault: Fault, respond: Callable[[], Response]) -> Served:
    whole = respond()
    return Served(replace(whole, body=whole.body[: len(whole.body) // 2]))


def _break(fault: Fault, respond: Callable[[], Response]) -> Served:
    return Served(respond(), broken=fault.kind)


_EFFECTS: dict[str, Callable[[Fault, Callable[[], Response]], Served]] = {
    "html": lambda fault, respond: Served(text_response(502, _HTML_ERROR, "text/html; charset=utf-8")),
    "reset": lambda fault, respond: Served(text_response(502, ""), broken="reset"),
    "reset_midway": _break,
    "short": _break,
    "truncated": _truncate,
    "drip": lambda fault, respond: Served(respond(), drip=float(fault["seconds"])),
}

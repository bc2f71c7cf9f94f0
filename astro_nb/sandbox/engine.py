"""From a request to an answer: route, faults, checks, deed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..messages import Request, Response
from ..openapi import Spec, bundled
from ..openapi.parsing import parse
from .actions import DEEDS
from .answers import refusal_answer, text_answer, with_headers
from .astro import is_upload, upload_answer
from .checks import CHECKS, gateway
from .clock import Limits, Pace, Sequence
from .faults import Fault, Faults
from .model import Knowledge, all_kinds, read_knowledge
from .requests import Plan, Refused, Route, Router, Visit
from .state import World

_HOME = "astro-v1.yaml"  # a document that ships with the package: sandbox files lie beside it
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)


@dataclass(frozen=True)
class Served:
    """An answer and how it travels: seconds before it, seconds over it, and what breaks (`wire`, a kind of fault)."""

    response: Response
    request_id: str = ""
    operation: str = ""
    latency: float = 0.0
    drip: float = 0.0
    wire: str = ""


class Engine:
    """The sandbox without its doors. Not safe to share between threads: whoever opens a door holds the lock."""

    def __init__(
        self, spec: Spec, seed: int, pace: Pace, faults: Faults, knowledge: Mapping[str, Any] | None = None
    ) -> None:
        self.spec, self._seed, self.pace, self._faults = spec, seed, pace, faults
        self._knowledge = fitting(spec) if knowledge is None else read_knowledge(knowledge)
        self._kinds = all_kinds(spec, self._knowledge)
        self._router = Router(spec)
        self._plans: dict[str, Plan] = {}
        self.limits = Limits()
        self.base = urlsplit(next(iter(spec.servers), "")).path.rstrip("/")
        self.reset()

    def reset(self) -> None:
        """Begin again from the seed."""
        self.world = World(self._knowledge, self._kinds, self._seed, self.pace)
        self._requests = Sequence(self._seed)
        self.limits.clear()

    def serve(self, request: Request) -> Served:
        """The answer to one request, with whatever fault befalls it."""
        request_id = self._requests.next("request")
        path = urlsplit(request.url).path
        try:
            if is_upload(self.world, path):
                served = Served(upload_answer(self.world, request))
            else:
                served = self._served(request, self._route(request.method, path), request_id)
        except Refused as refused:
            served = Served(refusal_answer(refused, request_id, None, self.spec))
        response = with_headers(served.response, {"X-Request-Id": request_id})
        return replace(served, response=response, request_id=request_id)

    def _served(self, request: Request, route: Route, request_id: str) -> Served:
        plan = self._plan(route)
        visit = Visit(request, self.world, plan, route.path, self.limits)

        def refuse(refused: Refused) -> Response:
            return refusal_answer(refused, request_id, plan.operation, self.spec)

        def do() -> Response:
            try:
                for check in CHECKS:
                    check(visit)
                return DEEDS[plan.deed.does](visit)
            except Refused as refused:
                return refuse(refused)

        served = self._befallen(plan, do, refuse)
        return replace(served, operation=plan.operation.id)

    def _befallen(self, plan: Plan, do: Callable[[], Response], refuse: Callable[[Refused], Response]) -> Served:
        drawn = self._faults.draw(plan.operation.id, plan.operation.method)
        latency = sum(float(fault["seconds"]) for fault in drawn if fault.kind == "latency")
        main = next((fault for fault in drawn if fault.kind != "latency"), None)
        if main is None:
            return Served(do(), latency=latency)
        if main.options.get("done"):
            do()
        refused = _refusal(main, self.world)
        return replace(
            _EFFECTS.get(main.kind, _refusing)(main, lambda: refuse(refused) if refused else do()), latency=latency
        )

    def _plan(self, route: Route) -> Plan:
        name = route.operation.id
        if name not in self._plans:
            self._plans[name] = Plan(route.operation, self._kinds, self._knowledge)
        return self._plans[name]

    def _route(self, method: str, path: str) -> Route:
        inside = path.startswith(f"{self.base}/") or not self.base
        found = self._router.find(method, path[len(self.base) :]) if inside else frozenset[str]()
        if isinstance(found, Route):
            return found
        if found:
            allowed = ", ".join(sorted(found))
            raise Refused(405, f"Method not allowed: {method}; this path has {allowed}", headers={"Allow": allowed})
        raise Refused(404, f"Not found: there is no path {path}")


def _refusal(fault: Fault, world: World) -> Refused | None:
    """The error that a fault of kind status or rate_limit answers with; None for the other kinds."""
    again = fault.options.get("retry_after")
    headers = {} if again is None else {"Retry-After": str(again)}
    if fault.kind == "status":
        return Refused(int(fault["code"]), "The sandbox was told to answer with this error", headers=headers)
    return gateway(world, "rate", headers) if fault.kind == "rate_limit" else None


def _refusing(fault: Fault, answer: Callable[[], Response]) -> Served:
    return Served(answer())


def _truncated(fault: Fault, answer: Callable[[], Response]) -> Served:
    whole = answer()
    return Served(replace(whole, body=whole.body[: len(whole.body) // 2]))


def _broken(fault: Fault, answer: Callable[[], Response]) -> Served:
    return Served(answer(), wire=fault.kind)


_EFFECTS: dict[str, Callable[[Fault, Callable[[], Response]], Served]] = {
    "html": lambda fault, answer: Served(text_answer(502, _PAGE, "text/html; charset=utf-8")),
    "reset": lambda fault, answer: Served(text_answer(502, ""), wire="reset"),
    "reset_midway": _broken,
    "short": _broken,
    "truncated": _truncated,
    "drip": lambda fault, answer: Served(answer(), drip=float(fault["seconds"])),
}


def fitting(spec: Spec) -> Knowledge:
    """The bundled sandbox file that says of itself that it fits the document; knowledge of nothing where none does."""
    for path in sorted(bundled(_HOME).parent.glob("*.sandbox.yaml")):
        fits, known = _read(str(path), path.stat().st_mtime_ns)
        if spec.title in (fits.get("titles") or ()) or set(spec.servers) & set(fits.get("servers") or ()):
            return known
    return Knowledge()


@lru_cache(maxsize=8)
def _read(path: str, changed: int) -> tuple[Mapping[str, Any], Knowledge]:
    """What a sandbox file fits, and what it knows: read once for every sandbox of the process."""
    data: Mapping[str, Any] = parse(Path(path).read_bytes(), path)
    return data.get("fits") or {}, read_knowledge(data)

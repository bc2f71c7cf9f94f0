"""A caller of the sandbox, a clock that tests move, and bodies of requests."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from astro_nb.contract import check_response
from astro_nb.messages import Request, Response
from astro_nb.openapi import Operation
from astro_nb.sandbox import Sandbox
from astro_nb.sandbox.requests import Route
from astro_nb.sandbox.state import State
from astro_nb.schema import example_call

TLS = ssl.create_default_context()  # once: creating one takes longer than most tests
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that only the test moves, so that no test sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000)


class Caller:
    """Calls operations of a sandbox by name, over HTTP or in process; every response must match the document."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client, token: str = "") -> None:
        self.sandbox, self.client = sandbox, client
        self.token = token or sandbox.token()
        self.ids: dict[str, str] = {}
        self.ids["organizationId"] = self("ListOrganizations").json()["organizations"][0]["id"]

    def __call__(self, name: str, body: Any = None, *, status: int | None = None, **arguments: Any) -> httpx.Response:
        operation = self.sandbox.spec.operation(name)
        known, query = {**self.ids, **arguments}, []
        path = operation.path
        for parameter in operation.parameters:
            if parameter.location == "path":
                path = path.replace(f"{{{parameter.name}}}", str(known[parameter.name]))
            elif parameter.name in arguments:
                value = arguments[parameter.name]
                query += [(parameter.name, v) for v in (value if isinstance(value, list) else [value])]
        content = {} if body is None else {"json": body}
        headers = {"Authorization": f"Bearer {self.token}"}
        response = self.client.request(operation.method, path.lstrip("/"), params=query, headers=headers, **content)
        assert_contract(operation, response)
        if status is not None:
            assert response.status_code == status, response.text
        return response

    def first(self, name: str, **arguments: Any) -> dict[str, Any]:
        data = self(name, **arguments).json()
        return next(v for v in data.values() if isinstance(v, list) and v)[0]

    def create(self, name: str, body: Any, **arguments: Any) -> dict[str, Any]:
        return self(name, body, status=200, **arguments).json()


def assert_contract(operation: Operation, response: httpx.Response) -> None:
    """Require a response without an error by the document; what the document leaves open is a note."""
    headers = tuple(response.headers.items())
    found = check_response(operation, Response(response.status_code, headers, response.content))
    plain = response.headers.get("content-type", "") == "text/plain"
    errors = [v for v in found if v.severity == "error" and not (plain and v.keyword == "media type")]
    assert not errors, (operation.id, response.status_code, errors)
    assert len(response.headers["x-request-id"]) == 25


def send_raw(sandbox: Sandbox, method: str, path: str, body: Any = None, token: str = "", **headers: str) -> Response:
    """Send one request to `Sandbox.handle` and return the response."""
    found = [(name.replace("_", "-"), value) for name, value in headers.items()]
    found += [("Authorization", f"Bearer {token}")] if token else []
    content = b"" if body is None else orjson.dumps(body)
    return sandbox.handle(Request(method, sandbox.in_process_url + path, tuple(found), content))


def minimal_deployment(caller: Caller, name: str = "etl", **more: Any) -> dict[str, Any]:
    """Return the smallest body that creates a Deployment, in the Workspace "Training"."""
    return {"name": name, "workspaceId": caller.first("ListWorkspaces", names=["Training"])["id"], **more}


def replacement(deployment: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what a careful client sends to change one field: the required fields as they were read."""
    kept = ("executor", "isCicdEnforced", "isDagDeployEnabled", "isHighAvailability", "name", "schedulerSize", "type")
    variables = [{k: v for k, v in e.items() if k != "updatedAt"} for e in deployment["environmentVariables"]]
    queues = [{k: v for k, v in q.items() if k not in ("podCpu", "podMemory")} for q in deployment["workerQueues"]]
    body = {name: deployment[name] for name in (*kept, "workspaceId")}
    return {**body, "environmentVariables": variables, "workerQueues": queues, **changes}


def call_every_operation(server: Sandbox) -> dict[str, Response]:
    """Call every operation once, with sample arguments and ids that exist: reads first, deletions last."""
    state = server.engine.state
    token = server.token() if state.tokens.required else ""
    responses = {}
    for operation in sorted(server.spec, key=_order):
        call, plan = example_call(operation), server.engine.plan(Route(operation, {}))
        path: dict[str, str] = {}
        for name, resource in plan.above:
            state.create_samples(resource, path)
            above = {p: v for p, v in path.items() if p in resource.parents}
            items = [i for i in state.all(resource.name) if all(str(i.get(p)) == v for p, v in above.items())]
            path[name] = str(items[0 if operation.method == "GET" else -1][resource.id]) if items else "none"
        target, query = operation.path, []
        for p in operation.parameters:
            value = call.parameters.get(p.key)
            if p.location == "path":
                target = target.replace(f"{{{p.name}}}", path.get(p.name, str(value)))
            elif p.location == "query" and value is not None:
                query += [(p.name, v) for v in (value if isinstance(value, list) else [value])]
        body = call.body if operation.body else None
        if isinstance(body, dict) and token:
            body = _with_real_ids(operation.id, body, state)
        url = f"{target}?{urlencode(query)}" if query else target
        responses[operation.id] = send_raw(server, operation.method, url, body, token, content_type="application/json")
    return responses


def _order(operation: Operation) -> tuple[int, int]:
    """Reads come first, then creations and changes from the top down, then deletions from the bottom up."""
    depth = operation.path.count("/")
    return {"GET": (0, depth), "DELETE": (2, -depth)}.get(operation.method, (1, depth))


def _with_real_ids(name: str, body: Any, state: State) -> Any:
    workspace, user = state.all("workspace")[0]["id"], state.all("user")[-1]["id"]
    deployment = state.all("deployment")[0]["id"]
    scope = deployment if name.startswith("Exclude") else workspace
    ids = {
        "workspaceId": workspace,
        "workspaceIds": workspace,
        "memberIds": user,
        "scopeEntityId": scope,
        "entityId": workspace,
    }

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: walk(v, k) for k, v in value.items()}
        return [walk(v, key) for v in value] if isinstance(value, list) else ids.get(key, value)

    return walk(body)


def assert_responses_match(server: Sandbox, responses: dict[str, Response]) -> None:
    """Require that every response matches the document."""
    assert responses
    for name, response in responses.items():
        errors = [v for v in check_response(server.spec.operation(name), response) if v.severity == "error"]
        assert not errors, (name, response.status, response.text[:300], errors[:3])

"""The sandbox's knobs over HTTP, for one that runs in another process.

Rule: no web page may turn them. A request that carries an `Origin`, comes from a page by `Sec-Fetch-Site`, or names a
host that is not loopback is refused; the socket itself listens on loopback only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from ..errors import AstroNbError
from ..message import Request, Response, header
from .answers import json_answer
from .uploads import is_upload

if TYPE_CHECKING:
    from .box import Sandbox

PREFIX = "/-/"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_control(sandbox: Sandbox, path: str) -> bool:
    """Whether a path belongs to the control door, and not to the API."""
    return path.startswith(PREFIX) and not is_upload(sandbox.engine.world, path)


def control_answer(sandbox: Sandbox, request: Request) -> Response:
    """What a request to the control door does, as JSON; 403 for one that a web page could have sent."""
    if not _is_ours(request):
        return json_answer(403, {"message": "The control door answers programs on this machine, not web pages."})
    target = urlsplit(request.url)
    action = ACTIONS.get((request.method, target.path))
    if action is None:
        return json_answer(404, {"message": f"There is no control {request.method} {target.path}."})
    try:
        data = orjson.loads(request.body) if request.body else dict(parse_qsl(target.query))
        return json_answer(200, action(sandbox, data if isinstance(data, dict) else {}))
    except orjson.JSONDecodeError as error:
        return json_answer(400, {"message": f"The body is not JSON: {error}"})
    except (AstroNbError, TypeError, ValueError, KeyError) as error:
        return json_answer(400, {"message": str(error)})


def _is_ours(request: Request) -> bool:
    site = header(request.headers, "sec-fetch-site", "none")
    host = urlsplit(f"http://{header(request.headers, 'host')}").hostname or ""
    return not header(request.headers, "origin") and site == "none" and host in LOOPBACK


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Counts, speed, lag and faults, as plain data; never a token."""
    return {
        "title": sandbox.spec.title,
        "url": sandbox.url,
        "connections": sandbox.connections,
        "requests": sandbox.requests,
        "speed": sandbox.speed,
        "lag": sandbox.lag,
        "limits": sandbox.limits,
        "faults": [fault.to_dict() for fault in sandbox.faults],
    }


def _add(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    return sandbox.faults.add(**data).to_dict()


def _clear(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    sandbox.faults.clear()
    return state(sandbox)


def _reset(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    sandbox.reset()
    return state(sandbox)


def _speed(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    sandbox.speed = float(data["speed"])
    return state(sandbox)


def _lag(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    sandbox.lag = None if data["lag"] is None else float(data["lag"])
    return state(sandbox)


def _limits(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    sandbox.limits = bool(data["limits"])
    return state(sandbox)


def _token(sandbox: Sandbox, data: dict[str, Any]) -> Any:
    expired = str(data.pop("expired", "")).lower() in ("true", "1")
    return {"token": sandbox.token(str(data.pop("scope", "organization")), expired=expired, **data)}


ACTIONS: dict[tuple[str, str], Callable[[Sandbox, dict[str, Any]], Any]] = {
    ("POST", "/-/faults"): _add,
    ("DELETE", "/-/faults"): _clear,
    ("POST", "/-/reset"): _reset,
    ("POST", "/-/speed"): _speed,
    ("POST", "/-/lag"): _lag,
    ("POST", "/-/limits"): _limits,
    ("GET", "/-/state"): lambda sandbox, data: state(sandbox),
    ("GET", "/-/token"): _token,
}

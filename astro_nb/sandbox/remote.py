"""The sandbox's knobs over HTTP, for one that runs in another process.

Rule: no web page may turn them. A request that carries an `Origin`, comes from a page by `Sec-Fetch-Site`, or names a
host that is not loopback is refused; the socket itself listens on loopback only.

The same knobs for a sandbox that runs in another process.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from ..errors import AstroNbError, SettingsError, UsageError
from ..messages import Request, Response, header
from .answers import json_answer
from .astro import is_upload
from .faults import Fault, make_fault

if TYPE_CHECKING:
    from .sandbox import Sandbox


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


_TIMEOUT = 10  # seconds


class SandboxClient:
    """Turns the knobs of a sandbox at a URL of this machine, through its control door.

    Args:
        url: any URL of it, such as the `url` that it tells.

    Raises:
        SettingsError: when first used, if no sandbox answers there.
    """

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url if "//" in url else f"http://{url}").netloc
        self.faults = RemoteFaults(self)

    def __repr__(self) -> str:
        return f"<SandboxClient of {self._netloc}>"

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return str(self.state()["url"])

    @property
    def connections(self) -> int:
        """TCP connections that the sandbox has accepted; asking is one itself."""
        return int(self.state()["connections"])

    @property
    def requests(self) -> int:
        """Requests to the API that it has answered."""
        return int(self.state()["requests"])

    @property
    def speed(self) -> float:
        """How many times faster than real time life cycles run; 0 ends every transition at once."""
        return float(self.state()["speed"])

    @speed.setter
    def speed(self, speed: float) -> None:
        self.ask("POST", "/-/speed", {"speed": speed})

    @property
    def lag(self) -> float | None:
        """Sandbox seconds for which the old state is still told after a change; None for what the sandbox file says."""
        found: float | None = self.state()["lag"]
        return found

    @lag.setter
    def lag(self, lag: float | None) -> None:
        self.ask("POST", "/-/lag", {"lag": lag})

    @property
    def limits(self) -> bool:
        """Whether rate limits hold."""
        return bool(self.state()["limits"])

    @limits.setter
    def limits(self, on: bool) -> None:
        self.ask("POST", "/-/limits", {"limits": on})

    def state(self) -> Mapping[str, Any]:
        """Counts, speed and faults."""
        found: Mapping[str, Any] = self.ask("GET", "/-/state")
        return found

    def reset(self) -> None:
        """Back to the seed; faults and the log stay."""
        self.ask("POST", "/-/reset")

    def token(self, scope: str = "organization", *, expired: bool = False, **ids: str) -> str:
        """A token of that scope, made by the sandbox."""
        query = urlencode({"scope": scope, **({"expired": "true"} if expired else {}), **ids})
        return str(self.ask("GET", f"/-/token?{query}")["token"])

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        """One request to the control door.

        Raises:
            SettingsError: nothing answers there.
            UsageError: the sandbox refuses.
        """
        connection = http.client.HTTPConnection(self._netloc, timeout=_TIMEOUT)
        try:
            body = None if data is None else orjson.dumps(data)
            connection.request(method, path, body, {"Connection": "close"})
            answer = connection.getresponse()
            found = orjson.loads(answer.read())
        except (OSError, http.client.HTTPException, orjson.JSONDecodeError) as error:
            raise SettingsError(
                f"No sandbox answers at {self._netloc} ({error}).", "Start one: `astro-nb lab`, or `Sandbox().start()`."
            ) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise UsageError(str(found.get("message", "The sandbox refused.")), "Mend the request.")
        return found


class RemoteFaults:
    """The faults of a sandbox in another process."""

    def __init__(self, client: SandboxClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<RemoteFaults of {self._client!r}>"

    def __iter__(self) -> Iterator[Fault]:
        return iter([make_fault(**entry) for entry in self._client.state()["faults"]])

    def __len__(self) -> int:
        return len(self._client.state()["faults"])

    def add(self, kind: str, **settings: Any) -> Fault:
        """Add a fault; the settings are those of `make_fault`.

        Raises:
            UnknownName: there is no such kind, or it has no such option.
        """
        fault = make_fault(kind, **settings)
        self._client.ask("POST", "/-/faults", fault.to_dict())
        return fault

    def clear(self) -> None:
        """Take all faults back."""
        self._client.ask("DELETE", "/-/faults")

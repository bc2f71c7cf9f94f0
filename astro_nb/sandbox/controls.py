"""The controls of a running sandbox over HTTP, and a client for a sandbox in another process.

No web page may use the controls: a request is refused if it carries an `Origin`, comes from a page by `Sec-Fetch-Site`,
or names a host that is not loopback. The socket itself listens on loopback only.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..errors import AstroNbError, SettingsError, UsageError
from ..json_text import JsonError, read_json, write_json
from ..messages import Request, Response, header
from .faults import Fault, make_fault
from .responses import json_response

if TYPE_CHECKING:
    from .sandbox import Sandbox


PREFIX = "/-/"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_control(sandbox: Sandbox, path: str) -> bool:
    """Whether a path belongs to the controls, and not to the API."""
    return path.startswith(PREFIX) and not sandbox.engine.state.behavior.endpoint(path)


def control_response(sandbox: Sandbox, request: Request) -> Response:
    """Carry out a request to the controls; 403 if a web page could have sent it."""
    if not _is_local_program(request):
        return json_response(403, {"message": "The controls are for programs on this machine, not for web pages."})
    target = urlsplit(request.url)
    control = _CONTROLS.get((request.method, target.path))
    if control is None:
        return json_response(404, {"message": f"There is no control {request.method} {target.path}."})
    try:
        data = read_json(request.body).data if request.body else dict(parse_qsl(target.query))
        result = control(sandbox, data if isinstance(data, dict) else {})
        return json_response(200, _describe_state(sandbox) if result is None else result)
    except JsonError as error:
        return json_response(400, {"message": f"The body is not JSON: {error}"})
    except (AstroNbError, TypeError, ValueError, KeyError) as error:
        return json_response(400, {"message": str(error)})


def _is_local_program(request: Request) -> bool:
    site = header(request.headers, "sec-fetch-site", "none")
    host = urlsplit(f"http://{header(request.headers, 'host')}").hostname or ""
    return not header(request.headers, "origin") and site == "none" and host in _LOOPBACK


def _describe_state(sandbox: Sandbox) -> dict[str, Any]:
    """Return counts, speed, lag and faults as plain data; never a token."""
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


def _get_token(sandbox: Sandbox, data: dict[str, Any]) -> str:
    expired = str(data.pop("expired", "")).lower() in ("true", "1")
    return sandbox.token(str(data.pop("scope", "organization")), expired=expired, **data)


def _setter(name: str, convert: Callable[[Any], Any]) -> Callable[[Sandbox, dict[str, Any]], None]:
    return lambda sandbox, data: setattr(sandbox, name, convert(data[name]))


_CONTROLS: dict[tuple[str, str], Callable[[Sandbox, dict[str, Any]], Any]] = {
    ("POST", "/-/faults"): lambda sandbox, data: sandbox.faults.add(**data).to_dict(),
    ("DELETE", "/-/faults"): lambda sandbox, data: sandbox.faults.clear(),
    ("POST", "/-/reset"): lambda sandbox, data: sandbox.reset(),
    ("POST", "/-/speed"): _setter("speed", float),
    ("POST", "/-/lag"): _setter("lag", lambda lag: None if lag is None else float(lag)),
    ("POST", "/-/limits"): _setter("limits", bool),
    ("GET", "/-/state"): lambda sandbox, data: _describe_state(sandbox),
    ("GET", "/-/token"): lambda sandbox, data: {"token": _get_token(sandbox, data)},
}
"""Each control by method and path; where it returns None, the response is the state."""


_TIMEOUT = 10  # seconds


class SandboxClient:
    """Controls a sandbox at a URL of this machine, over HTTP.

    Args:
        url: any URL of it, such as its `url`.

    Raises:
        SettingsError: on first use, if no sandbox responds there.
    """

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url if "//" in url else f"http://{url}").netloc
        self.faults: RemoteFaults = RemoteFaults(self)

    def __repr__(self) -> str:
        return f"<SandboxClient of {self._netloc}>"

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return str(self.state()["url"])

    @property
    def connections(self) -> int:
        """The TCP connections that the sandbox has accepted, the one of this question included."""
        return int(self.state()["connections"])

    @property
    def requests(self) -> int:
        """The requests to the API that it has handled."""
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
        """Sandbox seconds for which the old state is still shown after a change; None for what the API declares."""
        lag: float | None = self.state()["lag"]
        return lag

    @lag.setter
    def lag(self, lag: float | None) -> None:
        self.ask("POST", "/-/lag", {"lag": lag})

    @property
    def limits(self) -> bool:
        """Whether rate limits apply."""
        return bool(self.state()["limits"])

    @limits.setter
    def limits(self, enabled: bool) -> None:
        self.ask("POST", "/-/limits", {"limits": enabled})

    def state(self) -> Mapping[str, Any]:
        """Return counts, speed, lag and faults."""
        state: Mapping[str, Any] = self.ask("GET", "/-/state")
        return state

    def reset(self) -> None:
        """Return to the seed; faults and the log stay."""
        self.ask("POST", "/-/reset")

    def token(self, scope: str = "organization", *, expired: bool = False, **ids: str) -> str:
        """Return a token of a scope, made by the sandbox."""
        query = urlencode({"scope": scope, **({"expired": "true"} if expired else {}), **ids})
        return str(self.ask("GET", f"/-/token?{query}")["token"])

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        """Send one request to the controls and return the body of the response.

        Raises:
            SettingsError: no sandbox responds there.
            UsageError: the sandbox refuses the request.
        """
        connection = http.client.HTTPConnection(self._netloc, timeout=_TIMEOUT)
        try:
            body = None if data is None else write_json(data)
            connection.request(method, path, body, {"Connection": "close"})
            response = connection.getresponse()
            content = read_json(response.read()).data
        except (OSError, http.client.HTTPException, JsonError) as error:
            raise SettingsError(
                f"No sandbox responds at {self._netloc} ({error}).",
                "Start one: `astro-nb lab`, or `Sandbox().start()`.",
            ) from error
        finally:
            connection.close()
        if response.status != 200:
            raise UsageError(str(content.get("message", "The sandbox refused the request.")), "Correct the request.")
        return content


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
        """Remove all faults."""
        self._client.ask("DELETE", "/-/faults")

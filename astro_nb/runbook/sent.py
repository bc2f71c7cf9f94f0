"""What a place of a call held when it was sent: a variable may have another value since."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..call import UNSET
from ..environment import MASK, Variables, names_in, refers, resolve
from ..errors import UsageError
from ..exchange import Exchange
from ..message import header, is_json, media_type
from ..pick import Location
from ..spec import Parameter


def value_sent(exchange: Exchange, location: Location) -> Any:
    """What stood at a place of the request; UNSET where that cannot be told, or was a secret.

    Args:
        exchange: what was sent.
        location: "body" and the way into it, or "parameters", the parameter's key and the way into its value.
    """
    part, *rest = location
    value = _in_body(exchange, rest) if part == "body" else _in_parameter(exchange, str(rest[0]), rest[1:])
    return UNSET if isinstance(value, str) and MASK in value else value


def value_then(current: Any, sent: Any, variables: Variables) -> Any:
    """What a variable held when a call was sent: its present value, unless that would give something else."""
    if sent is UNSET or current is UNSET:
        return current if sent is UNSET else sent
    text = str(current).lower() if isinstance(current, bool) else str(current)
    return current if text == sent or still_means(current, sent, variables) else sent


def still_means(value: Any, sent: Any, variables: Variables) -> bool:
    """Whether a value means today what it meant when it was sent; of what is made or asked anew each time, it does."""
    if any(name.startswith("$") or refers(name) for name in names_in(value)):
        return True
    try:
        return bool(resolve(value, variables, lambda secret: MASK) == sent)
    except UsageError:
        return False


def _in_body(exchange: Exchange, way: list[str | int]) -> Any:
    request = exchange.request
    if not is_json(media_type(request.headers)):
        return UNSET
    try:
        found = json.loads(request.body)
        for step in way:
            found = found[step]
    except (ValueError, LookupError, TypeError):
        return UNSET
    return found


def _in_parameter(exchange: Exchange, key: str, way: list[str | int]) -> Any:
    parameter = exchange.operation.parameter(key)
    if parameter is None or len(way) > 1 or (way and not parameter.explode) or parameter.media_type:
        return UNSET
    values = _READERS[parameter.location](exchange, parameter)
    index = way[0] if way else 0
    return values[index] if isinstance(index, int) and index < len(values) else UNSET


def _in_path(exchange: Exchange, parameter: Parameter) -> list[str]:
    if parameter.style != "simple":
        return []
    pieces = re.split(r"\{([^}]*)\}", exchange.operation.path)
    pattern = "".join("([^/]+)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
    match = re.search(pattern + r"\Z", urlsplit(exchange.request.url).path)
    return [unquote(match[1 + pieces[1::2].index(parameter.name)])] if match else []


def _in_query(exchange: Exchange, parameter: Parameter) -> list[str]:
    pairs = parse_qsl(urlsplit(exchange.request.url).query, keep_blank_values=True)
    return [value for name, value in pairs if name == parameter.name]


def _in_header(exchange: Exchange, parameter: Parameter) -> list[str]:
    value = header(exchange.request.headers, parameter.name)
    return [value] if value else []


_READERS: dict[str, Callable[[Exchange, Parameter], list[str]]] = {
    "path": _in_path,
    "query": _in_query,
    "header": _in_header,
    "cookie": lambda exchange, parameter: [],
}

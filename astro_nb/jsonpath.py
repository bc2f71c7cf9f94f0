"""A value out of a response, by JSONPath (RFC 9535)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .data import Location, children
from .errors import PickError

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NAME, _INDEX, _QUOTED = r"\.([A-Za-z_][A-Za-z0-9_]*)", r"\[(0|[1-9][0-9]{0,15})\]", r"\['([^'\\\x00-\x1f]*)'\]"
_STEP = re.compile(f"{_NAME}|{_INDEX}|{_QUOTED}")
_PLAIN_PATH = re.compile(rf"\$(?:{_STEP.pattern})*\Z")
_STEP_OR_ALL = re.compile(rf"{_STEP.pattern}|\[(\*)\]")
_SPREAD_PATH = re.compile(rf"\$(?:{_STEP_OR_ALL.pattern})*\Z")
_QUOTED_OR_ROOT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\$""")
_CONDITION = re.compile(r"\s*(?:[$@!(]|(?:length|count|match|search|value)\()")
_LONGEST_TEXT, _LONGEST_PATTERN, _MOST_REPEATS = 2_000, 200, 3
_REPEAT = re.compile(r"[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_ESCAPES = {n: f"\\u{n:04x}" for n in range(0x20)} | {ord("'"): "\\'", ord("\\"): "\\\\"}
"""How a name is written between single quotes (RFC 9535, section 2.3.1.1)."""


def pick(data: Any, path: str) -> Any:
    """The value at `path`: the only match itself, or a list where the path can match many.

    Raises:
        PickError: the path is malformed or finds nothing.
    """
    found = [value for _, value in find(data, path)]
    if not found:
        raise PickError(f"The path {path!r} finds nothing.", _nearest_hint(data, path), path=path)
    return found[0] if len(found) == 1 and is_singular(path) else found


def find(data: Any, path: str) -> list[tuple[Location, Any]]:
    """Every match of `path` as (location, value), in document order.

    Raises:
        PickError: the path is malformed, or searches deeper than can be searched.
    """
    if _PLAIN_PATH.fullmatch(path):
        return _walk(data, path)
    return _spread(data, path) if _SPREAD_PATH.fullmatch(path) else _search(data, path)


def is_singular(path: str) -> bool:
    """Whether `path` can match one value at the most (a singular query of RFC 9535, section 2.3.5.1)."""
    return bool(_PLAIN_PATH.fullmatch(path)) or bool(_compiled(path).singular_query())


def is_condition(text: str) -> bool:
    """Whether a text is written as a condition: it begins with a path, a bracket, "!", or a function of RFC 9535."""
    return _CONDITION.match(text) is not None


def compile_condition(text: str) -> Callable[[Any], bool]:
    """Whether a value is so: a path that finds something in it, or a comparison, as in the filters of RFC 9535.

    The value is `$` as well as `@`: `$.status == 'HEALTHY'`, `@.count > 3 && !@.paused`, `$.items[?@.ready == true]`.

    Raises:
        PickError: it is malformed; and when asked of a value that is nested too deep.
    """
    path = f"$[?({_QUOTED_OR_ROOT.sub(lambda m: '$[0]' if m[0] == '$' else m[0], text)})]"
    try:
        _compiled(path)
    except PickError as error:
        told = re.sub(r", line \d+, column \d+", "", str(error.__cause__))
        raise PickError(f"{text!r} is not a condition: {told}.", _SO_WRITTEN, path=text) from error.__cause__
    return lambda value: bool(_search([value], path))


_SO_WRITTEN = (
    "Write it as in RFC 9535: $.status == 'HEALTHY', or a path that finds something: $.items[?@.status == 'HEALTHY']."
)


def to_path(location: Location) -> str:
    """The JSONPath of a location: `("deployments", 0, "id")` gives `$.deployments[0].id`."""
    return "$" + "".join(_segment(step) for step in location)


def to_pointer(location: Location) -> str:
    """The JSON Pointer (RFC 6901) of a location: `/deployments/0/id`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def unquote_name(text: str) -> str:
    """A name that stands between quotes in a JSONPath, without them and without escapes.

    Raises:
        PickError: what stands there is no name of RFC 9535.
    """
    inner = re.sub(r"\\(.)|\"", lambda m: '\\"' if not m[1] else "'" if m[1] == "'" else m[0], text[1:-1], flags=re.S)
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise PickError(f"{text} is not a name of a JSONPath.", "Write it as in RFC 9535: ['a name'].") from None


def pointer_steps(pointer: str) -> tuple[str, ...]:
    """The keys of a JSON Pointer, indices as they are written: the inverse of `to_pointer`, up to their kind."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _segment(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_NAME.match(step) else f"['{step.translate(_ESCAPES)}']"


def _walk(data: Any, path: str) -> list[tuple[Location, Any]]:
    where: list[str | int] = []
    for plain, index, quoted in _STEP.findall(path):
        name = plain or quoted
        if not index and isinstance(data, dict) and name in data:
            data = data[name]
        elif index and isinstance(data, list) and int(index) < len(data):
            data = data[int(index)]
        else:
            return []
        where.append(int(index) if index else name)
    return [(tuple(where), data)]


def _spread(data: Any, path: str) -> list[tuple[Location, Any]]:
    """As `_search`, for paths of plain steps and `[*]`: many times quicker where a list is long."""
    nodes: list[tuple[Location, Any]] = [((), data)]
    for plain, index, quoted, every in _STEP_OR_ALL.findall(path):
        if every:
            nodes = [((*at, key), child) for at, node in nodes for key, child in children(node) or ()]
        elif index:
            place = int(index)
            nodes = [((*at, place), node[place]) for at, node in nodes if isinstance(node, list) and place < len(node)]
        else:
            name = plain or quoted
            nodes = [((*at, name), node[name]) for at, node in nodes if isinstance(node, dict) and name in node]
    return nodes


def _search(data: Any, path: str) -> list[tuple[Location, Any]]:
    import jsonpath_rfc9535 as jsonpath  # imported at first use: plain paths do not need it

    try:
        return [(tuple(node.location), node.value) for node in _compiled(path).find(data)]
    except (jsonpath.JSONPathError, RecursionError) as error:
        what = f"The path {path!r} cannot be followed in this value: {error}."
        raise PickError(what, "Write each step out, as in $.deployments[0].id.", path=path) from error


@lru_cache(maxsize=256)
def _compiled(path: str) -> Any:
    import jsonpath_rfc9535 as jsonpath  # likewise

    try:
        return _language().compile(path)
    except (jsonpath.JSONPathError, ValueError, RecursionError) as error:
        advice = "Write it as in RFC 9535, for example $.deployments[0].id."
        raise PickError(f"{path!r} is not a JSONPath: {error}.", advice, path=path) from error


@lru_cache(maxsize=1)
def _language() -> Any:
    """RFC 9535, of which no filter runs without end."""
    import jsonpath_rfc9535 as jsonpath  # likewise

    language = jsonpath.JSONPathEnvironment()
    functions: dict[str, Any] = language.function_extensions
    functions.update({name: _Bounded(functions[name]) for name in ("match", "search")})
    return language


@dataclass(frozen=True)
class _Bounded:
    """A function that tries a pattern, for patterns and texts that it is done with soon: its engine knows no limit."""

    function: Any

    @property
    def arg_types(self) -> Any:
        return self.function.arg_types

    @property
    def return_type(self) -> Any:
        return self.function.return_type

    def __call__(self, text: Any, pattern: Any) -> bool:
        if isinstance(text, str) and isinstance(pattern, str):
            _check_pattern(text, pattern)
        return bool(self.function(text, pattern))


def _check_pattern(text: str, pattern: str) -> None:
    endless = _REPEATED_GROUP.search(pattern) or len(_REPEAT.findall(pattern)) > _MOST_REPEATS
    if endless or len(pattern) > _LONGEST_PATTERN:
        what = f"The pattern {pattern[:60]!r} may take time without end."
        raise PickError(what, f"Write at most {_MOST_REPEATS} repeats (* + ?), and none after a group.", path=pattern)
    if len(text) > _LONGEST_TEXT:
        what = f"A text of {len(text):,} characters is too long for the pattern {pattern[:60]!r}."
        raise PickError(what, "Compare it with ==, or look at a shorter value.", path=pattern)


def _nearest_hint(data: Any, path: str) -> str:
    if isinstance(data, dict):
        return f"At the top there are: {', '.join(list(map(str, data))[:8]) or 'no keys'}."
    if isinstance(data, list):
        return f"The value is a list of {len(data)} items; begin with $[0]."
    return "The value is a scalar; only $ finds it."

"""Selecting values in nested data by JSONPath (RFC 9535)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self

from .call import UNSET
from .data import Location, child_values, get_value, replace_values
from .errors import PickError
from .json_text import parse_number

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NAME, _INDEX, _QUOTED = r"\.([A-Za-z_][A-Za-z0-9_]*)", r"\[(0|[1-9][0-9]{0,15})\]", r"\['([^'\\\x00-\x1f]*)'\]"
_STEP = re.compile(f"{_NAME}|{_INDEX}|{_QUOTED}")
_PLAIN_PATH = re.compile(rf"\$(?:{_STEP.pattern})*\Z")
_STEP_OR_WILDCARD = re.compile(rf"{_STEP.pattern}|\[(\*)\]")
_WILDCARD_PATH = re.compile(rf"\$(?:{_STEP_OR_WILDCARD.pattern})*\Z")
_QUOTED_OR_ROOT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\$""")
_LEADING_ZERO = re.compile(r"-?0[0-9]")
_CONDITION = re.compile(r"\s*(?:[$@!(]|(?:length|count|match|search|value)\()")
_MAX_TEXT_LENGTH, _MAX_PATTERN_LENGTH, _MAX_REPEATS = 2_000, 200, 3
_MAX_KEYS_SHOWN = 8
_REPEAT = re.compile(r"[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_ESCAPES = {n: f"\\u{n:04x}" for n in range(0x20)} | {ord("'"): "\\'", ord("\\"): "\\\\"}
"""How characters of a name are escaped in single quotes (RFC 9535, section 2.3.1.1)."""


def pick(data: Any, path: str) -> Any:
    """Return the value at `path`: the match itself, or a list if the path can match several values.

    Raises:
        PickError: The path is malformed or matches nothing.
    """
    found = [value for _, value in find(data, path)]
    if not found:
        raise PickError(f"The path {path!r} matches nothing.", _describe_top_level(data, path), path=path)
    return found[0] if len(found) == 1 and is_singular(path) else found


def find(data: Any, path: str) -> list[tuple[Location, Any]]:
    """Return every match of `path` as (location, value), in document order.

    Raises:
        PickError: The path is malformed, or the value is nested too deeply for it.
    """
    return list(find_each(data, path))


def find_each(data: Any, path: str) -> Iterator[tuple[Location, Any]]:
    """Yield every match of `path` as `find` returns them; one of names, indices and `[*]` only as far as it is read.

    Raises:
        PickError: as `find`.
    """
    if _PLAIN_PATH.fullmatch(path):
        return iter(_find_plain(data, path))
    return _find_with_wildcards(data, path) if _WILDCARD_PATH.fullmatch(path) else iter(_search(data, path))


def is_singular(path: str) -> bool:
    """Whether `path` can match at most one value (a singular query, RFC 9535, section 2.3.5.1)."""
    return bool(_PLAIN_PATH.fullmatch(path)) or bool(_compile(path).singular_query())


def is_condition(text: str) -> bool:
    """Whether a text is written as a condition: it begins with a path, "(", "!" or a function of RFC 9535."""
    return _CONDITION.match(text) is not None


def compile_condition(text: str) -> Callable[[Any], bool]:
    """Return a function that tests a value by a filter expression of RFC 9535: a path that matches, or a comparison.

    Both `$` and `@` are the value: `$.status == 'HEALTHY'`, `@.count > 3 && !@.paused`, `$.items[?@.ready == true]`.

    Raises:
        PickError: The condition is malformed. The function raises it, too, for a value that is nested too deeply.
    """
    path = f"$[?({_QUOTED_OR_ROOT.sub(lambda m: '$[0]' if m[0] == '$' else m[0], text)})]"
    try:
        _compile(path)
    except PickError as error:
        reason = re.sub(r", line \d+, column \d+", "", str(error.__cause__))
        raise PickError(f"{text!r} is not a condition: {reason}.", _CONDITION_ADVICE, path=text) from error.__cause__
    return lambda value: bool(_search([value], path))


_CONDITION_ADVICE = (
    "Write it as in RFC 9535: $.status == 'HEALTHY', or a path that matches something: $.items[?@.status == 'HEALTHY']."
)


def to_path(location: Location) -> str:
    """Return the JSONPath of a location: `("deployments", 0, "id")` gives `$.deployments[0].id`."""
    return "$" + "".join(_segment(step) for step in location)


def to_pointer(location: Location) -> str:
    """Return the JSON Pointer of a location (RFC 6901): `/deployments/0/id`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def unquote_name(text: str) -> str:
    """Return a quoted name of a JSONPath without quotes and escapes.

    Raises:
        PickError: It is not a name of RFC 9535.
    """
    inner = re.sub(r"\\(.)|\"", lambda m: '\\"' if not m[1] else "'" if m[1] == "'" else m[0], text[1:-1], flags=re.S)
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise PickError(f"{text} is not a quoted name of a JSONPath.", "Write it as in RFC 9535: ['a name'].") from None


def pointer_steps(pointer: str) -> tuple[str, ...]:
    """Return the steps of a JSON Pointer, indices as strings: the inverse of `to_pointer`, except for their type."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _segment(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_NAME.match(step) else f"['{step.translate(_ESCAPES)}']"


def _find_plain(data: Any, path: str) -> list[tuple[Location, Any]]:
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


def _find_with_wildcards(data: Any, path: str) -> Iterator[tuple[Location, Any]]:
    """Like `_search`, for paths of plain steps and `[*]`: many times faster for long lists."""
    nodes: Iterator[tuple[Location, Any]] = iter([((), data)])
    for plain, index, quoted, every in _STEP_OR_WILDCARD.findall(path):
        nodes = _every_child(nodes) if every else _child(nodes, int(index) if index else plain or quoted)
    return nodes


def _every_child(nodes: Iterator[tuple[Location, Any]]) -> Iterator[tuple[Location, Any]]:
    for at, node in nodes:
        if isinstance(node, dict | list):
            yield from child_values(at, node)


def _child(nodes: Iterator[tuple[Location, Any]], step: str | int) -> Iterator[tuple[Location, Any]]:
    for at, node in nodes:
        if isinstance(step, int):
            if isinstance(node, list) and step < len(node):
                yield (*at, step), node[step]
        elif isinstance(node, dict) and step in node:
            yield (*at, step), node[step]


def _search(data: Any, path: str) -> list[tuple[Location, Any]]:
    import jsonpath_rfc9535 as jsonpath  # imported at first use: plain paths do not need it

    compiled, searched = _compile(path), replace_values(data, _comparable) if "?" in path else data
    try:
        locations = [tuple(node.location) for node in compiled.find(searched)]
        return [(location, get_value(data, location)) for location in locations]
    except (jsonpath.JSONPathError, RecursionError) as error:
        what = f"The path {path!r} cannot be applied to this value: {error}."
        raise PickError(what, "Write each step out, as in $.deployments[0].id.", path=path) from error


@lru_cache(maxsize=256)
def _compile(path: str) -> Any:
    import jsonpath_rfc9535 as jsonpath  # likewise

    try:
        return _environment().compile(path)
    except (jsonpath.JSONPathError, ValueError, RecursionError) as error:
        advice = "Write it as in RFC 9535, for example $.deployments[0].id."
        raise PickError(f"{path!r} is not a JSONPath: {error}.", advice, path=path) from error


@lru_cache(maxsize=1)
def _environment() -> Any:
    """Return the implementation of RFC 9535, with regular expressions that cannot run forever."""

    environment = _exact_environment_class()()
    functions: dict[str, Any] = environment.function_extensions
    functions.update({name: _LimitedRegexFunction(functions[name]) for name in ("match", "search")})
    return environment


def _exact_environment_class() -> Any:
    """Return the library's environment, with a parser that reads number literals exactly: its own makes floats."""
    import jsonpath_rfc9535 as jsonpath  # likewise
    from jsonpath_rfc9535.filter_expressions import FloatLiteral
    from jsonpath_rfc9535.parse import Parser

    class ExactParser(Parser):
        def parse_integer_literal(self, stream: Any) -> Any:
            text = stream.current.value
            if _LEADING_ZERO.match(text):
                return super().parse_integer_literal(stream)  # reports it
            number = parse_number(text)
            return FloatLiteral(stream.current, _ComparableDecimal(number) if isinstance(number, Decimal) else number)

        parse_float_literal = parse_integer_literal

    return type("ExactEnvironment", (jsonpath.JSONPathEnvironment,), {"parser_class": ExactParser})


class _ComparableDecimal(float):
    """A decimal as the library compares numbers, which it knows as int and float only; it is compared exactly."""

    def __new__(cls, value: Decimal) -> Self:
        created = super().__new__(cls, value)
        created.exact = value
        return created

    exact: Decimal

    def __eq__(self, other: object) -> bool:
        return bool(self.exact == _exact(other))

    def __lt__(self, other: float) -> bool:
        return bool(self.exact < _exact(other))

    def __gt__(self, other: float) -> bool:
        return bool(self.exact > _exact(other))

    def __hash__(self) -> int:
        return hash(self.exact)


def _exact(other: Any) -> Any:
    """Return what to compare a decimal with; a float is the number that it is written as, since JSON has it so."""
    if isinstance(other, _ComparableDecimal):
        return other.exact
    return Decimal(repr(other)) if isinstance(other, float) else other


def _comparable(value: Any) -> Any:
    return _ComparableDecimal(value) if isinstance(value, Decimal) else UNSET


@dataclass(frozen=True)
class _LimitedRegexFunction:
    """A filter function that takes a pattern, limited to fast patterns and short texts: its engine has no timeout."""

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
    is_slow = _REPEATED_GROUP.search(pattern) or len(_REPEAT.findall(pattern)) > _MAX_REPEATS
    if is_slow or len(pattern) > _MAX_PATTERN_LENGTH:
        what = f"The pattern {pattern[:60]!r} may take too long."
        raise PickError(what, f"Use at most {_MAX_REPEATS} repeats (* + ?), and none after a group.", path=pattern)
    if len(text) > _MAX_TEXT_LENGTH:
        what = f"A text of {len(text):,} characters is too long for the pattern {pattern[:60]!r}."
        raise PickError(what, "Compare it with ==, or look at a shorter value.", path=pattern)


def _describe_top_level(data: Any, path: str) -> str:
    if isinstance(data, dict):
        return f"The top level has: {', '.join(list(map(str, data))[:_MAX_KEYS_SHOWN]) or 'no keys'}."
    if isinstance(data, list):
        return f"The value is a list of {len(data)} item{'' if len(data) == 1 else 's'}; start with $[0]."
    return "The value is a scalar; only $ matches it."

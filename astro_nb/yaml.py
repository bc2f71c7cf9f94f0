"""Reading and writing YAML as plain data, with the scalars of YAML 1.2.

Rule 1: input is untrusted. Nesting, merge keys and aliases are limited while reading, not afterwards.
Rule 2: output reads back as the same data, here and by a parser of YAML 1.1.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.representer import RepresenterError
from yaml.resolver import Resolver

from .json_text import Number, parse_number

MAX_DEPTH = 500
MAX_MERGED = 1_000_000
MAX_NODES = 20_000_000
_TAG = "tag:yaml.org,2002:"
_MAX_WARNINGS = 20
_MAX_EVENTS = 2_000_000
_MAX_KEY_SHOWN = 60  # characters
_YAML_1_1_BREAKS = re.compile("[\x85\u2028\u2029]")

_SCALARS: tuple[tuple[str, str, list[str]], ...] = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
)
"""The core schema of YAML 1.2 (section 10.3.2) and the merge key of YAML 1.1: tag, pattern, first characters."""


class YamlError(ValueError):
    """A text is not YAML, or exceeds a limit; the message is one phrase that ends in the place."""


class _LimitedConstructor(SafeConstructor, Resolver):
    """What both parsers share: plain types only, and limits."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # filled below, row by row
    _depth = 0
    _merged = 0
    duplicates: dict[str, None]
    merged_nodes: set[int]

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Count a level down; without a limit libyaml's composer would crash the process at great depths."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise YamlError(f"it is nested more than {MAX_DEPTH} levels deep")

    def ascend_resolver(self) -> None:
        """Count a level up."""
        self._depth -= 1

    def flatten_mapping(self, node: Any) -> None:
        """Apply the merge keys `<<`, within limits: they multiply data as aliases do."""
        merged = [value for key, value in node.value if key.tag == _TAG + "merge"]
        for source in [s for m in merged for s in (m.value if isinstance(m, yaml.SequenceNode) else [m])]:
            if isinstance(source, yaml.MappingNode):
                self.flatten_mapping(source)
                self._merged += len(source.value)
            if self._merged > MAX_MERGED:
                raise YamlError("its merge keys unfold to too much data")
        if merged:
            self.merged_nodes.add(id(node))
            super().flatten_mapping(node)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping, and record the keys that it has twice, of which the last one silently wins."""
        expected = len(node.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(found) < expected and id(node) not in self.merged_nodes and len(self.duplicates) < _MAX_WARNINGS:
            self.duplicates |= dict.fromkeys(_find_duplicates(node))
        return found

    def read_bool(self, node: Any) -> bool:
        """Return a boolean; with an explicit tag, too, only `true` and `false` are allowed."""
        text = self.construct_scalar(node).lower()
        if text not in ("true", "false"):
            raise ConstructorError(None, None, f"{text!r} is neither true nor false", node.start_mark)
        return bool(text == "true")

    def read_int(self, node: Any) -> int:
        """Return an integer: decimal, `0o` octal or `0x` hexadecimal; leading zeros are ignored."""
        text = self.construct_scalar(node)
        return int(text[2:], {"0o": 8, "0x": 16}[text[:2]]) if text[:2] in ("0o", "0x") else int(text)

    def read_float(self, node: Any) -> Number:
        """Return a number with a point or an exponent, exactly; or `.inf` or `.nan`."""
        text = re.sub(r"\.(?=inf|nan)", "", self.construct_scalar(node).lower())
        number = parse_number(text) if text[-1:] in "0123456789." else float(text)
        return parse_number(f"{number}.0") if isinstance(number, int) else number  # `!!float 5`


for _tag, _pattern, _firsts in _SCALARS:
    _LimitedConstructor.add_implicit_resolver(_TAG + _tag, re.compile(f"(?:{_pattern})\\Z"), _firsts)

_LimitedConstructor.yaml_constructors = {
    _TAG + "null": SafeConstructor.construct_yaml_null,
    _TAG + "bool": _LimitedConstructor.read_bool,
    _TAG + "int": _LimitedConstructor.read_int,
    _TAG + "float": _LimitedConstructor.read_float,
    _TAG + "str": SafeConstructor.construct_yaml_str,
    _TAG + "binary": SafeConstructor.construct_yaml_str,  # as in JSON: dates and bytes are strings
    _TAG + "timestamp": SafeConstructor.construct_yaml_str,
    _TAG + "seq": SafeConstructor.construct_yaml_seq,
    _TAG + "map": SafeConstructor.construct_yaml_map,
    None: SafeConstructor.construct_undefined,
}


class _PythonLoader(_LimitedConstructor, yaml.SafeLoader):
    """The parser in Python: slow, but it accepts tabs where libyaml does not."""


class _CLoader(_LimitedConstructor, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is optional
    """The parser in C, libyaml."""


class _Dumper(yaml.SafeDumper):
    """Quotes every string that YAML 1.1 or 1.2 would read as something else."""

    def write_text(self, text: str) -> yaml.ScalarNode:
        """Return a string node; characters that are line breaks only in YAML 1.1 are escaped."""
        return self.represent_scalar(_TAG + "str", str(text), style='"' if _YAML_1_1_BREAKS.search(text) else None)


_Dumper.add_representer(Decimal, lambda dumper, value: dumper.represent_scalar(_TAG + "float", str(value)))
_Dumper.add_multi_representer(str, _Dumper.write_text)
_Dumper.add_representer(str, _Dumper.write_text)
for _tag, _pattern, _firsts in _SCALARS:
    _Dumper.add_implicit_resolver(_TAG + _tag, re.compile(f"(?:{_pattern})\\Z"), _firsts)


def _find_duplicates(node: Any) -> list[str]:
    """Return a warning with the line for each key that a mapping has twice."""
    seen: set[str] = set()
    found = []
    for key, _ in node.value:
        text = str(key.value)
        if text in seen:
            line = key.start_mark.line + 1
            shown = repr(text[:_MAX_KEY_SHOWN])
            found.append(f"{shown} occurs twice in one mapping, again in line {line}; the last one is used.")
        seen.add(text)
    return found


def load_yaml(data: bytes | str, warnings: list[str] | None = None) -> Any:
    """Return the one document in a text, as dicts, lists, strings, numbers, booleans and None.

    Keys have the type that they are written in: `200:` has the key 200. An anchored value and its aliases are one
    object.

    Args:
        data: The text.
        warnings: A list that is filled with a warning for each key that a mapping has twice.

    Raises:
        YamlError: It is not YAML, has a tag that is not plain data, or exceeds a limit.
    """
    try:
        parsed = _parse(data, warnings)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        deep = "nesting depth" in str(error.problem)  # libyaml has a limit of its own since PyYAML 6.0.4
        raise YamlError(f"{'it is nested too deeply' if deep else error.problem or error}{where}") from error
    except RecursionError as error:
        raise YamlError("it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(str(error).partition("\n")[0]) from error
    if (b"&" if isinstance(data, bytes) else "&") in data:  # type: ignore[operator]  # of the same type by the test
        _check_aliases(parsed)
    return parsed


def dump_yaml(data: Any) -> str:
    """Return plain data as YAML, keys in their order.

    Raises:
        YamlError: It contains an object that is not plain data.
    """
    try:
        return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    except RepresenterError as error:
        raise YamlError(f"an object of type {type(error.args[-1]).__name__} is not plain data") from None


def find_line(data: bytes, name: str) -> int | None:
    """Return the line, from 1, of a key of the top-level mapping; None if it is not found."""
    try:
        return _find_key_line(itertools.islice(yaml.parse(data, Loader=_CLoader), _MAX_EVENTS), name)
    except (yaml.YAMLError, ValueError):
        return None


def _find_key_line(events: Iterator[Any], name: str) -> int | None:
    depth, is_key = 0, True
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth != 1 or isinstance(event, yaml.CollectionStartEvent):
            continue
        if is_key and getattr(event, "value", None) == name:
            return int(event.start_mark.line) + 1
        is_key = not is_key
    return None


def _parse(data: bytes | str, warnings: list[str] | None) -> Any:
    try:
        return _parse_with(_CLoader, data, warnings)
    except yaml.MarkedYAMLError as error:
        if "tab character" not in str(error.problem):
            raise
        return _parse_with(_PythonLoader, data, warnings)


def _parse_with(loader_type: Any, data: bytes | str, warnings: list[str] | None) -> Any:
    loader = loader_type(data)
    loader.duplicates, loader.merged_nodes = {}, set()
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
        if warnings is not None:
            warnings[:] = loader.duplicates


def _check_aliases(root: Any) -> None:
    """Raise YamlError if an alias contains itself, or if the aliases unfold to more than `MAX_NODES`."""
    sizes: dict[int, int] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, seen = stack.pop()
        if not isinstance(node, dict | list):
            continue
        children = list(node.values()) if isinstance(node, dict) else node
        if seen:
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 1) for child in children)
        elif id(node) not in sizes:
            sizes[id(node)] = MAX_NODES + 1  # until it is complete; an alias inside it finds this value
            stack.append((node, True))
            stack.extend((child, False) for child in children)
        if seen and sizes[id(node)] > MAX_NODES:
            raise YamlError("its aliases unfold to too much data")

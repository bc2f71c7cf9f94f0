"""YAML as plain data, by YAML 1.2's idea of scalars.

Rule 1: what is read is untrusted. Nesting, merge keys and aliases are bounded while they are read, not afterwards.
Rule 2: what is written reads back as what it was, here and by a reader of YAML 1.1.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.representer import RepresenterError
from yaml.resolver import Resolver

DEEPEST = 500
MOST_MERGED = 1_000_000
MOST_NODES = 20_000_000
_TAG = "tag:yaml.org,2002:"
_MOST_TOLD = 20
_MOST_EVENTS = 2_000_000
_OLD_BREAKS = re.compile("[\x85\u2028\u2029]")

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
"""The core schema of YAML 1.2 (10.3.2), and the merge key that people expect: tag, pattern, first characters."""


class YamlError(ValueError):
    """A text that is not YAML, or goes beyond what is read of it; the message is one phrase, the place at its end."""


class _Plain(SafeConstructor, Resolver):
    """What both parsers do on their way: choose plain types, and keep within bounds."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # filled below, row by row
    _depth = 0
    _merged = 0
    repeated: dict[str, None]
    merging: set[int]

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Called at every node on the way down; libyaml's composer would end the process at great depths."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise YamlError(f"it is nested more than {DEEPEST} deep")

    def ascend_resolver(self) -> None:
        """Called at every node on the way up."""
        self._depth -= 1

    def flatten_mapping(self, node: Any) -> None:
        """Merge what `<<` names, within bounds: merge keys unfold as aliases do."""
        merged = [value for key, value in node.value if key.tag == _TAG + "merge"]
        for source in [s for m in merged for s in (m.value if isinstance(m, yaml.SequenceNode) else [m])]:
            if isinstance(source, yaml.MappingNode):
                self.flatten_mapping(source)
                self._merged += len(source.value)
            if self._merged > MOST_MERGED:
                raise YamlError("its merge keys unfold without end")
        if merged:
            self.merging.add(id(node))
            super().flatten_mapping(node)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping; that a name stands in it twice is kept in mind, since the last one silently wins."""
        written = len(node.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(found) < written and id(node) not in self.merging and len(self.repeated) < _MOST_TOLD:
            self.repeated |= dict.fromkeys(_repeated(node))
        return found

    def read_bool(self, node: Any) -> bool:
        """`true` or `false`, also where the tag is written out."""
        text = self.construct_scalar(node).lower()
        if text not in ("true", "false"):
            raise ConstructorError(None, None, f"{text!r} is neither true nor false", node.start_mark)
        return bool(text == "true")

    def read_int(self, node: Any) -> int:
        """Decimal, `0o` octal or `0x` hexadecimal; a leading zero means nothing."""
        text = self.construct_scalar(node)
        return int(text[2:], {"0o": 8, "0x": 16}[text[:2]]) if text[:2] in ("0o", "0x") else int(text)

    def read_float(self, node: Any) -> float:
        """A number with a point or an exponent, `.inf` or `.nan`."""
        return float(re.sub(r"\.(?=inf|nan)", "", self.construct_scalar(node).lower()))


for _tag, _pattern, _firsts in _SCALARS:
    _Plain.add_implicit_resolver(_TAG + _tag, re.compile(f"(?:{_pattern})\\Z"), _firsts)

_Plain.yaml_constructors = {
    _TAG + "null": SafeConstructor.construct_yaml_null,
    _TAG + "bool": _Plain.read_bool,
    _TAG + "int": _Plain.read_int,
    _TAG + "float": _Plain.read_float,
    _TAG + "str": SafeConstructor.construct_yaml_str,
    _TAG + "binary": SafeConstructor.construct_yaml_str,  # as in JSON: dates and bytes are texts
    _TAG + "timestamp": SafeConstructor.construct_yaml_str,
    _TAG + "seq": SafeConstructor.construct_yaml_seq,
    _TAG + "map": SafeConstructor.construct_yaml_map,
    None: SafeConstructor.construct_undefined,
}


class _Patient(_Plain, yaml.SafeLoader):
    """In Python: slow, and content with tabs where libyaml is not."""


class _Quick(_Plain, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is optional
    """In C, by libyaml."""


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or 1.2 would read as something else."""

    def write_text(self, text: str) -> yaml.ScalarNode:
        """A text; what YAML 1.1 takes for the end of a line, and 1.2 does not, is escaped."""
        return self.represent_scalar(_TAG + "str", str(text), style='"' if _OLD_BREAKS.search(text) else None)


_Dumper.add_multi_representer(str, _Dumper.write_text)
_Dumper.add_representer(str, _Dumper.write_text)
for _tag, _pattern, _firsts in _SCALARS:
    _Dumper.add_implicit_resolver(_TAG + _tag, re.compile(f"(?:{_pattern})\\Z"), _firsts)


def _repeated(node: Any) -> list[str]:
    """The names that stand twice in a mapping, in words with their lines."""
    seen: set[str] = set()
    found = []
    for key, _ in node.value:
        text = str(key.value)
        if text in seen:
            line = key.start_mark.line + 1
            found.append(f"{text[:60]!r} stands twice in one mapping, the second time in line {line}; it alone counts.")
        seen.add(text)
    return found


def load_yaml(data: bytes | str, told: list[str] | None = None) -> Any:
    """The one document in a text, as dictionaries, lists, texts, numbers, truth values and None.

    Keys are what was written, so that `200:` has the key 200. What was anchored once is one object wherever its alias
    stands.

    Args:
        data: the text.
        told: where to write down, in words, which names stand twice in one mapping.

    Raises:
        NotYaml: it is not YAML, has a tag that is not plain data, or goes beyond the bounds.
    """
    try:
        parsed = _loaded(data, told)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        deep = "nesting depth" in str(error.problem)  # libyaml has a bound of its own since PyYAML 6.0.4
        raise YamlError(f"{'it is nested too deeply' if deep else error.problem or error}{where}") from error
    except RecursionError as error:
        raise YamlError("it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(str(error).partition("\n")[0]) from error
    if (b"&" if isinstance(data, bytes) else "&") in data:  # type: ignore[operator]  # of the same type by the test
        _bound_aliases(parsed)
    return parsed


def dump_yaml(data: Any) -> str:
    """Plain data as YAML, names in the order that they have.

    Raises:
        NotYaml: it holds an object that is no plain data.
    """
    try:
        return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    except RepresenterError as error:
        raise YamlError(f"an object of the type {type(error.args[-1]).__name__} is no plain data") from None


def find_line(data: bytes, name: str) -> int | None:
    """The line, counted from 1, on which a name of the outermost mapping stands; None where it is not found."""
    try:
        return _line(itertools.islice(yaml.parse(data, Loader=_Quick), _MOST_EVENTS), name)
    except (yaml.YAMLError, ValueError):
        return None


def _line(events: Iterator[Any], name: str) -> int | None:
    depth, is_key = 0, True
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth != 1 or isinstance(event, yaml.CollectionStartEvent):
            continue
        if is_key and getattr(event, "value", None) == name:
            return int(event.start_mark.line) + 1
        is_key = not is_key
    return None


def _loaded(data: bytes | str, told: list[str] | None) -> Any:
    try:
        return _read(_Quick, data, told)
    except yaml.MarkedYAMLError as error:
        if "tab character" not in str(error.problem):
            raise
        return _read(_Patient, data, told)


def _read(kind: Any, data: bytes | str, told: list[str] | None) -> Any:
    loader = kind(data)
    loader.repeated, loader.merging = {}, set()
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
        if told is not None:
            told[:] = loader.repeated


def _bound_aliases(root: Any) -> None:
    """Refuse aliases that contain themselves, or that unfold to more nodes than any real document has."""
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
            sizes[id(node)] = MOST_NODES + 1  # stands while open: a cycle finds it
            stack.append((node, True))
            stack.extend((child, False) for child in children)
        if seen and sizes[id(node)] > MOST_NODES:
            raise YamlError("its aliases unfold without end")

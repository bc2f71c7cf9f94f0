"""What the user means, before anything is resolved."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final


class _Unset:
    """The third state of a field: neither a value nor null, but left out."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> _Unset:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Unset:
        return self

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()


@dataclass(frozen=True)
class Upload:
    """A file as a value of a body: what it holds, and what the server is told of it.

    Attributes:
        name: the file name that the server sees; without folders.
        content: the bytes.
        media_type: what they are; empty where nobody said.
    """

    name: str
    content: bytes = field(repr=False)
    media_type: str = ""


@dataclass(frozen=True)
class Call:
    """An operation and its arguments, still holding `{{names}}`: never a resolved value, so never a secret.

    Attributes:
        operation: the operation's id.
        parameters: arguments by parameter key, in the document's spelling.
        body: the body as plain JSON data, or UNSET for none.
        media_type: the body's media type; None for the operation's first.
        headers: further headers by name.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Any = UNSET
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_parameters(self, **parameters: Any) -> Call:
        """The same call with some parameters set anew."""
        return replace(self, parameters={**self.parameters, **parameters})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, for the history; bytes, wherever they are, as base64: `{"$bytes": "…"}`."""
        out: dict[str, Any] = {"operation": self.operation, "parameters": dict(_packed(self.parameters))}
        if self.body is not UNSET:
            out["body"] = _packed(self.body)
        if self.media_type:
            out["mediaType"] = self.media_type
        if self.headers:
            out["headers"] = dict(self.headers)
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Call:
        """The inverse of `to_dict`."""
        return cls(
            data["operation"],
            _unpacked(data.get("parameters", {})),
            _unpacked(data.get("body", UNSET)),
            data.get("mediaType"),
            data.get("headers", {}),
        )


_BYTES: Final = "$bytes"
"""The only name of a mapping that stands for bytes; one `$` more, and it is a name of the user's own."""


def _packed(value: Any) -> Any:
    """A value in which bytes are `{"$bytes": base64}`; itself where it holds none."""
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    packed = value if _is_plain(value) else _each(_packed, value)
    return {f"${name}": inner for name, inner in packed.items()} if _is_marked(value) else packed


def _unpacked(value: Any) -> Any:
    """The inverse of `_packed`."""
    if not _is_marked(value):
        return value if _is_plain(value) else _each(_unpacked, value)
    ((name, inner),) = value.items()
    return base64.b64decode(inner) if name == _BYTES else {name[1:]: _unpacked(inner)}


def _is_plain(value: Any) -> bool:
    """Whether a value holds neither bytes nor a name that stands for them: nearly all do, so this is quick."""
    waiting = [value]
    for node in waiting:  # grows while it is walked
        if isinstance(node, dict):
            if _is_marked(node):
                return False
            waiting.extend(node.values())
        elif isinstance(node, list | tuple):
            waiting.extend(node)
        elif isinstance(node, bytes):
            return False
    return True


def _is_marked(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and _is_mark(str(next(iter(value))))


def _is_mark(name: str) -> bool:
    return name.endswith(_BYTES) and not name[: -len(_BYTES)].strip("$")


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    """A value with a change made to everything in it."""
    if isinstance(value, dict):
        return {name: change(inner) for name, inner in value.items()}
    return [change(inner) for inner in value] if isinstance(value, list | tuple) else value

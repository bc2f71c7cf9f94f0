"""What the user means, before anything is resolved."""

from __future__ import annotations

import base64
import hashlib
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

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content)


@dataclass(frozen=True)
class OmittedUpload(Upload):
    """A file that was too large to be kept: its name, its size and its hash are left, and it cannot be sent again.

    Attributes:
        whole: bytes that it had.
        digest: BLAKE2b of 16 bytes, in hexadecimal digits.
    """

    whole: int = 0
    digest: str = ""

    @property
    def size(self) -> int:
        """Bytes that the content had."""
        return self.whole


@dataclass(frozen=True)
class Call:
    """An operation and its arguments, still holding `{{names}}`: never a resolved value, so never a secret.

    Attributes:
        operation: the operation's id.
        parameters: arguments by parameter key, in the document's spelling.
        body: the body as plain JSON data, or UNSET for none.
        media_type: the body's media type; None for the operation's first.
        headers: further headers by name.
        security: how the request authenticates: None for the first alternative that can be met, empty for not at all,
            else the name of a security scheme, or several joined by " + ".
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Any = UNSET
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    security: str | None = None

    def with_parameters(self, **parameters: Any) -> Call:
        """The same call with some parameters set anew."""
        return replace(self, parameters={**self.parameters, **parameters})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, for the history.

        Bytes, wherever they are, are base64: `{"$bytes": "…"}`, a file is `{"$file": {…}}`. Of what is larger than
        `LARGEST_FILE` the content is left out: it comes back as a `CutUpload`.
        """
        out: dict[str, Any] = {"operation": self.operation, "parameters": dict(_packed(self.parameters))}
        if self.body is not UNSET:
            out["body"] = _packed(self.body)
        if self.media_type:
            out["mediaType"] = self.media_type
        if self.headers:
            out["headers"] = dict(self.headers)
        if self.security is not None:
            out["security"] = self.security
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
            data.get("security"),
        )


LARGEST_FILE: Final = 1_000_000
"""Bytes of a file that are kept with a call."""

_BYTES, _FILE = "$bytes", "$file"
"""The only names of a mapping that stand for bytes or a file; one `$` more, and it is a name of the user's own."""


def _packed(value: Any) -> Any:
    """A value in which bytes and files are marked mappings; itself where it holds none."""
    if isinstance(value, bytes):
        return {_BYTES: _text(value)} if len(value) <= LARGEST_FILE else {_FILE: _file(Upload("", value))}
    if isinstance(value, Upload):
        return {_FILE: _file(value)}
    packed = value if _is_plain(value) else _each(_packed, value)
    return {f"${name}": inner for name, inner in packed.items()} if _is_marked(value) else packed


def _file(upload: Upload) -> dict[str, Any]:
    told = {"name": upload.name, "mediaType": upload.media_type}
    if isinstance(upload, OmittedUpload):
        return {**told, "size": upload.whole, "hash": upload.digest}
    if upload.size <= LARGEST_FILE:
        return {**told, "content": _text(upload.content)}
    return {**told, "size": upload.size, "hash": hashlib.blake2b(upload.content, digest_size=16).hexdigest()}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _unpacked(value: Any) -> Any:
    """The inverse of `_packed`."""
    if not _is_marked(value):
        return value if _is_plain(value) else _each(_unpacked, value)
    ((name, inner),) = value.items()
    read = _READERS.get(name)
    return read(inner) if read else {name[1:]: _unpacked(inner)}


def _upload(told: Any) -> Any:
    """A file as it was kept; a body of before there were files stays what it is."""
    if not isinstance(told, dict) or "mediaType" not in told:
        return {_FILE: _unpacked(told)}
    if "content" in told:
        return Upload(told["name"], base64.b64decode(told["content"]), told["mediaType"])
    return OmittedUpload(told["name"], b"", told["mediaType"], told["size"], told["hash"])


_READERS: Mapping[str, Callable[[Any], Any]] = {_BYTES: base64.b64decode, _FILE: _upload}
"""What each mark stands for."""


def _is_plain(value: Any) -> bool:
    """Whether a value holds neither bytes, files nor a name that stands for them: nearly all do, so this is quick."""
    waiting = [value]
    for node in waiting:  # grows while it is walked
        if isinstance(node, dict):
            if _is_marked(node):
                return False
            waiting.extend(node.values())
        elif isinstance(node, list | tuple):
            waiting.extend(node)
        elif isinstance(node, bytes | Upload):
            return False
    return True


def _is_marked(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and _is_mark(str(next(iter(value))))


def _is_mark(name: str) -> bool:
    return name.startswith("$") and name.lstrip("$") in ("bytes", "file")


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    """A value with a change made to everything in it."""
    if isinstance(value, dict):
        return {name: change(inner) for name, inner in value.items()}
    return [change(inner) for inner in value] if isinstance(value, list | tuple) else value

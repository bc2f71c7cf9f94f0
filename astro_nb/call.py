"""A call: an operation and its arguments, before anything is resolved."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final


class _UnsetType:
    """The type of UNSET, which means that a field is absent: neither a value nor null."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> _UnsetType:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _UnsetType:
        return self

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Final = _UnsetType()


@dataclass(frozen=True)
class Upload:
    """A file as a value in a body.

    Attributes:
        name: The file name that the server sees, without folders.
        content: The bytes.
        media_type: Their media type; empty if unknown.
    """

    name: str
    content: bytes = field(repr=False)
    media_type: str = ""

    @property
    def size(self) -> int:
        """The size of the content in bytes."""
        return len(self.content)


@dataclass(frozen=True)
class OmittedUpload(Upload):
    """A file that was too large to store: only its name, size and hash are known, so that it cannot be sent again.

    Attributes:
        original_size: The size of the omitted content in bytes.
        digest: Its BLAKE2b hash of 16 bytes, in hexadecimal.
    """

    original_size: int = 0
    digest: str = ""

    @property
    def size(self) -> int:
        """The size of the omitted content in bytes."""
        return self.original_size


@dataclass(frozen=True)
class Body:
    """A body given whole: `api.call("CreateIssue", anb.Body({"title": "t", "body": "b"}))`.

    It is needed where an operation has a parameter or a field of its own called `body`, which `body=` then means.

    Attributes:
        value: The body as plain JSON data.
    """

    value: Any


@dataclass(frozen=True)
class Call:
    """An operation and its arguments, with `{{names}}` unresolved, so that it never contains a secret.

    Attributes:
        operation: The operation's id.
        parameters: Arguments by parameter key, in the document's spelling.
        body: The body as plain JSON data, or UNSET for none.
        media_type: The body's media type; None for the default of the operation.
        headers: Further headers by name.
        security: How the request authenticates: None for the first alternative whose credentials are available, empty
            for not at all, else the name of a security scheme, or several joined by " + ".
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Any = UNSET
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    security: str | None = None
    _extracted_for: Any = field(default=None, init=False, compare=False, repr=False)  # `replace` does not copy it

    def mark_extracted(self, operation: Any) -> Call:
        """Return the same call, marked: no literal value in it is a secret of this operation."""
        marked = replace(self)
        object.__setattr__(marked, "_extracted_for", operation)
        return marked

    def is_extracted_for(self, operation: Any) -> bool:
        """Whether it is marked for this operation. A copy with a replaced part is not marked any more."""
        return self._extracted_for is operation

    def with_parameters(self, **parameters: Any) -> Call:
        """Return the same call with some parameters replaced."""
        return replace(self, parameters={**self.parameters, **parameters})

    def to_dict(self) -> dict[str, Any]:
        """Return the call as plain JSON data, for the history.

        Bytes become `{"$bytes": "…"}` in base64, a file becomes `{"$file": {…}}`, and a decimal, whose last zeros
        a number of JSON loses, becomes `{"$decimal": "…"}`. Content larger than `MAX_STORED_FILE` is omitted: it is
        read back as an `OmittedUpload`.
        """
        out: dict[str, Any] = {"operation": self.operation, "parameters": dict(_encode(self.parameters))}
        if self.body is not UNSET:
            out["body"] = _encode(self.body)
        if self.media_type:
            out["mediaType"] = self.media_type
        if self.headers:
            out["headers"] = dict(self.headers)
        if self.security is not None:
            out["security"] = self.security
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Call:
        """Return the call that `to_dict` made the data of."""
        return cls(
            data["operation"],
            _decode(data.get("parameters", {})),
            _decode(data.get("body", UNSET)),
            data.get("mediaType"),
            data.get("headers", {}),
            data.get("security"),
        )


MAX_STORED_FILE: Final = 1_000_000
"""The largest file, in bytes, whose content is stored with a call."""

_BYTES, _FILE, _DECIMAL = "$bytes", "$file", "$decimal"
"""The keys that mark bytes, a file or a decimal. A user's own key that looks like one is stored with one more `$`."""


def _encode(value: Any) -> Any:
    """Return a value with bytes and files encoded as marked mappings; the value itself if it contains none."""
    if isinstance(value, bytes):
        is_small = len(value) <= MAX_STORED_FILE
        return {_BYTES: _to_base64(value)} if is_small else {_FILE: _encode_file(Upload("", value))}
    if isinstance(value, Upload):
        return {_FILE: _encode_file(value)}
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    encoded = value if _is_plain(value) else _map_children(_encode, value)
    return {f"${name}": inner for name, inner in encoded.items()} if _is_marked(value) else encoded


def _decode_decimal(text: Any) -> Any:
    """Return a stored decimal; a `$decimal` mapping from before decimals were marked is returned as it was."""
    try:
        return Decimal(text)
    except (TypeError, ValueError, ArithmeticError):
        return {_DECIMAL: _decode(text)}


def _encode_file(upload: Upload) -> dict[str, Any]:
    facts = {"name": upload.name, "mediaType": upload.media_type}
    if isinstance(upload, OmittedUpload):
        return {**facts, "size": upload.original_size, "hash": upload.digest}
    if upload.size <= MAX_STORED_FILE:
        return {**facts, "content": _to_base64(upload.content)}
    return {**facts, "size": upload.size, "hash": hashlib.blake2b(upload.content, digest_size=16).hexdigest()}


def _to_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(value: Any) -> Any:
    """Return the value that `_encode` made the data of."""
    if not _is_marked(value):
        return value if _is_plain(value) else _map_children(_decode, value)
    ((name, inner),) = value.items()
    decode = _DECODERS.get(name)
    return decode(inner) if decode else {name[1:]: _decode(inner)}


def _decode_file(data: Any) -> Any:
    """Return a stored file; a `$file` mapping from before files were supported is returned as it was."""
    if not isinstance(data, dict) or "mediaType" not in data:
        return {_FILE: _decode(data)}
    if "content" in data:
        return Upload(data["name"], base64.b64decode(data["content"]), data["mediaType"])
    return OmittedUpload(data["name"], b"", data["mediaType"], data["size"], data["hash"])


_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    _BYTES: base64.b64decode,
    _FILE: _decode_file,
    _DECIMAL: _decode_decimal,
}
"""The decoder of each marked mapping."""


def _is_plain(value: Any) -> bool:
    """Whether a value contains no bytes, files, decimals or marking keys. Most have none: this has to be fast."""
    pending = [value]
    for node in pending:  # grows while it is walked
        if isinstance(node, dict):
            if _is_marked(node):
                return False
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)
        elif isinstance(node, bytes | Upload | Decimal):
            return False
    return True


def _is_marked(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and _is_mark(str(next(iter(value))))


def _is_mark(name: str) -> bool:
    return name.startswith("$") and name.lstrip("$") in ("bytes", "file", "decimal")


def _map_children(change: Callable[[Any], Any], value: Any) -> Any:
    """Return a container with `change` applied to each of its members; a scalar as it is."""
    if isinstance(value, dict):
        return {name: change(inner) for name, inner in value.items()}
    return [change(inner) for inner in value] if isinstance(value, list | tuple) else value

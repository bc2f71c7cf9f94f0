"""What the user means, before anything is resolved."""

from __future__ import annotations

from collections.abc import Mapping
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
        """Plain JSON data, for the history."""
        out: dict[str, Any] = {"operation": self.operation, "parameters": dict(self.parameters)}
        if self.body is not UNSET:
            out["body"] = self.body
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
            data.get("parameters", {}),
            data.get("body", UNSET),
            data.get("mediaType"),
            data.get("headers", {}),
        )

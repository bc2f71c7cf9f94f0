"""Names and values as a form (application/x-www-form-urlencoded)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from ..message import is_json
from ..spec import Parameter
from .described import Described, Encoding, member_of, part_type
from .styles import Pairs, pairs_of, query_of
from .texts import bytes_of, json_of, quoted, text_of

_STYLED = {"style", "explode", "allowReserved"}


def urlencoded(body: Any, described: Described) -> tuple[bytes, str]:
    """A form; a text is one already.

    A space is %20, which every reader of forms knows; `+` is for a plus in the older half of them (OpenAPI 3.1.1,
    appendix E).
    """
    if isinstance(body, str):
        return bytes_of(body, "body"), described.media
    found: Pairs = []
    for name, value in fields_of(body, described.media):
        encoding = described.encodings.get(name, {})
        found += styled(name, value, encoding) or _pairs(name, value, _type(body, name, value, described))
    return query_of(found).encode(), described.media


def styled(name: str, value: Any, encoding: Encoding) -> Pairs | None:
    """The pairs of a field whose encoding names a style; None where it names none: then its content type counts."""
    if not _STYLED & encoding.keys():
        return None
    style = str(encoding.get("style") or "form")
    explode, reserved = bool(encoding.get("explode", style == "form")), bool(encoding.get("allowReserved"))
    field = Parameter(name, name, "query", False, {}, style=style, explode=explode, allow_reserved=reserved)
    return pairs_of((field,), {name: value})


def fields_of(body: Any, media: str) -> list[tuple[str, Any]]:
    """The names and values of a body.

    Raises:
        UsageError: it is none of names and values.
    """
    if not isinstance(body, Mapping):
        raise UsageError(f"A body of type {media} has to be names and values.", "Give a dict.")
    return [(text_of(name, "body"), value) for name, value in body.items()]


def each(value: Any) -> list[Any]:
    """What a name is repeated for: the entries of a list; null is nothing."""
    return [v for v in (value if isinstance(value, list) else [value]) if v is not None]


def _type(body: Any, name: str, value: Any, described: Described) -> str:
    return part_type(value, described.encodings.get(name, {}), member_of(described.field, name, body))


def _pairs(name: str, value: Any, media: str) -> Pairs:
    at = f"body.{name}"
    texts = [json_of(value, at).decode()] if is_json(media) else [text_of(v, at) for v in each(value)]
    return [(quoted(name, at), quoted(text, at)) for text in texts]

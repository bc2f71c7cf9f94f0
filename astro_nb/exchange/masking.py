"""A response without its secrets: the one place that decides what of a response may be shown and stored.

What parses is masked by the document and by names. What does not parse is shown only if nothing in it can be a secret:
a body that is cut, XML, YAML, forms, tables, text. `mask_text` masks what stands after the name of a secret; if it
cannot be known what is one, a sentence takes the place of the whole body.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

from ..call import UNSET
from ..data import walk, with_replacements
from ..json_text import JsonError, read_json, write_json
from ..messages import Headers, Response, bare_media_type
from ..openapi import Operation
from ..schema import ROOT, Field, hold_secrets, mask_secrets, response_field, response_secret_names
from ..secrets import (
    MASK,
    Secret,
    is_random,
    is_secret_header,
    mask_text,
    mask_url_secrets,
    may_be_secret_name,
)

_WITHHELD = (
    "A body of {size:,} bytes is not shown: it cannot be read as {expected}, and something in it may be a secret. "
)
_IN_MEMORY = "`reveal()` returns it."
_IN_HISTORY = "It is not stored."
_SENTENCE = re.compile(
    r"A body of [\d,]+ bytes is not shown: it cannot be read as [\w./+-]{1,100}, and something in it may be a secret\. "
    rf"(?:{re.escape(_IN_MEMORY)}|{re.escape(_IN_HISTORY)})"
)
_TABLES = ("text/csv", "text/tab-separated-values", "application/csv", "text/x-csv")
_TITLE = re.compile(r"<title[^<>]*>[^<>]{1,500}</title>", re.IGNORECASE)
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")  # gzip (RFC 1952), zlib (RFC 1950)
_MAX_UNPACKED = 20_000_000
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_PARTIAL, _FIRST_ERROR = 206, 400
_JSON_IN_JSON = re.compile(r'"(?:\s|\\[nrt])*(?:[{\[](?:\s|[{\[]|\\[nrt])*)?\\(?:"|u0022)')
_JSON_IN_TEXT = re.compile(r"\s*[{\[\"]")
_STARTS_OF_JSON = ("{", "[", '"', "<")


class MaskedResponse:
    """What may be shown and stored of one response.

    Args:
        operation: the operation that was called.
        response: the response, with its secrets.
    """

    def __init__(self, operation: Operation, response: Response) -> None:
        self._operation, self._response = operation, response

    def __repr__(self) -> str:
        return f"<MaskedResponse of {self._operation.id}, {self._response.status}>"

    def __reduce__(self) -> Any:
        raise TypeError("It holds secrets: it cannot be copied or pickled.")

    @cached_property
    def data(self) -> Any:
        """The body as plain data, secrets masked; the data itself if it holds none.

        Raises:
            PickError: it is not JSON.
        """
        data = self._response.json()
        for field in self._fields:
            data = mask_secrets(field, data, self._names)
        return self._mask_texts(data, lambda text, masked: MASK if masked is None else masked)

    @cached_property
    def data_with_secrets(self) -> Any:
        """The body as plain data, each secret as a `Secret`.

        Raises:
            PickError: it is not JSON.
        """
        data = self._response.json()
        for field in self._fields:
            data = hold_secrets(field, data, self._names)
        return self._mask_texts(data, lambda text, masked: Secret.in_memory(text, "response", captured=True))

    def _mask_texts(self, data: Any, substitute: Callable[[str, str | None], Any]) -> Any:
        """Return the data with other values for texts that are JSON themselves and hold a secret."""
        if not _JSON_IN_JSON.search(self._response.text):
            return data
        texts = ((at, value) for at, value in walk(data) if isinstance(value, str) and _JSON_IN_TEXT.match(value))
        found = {at: substitute(value, masked) for at, value in texts if (masked := self._mask(value)) != value}
        return with_replacements(data, found)

    @cached_property
    def text(self) -> str:
        """The body as text, secrets masked; a sentence if it cannot be known what of it is one."""
        text = self._masked_text
        return self._sentence(_IN_MEMORY) if text is None else text

    @cached_property
    def error_text(self) -> str:
        """The text that an error is read from; of a page that is not shown, its title."""
        found = _TITLE.search(self._response.text) if self._masked_text is None else None
        return f"<html>{found[0]}" if found and mask_text(found[0]) == found[0] else self.text

    @cached_property
    def body(self) -> bytes:
        """The body as it may be stored: as it was received, if it holds no secret."""
        if self._masked_text is None:
            return self._response.encode(self._sentence(_IN_HISTORY))
        if self._masked_text == self._response.text:
            return self._response.body
        return self._response.encode(self._masked_text)

    @cached_property
    def headers(self) -> Headers:
        """The header fields; those that carry credentials are masked."""
        return tuple((name, _mask_header(name, value)) for name, value in self._response.headers)

    def _names(self) -> Any:
        return response_secret_names(self._operation, self._response.status)

    @cached_property
    def _fields(self) -> tuple[Field | None, ...]:
        """The field trees of the body: of its media type, else of all that the document declares for the status."""
        operation, response = self._operation, self._response
        own = response_field(operation, response.status, response.media_type)
        if own is not None:
            return (own,)
        declared = operation.response(response.status)
        others = [response_field(operation, response.status, media) for media in (declared.content if declared else ())]
        return tuple(field for field in others if field is not None) or (None,)

    @cached_property
    def _masked_text(self) -> str | None:
        response = self._response
        if response.is_json:
            return self._text_of_data()
        text = response.text
        if not text.strip() or _SENTENCE.fullmatch(text):
            return text
        return None if self._is_opaque(text) else self._masked_lines(text)

    def _text_of_data(self) -> str:
        response = self._response
        if any(note.earlier is not UNSET for note in response.json_notes):  # a name given twice: the data has one value
            both = self._mask(response.text)
            return write_json(self.data, indent=True).decode() if both is None else both
        return response.text if self.data is response.json() else write_json(self.data, indent=True).decode()

    def _is_opaque(self, text: str) -> bool:
        """Whether a secret in the body could have no name, or not be seen."""
        names, response = self._names(), self._response
        if ROOT in names:
            return True
        if response.body.startswith(_COMPRESSED):
            inner = _unpack(response.body)
            return bool(names) or mask_text(inner) != inner
        if not names or response.status >= _FIRST_ERROR:
            return False
        begins_inside = "json" in response.media_type and not text.lstrip("\ufeff \t\r\n").startswith(_STARTS_OF_JSON)
        return begins_inside or response.status == _PARTIAL or bool(_CONTROL.search(text[:100_000]))

    def _masked_lines(self, text: str) -> str | None:
        """Return the text masked; of JSON line by line, or of an event stream, each line by the document."""
        lines = text.splitlines(keepends=True)
        if _json_in_line(next(filter(str.strip, lines), "")) is None:
            return self._mask(text)
        pieces = [self._masked_line(line) for line in lines]
        return None if None in pieces else "".join(filter(None, pieces))

    def _masked_line(self, line: str) -> str | None:
        found = _json_in_line(line)
        if found is None:
            return self._mask(line)
        start, end, data = found
        masked = data
        for field in self._fields:
            masked = mask_secrets(_line_field(field), masked, self._names)
        return line if masked is data else f"{line[:start]}{write_json(masked).decode()}{line[end:]}"

    def _mask(self, text: str) -> str | None:
        media = bare_media_type(self._response.media_type)
        return mask_text(text, [name for name in self._names() if name != ROOT], media in _TABLES)

    def _sentence(self, where: str) -> str:
        media = re.sub(r"[^\w./+-]", "", self._response.media_type)[:100] or "text"
        return _WITHHELD.format(size=self._response.size, expected=media) + where


def _mask_header(name: str, value: str) -> str:
    if is_secret_header(name) or (may_be_secret_name(name) and is_random(value)):
        return MASK
    return mask_url_secrets(value)


def _json_in_line(line: str) -> tuple[int, int, Any] | None:
    """Return start, end and data of the object or list that is a line; None if it is none.

    The field name of an event stream may stand before it (HTML, section 9.2.6).
    """
    prefix = _EVENT.match(line)
    start = prefix.end() if prefix else 0
    content = line[start:].strip()
    if not content.startswith(("{", "[")):
        return None
    try:
        read = read_json(content)
    except JsonError:
        return None
    if any(note.earlier is not UNSET for note in read.notes):
        return None
    begin = line.index(content, start)
    return begin, begin + len(content), read.data


_EVENT = re.compile(r"data:[ ]?")


def _line_field(field: Field | None) -> Field | None:
    """Return the field of one line: of the items, if a list of them is declared."""
    return field.item if field is not None and field.kind == "array" else field


def _unpack(body: bytes) -> str:
    """Return the text that is compressed in a body, up to a limit."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, _MAX_UNPACKED).decode("utf-8", "replace")
    except zlib.error:
        return ""

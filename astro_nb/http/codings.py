"""Content codings: a body as it was before it was compressed (RFC 9110, section 8.4).

Requests ask for gzip and deflate; a server may send others all the same. A body is decoded as a whole or not at all:
one that is cut is never taken for a whole one.
"""

from __future__ import annotations

import importlib
import re
import zlib
from collections.abc import Callable
from typing import Any

import httpx

from ..messages import Headers

_WINDOW = 65_536  # bytes that are decoded at once
_PARTIAL_CONTENT = 206
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_GZIP_START = b"\x1f\x8b"
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's names for formats: RFC 1952, RFC 1950, RFC 1951


class CodingError(Exception):
    """A body cannot be decoded. The message continues "The response …".

    Attributes:
        is_cut: whether the body ends before its coding does.
    """

    def __init__(self, message: str, is_cut: bool = False) -> None:
        super().__init__(message)
        self.is_cut = is_cut


class ResponseTooLarge(Exception):
    """The response has more bytes than are read."""


Decoder = Callable[[bytes, int], tuple[bytes, str]]
"""Decodes a body of at most so many bytes, and returns it with a note; raises CodingError or ResponseTooLarge."""


def decode(body: bytes, headers: Headers, status: int, most: int) -> tuple[bytes, str]:
    """Return a body without its content codings, and a note about what is unusual; empty if nothing is.

    Args:
        body: the body as it was received.
        headers: the headers of the response.
        status: its status. A part of a body (206) cannot always be decoded alone.
        most: bytes that it may have when decoded.

    Raises:
        CodingError: it cannot be decoded, or is cut.
        ResponseTooLarge: it has more bytes than `most`.
    """
    notes = []
    for coding in reversed(_codings(headers)):
        if not body:
            break
        try:
            body, note = (_DECODERS.get(coding) or _refuse(coding))(body, most)
        except CodingError as error:
            if not _is_text(body) and status != _PARTIAL_CONTENT:
                raise
            note = f"It {error}. It is shown as it was received."
        notes += [note] if note else []
    return body, " ".join(notes)


def _codings(headers: Headers) -> list[str]:
    """Return the content codings in the order in which they were applied."""
    lines = [value for name, value in headers if name.lower() == "content-encoding"]
    return [name for line in lines for part in line.split(",") if (name := part.strip().lower())]


def _is_text(body: bytes) -> bool:
    """Whether a body is plain text; no gzip or zstd data is valid UTF-8, and hardly any other."""
    try:
        return not _CONTROL.search(body.decode())
    except UnicodeDecodeError:
        return False


def _gunzip(body: bytes, most: int) -> tuple[bytes, str]:
    """Decode gzip: every member (RFC 1952, section 2.2), padding of null bytes ignored."""
    parts: list[bytes] = []
    at = size = 0
    while at < len(body):
        if at and not _GZIP_START.startswith(body[at : at + 2]):
            rest = len(body[at:].strip(b"\0"))
            return b"".join(parts), f"{rest} bytes after the end of the gzip data were ignored." if rest else ""
        part, at = _inflate(body, at, _GZIP, "gzip", most - size)
        size += len(part)
        parts.append(part)
    return b"".join(parts), ""


def _decode_deflate(body: bytes, most: int) -> tuple[bytes, str]:
    """Decode deflate: in the zlib format, or without its header, as some servers send it."""
    try:
        part, end = _inflate(body, 0, _ZLIB, "deflate", most)
    except CodingError as error:
        if error.is_cut:
            raise
        part, end = _inflate(body, 0, _RAW, "deflate", most)
    rest = len(body) - end
    return part, f"{rest} bytes after the end of the deflate data were ignored." if rest else ""


def _inflate(body: bytes, at: int, wbits: int, name: str, most: int) -> tuple[bytes, int]:
    """Return what one stream that begins at an offset holds, and the offset of its end."""
    decoder, parts, size = zlib.decompressobj(wbits), [], 0
    while not decoder.eof:
        window = body[at : at + _WINDOW]
        if not window:
            raise CodingError(f"is cut, since its {name} data ends too early", is_cut=True)
        try:
            part = decoder.decompress(window, most - size + 1)
        except zlib.error:
            raise CodingError(f"declares {name}, but is not {name} data") from None
        size += len(part)
        if size > most:
            raise ResponseTooLarge(f"more than {most} bytes")
        parts.append(part)
        at += len(window) - len(decoder.unconsumed_tail) - len(decoder.unused_data)
    return b"".join(parts), at


def _decode_brotli(body: bytes, most: int) -> tuple[bytes, str]:
    brotli = _optional("brotli", "br")
    try:
        return _require_size(brotli.decompress(body), most), ""
    except brotli.error:
        raise CodingError("declares br, but is not br data, or is cut", is_cut=True) from None


def _decode_zstd(body: bytes, most: int) -> tuple[bytes, str]:
    _optional("zstandard", "zstd")
    try:  # httpx reads every frame, and raises if the last one is cut
        return _require_size(httpx.Response(200, headers={"Content-Encoding": "zstd"}, content=body).content, most), ""
    except httpx.DecodingError:
        raise CodingError("declares zstd, but is not zstd data, or is cut", is_cut=True) from None


def _require_size(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise ResponseTooLarge(f"more than {most} bytes")
    return body


def _optional(module: str, coding: str) -> Any:
    """Return an optional module that decodes what was not asked for."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise CodingError(
            f"is compressed with {coding}, which was not asked for; install the package {module} to read it"
        ) from None


def _refuse(coding: str) -> Decoder:
    def decode(body: bytes, most: int) -> tuple[bytes, str]:
        raise CodingError(f"has the content coding {coding[:40]!r}, which is not known here")

    return decode


_DECODERS: dict[str, Decoder] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _decode_deflate,
    "br": _decode_brotli,
    "zstd": _decode_zstd,
    "identity": lambda body, most: (body, ""),
}
"""The decoder of each coding (IANA's HTTP Content Coding Registry)."""

"""Texts as source: of Python, and of a POSIX shell; secrets as look-ups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..call import Upload
from ..environment import split_named

LOOK_UP = "os.environ[{}]"
QUOTED = 'urllib.parse.quote(os.environ[{}], safe="")'
VARIABLE = '"${}"'
_PIPED = '"$(printf %s "${{}}" | python3 -c \'{}\')"'
ESCAPED = _PIPED.format('import json, sys; print(json.dumps(sys.stdin.read())[1:-1], end="")')
IN_URL = _PIPED.format('import sys, urllib.parse; print(urllib.parse.quote(sys.stdin.read(), safe=""), end="")')
TO_BASE64 = 'import base64, sys; print(base64.b64encode(sys.stdin.buffer.read()).decode(), end="")'


def literal(value: Any) -> str:
    """A plain value as Python source, on one line, in double quotes where that is natural."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, Upload):
        return f"Upload({', '.join([literal(value.name), read_path(value.name), literal(value.media_type)])})"
    return repr(value)


def read_path(path: str) -> str:
    return f"Path({literal(path)}).read_bytes()"


def source_of(text: str, look_up: str = LOOK_UP) -> str:
    """A text as Python source, secrets as look-ups."""
    pieces = split_named(text)
    if len(pieces) == 1:
        return literal(text)
    return " + ".join(look_up.format(literal(p)) if n % 2 else literal(p) for n, p in enumerate(pieces) if n % 2 or p)


def shell(text: str, variable: str = VARIABLE) -> str:
    """A text as one word of a POSIX shell, secrets as variables."""
    pieces = split_named(text)
    words = [variable.replace("{}", piece) if n % 2 else quoted(piece) for n, piece in enumerate(pieces) if piece]
    return "".join(words) or "''"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

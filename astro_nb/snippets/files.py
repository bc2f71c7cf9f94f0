"""Files in snippets: read by their names, as parts of a form or as a whole body."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..call import Call, Upload
from ..environment import split_named
from ..errors import UsageError
from ..message import Request, bare, header, media_type
from .texts import ESCAPED, literal, read_path, shell, source_of


@dataclass(frozen=True)
class Part:
    """One part of a multipart form: its name, that of its file, its type, further headers, and its content."""

    name: str
    file: str | None
    kind: str
    more: tuple[tuple[str, str], ...]
    content: bytes


def by_name(call: Call) -> Call:
    """The call with its files empty, where a snippet reads them by their names: what they hold is not looked at."""
    if not has_upload(call.body):
        return call
    return replace(call, body=_emptied(call.body))


def _emptied(value: Any) -> Any:
    if isinstance(value, Upload):
        return Upload(value.name, b"", value.media_type)
    if isinstance(value, Mapping):
        return {name: _emptied(inner) for name, inner in value.items()}
    return [_emptied(inner) for inner in value] if isinstance(value, list | tuple) else value


def has_upload(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(has_upload, value.values()))
    return any(map(has_upload, value)) if isinstance(value, list | tuple) else isinstance(value, Upload)


def is_form_with_files(call: Call) -> bool:
    return isinstance(call.body, Mapping) and has_upload(call.body)


def parts_of(request: Request) -> Iterator[Part]:
    """The parts of a multipart form that we have written."""
    if bare(media_type(request.headers)) != "multipart/form-data":
        raise UsageError("Only a form (multipart/form-data) of files has a snippet.", "Choose Python (astro_nb).")
    boundary = header(request.headers, "content-type").rpartition("boundary=")[2]
    for piece in request.body.split(f"--{boundary}\r\n".encode())[1:]:
        head, _, content = piece.partition(b"\r\n\r\n")
        headers = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
        said = {name.lower(): value for name, value in headers}
        places = dict(re.findall(r'(\w+)="([^"]*)"', said["content-disposition"]))
        more = tuple((k, v) for k, v in headers if k.lower() not in ("content-disposition", "content-type"))
        file = places.get("filename")
        body = content.partition(f"\r\n--{boundary}--".encode())[0].removesuffix(b"\r\n")
        yield Part(
            _unescaped(places["name"]), _unescaped(file) if file else None, said.get("content-type", ""), more, body
        )


def _unescaped(name: str) -> str:
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def part_source(part: Part) -> str:
    """A part as httpx takes it: name, and file name, content, type and headers."""
    content = read_path(part.file) if part.file and not part.content else _bytes_source(part.content)
    told = [literal(part.file), content]
    told += [literal(part.kind or None)] if part.kind or part.more else []
    told += [literal(dict(part.more))] if part.more else []
    return f"({literal(part.name)}, ({', '.join(told)}))"


def _bytes_source(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return repr(content)
    return f"({source_of(text)}).encode()" if len(split_named(text)) > 1 else repr(content)


_ENDS_TYPE = re.compile(r";\s*(filename|headers|encoder|type)\s*=|,", re.IGNORECASE)
"""What ends a type for curl, `headers=@file` among it: a document shall have no file of this machine sent."""


def part_shell(part: Part) -> str:
    """A part as curl's `--form` takes it; quotes keep what is special there."""
    try:
        content = part.content.decode()
    except UnicodeDecodeError:
        content = "\0"
    if "=" in part.name or "\0" in content or _ENDS_TYPE.search(part.kind):
        raise UsageError(f"curl cannot say the field {part.name!r}.", "Choose another kind of snippet.")
    text = f"@{_form_quoted(part.file)}" if part.file and not part.content else _form_quoted(content)
    text += f";filename={_form_quoted(part.file)}" if part.file and part.content else ""
    text += f";type={part.kind}" if part.kind else ""
    text += "".join(f";headers={_form_quoted(f'{name}: {value}')}" for name, value in part.more)
    return shell(f"{part.name}={text}", ESCAPED)


def _form_quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""Texts as source: of Python, and of a POSIX shell; secrets as look-ups.

Files in snippets: read by their names, as parts of a form or as a whole body.

Every kind of snippet, by its label.
"""

from __future__ import annotations

import json
import keyword
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .call import UNSET, Call, Upload
from .environments import split_at_secrets
from .errors import UsageError
from .messages import Request, bare_media_type, header, is_json, media_type
from .openapi import Operation
from .schema import body_fields, parameter_fields

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
    pieces = split_at_secrets(text)
    if len(pieces) == 1:
        return literal(text)
    return " + ".join(look_up.format(literal(p)) if n % 2 else literal(p) for n, p in enumerate(pieces) if n % 2 or p)


def shell(text: str, variable: str = VARIABLE) -> str:
    """A text as one word of a POSIX shell, secrets as variables."""
    pieces = split_at_secrets(text)
    words = [variable.replace("{}", piece) if n % 2 else quoted(piece) for n, piece in enumerate(pieces) if piece]
    return "".join(words) or "''"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass(frozen=True)
class Part:
    """One part of a multipart form: its name, that of its file, its type, further headers, and its content."""

    name: str
    file: str | None
    kind: str
    more: tuple[tuple[str, str], ...]
    content: bytes


def without_file_contents(call: Call) -> Call:
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
    if bare_media_type(media_type(request.headers)) != "multipart/form-data":
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
    return f"({source_of(text)}).encode()" if len(split_at_secrets(text)) > 1 else repr(content)


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


Snippet = Callable[[Operation, Call, Request], str]


def python_astro_nb(operation: Operation, call: Call, request: Request | None = None) -> str:
    """One line of astro_nb, as the explorer shows it: `api.call("GetDeployment", deploymentId="…")`."""
    if call.headers or call.media_type or call.security is not None or "body" in call.parameters:
        return _whole_call(call)
    given = {name: value for name, value in call.parameters.items() if value != f"{{{{{name}}}}}"}  # else it is implied
    arguments = [f"{_keyword(name)}={literal(value)}" for name, value in given.items() if name.isidentifier()]
    odd = {name: value for name, value in given.items() if not name.isidentifier()}
    arguments += [f"**{literal(odd)}"] if odd else []
    arguments += _body_arguments(operation, call)
    before = f"{_PATHS}from astro_nb import Upload\n\n" if has_upload(call.body) else ""
    return before + _fitted(f"api.call({literal(operation.id)}", arguments)


def python_httpx(operation: Operation, call: Call, request: Request) -> str:
    """A script for plain httpx."""
    content = _httpx_body(call, request)
    headers = [(k, v) for k, v in request.headers if k.lower() not in _left_out(call)]
    lines = ["import httpx", "", "response = httpx.request("]
    lines += [f"    {literal(request.method)},", f"    {source_of(request.url, QUOTED)},"]
    lines += ["    headers={", *(f"        {literal(k)}: {_header_source(v)}," for k, v in headers), "    },"]
    lines += [f"    {content},"] if content else []
    lines += ["    timeout=60,", ")", 'print(response.status_code, response.headers.get("x-request-id"))']
    text = "\n".join([*lines, "print(response.text)"]) + "\n"
    modules = [name for name, sign in _MODULES if sign in text]
    imports = "".join(f"import {name}\n" for name in modules) + (_PATHS[:-1] if "Path(" in text else "")
    return imports + ("\n" if imports else "") + text


def curl(operation: Operation, call: Call, request: Request) -> str:
    """A curl command for a POSIX shell; secrets are read from the shell's variables."""
    before, data = _body_shell(call, request)
    parts = [f"curl --request {shlex.quote(request.method)} {shell(request.url, IN_URL)}", "--globoff --path-as-is"]
    parts += [f"--header {_header_shell(k, v)}" for k, v in request.headers if k.lower() not in _left_out(call)]
    return before + " \\\n  ".join([*parts, *data]) + "\n"


SNIPPETS: Mapping[str, Snippet] = {
    "Python (astro_nb)": python_astro_nb,
    "Python (httpx)": python_httpx,
    "curl": curl,
}
"""Every kind of snippet by its label; a new kind is a new row."""

_LEFT_OUT = ("user-agent", "accept-encoding")
_MODULES = (("base64", "base64."), ("json", "json.dumps("), ("os", "os.environ["), ("urllib.parse", "urllib.parse."))
_PATHS = "from pathlib import Path\n\n"


def _left_out(call: Call) -> tuple[str, ...]:
    """Headers that a snippet does not name: the content type of a form has a boundary, which the client makes."""
    return (*_LEFT_OUT, "content-type") if is_form_with_files(call) else _LEFT_OUT


def _whole_call(call: Call) -> str:
    """A call that keywords cannot say: with headers, another media type, or a parameter called `body`."""
    parts = [literal(call.operation), literal(dict(call.parameters))]
    parts += [f"body={literal(call.body)}"] if call.body is not UNSET else []
    parts += [f"media_type={literal(call.media_type)}"] if call.media_type else []
    parts += [f"headers={literal(dict(call.headers))}"] if call.headers else []
    parts += [f"security={literal(call.security)}"] if call.security is not None else []
    before, names = (_PATHS, "Call, Upload") if has_upload(call.body) else ("", "Call")
    return f"{before}from astro_nb import {names}\n\napi.send(Call({', '.join(parts)}))"


def _body_arguments(operation: Operation, call: Call) -> list[str]:
    if call.body is UNSET or (call.body == {} and operation.body and operation.body.required):
        return []
    taken = {"body", *(field.name for field in parameter_fields(operation))}
    known = {field.name for field in body_fields(operation)} - taken
    plain = isinstance(call.body, Mapping) and call.body and all(k in known and k.isidentifier() for k in call.body)
    if plain:
        return [f"{_keyword(name)}={literal(value)}" for name, value in call.body.items()]
    return [f"body={literal(call.body)}"]


def _keyword(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _fitted(head: str, arguments: list[str]) -> str:
    line = ", ".join([head, *arguments]) + ")"
    if len(line) <= 100 or not arguments:
        return line
    first, _, name = head.partition("(")
    return f"{first}(\n    " + ",\n    ".join([name, *arguments]) + ",\n)"


def _httpx_body(call: Call, request: Request) -> str:
    """The argument of `httpx.request` that holds the body; empty where there is none."""
    if isinstance(call.body, Upload):
        return f"content={read_path(call.body.name)}"
    if is_form_with_files(call):
        rows = "".join(f"\n        {part_source(part)}," for part in parts_of(request))
        return f"files=[{rows}\n    ]"
    return f"content={_body_source(request)}" if request.body else ""


def _body_source(request: Request) -> str:
    """The body as a Python expression: JSON as a dict that is dumped, so that it can be read and changed."""
    if is_json(media_type(request.headers)):
        return f"json.dumps({_tree(json.loads(request.body), 4)}).encode()"
    text = request.body.decode("utf-8", "replace")
    return f"({source_of(text)}).encode()" if len(split_at_secrets(text)) > 1 else repr(request.body)


def _tree(value: Any, indent: int) -> str:
    """JSON data as Python source over several lines, secrets as look-ups."""
    if isinstance(value, str):
        return source_of(value)
    if not value or not isinstance(value, dict | list):
        return literal(value)
    pad, inner = " " * indent, indent + 4
    if isinstance(value, dict):
        rows = [f"{literal(k)}: {_tree(v, inner)}" for k, v in value.items()]
    else:
        rows = [_tree(v, inner) for v in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return opened + "".join(f"\n{' ' * inner}{row}," for row in rows) + f"\n{pad}{closed}"


def _header_source(value: str) -> str:
    coded = value.removeprefix("Basic ")
    if coded == value or len(split_at_secrets(value)) == 1:
        return source_of(value)
    return f'"Basic " + base64.b64encode(({source_of(coded)}).encode()).decode()'


def _header_shell(name: str, value: str) -> str:
    coded = value.removeprefix("Basic ")
    if coded == value or len(split_at_secrets(value)) == 1:
        return shell(f"{name}: {value}")
    return shell(f"{name}: Basic ") + f"\"$(printf %s {shell(coded)} | python3 -c '{TO_BASE64}')\""


def _body_shell(call: Call, request: Request) -> tuple[str, list[str]]:
    """What goes before curl, and curl's own options: files by their names, text as it is, all else byte by byte."""
    if isinstance(call.body, Upload):
        return "", [f"--data-binary {shell('@' + call.body.name)}"]
    if is_form_with_files(call):
        return "", [f"--form {part_shell(part)}" for part in parts_of(request)]
    if not request.body:
        return "", []
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        octal = "".join(f"\\{byte:03o}" for byte in request.body)
        return f"printf '{octal}' | ", ["--data-binary @-"]
    return "", [f"--data-raw {shell(text, ESCAPED if is_json(media_type(request.headers)) else VARIABLE)}"]

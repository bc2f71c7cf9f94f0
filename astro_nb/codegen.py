"""A call as Python or curl. Secrets become look-ups of environment variables, files are read by their names.

| kind of snippet     | function            |
|---------------------|---------------------|
| Python (astro_nb)   | `python_astro_nb`   |
| Python (httpx)      | `python_httpx`      |
| curl                | `curl`              |

A new kind is a row in `SNIPPETS`. `literal` renders a plain value as Python source.
"""

from __future__ import annotations

import json
import keyword
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from .call import UNSET, Call, Upload
from .data import replace_values, walk
from .environments import split_at_secrets
from .errors import UsageError
from .json_text import read_json
from .messages import Request, bare_media_type, header, is_json, media_type
from .openapi import Operation
from .schema import Field, body_field, body_fields, content_encoding, declares_body, parameter_fields

_LOOK_UP = "os.environ[{}]"
_QUOTED_LOOK_UP = 'urllib.parse.quote(os.environ[{}], safe="")'
_SHELL_VARIABLE = '"${}"'
_PIPED = '"$(printf %s "${{}}" | python3 -c \'{}\')"'
_SHELL_JSON = _PIPED.format('import json, sys; print(json.dumps(sys.stdin.read())[1:-1], end="")')
_SHELL_URL = _PIPED.format('import sys, urllib.parse; print(urllib.parse.quote(sys.stdin.read(), safe=""), end="")')
_SHELL_BASE64 = 'import base64, sys; print(base64.b64encode(sys.stdin.buffer.read()).decode(), end="")'


def literal(value: Any) -> str:
    """Return a plain value as Python source on one line, printable texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, Upload):
        return f"Upload({', '.join([literal(value.name), _read_file(value.name), literal(value.media_type)])})"
    if isinstance(value, Decimal):
        return f'Decimal("{value}")'
    return repr(value)


def import_decimal(source: str) -> str:
    """Return the import that `literal` needs for the numbers in a source; empty if it needs none."""
    return "from decimal import Decimal\n\n" if 'Decimal("' in source else ""


def _read_file(path: str) -> str:
    return f"Path({literal(path)}).read_bytes()"


def _python_text(text: str, look_up: str = _LOOK_UP) -> str:
    """Return a text as a Python expression; secrets are look-ups."""
    pieces = split_at_secrets(text)
    if len(pieces) == 1:
        return literal(text)
    return " + ".join(look_up.format(literal(p)) if n % 2 else literal(p) for n, p in enumerate(pieces) if n % 2 or p)


def _shell_word(text: str, variable: str = _SHELL_VARIABLE) -> str:
    """Return a text as one word of a POSIX shell; secrets are variables."""
    pieces = split_at_secrets(text)
    words = [variable.replace("{}", piece) if n % 2 else _shell_quote(piece) for n, piece in enumerate(pieces) if piece]
    return "".join(words) or "''"


def _shell_quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass(frozen=True)
class _FormPart:
    """One part of a multipart form: its name, the name of its file, its media type, other headers, its content."""

    name: str
    file: str | None
    media_type: str
    other_headers: tuple[tuple[str, str], ...]
    content: bytes


def without_file_contents(call: Call) -> Call:
    """Return the call with empty files: a snippet reads them by their names and does not need their content."""

    def empty(value: Any) -> Any:
        return Upload(value.name, b"", value.media_type) if isinstance(value, Upload) else UNSET

    return replace(call, body=replace_values(call.body, empty)) if _has_upload(call.body) else call


def _has_upload(value: Any) -> bool:
    return any(isinstance(inner, Upload) for _, inner in walk(value))


def _require_plain_files(operation: Operation, call: Call) -> None:
    """Raise UsageError if a file is sent in another form than its bytes, such as base64: a snippet would send these."""
    if _has_upload(call.body) and _has_encoded_file(body_field(operation, call.media_type), call.body):
        raise UsageError(
            "This snippet cannot send a file as text (contentEncoding), only as it is.", "Choose Python (astro_nb)."
        )


def _has_encoded_file(field: Field | None, value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_encoded_file(field.member(name) if field else None, inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(_has_encoded_file(field.item_at(n) if field else None, inner) for n, inner in enumerate(value))
    return isinstance(value, Upload) and bool(content_encoding(field))


def _is_form_with_files(call: Call) -> bool:
    return isinstance(call.body, Mapping) and _has_upload(call.body)


def _split_multipart(request: Request) -> Iterator[_FormPart]:
    """Yield the parts of a multipart form that this package has encoded."""
    if bare_media_type(media_type(request.headers)) != "multipart/form-data":
        raise UsageError(
            "This snippet can send files only in a form (multipart/form-data).", "Choose Python (astro_nb)."
        )
    boundary = header(request.headers, "content-type").rpartition("boundary=")[2]
    for piece in request.body.split(f"--{boundary}\r\n".encode())[1:]:
        head, _, content = piece.partition(b"\r\n\r\n")
        headers = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
        by_name = {name.lower(): value for name, value in headers}
        disposition = dict(re.findall(r'(\w+)="([^"]*)"', by_name["content-disposition"]))
        others = tuple((k, v) for k, v in headers if k.lower() not in ("content-disposition", "content-type"))
        file = disposition.get("filename")
        body = content.partition(f"\r\n--{boundary}--".encode())[0].removesuffix(b"\r\n")
        yield _FormPart(
            _unescape_name(disposition["name"]),
            _unescape_name(file) if file else None,
            by_name.get("content-type", ""),
            others,
            body,
        )


def _unescape_name(name: str) -> str:
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _python_part(part: _FormPart) -> str:
    """Return a part as httpx takes it: name, and file name, content, media type and headers."""
    content = _read_file(part.file) if part.file and not part.content else _python_bytes(part.content)
    entries = [literal(part.file), content]
    entries += [literal(part.media_type or None)] if part.media_type or part.other_headers else []
    entries += [literal(dict(part.other_headers))] if part.other_headers else []
    return f"({literal(part.name)}, ({', '.join(entries)}))"


def _python_bytes(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return repr(content)
    return f"({_python_text(text)}).encode()" if len(split_at_secrets(text)) > 1 else repr(content)


_ENDS_TYPE = re.compile(r";\s*(filename|headers|encoder|type)\s*=|,", re.IGNORECASE)
"""What ends a media type for curl. A document must not be able to add `headers=@file`: it would send a local file."""


def _curl_part(part: _FormPart) -> str:
    """Return a part as curl's `--form` takes it, quoted because some characters have a meaning there."""
    try:
        content = part.content.decode()
    except UnicodeDecodeError:
        content = "\0"
    if "=" in part.name or "\0" in content or _ENDS_TYPE.search(part.media_type):
        raise UsageError(f"curl cannot send the field {part.name!r}.", "Choose another kind of snippet.")
    text = f"@{_curl_quote(part.file)}" if part.file and not part.content else _curl_quote(content)
    text += f";filename={_curl_quote(part.file)}" if part.file and part.content else ""
    text += f";type={part.media_type}" if part.media_type else ""
    text += "".join(f";headers={_curl_quote(f'{name}: {value}')}" for name, value in part.other_headers)
    return _shell_word(f"{part.name}={text}", _SHELL_JSON)


def _curl_quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_WIDTH = 100  # columns of one line

Snippet = Callable[[Operation, Call, Request], str]


def python_astro_nb(operation: Operation, call: Call, request: Request | None = None) -> str:
    """Return one line of astro_nb, as the explorer shows it: `api.call("GetDeployment", deploymentId="…")`."""
    if call.headers or call.media_type or call.security is not None:
        return _render_call_object(call)
    explicit = {k: v for k, v in call.parameters.items() if v != f"{{{{{k}}}}}"}  # a variable of its name is implied
    arguments = [f"{_keyword_name(name)}={literal(value)}" for name, value in explicit.items() if name.isidentifier()]
    others = {name: value for name, value in explicit.items() if not name.isidentifier()}
    arguments += [f"**{literal(others)}"] if others else []
    whole, by_name = _body_arguments(operation, call)
    arguments = [*whole, *arguments, *by_name]
    names = [name for name, is_used in (("Body", whole), ("Upload", _has_upload(call.body))) if is_used]
    before = _IMPORT_PATH if _has_upload(call.body) else ""
    before += f"from astro_nb import {', '.join(names)}\n\n" if names else ""
    source = _fit_call(f"api.call({literal(operation.id)}", arguments)
    return import_decimal(source) + before + source


def python_httpx(operation: Operation, call: Call, request: Request) -> str:
    """Return a script for plain httpx."""
    _require_plain_files(operation, call)
    content = _httpx_body(call, request)
    headers = [(k, v) for k, v in request.headers if k.lower() not in _omitted_headers(call)]
    lines = ["import httpx", "", "response = httpx.request("]
    lines += [f"    {literal(request.method)},", f"    {_python_text(request.url, _QUOTED_LOOK_UP)},"]
    lines += ["    headers={", *(f"        {literal(k)}: {_python_header(v)}," for k, v in headers), "    },"]
    lines += [f"    {content},"] if content else []
    lines += ["    timeout=60,", ")", 'print(response.status_code, response.headers.get("x-request-id"))']
    text = "\n".join([*lines, "print(response.text)"]) + "\n"
    modules = [name for name, usage in _MODULE_USES if usage in text]
    imports = "".join(f"import {name}\n" for name in modules) + (_IMPORT_PATH[:-1] if "Path(" in text else "")
    return imports + ("\n" if imports else "") + text


def curl(operation: Operation, call: Call, request: Request) -> str:
    """Return a curl command for a POSIX shell; secrets are read from the shell's variables."""
    _require_plain_files(operation, call)
    before, data = _curl_body(call, request)
    parts = [
        f"curl --request {shlex.quote(request.method)} {_shell_word(request.url, _SHELL_URL)}",
        "--globoff --path-as-is",
    ]
    parts += [f"--header {_curl_header(k, v)}" for k, v in request.headers if k.lower() not in _omitted_headers(call)]
    return before + " \\\n  ".join([*parts, *data]) + "\n"


SNIPPETS: Mapping[str, Snippet] = {
    "Python (astro_nb)": python_astro_nb,
    "Python (httpx)": python_httpx,
    "curl": curl,
}
"""Every kind of snippet by its label. A new kind is a new row."""

_OMITTED_HEADERS = ("user-agent", "accept-encoding")
_MODULE_USES = (
    ("base64", "base64."),
    ("json", "json.dumps("),
    ("os", "os.environ["),
    ("urllib.parse", "urllib.parse."),
)
_IMPORT_PATH = "from pathlib import Path\n\n"


def _omitted_headers(call: Call) -> tuple[str, ...]:
    """Return the headers that a snippet omits; the content type of a form has a boundary, which the client adds."""
    return (*_OMITTED_HEADERS, "content-type") if _is_form_with_files(call) else _OMITTED_HEADERS


def _render_call_object(call: Call) -> str:
    """Return a call that keyword arguments cannot express: with headers, or another media type."""
    parts = [literal(call.operation), literal(dict(call.parameters))]
    parts += [f"body={literal(call.body)}"] if call.body is not UNSET else []
    parts += [f"media_type={literal(call.media_type)}"] if call.media_type else []
    parts += [f"headers={literal(dict(call.headers))}"] if call.headers else []
    parts += [f"security={literal(call.security)}"] if call.security is not None else []
    before, names = (_IMPORT_PATH, "Call, Upload") if _has_upload(call.body) else ("", "Call")
    return f"{before}from astro_nb import {names}\n\napi.send(Call({', '.join(parts)}))"


def _body_arguments(operation: Operation, call: Call) -> tuple[list[str], list[str]]:
    """Return the arguments of the body: a whole one that `body=` cannot give, and those with names."""
    if call.body is UNSET or (call.body == {} and operation.body and operation.body.required):
        return [], []
    taken = {field.name for field in parameter_fields(operation)}
    known = {field.name for field in body_fields(operation)} - taken
    plain = isinstance(call.body, Mapping) and call.body and all(k in known and k.isidentifier() for k in call.body)
    if plain:
        return [], [f"{_keyword_name(name)}={literal(value)}" for name, value in call.body.items()]
    if declares_body(operation):
        return [f"Body({literal(call.body)})"], []
    return [], [f"body={literal(call.body)}"]


def _keyword_name(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _fit_call(head: str, arguments: list[str]) -> str:
    line = ", ".join([head, *arguments]) + ")"
    if len(line) <= _WIDTH or not arguments:
        return line
    first, _, name = head.partition("(")
    return f"{first}(\n    " + ",\n    ".join([name, *arguments]) + ",\n)"


def _httpx_body(call: Call, request: Request) -> str:
    """Return the argument of `httpx.request` for the body; empty if there is no body."""
    if isinstance(call.body, Upload):
        return f"content={_read_file(call.body.name)}"
    if _is_form_with_files(call):
        rows = "".join(f"\n        {_python_part(part)}," for part in _split_multipart(request))
        return f"files=[{rows}\n    ]"
    return f"content={_python_body(request)}" if request.body else ""


def _python_body(request: Request) -> str:
    """Return the body as a Python expression; JSON as a dict that is dumped, so that it can be read and changed."""
    if is_json(media_type(request.headers)):
        source = _python_json(read_json(request.body).data, 4)
        if not import_decimal(source):  # json.dumps cannot write a Decimal
            return f"json.dumps({source}).encode()"
    text = request.body.decode("utf-8", "replace")
    return f"({_python_text(text)}).encode()" if len(split_at_secrets(text)) > 1 else repr(request.body)


def _python_json(value: Any, indent: int) -> str:
    """Return JSON data as Python source over several lines; secrets are look-ups."""
    if isinstance(value, str):
        return _python_text(value)
    if not value or not isinstance(value, dict | list):
        return literal(value)
    inner = indent + 4
    if isinstance(value, dict):
        rows = [f"{literal(k)}: {_python_json(v, inner)}" for k, v in value.items()]
    else:
        rows = [_python_json(v, inner) for v in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return opened + "".join(f"\n{' ' * inner}{row}," for row in rows) + f"\n{' ' * indent}{closed}"


def _python_header(value: str) -> str:
    coded = value.removeprefix("Basic ")
    if coded == value or len(split_at_secrets(value)) == 1:
        return _python_text(value)
    return f'"Basic " + base64.b64encode(({_python_text(coded)}).encode()).decode()'


def _curl_header(name: str, value: str) -> str:
    coded = value.removeprefix("Basic ")
    if coded == value or len(split_at_secrets(value)) == 1:
        return _shell_word(f"{name}: {value}")
    return _shell_word(f"{name}: Basic ") + f"\"$(printf %s {_shell_word(coded)} | python3 -c '{_SHELL_BASE64}')\""


def _curl_body(call: Call, request: Request) -> tuple[str, list[str]]:
    """Return what precedes curl, and curl's options: files by name, text as it is, other bytes as octal escapes."""
    if isinstance(call.body, Upload):
        return "", [f"--data-binary {_shell_word('@' + call.body.name)}"]
    if _is_form_with_files(call):
        return "", [f"--form {_curl_part(part)}" for part in _split_multipart(request)]
    if not request.body:
        return "", []
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        octal = "".join(f"\\{byte:03o}" for byte in request.body)
        return f"printf '{octal}' | ", ["--data-binary @-"]
    return "", [
        f"--data-raw {_shell_word(text, _SHELL_JSON if is_json(media_type(request.headers)) else _SHELL_VARIABLE)}"
    ]

"""Every kind of snippet, by its label."""

from __future__ import annotations

import json
import keyword
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ..call import UNSET, Call, Upload
from ..environment import split_named
from ..fields import body_fields, parameter_fields
from ..message import Request, is_json, media_type
from ..spec import Operation
from .files import has_upload, is_form_with_files, part_shell, part_source, parts_of
from .texts import ESCAPED, IN_URL, QUOTED, TO_BASE64, VARIABLE, literal, read_path, shell, source_of

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
    return f"({source_of(text)}).encode()" if len(split_named(text)) > 1 else repr(request.body)


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
    if coded == value or len(split_named(value)) == 1:
        return source_of(value)
    return f'"Basic " + base64.b64encode(({source_of(coded)}).encode()).decode()'


def _header_shell(name: str, value: str) -> str:
    coded = value.removeprefix("Basic ")
    if coded == value or len(split_named(value)) == 1:
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

"""A call as the code that makes it: complete, with secrets as look-ups in the environment."""

from __future__ import annotations

import json
import keyword
from collections.abc import Callable, Mapping
from typing import Any

from .call import UNSET, Call
from .environment import split_named
from .fields import body_fields, parameter_fields
from .message import Request, is_json, media_type
from .spec import Operation

Snippet = Callable[[Operation, Call, Request], str]


def python_astro_nb(operation: Operation, call: Call, request: Request | None = None) -> str:
    """One line of astro_nb, as the explorer shows it: `api.call("GetDeployment", deploymentId="…")`."""
    if call.headers or call.media_type or "body" in call.parameters:
        return _whole_call(call)
    given = {name: value for name, value in call.parameters.items() if value != f"{{{{{name}}}}}"}  # else it is implied
    arguments = [f"{_keyword(name)}={literal(value)}" for name, value in given.items() if name.isidentifier()]
    odd = {name: value for name, value in given.items() if not name.isidentifier()}
    arguments += [f"**{literal(odd)}"] if odd else []
    arguments += _body_arguments(operation, call)
    return _fitted(f"api.call({literal(operation.id)}", arguments)


def python_httpx(operation: Operation, call: Call, request: Request) -> str:
    """A script for plain httpx."""
    headers = [(k, v) for k, v in request.headers if k.lower() not in _LEFT_OUT]
    lines = ["import httpx", "", "response = httpx.request("]
    lines += [f"    {literal(request.method)},", f"    {_source(request.url, _QUOTED)},"]
    lines += ["    headers={", *(f"        {literal(k)}: {_header_source(v)}," for k, v in headers), "    },"]
    lines += [f"    content={_body_source(request)},"] if request.body else []
    lines += ["    timeout=60,", ")", 'print(response.status_code, response.headers.get("x-request-id"))']
    text = "\n".join([*lines, "print(response.text)"]) + "\n"
    modules = [name for name, sign in _MODULES if sign in text]
    return "".join(f"import {name}\n" for name in modules) + ("\n" if modules else "") + text


def curl(operation: Operation, call: Call, request: Request) -> str:
    """A curl command for a POSIX shell; secrets are read from the shell's variables."""
    before, data = _body_shell(request)
    parts = [f"curl --request {request.method} {_shell(request.url, _IN_URL)}", "--globoff --path-as-is"]
    parts += [f"--header {_header_shell(k, v)}" for k, v in request.headers if k.lower() not in _LEFT_OUT]
    return before + " \\\n  ".join([*parts, *data]) + "\n"


SNIPPETS: Mapping[str, Snippet] = {
    "Python (astro_nb)": python_astro_nb,
    "Python (httpx)": python_httpx,
    "curl": curl,
}
"""Every kind of snippet by its label; a new kind is a new row."""

_LEFT_OUT = ("user-agent", "accept-encoding")
_MODULES = (("base64", "base64."), ("json", "json.dumps("), ("os", "os.environ["), ("urllib.parse", "urllib.parse."))
_LOOK_UP = "os.environ[{}]"
_QUOTED = 'urllib.parse.quote(os.environ[{}], safe="")'
_VARIABLE = '"${}"'
_PIPED = '"$(printf %s "${{}}" | python3 -c \'{}\')"'
_ESCAPED = _PIPED.format('import json, sys; print(json.dumps(sys.stdin.read())[1:-1], end="")')
_IN_URL = _PIPED.format('import sys, urllib.parse; print(urllib.parse.quote(sys.stdin.read(), safe=""), end="")')
_BASE64 = _PIPED.format('import base64, sys; print(base64.b64encode(sys.stdin.buffer.read()).decode(), end="")')
_CODED = "base64.b64encode(os.environ[{}].encode()).decode()"


def literal(value: Any) -> str:
    """A plain value as Python source, on one line, in double quotes where that is natural."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def _whole_call(call: Call) -> str:
    """A call that keywords cannot say: with headers, another media type, or a parameter called `body`."""
    parts = [literal(call.operation), literal(dict(call.parameters))]
    parts += [f"body={literal(call.body)}"] if call.body is not UNSET else []
    parts += [f"media_type={literal(call.media_type)}"] if call.media_type else []
    parts += [f"headers={literal(dict(call.headers))}"] if call.headers else []
    return f"from astro_nb import Call\n\napi.send(Call({', '.join(parts)}))"


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


def _body_source(request: Request) -> str:
    """The body as a Python expression: JSON as a dict that is dumped, so that it can be read and changed."""
    if is_json(media_type(request.headers)):
        return f"json.dumps({_tree(json.loads(request.body), 4)}).encode()"
    text = request.body.decode("utf-8", "replace")
    return f"({_source(text)}).encode()" if len(split_named(text)) > 1 else repr(request.body)


def _tree(value: Any, indent: int) -> str:
    """JSON data as Python source over several lines, secrets as look-ups."""
    if isinstance(value, str):
        return _source(value)
    if not value or not isinstance(value, dict | list):
        return literal(value)
    pad, inner = " " * indent, indent + 4
    if isinstance(value, dict):
        rows = [f"{literal(k)}: {_tree(v, inner)}" for k, v in value.items()]
    else:
        rows = [_tree(v, inner) for v in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return opened + "".join(f"\n{' ' * inner}{row}," for row in rows) + f"\n{pad}{closed}"


def _source(text: str, look_up: str = _LOOK_UP) -> str:
    """A text as Python source, secrets as look-ups."""
    pieces = split_named(text)
    if len(pieces) == 1:
        return literal(text)
    return " + ".join(look_up.format(literal(p)) if n % 2 else literal(p) for n, p in enumerate(pieces) if n % 2 or p)


def _header_source(value: str) -> str:
    return _source(value, _CODED if value.startswith("Basic ") else _LOOK_UP)


def _shell(text: str, variable: str = _VARIABLE) -> str:
    """A text as one word of a POSIX shell, secrets as variables."""
    pieces = split_named(text)
    words = [variable.replace("{}", piece) if n % 2 else _quoted(piece) for n, piece in enumerate(pieces) if piece]
    return "".join(words) or "''"


def _header_shell(name: str, value: str) -> str:
    return _shell(f"{name}: {value}", _BASE64 if value.startswith("Basic ") else _VARIABLE)


def _body_shell(request: Request) -> tuple[str, list[str]]:
    """What goes before curl, and curl's own options, for a body: text as it is, anything else byte by byte."""
    if not request.body:
        return "", []
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        octal = "".join(f"\\{byte:03o}" for byte in request.body)
        return f"printf '{octal}' | ", ["--data-binary @-"]
    return "", [f"--data-raw {_shell(text, _ESCAPED if is_json(media_type(request.headers)) else _VARIABLE)}"]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

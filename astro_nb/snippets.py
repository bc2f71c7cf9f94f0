"""A call as the code that makes it: complete, with secrets as look-ups in the environment."""

from __future__ import annotations

import json
import keyword
import pprint
from collections.abc import Callable, Mapping
from typing import Any

from .call import UNSET, Call
from .environment import split_named
from .fields import body_fields
from .message import Request, is_json, media_type
from .spec import Operation

Snippet = Callable[[Operation, Call, Request], str]


def python_astro_nb(operation: Operation, call: Call, request: Request | None = None) -> str:
    """One line of astro_nb, as the explorer shows it: `api.call("GetDeployment", deploymentId="…")`."""
    given = {name: value for name, value in call.parameters.items() if value != f"{{{{{name}}}}}"}  # else it is implied
    arguments = [f"{_keyword(name)}={literal(value)}" for name, value in given.items() if name.isidentifier()]
    odd = {name: value for name, value in given.items() if not name.isidentifier()}
    arguments += [f"**{literal(odd)}"] if odd else []
    arguments += _body_arguments(operation, call)
    return _fitted(f"api.call({literal(operation.id)}", arguments)


def python_httpx(operation: Operation, call: Call, request: Request) -> str:
    """A script for plain httpx."""
    headers = [(k, v) for k, v in request.headers if k.lower() not in _LEFT_OUT]
    lines = [
        "import httpx",
        "",
        "response = httpx.request(",
        f"    {literal(request.method)},",
        f"    {_source(request.url)},",
    ]
    lines += ["    headers={", *(f"        {literal(k)}: {_source(v)}," for k, v in headers), "    },"]
    if request.body:
        lines.append(f"    content={_body_source(request)},")
    lines += [
        "    timeout=60,",
        ")",
        'print(response.status_code, response.headers.get("x-request-id"))',
        "print(response.text)",
    ]
    text = "\n".join(lines) + "\n"
    modules = [name for name, sign in (("json", "json.dumps("), ("os", "os.environ[")) if sign in text]
    return "".join(f"import {name}\n" for name in modules) + ("\n" if modules else "") + text


def curl(operation: Operation, call: Call, request: Request) -> str:
    """A curl command for a POSIX shell; secrets are read from the shell's variables."""
    parts = [f"curl --request {request.method} {_shell(request.url)}"]
    parts += [f"--header {_shell(f'{k}: {v}')}" for k, v in request.headers if k.lower() not in _LEFT_OUT]
    if request.body:
        parts.append(f"--data-raw {_shell(request.body.decode('utf-8', 'replace'))}")
    return " \\\n  ".join(parts) + "\n"


SNIPPETS: Mapping[str, Snippet] = {
    "Python (astro_nb)": python_astro_nb,
    "Python (httpx)": python_httpx,
    "curl": curl,
}
"""Every kind of snippet by its label; a new kind is a new row."""

_LEFT_OUT = ("user-agent", "accept-encoding")


def literal(value: Any) -> str:
    """A plain value as Python source, on one line, in double quotes where that is natural."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def _body_arguments(operation: Operation, call: Call) -> list[str]:
    if call.body is UNSET or call.body == {}:
        return []
    known = {field.name for field in body_fields(operation)} - set(call.parameters)
    if isinstance(call.body, Mapping) and all(k in known and k.isidentifier() for k in call.body):
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
    text = request.body.decode("utf-8", "replace")
    if not is_json(media_type(request.headers)) or len(split_named(text)) > 1:
        return _source(text) + ".encode()" if len(split_named(text)) > 1 else repr(request.body)
    return f"json.dumps({_indented(json.loads(text))}).encode()"


def _indented(value: Any) -> str:
    return pprint.pformat(value, sort_dicts=False, width=96).replace("\n", "\n    ")


def _source(text: str) -> str:
    """A text as Python source, secrets as look-ups."""
    pieces = split_named(text)
    if len(pieces) == 1:
        return literal(text)
    parts = [f"os.environ[{literal(p)}]" if n % 2 else literal(p) for n, p in enumerate(pieces) if n % 2 or p]
    return " + ".join(parts)


def _shell(text: str) -> str:
    """A text as one word of a POSIX shell, secrets as variables."""
    pieces = split_named(text)
    return "".join(f'"${piece}"' if number % 2 else _quoted(piece) for number, piece in enumerate(pieces) if piece)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

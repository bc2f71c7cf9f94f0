"""Response bodies that hold one secret, in every syntax and charset that servers send, and cut."""

from __future__ import annotations

import base64
import gzip
import html
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import strategies as st

PLANTED = "pl4nted-Zq8xW2vKr7"
"""The secret: no part of it of `WINDOW` characters is anywhere else."""
WINDOW = 6

Write = Callable[[str, str], str]
"""Writes a text in which a field of that name has that value."""


def _mapping(name: str, value: str) -> dict[str, object]:
    return {"id": "x1", "name": "visible", "inner": {"n": 1, name: value, "after": "z"}, "tags": ["a", "b"]}


def _json(name: str, value: str) -> str:
    return json.dumps(_mapping(name, value))


SYNTAXES: dict[str, Write] = {
    "JSON": _json,
    "JSON, indented": lambda n, v: json.dumps(_mapping(n, v), indent=2),
    "JSON with a trailing comma": lambda n, v: f"{_json(n, v)[:-1]},}}",
    "JSON with NaN": lambda n, v: f'{{"x": NaN, "{n}": "{v}", "y": -Infinity}}',
    "JSON with 1e400": lambda n, v: f'{{"x": 1e400, "{n}": "{v}"}}',
    "JSON with a lone surrogate": lambda n, v: f'{{"x": "\\ud800", "{n}": "{v}"}}',
    "JSON with a control character": lambda n, v: f'{{"x": "\x01\t", "{n}": "{v}"}}',
    "JSON with a name twice": lambda n, v: f'{{"{n}": "{v}", "name": "visible", "{n}": "{v}"}}',
    "JSON with an object twice": lambda n, v: f'{{"a": {{"{n}": "{v}"}}, "a": 5}}',
    "JSON with comments": lambda n, v: f'{{ // note\n "{n}" /* c */ : "{v}" }}',
    "JSON with an escaped name": lambda n, v: f'{{"\\u00{ord(n[0]):02x}{n[1:]}": "{v}",}}',
    "JSON in JSON": lambda n, v: json.dumps(_json(n, v)),
    "JSON in JSON, damaged": lambda n, v: f'{{"body": {json.dumps(_json(n, v))},}}',
    "JSON of names and values": lambda n, v: f'[{{"name": "{n}", "value": "{v}"}},]',
    "JSON in columns": lambda n, v: f'{{"columns": ["id", "{n}"], "rows": [["1", "{v}"]],}}',
    "JSON with a list": lambda n, v: f'{{"{n}": ["{v}"],}}',
    "JSON without quotes": lambda n, v: f"{{id: 1, {n}: '{v}'}}",
    "Python": lambda n, v: repr(_mapping(n, v)),
    "lines of JSON": lambda n, v: "\n".join([_json(n, v)] * 3),
    "lines of JSON, the first damaged": lambda n, v: "{oops\n" + "\n".join([_json(n, v)] * 2),
    "an event stream": lambda n, v: f'event: made\ndata: {_json(n, v)}\n\ndata: {{\ndata: "{n}": "{v}"}}\n\n',
    "XML": lambda n, v: f"<?xml version='1.0'?><r><id>1</id><{n}>{v}</{n}><after>z</after></r>",
    "XML with a namespace": lambda n, v: f"<a:r xmlns:a='u'><a:{n} a:x='1'>{v}</a:{n}></a:r>",
    "XML with CDATA": lambda n, v: f"<r><{n}><![CDATA[{v}]]></{n}></r>",
    "XML with an attribute": lambda n, v: f'<r id="1" {n}="{v}" after="z"/>',
    "XML of names and values": lambda n, v: f"<dict><key>{n}</key><string>{v}</string></dict>",
    "XML of attributes": lambda n, v: f'<add key="{n}" value="{v}"/>',
    "HTML": lambda n, v: f'<!doctype html><title>Hello</title><input name="{n}" value="{v}">',
    "an HTML table": lambda n, v: f"<table><tr><th>{n}</th><td>{v}</td></tr></table>",
    "escaped HTML": lambda n, v: f"<pre>{html.escape(_json(n, v))}</pre>",
    "YAML": lambda n, v: f"id: 1\ninner:\n  {n}: {v}\n  after: z\n",
    "YAML in quotes": lambda n, v: f"id: 1\n'{n}': \"{v}\"\n",
    "YAML with a block": lambda n, v: f"{n}: |\n  {v}\nafter: z\n",
    "YAML on the next line": lambda n, v: f"inner:\n  {n}:\n    {v}\n",
    "YAML with a list": lambda n, v: f"{n}:\n- {v}\n",
    "YAML with a complex key": lambda n, v: f"? {n}\n: {v}\n",
    "TOML": lambda n, v: f'[a]\nid = 1\n{n} = """\n{v}"""\n',
    "properties": lambda n, v: f"a.b.{n}={v}\nafter=z\n",
    "properties over two lines": lambda n, v: f"{n}=\\\n  {v}\n",
    "a form": lambda n, v: f"id=1&{n}={quote(v)}&after=z",
    "a form with brackets": lambda n, v: f"user%5B{n}%5D={quote(v)}",
    "JSON in a URL": lambda n, v: f"data={quote(_json(n, v))}",
    "multipart": lambda n, v: f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n--b--\r\n',
    "CSV": lambda n, v: f"id,{n},name\r\n1,{v},visible\r\n",
    "CSV in quotes": lambda n, v: f'"id";"{n}"\n"1";"{v}"\n',
    "TSV": lambda n, v: f"id\t{n}\n1\t{v}\n",
    "a column": lambda n, v: f"{n}\n{v}\n",
    "a table of text": lambda n, v: f"ID   {n.upper()}   NAME\n1    {v}   visible\n",
    "a table of Markdown": lambda n, v: f"| {n} | name |\n|---|---|\n| {v} | visible |\n",
    "a sentence": lambda n, v: f"Made. Your {n} is {v}, do not lose it.",
    "a sentence of two lines": lambda n, v: f"Your new {n}:\n{v}\n",
    "base64": lambda n, v: base64.b64encode(_json(n, v).encode()).decode(),
    "quoted-printable": lambda n, v: f"{n}=3D{v}=\n",
    "a log": lambda n, v: f'time="12:00" level=info {n}="{v}" user=bob\n',
    "environment": lambda n, v: f"export A=b\nexport {n.upper()}={v}\n",
    "netrc": lambda n, v: f"machine h login me {n} {v}\n",
    "S-expression": lambda n, v: f'((id . 1) ({n} . "{v}"))',
    "PHP": lambda n, v: f"array('{n}' => '{v}')",
}
"""Texts with one secret, by the syntax. A new syntax is a new row."""

CHARSETS: dict[str, tuple[str, str]] = {
    "UTF-8": ("utf-8", ""),
    "UTF-8, declared": ("utf-8", "; charset=utf-8"),
    "UTF-8 with a BOM": ("utf-8-sig", ""),
    "UTF-16": ("utf-16", "; charset=utf-16"),
    "UTF-16 without a BOM": ("utf-16-le", "; charset=utf-16le"),
    "UTF-16, not declared": ("utf-16-be", ""),
    "UTF-16, declared as UTF-8": ("utf-16", "; charset=utf-8"),
    "UTF-32": ("utf-32", ""),
    "Latin-1": ("latin-1", "; charset=iso-8859-1"),
    "an unknown charset": ("utf-8", "; charset=klingon"),
}
"""The codec of a text, and the parameter that its Content-Type has."""

CODINGS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "none": (bytes, ""),
    "gzip": (gzip.compress, "gzip"),
    "deflate": (zlib.compress, "deflate"),
    "two members of gzip": (lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:]), "gzip"),
    "gzip, not declared": (gzip.compress, ""),
    "zlib, not declared": (zlib.compress, ""),
    "declared only": (bytes, "br"),
}
"""What encodes a body, and the Content-Encoding that it is sent with."""

MEDIA = (
    *("application/json", "text/plain", "application/xml", "text/csv", "application/x-ndjson", "text/event-stream"),
    *("application/x-www-form-urlencoded", "application/problem+json", "text/html", "application/octet-stream", ""),
)


@st.composite
def response_parts(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a response that holds the secret in one of the fields."""
    syntax, name = draw(st.sampled_from(list(SYNTAXES))), draw(st.sampled_from(names))
    codec, parameter = draw(st.sampled_from(list(CHARSETS.values())))
    encode, coding = draw(st.sampled_from(list(CODINGS.values())))
    body = SYNTAXES[syntax](name, PLANTED).encode(codec, "replace")
    end = draw(st.just(len(body)) | st.integers(0, len(body)))
    coded = encode(body[:end])
    coded = coded[: draw(st.just(len(coded)) | st.integers(0, len(coded)))]
    media = draw(st.sampled_from(MEDIA))
    headers = {"Content-Type": f"{media}{parameter}"} if media else {}
    if coding:
        headers["Content-Encoding"] = coding
    status = draw(st.sampled_from([200, 200, 201, 206, 301, 400, 404, 422, 500, 503]))
    return status, headers, coded


def windows(secret: str = PLANTED) -> list[str]:
    """Every part of a secret that must not be anywhere, as text, in UTF-16 and as HTML or URLs spell it."""
    return [secret[at : at + WINDOW] for at in range(len(secret) - WINDOW + 1)]

"""Secrets that are planted, a server that gives back all that it was sent, and the search for them."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus

from astro_nb.messages import Request, Response

from .servers import LocalServer, json_response

BEARER = 'bearer-pl4nted/T0ken+odd=&"quotes\\back.7f3a9'
TYPED = "typed-pl4nted pässw0rd<&'\"\\>/+%7f"
ONE_TIME = "one-time-pl4nted-Qx81zz-ab/+=cd"
PASTED = "pasted-pl4nted-key+9/=&%20zz"
IN_QUERY = "query-pl4nted-key+8/=&?#%zz"
CLIENT = "client-pl4nted:secret/+=&7f3a"
GRANTED = "granted-pl4nted-t0ken.zzz.yyy"
PLANTED = {
    "the bearer token": BEARER,
    "the typed secret": TYPED,
    "the one-time token": ONE_TIME,
    "the pasted credential": PASTED,
    "the credential in the query": IN_QUERY,
    "the client's secret": CLIENT,
    "the token that was granted": GRANTED,
}


def forms(secret: str) -> set[str]:
    """A secret as it is, as JSON, Python and HTML escape it, URL-encoded, and in base64 at every alignment."""
    found = spellings(secret)
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * shift + secret.encode()).decode()
            found.add(whole[4 if shift else 0 : len(whole) - 4])
    return found


def spellings(secret: str) -> set[str]:
    """A secret as it is, as JSON, Python and HTML escape it, and URL-encoded."""
    careful = json.dumps(secret)[1:-1]
    for sign in "<>&":
        careful = careful.replace(sign, f"\\u{ord(sign):04x}")
    return {
        secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], careful, repr(secret)[1:-1],
        quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret),
        html.escape(secret, quote=False),
        secret.encode().decode("latin-1"),
    }  # fmt: skip


FORMS = {what: forms(secret) for what, secret in PLANTED.items()}


def assert_clean(text: str, where: str) -> None:
    """Fail where a planted secret stands in a text, in any of its forms."""
    for what, spelled in FORMS.items():
        for form in spelled:
            assert form not in text, f"{what} stands in {where}: …{_around(text, form)}…"


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return text[max(0, at - 80) : at + len(form) + 20]


@dataclass
class Seen:
    """What a server was sent: method, path, headers and body of each request."""

    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return repr(self.requests)


@contextmanager
def served(host: str = "127.0.0.1", redirects: Mapping[str, str] | None = None) -> Iterator[tuple[str, Seen]]:
    """Run a server that sends back all that it receives, mints one-time tokens, and redirects; yield its address."""
    seen, targets = Seen(), dict(redirects or {})

    def respond(request: Request) -> Response:
        sent = dict(request.headers)
        body = request.body.decode("utf-8", "replace")
        seen.requests.append((request.method, request.url, sent, body))
        path = request.url.partition("?")[0]
        credentials = quote(sent.get("Authorization", "") + sent.get("X-Key", ""))
        headers = {"X-Echo": credentials}
        if path in targets:
            cookie = f"sid={sent.get('Authorization')}"
            response = json_response({}, 302, {**headers, "Location": targets[path], "Set-Cookie": cookie})
        else:
            response = json_response(_echo(path, request.url, sent, body), 400 if path == "/fails" else 200, headers)
        return replace(response, headers=(*response.headers, ("Set-Cookie", f"session={credentials}")))

    with LocalServer(respond, host) as server:
        yield server.url, seen


def _echo(path: str, target: str, headers: dict[str, str], sent: str) -> Any:
    """Return the body of a response: a token where one is requested, all that was sent, and all that was planted."""
    if path == "/token":
        return {"access_token": GRANTED, "token_type": "bearer", "expires_in": 600}
    if path == "/mint":
        return {"id": "made-1", "token": ONE_TIME}
    if path == "/back":  # nothing of it was sent with this request
        return {
            "note": f"{TYPED} {html.escape(TYPED)} {PASTED}",
            "b64": base64.b64encode(TYPED.encode()).decode(),
        }
    if path == "/late":  # a one-time token again, where the document declares no secret
        return {"note": f"your token is {ONE_TIME}"}
    if path.startswith("/things"):
        return _thing(path, target, f"you sent {headers} {sent} to {target}; {TYPED} {PASTED}")
    return {"message": f"you sent {headers} {sent} to {target}", "requestId": headers.get("Authorization", "r")}


def _thing(path: str, target: str, found_text: str) -> Any:
    """A list of two pages, or a thing, in each of whose texts everything stands that was sent, and a token."""
    subject = dict.fromkeys(("name", "note", "status", "statusReason"), found_text)
    if path != "/things":
        plain = {"id": "plain", "name": "old", "token": ONE_TIME, "password": TYPED}
        return plain if path.endswith("/plain") else {"id": path.rpartition("/")[2], **subject, "token": ONE_TIME}
    at = 1 if "offset=1" in target else 0
    return {"items": [{"id": f"{found_text} {at}", **subject, "token": ONE_TIME}], "total": 2}


def many() -> dict[str, Any]:
    """The same document, with a list and things that are made, read and changed."""
    made = document()
    secret, text = {"type": "string", "format": "password"}, {"type": "string"}
    texts = dict.fromkeys(("id", "name", "note", "status", "statusReason"), text)
    subject = {"type": "object", "properties": {**texts, "password": secret, "token": secret}}
    listed = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": subject}, "total": {"type": "integer"}},
    }
    named = [{"name": "id", "in": "path", "required": True, "schema": text}]
    paged = [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("offset", "limit")]
    made["paths"]["/things"] = {
        "get": {**_operation("list", "T", None, listed), "parameters": paged},
        "post": _operation("make", "T", subject, subject),
    }
    made["paths"]["/things/{id}"] = {
        "get": {**_operation("thing", "T", None, subject), "parameters": named},
        "put": {**_operation("change", "T", subject, subject), "parameters": named},
    }
    return made


def document() -> dict[str, Any]:
    """A document with an operation for each way in which a secret is sent, or comes back."""
    schemes = {
        "T": {"type": "http", "scheme": "bearer"},
        "Key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "Query": {"type": "apiKey", "in": "query", "name": "key"},
        "OAuth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    }
    secret = {"type": "string", "format": "password"}
    body = {"type": "object", "properties": {"name": {"type": "string"}, "password": secret}}
    made = {"type": "object", "properties": {"id": {"type": "string"}, "token": secret}}
    ways = {
        "echo": ("get", "T", None, {}), "fails": ("get", "T", None, {}), "save": ("post", "T", body, {}),
        "mint": ("post", "T", None, made), "keyed": ("get", "Key", None, {}), "queried": ("get", "Query", None, {}),
        "granted": ("get", "OAuth", None, {}), "back": ("get", "", None, {}),
        "late": ("get", "", None, {}),
    }  # fmt: skip
    paths = {f"/{name}": {way[0]: _operation(name, *way[1:])} for name, way in ways.items()}
    info = {"title": "Planted", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "paths": paths, "components": {"securitySchemes": schemes}}


def _operation(name: str, scheme: str, body: Any, answer: Any) -> dict[str, Any]:
    schema = answer or {"type": "object"}
    answers = {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}
    taken = {"requestBody": {"content": {"application/json": {"schema": body}}}} if body else {}
    return {"operationId": name, "security": [{scheme: []}] if scheme else [], "responses": answers, **taken}

"""Common secrets in the response to the request that sent them, such as a PIN of `000000`.

A secret that is long or varied is masked wherever a response has it (`secrets/redaction.py`). One that is short or
common is masked where it is known to be that secret: under the same name or at the same place as it was sent, and in
quotes in an error message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..data import Location, get_value, walk, with_replacements
from ..json_text import JsonError, read_json, write_json
from ..messages import Request, Response, header
from ..secrets import MASK, is_distinctive

_FIRST_ERROR = 400


@dataclass(frozen=True)
class SentSecret:
    """A common secret: where it was sent, as the name of a parameter or a location in the body, and its value."""

    at: Location
    value: str


def common_secrets(shown: Request, sent: Request, path: str) -> tuple[SentSecret, ...]:
    """Return the common secrets of a request: the values that the masked request shows differently.

    Args:
        shown: the request as it is shown, secrets masked.
        sent: the same request as it is sent.
        path: the path of the operation, with its parameters in braces.
    """
    if not sent.secret:
        return ()
    found = [*_in_pairs(shown.headers, sent.headers), *_in_urls(shown, sent, path), *_in_bodies(shown, sent)]
    return tuple(dict.fromkeys(each for each in found if each.value and not is_distinctive(each.value)))


def _in_pairs(shown: Any, sent: Any) -> Iterator[SentSecret]:
    pairs, clear = list(shown), list(sent)
    if len(pairs) == len(clear):
        for (name, masked), (_, value) in zip(pairs, clear, strict=True):
            if masked != value and MASK in masked:
                yield SentSecret((name,), value)


def _in_urls(shown: Request, sent: Request, path: str) -> Iterator[SentSecret]:
    masked, clear = urlsplit(shown.url), urlsplit(sent.url)
    yield from _in_pairs(parse_qsl(masked.query), parse_qsl(clear.query))
    template = path.strip("/").split("/")
    segments = [parts.path.strip("/").split("/")[-len(template) :] for parts in (masked, clear)]
    for name, before, value in zip(template, *segments, strict=False):
        if before != value and name.startswith("{") and name.endswith("}"):
            yield SentSecret((name[1:-1],), unquote(value))


def _in_bodies(shown: Request, sent: Request) -> Iterator[SentSecret]:
    if shown.body == sent.body:
        return
    try:
        masked, clear = read_json(shown.body).data, read_json(sent.body).data
    except JsonError:
        if "urlencoded" in header(sent.headers, "content-type"):
            yield from _in_pairs(*(parse_qsl(body.decode("utf-8", "replace")) for body in (shown.body, sent.body)))
        return
    for at, value in walk(clear):
        if not isinstance(value, dict | list) and get_value(masked, at, value) != value:
            yield SentSecret(at, str(value))


def redact_echoes(response: Response, sent: tuple[SentSecret, ...]) -> Response:
    """Return a response without the common secrets that were sent, where it is known that it has these."""
    if not sent:
        return response
    names = {each.at[-1]: each.value for each in sent if isinstance(each.at[-1], str)}
    known = {str(name).lower(): value for name, value in names.items()}
    headers = tuple((name, MASK if known.get(name.lower()) == value else value) for name, value in response.headers)
    response = replace(response, headers=headers) if headers != response.headers else response
    if not any(each.value in response.text for each in sent):
        return response
    if not response.is_json:
        text = _mask_quoted(response.text, sent) if response.status >= _FIRST_ERROR else response.text
        return response if text == response.text else replace(response, body=response.encode(text))
    data, found = response.json(), dict[Location, Any]()
    for at, value in walk(data):
        if isinstance(value, dict | list | bool):
            continue
        if any(each.value == str(value) and _is_same_place(each.at, at) for each in sent):
            found[at] = MASK
        elif isinstance(value, str) and response.status >= _FIRST_ERROR:
            found |= {at: masked} if (masked := _mask_quoted(value, sent)) != value else {}
    return replace(response, body=write_json(with_replacements(data, found))) if found else response


def _is_same_place(sent: Location, found: Location) -> bool:
    """Whether a value was sent there: at the end of the location is that of the request, or its name outside a list."""
    if found[-len(sent) :] == sent:
        return True
    in_lists = any(isinstance(step, int) for step in (*sent, *found))
    return not in_lists and found[-1:] == sent[-1:]


def _mask_quoted(text: str, sent: tuple[SentSecret, ...]) -> str:
    values = "|".join(sorted((re.escape(each.value) for each in sent), key=len, reverse=True))
    return re.sub(rf"(?P<quote>[\"'`])(?:{values})(?P=quote)", rf"\g<quote>{MASK}\g<quote>", text)

"""The servers that a document names: their addresses, and the variables in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..errors import UsageError
from .malformed import entries, kind_of, mapping

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_STOPS = "/?#@\\ \t\r\n"
"""What the value of a variable cannot hold without leading to another place."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_FITS = {
    "address": re.compile(r"[^\s?#@\\\x00-\x20\x7f]*"),
    "host": re.compile(r"[^\s/?#@\\%\x00-\x20\x7f]+"),
    "base": re.compile(r"(?:/[^\s/?#@\\\x00-\x20\x7f]+)*/?"),
    "path": re.compile(r"(?!/)[^\s?#@\\\x00-\x20\x7f]*"),
}
"""What somebody may give for a variable, by where it stands: none of it leads to another host than the address."""

_CLIMBS = re.compile(r"(^|/)\.{1,2}(/|$)")
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class ServerVariable:
    """A variable in the address of a server; `choices` is empty where any value will do."""

    name: str
    default: str
    choices: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Server:
    """One server. Its `url` may hold `{variables}`, and is resolved against the address of the document."""

    url: str
    description: str = ""
    variables: tuple[ServerVariable, ...] = ()
    name: str = ""
    home: str = field(default="", repr=False)

    def fill(self, values: Mapping[str, str] | None = None) -> str:
        """The base URL with its variables filled: by `values`, else by their defaults.

        Raises:
            UsageError: a value is not among those that the document allows, or would lead to another place.
        """
        known = {variable.name: variable for variable in self.variables}
        given = {name: str(value) for name, value in (values or {}).items()}
        for match in _VARIABLE.finditer(self.url):
            if match[1] in given:
                self._check(match, given[match[1]], known.get(match[1], ServerVariable(match[1], "")))
        filled = _VARIABLE.sub(lambda m: given.get(m[1], known[m[1]].default if m[1] in known else m[0]), self.url)
        if given and not _has_port(filled):
            raise UsageError(f"{filled!r} is not the address of a server.", "Give other values for its variables.")
        return urljoin(self.home, filled) if self.home else filled

    def _check(self, match: re.Match[str], value: str, variable: ServerVariable) -> None:
        """Raise UsageError unless a value may stand where its variable does."""
        if value in (variable.default, *variable.choices):
            return
        if variable.choices:
            what = f"{value!r} is no value of the server variable {variable.name}."
            raise UsageError(what, f"Choose one of {', '.join(variable.choices[:8])}.")
        if not _is_fit(self.url[: match.start()], self.url[match.end() :], value, variable.default):
            raise UsageError(
                f"{value[:80]!r} as {variable.name} would lead to another place than {self.url}.",
                "Give a value without slashes, dots alone, blanks, and ? # @ \\.",
            )

    def matches(self, url: str) -> bool:
        """Whether a base URL is this server with some values of its variables."""
        try:
            parts = urlsplit(url)
            if parts.query or parts.fragment or not parts.netloc:
                return False
            return any(self._fits(begin, parts.scheme, parts.netloc, parts.path) for begin in self._addresses())
        except ValueError:
            return False

    def _addresses(self) -> Iterator[str]:
        """The address with its scheme written out, which may stand in a variable at its beginning."""
        first = _VARIABLE.match(self.url)
        variable = next((v for v in self.variables if first and v.name == first[1]), None)
        if first is None or variable is None:
            yield self.url
            return
        for value in dict.fromkeys([*variable.choices, variable.default]):
            filled = value + self.url[first.end() :]
            yield filled if "://" in filled or not self.home else urljoin(self.home, filled)

    def _fits(self, address: str, scheme: str, host: str, path: str) -> bool:
        wanted, between, rest = address.partition("://")
        authority, slash, steps = rest.partition("/")
        port = _PORTS.get(scheme.lower(), "")
        ways = {host, host.removesuffix(port) if port else host, host + port}
        return (
            bool(between)
            and self._makes(wanted, scheme, is_path=False)
            and any(self._makes(authority, way, is_path=False) for way in ways)
            and self._makes((slash + steps).rstrip("/"), path.rstrip("/"), is_path=True)
        )

    def _makes(self, template: str, text: str, *, is_path: bool) -> bool:
        """Whether a part of the address, its variables filled with something, is this text.

        A pattern would do, and would search without end where there are many variables: so the places in the text
        that can be reached are followed piece by piece.
        """
        reached = {0}
        for number, piece in enumerate(_VARIABLE.split(template)):
            if number % 2:
                reached = self._after(piece, text, reached, is_path)
            else:
                reached = _after_any_of([piece], text, reached, is_path)
        return len(text) in reached

    def _after(self, name: str, text: str, reached: set[int], is_path: bool) -> set[int]:
        variable = next((v for v in self.variables if v.name == name), None)
        if variable is not None and variable.choices:
            known = [value.strip("/") for value in (*variable.choices, variable.default)]
            return _after_any_of(known, text, reached, is_path)
        many = is_path and variable is not None and "/" in variable.default
        return _after_anything(text, reached, _STOPS.replace("/", "") if many else _STOPS)


def _is_fit(before: str, after: str, value: str, default: str) -> bool:
    """Whether a value leaves an address the shape that it has, by what stands around it."""
    if not before and after.startswith("://"):
        return _SCHEME.fullmatch(value) is not None
    in_host = "//" in before and "/" not in before.partition("//")[2]
    place = ("base" if default.startswith("/") else "host") if in_host else "path" if before else "address"
    return _FITS[place].fullmatch(value) is not None and not _CLIMBS.search(value)


def _has_port(address: str) -> bool:
    """Whether what stands where a port belongs is one, or nothing does."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def servers_of(servers: Any, home: str) -> tuple[Server, ...]:
    """A list of servers as read.

    Args:
        servers: what stands under `servers`.
        home: the address of the document, against which relative URLs are meant (OpenAPI 3.1.1, section 4.6); empty
            where it has none: then they stay as they are.
    """
    return tuple(_server(mapping(server), home) for server in entries(servers))


def _server(raw: Mapping[str, Any], home: str) -> Server:
    url = raw["url"]
    if not isinstance(url, str):
        raise TypeError(f"{kind_of(url)} stands where a URL belongs")
    about = (str(raw.get(key) or "") for key in ("description", "name"))
    variables = tuple(_variable(str(name), mapping(v)) for name, v in mapping(raw.get("variables")).items())
    if home and not url.startswith("{"):  # a variable may hold the scheme
        url = urljoin(home, url)
    description, name = about
    return Server(url, description, variables, name, home)


def _variable(name: str, raw: Mapping[str, Any]) -> ServerVariable:
    choices = tuple(_said(choice) for choice in entries(raw.get("enum")))
    default = _said(raw["default"]) if raw.get("default") is not None else next(iter(choices), "")
    return ServerVariable(name, default, choices, str(raw.get("description") or ""))


def _said(value: Any) -> str:
    """A number or a truth value as JSON writes it; both stand where a text belongs often enough."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _after_any_of(values: Iterable[str], text: str, reached: set[int], is_path: bool) -> set[int]:
    """Where one is after one of these; only in a path does case matter."""
    folded, wanted = (text, values) if is_path else (text.translate(_SMALL), [v.translate(_SMALL) for v in values])
    return {at + len(value) for value in wanted for at in reached if folded.startswith(value, at)}


def _after_anything(text: str, reached: set[int], stops: str) -> set[int]:
    """Where one is after any text without these characters."""
    found, is_open = set(), False
    for at in range(len(text) + 1):
        is_open = is_open or at in reached
        if is_open:
            found.add(at)
        is_open = is_open and at < len(text) and text[at] not in stops
    return found

"""The servers that a document declares: their URLs, and the variables in them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..errors import UsageError
from .malformed import as_list, as_mapping, json_type_name

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_DELIMITERS = "/?#@\\ \t\r\n"
"""Characters that the value of a variable cannot contain, since they would change the structure of the URL."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ALLOWED_VALUES = {
    "url": re.compile(r"[^\s?#@\\\x00-\x20\x7f]*"),
    "host": re.compile(r"[^\s/?#@\\%\x00-\x20\x7f]+"),
    "base path": re.compile(r"(?:/[^\s/?#@\\\x00-\x20\x7f]+)*/?"),
    "path": re.compile(r"(?!/)[^\s?#@\\\x00-\x20\x7f]*"),
}
"""The values that a user may give a variable, by the part of the URL that it is in: none of them changes the host."""

_DOT_SEGMENT = re.compile(r"(^|/)\.{1,2}(/|$)")
_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_MAX_CHOICES_SHOWN = 8
_MAX_VALUE_SHOWN = 80  # characters


@dataclass(frozen=True)
class ServerVariable:
    """A variable in the URL of a server; `choices` is empty if any value is allowed."""

    name: str
    default: str
    choices: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Server:
    """One server. Its `url` may contain `{variables}`, and is resolved against `home`, the URL of the document."""

    url: str
    description: str = ""
    variables: tuple[ServerVariable, ...] = ()
    name: str = ""
    home: str = field(default="", repr=False)

    def fill(self, values: Mapping[str, str] | None = None) -> str:
        """Return the base URL with its variables replaced: by `values`, else by their defaults.

        Raises:
            UsageError: A value is not among those that the document allows, or would lead to another host or path.
        """
        known = {variable.name: variable for variable in self.variables}
        given = {name: str(value) for name, value in (values or {}).items()}
        for match in _VARIABLE.finditer(self.url):
            if match[1] in given:
                self._check_value(match, given[match[1]], known.get(match[1], ServerVariable(match[1], "")))
        filled = _VARIABLE.sub(lambda m: given.get(m[1], known[m[1]].default if m[1] in known else m[0]), self.url)
        if given and not _has_valid_port(filled):
            raise UsageError(f"{filled!r} is not the URL of a server.", "Give other values for its variables.")
        return resolve_url(filled, self.home)

    def fill_chosen(self, chosen: Mapping[str, str], suggested: Mapping[str, str] | None = None) -> str:
        """Return the base URL with values for some of its variables; names of other variables are ignored.

        Args:
            chosen: values that it has to allow.
            suggested: values that are used where nothing is chosen, and where it allows them.

        Raises:
            UsageError: a chosen value is not allowed; see `fill`.
        """
        values = {}
        for name, value in (suggested or {}).items():
            with contextlib.suppress(UsageError):
                self.fill({name: value})
                values[name] = value
        known = {variable.name for variable in self.variables}
        return self.fill({**values, **{name: value for name, value in chosen.items() if name in known}})

    def _check_value(self, match: re.Match[str], value: str, variable: ServerVariable) -> None:
        """Raise UsageError unless a value may replace its variable."""
        if value in (variable.default, *variable.choices):
            return
        if variable.choices:
            what = f"{value!r} is not a value of the server variable {variable.name}."
            raise UsageError(what, f"Choose one of {', '.join(variable.choices[:_MAX_CHOICES_SHOWN])}.")
        if not _is_allowed(self.url[: match.start()], self.url[match.end() :], value, variable.default):
            raise UsageError(
                f"{value[:_MAX_VALUE_SHOWN]!r} as {variable.name} would lead to another place than {self.url}.",
                "Give a value without slashes, spaces, the segments . and .., and the characters ? # @ \\.",
            )

    def matches(self, url: str) -> bool:
        """Whether a base URL is this server with any values of its variables."""
        return self.values_in(url) is not None

    def values_in(self, url: str) -> dict[str, str] | None:
        """Return the values of the variables with which this server is a base URL; None if it is not."""
        try:
            parts = urlsplit(url)
            if parts.query or parts.fragment or not parts.netloc:
                return None
            for template, known in self._templates_with_scheme():
                found = self._match_template(template, parts.scheme, parts.netloc, parts.path)
                if found is not None:
                    return {**known, **found}
        except ValueError:
            pass
        return None

    def _templates_with_scheme(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the URL template with its scheme written out, also if a variable at its beginning contains it.

        With it comes the value of that variable.
        """
        first = _VARIABLE.match(self.url)
        variable = next((v for v in self.variables if first and v.name == first[1]), None)
        if first is None or variable is None:
            yield self.url, {}
            return
        for value in dict.fromkeys([*variable.choices, variable.default]):
            filled = value + self.url[first.end() :]
            yield filled if "://" in filled else resolve_url(filled, self.home), {variable.name: value}

    def _match_template(self, template: str, scheme: str, host: str, path: str) -> dict[str, str] | None:
        scheme_template, separator, rest = template.partition("://")
        authority, slash, steps = rest.partition("/")
        port = _DEFAULT_PORTS.get(scheme.lower(), "")
        spellings = {host, host.removesuffix(port) if port else host, host + port}
        found = [
            self._values_between(scheme_template, scheme, is_path=False) if separator else None,
            next(filter(_is_found, (self._values_between(authority, s, is_path=False) for s in spellings)), None),
            self._values_between((slash + steps).rstrip("/"), path.rstrip("/"), is_path=True),
        ]
        return (
            {k: v for values in found if values is not None for k, v in values.items()} if None not in found else None
        )

    def _values_between(self, template: str, text: str, *, is_path: bool) -> dict[str, str] | None:
        """Return the values with which a part of the URL template becomes this text; None if there are none.

        A regular expression would backtrack exponentially if there are many variables. Instead, the positions in the
        text that can be reached are computed piece by piece, and then the values from the end.
        """
        pieces, reached = _VARIABLE.split(template), [{0}]
        for number, piece in enumerate(pieces):
            reached.append(self._positions_after(number, piece, text, reached[-1], is_path))
        end, values = len(text), dict[str, str]()
        if end not in reached[-1]:
            return None
        for number, piece in reversed(list(enumerate(pieces))):
            starts = sorted(reached[number], reverse=True)
            start = next(s for s in starts if end in self._positions_after(number, piece, text, {s}, is_path))
            if number % 2:
                values[piece] = text[start:end]
            end = start
        return values

    def _positions_after(self, number: int, piece: str, text: str, reached: set[int], is_path: bool) -> set[int]:
        """Return the positions after a piece of the template; every second piece is a variable."""
        if number % 2:
            return self._positions_after_variable(piece, text, reached, is_path)
        return _positions_after_values([piece], text, reached, is_path)

    def _positions_after_variable(self, name: str, text: str, reached: set[int], is_path: bool) -> set[int]:
        variable = next((v for v in self.variables if v.name == name), None)
        if variable is not None and variable.choices:
            values = [value.strip("/") for value in (*variable.choices, variable.default)]
            return _positions_after_values(values, text, reached, is_path)
        spans_segments = is_path and variable is not None and "/" in variable.default
        delimiters = _DELIMITERS.replace("/", "") if spans_segments else _DELIMITERS
        return _positions_after_any_text(text, reached, delimiters)


def resolve_url(url: str, home: str) -> str:
    """Return the URL of a server resolved against the URL of its document, if it has one.

    A URL without a path is the root of the document's host, not the document itself (RFC 3986, section 5.2.2):
    generators write `url: ""` for an API that is served at the root.
    """
    url = url.strip()
    if not home:
        return url
    return urljoin(home, url if url[:1] not in ("", "?", "#") else f"/{url}")


def _is_found(values: dict[str, str] | None) -> bool:
    return values is not None


def read_servers(servers: Any, home: str) -> tuple[Server, ...]:
    """Return a list of servers as read.

    Args:
        servers: The value of `servers` in the document.
        home: The URL of the document, which relative URLs are resolved against (OpenAPI 3.1.1, section 4.6); empty if
            it has none, then they stay relative.
    """
    return tuple(_read_server(as_mapping(server), home) for server in as_list(servers))


def _read_server(raw: Mapping[str, Any], home: str) -> Server:
    url = raw["url"]
    if not isinstance(url, str):
        raise TypeError(f"expected a URL, found {json_type_name(url)}")
    description, name = (str(raw.get(key) or "") for key in ("description", "name"))
    declared = as_mapping(raw.get("variables"))
    variables = tuple(_read_variable(str(key), as_mapping(value)) for key, value in declared.items())
    if not url.startswith("{"):  # a variable may contain the scheme
        url = resolve_url(url, home)
    return Server(url, description, variables, name, home)


def _read_variable(name: str, raw: Mapping[str, Any]) -> ServerVariable:
    choices = tuple(_as_text(choice) for choice in as_list(raw.get("enum")))
    default = _as_text(raw["default"]) if raw.get("default") is not None else next(iter(choices), "")
    return ServerVariable(name, default, choices, str(raw.get("description") or ""))


def _as_text(value: Any) -> str:
    """Return a number or boolean as JSON writes it, since documents often have them where strings belong."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_allowed(before: str, after: str, value: str, default: str) -> bool:
    """Whether a value keeps the structure of the URL, judged by what is around its variable."""
    if not before and after.startswith("://"):
        return _SCHEME.fullmatch(value) is not None
    in_host = "//" in before and "/" not in before.partition("//")[2]
    part = ("base path" if default.startswith("/") else "host") if in_host else "path" if before else "url"
    return _ALLOWED_VALUES[part].fullmatch(value) is not None and not _DOT_SEGMENT.search(value)


def _has_valid_port(url: str) -> bool:
    """Whether the port of a URL is valid or absent."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _positions_after_values(values: Iterable[str], text: str, reached: set[int], is_path: bool) -> set[int]:
    """Return the positions after one of the values; case matters only in a path."""
    if not is_path:
        text, values = text.translate(_ASCII_LOWER), [value.translate(_ASCII_LOWER) for value in values]
    return {start + len(value) for value in values for start in reached if text.startswith(value, start)}


def _positions_after_any_text(text: str, reached: set[int], delimiters: str) -> set[int]:
    """Return the positions after any text, also an empty one, that contains none of the delimiters."""
    positions, is_inside = set(), False
    for position in range(len(text) + 1):
        is_inside = is_inside or position in reached
        if is_inside:
            positions.add(position)
        is_inside = is_inside and position < len(text) and text[position] not in delimiters
    return positions

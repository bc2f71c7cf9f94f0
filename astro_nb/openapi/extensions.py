"""The extensions by which an overlay describes what OpenAPI cannot say, read once into typed dataclasses.

`Extensions` holds all of one document, operation or schema: `spec.extensions.token`, `operation.extensions.page`,
`field.extensions.rules`. specs/README.md documents each one with an example. A document may come from anywhere, so
malformed parts of an extension are ignored; `malformed_extensions` reports them as warnings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

T = TypeVar("T")

PREFIX = "x-astro-nb-"
"""The prefix of all extension names."""

WARNINGS = f"{PREFIX}warnings"
"""The loader's warnings about a document or an operation, as a list of sentences; not part of an overlay."""

FILES = f"{PREFIX}files"
"""The files that the document refers to, by name; not part of an overlay."""

UNREAD = f"{PREFIX}unread"
"""Why a referenced file is not among `FILES`, by its address; not part of an overlay."""

_LOADERS = {WARNINGS, FILES, UNREAD}

# --- the extensions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RateLimit:
    """How many requests a server accepts in how many seconds."""

    count: float
    per: float = 1.0


@dataclass(frozen=True)
class ErrorPaths:
    """The JSONPaths of the parts of an error response; a part without a path is not read."""

    message: str = ""
    request_id: str = ""
    status_code: str = ""
    field_errors: str = ""


@dataclass(frozen=True)
class TokenExtension:
    """The variables that a token's claims contain.

    Attributes:
        list: the claim that is a list of `name:value`.
        variables: the names in it that become variables, the widest scope first.
    """

    list: str = ""
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageExtension:
    """How an operation returns its pages. A member that the overlay does not set is empty.

    Attributes:
        style: "offset", "page", "search", "cursor", "link", "whole" or "lines".
        items: the key of the array that holds the items; "$" for a bare array.
        total, count: the keys of the total, and of how many items there are on this page.
        parameter: the query parameter that selects the next page; `offset` is another name for it.
        limit: the query parameter for the size of a page, and `most` the largest size.
        cursor: the key of the response that holds the cursor.
        sort: the order to request, so that no item is missed.
        first: the number of the first page.
        also: further arrays of the response that hold items of another kind.
    """

    style: str = ""
    items: str = ""
    total: str = ""
    count: str = ""
    parameter: str = ""
    offset: str = ""
    limit: str = ""
    cursor: str = ""
    sort: str = ""
    most: int | None = None
    first: int | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemExtension:
    """The fields that identify and name a resource.

    Attributes:
        id, name: fields of the response.
        label: the field of the request that names the resource, if it has another name there.
    """

    id: str = ""
    name: str = ""
    label: str = ""


@dataclass(frozen=True)
class StateExtension:
    """Where the state of a resource is, and which states end a wait.

    Attributes:
        state, reason: the fields of the state and of the reason for it.
        good, bad: the states in which a wait succeeds or fails.
        grace: seconds after a change during which an unchanged state is not yet its result.
    """

    state: str = "status"
    reason: str = "statusReason"
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    grace: float | None = None


@dataclass(frozen=True)
class EntriesExtension:
    """How the entries of a list are identified.

    Attributes:
        by: the field whose value identifies an entry.
        value: the field that a bare value stands for; empty if entries cannot be given as bare values.
        new: further members of an entry that is added.
    """

    by: str
    value: str = ""
    new: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    """A quantity that has to be `times` another one, `of`, in a unit."""

    of: str
    times: int
    unit: str


@dataclass(frozen=True)
class UpdateExtension:
    """How to build the body of an update from the current state of its resource.

    Attributes:
        read: the id of the operation that reads the current state.
        whole: whether the update replaces all of it.
        replaces: lists whose entries are deleted when they are left out.
        sources: names in the response by names in the body, where they differ; `from` in the overlay.
        keep: secrets that the server keeps if they are left out, and on which condition.
        over: fields that are left out unless a flag is set.
        strip: fields that only responses have.
        entries: how the entries of a list are identified, by its path.
        follow: the quantity that a field has to follow, by field.
    """

    read: str = ""
    whole: bool = False
    replaces: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    over: Mapping[str, str] = field(default_factory=dict)
    strip: tuple[str, ...] = ()
    entries: Mapping[str, EntriesExtension] = field(default_factory=dict)
    follow: Mapping[str, Ratio] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """Which fields of an object are required or not allowed while other fields have certain values.

    Attributes:
        when: the condition by field: a list of values, or `{present: true}`. All of them must be true.
        require, hide: fields that are required, or not allowed.
        one_of: fields of which exactly one is required.
        because: the reason, for the user.
    """

    when: Mapping[str, Any] = field(default_factory=dict)
    require: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True)
class UnionExtension:
    """The field `by`, whose value selects the field that has the details: `branches` by value."""

    by: str
    branches: Mapping[str, str]


@dataclass(frozen=True)
class SecretExtension:
    """Whether a value is a secret; `when` names the sibling that decides, if there is one."""

    is_secret: bool
    when: str = ""


@dataclass(frozen=True)
class Extensions:
    """The extensions of one document, operation or schema; None or empty if the overlay does not set them."""

    limits: Mapping[str, RateLimit] = field(default_factory=dict)
    limit: RateLimit | None = None
    error: ErrorPaths | None = None
    token: TokenExtension | None = None
    permission: str = ""
    page: PageExtension | None = None
    item: ItemExtension | None = None
    settled: StateExtension | None = None
    repeatable: bool | None = None
    update: UpdateExtension | None = None
    rules: tuple[Rule, ...] = ()
    union: UnionExtension | None = None
    default_branch: str = ""
    secret: SecretExtension | None = None


_NONE = Extensions()


def read_extensions(raw: Mapping[str, Any]) -> Extensions:
    """Return the extensions of a document, an operation or a schema, without what is malformed."""
    found: dict[str, Any] = {}
    for name, value in _extension_values(raw).items():
        if name in _EXTENSIONS:
            read, build = _EXTENSIONS[name]
            part = read(value, (name,), [])
            if part is not _MALFORMED and part is not None:
                found[name.replace("-", "_")] = build(part)
    return Extensions(**found) if found else _NONE


def malformed_extensions(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a warning for each part of the extensions that is malformed."""
    malformed: list[Place] = []
    for name, value in _extension_values(raw).items():
        if name in _EXTENSIONS:
            _EXTENSIONS[name][0](value, (name,), malformed)
    names = (".".join(place)[:_MAX_NAME_SHOWN] for place in dict.fromkeys(malformed))
    return tuple(f"The overlay's extension {name} is malformed; it is ignored." for name in names)


def loader_warnings(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the loader reports about a document or an operation."""
    found = raw.get(WARNINGS)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _extension_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the extensions by their names without the prefix."""
    ours = {str(key): value for key, value in raw.items() if str(key).startswith(PREFIX) and key not in _LOADERS}
    return {key[len(PREFIX) :]: value for key, value in ours.items()}


# --- reading well-formed parts ----------------------------------------------------------------------------------------

_MAX_TEXT = 1000  # characters of one text
_MAX_NAME_SHOWN = 100  # characters of a malformed part's name
_MAX_NUMBER = 1e12
_MALFORMED: Final = object()

Place = tuple[str, ...]
"""The names that lead to a part of an extension."""

Read = Callable[[Any, Place, list[Place]], Any]
"""Returns a value without its malformed parts and adds their places to the list; `_MALFORMED` if nothing is left."""


def _value(is_valid: Callable[[Any], bool]) -> Read:
    return lambda value, place, malformed: value if is_valid(value) else _reject(place, malformed)


def _reject(place: Place, malformed: list[Place]) -> Any:
    malformed.append(place)
    return _MALFORMED


def _members(readers: Mapping[str, Read], required: tuple[str, ...] = ()) -> Read:
    """Read a mapping by the names of its members; members without a reader are taken as they are."""

    def read(value: Any, place: Place, malformed: list[Place]) -> Any:
        if not isinstance(value, Mapping):
            return _reject(place, malformed)
        parts = {str(k): readers.get(k, _ANYTHING)(v, (*place, str(k)), malformed) for k, v in value.items()}
        found = {name: part for name, part in parts.items() if part is not _MALFORMED}
        return found if all(name in found for name in required) else _reject(place, malformed)

    return read


def _values(reader: Read) -> Read:
    """Read a mapping with any names."""
    return lambda value, place, malformed: _members(dict.fromkeys(value if isinstance(value, Mapping) else (), reader))(
        value, place, malformed
    )


def _items(reader: Read) -> Read:
    """Read a list; all its items have the place of the list."""

    def read(value: Any, place: Place, malformed: list[Place]) -> Any:
        if not isinstance(value, list):
            return _reject(place, malformed)
        return [part for part in (reader(item, place, malformed) for item in value) if part is not _MALFORMED]

    return read


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def _is_name(value: Any) -> bool:
    return _is_text(value) and value != ""


def _is_number(value: Any) -> bool:
    """Whether a value is a number that is not negative, infinity included."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and (0 <= value <= _MAX_NUMBER or value == float("inf"))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMBER


def _is_size(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_rate(value: Any) -> bool:
    parts = (value.get("count"), value.get("per", 1)) if isinstance(value, Mapping) else ()
    return bool(parts) and all(_is_number(part) and part != 0 for part in parts)


def _is_ratio(value: Any) -> bool:
    is_triple = isinstance(value, list) and len(value) == 3
    return is_triple and _is_name(value[0]) and _is_size(value[1]) and _is_text(value[2])


_ANYTHING: Read = lambda value, place, malformed: value  # noqa: E731  # a reader like those below
_TEXT, _NAME, _NUMBER, _SIZE, _RATE = map(_value, (_is_text, _is_name, _is_number, _is_size, _is_rate))
_FLAG = _value(lambda value: isinstance(value, bool))
_NAMES, _NAME_BY_NAME = _items(_NAME), _values(_NAME)


# --- from plain data to the classes -----------------------------------------------------------------------------------


def _rate(raw: Mapping[str, Any]) -> RateLimit:
    return RateLimit(float(raw["count"]), float(raw.get("per", 1)))


def _error(raw: Mapping[str, str]) -> ErrorPaths | None:
    names = ("message", "requestId", "statusCode", "fieldErrors")
    return ErrorPaths(*(raw.get(name, "") for name in names)) if raw else None


def _update(raw: Mapping[str, Any]) -> UpdateExtension:
    entries = {path: _entries(values) for path, values in raw.get("entries", {}).items() if values}
    follow = {name: Ratio(str(of), times, str(unit)) for name, (of, times, unit) in raw.get("follow", {}).items()}
    plain = {name: value for name, value in raw.items() if name not in ("entries", "follow", "from")}
    return _build(UpdateExtension, plain, sources=raw.get("from", {}), entries=entries, follow=follow)


def _entries(values: list[Any]) -> EntriesExtension:
    by, value, new = ("" if v is None else v for v in [*values, None, None][:3])
    return EntriesExtension(str(by), str(value or ""), new if isinstance(new, Mapping) else {})


def _secret(raw: Any) -> SecretExtension:
    if isinstance(raw, Mapping) and isinstance(raw.get("when"), str):
        return SecretExtension(False, raw["when"])
    return SecretExtension(bool(raw))


def _build(extension: type[T], raw: Mapping[str, Any], **more: Any) -> T:
    """Return an extension of the members that its class has, with lists as tuples."""
    known = {each.name for each in fields(extension)}  # type: ignore[arg-type]  # each of them is a dataclass
    members = {name: tuple(v) if isinstance(v, list) else v for name, v in raw.items() if name in known}
    return extension(**members | more)


def _builder(extension: type[Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda raw: _build(extension, raw)


_EXTENSIONS: Mapping[str, tuple[Read, Callable[[Any], Any]]] = {
    "limits": (_values(_RATE), lambda raw: {str(method): _rate(rate) for method, rate in raw.items()}),
    "limit": (_RATE, _rate),
    "error": (_NAME_BY_NAME, _error),
    "token": (_members({"list": _NAME, "variables": _NAMES}), _builder(TokenExtension)),
    "permission": (_NAME, str),
    "page": (
        _members(
            dict.fromkeys(("style", "items", "total", "count", "parameter", "offset", "limit", "cursor", "sort"), _TEXT)
            | {"most": _SIZE, "first": _value(_is_count), "also": _NAMES}
        ),
        _builder(PageExtension),
    ),
    "item": (_members(dict.fromkeys(("id", "name", "label"), _NAME)), _builder(ItemExtension)),
    "settled": (
        _members({"state": _NAME, "reason": _NAME, "good": _NAMES, "bad": _NAMES, "grace": _NUMBER}),
        lambda raw: _build(StateExtension, raw) if raw else None,
    ),
    "repeatable": (_FLAG, bool),
    "update": (
        _members(
            {"read": _NAME, "whole": _FLAG, "replaces": _NAMES, "strip": _NAMES}
            | dict.fromkeys(("from", "keep", "over"), _NAME_BY_NAME)
            | {"entries": _values(_value(lambda v: isinstance(v, list))), "follow": _values(_value(_is_ratio))}
        ),
        _update,
    ),
    "rules": (
        _items(
            _members(
                {"when": _value(lambda v: isinstance(v, Mapping)), "because": _TEXT}
                | dict.fromkeys(("require", "hide", "one-of"), _NAMES)
            )
        ),
        lambda raw: tuple(_build(Rule, rule, one_of=tuple(rule.get("one-of", ()))) for rule in raw),
    ),
    "union": (_members({"by": _NAME, "branches": _NAME_BY_NAME}, ("by", "branches")), _builder(UnionExtension)),
    "default-branch": (_NAME, str),
    "secret": (_ANYTHING, _secret),  # a malformed value must not show a secret
}
"""The reader and the builder of each extension, by its name without the prefix."""

EXTENDS = f"{PREFIX}extends"
"""At the head of an overlay: the URLs of the documents that it belongs to (Overlay 1.0 has a field for one only)."""

KNOWN = (EXTENDS, *(f"{PREFIX}{name}" for name in _EXTENSIONS))
"""The names of all extensions; specs/README.md documents each of them."""

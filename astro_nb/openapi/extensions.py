"""The extensions by which an overlay describes what OpenAPI cannot say, read once into typed dataclasses.

`Extensions` holds all of one document, operation or schema: `spec.extensions.token`, `operation.extensions.page`,
`field.extensions.rules`. specs/README.md documents each one with an example. A document may come from anywhere, so
that whatever is malformed in an extension is left out: `malformed_extensions` reports it as a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

T = TypeVar("T")

PREFIX = "x-astro-nb-"
"""What the names of all extensions begin with."""

WARNINGS = f"{PREFIX}warnings"
"""What the loader reports about a document or an operation: a list of sentences. It is no part of an overlay."""

FILES = f"{PREFIX}files"
"""The files that the document refers to, by a name of their own. It is no part of an overlay."""

UNREAD = f"{PREFIX}unread"
"""Why a file that the document refers to is not among them, by its address. It is no part of an overlay."""

_LOADERS = {WARNINGS, FILES, UNREAD}

# --- what is read -----------------------------------------------------------------------------------------------------


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
    """What a token's claims say.

    Attributes:
        list: the claim that is a list of `name:value`.
        variables: the names in it that become variables, the widest scope first.
    """

    list: str = ""
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageExtension:
    """How an operation pages. An empty member means that the overlay does not say.

    Attributes:
        style: "offset", "page", "search", "cursor", "link", "whole" or "lines".
        items: the key of the array that holds the items; "$" for a bare array.
        total, count: the keys of the total, and of how many items there are on this page.
        parameter: the query parameter that moves on; `offset` is the same, by its usual name.
        limit: the query parameter for the size of a page, and `most` the largest size.
        cursor: the key of the response that holds the cursor.
        sort: the order that is asked for, so that no item is missed.
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
    """The field by which a resource is known, and the one that names it.

    Attributes:
        id, name: fields of the response.
        label: the field of the request that names the resource, where it is called otherwise.
    """

    id: str = ""
    name: str = ""
    label: str = ""


@dataclass(frozen=True)
class StateExtension:
    """Where the state of a resource is, and which states end a wait.

    Attributes:
        state, reason: the fields of the state, and of why it is so.
        good, bad: the states in which a wait ends well, or not.
        grace: seconds after a change for which a state that has not moved is not taken for its result.
    """

    state: str = "status"
    reason: str = "statusReason"
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    grace: float | None = None


@dataclass(frozen=True)
class EntriesExtension:
    """How the entries of a list are known.

    Attributes:
        by: the field whose value names an entry.
        value: the field that is meant where an entry is given as a bare value; empty where none is.
        new: what an entry that is added has besides.
    """

    by: str
    value: str = ""
    new: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    """A quantity that the server wants to be so many times another one, in a unit."""

    of: str
    times: int
    unit: str


@dataclass(frozen=True)
class UpdateExtension:
    """How the body of an update is made of the present state of its resource.

    Attributes:
        read: the id of the operation that reads the present state.
        whole: whether the update replaces all of it.
        replaces: lists whose entries are deleted when they are left out.
        sources: new name by old name, for what the body calls otherwise than the response; `from` in the overlay.
        keep: secrets that stay as they are by being left out, and on which condition.
        over: what is left out unless a flag is set.
        strip: what only responses have.
        entries: by the path of a list, how its entries are known.
        follow: by field, the quantity that it has to follow.
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
    """Which fields of an object are required or out of place, while other fields have certain values.

    Attributes:
        when: by field, the values (a list), or `{present: true}`; all must hold.
        require, hide: fields that are required, or have no place.
        one_of: fields of which exactly one is given.
        because: the reason, for the user.
    """

    when: Mapping[str, Any] = field(default_factory=dict)
    require: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True)
class UnionExtension:
    """The field whose value chooses which of several fields holds the details: `branches` by value."""

    by: str
    branches: Mapping[str, str]


@dataclass(frozen=True)
class SecretExtension:
    """Whether a value is a secret; `when` names the sibling that decides, and is empty where none does."""

    is_secret: bool
    when: str = ""


@dataclass(frozen=True)
class Extensions:
    """The extensions of one document, operation or schema; None or empty is what the overlay does not say."""

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
    """Return the extensions that stand in a document, an operation or a schema, without what is malformed."""
    written = _written(raw)
    if not written:
        return _NONE
    found: dict[str, Any] = {}
    for name, value in written.items():
        part = _read(_SHAPES.get(name), value, (name,), [])
        if name in _BUILDERS and part is not _UNFIT and part is not None:
            found[name.replace("-", "_")] = _BUILDERS[name](part)
    return Extensions(**found)


def malformed_extensions(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a warning for each part of the extensions that is malformed."""
    places: list[tuple[str, ...]] = []
    for name, value in _written(raw).items():
        _read(_SHAPES.get(name), value, (name,), places)
    names = (".".join(place)[:_LONGEST_NAME] for place in dict.fromkeys(places))
    return tuple(f"The overlay's extension {name} is malformed; it is left out." for name in names)


def loader_warnings(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the loader reports about a document or an operation."""
    found = raw.get(WARNINGS)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _written(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The extensions as they are written, by their names without the prefix."""
    ours = {str(key): value for key, value in raw.items() if str(key).startswith(PREFIX) and key not in _LOADERS}
    return {key[len(PREFIX) :]: value for key, value in ours.items()}


# --- from plain data to the classes -----------------------------------------------------------------------------------


def _rate(raw: Mapping[str, Any]) -> RateLimit:
    return RateLimit(float(raw["count"]), float(raw.get("per", 1)))


def _error(raw: Mapping[str, str]) -> ErrorPaths | None:
    names = ("message", "requestId", "statusCode", "fieldErrors")
    return ErrorPaths(*(raw.get(name, "") for name in names)) if raw else None


def _update(raw: Mapping[str, Any]) -> UpdateExtension:
    entries = {path: _entries(list(map(_or_empty, given))) for path, given in raw.get("entries", {}).items() if given}
    follow = {name: Ratio(str(given[0]), given[1], str(given[2])) for name, given in raw.get("follow", {}).items()}
    plain = _with_tuples({name: value for name, value in raw.items() if name not in ("entries", "follow", "from")})
    return _only_known(UpdateExtension, plain, sources=raw.get("from", {}), entries=entries, follow=follow)


def _entries(given: list[Any]) -> EntriesExtension:
    by, value, new = [*given, "", {}][:3] if len(given) < 3 else given[:3]
    return EntriesExtension(str(by), str(value or ""), new if isinstance(new, Mapping) else {})


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _rule(raw: Mapping[str, Any]) -> Rule:
    return _only_known(Rule, _with_tuples(raw), one_of=tuple(raw.get("one-of", ())))


def _secret(raw: Any) -> SecretExtension:
    if isinstance(raw, Mapping) and isinstance(raw.get("when"), str):
        return SecretExtension(False, raw["when"])
    return SecretExtension(bool(raw))


def _only_known(kind: type[T], raw: Mapping[str, Any], **more: Any) -> T:
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # each of them is a dataclass
    return kind(**{name: value for name, value in raw.items() if name in known} | more)


def _with_tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}


def _builder(kind: type[Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda raw: _only_known(kind, _with_tuples(raw))


_BUILDERS: Mapping[str, Callable[[Any], Any]] = {
    "limits": lambda raw: {str(method): _rate(rate) for method, rate in raw.items()},
    "limit": _rate,
    "error": _error,
    "token": _builder(TokenExtension),
    "permission": str,
    "page": _builder(PageExtension),
    "item": _builder(ItemExtension),
    "settled": lambda raw: _builder(StateExtension)(raw) if raw else None,
    "repeatable": bool,
    "update": _update,
    "rules": lambda raw: tuple(map(_rule, raw)),
    "union": _builder(UnionExtension),
    "default-branch": str,
    "secret": _secret,
}
"""Each extension that is read, by its name without the prefix."""

EXTENDS = f"{PREFIX}extends"
"""At the head of an overlay: the addresses of the documents that it belongs to (Overlay 1.0 has room for one)."""

KNOWN = (EXTENDS, *(f"{PREFIX}{name}" for name in _BUILDERS))
"""The names of all extensions; specs/README.md documents each of them."""


# --- what is well formed ----------------------------------------------------------------------------------------------

_LONGEST = 1000  # characters of one text
_LONGEST_NAME = 100  # characters of a malformed part's name
_LARGEST = 1e12  # of one number
_UNFIT: Final = object()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _is_name(value: Any) -> bool:
    return _is_text(value) and value != ""


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """Whether a value is a number that is not negative, infinity included."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and (0 <= value <= _LARGEST or value == float("inf"))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _is_size(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_rate(value: Any) -> bool:
    """Whether a value says how many requests there may be in how many seconds."""
    parts = (value.get("count"), value.get("per", 1)) if isinstance(value, Mapping) else ()
    return bool(parts) and all(_is_number(part) and part != 0 for part in parts)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_ratio(value: Any) -> bool:
    return _is_list(value) and len(value) == 3 and _is_name(value[0]) and _is_size(value[1]) and _is_text(value[2])


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


@dataclass(frozen=True)
class _Every:
    """The shape of a list by that of its entries."""

    shape: Any


@dataclass(frozen=True)
class _Named:
    """The shape of a mapping with any keys, by that of its values."""

    shape: Any


@dataclass(frozen=True)
class _Having:
    """The shape of a mapping that is of no use without certain members."""

    names: tuple[str, ...]
    shape: Mapping[str, Any]


_NAMES, _BY_NAME = _Every(_is_name), _Named(_is_name)
_SHAPES: Mapping[str, Any] = {
    "limits": _Named(_is_rate),
    "limit": _is_rate,
    "error": _BY_NAME,
    "token": {"list": _is_name, "variables": _NAMES},
    "permission": _is_name,
    "page": {
        **dict.fromkeys(
            ("style", "items", "total", "count", "parameter", "offset", "limit", "cursor", "sort"), _is_text
        ),
        "most": _is_size,
        "first": _is_count,
        "also": _NAMES,
    },
    "item": dict.fromkeys(("id", "name", "label"), _is_name),
    "settled": {
        **dict.fromkeys(("state", "reason"), _is_name),
        **dict.fromkeys(("good", "bad"), _NAMES),
        "grace": _is_number,
    },
    "repeatable": _is_flag,
    "update": {
        "read": _is_name,
        "whole": _is_flag,
        **dict.fromkeys(("replaces", "strip"), _NAMES),
        **dict.fromkeys(("from", "keep", "over"), _BY_NAME),
        "entries": _Named(_is_list),
        "follow": _Named(_is_ratio),
    },
    "rules": _Every(
        {
            "when": _is_mapping,
            **dict.fromkeys(("require", "hide", "one-of"), _NAMES),
            "because": _is_text,
        }
    ),
    "union": _Having(("by", "branches"), {"by": _is_name, "branches": _BY_NAME}),
    "default-branch": _is_name,
}
"""What each extension must be: a test for plain values, a mapping for those whose members are known. A value of
`secret` is taken as it is: what is odd there must not show a secret."""


def _read(shape: Any, value: Any, place: tuple[str, ...], malformed: list[tuple[str, ...]]) -> Any:
    """A value without what is not of its shape; `malformed` gets the places of that."""
    if shape is None:
        return value
    read: Callable[..., Any] = _READERS.get(type(shape), _read_plain)
    found = read(shape, value, place, malformed)
    if found is _UNFIT:
        malformed.append(place)
    return found


def _read_plain(shape: Callable[[Any], bool], value: Any, place: tuple[str, ...], malformed: list[Any]) -> Any:
    return value if shape(value) else _UNFIT


def _read_members(shape: Mapping[str, Any], value: Any, place: tuple[str, ...], malformed: list[Any]) -> Any:
    if not isinstance(value, Mapping):
        return _UNFIT
    found = ((name, _read(shape.get(name), inner, (*place, str(name)), malformed)) for name, inner in value.items())
    return {str(name): inner for name, inner in found if inner is not _UNFIT}


def _read_named(shape: _Named, value: Any, place: tuple[str, ...], malformed: list[Any]) -> Any:
    if not isinstance(value, Mapping):
        return _UNFIT
    return _read_members(dict.fromkeys(value, shape.shape), value, place, malformed)


def _read_every(shape: _Every, value: Any, place: tuple[str, ...], malformed: list[Any]) -> Any:
    if not isinstance(value, list):
        return _UNFIT
    found = [_read(shape.shape, inner, place, malformed) for inner in value]
    return [inner for inner in found if inner is not _UNFIT]


def _read_having(shape: _Having, value: Any, place: tuple[str, ...], malformed: list[Any]) -> Any:
    found = _read_members(shape.shape, value, place, malformed)
    return found if found is not _UNFIT and all(name in found for name in shape.names) else _UNFIT


_READERS: Mapping[type, Callable[..., Any]] = {
    dict: _read_members,
    _Named: _read_named,
    _Every: _read_every,
    _Having: _read_having,
}

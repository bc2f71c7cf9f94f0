"""What a name tells: of which thing it speaks, and by what it tells that thing apart.

What the answers of a document's operations hold: each object in them, what it is, and its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from ..errors import DocumentError
from ..jsonpath import to_path
from ..openapi import Operation, Spec
from ..openapi.resources import Link, links_of
from ..schema import Field, read_field

Words = tuple[str, ...]

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_ENDS = (("ies", "y"), ("is", ""), ("ss", "ss"), ("us", "us"), ("ias", "ias"), ("s", ""))
_KEYS = frozenset(
    ("id", "uuid", "guid", "number", "name", "slug", "key", "login", "sha", "hash", "ref", "digest", "token", "index")
)
_SIZES = ("full", "minimal", "simple", "public", "private", "basic", "base", "nullable", "detail", "details", "summary")
_WRAPS = ("paginated", "collection", "list", "response", "item", "dto", "model", "out", "read", "result", "results")
_LOOSE = frozenset((*_SIZES, *_WRAPS))
"""Words of a schema's name that say how much of a thing it holds, not which thing."""

OTHER_KEYS: dict[str, tuple[str, ...]] = {
    "id": ("id", "uuid", "guid"),
    "name": ("login", "name", "key", "slug"),
    "": ("login", "slug", "key", "name", "id"),
}
"""By what a thing is told apart where its name says so, or says nothing; any other key is itself."""


@dataclass(frozen=True)
class Named:
    """A name taken apart: `customRoleId` speaks of a custom role, or of a role at least, by its id.

    Attributes:
        things: the words of the thing, then fewer of them; empty where the name says none.
        key: by what the thing is told apart: "id", "name", "number"; empty where the name does not say.
    """

    name: str
    things: tuple[Words, ...]
    key: str

    @property
    def refers(self) -> bool:
        """Whether the name says both: of what, and by what."""
        return bool(self.things and self.key)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which the thing itself may hold it."""
        return OTHER_KEYS.get(self.key, (self.key,))


@lru_cache(maxsize=4096)
def read_name(name: str) -> Named:
    """A parameter's or field's name, taken apart."""
    words = _words(name.rpartition(".")[2])
    if len(words) == 1 and words[0].endswith("name") and words[0] != "name":
        words = (words[0][:-4], "name")
    last = words[-1] if words else ""
    key = next((key for key in (last, last.removesuffix("s")) if key in _KEYS), "")
    thing = _stemmed(words[:-1] if key else words)
    return Named(name, tuple(thing[start:] for start in range(len(thing))), key)


@lru_cache(maxsize=16384)
def words_of(text: str) -> Words:
    """The words of a name in lower case, the last one as in the singular: `dagRuns` and `dag_run` are alike."""
    return _stemmed(_words(text))


@lru_cache(maxsize=4096)
def thing_of_type(type_name: str) -> Words:
    """The thing that a schema is of, by its name: `full-repository` is a repository."""
    words = _words(type_name)
    return _stemmed(tuple(word for word in words if word not in _LOOSE) or words)


def _words(text: str) -> Words:
    return tuple(word.lower() for word in _WORD.findall(re.sub(r"IDs\b", "Ids", text)))


def _stemmed(words: Words) -> Words:
    return (*words[:-1], _stem(words[-1])) if words else ()


def _stem(word: str) -> str:
    """A word without the end of its plural; both forms of a word give the same, which need not be a word."""
    for end, instead in _ENDS:
        if word.endswith(end) and len(word) > len(end) + 1:
            word = word[: -len(end)] + instead
            break
    return word.removesuffix("e") if len(word) > 3 else word


def is_of(thing: Words, wanted: Words) -> bool:
    """Whether one thing is a kind of the other: an agent token is a token."""
    return bool(wanted) and thing[-len(wanted) :] == wanted


_NESTED = ("object", "union")


@dataclass(frozen=True, eq=False)
class Holder:
    """One object, or one scalar of a list, that an operation answers.

    Attributes:
        path: the JSONPath of all of them: `$.deployments[*]`.
        things: what it may be called, as words: by the key it stands under, its schema, the path of the operation.
        listed: whether an answer holds many of them.
        inner: whether it stands inside another object that is the answer proper.
        inside: what that other object may be called.
        id: the key that tells them apart, where the overlay names it.
    """

    operation: Operation = field(repr=False)
    path: str
    field: Field = field(repr=False)
    things: frozenset[Words]
    listed: bool
    inner: bool = False
    id: str = ""
    inside: frozenset[Words] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The keys that it has."""
        return tuple(self.field.schema.get("properties") or ()) if self.field.kind == "object" else ()

    @property
    def is_scalar(self) -> bool:
        """Whether it is a bare value, as in a list of names."""
        return self.field.kind in ("text", "integer")

    @property
    def called(self) -> str:
        """What it is, in the document's own words."""
        named = self.field.type_name if self.field.type_name != "object" else ""
        keys = re.findall(r"\w+", self.path)
        called = named or (keys[-1] if keys else self.operation.path.rpartition("/")[2])
        return f"a list of {called}" if self.listed else called

    def path_to(self, key: str) -> str:
        """The JSONPath of one of its fields in the answer; of itself where the key is empty."""
        return self.path + to_path((key,))[1:] if key else self.path


class Index:
    """The holders of a document, to be found by operation, by thing and by key."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._read: dict[tuple[object, ...], Field] = {}

    @cached_property
    def holders(self) -> Mapping[str, tuple[Holder, ...]]:
        """What each operation answers, by the operation's id."""
        return {operation.id: tuple(self._holders(operation)) for operation in self.spec}

    @cached_property
    def by_thing(self) -> Mapping[str, list[Holder]]:
        """The holders by the last word of what they are."""
        found: dict[str, list[Holder]] = {}
        for holder in self._all():
            for last in {thing[-1] for thing in holder.things if thing}:
                found.setdefault(last, []).append(holder)
        return found

    @cached_property
    def by_key(self) -> Mapping[Words, list[tuple[Holder, str]]]:
        """The holders by the words of each of their keys."""
        found: dict[Words, list[tuple[Holder, str]]] = {}
        for holder in self._all():
            for name in holder.names:
                found.setdefault(words_of(name), []).append((holder, name))
        return found

    @cached_property
    def by_path(self) -> Mapping[str, list[Operation]]:
        """The operations by their path, whatever its parameters are called."""
        found: dict[str, list[Operation]] = {}
        for operation in self.spec:
            found.setdefault(shape_of(operation.path), []).append(operation)
        return found

    @cached_property
    def below(self) -> Mapping[str, list[Operation]]:
        """The operations of the plain steps below a path: of `/pet` those of `/pet/findByStatus`."""
        found: dict[str, list[Operation]] = {}
        for operation in self.spec:
            above, _, last = shape_of(operation.path).rpartition("/")
            if last != "{}":
                found.setdefault(above, []).append(operation)
        return found

    @cached_property
    def links(self) -> Mapping[tuple[str, str], list[Link]]:
        """The document's own links, by the operation and the parameter that they lead to."""
        found: dict[tuple[str, str], list[Link]] = {}
        for link in links_of(self.spec):
            found.setdefault((link.target, link.parameter), []).append(link)
        return found

    def _all(self) -> Iterator[Holder]:
        for holders in self.holders.values():
            yield from holders

    def _holders(self, operation: Operation) -> Iterator[Holder]:
        root = self._answer(operation)
        if root is None:
            return
        item = operation.extensions.item
        noted = item.id if item else ""
        step = _last_step(operation.path)
        for form in root.alternatives:
            if form.kind == "array":
                yield from self._listed(operation, form, "$[*]", step, noted)
            elif form.kind == "object":
                yield from self._object(operation, form, step, noted)

    def _object(self, operation: Operation, form: Field, step: Words, noted: str) -> Iterator[Holder]:
        """An object that is a whole answer: the lists in it, itself, and the objects in it."""
        children = self._plain(form).children
        lists = [child for child in children if child.kind == "array"]
        items = self.spec.resources.items_key(operation)
        for child in lists:
            main = child.name == items
            path = f"{to_path((child.name,))}[*]"
            for holder in self._listed(operation, child, path, words_of(child.name), noted if main else ""):
                yield replace(holder, things=holder.things | {step}) if main and not holder.inner else holder
        yield Holder(operation, "$", form, _things(form, step), False, False, "" if lists and items else noted)
        yield from self._inner(operation, form, "$", False, _things(form, step))

    def _listed(self, operation: Operation, array: Field, path: str, called: Words, noted: str) -> Iterator[Holder]:
        item = array.item
        for form in item.alternatives if item else ():
            if form.kind in ("object", "text", "integer"):
                things = _things(form, called)
                yield Holder(operation, path, form, things, True, False, noted)
                yield from self._inner(operation, form, path, True, things)
                yield from self._lists(operation, form, path)

    def _lists(self, operation: Operation, form: Field, path: str) -> Iterator[Holder]:
        """The lists inside an entry of a list."""
        for child in self._plain(form).children if form.kind == "object" else ():
            for inner in child.item.alternatives if child.kind == "array" and child.item else ():
                if inner.kind == "object":
                    place = f"{path}{to_path((child.name,))[1:]}[*]"
                    yield Holder(operation, place, inner, _things(inner, words_of(child.name)), True, True)

    def _inner(
        self, operation: Operation, form: Field, path: str, listed: bool, of: frozenset[Words]
    ) -> Iterator[Holder]:
        """The objects inside an object."""
        for child in self._plain(form).children if form.kind == "object" else ():
            place = path + to_path((child.name,))[1:]
            for inner in child.alternatives if child.kind in _NESTED else ():
                if inner.kind == "object":
                    things = _things(inner, words_of(child.name))
                    yield Holder(operation, place, inner, things, listed, True, inside=of)

    def _plain(self, form: Field) -> Field:
        """One field for all that are read from the same schema: its children are read once."""
        if form.type_name == "object":  # it has no name to know it by
            return form
        return self._read.setdefault((form.type_name, *(form.schema.get("properties") or ())), form)

    def _answer(self, operation: Operation) -> Field | None:
        try:
            schema = operation.success.schema() if operation.success else None
        except DocumentError:  # told by the operation's warnings
            return None
        return read_field(self.spec, schema) if schema is not None else None


@lru_cache(maxsize=8)
def index_of(spec: Spec) -> Index:
    """The index of a document, made once; those of the last few documents are kept."""
    return Index(spec)


def shape_of(path: str) -> str:
    """A path without the names in it: `/pets/{petId}` gives `/pets/{}`."""
    return "/".join("{}" if "{" in step else step for step in path.rstrip("/").split("/"))


def _last_step(path: str) -> Words:
    """The words of the last plain step of a path, where nothing but a parameter stands behind it."""
    steps = [step for step in path.split("/") if step]
    plain = [step for step in steps[-2:] if "{" not in step]
    return words_of(plain[-1]) if plain else ()


def _things(form: Field, called: Words) -> frozenset[Words]:
    named = thing_of_type(form.type_name) if form.kind == "object" and form.type_name != "object" else ()
    return frozenset(thing for thing in (called, named) if thing)

"""What a name tells: of which thing it speaks, and by what it tells that thing apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

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

"""The data of the Astro double, from `specs/astro-v1.sandbox.yaml`, and small functions to make values from them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from ...openapi import bundled
from ...openapi.parsing import parse
from ..behavior import Item
from ..clock import cuid, format_timestamp, parse_timestamp
from ..state import State

_FILE = "astro-v1.sandbox.yaml"
AUTHORS = 12  # the first of `people` are the authors of what there is


@lru_cache(maxsize=1)
def astro_data() -> Mapping[str, Any]:
    """Return the data file, read once per process."""
    path = bundled(_FILE)
    data: Mapping[str, Any] = parse(path.read_bytes(), str(path))
    return data


def table_value(table: str, row: object, column: str) -> Any:
    """Return one value of a table of the data file, or None."""
    return (astro_data()[table].get(str(row)) or {}).get(column)


def join_words(text: str, separator: str) -> str:
    """Return a text as lower-case letters and digits without accents, its words joined by a separator."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", separator, bare.replace("'", "")).strip(separator)


def seeded_id(state: State, resource: str, number: int = 0) -> str:
    """Return the id of the n-th seeded resource of a type, counted from 0."""
    return cuid(state.seed, resource, number + 1)


def person(state: State, number: int) -> Item:
    """Return the profile of one of the people, as it is in `createdBy`."""
    name = str(astro_data()["people"][number]["name"])
    return {"id": seeded_id(state, "user", number), "subjectType": "USER", "fullName": name, **contact(name)}


def contact(name: str) -> Item:
    """Return the user name and the picture of a person."""
    return {
        "username": f"{join_words(name, '.')}@northwind.example",
        "avatarUrl": f"https://avatars.northwind.example/{join_words(name, '-')}.png",
    }


def days_after(timestamp: object, days: object) -> str | None:
    """Return the time some days after another (before it if negative); None if one of them is missing."""
    moment = parse_timestamp(timestamp)
    if moment is None or not isinstance(days, int | float):
        return None
    return format_timestamp(moment + timedelta(days=days))


def scale(quantity: object, factor: float, unit: str = "") -> str | None:
    """Return a quantity such as "0.5" or "0.5Gi" times a factor, with a unit; None if it is no quantity."""
    number = re.match(r"[\d.]+", str(quantity))
    return f"{float(number[0]) * factor:g}{unit}" if number else None


def compact(**fields: Any) -> Item:
    """Return the fields without those that are None."""
    return {name: value for name, value in fields.items() if value is not None}

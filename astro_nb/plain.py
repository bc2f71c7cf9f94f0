"""Python values as plain data: None, booleans, numbers, texts, bytes, files, lists, and dicts whose keys are texts.

A call holds only plain data, so that whatever is sent can also be stored. Every value is converted exactly, or refused
before anything is sent. The rules are in `_RULES`, and in `_from_array` for the values of NumPy, pandas and their like,
which are recognized by what they offer: none of these packages is imported.

| value                                         | becomes                                                             |
|-----------------------------------------------|---------------------------------------------------------------------|
| a datetime, also of NumPy and pandas          | RFC 3339 with an offset; UTC (`Z`) if it has none                   |
| a date, a time of day                         | ISO 8601                                                            |
| an Enum                                       | its value                                                           |
| a dataclass                                   | an object of its fields                                             |
| a UUID, an IP address                         | text                                                                |
| a tuple, range, iterator, array, Series       | a list; that of a set is sorted                                     |
| a key of a mapping that is no text            | the text that JSON has for it: `1`, `true`, `null`                  |
| NaN, infinity, NaT, NA                        | refused: JSON has no such number, and nothing says what they mean   |
| a duration, a complex number, any other object| refused                                                             |
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from .call import UNSET, Upload
from .errors import UsageError

Steps = tuple[Any, ...]
"""The name of an argument, and the steps that lead into its value."""


class Placeholder:
    """A value that stands for another one until a call is resolved, such as a secret: plain data holds it as it is."""

    __slots__ = ()


def plain_value(value: Any, place: str) -> Any:
    """Return a value as plain data that shares no list and no dict with it.

    Args:
        value: any Python value. `UNSET` in an object or a list is left out.
        place: the name of the argument, which begins the message of an error.

    Raises:
        UsageError: it cannot be converted exactly; `data["location"]` leads to the innermost value that is at fault.
    """
    try:
        return _convert(value, (place,))
    except RecursionError:
        raise UsageError(
            f"{place} is nested too deeply, or contains itself: nothing was sent.", "Give data of fewer levels."
        ) from None


_MOST_BITS = 14_000
"""An integer of so many bits has fewer digits than Python converts to text (`sys.get_int_max_str_digits`)."""

_SIMPLE = frozenset((str, int, bool, type(None)))


def _convert(value: Any, at: Steps) -> Any:
    if type(value) in _SIMPLE:
        return value if type(value) is not int else _from_integer(value, at)
    for types, convert in _RULES:
        if isinstance(value, types):
            return convert(value, at)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _from_mapping({entry.name: getattr(value, entry.name) for entry in dataclasses.fields(value)}, at)
    return _from_array(value, at)


def _keep(value: Any, at: Steps) -> Any:
    return value


def _from_integer(value: int, at: Steps) -> int:
    if value.bit_length() > _MOST_BITS:
        raise _error(at, "has more digits than Python writes", "Give it as a text.")
    return int(value)


def _from_number(value: float | Decimal, at: Steps) -> Any:
    if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        raise _missing_error(at, str(value))
    return value if isinstance(value, Decimal) else float(value)


def _from_datetime(value: datetime, at: Steps) -> str:
    if value != value:  # pandas.NaT
        raise _missing_error(at, "NaT")
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    offset = zoned.utcoffset()
    if offset is None or offset % timedelta(minutes=1):  # RFC 3339 has no offsets with seconds
        zoned = zoned.astimezone(UTC)
    return re.sub(r"\+00:00$", "Z", zoned.isoformat())


def _from_iterable(value: Iterable[Any], at: Steps) -> list[Any]:
    converted = (_convert(inner, (*at, index)) for index, inner in enumerate(value))
    return [inner for inner in converted if inner is not UNSET]


def _from_tuple(value: Sequence[Any], at: Steps) -> list[Any]:
    if hasattr(value, "_fields"):
        raise _error(at, "is a named tuple, which may mean a list or an object", "Give `list(…)`, or `…._asdict()`.")
    return _from_iterable(value, at)


def _from_set(value: Set[Any], at: Steps) -> list[Any]:
    items = _from_iterable(value, at)
    try:
        return sorted(items)
    except TypeError:  # values that cannot be compared
        return sorted(items, key=repr)


def _from_iterator(value: Iterator[Any], at: Steps) -> list[Any]:
    if hasattr(value, "read"):
        raise _type_error(value, at)
    return _from_iterable(value, at)


def _from_mapping(value: Mapping[Any, Any], at: Steps) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for key, inner in value.items():
        name = key if type(key) is str else _key_text(key, at)
        if name in converted:
            raise _error(at, f"has two keys that are both sent as {name!r}", "Remove one of them.")
        plain = _convert(inner, (*at, name))
        if plain is not UNSET:
            converted[name] = plain
    return converted


_CONSTANTS = {None: "null", True: "true", False: "false"}


def _key_text(key: Any, at: Steps) -> str:
    """Return the name that JSON has for a key."""
    plain = _convert(key, at)
    if isinstance(plain, str):
        return str(plain)
    if plain is None or isinstance(plain, bool):
        return _CONSTANTS[plain]
    if isinstance(plain, int | float | Decimal):
        return str(plain)
    raise _error(at, f"has a key of the type {type(key).__name__}", "Use texts as keys.")


def _refuse_duration(value: Any, at: Steps) -> Any:
    raise _error(
        at,
        "is a duration, for which JSON has no value",
        "Give a number, or a text such as P1DT2H, as the API reads it.",
    )


_RULES: tuple[tuple[Any, Callable[[Any, Steps], Any]], ...] = (
    (Placeholder | Upload | type(UNSET), _keep),
    (Enum, lambda value, at: _convert(value.value, at)),
    (str, lambda value, at: str.__str__(value)),
    (int, _from_integer),
    (float | Decimal, _from_number),
    (bytes | bytearray | memoryview, lambda value, at: bytes(value)),
    (datetime, _from_datetime),
    (date | time, lambda value, at: value.isoformat()),
    (timedelta, _refuse_duration),
    (UUID, lambda value, at: str(value)),
    (
        (ipaddress._BaseAddress, ipaddress._BaseNetwork),  # the only common classes of both versions
        lambda value, at: str(value),
    ),
    (Mapping, _from_mapping),
    (tuple, _from_tuple),
    (Set, _from_set),
    (Sequence | ValuesView, _from_iterable),
    (Iterator, _from_iterator),
)
"""What converts a value, by its type. The first row that matches counts."""


# --- NumPy, pandas, and what resembles them ---------------------------------------------------------------------------

_NOTHING = ("NAType", "NaTType", "MaskedConstant")
"""The types of values that are missing."""
_LISTING_METHODS = ("tolist", "to_list", "to_pylist", "as_py")
"""What arrays and scalars of other packages (PyTorch, Polars, PyArrow) offer to get Python's own values."""


def _from_array(value: Any, at: Steps) -> Any:
    """Return the value of a scalar, or the list of an array, of NumPy, pandas or a package that resembles them."""
    if type(value).__name__ in _NOTHING:
        raise _missing_error(at, str(value))
    if isinstance(value, type) or hasattr(value, "columns"):
        raise _type_error(value, at)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind and getattr(value, "ndim", 0) and isinstance(value, Iterable):
        return _from_iterable(value, at)
    if kind in _SCALAR_KINDS:
        return _SCALAR_KINDS[kind](value, at)
    for name in () if kind else _LISTING_METHODS:
        method = getattr(value, name, None)
        if callable(method):
            listed = method()
            if type(listed) is not type(value):
                return _convert(listed, at)
    raise _type_error(value, at)


def _from_item(value: Any, at: Steps) -> Any:
    item = value.item()
    if hasattr(item, "dtype"):  # a longdouble, which Python does not have
        if float(item) != item:
            raise _error(at, "has more digits than a float", "Convert it first.")
        item = float(item)
    return _convert(item, at)


def _from_datetime64(value: Any, at: Steps) -> str:
    """Return a datetime64 as a date if its unit is a day or longer, else as a datetime in UTC, to the last digit."""
    text = str(value[()] if getattr(value, "shape", None) == () else value)
    if text == "NaT":
        raise _missing_error(at, text)
    day, separator, clock = text.partition("T")
    if not separator:
        return text
    clock = f"{clock}:00:00" if ":" not in clock else f"{clock}:00" if clock.count(":") == 1 else clock
    whole, _, fraction = clock.partition(".")
    fraction = fraction.rstrip("0")
    digits = next((size for size in (6, 9) if len(fraction) <= size), len(fraction))
    rest = f".{fraction:0<{digits}}" if fraction else ""
    return f"{day}T{whole}{rest}Z"


_SCALAR_KINDS: Mapping[str, Callable[[Any, Steps], Any]] = {
    **dict.fromkeys("biufUSO", _from_item),
    "M": _from_datetime64,
    "m": _refuse_duration,
}
"""What converts a scalar, by the kind of its dtype."""


# --- errors -----------------------------------------------------------------------------------------------------------


def _missing_error(at: Steps, name: str) -> UsageError:
    what = f"is {name}, which is no value that can be sent"
    return _error(at, what, "Leave it out, give None for null, or give a value.")


def _type_error(value: Any, at: Steps) -> UsageError:
    kind = value.__name__ if isinstance(value, type) else type(value).__name__
    todo = 'Give its rows: `frame.to_dict("records")`.' if hasattr(value, "columns") else _PLAIN_TYPES
    return _error(at, f"is of the type {kind}, which cannot be sent", todo)


_PLAIN_TYPES = "Give texts, numbers, booleans, None, dates, bytes, lists, or dicts of these."


def _error(at: Steps, what: str, todo: str) -> UsageError:
    return UsageError(f"{'.'.join(map(str, at))} {what}: nothing was sent.", todo, location=at[1:])

"""Fields that the server wants at a fixed ratio: where one is changed alone, the other follows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ..environment import names_in
from ..errors import UsageError

_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?")


def followed(body: Mapping[str, Any], change: Mapping[str, Any], note: Any, operation: str) -> dict[str, Any]:
    """A body in which what follows a field that was changed alone is changed too.

    Args:
        body: the body, the change merged into it.
        change: what was given.
        note: the overlay's `follow`: `{defaultTaskPodMemory: [defaultTaskPodCpu, 2, Gi]}` says that the memory is
            twice the CPU, in Gi.
        operation: its id, for what is told.

    Raises:
        UsageError: a template is in the one, so that the other cannot be told.
    """
    made = dict(body)
    for other, field, ratio, unit in _pairs(note):
        for given, wanted, factor, old, new in ((field, other, ratio, "", unit), (other, field, 1 / ratio, unit, "")):
            if given in change and change[given] is not None and wanted not in change and wanted in body:
                made[wanted] = _scaled(change[given], factor, old, new, f"{operation} wants {wanted} beside {given}.")
    return made


def _pairs(note: Any) -> Iterator[tuple[str, str, Decimal, str]]:
    for other, told in note.items() if isinstance(note, Mapping) else ():
        if isinstance(told, list) and len(told) == 3 and isinstance(told[1], int) and told[1] > 0:
            yield str(other), str(told[0]), Decimal(told[1]), str(told[2])


def _scaled(value: Any, factor: Decimal, old: str, new: str, what: str) -> str:
    text = str(value).removesuffix(old)
    if names_in(value) or not _NUMBER.fullmatch(text):
        raise UsageError(what, "Give both.")
    return f"{(Decimal(text) * factor).normalize():f}{new}"

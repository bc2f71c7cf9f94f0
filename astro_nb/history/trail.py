"""A row of entries, each read when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from ..exchange import Exchange


class Trail(Sequence[Exchange]):
    """Entries of a history by their ids, oldest first."""

    def __init__(self, keys: Sequence[str], get: Callable[[str], Exchange]) -> None:
        self._keys, self._get = keys, get

    def __repr__(self) -> str:
        return f"<Trail of {len(self)} exchanges>"

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, which: int) -> Exchange: ...

    @overload
    def __getitem__(self, which: slice) -> Trail: ...

    def __getitem__(self, which: int | slice) -> Exchange | Trail:
        return Trail(self._keys[which], self._get) if isinstance(which, slice) else self._get(self._keys[which])

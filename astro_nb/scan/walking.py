"""The files under a path, bounded, and none that lies elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import UsageError
from .told import Skipped

MOST_FILES = 20_000
"""Files that are looked through in one scan."""

_FOREIGN = (".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".tox")
"""Folders of other programs: what they hold they have from elsewhere."""

Found = Path | Skipped


def files_under(paths: Iterable[Path]) -> Iterator[Found]:
    """Every regular file under the paths, each once, in order; what is not looked into is told.

    Raises:
        UsageError: there is nothing at a path.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is nothing at {path}.", "Give files and folders that exist.")
        for found in [path] if path.is_file() else _walked(path):
            key = Path(os.path.realpath(found)) if isinstance(found, Path) else Path(found.file)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > MOST_FILES:
                yield Skipped(str(path), f"only the first {MOST_FILES:,} files are looked through")
                return
            yield found


def _walked(folder: Path) -> Iterator[Found]:
    if not folder.is_dir():
        yield Skipped(str(folder), "neither a file nor a folder")
        return
    home = Path(os.path.realpath(folder))
    unread: list[OSError] = []
    for place, names, files in os.walk(folder, onerror=unread.append):
        names.sort()
        for name in [name for name in names if name in _FOREIGN or Path(place, name).is_symlink()]:
            names.remove(name)
            yield from _of_folder(Path(place, name), home)
        for name in sorted(files):
            yield from _of_file(Path(place, name), home)
    yield from (Skipped(str(error.filename), f"it cannot be read ({error.strerror})") for error in unread)


def _of_folder(path: Path, home: Path) -> Iterator[Skipped]:
    if not path.is_symlink():
        yield Skipped(str(path), "a folder of another program; name it to have it looked through")
    elif not _is_inside(path, home):
        yield Skipped(str(path), "a link out of the folder")


def _of_file(path: Path, home: Path) -> Iterator[Found]:
    if path.is_symlink():
        if not _is_inside(path, home):
            yield Skipped(str(path), "a link out of the folder")
        return  # what it leads to is met by itself
    if path.name == ".env":
        yield Skipped(str(path), "where secrets are kept: see that git ignores it")
    elif stat.S_ISREG(path.lstat().st_mode):
        yield path
    else:
        yield Skipped(str(path), "not a regular file")


def _is_inside(path: Path, home: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(home)

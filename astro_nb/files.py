"""Atomic writing of files, and the current folder."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path


def current_folder() -> Path:
    """Return the current folder, as an absolute path: what is kept of it stays where it is after a change of folder."""
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path()


def display_path(path: Path) -> str:
    """Return a path for people: relative to the current folder if it is inside of it."""
    folder = current_folder()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part; create folders as needed.

    An existing file keeps its permissions; a new one gets those of the umask. A symbolic link stays one: its target is
    replaced.
    """
    real = Path(os.path.realpath(path))
    real.parent.mkdir(parents=True, exist_ok=True)
    temporary = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            _copy_mode(real, temporary)  # before the content is written
            file.write(data)
        os.replace(temporary, real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _copy_mode(source: Path, target: Path) -> None:
    if source.is_file():
        target.chmod(stat.S_IMODE(source.stat().st_mode))

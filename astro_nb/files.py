"""Writing files: atomically, and only on this machine; and the current folder."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from .errors import SettingsError

_URL = re.compile(r"(?![A-Za-z]:)[A-Za-z][A-Za-z0-9+.-]*:/{1,3}")  # `Path` makes one slash of two; `C:/` is a drive


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


def local_path(given: str | Path) -> Path:
    """Return the path that a caller gives for a file or a folder to write.

    Raises:
        SettingsError: it is a URL, such as `s3://bucket/name`, or `-`: neither is a file of this machine.
    """
    text = str(given)
    if _URL.match(text) or text == "-":
        raise SettingsError(
            f"{text} is not a file of this machine, and nothing else can be written.",
            "Give a path, and copy the file from there.",
        )
    return Path(given)


def save_file(path: str | Path, data: bytes) -> None:
    """Write a file that the user asked for, as `write_atomically` does.

    Raises:
        SettingsError: it cannot be written.
    """
    target = local_path(path)
    try:
        write_atomically(target, data)
    except OSError as error:
        raise cannot_write(target, error) from error


def cannot_write(path: Path, error: OSError) -> SettingsError:
    """Return the error for a file that cannot be written."""
    return SettingsError(
        f"{path} cannot be written ({error.strerror or error}).", "Give another path, or make the folder writable."
    )


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

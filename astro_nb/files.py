"""Files written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part; folders are made as needed.

    What is there keeps its permissions, and a link stays one: what it points to is replaced. A new file has the
    permissions that the umask leaves it.
    """
    real = Path(os.path.realpath(path))
    real.parent.mkdir(parents=True, exist_ok=True)
    temporary = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            _keep_mode(real, temporary)  # before there is anything to read
            file.write(data)
        os.replace(temporary, real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _keep_mode(old: Path, new: Path) -> None:
    if old.is_file():
        new.chmod(stat.S_IMODE(old.stat().st_mode))

"""Peers that are not dependencies: fetched into a temporary folder when a row first needs one."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from .registry import Skipped

SHARED = Path(__file__).resolve().parents[3] / "shared"
"""Documents of other people, beside the clone; not part of the repository."""

_PATIENCE = 300.0


def github_document() -> Path:
    """GitHub's own document, 13 MB of JSON.

    Raises:
        Skipped: it does not exist.
    """
    path = SHARED / "specs" / "github.json"
    if not path.is_file():
        raise Skipped(f"{path} does not exist: the document is not part of the repository.")
    return path


@cache
def python_with(package: str) -> Path:
    """Return the Python of a temporary environment with a package.

    Raises:
        Skipped: pip could not install it.
    """
    folder = _temporary(package)
    python = folder / "bin" / "python"
    _run([sys.executable, "-m", "venv", str(folder)], folder, package)
    _run([str(python), "-m", "pip", "install", "--quiet", package], folder, package)
    return python


@cache
def npm_package(name: str) -> Path:
    """Return the folder of a package of npm, unpacked.

    Raises:
        Skipped: npm is missing, or could not fetch it.
    """
    if shutil.which("npm") is None:
        raise Skipped(f"{name} could not be fetched: there is no npm.")
    folder = _temporary(name)
    _run(["npm", "pack", "--silent", name], folder, name)
    with tarfile.open(next(folder.glob("*.tgz"))) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


@cache
def npm_program(package: str, command: str) -> Path:
    """Return a program of npm, installed with its dependencies.

    Raises:
        Skipped: npm is missing, or could not install it.
    """
    if shutil.which("npm") is None:
        raise Skipped(f"{package} could not be installed: there is no npm.")
    folder = _temporary(command)
    _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package], folder, package)
    return folder / "node_modules" / ".bin" / command


def _temporary(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"astro_nb-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _run(command: list[str], folder: Path, package: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Skipped(f"{package} could not be installed: {error}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
        raise Skipped(f"{package} could not be installed: {last}")

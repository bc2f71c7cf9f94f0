"""The plan of the house, held against the code: storeys, doors, sentences, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "astro_nb"
ROOT = PACKAGE.parent

DOORS: dict[str, tuple[str, ...]] = {
    "IPython": ("approval", "progress"),
    "dotenv": ("environment",),
    "http.server": ("sandbox",),
    "httpx": ("wire", "client", "sandbox"),
    "ipywidgets": ("ui",),
    "jsonpath_rfc9535": ("pick",),
    "jsonschema_rs": ("contract",),
    "keyring": ("environment",),
    "nbclient": ("runbook",),
    "nbformat": ("runbook",),
    "openapi_core": ("contract",),
    "orjson": ("*",),  # our JSON: as free as the standard library's
    "pandas": ("tables",),
    "platformdirs": ("spec",),
    "rstr": ("fields",),
    "sqlite3": ("history",),
    "tqdm": ("cli",),
    "typer": ("cli",),
    "werkzeug": ("contract",),  # the dictionaries that openapi-core wants
    "yaml": ("plain_yaml",),
}
"""The rooms through which a package may come in; one that is not listed may come in nowhere."""

LONGEST_FUNCTION, LONGEST_CLASS, LONGEST_FILE = 40, 150, 300
LONGER_FILES: dict[str, str] = {}
"""Files that may be longer, each with its reason."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, in full and wherever in the file, with the line."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{stem}.{alias.name}" if stem == "astro_nb" else stem, node.lineno) for alias in node.names)


def ids(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_third_parties_come_in_by_their_door(path: Path) -> None:
    """A third-party package is imported in the rooms that the plan names, and nowhere else."""
    for name, line in imports_of(path):
        top = "http.server" if name.startswith("http.server") else name.split(".")[0]
        ours = top in ("astro_nb", "__future__") or (top in sys.stdlib_module_names and top not in DOORS)
        if ours:
            continue
        assert top in DOORS, f"{ids(path)}:{line} imports {top}, which has no door"
        assert room_of(path) in DOORS[top] or "*" in DOORS[top], f"{ids(path)}:{line} imports {top} beside its door"


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_broad_handlers_and_prints_stay_where_they_belong(path: Path) -> None:
    """`except Exception` stands in the one handler of the widgets; only the command line prints."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception",))
            assert not broad or ids(path) == "ui/status.py", f"{ids(path)}:{node.lineno} catches everything"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert room_of(path) == "cli", f"{ids(path)}:{node.lineno} prints"


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_exemptions_give_their_reason(path: Path) -> None:
    """Every `noqa` and every `type: ignore` says on its line why it is there."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for mark in ("# noqa", "# type: ignore"):
            if mark in line:
                assert "#" in line.partition(mark)[2], f"{ids(path)}:{number} gives no reason"


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_tools_have_nothing_to_say(command: tuple[str, ...]) -> None:
    """ruff and mypy (strict, on the package) pass."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_no_room_without_a_name() -> None:
    """No room is called utils, helpers, common, core or models."""
    names = {part.removesuffix(".py") for path in modules() for part in path.relative_to(PACKAGE).parts}
    assert not names & {"utils", "helpers", "common", "core", "models"}


def test_the_public_list_is_what_is_exported() -> None:
    """`__all__` holds every name that the package defines or imports from its rooms, and each can be had."""
    import astro_nb

    imported = [node for node in ast.walk(tree_of(PACKAGE / "__init__.py")) if isinstance(node, ast.ImportFrom)]
    public = {alias.name for node in imported if node.level for alias in node.names}
    assert public == set(astro_nb.__all__)
    assert all(getattr(astro_nb, name) is not None for name in astro_nb.__all__)


def test_the_top_level_is_bare() -> None:
    """Beside dotfiles and a licence: pyproject.toml, README.md and four folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    top = {name.partition("/")[0] for name in listed} - {"LICENSE"}
    assert {n for n in top if not n.startswith(".")} <= {
        "pyproject.toml", "README.md", "astro_nb", "notebooks", "specs", "tests"
    }  # fmt: skip

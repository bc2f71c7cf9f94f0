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

STOREYS: tuple[tuple[str, ...], ...] = (
    ("errors", "html"),
    ("call", "files", "message", "pick", "plain_yaml", "progress", "tables"),
    ("environment", "spec"),
    ("fields",),
    ("contract", "wire"),
    ("form", "frames", "pace", "sandbox", "snippets"),
    ("exchange",),
    ("client", "guard", "leaks", "lifting", "ops", "origin", "paging", "responses", "waiting"),
    ("chaining", "history", "privileges", "runbook"),
    ("session",),
    ("rounds", "updates"),
    ("bulk", "scan", "ui"),
    ("audit", "workbench"),
    ("cli", "__init__"),
)
"""Rooms from the ground up; a room imports from storeys below its own alone."""

DOORS: dict[str, tuple[str, ...]] = {
    "IPython": ("guard", "progress"),
    "dotenv": ("environment",),
    "http.server": ("sandbox",),
    "httpcore": ("client",),  # what httpx sends by
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


def storey_of(room: str) -> int:
    return next(number for number, rooms in enumerate(STOREYS) if room in rooms)


def ids(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_room_has_a_storey_and_every_storey_its_rooms() -> None:
    """The plan is exhaustive: a room without a storey fails, and so does a name without a room."""
    assert {room_of(path) for path in modules()} == {room for storey in STOREYS for room in storey}


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_imports_go_down(path: Path) -> None:
    """A room imports from storeys below its own, never from its own or above."""
    room = room_of(path)
    for name, line in imports_of(path):
        parts = name.split(".")
        if parts[0] != "astro_nb" or len(parts) < 2 or parts[1] in (room, "__version__"):
            continue
        assert storey_of(parts[1]) < storey_of(room), (
            f"{ids(path)}:{line} imports {parts[1]}, which is not below {room}"
        )


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
def test_a_module_is_one_sentence(path: Path) -> None:
    """Every module begins with its sentence: one line, ended by a full stop or a question mark."""
    sentence = (ast.get_docstring(tree_of(path)) or "").split("\n")[0]
    assert sentence, f"{ids(path)} has no sentence"
    assert len(sentence) <= 120


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_functions_classes_and_files_stay_small(path: Path) -> None:
    """No function is over 40 lines, no class over 150, no file over 300 without its reason."""
    for node in ast.walk(tree_of(path)):
        length = getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert length <= LONGEST_FUNCTION, f"{ids(path)}:{node.lineno} {node.name} has {length} lines"
        elif isinstance(node, ast.ClassDef):
            assert length <= LONGEST_CLASS, f"{ids(path)}:{node.lineno} {node.name} has {length} lines"
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE or ids(path) in LONGER_FILES, f"{ids(path)} has {lines} lines"


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


def test_the_readme_names_every_room() -> None:
    """The README's table of rooms is the plan: every room, and no other."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ") and not line.startswith("| storey")]
    named = {name.strip(" `/") for row in rows if len(row) > 2 for name in row[2].split(",")}
    assert named - {""} == {room for storey in STOREYS for room in storey} - {"__init__"}


def test_the_top_level_is_bare() -> None:
    """Beside dotfiles and a licence: pyproject.toml, README.md and four folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    top = {name.partition("/")[0] for name in listed} - {"LICENSE"}
    assert {n for n in top if not n.startswith(".")} <= {
        "pyproject.toml", "README.md", "astro_nb", "notebooks", "specs", "tests"
    }  # fmt: skip

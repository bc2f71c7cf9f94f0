"""The rules of the architecture, checked in the code: layers, third-party packages, names, documentation."""

from __future__ import annotations

import ast
import collections
import functools
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "astro_nb"

IMPORTERS: dict[str, tuple[str, ...]] = {
    "IPython": ("approval.approval", "progress"),
    "cbor2": ("messages", "sandbox.responses", "serialization.bodies"),
    "dotenv": ("secrets.references",),
    "http.server": ("sandbox.front_ends",),
    "httpx": ("http.*", "sandbox.front_ends"),
    "ipywidgets": ("explorer.*",),
    "jsonpath_rfc9535": ("jsonpath",),
    "jsonschema_rs": ("schema.validation",),
    "keyring": ("secrets.references",),
    "nbclient": ("runbooks.run",),
    "nbformat": ("runbooks.notebooks",),
    "openapi_core": ("contract.full",),
    "orjson": ("*",),  # the project's JSON: as free as the standard library's
    "pandas": ("frames",),
    "platformdirs": ("openapi.parsing",),
    "rstr": ("schema.samples",),
    "sqlite3": ("history.*",),
    "tqdm": ("cli.*",),
    "typer": ("cli.*",),
    "werkzeug": ("contract.full",),  # the dictionaries that openapi-core expects
    "yaml": ("yaml",),
}
"""The modules that may import a third-party package, or one of the standard library that is listed here."""

SAME_NAME: dict[str, str] = {
    "format_size": "the size of an upload, and of a response",
    "resolve": "the public verb of templates, and of references in a document",
}
"""Public functions that two modules define under one name, with their meanings; commands of `cli` are free."""

LEAST_MODULES = 100
"""A floor for every check: fewer modules mean that the check looked in the wrong place."""


class Import(NamedTuple):
    """An import of a module: what is imported, where, and on which line."""

    target: str
    module: str
    line: int


@functools.cache
def read_modules() -> dict[str, tuple[str, ast.Module]]:
    """Return the text and the syntax tree of every module by its name below the package, such as `http.retry`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found[".".join(path.relative_to(PACKAGE).with_suffix("").parts)] = (text, ast.parse(text))
    assert len(found) >= LEAST_MODULES
    return found


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Yield the nodes of these kinds in all modules, each with the name of its module."""
    for name, (_, tree) in read_modules().items():
        yield from ((name, node) for node in ast.walk(tree) if isinstance(node, kinds))


def absolute_imports() -> Iterator[Import]:
    """Yield every import that is not relative, wherever it stands in a module."""
    for module, node in nodes(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, module, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield Import(node.module or "", module, node.lineno)


def is_allowed(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(module) for fnmatch in map(matcher, patterns))


def matcher(pattern: str) -> Callable[[str], bool]:
    return lambda module: re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), module) is not None


def run_tool(*command: str) -> None:
    """Run a program of the environment at the root of the repository; fail with its output if it fails."""
    program = str(Path(sys.executable).with_name(command[0]))
    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]


# --- tools ------------------------------------------------------------------------------------------------------------


def test_imports_go_down_the_layers() -> None:
    """import-linter accepts the imports: the contract stands in pyproject.toml."""
    run_tool("lint-imports", "--no-cache")


def test_ruff_check_passes() -> None:
    """ruff finds nothing, complexity included."""
    run_tool("ruff", "check", ".")


def test_ruff_format_passes() -> None:
    """All Python files are formatted by ruff."""
    run_tool("ruff", "format", "--check", ".")


def test_mypy_passes() -> None:
    """mypy, strict, finds nothing in the package."""
    run_tool("mypy")


# --- imports ----------------------------------------------------------------------------------------------------------


def test_each_third_party_package_has_its_importers() -> None:
    """A third-party package is imported by the modules that the table names, and by no other."""
    seen = set()
    for target, module, line in absolute_imports():
        top = "http.server" if target.startswith("http.server") else target.partition(".")[0]
        if top == "astro_nb" or (top in sys.stdlib_module_names and top not in IMPORTERS):
            continue
        assert top in IMPORTERS, f"{module}:{line} imports {top}, which is not in the table"
        assert is_allowed(module, IMPORTERS[top]), f"{module}:{line} imports {top}; only {IMPORTERS[top]} may"
        seen.add(top)
    assert seen == set(IMPORTERS), f"imported by no module: {set(IMPORTERS) - seen}"


def test_third_party_packages_are_declared() -> None:
    """Each third-party package in the table is a dependency in pyproject.toml, or comes with one."""
    distributions = {"dotenv": "python-dotenv", "yaml": "PyYAML", "IPython": "ipywidgets", "werkzeug": "openapi-core"}
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = text.partition("\ndependencies = [")[2].partition("]")[0]
    third_party = [name for name in IMPORTERS if name.partition(".")[0] not in sys.stdlib_module_names]
    assert len(third_party) > 10
    for name in third_party:
        distribution = distributions.get(name, name.replace("_", "-"))
        assert f'"{distribution}>=' in declared, f"{distribution} is not declared"


# --- code -------------------------------------------------------------------------------------------------------------


def test_broad_handlers_raise_again_or_give_their_reason() -> None:
    """A handler of `Exception` or `BaseException` ends in `raise`, or a comment on its line says why it is so broad."""
    broad = 0
    for module, node in nodes(ast.ExceptHandler):
        assert isinstance(node, ast.ExceptHandler)
        named = node.type.id if isinstance(node.type, ast.Name) else ""
        if node.type is not None and named not in ("Exception", "BaseException"):
            continue
        broad += 1
        last = node.body[-1]
        raises = isinstance(last, ast.Raise) and last.exc is None
        line = read_modules()[module][0].splitlines()[node.lineno - 1]
        reason = line.rpartition("#")[2].strip() if "#" in line else ""
        assert raises or (reason and not reason.startswith("noqa")), f"{module}:{node.lineno} gives no reason"
    assert broad >= 3


def test_only_the_command_line_prints() -> None:
    """`print` is called in `cli` alone."""
    calls = 0
    for module, node in nodes(ast.Call):
        assert isinstance(node, ast.Call)
        calls += 1
        prints = isinstance(node.func, ast.Name) and node.func.id == "print"
        assert not prints or module.startswith("cli."), f"{module}:{node.lineno} prints"
    assert calls > 1000


def test_exemptions_give_their_reason() -> None:
    """Every `noqa` and every `type: ignore` has its reason on the line."""
    exemptions = 0
    for module, (text, _) in read_modules().items():
        for number, line in enumerate(text.splitlines(), 1):
            for mark in ("# noqa", "# type: ignore"):
                if mark in line:
                    exemptions += 1
                    assert "#" in line.partition(mark)[2], f"{module}:{number} gives no reason"
    assert exemptions >= 3


# --- names and documentation ------------------------------------------------------------------------------------------


def test_every_module_has_a_docstring() -> None:
    """Every module says in its docstring what it is for."""
    assert [name for name, (_, tree) in read_modules().items() if not ast.get_docstring(tree)] == []


def test_no_module_has_a_vague_name() -> None:
    """No module is called utils, helpers, common, core or models."""
    names = {part for name in read_modules() for part in name.split(".")}
    assert not names & {"utils", "helpers", "common", "core", "models"}


def test_a_public_function_has_one_module() -> None:
    """No two modules define a public function of one name, except commands and the few in the table."""
    owners = collections.defaultdict(list)
    for module, (_, tree) in read_modules().items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                owners[node.name].append(module)
    assert len(owners) > 300
    shared = {
        name: modules
        for name, modules in owners.items()
        if len([module for module in modules if not module.startswith("cli.")]) > 1
    }
    assert {name: shared[name] for name in shared if name not in SAME_NAME} == {}
    assert set(SAME_NAME) <= set(shared), f"no longer needed: {set(SAME_NAME) - set(shared)}"


def test_packages_list_what_they_export() -> None:
    """`__all__` of the package and of each package in it names what its `__init__` defines, or else imports."""
    checked = 0
    for name, (_, tree) in read_modules().items():
        if name.rpartition(".")[2] != "__init__":
            continue
        package = importlib.import_module(".".join(["astro_nb", *name.split(".")[:-1]]))
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
            for alias in node.names
        }
        defined = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        }
        listed = package.__all__
        assert len(listed) == len(set(listed)), name
        assert set(listed) == (defined or imported), f"{name}: {set(listed) ^ (defined or imported)}"
        assert all(hasattr(package, each) for each in listed), name
        checked += 1
    assert checked > 20


def test_the_table_of_packages_is_complete() -> None:
    """The table in astro_nb/README.md has a row for every module and package at the top, and for nothing else."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| *\d+ *\|", line)]
    listed = [name for row in rows for name in re.findall(r"`([a-z_]+)/?`", row.split("|")[2])]
    names = {name.partition(".")[0] for name in read_modules()} - {"__init__"}
    assert len(names) > 25
    assert sorted(listed) == sorted(names)


def test_the_top_level_of_the_repository_is_bare() -> None:
    """Besides dotfiles and a licence: pyproject.toml, README.md and four folders."""
    command = ["git", "ls-files"]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    top = {name.partition("/")[0] for name in files}
    assert {name for name in top if not name.startswith(".")} == {
        "LICENSE", "README.md", "astro_nb", "notebooks", "pyproject.toml", "specs", "tests"
    }  # fmt: skip


def test_examples_of_properties_do_not_depend_on_what_ran_before() -> None:
    """By default hypothesis draws the same examples in every run, with the constants of all modules."""
    assert settings.get_profile("repeatable").derandomize
    assert settings.get_profile("repeatable").database is None
    modules = {
        f"astro_nb.{path.relative_to(PACKAGE).with_suffix('')}".replace("/", ".") for path in PACKAGE.rglob("*.py")
    }
    names = {name.removesuffix(".__init__") for name in modules}
    assert len(names) > 100
    assert names <= {*sys.modules, "astro_nb.__init__"}, names - set(sys.modules)

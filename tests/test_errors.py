"""All errors are in one tree and say what to do."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_nb import errors
from astro_nb.errors import AstroNbError, PickError, UnknownName, WaitTimeout, closest_names

PACKAGE = Path(errors.__file__).parent
TREE = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, AstroNbError)}


def drawn() -> Iterator[tuple[str, str]]:
    """(class, parent) for each line of the tree in the module's docstring."""
    above: list[str] = []
    for indent, name in re.findall(r"^([│ ├└─]*)([A-Z]\w+)(?:  .*)?$", errors.__doc__ or "", re.M):
        depth = len(indent) // 4
        above[depth:] = [name]
        yield name, above[depth - 1] if depth else "Exception"


def written_sentences() -> Iterator[tuple[str, ast.expr]]:
    """(place, argument) for each sentence that the package writes into an error: what happened, and what to do."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if isinstance(node, ast.Call) and name in TREE and name != "UnknownName":
                yield from ((f"{path.relative_to(PACKAGE)}:{node.lineno}", argument) for argument in node.args[:2])


def test_the_tree_that_is_drawn_is_the_tree_that_is() -> None:
    """The docstring shows every class below its parent, and no other."""
    assert dict(drawn()) == {name: kind.__bases__[0].__name__ for name, kind in TREE.items()}


def test_every_class_has_its_sentence() -> None:
    """Every class of the tree has a docstring."""
    assert [name for name, kind in TREE.items() if not (kind.__dict__.get("__doc__") or "").strip()] == []


def test_every_sentence_in_the_package_is_one() -> None:
    """Wherever the package raises, both literal sentences are there, begin, and end in a full stop or a value."""
    found = list(written_sentences())
    assert len(found) > 60
    wrong = []
    for place, argument in found:
        last = argument.values[-1] if isinstance(argument, ast.JoinedStr) and argument.values else argument
        if isinstance(last, ast.Constant) and not re.search(r"[.?…)`]\Z", str(last.value)):
            wrong.append(f"{place}: {last.value!r}")
    assert wrong == []


def test_every_raise_says_what_to_do() -> None:
    """No error of the tree is made with one argument alone."""
    alone = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in TREE
        and len(node.args) + len([k for k in node.keywords if k.arg == "todo"]) < 2
        and not any(isinstance(a, ast.Starred) for a in node.args)
    ]
    assert alone == []


def test_carries_what_and_todo_and_data() -> None:
    """An error reads as two sentences, and its facts are at hand by name."""
    error = WaitTimeout("It took too long.", "Wait longer.", last="CREATING")
    assert (error.what, error.todo, error.data) == ("It took too long.", "Wait longer.", {"last": "CREATING"})
    assert str(error) == "It took too long. Wait longer."


def test_ipython_shows_the_sentence_alone() -> None:
    """In a notebook the error is two lines: what happened, and an arrow to what to do."""
    shown = PickError("The path finds nothing.", "Write another.")._render_traceback_()
    assert shown == ["PickError: The path finds nothing.", "  → Write another."]


@pytest.mark.parametrize("kind", TREE.values())
def test_every_class_survives_pickle(kind: type[AstroNbError]) -> None:
    """Each class of the tree can be sent to another process, notes and all."""
    error = UnknownName("kind", "n", []) if kind is UnknownName else kind("It happened.", "Do this.", number=5)
    error.add_note("in cell 3")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # made on this line
    assert (type(again), str(again), again.data) == (kind, str(error), error.data)
    assert again.__notes__ == ["in cell 3"]


@pytest.mark.parametrize(
    "error",
    [PickError("It finds nothing.", "Write another.", path="$.x"), UnknownName("operation", "Lst", ["List", "Get"])],
    ids=["plain", "name"],
)
def test_survives_copy_and_pickle(error: AstroNbError) -> None:
    """An error crosses a process (a pool, ipyparallel) and is itself again."""
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  # made on the line above
        assert type(again) is type(error)
        assert (again.what, again.todo, again.data) == (error.what, error.todo, error.data)


@pytest.mark.parametrize(
    ("name", "known", "todo"),
    [
        ("ListDeployment", ["ListDeployments", "GetCluster"], "Did you mean ListDeployments?"),
        ("listdeployments", ["ListDeployments"], "Did you mean ListDeployments?"),
        ("zzz", ["b", "a"], "There are: a, b."),
        ("zzz", [f"n{i}" for i in range(10)], "There are: n0, n1, n2, n3, n4, n5, n6, n7 …."),
        ("zzz", [], "There are none yet: create one first."),
    ],
)
def test_unknown_name_offers_what_there_is(name: str, known: list[str], todo: str) -> None:
    """For an unknown name the error lists the nearest names, else all."""
    error = UnknownName("operation", name, known)
    assert error.what == f"There is no operation named {name!r}."
    assert error.todo.rstrip(".") == todo.rstrip(".")
    assert error.data["kind"] == "operation"
    assert error.data["name"] == name


def test_unknown_name_takes_advice() -> None:
    """The caller's advice is used if no name is similar; otherwise the similar name is."""
    assert UnknownName("variable", "zzz", ["a"], todo="Set it first.").todo == "Set it first."
    assert "alpha" in UnknownName("variable", "alpa", ["alpha"], todo="Set it first.").todo


@pytest.mark.parametrize(
    ("name", "known", "wanted"),
    [
        ("DEPLOYMENTID", ["deploymentId", "workspaceId"], ["deploymentId"]),
        ("Deploy", ["CreateDeploy", "ListDeploys", "GetCluster"], ["ListDeploys", "CreateDeploy"]),
        ("cluster", ["GetClusterOptions"], ["GetClusterOptions"]),
        ("x", ["y"], []),
        ("", ["a"], []),
        ("größe", ["Größe"], ["Größe"]),
    ],
)
def test_closest(name: str, known: list[str], wanted: list[str]) -> None:
    """Close names are similar or contained, whatever their case; the existing spelling is returned."""
    assert sorted(closest_names(name, known)) == sorted(wanted)


def test_closest_is_short() -> None:
    """At most three names are suggested."""
    assert len(closest_names("GetDeployment", [f"GetDeployment{i}" for i in range(20)])) == 3

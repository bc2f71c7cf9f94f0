"""Values for one run, put into a notebook after its parameters: papermill's convention of two tagged cells."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import RunbookError, UnknownName
from ..snippets import literal
from .notebooks import Notebook

TAG, INJECTED = "parameters", "injected-parameters"

_COMPUTED: Any = object()  # the default of a parameter that the notebook computes


def inject(notebook: Notebook, given: Mapping[str, Any]) -> None:
    """Put values into a notebook, in a cell of their own after the one tagged `parameters`.

    A text takes the type of the parameter's default: "3" becomes 3 where the notebook has a number.

    Raises:
        RunbookError: the notebook has no parameters, or a value does not fit.
        UnknownName: the notebook has no parameter of that name.
    """
    if not given:
        return
    defaults = defaults_of(notebook)
    for name in given:
        if name not in defaults:
            raise UnknownName("parameter of the notebook", name, defaults)
    values = {name: _fitted(name, value, defaults[name]) for name, value in given.items()}
    lines = [f"{name} = {literal(value)}" for name, value in values.items()]
    _place(notebook, "\n".join(["# The values of this run", *lines]))


def defaults_of(notebook: Notebook) -> dict[str, Any]:
    """The parameters of a notebook with their defaults.

    Raises:
        RunbookError: it has no cell that is tagged `parameters`, or that cell is not plain Python.
    """
    place = _tagged(notebook, TAG)
    if place is None:
        raise RunbookError(
            "The notebook has no parameters: no code cell is tagged `parameters`.",
            "Run it without values, or tag the cell that sets them.",
        )
    source = re.sub(r"(?m)^\s*[%!].*$", "", str(notebook.cells[place].source))
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise RunbookError(
            f"The parameters cell is not Python: {error.msg}, line {error.lineno}.", "Mend the cell."
        ) from error
    return {name.id: _default(node.value) for node in tree.body for name in _targets(node)}  # type: ignore[attr-defined]  # nodes with targets have a value


def _targets(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _default(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node) if node is not None else _COMPUTED
    except (ValueError, TypeError):
        return _COMPUTED


def _fitted(name: str, value: Any, default: Any) -> Any:
    """A value as the notebook wants it: text by the type of the default, anything else as it is if it is plain data."""
    if isinstance(value, str):
        return _READERS.get(type(default), _as_text)(name, value)
    try:
        same = ast.literal_eval(literal(value)) == value
    except (ValueError, SyntaxError, TypeError):
        same = False
    if not same:
        raise RunbookError(
            f"The parameter {name} cannot be written into a notebook: it is a {type(value).__name__}.",
            "Give plain data; name a secret by its reference, such as env:NAME, in an environment.",
        )
    return value


def _as_text(name: str, text: str) -> str:
    return text


def _as_null(name: str, text: str) -> str | None:
    return None if text.casefold() in ("none", "null") else text


def _as_bool(name: str, text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.casefold() not in known:
        raise RunbookError(f"The parameter {name} is true or false, not {text!r}.", f"Say {name}=true or {name}=false.")
    return known[text.casefold()]


def _as_number(kind: type[int] | type[float], words: str) -> Callable[[str, str], int | float]:
    def read(name: str, text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            raise RunbookError(f"The parameter {name} is {words}, not {text!r}.", f"Say for example {name}=3.")
        return value

    return read


_READERS: dict[type, Callable[[str, str], Any]] = {
    bool: _as_bool,
    int: _as_number(int, "a whole number"),
    float: _as_number(float, "a number"),
    type(None): _as_null,
}
"""How a text is read, by the type of the default; a text stays as it is where there is no row."""


def _place(notebook: Notebook, source: str) -> None:
    """Set the cell of injected values: in place of an earlier one, else after the parameters."""
    import nbformat.v4 as v4  # imported at first use: it is slow

    cell = v4.new_code_cell(source, id=INJECTED, metadata={"tags": [INJECTED]})  # type: ignore[no-untyped-call]  # nbformat ships only some types
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del cell["id"]  # cells have ids since 4.5
    old, after = _tagged(notebook, INJECTED), _tagged(notebook, TAG)
    if old is not None:
        notebook.cells[old] = cell
    else:
        notebook.cells.insert((after or 0) + 1, cell)


def _tagged(notebook: Notebook, tag: str) -> int | None:
    """The place of the first code cell with that tag, or None."""
    return next(
        (n for n, c in enumerate(notebook.cells) if c.cell_type == "code" and tag in c.metadata.get("tags", [])), None
    )

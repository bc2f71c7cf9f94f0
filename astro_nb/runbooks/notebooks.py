"""Values for one run, put into a notebook after its parameters: papermill's convention of two tagged cells.

Notebooks read, made and written; the door to nbformat.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..codegen import literal
from ..errors import RunbookError, UnknownName
from ..files import write_atomically
from .cells import Cell

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


FORMAT = 1
"""Version of what stands under `astro_nb` in a notebook's metadata."""

Notebook = Any
"""An `nbformat.NotebookNode`: a dict whose keys are attributes too."""


def make_notebook(cells: Iterable[Cell], facts: Mapping[str, Any]) -> Notebook:
    """A notebook without outputs; ids of cells are their places, so that two versions differ where they do differ."""
    import nbformat.v4 as v4  # imported at first use: it is slow

    made = [_cell(v4, cell, f"cell-{number}") for number, cell in enumerate(cells, 1)]
    metadata = {
        "astro_nb": {"format": FORMAT, **facts},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return v4.new_notebook(cells=made, metadata=metadata)  # type: ignore[no-untyped-call]  # nbformat ships only some types


def read_notebook(path: Path) -> Notebook:
    """The notebook in a file, in the present format of notebooks.

    Raises:
        RunbookError: there is no such file, it is no notebook, or a later version of astro_nb wrote it.
    """
    import nbformat  # imported at first use: it is slow

    text = _text(path)
    try:
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]  # nbformat ships only some types
        nbformat.validate(notebook)
    except (nbformat.ValidationError, nbformat.reader.NotJSONError, AttributeError, KeyError) as error:
        told = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RunbookError(f"{path} is a damaged notebook: {told}.", "Open it in Jupyter and save it again.") from error
    _require_known_format(notebook, path)
    return notebook


def code_of(path: str | Path) -> list[str]:
    """The sources of the code cells of a notebook.

    Raises:
        RunbookError: as for `read_notebook`.
    """
    return [cell.source for cell in read_notebook(Path(path)).cells if cell.cell_type == "code"]


def write_notebook(path: Path, notebook: Notebook) -> None:
    """Write a notebook whole or not at all, without the state of widgets: that may hold what was typed into them."""
    import nbformat  # imported at first use: it is slow

    notebook.metadata.pop("widgets", None)
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]  # nbformat ships only some types
    write_atomically(path, (text.rstrip("\n") + "\n").encode())


def _cell(v4: Any, cell: Cell, name: str) -> Any:
    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}[cell.kind]
    return make(cell.source, id=name, metadata={"tags": list(cell.tags)} if cell.tags else {})


def _text(path: Path) -> str:
    """The text of a file that looks like a notebook."""
    if not path.is_file():
        raise RunbookError(f"There is no notebook at {path}.", "Look at the path, or write one: api.runbook.write(…).")
    try:
        text = path.read_text(encoding="utf-8")
        is_notebook = isinstance(data := json.loads(text), dict) and isinstance(data.get("nbformat"), int)
    except ValueError:
        is_notebook = False
    if not is_notebook:
        raise RunbookError(f"{path} is not a notebook.", "Give the path of a file that ends in .ipynb.")
    return text


def _require_known_format(notebook: Notebook, path: Path) -> None:
    facts = notebook.metadata.get("astro_nb")
    version = facts.get("format", FORMAT) if isinstance(facts, Mapping) else FORMAT
    if not isinstance(version, int) or version > FORMAT:
        raise RunbookError(f"{path} has format {version}; this astro_nb runs {FORMAT}.", "Update astro_nb.")

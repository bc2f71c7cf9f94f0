"""Read, build and write notebooks with nbformat, and inject parameters into them.

Parameters follow papermill's convention: defaults in a cell tagged `parameters`, values of one run in a cell tagged
`injected-parameters` after it.
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
from ..files import save_file
from .cells import Cell

PARAMETERS_TAG, INJECTED_TAG = "parameters", "injected-parameters"

_COMPUTED: Any = object()  # a default that is not a literal


def inject_parameters(notebook: Notebook, given: Mapping[str, Any]) -> None:
    """Insert parameter values into a notebook, in a cell after the one tagged `parameters`.

    A text is converted to the type of the parameter's default: "3" becomes 3 if the default is a number.

    Raises:
        RunbookError: the notebook has no parameters, or a value has the wrong type.
        UnknownName: the notebook has no parameter with that name.
    """
    if not given:
        return
    defaults = read_defaults(notebook)
    for name in given:
        if name not in defaults:
            raise UnknownName("parameter of the notebook", name, defaults)
    values = {name: _convert(name, value, defaults[name]) for name, value in given.items()}
    lines = [f"{name} = {literal(value)}" for name, value in values.items()]
    _insert_injected_cell(notebook, "\n".join(["# Values of this run", *lines]))


def read_defaults(notebook: Notebook) -> dict[str, Any]:
    """Return the parameters of a notebook with their defaults.

    Raises:
        RunbookError: no cell is tagged `parameters`, or that cell is not Python.
    """
    place = _find_tagged_cell(notebook, PARAMETERS_TAG)
    if place is None:
        raise RunbookError(
            "The notebook has no parameters: no code cell is tagged `parameters`.",
            "Run it without parameters, or tag the cell that sets them.",
        )
    source = re.sub(r"(?m)^\s*[%!].*$", "", str(notebook.cells[place].source))
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise RunbookError(
            f"The parameters cell is not Python: {error.msg}, line {error.lineno}.", "Correct the cell."
        ) from error
    return {name.id: _literal_default(node.value) for node in tree.body for name in _assigned_names(node)}  # type: ignore[attr-defined]  # nodes with targets have a value


def _assigned_names(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _literal_default(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node) if node is not None else _COMPUTED
    except (ValueError, TypeError):
        return _COMPUTED


def _convert(name: str, value: Any, default: Any) -> Any:
    """Convert a text to the type of the default; accept anything else unchanged if it is plain data."""
    if isinstance(value, str):
        return _READERS.get(type(default), _keep_text)(name, value)
    try:
        same = ast.literal_eval(literal(value)) == value
    except (ValueError, SyntaxError, TypeError):
        same = False
    if not same:
        raise RunbookError(
            f"The parameter {name} cannot be written into a notebook because it is a {type(value).__name__}.",
            "Pass plain data. Refer to a secret in an environment, such as env:NAME.",
        )
    return value


def _keep_text(name: str, text: str) -> str:
    return text


def _read_null(name: str, text: str) -> str | None:
    return None if text.casefold() in ("none", "null") else text


def _read_bool(name: str, text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.casefold() not in known:
        raise RunbookError(
            f"The parameter {name} must be true or false, not {text!r}.", f"Pass {name}=true or {name}=false."
        )
    return known[text.casefold()]


def _number_reader(kind: type[int] | type[float], description: str) -> Callable[[str, str], int | float]:
    def read(name: str, text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            raise RunbookError(
                f"The parameter {name} must be {description}, not {text!r}.", f"Pass for example {name}=3."
            )
        return value

    return read


_READERS: dict[type, Callable[[str, str], Any]] = {
    bool: _read_bool,
    int: _number_reader(int, "a whole number"),
    float: _number_reader(float, "a number"),
    type(None): _read_null,
}
"""How a text is converted, by the type of the default; other types keep the text."""


def _insert_injected_cell(notebook: Notebook, source: str) -> None:
    """Replace the cell of injected values, or insert one after the parameters."""
    import nbformat.v4 as v4  # imported at first use: it is slow

    cell = v4.new_code_cell(source, id=INJECTED_TAG, metadata={"tags": [INJECTED_TAG]})  # type: ignore[no-untyped-call]  # nbformat ships only some types
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del cell["id"]  # cells have ids since 4.5
    old, after = _find_tagged_cell(notebook, INJECTED_TAG), _find_tagged_cell(notebook, PARAMETERS_TAG)
    if old is not None:
        notebook.cells[old] = cell
    else:
        notebook.cells.insert((after or 0) + 1, cell)


def _find_tagged_cell(notebook: Notebook, tag: str) -> int | None:
    """Return the index of the first code cell with that tag, or None."""
    return next(
        (n for n, c in enumerate(notebook.cells) if c.cell_type == "code" and tag in c.metadata.get("tags", [])), None
    )


FORMAT = 1
"""Version of the `astro_nb` entry in a notebook's metadata."""

Notebook = Any
"""An `nbformat.NotebookNode`: a dict whose keys are attributes too."""


def text_output(text: str) -> Notebook:
    """Return an output of a cell that shows a text as an error."""
    import nbformat.v4 as v4  # imported at first use: it is slow

    return v4.new_output("stream", name="stderr", text=text)  # type: ignore[no-untyped-call]  # nbformat ships only some types


def make_notebook(cells: Iterable[Cell], facts: Mapping[str, Any]) -> Notebook:
    """Build a notebook without outputs. Cell ids are their positions, so that a diff of two versions stays small."""
    import nbformat.v4 as v4  # imported at first use: it is slow

    made = [_make_cell(v4, cell, f"cell-{number}") for number, cell in enumerate(cells, 1)]
    metadata = {
        "astro_nb": {"format": FORMAT, **facts},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return v4.new_notebook(cells=made, metadata=metadata)  # type: ignore[no-untyped-call]  # nbformat ships only some types


def read_notebook(path: Path) -> Notebook:
    """Read the notebook in a file, converted to nbformat 4.

    Raises:
        RunbookError: the file does not exist, is not a notebook, or was written by a newer astro_nb.
    """
    import nbformat  # imported at first use: it is slow

    text = _read_notebook_text(path)
    try:
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]  # nbformat ships only some types
        nbformat.validate(notebook)
    except (nbformat.ValidationError, nbformat.reader.NotJSONError, AttributeError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RunbookError(
            f"{path} is a damaged notebook: {reason}.", "Open it in Jupyter and save it again."
        ) from error
    _require_known_format(notebook, path)
    return notebook


def read_code_cells(path: str | Path) -> list[str]:
    """Return the sources of the code cells of a notebook.

    Raises:
        RunbookError: as for `read_notebook`.
    """
    return [cell.source for cell in read_notebook(Path(path)).cells if cell.cell_type == "code"]


def write_notebook(path: Path, notebook: Notebook) -> None:
    """Write a notebook atomically, without widget state, which may hold typed secrets.

    Raises:
        SettingsError: the file cannot be written.
    """
    import nbformat  # imported at first use: it is slow

    notebook.metadata.pop("widgets", None)
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]  # nbformat ships only some types
    save_file(path, (text.rstrip("\n") + "\n").encode())


def _make_cell(v4: Any, cell: Cell, name: str) -> Any:
    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}[cell.kind]
    return make(cell.source, id=name, metadata={"tags": list(cell.tags)} if cell.tags else {})


def _read_notebook_text(path: Path) -> str:
    """Read the text of a file, and check that it looks like a notebook."""
    if not path.is_file():
        raise RunbookError(
            f"There is no notebook at {path}.", "Check the path, or write a runbook: api.runbook.write(…)."
        )
    try:
        text = path.read_text(encoding="utf-8")
        is_notebook = isinstance(data := json.loads(text), dict) and isinstance(data.get("nbformat"), int)
    except ValueError:
        is_notebook = False
    if not is_notebook:
        raise RunbookError(f"{path} is not a notebook.", "Pass the path of a file that ends in .ipynb.")
    return text


def _require_known_format(notebook: Notebook, path: Path) -> None:
    facts = notebook.metadata.get("astro_nb")
    version = facts.get("format", FORMAT) if isinstance(facts, Mapping) else FORMAT
    if not isinstance(version, int) or version > FORMAT:
        raise RunbookError(f"{path} has format {version}, but this astro_nb runs format {FORMAT}.", "Update astro_nb.")

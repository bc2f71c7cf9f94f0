"""Notebooks read, made and written; the door to nbformat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import RunbookError
from ..files import write_atomically
from .cells import Cell

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

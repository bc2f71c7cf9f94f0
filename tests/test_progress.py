"""Progress: long work shows one line in a notebook that stays; short work, or work elsewhere, shows nothing."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from astro_nb import html
from astro_nb.exchange import WAITING, Attempt
from astro_nb.progress import Progress, progress_bar
from astro_nb.workbench.workbench import AttemptProgress


@pytest.mark.parametrize(
    ("fraction", "width"), [(0.0, "0%"), (0.25, "25%"), (0.999, "100%"), (1.0, "100%"), (1.7, "100%"), (-0.5, "0%")]
)
def test_a_bar_is_as_long_as_what_is_done(fraction: float, width: str) -> None:
    """The bar shows the fraction done, and never more than all or less than nothing."""
    markup = str(progress_bar("Pages", fraction, "5 of 20"))
    assert f"width:{width};" in markup
    assert "Pages · 5 of 20" in markup


def test_an_unknown_end_is_not_a_full_bar() -> None:
    """If the fraction is unknown, the text is shown without a bar."""
    markup = str(progress_bar("Pages", None, "5 of ?"))
    assert "5 of ?" in markup
    assert "width:100%" not in markup


def test_a_picture_is_between_text_and_bar() -> None:
    """The picture is HTML already and is not escaped."""
    markup = str(progress_bar("Waiting", 0.5, "CREATING", html.pill("CREATING 12 s")))
    assert markup.index("Waiting · CREATING") < markup.index("CREATING 12 s</span>") < markup.index("width:50%")
    finished = str(progress_bar("Waiting", 1.0, "HEALTHY", html.pill("HEALTHY")))
    assert "width:100%" not in finished, "a finished picture needs no bar"


def test_words_are_escaped_and_style_is_inline() -> None:
    """A server's text does not become markup, and the front end's sanitizer removes nothing."""
    markup = str(progress_bar("<b>", 0.5, "<script>"))
    assert "<script" not in markup
    assert "<b>" not in markup
    assert re.search(r"<style|\bclass=|\bid=", markup) is None


def test_nothing_is_printed_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a notebook no progress is printed, however long the work takes."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress("Waiting")
    for second in range(60):
        now[0] = float(second)
        progress(second / 60, "still")
    assert capsys.readouterr() == ("", "")


CELLS = [
    "import time\nfrom astro_nb.progress import Progress",
    "progress = Progress('Short')\nfor n in range(50):\n    progress(n / 50, f'{n}')",
    "progress = Progress('Long')\ntime.sleep(0.5)\n"
    "for n in range(400):\n    progress(n / 400, f'step {n}')\n    time.sleep(0.001)\nprogress(1.0, 'all done')",
    "progress = Progress('Quick end')\nprogress(1.0, 'all done')",
]


def test_a_notebook_keeps_one_line_as_it_last_was(tmp_path: Path) -> None:
    """In a kernel, long work leaves one output with the last state, no widget; short work leaves none."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    updates = []

    class Watched(NotebookClient):  # type: ignore[misc]  # nbclient has no types
        def process_message(self, message: dict, cell: object, index: int) -> object:  # type: ignore[type-arg]  # as theirs
            updates.append(message["msg_type"])
            return super().process_message(message, cell, index)

    Watched(book, timeout=30, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [len(cell.outputs) for cell in book.cells] == [0, 0, 1, 0]
    (output,) = book.cells[2].outputs
    assert output.output_type == "display_data"
    assert "Long · all done" in output.data["text/html"]
    assert output.data["text/plain"] == "Long · all done"
    assert "width:100%" in output.data["text/html"]
    assert "widgets" not in book.metadata
    assert 2 <= updates.count("update_display_data") + updates.count("display_data") <= 9


def test_progress_can_be_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ASTRO_NB_PROGRESS=off a notebook shows no progress; without the variable the same cell does."""
    source = "from astro_nb.progress import Progress\nProgress('Pages', delay=-1.0)(1.0, 'all')"
    shown = []
    for value in ("off", ""):
        monkeypatch.setenv("ASTRO_NB_PROGRESS", value)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute(cwd=str(tmp_path))
        shown.append([output.data["text/plain"] for output in notebook.cells[0].outputs])
    assert shown == [[], ["Pages · all"]]


def test_attempts_are_shown_while_a_cell_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last response and the time of the next attempt, then the result; nothing for an immediate success."""
    reports: list[tuple[float | None, str]] = []

    class RecordedProgress(Progress):
        def _show(self, fraction: float | None, words: str, picture: html.Markup) -> None:
            reports.append((fraction, words))

    monkeypatch.setattr("astro_nb.workbench.workbench.Progress", RecordedProgress)
    monkeypatch.setattr("astro_nb.progress.in_notebook", lambda: True)
    monkeypatch.setattr("astro_nb.progress._INTERVAL", 0.0)
    attempts = AttemptProgress(10)
    attempts(Attempt(1, 0.0, 0.1, "200"))
    assert reports == []
    attempts(Attempt(1, 0.0, 0.0, WAITING, "waiting 29.0 s for the rate limit (logs: 2 in 60 s)", 29.0))
    attempts(Attempt(1, 0.0, 0.1, "429", "retried after 2.1 s", 2.1))
    attempts(Attempt(2, 2.2, 0.1, "200"))
    attempts(Attempt(1, 0.0, 0.1, "200"))
    assert reports == [
        (None, "waiting 29.0 s for the rate limit (logs: 2 in 60 s)"),
        (None, "429, attempt 2 of 10, in 2.1 s"),
        (1.0, "200 at attempt 2"),
    ]

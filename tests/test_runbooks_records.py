"""A run leaves a record that says how it ended, however it ends; it never overwrites that of another run."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

import astro_nb as anb
from astro_nb.errors import AstroNbError, RunbookError, SettingsError
from astro_nb.files import local_path, save_file
from astro_nb.runbooks import run
from astro_nb.runbooks.records import reserve_output

PATIENCE = 60.0
COMMAND = [sys.executable, "-c", "from astro_nb.cli import main; main()"]


def notebook(path: Path, *sources: str) -> Path:
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), path)
    return path


def state_of(path: Path) -> Any:
    return nbformat.read(path, as_version=4).metadata["astro_nb"]["run"]["state"]


def test_runs_of_one_second_have_their_own_records(tmp_path: Path) -> None:
    """However many runs begin at once, each has a file of its own from its beginning."""
    source = notebook(tmp_path / "a.ipynb", "1")
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: reserve_output(source, None), range(60)))
    assert len(set(found)) == 60
    assert {path.parent for path in found} == {tmp_path / ".astro_nb" / "runs"}
    assert all(path.is_file() for path in found)
    assert (tmp_path / ".astro_nb" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    "output",
    ["s3://bucket/out.ipynb", "gs://b/o.ipynb", "https://example.com/o.ipynb", "abfs://c@a/o.ipynb", "-", "file:///o.ipynb",
     Path("s3://bucket/out.ipynb"), "out.html", "out.pdf", "out"],
)  # fmt: skip
def test_an_output_that_cannot_be_written_is_refused_first(output: Any, tmp_path: Path) -> None:
    """Nothing is run, and no folder named `s3:` is made."""
    source = notebook(tmp_path / "a.ipynb", "open('ran', 'w')")
    here = set(Path.cwd().iterdir())
    with pytest.raises((SettingsError, RunbookError)) as caught:
        run(source, output=output)
    assert "Give" in caught.value.todo
    assert set(Path.cwd().iterdir()) == here
    assert not (tmp_path / "ran").exists()


def test_a_path_that_is_one_is_accepted() -> None:
    """A drive of Windows, and a name with a colon, are paths."""
    assert [str(local_path(text)) for text in ("C:/x.ipynb", "a:b.ipynb", "x/s3:y", "s3")] == [
        "C:/x.ipynb", "a:b.ipynb", "x/s3:y", "s3",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A file is in the place of a folder: every writer says so, and nothing is run."""
    (tmp_path / ".astro_nb").write_text("")
    source = notebook(tmp_path / "a.ipynb", "open('ran', 'w')")
    below = tmp_path / ".astro_nb" / "x"
    for action in (
        lambda: run(source),
        lambda: run(source, output=below / "o.ipynb"),
        lambda: anb.Environments(below).create("e"),
        lambda: anb.connect(history=below),
        lambda: anb.connect(history="s3://bucket/history"),
        lambda: save_file(below / "f", b""),
    ):
        with pytest.raises(AstroNbError, match=r"cannot be (written|used)|not a file of this machine"):
            action()
    with pytest.raises(RunbookError):
        run(source, output=tmp_path)
    assert not (tmp_path / "ran").exists()
    done = subprocess.run([*COMMAND, "run", str(source)], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert re.fullmatch(r".*cannot be written .*\n", done.stderr)


def test_a_record_that_cannot_be_written_at_the_end_is_kept_elsewhere(tmp_path: Path) -> None:
    """The folder is gone when the run has ended: the record is in a temporary folder, and a warning names it."""
    spoil = f"import shutil, pathlib as p; shutil.rmtree(d := {str(tmp_path / 'out')!r}); p.Path(d).touch()"
    source = notebook(tmp_path / "a.ipynb", "print(6 * 7)", spoil)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = run(source, output=tmp_path / "out" / "o.ipynb")
    assert result.output.is_file()
    assert not result.output.is_relative_to(tmp_path)
    assert state_of(result.output) == "ok"
    assert any(str(result.output) in str(each.message) for each in seen)
    result.output.unlink()
    result.output.parent.rmdir()


def test_the_record_says_how_a_run_ended(tmp_path: Path) -> None:
    """It is marked as running while the run goes on, then as ok or failed; the notebook itself is not changed."""
    look = "import json, pathlib; json.loads(next(pathlib.Path('.astro_nb/runs').iterdir()).read_text())['metadata']"
    source = notebook(tmp_path / "a.ipynb", look, "1 / 0")
    before = source.read_bytes()
    result = run(source)
    assert state_of(result.output) == "failed"
    assert "'state': 'running'" in str(nbformat.read(result.output, as_version=4).cells[0].outputs)
    assert source.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_leaves_its_record(number: int, tmp_path: Path) -> None:
    """After SIGTERM or Ctrl-C the record has the outputs so far and says that it was interrupted; no traceback."""
    source = notebook(
        tmp_path / "a.ipynb", "print('first')", "open('begun', 'w').close(); import time; time.sleep(100)", "3"
    )
    command = [*COMMAND, "run", str(source), "--output", str(tmp_path / "o.ipynb")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "begun").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert state_of(tmp_path / "o.ipynb") == "running"
        process.send_signal(number)
        out, errors = process.communicate(timeout=PATIENCE)
    name = signal.Signals(number).name
    assert process.returncode == 128 + number, (out, errors)
    assert f"The run was interrupted ({name}). Its record: {tmp_path / 'o.ipynb'}" in errors
    assert "Traceback" not in out + errors
    record = nbformat.read(tmp_path / "o.ipynb", as_version=4)
    assert record.metadata["astro_nb"]["run"]["state"] == "interrupted"
    assert record.cells[0].outputs[0].text == "first\n"
    assert f"interrupted here ({name})" in record.cells[1].outputs[-1].text
    assert record.cells[2].outputs == []

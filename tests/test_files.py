"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from astro_nb.files import write_atomically

posix = pytest.mark.skipif(sys.platform == "win32", reason="permission bits and symbolic links are POSIX's")


def test_makes_the_folders(tmp_path: Path) -> None:
    """Missing folders are created, and no temporary file is left."""
    path = tmp_path / "a" / "b" / "ключ.yaml"
    write_atomically(path, b"one")
    assert path.read_bytes() == b"one"
    assert os.listdir(path.parent) == [path.name]


def test_replaces_what_was_there(tmp_path: Path) -> None:
    """The new content replaces the old one completely, also if it is shorter or empty."""
    path = tmp_path / "f"
    for content in (b"long content", b"short", b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["f"]


def test_a_failure_leaves_all_as_it_was(tmp_path: Path) -> None:
    """When the file cannot be put in place, the place is untouched and no temporary file is left."""
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "kept").touch()
    with pytest.raises(OSError, match=r"f|directory"):
        write_atomically(tmp_path / "f", b"data")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["f", "kept"]


def test_a_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    """A value that is not bytes is rejected before the old content is replaced."""
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]  # that is what is tested
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    """While two writers replace a file repeatedly, a reader sees one complete content or the other."""
    path, size = tmp_path / "f", 200_000
    write_atomically(path, b"a" * size)

    def write(letter: bytes) -> None:
        for _ in range(40):
            write_atomically(path, letter * size)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        seen.append(path.read_bytes())
    for writer in writers:
        writer.join()
    assert seen
    assert all(content in (b"a" * size, b"b" * size) for content in seen)
    assert os.listdir(tmp_path) == ["f"]


@posix
def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    """A notebook that a class may read is still readable for it after it was rewritten."""
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o664)
    write_atomically(path, b"new")
    assert oct(stat.S_IMODE(path.stat().st_mode)) == oct(0o664)


@posix
def test_a_new_file_is_as_others_are(tmp_path: Path) -> None:
    """A new file has the permissions that the umask leaves it, as one written by `open`."""
    (tmp_path / "plain").touch()
    write_atomically(tmp_path / "ours", b"")
    plain, ours = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours"))
    assert oct(ours) == oct(plain)


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """A file that is a link to the real one is written through it."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@posix
def test_what_only_its_owner_may_read_is_never_open_to_others(tmp_path: Path) -> None:
    """A file of mode 600 keeps it, and so does a link's target; a link to nothing makes its target."""
    (tmp_path / "real").touch(mode=0o600)
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert oct(stat.S_IMODE((tmp_path / "real").stat().st_mode)) == oct(0o600)
    (tmp_path / "dangling").symlink_to("later/file")
    write_atomically(tmp_path / "dangling", b"new")
    assert (tmp_path / "later" / "file").read_bytes() == b"new"

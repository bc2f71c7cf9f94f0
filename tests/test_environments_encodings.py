"""Files in other encodings and with odd names are read, or refused in a sentence that has nothing of their content."""

from __future__ import annotations

import contextlib
import traceback
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro_nb.environments import Environments, Variables, environment_names, load_environment, load_shared
from astro_nb.errors import SettingsError, UnknownName
from astro_nb.secrets import Reference, Secret

VALUE = "planted-7f3a"
TEXT = f"# a comment\nOTHER=1\nAPI_TOKEN={VALUE}\nLAST=x\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "ascii")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_dotenv_file_is_read_in_any_encoding(
    encoding: str, newline: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever editor wrote it: the value is the same, without a mark or a carriage return."""
    text = TEXT.replace("comment", "comment in plain words" if encoding == "ascii" else "gr\xfcn").replace(
        "\n", newline
    )
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    monkeypatch.chdir(tmp_path)
    assert Secret("dotenv:API_TOKEN").reveal() == VALUE
    assert Reference("dotenv:LAST").read() == "x"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (f"API_TOKEN={VALUE}\xfc".encode("latin-1"), "not in UTF-8"),
        (b"\x00\x01\x02\x00" + f"API_TOKEN={VALUE}".encode() + b"\x00\xff\xfe", "not a text file"),
        (f"API_TOKEN={VALUE}\n".encode() + b"\x89PNG\x00\x00\xff\x00", "not a text file"),
    ],
)
def test_a_dotenv_file_that_cannot_be_read_is_one_sentence(
    content: bytes, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error, the errors behind it and every frame of the traceback have nothing of the content."""
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    for read in (Secret("dotenv:API_TOKEN").reveal, Reference("dotenv:API_TOKEN").read):
        with pytest.raises(SettingsError, match=word) as caught:
            read()
        error = caught.value
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        frames = [frame for frame in shown.stack if "astro_nb" in frame.filename and "tests" not in frame.filename]
        assert len(frames) >= 2
        assert error.__cause__ is None
        assert error.__context__ is None
        assert VALUE not in str(error) + "".join(map(str, [frame.locals for frame in frames]))
    assert Secret("dotenv:API_TOKEN").value_if_available() == ""
    assert "not set" in repr(Variables(session={"v": Reference("dotenv:API_TOKEN")}))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_no_content_makes_another_error(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any bytes are read or refused; nothing else is raised."""
    (tmp_path / ".env").write_bytes(b"A=1\n" + content)
    monkeypatch.chdir(tmp_path)
    found = ""
    with contextlib.suppress(SettingsError):
        found = Secret("dotenv:A").reveal()
    assert found in ("", "1") or b"A" in content


def test_names_are_compared_in_one_normal_form(tmp_path: Path) -> None:
    """A file whose name was written on macOS is found by the name that is typed, and the other way round."""
    composed, apart = unicodedata.normalize("NFC", "pr\xfcfung"), unicodedata.normalize("NFD", "pr\xfcfung")
    assert composed != apart
    (tmp_path / f"{apart}.yaml").write_text("base_url: https://example.com\n", encoding="utf-8")
    folder = Environments(tmp_path)
    for name in (composed, apart):
        assert load_environment(name, tmp_path).name == composed
        assert name in folder
        with pytest.raises(SettingsError, match="exists already"):
            folder.create(name)
    folder.create("child", extends=apart)
    assert load_environment("child", tmp_path).base_url == "https://example.com"
    with pytest.raises(SettingsError, match="is extended by child"):
        folder.remove(composed)
    folder.edit(composed, color="#123456")
    assert len(list(tmp_path.glob("*.yaml"))) == 2
    folder.remove("child")
    folder.remove(apart)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".yml", ".YAML", ".Yml"])
def test_another_suffix_of_yaml_is_found(suffix: str, tmp_path: Path) -> None:
    """`prod.yml` is the environment prod; a change is written to the same file."""
    (tmp_path / f"prod{suffix}").write_text("color: red\n", encoding="utf-8")
    (tmp_path / f"_shared{suffix}").write_text("variables: {region: eu}\n", encoding="utf-8")
    assert "prod" in environment_names(tmp_path)
    assert load_environment("prod", tmp_path).color == "red"
    assert load_shared(tmp_path) == {"region": "eu"}
    Environments(tmp_path).edit("prod", color="blue")
    assert {path.name for path in tmp_path.iterdir()} == {f"prod{suffix}", f"_shared{suffix}"}
    assert load_environment("prod", tmp_path).color == "blue"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """Neither file is read silently."""
    for suffix in (".yaml", ".yml"):
        (tmp_path / f"prod{suffix}").write_text("color: red\n", encoding="utf-8")
    for action in (load_environment, lambda name, folder: Environments(folder).edit(name, color="blue")):
        with pytest.raises(SettingsError, match=r"prod.yaml and .*prod.yml are both"):
            action("prod", tmp_path)
    assert environment_names(tmp_path).count("prod") == 1


def test_a_file_that_is_not_read_is_named(tmp_path: Path) -> None:
    """`prod.json` beside the files is told, and so is a name that differs only in case."""
    (tmp_path / "prod.json").write_text("{}", encoding="utf-8")
    (tmp_path / "Live.yaml").write_text("color: red\n", encoding="utf-8")
    with pytest.raises(UnknownName, match=r"prod.json is not read: its name has to be prod.yaml"):
        load_environment("prod", tmp_path)
    with pytest.raises(UnknownName, match="Did you mean Live"):
        load_environment("live", tmp_path)
    with pytest.raises(SettingsError, match="exists already"):
        Environments(tmp_path).create("live")

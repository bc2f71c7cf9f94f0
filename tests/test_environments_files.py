"""Where secrets may go, and an environment as a file."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.environments import (
    Environment,
    Variables,
    built_in_environments,
    environment_names,
    load_environment,
    save_environment,
)
from astro_nb.errors import AstroNbError, NewerFormat, SecretRefused, SettingsError, UnknownName
from astro_nb.secrets import Secret
from astro_nb.templates import LiteralText, resolve

STEADY = settings(deadline=None, max_examples=100)
PLANTED = "planted-3b9f-c0ffee"
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
LITERALS = st.text(st.characters(codec="utf-8", exclude_characters="{}\\"), max_size=8)


def written(folder: Path, text: str, name: str = "e") -> Environment:
    """Return the environment in a file with this text."""
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_environment(name, folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | LITERALS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LITERALS, inner, max_size=3),
    max_leaves=8,
)


# --- hosts ------------------------------------------------------------------------------------------------------------


HOME = Environment("e", base_url="https://API.example.com/v1", hosts=("Files.example.com",))


@pytest.mark.parametrize(
    "url", ["https://api.example.com/x", "https://api.example.com:8443/", "HTTPS://files.EXAMPLE.com/y?z", "https://u@api.example.com/"]
)  # fmt: skip
def test_secrets_may_be_sent_to_the_hosts_of_the_environment(url: str) -> None:
    """The host of the base URL and the further hosts may see them, in any case, at any port."""
    HOME.require_allowed_host(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.org/", "https://example.com/", "https://api.example.com.evil.org/", "https://evil.org/api.example.com",
        "https://api.example.com@evil.org/", "https://evil.org?api.example.com", "http://api.example.com/", "http://localhost/",
        "http://127.0.0.1/", "ftp://api.example.com/", "//evil.org/", "", "https:///x", "https://[bad/",
        "https://evil.org\\@api.example.com/", "https://api.example.com\\.evil.org/", "https://api.example.com /",
        "https://evil.org\t@api.example.com/", "https://api.example.com\n",
    ],
)  # fmt: skip
def test_secrets_are_not_sent_to_other_hosts(url: str) -> None:
    """Another host, plain HTTP, a look-alike, no URL at all: refused with a message before anything is sent."""
    with pytest.raises(SecretRefused) as caught:
        HOME.require_allowed_host(url)
    assert caught.value.todo


@pytest.mark.parametrize("base", ["http://localhost:8000", "http://127.0.0.1:9", "http://[::1]:80"])
def test_plain_http_is_for_loopback(base: str) -> None:
    """On this machine plain HTTP is allowed; its secrets are not sent to other hosts."""
    Environment("e").with_base_url(base).require_allowed_host(base + "/x")
    with pytest.raises(SecretRefused):
        Environment("e").with_base_url(base).require_allowed_host("https://api.example.com/")


@pytest.mark.parametrize("url", ["https://evil.org/", "https:///x", "file:///etc/passwd"])
def test_without_a_base_url_secrets_go_nowhere(url: str) -> None:
    """An environment without a base URL sends its secrets nowhere."""
    with pytest.raises(SecretRefused):
        Environment("e").require_allowed_host(url)


# --- files ------------------------------------------------------------------------------------------------------------


def test_built_in_environments_need_no_file(tmp_path: Path) -> None:
    """`sandbox` and `astro` need no file, are listed first, and are replaced by a file of their name."""
    assert list(built_in_environments()) == environment_names(tmp_path) == ["sandbox", "astro"]
    assert load_environment("astro", tmp_path).credentials == {"token": "env:ASTRO_API_TOKEN"}
    assert written(tmp_path, "production: true", "astro").production
    written(tmp_path, "{}", "b")
    assert environment_names(tmp_path) == ["sandbox", "astro", "b"]


@given(
    st.builds(
        Environment,
        st.just("e"),
        base_url=st.none() | st.just("https://h/v1"),
        production=st.booleans(),
        credentials=st.dictionaries(NAMES, st.sampled_from(["env:X", "keyring:a/b"]), max_size=2),
        variables=st.dictionaries(
            NAMES, JSON | st.sampled_from(["2026-01-31", "no", "12:30", "env:X", "~"]), max_size=3
        ),
        headers=st.dictionaries(NAMES, LITERALS, max_size=2),
        hosts=st.lists(st.just("h2"), max_size=2).map(tuple),
    )
)
@settings(STEADY, max_examples=40)
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, environment: Environment) -> None:
    """An environment written and read again is the same, texts that look like dates or booleans too."""
    folder = tmp_path_factory.mktemp("e")
    assert save_environment(environment, folder) == folder / "e.yaml"
    assert load_environment("e", folder) == environment


def test_dates_and_booleans_in_a_file_stay_text(tmp_path: Path) -> None:
    """Dates, times and `no` in a file stay text, as in a document; a reference is a secret."""
    text = (
        "variables: {until: 2026-01-31T00:00:00Z, day: 2026-01-31, country: NO, at: 12:30, n: 5, yes: true, s: env:X}\n"
    )
    environment = written(tmp_path, text)
    assert environment.parsed_variables() == {
        "until": "2026-01-31T00:00:00Z", "day": "2026-01-31", "country": "NO", "at": "12:30", "n": 5, "yes": True,
        "s": Secret("env:X"),
    }  # fmt: skip


def test_empty_sections_are_empty(tmp_path: Path) -> None:
    """A field without a value is ignored."""
    text = "spec:\nbase_url:\nproduction:\ncredentials:\nvariables:\nheaders:\nhosts:\ntimeout:\n"
    assert written(tmp_path, text) == written(tmp_path, "")
    assert written(tmp_path, text) == Environment("e")


def test_one_host_may_be_written_plainly(tmp_path: Path) -> None:
    """`hosts: files.example.com` is one host, or refused: never a list of its letters."""
    with contextlib.suppress(SettingsError):
        assert written(tmp_path, "base_url: https://h\nhosts: files.example.com\n").hosts == ("files.example.com",)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- a", SettingsError), ("text", SettingsError), ("a: [", SettingsError), ("a: \0", SettingsError),
        ("base_ulr: https://h", UnknownName), ("1: x", AstroNbError), ("format: 2", NewerFormat),
        ("format: x", NewerFormat), ("production: maybe", SettingsError), ("timeout: {connect: soon}", SettingsError),
        ("variables: [a]", SettingsError), ("variables: text", SettingsError), ("credentials: env:X", SettingsError),
        ("timeout: 30", SettingsError), ("headers: [a]", SettingsError), ("hosts: {a: b}", SettingsError),
        ("base_url: 5", SettingsError),
    ],
)  # fmt: skip
def test_a_malformed_file_is_reported(tmp_path: Path, text: str, error: type[AstroNbError]) -> None:
    """An error in a file is reported when the file is loaded, with its name."""
    with pytest.raises(error) as caught:
        written(tmp_path, text)
    assert "e.yaml" in caught.value.what
    assert caught.value.todo


def test_an_unknown_environment(tmp_path: Path) -> None:
    """For a misspelt name the nearest one is suggested, for a new one the file to write."""
    written(tmp_path, "{}", "production")
    with pytest.raises(UnknownName, match="Did you mean production"):
        load_environment("producton", tmp_path)
    with pytest.raises(UnknownName, match=re.escape(str(tmp_path / "zzz.yaml"))):
        load_environment("zzz", tmp_path)


@pytest.mark.parametrize("where", ["credentials", "variables"])
def test_secrets_are_saved_as_references(tmp_path: Path, where: str) -> None:
    """A reference is written as such; a secret in memory is refused with a message, and nothing is written."""
    held: Any = {where: {"token": Secret.in_memory(PLANTED)}}
    reference: Any = {where: {"token": Secret("env:X")}}
    with pytest.raises(SettingsError) as caught:
        save_environment(replace(Environment("e"), **held), tmp_path)
    assert PLANTED not in repr(caught.value)
    assert list(tmp_path.iterdir()) == []
    try:
        text = save_environment(replace(Environment("e"), **reference), tmp_path).read_text()
    except SettingsError as error:
        text = error.todo
    assert "env:" in text


def test_a_newer_file_is_never_overwritten(tmp_path: Path) -> None:
    """A file of a later format is refused with a message, also when saving, and stays as it is."""
    path = tmp_path / "e.yaml"
    path.write_text("format: 99\nfuture: 1\n")
    for act in (lambda: load_environment("e", tmp_path), lambda: save_environment(Environment("e"), tmp_path)):
        with pytest.raises(NewerFormat, match="99"):
            act()
    assert path.read_text() == "format: 99\nfuture: 1\n"


def test_a_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    """A file that cannot be read is not replaced: its owner has to correct it."""
    (tmp_path / "e.yaml").write_text("a: [")
    with pytest.raises(SettingsError, match="Correct the file"):
        save_environment(Environment("e"), tmp_path)
    assert (tmp_path / "e.yaml").read_text() == "a: ["


@pytest.mark.parametrize(
    "name", ["../e", "a/b", "/etc/passwd", "a\\b", "", ".", "..", ".hidden", "a\0b", "C:e", "x" * 300]
)
def test_a_name_does_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    """A name that cannot be that of a file is refused with a message, when loading and when saving."""
    (tmp_path / "e.yaml").write_text("{}")
    (tmp_path / "f").mkdir()
    for act in (lambda: load_environment(name, tmp_path / "f"), lambda: save_environment(Environment(name), tmp_path)):
        with pytest.raises(SettingsError, match="plain name"):
            act()


@pytest.mark.parametrize("name", ["prod", "Prod 2", "kunde-ä", "v1.2", "環境"])
def test_a_plain_name_is_any_name(tmp_path: Path, name: str) -> None:
    """A name may contain spaces, dots and other scripts."""
    save_environment(Environment(name, spec="s"), tmp_path)
    assert load_environment(name, tmp_path).spec == "s"


@pytest.mark.parametrize(
    "text",
    [
        "credentials: {token: PLANTED}", "credentials: {token: 5}", "credentials: {1: env:X}", "variables: {1: a}",
        "headers: {X-Version: 2}", "timeout: {connect: 0}", "timeout: {conect: 5}", "timeout: {read: true}",
        "hosts: [5]", "production: 1", "spec: [a]", "base_url: api.example.com", "base_url: 'https://[bad/'",
        "overlay: {a: b}", "color: 5", "format: true", "a: &a [*a]",
    ],
)  # fmt: skip
def test_an_error_in_a_file_is_reported_without_its_value(tmp_path: Path, text: str) -> None:
    """Each field is checked for its type; the message does not repeat the value, which may be a secret."""
    with pytest.raises(SettingsError, match=re.escape("e.yaml")) as caught:
        written(tmp_path, text.replace("PLANTED", PLANTED))
    assert PLANTED not in repr(caught.value)
    assert caught.value.todo


def test_a_value_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """An object that is not plain data is refused with a message, and nothing is written."""
    with pytest.raises(SettingsError, match="plain"):
        save_environment(Environment("e", variables={"a": object()}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_literal_text_is_saved_as_literal(tmp_path: Path) -> None:
    """A literal text with braces is read back from the file as text, not as a template."""
    save_environment(Environment("e", variables={"a": LiteralText("{{s}}"), "b": "{{s}}"}), tmp_path)
    variables = Variables(session={"s": 5}, environment=load_environment("e", tmp_path).variables)
    assert resolve(["{{a}}", "{{b}}"], variables, repr) == ["{{s}}", 5]


def test_credentials_with_several_fields_are_saved(tmp_path: Path) -> None:
    """Client credentials, and a user with a password, are read back unchanged, secrets by reference."""
    client = {
        **{"client_id": "env:ID", "client_secret": "env:SECRET", "scopes": ["read", "write"]},
        **{"token_url": "https://id.example.com/token", "method": "client_secret_post"},
    }
    login = {"username": "me", "password": Secret("keyring:api/me")}
    saved = Environment("two", base_url="https://api.example.com", credentials={"OAuth": client, "Basic": login})
    save_environment(saved, tmp_path)
    again = load_environment("two", tmp_path)
    assert again.credentials == {"OAuth": client, "Basic": {"username": "me", "password": "keyring:api/me"}}
    assert (again.secret_for("OAuth"), again.secret_for("Basic")) == (Secret("env:SECRET"), Secret("keyring:api/me"))
    assert (
        again.uses_client_credentials("OAuth"),
        again.uses_client_credentials("Basic"),
        again.uses_client_credentials("Other"),
    ) == (True, False, False)


@pytest.mark.parametrize("given", ["{client_id: a}", "{username: a, password: plain}", "{client_id: a, b: c}", "[a]"])
def test_a_credential_of_wrong_fields_is_refused(given: str, tmp_path: Path) -> None:
    """The message shows what to write, and does not repeat a possible secret."""
    (tmp_path / "e.yaml").write_text(f"credentials: {{OAuth: {given}}}\n")
    with pytest.raises(SettingsError, match="secret references") as raised:
        load_environment("e", tmp_path)
    assert "plain" not in str(raised.value)


def test_a_password_in_memory_is_not_written(tmp_path: Path) -> None:
    """Nor is a secret inside a mapping repeated."""
    login = {"username": "me", "password": Secret.in_memory("hunter2-hunter2")}
    with pytest.raises(SettingsError, match="held in memory"):
        save_environment(Environment("e", credentials={"Basic": login}), tmp_path)

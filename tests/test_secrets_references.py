"""A secret is a reference: it is fetched when it is sent, and shown nowhere."""

from __future__ import annotations

import base64
import copy
import getpass
import json
import logging
import pickle
import pprint
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_nb.environments import Environment, Resolver, Variable, Variables, split_at_secrets
from astro_nb.errors import AstroNbError, SecretMissing, UnknownName
from astro_nb.secrets import Secret

STEADY = settings(deadline=None, max_examples=100)
PLANTED = "planted-3b9f-c0ffee"


def jwt(**claims: Any) -> str:
    """Return a token with these claims."""
    return f"e30.{base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip('=')}.c2ln"


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory, for tests."""

    priority = 1

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


@pytest.fixture
def ring() -> Iterator[Ring]:
    """Install a keyring in memory."""
    before, ours = keyring.get_keyring(), Ring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    "secret", [Secret.in_memory(PLANTED), Secret("env:PLANTED", PLANTED)], ids=["held", "reference"]
)
def test_a_secret_is_shown_nowhere(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    """Repr, str, format, log, pretty printing, JSON, pickle, copies and containers: none shows its value."""
    variables = Variables(session={"s": secret, "t": "x{{s}}"})
    holders = [secret, [secret], Variable("s", secret, "session"), variables, variables.entries(), dict(variables)]
    holders += [Resolver(variables, Environment("e", credentials={"token": secret}), mode="revealed")]
    shown = [form(h) for h in holders for form in (repr, str, ascii, pprint.pformat, "{}".format)]
    logging.getLogger("x").warning("%s %r %s", secret, secret, holders)
    shown += [caplog.text, json.dumps(secret, default=str), *(v.display_value for v in variables.entries())]
    for dump in (json.dumps, orjson.dumps, pickle.dumps, copy.copy, copy.deepcopy):
        try:
            shown.append(repr(dump(secret)))
        except TypeError as error:
            shown.append(repr(error))
    assert [text for text in shown if PLANTED in text] == []
    assert not hasattr(secret, "__dict__")


def test_a_reference_can_be_pickled_and_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference can be passed to another process, which fetches the value itself."""
    monkeypatch.setenv("ASTRO_NB_TEST", PLANTED)
    data = pickle.dumps(Secret("env:ASTRO_NB_TEST"))
    assert PLANTED.encode() not in data
    assert pickle.loads(data) == Secret("env:ASTRO_NB_TEST")  # noqa: S301  # made above
    assert pickle.loads(data).reveal() == PLANTED  # noqa: S301


def test_an_error_does_not_contain_another_secret() -> None:
    """An error in one template does not contain a secret that another one revealed."""
    variables = Variables(session={"s": Secret.in_memory(PLANTED)})
    with pytest.raises(UnknownName) as caught:
        Resolver(variables, Environment("e"), mode="revealed").resolve("{{s}} {{nope}}")
    error = caught.value
    assert PLANTED not in repr(error) + repr(error.data) + "".join(error._render_traceback_())


@pytest.mark.parametrize("build", [Secret, lambda text: Environment("e", credentials={"token": text})])
def test_an_error_does_not_repeat_a_token_given_as_a_reference(build: Any) -> None:
    """A token in place of `env:NAME` is refused without repeating the token."""
    token, shown = jwt(permissions=["organizationId:o"]), []

    def use() -> None:
        made = build(token)
        shown.append(repr(made))
        (made if isinstance(made, Secret) else made.secret_for("x")).reveal()

    with pytest.raises(AstroNbError) as caught:
        use()
    assert [text for text in shown if token in text] == []
    assert token not in f"{caught.value!r} {caught.value.data}"
    assert caught.value.todo


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("env:X", True), ("dotenv:X", True), ("keyring:a/b", True), ("prompt:Token", True),
        ("env", False), ("https://h", False), ("held:x", False), ("", False), (None, False), (5, False),
    ],
)  # fmt: skip
def test_what_is_a_reference(text: Any, wanted: bool) -> None:
    """A known source and a colon make a reference; nothing else does."""
    assert Secret.is_reference(text) is wanted


@pytest.mark.parametrize(
    ("reference", "variable", "source"),
    [
        ("env:ASTRO_API_TOKEN", "ASTRO_API_TOKEN", "environment variable ASTRO_API_TOKEN"),
        ("dotenv:T", "T", ".env, T"),
        ("keyring:astro/db", "ASTRO_DB", "keyring astro/db"),
        ("held:basicToken", "BASICTOKEN", "memory (basicToken)"),
        ("prompt:Your token!", "YOUR_TOKEN", "prompt Your token!"),
        ("held:!!", "SECRET", "memory (!!)"),
    ],
)
def test_the_source_of_a_secret_is_described(reference: str, variable: str, source: str) -> None:
    """The description of the source, and the name of the variable that a snippet looks up."""
    assert (Secret(reference).variable, Secret(reference).source) == (variable, source)


@given(st.sampled_from(["env", "dotenv", "keyring", "held", "prompt"]), st.text(min_size=1, max_size=12))
@example("env", "MY-TOKEN")
@example("dotenv", "my.token")
@STEADY
def test_every_marker_of_a_secret_is_found_again(kind: str, name: str) -> None:
    """In the mode "named", the marker of any secret is found again and names its variable."""
    secret = Secret(f"{kind}:{name}", "v")
    text = Resolver(Variables(session={"s": secret}), Environment("e"), mode="named").resolve("a {{s}} b")
    assert split_at_secrets(text) == ["a ", secret.variable, " b"]


def test_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """`env:` is read when it is revealed, not when it is made; empty is as good as missing."""
    secret = Secret("env:ASTRO_NB_TEST")
    for value in (PLANTED, "other"):
        monkeypatch.setenv("ASTRO_NB_TEST", value)
        assert secret.reveal() == value
    monkeypatch.setenv("ASTRO_NB_TEST", "")
    with pytest.raises(SecretMissing, match="ASTRO_NB_TEST"):
        secret.reveal()


def test_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is searched in the folder of the notebook and above; a missing file or line is reported."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".env").write_text(f"T='{PLANTED}'\nEMPTY=\n")
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert Secret("dotenv:T").reveal() == PLANTED
    for name in ("NOPE", "EMPTY"):
        with pytest.raises(SecretMissing, match=r"Add the line .*=… to a file named \.env"):
            Secret(f"dotenv:{name}").reveal()


def test_keyring(ring: Ring) -> None:
    """`keyring:service/name` asks the keyring; a missing entry is reported with the command that stores it."""
    ring.set_password("astro", "db", PLANTED)
    assert Secret("keyring:astro/db").reveal() == PLANTED
    with pytest.raises(SecretMissing, match="keyring set astro other") as caught:
        Secret("keyring:astro/other").reveal()
    assert PLANTED not in repr(caught.value)


@pytest.mark.usefixtures("ring")
def test_no_keyring() -> None:
    """On a machine without a keyring the message names the other sources."""
    from keyring.backends.fail import Keyring

    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]  # keyring's own
    with pytest.raises(SecretMissing, match="env: or dotenv:"):
        Secret("keyring:astro/db").reveal()


def test_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt asks once; if there is no user to ask, that is reported."""
    answers = iter(["", PLANTED])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    with pytest.raises(SecretMissing):
        Secret("prompt:once").reveal()
    assert [Secret("prompt:once").reveal() for _ in range(2)] == [PLANTED, PLANTED]


@pytest.mark.parametrize("error", [EOFError, NotImplementedError], ids=["no terminal", "nbclient"])
def test_prompt_without_a_user(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a runbook that runs unattended (ipykernel: NotImplementedError), a prompted secret is missing."""

    def ask(prompt: str) -> str:
        raise error("raw_input was called, but this frontend does not support input requests.")

    monkeypatch.setattr(getpass, "getpass", ask)
    with pytest.raises(SecretMissing, match="another source"):
        Secret(f"prompt:{error.__name__}").reveal()


@pytest.mark.parametrize("secret", [Secret.in_memory(PLANTED), Secret("env:X")], ids=["held", "reference"])
def test_a_copy_of_a_secret_is_itself(secret: Secret) -> None:
    """A copy of an object with a secret has the same secret, not a second value."""
    assert copy.copy(secret) is copy.deepcopy(secret) is copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_a_secret_of_an_earlier_kernel_is_reported() -> None:
    """A secret in the memory of another kernel has no value here; the message asks to set it again."""
    with pytest.raises(SecretMissing, match="set it again"):
        Secret("held:token").reveal()


def test_an_empty_credential_is_none() -> None:
    """An empty credential counts as none: it is neither refused nor sent."""
    assert Environment("e", credentials={"token": ""}).secret_for("token") is None


def test_a_secret_typed_for_one_environment_is_not_sent_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both use `prompt:token`: the user is asked for each by its name, and each has its own value."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return f"typed for {prompt}"

    monkeypatch.setattr("getpass.getpass", answer)
    secrets = [Environment(name, credentials={"token": "prompt:token"}).secret_for("token") for name in ("dev", "live")]
    values = [secret.reveal() for secret in secrets if secret is not None]
    assert values == ["typed for token (dev): ", "typed for token (live): "]
    assert [secret.reveal() for secret in secrets if secret is not None] == values
    assert len(asked) == 2
    variables = Environment("dev", variables={"t": "prompt:token"}).parsed_variables()
    assert variables["t"].reveal() == values[0]

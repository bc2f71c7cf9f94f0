"""The names in a call become values, masked or revealed; the claims of a token are read."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.environments import Environment, Resolver, TokenFacts, Variables, read_token, split_at_secrets
from astro_nb.errors import TokenExpired
from astro_nb.openapi.extensions import TokenExtension
from astro_nb.secrets import MASK, Secret

STEADY = settings(deadline=None, max_examples=100)
PLANTED = "planted-3b9f-c0ffee"
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
EXTENSION = TokenExtension("permissions", ("organizationId", "workspaceId", "deploymentId"))


def jwt(**claims: Any) -> str:
    """Return a token with these claims."""
    return f"e30.{base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    ("mode", "alone", "inside"),
    [
        ("masked", MASK, f"Bearer {MASK}"),
        ("named", "SECRET__DB__TERCES", "Bearer SECRET__DB__TERCES"),
        ("revealed", PLANTED, f"Bearer {PLANTED}"),
    ],
)
def test_each_mode_has_its_form_of_a_secret(mode: Any, alone: str, inside: str) -> None:
    """A secret becomes the mask, a marker with a name, or its value; the revealed ones are collected, never shown."""
    variables = Variables(session={"s": Secret.in_memory(PLANTED, "db"), "t": "Bearer {{s}}"})
    values = Resolver(variables, Environment("e"), mode=mode)
    assert values.resolve({"a": "{{s}}", "b": ["{{t}}"]}) == {"a": alone, "b": [inside]}
    assert values.revealed == ({PLANTED} if mode == "revealed" else set())
    assert PLANTED not in repr(values)


def test_credentials() -> None:
    """The scheme's own credential counts, else the token; an expired one is refused only when it would be sent."""
    now = datetime.now(UTC)
    old, new = (Secret.in_memory(jwt(exp=(now + timedelta(hours=h)).timestamp())) for h in (-1, 1))
    environment = Environment("e", credentials={"token": old, "other": new})
    values = Resolver(Variables(), environment, mode="revealed")
    assert values.credential("other") == new.reveal()
    with pytest.raises(TokenExpired, match="nothing was sent") as caught:
        values.credential("JWT")
    assert old.reveal() not in f"{caught.value!r} {caught.value.data}"
    assert Resolver(Variables(), environment, mode="masked").credential("JWT") == MASK
    assert Resolver(Variables(), Environment("e"), mode="revealed").credential("JWT") is None


@given(st.text(max_size=20), NAMES)
@STEADY
def test_a_text_is_split_at_its_markers(text: str, name: str) -> None:
    """Split at its markers, a text is literal text and names in turn, text first."""
    if "SECRET__" not in text and "_" not in name[-1:] + name[:1] and re.fullmatch(r"\w+", name):
        assert split_at_secrets(f"{text}SECRET__{name}__TERCES{text}") == [text, name, text]
    assert "".join(split_at_secrets(text)) == text


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_the_claims_of_a_token_are_read() -> None:
    """Expiry and ids are read from the claims as the overlay declares; other plain claims are for display."""
    facts = read_token(
        jwt(exp=1_900_000_000, permissions=["organizationId:o", "x:y", "workspaceId:"], sub="s"), EXTENSION
    )
    assert facts == TokenFacts(
        True, datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC), {"organizationId": "o"}, {"sub": "s"}
    )
    later = datetime(2031, 1, 1, tzinfo=UTC)
    assert (facts.scope, facts.expired(), facts.expired(later)) == ("Organization", False, True)


@pytest.mark.parametrize(
    "entries", [["organizationId:o", "workspaceId:w"], ["workspaceId:w", "organizationId:o"]], ids=["wide", "narrow"]
)
def test_the_scope_is_the_narrowest(entries: list[str]) -> None:
    """A Workspace token is recognized in any order of the claim's entries."""
    assert read_token(jwt(permissions=entries), EXTENSION).scope == "Workspace"


@pytest.mark.parametrize("token", ["", "opaque", "a.b", "a.b.c.d", "a.é.c", "a.!!.c", f"a.{'W10'}.c", "..", PLANTED])
def test_an_opaque_token_is_no_error(token: str) -> None:
    """Any text may be a token: one that cannot be read has no facts and never expires."""
    assert read_token(token, EXTENSION) == TokenFacts(False)
    assert read_token(token).scope == "unknown"


@pytest.mark.parametrize("exp", [1_700_000_000_000, 1e300, -1e20, "soon", None, [], True, 2**63])
def test_an_odd_expiry_is_no_error(exp: Any) -> None:
    """Milliseconds, a text, a number beyond the calendar: the token is read, and `connect` does not fail for it."""
    facts = read_token(jwt(exp=exp), EXTENSION)
    assert facts.is_jwt
    assert isinstance(facts.expired(), bool)


@pytest.mark.parametrize("claims", [{"permissions": "organizationId:o"}, {"permissions": [1, None, {}]}, {}])
def test_odd_claims_are_no_error(claims: dict[str, Any]) -> None:
    """A claim of another shape gives no variables."""
    assert read_token(jwt(**claims), EXTENSION).variables == {}


@pytest.mark.parametrize(("exp", "wanted"), [(1_900_000_000, 2030), (1_900_000_000_000, 2030), (True, None)])
def test_the_unit_of_an_expiry(exp: Any, wanted: int | None) -> None:
    """In seconds, or in milliseconds if seconds would be far in the future; a boolean is not a time."""
    expires = read_token(jwt(exp=exp)).expires
    assert (expires.year if expires else None) == wanted


def test_a_name_with_two_values_is_no_variable() -> None:
    """A token for two Workspaces sets no variable; the same Workspace listed twice does."""
    entries = ["workspaceId:a", "workspaceId:b", "organizationId:o", "organizationId:o"]
    assert read_token(jwt(permissions=entries), EXTENSION).variables == {"organizationId": "o"}


def test_claims_of_a_token_are_not_resolved() -> None:
    """A template in a claim is not resolved: the issuer of a token must not read the user's variables."""
    facts = read_token(jwt(permissions=["workspaceId:{{s}}"]), EXTENSION)
    variables = Variables(session={"s": Secret.in_memory(PLANTED)}, token=facts.variables)
    assert Resolver(variables, Environment("e"), mode="revealed").resolve("{{workspaceId}}") == "{{s}}"

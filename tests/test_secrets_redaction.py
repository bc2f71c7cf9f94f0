"""Secrets redacted from a text, in every spelling that they can have there."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_nb.secrets import MASK, is_distinctive, redact, redact_data

STEADY = settings(deadline=None, max_examples=100)
PLANTED = "planted-3b9f-c0ffee"
LITERALS = st.text(st.characters(codec="utf-8", exclude_characters="{}\\"), max_size=8)
SECRETS = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=16)
    .map(lambda text: f"9xQ7-{text}/z2Kp")
    .filter(is_distinctive)
)


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda s: quote(s, safe=""),
        quote,
        quote_plus,
        lambda s: re.sub(r"%..", lambda m: m[0].lower(), quote(s, safe="")),
        lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
        lambda s: json.dumps(s)[1:-1],
    ],
    ids=["plain", "URL", "URL with /", "form", "URL in lower case", "JSON", "JSON in ASCII"],
)
@given(SECRETS, LITERALS, LITERALS)
@example('pa"ss\\wörd/1 2', "a", "b")
@STEADY
def test_every_spelling_is_redacted(spell: Any, secret: str, before: str, after: str) -> None:
    """Plain, URL-encoded in any way, or inside JSON: the secret is redacted."""
    assert spell(secret) not in redact(f"{before} {spell(secret)} {after}", [secret]).replace(MASK, "\0")


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5), st.booleans())
@STEADY
def test_base64_at_any_alignment_is_redacted(secret: str, before: bytes, after: bytes, urlsafe: bool) -> None:
    """Whatever precedes and follows it, a secret inside base64 is redacted, as in Basic authentication."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    left = redact(encode(before + secret.encode() + after).decode(), [secret])
    assert MASK in left
    assert len(max(left.split(MASK), key=len)) <= 12  # its neighbours, and what it shares with them


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize("secret", ["sixsix", "seven77", "eight888"])
def test_the_shortest_secret_is_redacted_in_base64(secret: str, before: str) -> None:
    """A secret of six characters, the shortest that is looked for in base64, is found at any alignment, also a word."""
    assert MASK in redact(base64.b64encode(f"{before}{secret}zz".encode()).decode(), [secret])


def test_the_longest_secret_is_redacted_first() -> None:
    """If one secret is part of another, no rest of the longer one is left."""
    secrets = ["k3Xp9Qw2", "k3Xp9Qw2-Zt5R"]
    assert redact("x k3Xp9Qw2-Zt5R k3Xp9Qw2 y", secrets) == f"x {MASK} {MASK} y"


COMMON = ["000000", "true", "admin", "password", "1", "deployment", "us-east-1", "2024-01-01", "changeme123"]


@pytest.mark.parametrize("secret", COMMON)
@pytest.mark.parametrize("text", ["{}", "the {} of", '{{"id": "{}", "n": {}}}', "a={}&b=1", "<a>{}</a>"])
def test_what_merely_equals_a_common_secret_is_unchanged(text: str, secret: str) -> None:
    """The word or number is something else there."""
    assert redact(text.replace("{}", secret), [secret]) == text.replace("{}", secret)
    assert redact_data({"a": secret, "n": [1, True]}, [secret]) == {"a": secret, "n": [1, True]}


def test_json_stays_json() -> None:
    """A number or a flag that equals a common secret is not replaced by a text without quotes."""
    text = '{"api_token": 1, "password": true, "secret": "1"}'
    assert json.loads(redact(text, ["1", "true"])) == {"api_token": 1, "password": True, "secret": MASK}


@pytest.mark.parametrize("secret", [secret for secret in COMMON if secret != "true"])
@pytest.mark.parametrize(
    "text",
    ["password={}&a={}", '{{"password": "{}", "a": "{}"}}', "api_key: {}\na: {}", "<password>{}</password><a>{}</a>"],
)
def test_a_common_secret_is_masked_after_the_name_of_a_secret(text: str, secret: str) -> None:
    """There it is known to be the secret; the same value of another name stays."""
    assert redact(text.format(secret, secret), [secret]) == text.format(MASK, secret)


@given(LITERALS, st.lists(st.text(max_size=5), max_size=3))
@STEADY
def test_the_rest_of_a_text_is_unchanged(text: str, short: list[str]) -> None:
    """A text without a secret, or with one that is too short, is not changed."""
    assert redact(text, short) == text
    assert redact(text, [PLANTED]) == text


@pytest.mark.parametrize(
    "spell",
    [
        lambda s: json.dumps(json.dumps(s)[1:-1])[1:-1],
        lambda s: orjson.dumps(orjson.dumps(s)[1:-1].decode()).decode()[1:-1],
        lambda s: json.dumps(s).replace("/", "\\/")[1:-1],
        lambda s: s.encode().decode("latin-1"),
        lambda s: quote(s, safe="!'()*"),
    ],
    ids=["JSON in JSON", "the same by orjson", "JSON with \\/", "bytes read one by one", "encodeURIComponent"],
)
@given(SECRETS)
@example('pa"ss\\wörd/1 2(!)')
@STEADY
def test_rarer_spellings_are_redacted(spell: Any, secret: str) -> None:
    """A body inside JSON, encoders that escape more or less than others, a body read as Latin-1."""
    assert redact(f"[{spell(secret)}]", [secret]) == f"[{MASK}]"


@given(SECRETS, st.integers(0, 2), st.integers(0, 2))
@STEADY
def test_the_ends_of_a_secret_in_base64_are_redacted(secret: str, before: int, after: int) -> None:
    """The base64 characters that a secret shares with its neighbours are redacted too."""
    data = b"\0" * before + secret.encode() + b"\0" * after
    left = redact(base64.b64encode(data).decode(), [secret]).replace(MASK, "")
    assert set(left) <= {"A", "="}

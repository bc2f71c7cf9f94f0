"""Secrets masked in texts that are no data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.growth import growth

from astro_nb.secrets import MASK, mask_text
from astro_nb.secrets.texts import find_named_values

SENTENCES = (
    *("Invalid password", "The field 'password' is required", "Invalid API key.", "password is too short"),
    *("Token count: 5", "<h1>Forgot your password?</h1>", "key: value", "nextPageToken: abc", "<key>name</key>"),
    *("Passwords do not match.", "Session expired. Please log in with your password.", "Missing parameter: api_key"),
    *("401 Unauthorized: the API key is invalid", 'unknown field "password" in body', "password: null"),
    *('{"password": null, "a": NaN}', f'{{"password": "{MASK}", "n": NaN}}', f"password: {MASK}\nname: v"),
)


@pytest.mark.parametrize("text", SENTENCES)
def test_a_text_about_a_secret_is_unchanged(text: str) -> None:
    """Messages name passwords and keys without containing one."""
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=hunter2", f"password={MASK}"),
        ("export DB_PASSWORD=hunter2", f"export DB_PASSWORD={MASK}"),
        ("API key: hunter2", f"API key: {MASK}"),
        ("password hash: hunter2", f"password hash: {MASK}"),
        ('password => "hunter2", b', f'password => "{MASK}", b'),
        ("a:\n  password: hunter2\n  b: v", f"a:\n  password: {MASK}\n  b: v"),
        ('"password"\n:\n"hun\\"ter2"', f'"password"\n:\n"{MASK}"'),
        ("password='it''s'", f"password='{MASK}'"),
        ("Your password is hunter2.", f"Your password is {MASK}"),
        ("Authorization: Bearer abc", f"Authorization: {MASK}"),
        ("<a><p:password>s</p:password></a>", f"<a><p:password>{MASK}</p:password></a>"),
        ("token: 7Kq2ZpXw9LmN4vRt8sYb", f"token: {MASK}"),
        ("see ghp_1234567890abcdefghijABCDEFGHIJ123456 there", f"see {MASK} there"),
    ],
)
def test_the_value_after_a_name_is_masked(text: str, masked: str) -> None:
    """In any syntax where it is known where the value ends."""
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "password\nhunter2", "id,password\n1,hunter2", "password hunter2", "password:\n  hunter2",
        "password: |\n  hunter2",
        '{"name": "password", "value": "hunter2"}', "password → hunter2",
        "| password | name |\n|-|-|\n| hunter2 | v |", '{"password": ["hunter2"]}', "password: 'a'\n  'hunter2'",
        '{"\\u0070assword": "hunter2"}', "{&quot;password&quot;: &quot;hunter2&quot;}", "%70assword=hunter2",
        "p\0a\0s\0s\0w\0o\0r\0d\0=\0h\0", '"{\\"password\\": \\"hunter2\\"}"', "<td>Password</td><td>hunter2</td>",
    ],
)  # fmt: skip
def test_a_text_in_which_the_value_is_not_found_is_refused(text: str) -> None:
    """A table, a list, a block of YAML, a name that is spelled in another way."""
    assert mask_text(text) is None


@given(st.text(), st.text())
def test_any_text_is_masked_or_refused_at_any_name(before: str, after: str) -> None:
    """Nothing is raised, and what is masked stays as it is if it is masked again."""
    masked = mask_text(f"{before}password{after}", ["another"])
    assert masked is None or mask_text(masked, ["another"]) == masked


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6), st.sampled_from(["'", '"', "`"]))
def test_names_of_the_document_count_in_any_spelling(value: str, quote: str) -> None:
    """`bundleUploadUrl` is also `bundle_upload_url`."""
    for name in ("bundleUploadUrl", "bundle_upload_url", "Bundle-Upload-Url"):
        text = f"{{ {quote}{name}{quote}: {quote}{value}{quote} }}"
        assert mask_text(text, ["bundleUploadUrl"]) == text.replace(f"{quote}{value}{quote}", f"{quote}{MASK}{quote}")


@pytest.mark.parametrize("text", ["<password>", "password:", '"password": "', "a.", "key ", "\\", "password= \\\n"])
def test_hostile_texts_take_no_time(text: str) -> None:
    """Nothing in the search is slower than in proportion to the text: these would take minutes."""
    masked = mask_text(f"{text * 20_000}password")
    assert masked is None or len(masked) > 0


@pytest.mark.parametrize("start", ["", "xK9dQ2mP7vT4zL8wB3nR "])
@pytest.mark.parametrize(
    "piece", ["?token=", "token: ", "<token>", "<password>", "password=", "password=a\n  ", "'token':'", "api key: "]
)
def test_the_work_is_linear_in_the_text(start: str, piece: str) -> None:
    """No name is read to the end of a long line, or of the text."""
    assert growth(lambda text: (find_named_values(text), mask_text(text)), piece, start) < 9


def test_a_value_that_is_longer_than_what_is_read_is_refused() -> None:
    """It is never masked in part."""
    for text in ("password={}", '"password": "{}", "a": 1}', "<password>{}</password>", "`password`: `{}`"):
        assert mask_text(text.replace("{}", "x" * 9_000)) is None
        assert "x" * 99 not in (mask_text(text.replace("{}", "x" * 99)) or "")

"""Which names, words and values mean a secret, and which do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_nb.openapi import Spec, load
from astro_nb.schema import mask_secrets, read_field
from astro_nb.secrets import is_distinctive, is_random, is_secret_name, is_secrets_name, may_be_secret_name

SECRETS = (
    *("password", "dbPassword", "DB_PASSWORD", "userpassword", "passwordConfirmation", "password1"),
    *("new_password", "pwd", "passWord", "client_secret", "clientSecret", "apikey", "apiKey", "API-Key"),
    *("x-api-key", "X-Auth-Token", "accessToken", "access_token", "private_key", "privateKeyPem"),
    *("secretAccessKey", "sessionToken", "csrf_token", "webhookSecret", "id_token", "spring.datasource.password"),
    *("connectionString", "cvc", "jwt", "signing_key", "bot-token"),
)
HARMLESS = (
    *("tokenCount", "keyName", "primaryKey", "nextPageToken", "sort_key", "public_key", "token_type", "tokenId"),
    *("passwordPolicy", "secret_name", "keyId", "apiKeyId", "clientId", "passwordResetUrl", "continuationToken"),
    *("cacheKey", "sshPublicKey", "author", "monkey", "turkey", "keyboard", "secretary", "compass", "passenger"),
    *("partitionKey", "idempotency_key", "objectKey", "page_token", "author_key_id", "sessionId", "cursor"),
    *("etag", "secretariat", "signatureDate"),
)
KEY = "7Kq2ZpXw9LmN4vRt8sYb"


@pytest.mark.parametrize("name", SECRETS)
def test_names_of_secrets(name: str) -> None:
    """In camel case, with any sign between the words, or with none."""
    assert is_secret_name(name)
    assert mask_secrets(None, {name: "x"}) == {name: "*****"}


@pytest.mark.parametrize("name", HARMLESS)
def test_names_that_only_resemble_a_secrets(name: str) -> None:
    """They are about a secret, or about something else; even a random value of them is shown."""
    assert not is_secret_name(name)
    assert mask_secrets(None, {name: KEY}) == {name: KEY}


@pytest.mark.parametrize("name", ["token", "key", "sasKey", "auth", "X-Cookie", "session"])
def test_names_that_may_be_a_secrets(name: str) -> None:
    """The value decides."""
    assert may_be_secret_name(name)
    assert mask_secrets(None, {name: KEY}) == {name: "*****"}
    for value in (
        "REGION",
        "my-variable",
        "folder/file.txt",
        "550e8400-e29b-41d4-a716-446655440000",
        "ssh-rsa AAAAB3Nza",
    ):
        assert mask_secrets(None, {name: value}) == {name: value}


def test_lists_of_secrets() -> None:
    """Texts in them are masked; objects are searched."""
    assert is_secrets_name("recovery_codes")
    assert mask_secrets(None, {"recovery_codes": ["a", "b"]}) == {"recovery_codes": "*****"}
    assert mask_secrets(None, {"secrets": [{"name": "a"}]}) == {"secrets": [{"name": "a"}]}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("key", {"title": "The API key. Only set immediately after creation"}),
        ("key", {"description": "The API key. Only set immediately after creation"}),
        ("key", {"title": "API key"}),
        ("body", {"title": "Client secret"}),
        ("plaintext", {"description": "The token's value, which is shown only once."}),
        ("value", {"description": "The secret. You will not be able to see it again."}),
        ("token", {"description": "Authentication token"}),
        ("token", {"description": "The bearer token to be used for subsequent requests."}),
        ("credential", {"description": "Keep it secret: whoever has this key can act for you."}),
        ("pass", {"title": "Password"}),
        ("x", {"format": "password"}),
        ("x", {"x-sensitive": True}),
        ("x", {"x-ms-secret": True}),
        ("token", {"writeOnly": True}),
        ("x", {"writeOnly": True, "description": "The key that the server uses"}),
    ],
)
def test_titles_and_descriptions_that_mean_a_secret(name: str, schema: dict[str, Any]) -> None:
    """What the document says in words, where it does not mark the field."""
    assert field_of(name, schema).secret


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("key", {"description": "The name of the variable"}),
        ("key", {"description": "The public key of the repository"}),
        ("key", {"description": "The key of the object in the bucket."}),
        ("id", {"title": "API key", "description": "The id of the API key"}),
        ("name", {"description": "The API key's name"}),
        ("url", {"description": "Where it is. Only available after creation."}),
        ("token", {"description": "The pagination token. Only set when there are more pages."}),
        ("count", {"type": "integer", "title": "Password"}),
        ("description", {"description": "Do not share it with others"}),
        ("note", {"writeOnly": True}),
        ("keyId", {"writeOnly": True, "description": "The id of the key"}),
        ("expiresAt", {"description": "When the token expires. Only set after creation."}),
    ],
)
def test_titles_and_descriptions_that_mean_no_secret(name: str, schema: dict[str, Any]) -> None:
    """What is about a key or token, and what is no key or token."""
    assert not field_of(name, schema).secret


def field_of(name: str, schema: dict[str, Any]) -> Any:
    spec = Spec({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}})
    return read_field(spec, {"type": "string", **schema}, name)


@pytest.mark.parametrize(
    "common",
    [
        *("000000", "true", "admin", "password", "1", "hunter2", "deployment", "production", "12345678", "20240101"),
        *("changeme123", "configuration", "Summer2024!", "qwertyuiop", "aaaaaaaaaaaaaaaa", "us-east-1", "2024-01-01"),
    ],
)
def test_common_values_are_not_distinctive(common: str) -> None:
    """A text that equals one of them may be anything."""
    assert not is_distinctive(common)


@pytest.mark.parametrize(
    "rare", ["x9Kq2pLm", KEY, "9f8e7d6c5b", "correct horse battery staple", "pl4nted-zq8", "Tr0ub4dor&3"]
)
def test_other_values_are_distinctive(rare: str) -> None:
    """They are masked wherever they are."""
    assert is_distinctive(rare)


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    """A longer text is never less distinctive than each of its halves alone would make it; nothing is raised."""
    assert is_random(text) in (True, False)
    assert is_distinctive(text) in (True, False)
    assert is_secret_name(text) in (True, False)


# --- the real documents -----------------------------------------------------------------------------------------------


def declared(spec: Spec) -> Iterator[tuple[str, Any]]:
    """Yield name and schema of every property of a document."""
    pending: list[Any] = [spec.document]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            properties = node.get("properties")
            yield from properties.items() if isinstance(properties, dict) else ()
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def secret_fields(spec: Spec) -> Counter[str]:
    """Return the names of all secret fields of a document with their numbers."""
    fields = (read_field(spec, schema, name) for name, schema in declared(spec) if isinstance(schema, dict))
    return Counter(field.name for field in fields if field.secret or field.secret_when)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("petstore3.yaml", {"password": 1}),
        ("airflow2.yaml", {"password": 2}),
        ("airflow3.yaml", {"password": 3}),
        ("github.json", None),
        ("oai30-uspto.yaml", {"apiKey": 1}),
    ],
)
def test_secret_fields_of_the_documents(file: str, expected: dict[str, int] | None, shared: Path) -> None:
    """As many as expected; none of the keys, tokens and counts of GitHub's 40,000 fields."""
    found = secret_fields(load(shared / "specs" / file))
    assert expected is None or found == expected
    if expected is None:
        assert set(found) <= {
            "client_secret",
            "webhook_secret",
            "secret",
            "access_token",
            "password",
            "vcs_password",
        }, found


def test_secret_fields_of_the_real_documents(shared: Path) -> None:
    """Less than one field in a hundred, and each one by its name or by its words."""
    known = {name.lower() for name in SECRETS}
    total, found = 0, Counter[str]()
    for path in sorted((shared / "fixtures" / "real-specs" / "valid").iterdir())[:60]:
        spec = load(path)
        total += sum(1 for _ in declared(spec))
        found += secret_fields(spec)
    assert total > 5_000
    assert 10 < sum(found.values()) < total / 100
    odd = {name for name in found if name.lower() not in known and not is_secret_name(name)}
    assert odd <= {"token", "user_api_keys"}, odd

"""Overlay extensions: each one is documented, read into its dataclass, and left out where it is malformed."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from astro_nb.openapi import (
    EntriesExtension,
    ErrorPaths,
    Extensions,
    ItemExtension,
    PageExtension,
    RateLimit,
    Ratio,
    Rule,
    SecretExtension,
    StateExtension,
    TokenExtension,
    UnionExtension,
    UpdateExtension,
    load,
    read_extensions,
)
from astro_nb.openapi.extensions import KNOWN, PREFIX, malformed_extensions
from astro_nb.openapi.parsing import parse

ROOT = Path(__file__).resolve().parents[1]

EXAMPLES: list[tuple[str, Any, Extensions]] = [
    ("limits", {"GET": {"count": 25, "per": 1}}, Extensions(limits={"GET": RateLimit(25, 1)})),
    ("limit", {"count": 2, "per": 60}, Extensions(limit=RateLimit(2, 60))),
    ("error", {"message": "$.m", "requestId": "$.r"}, Extensions(error=ErrorPaths("$.m", "$.r"))),
    ("token", {"list": "scopes", "variables": ["a"]}, Extensions(token=TokenExtension("scopes", ("a",)))),
    ("permission", "x-permission", Extensions(permission="x-permission")),
    ("page", {"style": "cursor", "most": 5}, Extensions(page=PageExtension(style="cursor", most=5))),
    ("item", {"id": "uid", "label": "code"}, Extensions(item=ItemExtension("uid", label="code"))),
    ("settled", {"good": ["UP"], "grace": 3}, Extensions(settled=StateExtension(good=("UP",), grace=3))),
    ("repeatable", False, Extensions(repeatable=False)),
    (
        "update",
        {"from": {"a": "b"}, "entries": {"e": ["k", "v", {"x": 1}]}, "follow": {"m": ["c", 2, "Gi"]}},
        Extensions(
            update=UpdateExtension(
                sources={"a": "b"},
                entries={"e": EntriesExtension("k", "v", {"x": 1})},
                follow={"m": Ratio("c", 2, "Gi")},
            )
        ),
    ),
    ("rules", [{"when": {"a": [1]}, "one-of": ["b"]}], Extensions(rules=(Rule({"a": [1]}, one_of=("b",)),))),
    ("union", {"by": "t", "branches": {"A": "a"}}, Extensions(union=UnionExtension("t", {"A": "a"}))),
    ("default-branch", "Dog", Extensions(default_branch="Dog")),
    ("secret", {"when": "isSecret"}, Extensions(secret=SecretExtension(False, "isSecret"))),
]


@pytest.mark.parametrize(("name", "value", "wanted"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_an_extension_is_read_into_its_class(name: str, value: Any, wanted: Extensions) -> None:
    """Each extension has its member, and nothing of it is lost."""
    raw = {f"{PREFIX}{name}": value, "x-other": 1}
    assert read_extensions(raw) == wanted
    assert read_extensions(raw) != Extensions()
    assert malformed_extensions(raw) == ()


def test_every_extension_has_an_example_here() -> None:
    """A new extension needs a row above."""
    assert {f"{PREFIX}{name}" for name, _, _ in EXAMPLES} == set(KNOWN) - {f"{PREFIX}extends"}


def test_every_extension_is_documented_and_nothing_else() -> None:
    """specs/README.md has a heading for each extension that the reader knows, and for no other."""
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^### `(x-astro-nb-[a-z-]+)`", text)
    assert sorted(headings) == sorted(KNOWN)
    assert set(re.findall(r"x-astro-nb-[a-z]+(?:-[a-z]+)*", text)) == set(KNOWN)
    examples = {name for name in KNOWN if re.search(rf"(?s)### `{name}`(?:(?!###).)*```yaml\n{name}: ?\S?", text)}
    assert examples == set(KNOWN)


def test_every_extension_of_the_astro_overlay_is_known() -> None:
    """The bundled overlay has no unknown extension."""
    text = (ROOT / "specs" / "astro-v1.overlay.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"(x-astro-nb-[a-z-]+):", text))
    assert used <= set(KNOWN)
    assert len(used) >= 14


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("page", {"items": "a", "most": 0}, "page.most"), ("item", "id", "item"),
        ("limits", {"GET": "x"}, "limits.GET"),
        ("update", {"follow": {"m": ["c", -1, "Gi"]}}, "update.follow.m"), ("union", {"by": "x"}, "union"),
        ("settled", {"good": "UP"}, "settled.good"), ("token", {"variables": [1]}, "token.variables"),
    ],
)  # fmt: skip
def test_a_malformed_part_is_left_out_with_a_warning(name: str, value: Any, part: str) -> None:
    """The rest of the extension counts."""
    raw = {f"{PREFIX}{name}": value}
    assert malformed_extensions(raw) == (f"The overlay's extension {part} is malformed; it is ignored.",)
    found = getattr(read_extensions(raw), name)
    assert found in (None, {}, PageExtension(items="a"), UpdateExtension(), TokenExtension(), StateExtension())


def test_the_example_overlay_of_the_documentation_works() -> None:
    """The overlay in "Make another API first-class" is read without a warning."""
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    overlay = parse(textwrap.dedent(re.findall(r"(?s) +```yaml\n(.*?)\n +```", text)[0]).encode(), "overlay.yaml")
    get = {"operationId": "listPets", "responses": {"200": {"description": "ok"}}}
    document = {
        "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
        "paths": {"/pets": {"get": get}, "/pets/{petId}": {"get": {**get, "operationId": "getPet"}}},
        "components": {"schemas": {"Pet": {"properties": {"chip": {"type": "string"}}}}},
    }  # fmt: skip
    spec = load(document, overlay)
    assert spec.warnings == ()
    assert [spec.operation(name).extensions.item for name in ("listPets", "getPet")] == [
        ItemExtension("petId", "nickname")
    ] * 2
    assert spec.operation("getPet").extensions.settled == StateExtension("phase", good=("ADOPTED",), bad=("LOST",))


@pytest.mark.parametrize("value", [True, "yes", 1, {"when": 3}, ["x"]])
def test_an_odd_secret_is_a_secret(value: Any) -> None:
    """What cannot be read hides the value rather than shows it."""
    assert read_extensions({f"{PREFIX}secret": value}).secret == SecretExtension(True)

"""An overlay adds to a document, and modifies neither the document nor itself."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from support.documents import SHARED

from astro_nb.errors import DocumentError
from astro_nb.openapi import Extensions, Spec, apply_overlay, load

HEAD = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1.2"}}
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} holds other people's documents; not there")


def doc(paths: Any = None, **more: Any) -> dict[str, Any]:
    """A small document."""
    return {**HEAD, "paths": paths or {}, **more}


def overlaid(document: dict[str, Any], *actions: dict[str, Any]) -> Spec:
    """A document with some actions applied."""
    return load(document, overlay={"overlay": "1.0.0", "actions": list(actions)})


def test_an_overlay_merges_appends_replaces_and_removes() -> None:
    """Mappings merge deeply, lists grow, scalars are replaced, and `remove` takes out every match."""
    document = doc({"/a": {"get": {"tags": ["x"], "x-m": {"a": {"b": 1}}}}}, tags=[{"name": n} for n in "abcd"])
    before = copy.deepcopy(document)
    spec = overlaid(
        document,
        {"target": "$.paths['/a'].get", "update": {"x-m": {"a": {"c": 2}}, "summary": "S"}},
        {"target": "$.paths['/a'].get.tags", "update": "y"},
        {"target": "$.info", "update": {"title": "T"}},
        {"target": "$.tags[?@.name != 'c']", "remove": True},
    )
    get = spec.document["paths"]["/a"]["get"]
    assert get == {"tags": ["x", "y"], "x-m": {"a": {"b": 1, "c": 2}}, "summary": "S"}
    assert (spec.title, spec.document["tags"]) == ("T", [{"name": "c"}])
    assert document == before


JSON = st.recursive(
    st.integers() | st.sampled_from("abc"), lambda i: st.lists(i) | st.dictionaries(st.sampled_from("abc"), i)
)
ACTIONS = st.lists(
    st.fixed_dictionaries({"target": st.sampled_from(["$.a", "$.a.b", "$.*", "$..c", "$.b[*]"]), "update": JSON})
    | st.fixed_dictionaries({"target": st.sampled_from(["$.a", "$.b[*]", "$..c"]), "remove": st.just(True)}),
    max_size=4,
)


@given(st.dictionaries(st.sampled_from("abc"), JSON), ACTIONS)
@example({"a": 1}, [{"target": "$.a", "update": {"b": {"c": 1}}}, {"target": "$.a.b", "update": {"a": 1}}])
@example({"b": [1, 2, 3]}, [{"target": "$.b[*]", "remove": True}])
@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate])
def test_an_overlay_leaves_both_documents_as_they_are(document: dict[str, Any], actions: list[dict[str, Any]]) -> None:
    """Whatever the actions do, neither the document nor the overlay given is changed."""
    overlay = {"overlay": "1.0.0", "actions": actions}
    before = copy.deepcopy((document, overlay))
    apply_overlay(document, overlay)
    assert (document, overlay) == before


def test_an_action_that_matches_nothing_is_reported() -> None:
    """One overlay serves several versions of a document: what does not fit is a warning that names its target."""
    (warning,) = overlaid(doc({"/a": {"get": {}}}), {"target": "$.paths['/gone']", "update": {}}).warnings
    assert "/gone" in warning


@pytest.mark.parametrize(
    "overlay",
    [
        {}, {"actions": []}, {"overlay": "1.0.0", "actions": {}}, {"overlay": "1.0.0", "actions": ["x"]},
        {"overlay": "1.0.0", "actions": [{"update": {}}]}, {"overlay": "1.0.0", "actions": [{"target": "$["}]},
        {"overlay": "1.0.0", "actions": [{"target": "$", "remove": True}]}, "no-such.overlay.yaml", Path("/no/such"),
    ],
    ids=str,
)  # fmt: skip
def test_a_malformed_overlay_is_an_error(overlay: Any) -> None:
    """A missing overlay, one of another format and one with a bad target are errors."""
    with pytest.raises(DocumentError) as caught:
        load(doc(), overlay=overlay)
    assert caught.value.todo


def test_every_match_is_acted_on_once() -> None:
    """A place that the target finds twice, and places inside one another, are changed once each."""
    document = doc(**{"x-a": {"n": [1], "x-a": {"n": [2]}}})
    twice = overlaid(document, {"target": "$['x-a','x-a'].n", "update": [3]})
    assert twice.document["x-a"]["n"] == [1, 3]
    inside = overlaid(document, {"target": "$..['x-a']", "update": {"k": 1}})
    assert inside.document["x-a"] == {"n": [1], "x-a": {"n": [2], "k": 1}, "k": 1}
    assert "x-a" not in overlaid(document, {"target": "$..['x-a']", "remove": True}).document


def test_an_overlay_leaves_a_document() -> None:
    """An overlay that removes the document or changes its format is an error."""
    for update in ("text", None, {"openapi": "2.0"}, {"paths": []}):
        with pytest.raises(DocumentError) as caught:
            overlaid(doc(), {"target": "$", "update": update})
        assert caught.value.todo


@pytest.mark.parametrize("kind", ["mapping", "text", "bytes", "path", "str", "url"])
def test_an_overlay_may_lie_anywhere(kind: str, tmp_path: Path) -> None:
    """All that a document's source may be, an overlay's may be too."""
    text = "overlay: 1.0.0\nactions:\n- {target: $, update: {x-astro-nb-permission: p}}\n"
    path = tmp_path / "o.yaml"
    path.write_text(text)
    actions = [{"target": "$", "update": {"x-astro-nb-permission": "p"}}]
    source: Any = {
        "mapping": {"overlay": "1.0.0", "actions": actions}, "text": text, "bytes": text.encode(), "path": path,
        "str": str(path), "url": "https://h/o.yaml",
    }[kind]  # fmt: skip
    assert load(doc(), source, fetch=lambda url: text.encode()).extensions == Extensions(permission="p")


def test_the_overlay_beside_a_document_is_taken(tmp_path: Path) -> None:
    """`api.yaml` finds `api.overlay.yaml` by itself; another one that is named takes its place."""
    (tmp_path / "api.yaml").write_text("openapi: 3.0.3\npaths: {}\n")
    (tmp_path / "api.overlay.yaml").write_text(
        "overlay: 1.0.0\nactions:\n- {target: $, update: {x-astro-nb-permission: p}}\n"
    )
    assert load(tmp_path / "api.yaml").extensions == Extensions(permission="p")
    assert load(str(tmp_path / "api.yaml"), overlay={"overlay": "1.0.0"}).extensions == Extensions()


@needs_shared
@pytest.mark.parametrize("version", ["v1", "v1.0"])
def test_the_document_fetched_from_astronomer_gets_the_overlay_too(version: str) -> None:
    """What is known of Astro is applied to the bundled document and to one fetched from Astronomer alike."""
    data = (SHARED / "specs" / "astro-v1.yaml").read_bytes()
    spec = load(f"https://api.astronomer.io/spec/{version}", fetch=lambda url: data)
    assert (spec.extensions.permission, spec.warnings) == ("x-permission", ())
    assert load("https://h/spec/v1", fetch=lambda url: data).extensions == Extensions()

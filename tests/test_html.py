"""Plain data as static HTML: escaped, capped, and sound without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb import html

STEADY = settings(deadline=None, max_examples=80)
EVIL = "<script>alert('x')</script><img src=x onerror=\"y\"> & `"
VOID = {"img", "br", "hr", "input", "meta", "link"}
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20) | st.just(EVIL)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Read(HTMLParser):
    """The elements and the text of a piece of HTML, and whether it is well nested."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def is_safe(self) -> bool:
        """Whether a sanitiser would take nothing out of it."""
        attributes = {name for name, _ in self.attributes}
        return not (
            self.open
            or {"script", "style", "img", "iframe", "link"} & set(self.tags)
            or attributes - {"style", "open", "tabindex", "title", "class", "href"}
        )


@pytest.mark.parametrize(
    "draw",
    [
        html.escape, html.prose, html.muted, html.code, html.block, html.copyable, html.pill, html.method_pill,
        lambda text: html.tag("p", text, title=text),
        lambda text: html.join([text, text], between=", "),
        lambda text: html.table([text], [[text]]),
        lambda text: html.details(text, text),
        lambda text: html.tree({text: [text, {"name": text}]}),
    ],
    ids=[
        "escape", "prose", "muted", "code", "block", "copyable", "pill", "method", "tag", "join", "table", "details",
        "tree",
    ],
)  # fmt: skip
@given(text=TEXT)
@STEADY
def test_everything_is_escaped(draw: Any, text: str) -> None:
    """No text becomes an element or an attribute, and all of it is shown."""
    read = Read(draw(text))
    assert read.is_safe
    assert text.replace("`", "") in read.text.replace("`", "")


def test_markup_passes_once() -> None:
    """What is HTML already is not escaped again; what is put together outside of `join` is text again, so is safe."""
    assert html.escape(html.Markup("<b>x</b>")) == "<b>x</b>"
    assert html.tag("p", html.code("x")).startswith("<p><code")
    assert html.escape(html.Markup("<b>") + EVIL) == html.escape("<b>" + EVIL)


def test_attributes() -> None:
    """An empty attribute is left out, and a trailing underscore is removed from a Python keyword."""
    assert html.tag("a", "x", href="u&v", class_="c", title="") == '<a href="u&amp;v" class="c">x</a>'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a `b` c", ["b"]),
        ("`a` and `b`", ["a", "b"]),
        ("no code", []),
        ("one ` alone", []),
        ("`<b>`", ["&lt;b&gt;"]),
        ("", []),
    ],
)
def test_prose_sets_code(text: str, wanted: list[str]) -> None:
    """Pairs of backticks make code; one alone makes none."""
    assert re.findall(r"<code[^>]*>(.*?)</code>", html.prose(text)) == wanted


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("tone", html.TONES)
def test_pills_can_be_read(tone: str) -> None:
    """Text and background of every tone have a contrast of at least 4.5 (WCAG 2.2, 1.4.3)."""
    dark, light = sorted(luminance(color) for color in html.TONES[tone])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_tones() -> None:
    """Every method and every status has an existing tone; no response is "bad"."""
    assert set(html.METHOD_TONES.values()) <= set(html.TONES)
    seen = {s: html.status_tone(s) for s in (200, 204, 301, 404, 429, 503, None)}
    assert seen == {200: "good", 204: "good", 301: "info", 404: "bad", 429: "bad", 503: "bad", None: "bad"}
    assert "PROPFIND" in html.method_pill("PROPFIND")


def test_block_says_what_it_leaves_out() -> None:
    """A long text is cut, with the number of characters cut; a text of exactly that length is not."""
    assert "1,000 more characters" in Read(html.block("x" * 21_000)).text
    assert "more characters" not in Read(html.block("x" * 20_000)).text


def test_table_says_what_it_leaves_out() -> None:
    """Rows beyond the cap are counted below the table; cells may be HTML; no rows make a head alone."""
    read = Read(html.table(["a", "b"], ([n, html.code(n)] for n in range(205))))
    assert read.tags.count("tr") == 201
    assert "5 more rows are not shown" in read.text
    assert Read(html.table(["a"], [])).tags.count("tr") == 1
    assert "nowrap" in html.table(["a"], [["x"]], wrap=False)


@given(JSON)
@STEADY
def test_a_tree_is_safe_and_whole(data: Any) -> None:
    """Every key and every scalar of JSON data is in its tree, and the tree is well nested."""
    read = Read(html.tree(data))
    assert read.is_safe

    def check(value: Any) -> None:
        if isinstance(value, Mapping):
            assert all(str(key) in read.text for key in value)
        for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
            check(inner)
        if isinstance(value, str):
            assert f'"{value}"' in read.text

    check(data)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (True, "true"), (False, "false"), (0, "0"), (0.0, "0.0"), ("", '""'), ([], "[]"), ({}, "{}")],
)
def test_scalars_are_shown_as_json(value: Any, shown: str) -> None:
    """Null, booleans, zero and empty containers look different, alone and inside."""
    assert Read(html.tree(value)).text == shown
    assert Read(html.tree({"k": value})).text == "{1}k: " + shown


def test_a_long_text_is_cut_and_counted() -> None:
    """A string is shown up to 400 characters, with its length."""
    text = Read(html.tree("x" * 401)).text
    assert "x" * 400 in text
    assert "x" * 401 not in text
    assert "401 characters" in text


def test_a_folded_mapping_tells_its_name() -> None:
    """Items of a list can be distinguished without opening them: by name, else by id."""
    text = Read(html.tree([{"id": "1", "name": "prod"}, {"id": "d2"}, {"id": 3}])).text
    assert "{2} prod" in text
    assert "{1} d2" in text


def test_a_large_tree_says_what_it_leaves_out() -> None:
    """A tree is cut at `most` lines, and the rest is counted."""
    read = Read(html.tree(list(range(1000)), limit=100))
    assert read.text.count("\n") == 0
    assert "98: 98" in read.text
    assert "99: 99" not in read.text
    assert re.search(r"9\d\d more", read.text), "the docstring promises that the rest is counted"


def test_a_tree_of_exactly_the_cap_is_not_cut() -> None:
    """If every line is shown, there is no note."""
    assert "cut" not in Read(html.tree(list(range(599)), limit=600)).text


def test_a_deep_tree_is_drawn() -> None:
    """A response as deep as the JSON parser allows is shown up to a limit, without a RecursionError."""
    data: Any = "bottom"
    for _ in range(1000):
        data = [data]
    assert "bottom" not in Read(html.tree(data)).text
    assert "more than 60 levels deep" in Read(html.tree(data)).text


@given(JSON, st.integers(1, 12))
@STEADY
def test_what_a_tree_does_not_show_is_counted(data: Any, most: int) -> None:
    """As many lines as may be shown are; a container that is cut says how many of its members are missing."""
    tree = html.tree(data, limit=most)
    notes = re.findall(r"… ([\d,]+) more (?:item|field)s?<", tree)

    def lines(value: Any) -> int:
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        return 1 + sum(map(lines, inner))

    every = lines(data)
    assert Read(tree).tags.count("div") - 1 - len(notes) == min(most, every)
    assert bool(notes) is ("Not everything is shown" in tree) is (every > most)


def test_a_tree_costs_what_it_shows() -> None:
    """Of a long list only the first items are touched."""

    class Counted(list[Any]):
        touched = 0

        def __iter__(self) -> Iterator[Any]:
            for item in super().__iter__():
                self.touched += 1
                yield item

    data = Counted(range(1_000_000))
    assert "… 999,401 more items" in html.tree(data, limit=600)
    assert 599 <= data.touched <= 601


def test_no_column_is_squeezed_to_a_letter() -> None:
    """A table that is wider than its place scrolls: a text keeps the width of twelve letters, if it has as many."""
    drawn = html.table(["id", "n"], [["cm4mnyri0bppru8cbd58hk1cu", 7]])
    assert "min-width:12ch" in drawn
    assert drawn.count("min-width") == 1
    assert "min-width" not in html.table(["id"], [[html.code("x" * 40)]])

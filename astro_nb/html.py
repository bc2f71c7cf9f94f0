"""Plain data as static HTML: escaped, limited in size, readable in light and dark themes, without scripts.

JupyterLab's sanitizer strips `<style>`, scripts and ids from static output, so all style is inline and collapsible
parts are `<details>`. Colours come from the front end's theme, with readable fallbacks if there is none.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MAX_TREE_LINES = 600
"""Lines that a tree shows; the rest is counted, never dropped silently."""

MAX_TREE_DEPTH = 60
"""Levels that a tree shows."""

MAX_BLOCK_LENGTH = 20_000
"""Characters that a block of text shows."""

MAX_TABLE_ROWS = 200
"""Rows that a table shows."""

_MAX_TEXT_LENGTH = 400  # characters of one string in a tree
_MAX_HINT_LENGTH = 60  # characters of the name that is shown next to a collapsed object
_MIN_CELL_WIDTH = 12  # characters of a table cell that are kept on one line
_OPEN_LEVELS = 2  # levels of a tree that are open at first
_MAX_OPEN_CHILDREN = 40  # a node of a tree with more children is collapsed at first

TEXT: Final = "var(--jp-content-font-color1, CanvasText)"
MUTED: Final = "var(--jp-content-font-color2, GrayText)"
BORDER: Final = "var(--jp-border-color2, rgba(128,128,128,.35))"
PANEL: Final = "var(--jp-layout-color2, rgba(128,128,128,.08))"
MONO: Final = "var(--jp-code-font-family, ui-monospace, monospace)"

TONES: Final[Mapping[str, tuple[str, str]]] = {
    "good": ("#1b7f3b", "#ffffff"),
    "warn": ("#8a5a00", "#ffffff"),
    "bad": ("#b3261e", "#ffffff"),
    "info": ("#1f5fbf", "#ffffff"),
    "quiet": ("#5f6368", "#ffffff"),
    "violet": ("#6a3fb5", "#ffffff"),
}
"""Background and text colour of a pill by tone; each pair has a contrast of at least 4.5 (WCAG 2.2, 1.4.3)."""

METHOD_TONES: Final = {"GET": "info", "POST": "good", "PUT": "warn", "PATCH": "warn", "DELETE": "bad"}


class Markup(str):
    """Text that already is HTML; everything else is escaped."""

    __slots__ = ()


def escape(value: Any) -> Markup:
    """Return a value as escaped text, half of a character too; `Markup` is returned as it is."""
    if isinstance(value, Markup):
        return value
    text = html.escape(str(value))
    return Markup(text if text.isascii() else text.encode(errors="backslashreplace").decode())


def prose(text: str) -> Markup:
    """Return a description, escaped, with text in backticks as code."""
    pieces = text.split("`")
    return join(code(piece) if n % 2 and len(pieces) % 2 else piece for n, piece in enumerate(pieces))


def tag(name: str, *children: Any, style: str = "", **attributes: str) -> Markup:
    """Return one element; children are escaped unless they are `Markup`."""
    every = {"style": style, **attributes}
    written = "".join(f' {k.rstrip("_")}="{html.escape(v)}"' for k, v in every.items() if v)
    return Markup(f"<{name}{written}>{''.join(escape(c) for c in children)}</{name}>")


def join(parts: Iterable[Any], between: str = "") -> Markup:
    """Return several pieces as one, each escaped unless it is `Markup`."""
    return Markup(between.join(escape(part) for part in parts))


def pill(text: str, tone: str = "quiet") -> Markup:
    """Return a short word on a coloured background; the colour adds no meaning to the word."""
    background, color = TONES[tone]
    style = (
        f"background:{background};color:{color};border-radius:4px;padding:1px 7px;font-size:.85em;"
        "font-weight:600;white-space:nowrap"
    )
    return tag("span", text, style=style)


def method_pill(method: str) -> Markup:
    """Return the pill of an HTTP method."""
    return pill(method, METHOD_TONES.get(method, "quiet"))


def status_tone(status: int | None) -> str:
    """Return the tone of a status, by its class (RFC 9110, section 15)."""
    return {2: "good", 3: "info", 4: "bad", 5: "bad"}.get((status or 0) // 100, "bad")


def pluralize(count: int, noun: str) -> str:
    """Return a number with its noun: "1 page", "2,000 pages"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def muted(text: Any) -> Markup:
    """Return less important text, in a muted colour."""
    return tag("span", text, style=f"color:{MUTED}")


def code(text: Any) -> Markup:
    """Return inline code."""
    return tag("code", text, style=f"font-family:{MONO};font-size:.92em;overflow-wrap:anywhere")


def selectable(text: Any) -> Markup:
    """Return inline code that is selected as a whole on a click, ready to copy."""
    return tag("code", text, style=f"font-family:{MONO};font-size:.92em;user-select:all")


def block(text: str, limit: int = MAX_BLOCK_LENGTH) -> Markup:
    """Return a block of preformatted text; the characters beyond `limit` are counted below it."""
    shown = text[:limit]
    style = (
        f"font-family:{MONO};font-size:.88em;white-space:pre-wrap;overflow-wrap:anywhere;margin:0;padding:8px 10px;"
        f"background:{PANEL};border-radius:4px;max-height:28em;overflow:auto"
    )
    hidden = f"{len(text) - limit:,} more characters are not shown; response.text has them all."
    return join([tag("pre", shown, style=style, tabindex="0"), muted(hidden) if len(text) > limit else ""])


def copyable(text: str) -> Markup:
    """Return a block of code that is selected as a whole on a click, ready to copy."""
    style = f"font-family:{MONO};font-size:.88em;white-space:pre-wrap;user-select:all;margin:0;padding:8px 10px"
    note = muted("Click the code to select all of it, then copy.")
    return join([tag("pre", text, style=f"{style};background:{PANEL};border-radius:4px", tabindex="0"), note])


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], limit: int = MAX_TABLE_ROWS, wrap: bool = True
) -> Markup:
    """Return a table; rows beyond `limit` are counted below it. Without `wrap` each row stays on one line."""
    cell = f"text-align:left;vertical-align:top;padding:3px 10px 3px 0;border-bottom:1px solid {BORDER}"
    head = tag("tr", *(tag("th", c, style=f"{cell};font-weight:600") for c in columns))
    every = list(rows)
    body = [tag("tr", *(tag("td", v, style=f"{cell};{_wrap_style(v, wrap)}") for v in row)) for row in every[:limit]]
    hidden = len(every) - limit
    note = muted(f"{hidden:,} more {'row is' if hidden == 1 else 'rows are'} not shown.") if hidden > 0 else ""
    style = "border-collapse:collapse;font-size:.92em;margin:0"
    element = tag("table", tag("thead", head), tag("tbody", *body), style=style)
    return join([tag("div", element, style="overflow-x:auto"), note])


def _wrap_style(value: Any, wrap: bool) -> str:
    """Return the style that wraps a cell; a text keeps some width, since a wide table can be scrolled."""
    if not wrap:
        return "white-space:nowrap"
    length = 0 if isinstance(value, Markup) else len(str(value))
    minimum = f";min-width:{_MIN_CELL_WIDTH}ch" if length > _MIN_CELL_WIDTH else ""
    return f"overflow-wrap:anywhere{minimum}"


def details(summary: Any, *children: Any, is_open: bool = False) -> Markup:
    """Return a part that opens on a click on its summary."""
    head = tag("summary", summary, style="cursor:pointer")
    inner = tag("div", *children, style="padding:4px 0 4px 14px")
    return Markup(f"<details{' open' if is_open else ''}>{head}{inner}</details>")


def tree(data: Any, limit: int = MAX_TREE_LINES) -> Markup:
    """Return JSON data as a collapsible tree of at most `limit` lines and `MAX_TREE_DEPTH` levels.

    What is not shown is counted at its place. The work depends on what is drawn, not on the size of the data.
    """
    budget = _LineBudget(limit)
    budget.take()
    root = _render_node(None, data, budget, 0)
    style = f"font-family:{MONO};font-size:.88em;line-height:1.5;color:{TEXT};overflow-wrap:anywhere"
    note = muted("Not everything is shown; response.json() has it all.") if budget.is_cut else ""
    return tag("div", root, note, style=style)


class _LineBudget:
    """Counts the lines that may still be shown."""

    def __init__(self, limit: int) -> None:
        self.remaining, self.is_cut = limit, False

    def take(self) -> bool:
        """Whether one more line may be shown."""
        if not self.remaining:
            self.is_cut = True
            return False
        self.remaining -= 1
        return True


def _render_node(key: Any, value: Any, budget: _LineBudget, depth: int) -> Markup:
    name = join([tag("span", key, style=f"color:{MUTED}"), ": "]) if key is not None else Markup("")
    if not isinstance(value, Mapping | list) or not value:
        return tag("div", name, _render_scalar(value))
    shape = f"{{{len(value)}}}" if isinstance(value, Mapping) else f"[{len(value)}]"
    head = join([name, tag("span", shape, style=f"color:{MUTED}"), _hint(value)])
    if depth == MAX_TREE_DEPTH:
        budget.is_cut = True
        return tag("div", head, muted(f" more than {MAX_TREE_DEPTH} levels deep: not shown"))
    inner: list[Markup] = []
    for step, child in value.items() if isinstance(value, Mapping) else enumerate(value):
        if not budget.take():
            more = pluralize(len(value) - len(inner), "more field" if isinstance(value, Mapping) else "more item")
            inner.append(tag("div", muted(f"… {more}")))
            break
        inner.append(_render_node(step, child, budget, depth + 1))
    return details(head, *inner, is_open=depth < _OPEN_LEVELS and len(value) <= _MAX_OPEN_CHILDREN)


def _hint(value: Any) -> Markup:
    """Return what identifies a collapsed object: its name, else its id."""
    if isinstance(value, Mapping):
        for key in ("name", "title", "key", "id"):
            if isinstance(value.get(key), str):
                return tag("span", f" {value[key][:_MAX_HINT_LENGTH]}", style=f"color:{MUTED}")
    return Markup("")


_SCALAR_COLORS = {str: "#0a7a3d", bool: "#8a5a00", int: "#1f5fbf", float: "#1f5fbf", type(None): "#8a5a00"}
_THEME_VARIABLES = {str: "--jp-mirror-editor-string-color", int: "--jp-mirror-editor-number-color"}


def _render_scalar(value: Any) -> Markup:
    if isinstance(value, str):
        length = f" … {len(value):,} characters" if len(value) > _MAX_TEXT_LENGTH else ""
        text = f'"{value[:_MAX_TEXT_LENGTH]}"{length}'
    elif isinstance(value, list | Mapping):  # an empty one
        text = "[]" if isinstance(value, list) else "{}"
    else:
        text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    fallback = _SCALAR_COLORS.get(type(value), "inherit")
    name = _THEME_VARIABLES.get(type(value), "--jp-mirror-editor-keyword-color")
    return tag("span", text, style=f"color:var({name}, {fallback})")

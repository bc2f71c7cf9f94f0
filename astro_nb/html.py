"""Plain data as static HTML: escaped, capped, readable in light and dark, and sound without scripts.

JupyterLab's sanitiser strips `<style>`, scripts and ids from static output, so all style is inline and all folding is
`<details>`. Colours come from the front end's theme, with fallbacks that read well where there is none.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MOST_NODES = 600
"""Lines that a tree draws; what is beyond is told, never silently left out."""

DEEPEST = 60
"""Levels that a tree draws."""

_LONGEST = 400  # characters of one text
_LEAST = 12  # characters of a text that stand side by side in a table

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
"""Background and text of a pill by tone; each pair has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""

METHOD_TONES: Final = {"GET": "info", "POST": "good", "PUT": "warn", "PATCH": "warn", "DELETE": "bad"}


class Markup(str):
    """Text that is HTML already; everything else is escaped."""

    __slots__ = ()


def escape(value: Any) -> Markup:
    """A value as escaped text; `Markup` is passed through."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def prose(text: str) -> Markup:
    """A description: escaped, with what stands between backticks as code."""
    pieces = text.split("`")
    return join(code(p) if n % 2 and len(pieces) % 2 else p for n, p in enumerate(pieces))


def tag(name: str, *children: Any, style: str = "", **attributes: str) -> Markup:
    """One element; children are escaped unless they are `Markup`."""
    extra = {"style": style, **attributes}
    told = "".join(f' {k.rstrip("_")}="{html.escape(v)}"' for k, v in extra.items() if v)
    return Markup(f"<{name}{told}>{''.join(escape(c) for c in children)}</{name}>")


def join(parts: Iterable[Any], between: str = "") -> Markup:
    """Several pieces as one."""
    return Markup(between.join(escape(part) for part in parts))


def pill(text: str, tone: str = "quiet") -> Markup:
    """A short word on colour; the word alone tells the meaning."""
    background, color = TONES[tone]
    style = (
        f"background:{background};color:{color};border-radius:4px;padding:1px 7px;font-size:.85em;"
        "font-weight:600;white-space:nowrap"
    )
    return tag("span", text, style=style)


def method_pill(method: str) -> Markup:
    """The badge of an HTTP method."""
    return pill(method, METHOD_TONES.get(method, "quiet"))


def status_tone(status: int | None) -> str:
    """The tone of a status: by its class (RFC 9110, section 15)."""
    return {2: "good", 3: "info", 4: "bad", 5: "bad"}.get((status or 0) // 100, "bad")


def pluralize(count: int, noun: str) -> str:
    """Return a number with its noun: "1 page", "2,000 pages"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def muted(text: Any) -> Markup:
    """Less important text."""
    return tag("span", text, style=f"color:{MUTED}")


def code(text: Any) -> Markup:
    """Inline code."""
    return tag("code", text, style=f"font-family:{MONO};font-size:.92em;overflow-wrap:anywhere")


def selectable(text: Any) -> Markup:
    """Inline code that is selected as a whole when it is pressed, ready to be copied."""
    return tag("code", text, style=f"font-family:{MONO};font-size:.92em;user-select:all")


def block(text: str, most: int = 20_000) -> Markup:
    """A block of preformatted text, capped; the cap is said."""
    shown = text[:most]
    style = (
        f"font-family:{MONO};font-size:.88em;white-space:pre-wrap;overflow-wrap:anywhere;margin:0;padding:8px 10px;"
        f"background:{PANEL};border-radius:4px;max-height:28em;overflow:auto"
    )
    note = (
        muted(f"{len(text) - most:,} more characters are not drawn; response.text has them all.")
        if len(text) > most
        else ""
    )
    return join([tag("pre", shown, style=style, tabindex="0"), note])


def copyable(text: str) -> Markup:
    """A block of code that is selected as a whole when it is pressed, ready to be copied."""
    style = f"font-family:{MONO};font-size:.88em;white-space:pre-wrap;user-select:all;margin:0;padding:8px 10px"
    note = muted("Press the code to select all of it, then copy.")
    return join([tag("pre", text, style=f"{style};background:{PANEL};border-radius:4px", tabindex="0"), note])


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int = 200, wrap: bool = True) -> Markup:
    """A table; the rows beyond `most` are counted below it. Without `wrap` each row stays one line."""
    cell = f"text-align:left;vertical-align:top;padding:3px 10px 3px 0;border-bottom:1px solid {BORDER}"
    head = tag("tr", *(tag("th", c, style=f"{cell};font-weight:600") for c in columns))
    every = list(rows)
    body = [tag("tr", *(tag("td", v, style=f"{cell};{_breaks(v, wrap)}") for v in row)) for row in every[:most]]
    note = muted(f"{len(every) - most:,} more rows are not drawn.") if len(every) > most else ""
    drawn = tag(
        "table", tag("thead", head), tag("tbody", *body), style="border-collapse:collapse;font-size:.92em;margin:0"
    )
    return join([tag("div", drawn, style="overflow-x:auto"), note])


def _breaks(value: Any, wrap: bool) -> str:
    """Where a cell is broken; a text keeps some width, for a table that is wider than its place can be scrolled."""
    if not wrap:
        return "white-space:nowrap"
    length = 0 if isinstance(value, Markup) else len(str(value))
    return f"overflow-wrap:anywhere;min-width:{_LEAST}ch" if length > _LEAST else "overflow-wrap:anywhere"


def details(summary: Any, *children: Any, opened: bool = False) -> Markup:
    """Something that opens when its summary is pressed."""
    head = tag("summary", summary, style="cursor:pointer")
    inner = tag("div", *children, style="padding:4px 0 4px 14px")
    return Markup(f"<details{' open' if opened else ''}>{head}{inner}</details>")


def tree(data: Any, most: int = MOST_NODES) -> Markup:
    """JSON data as a tree that folds; beyond `most` lines, and below `DEEPEST` levels, it is counted, not drawn."""
    tally = _Tally(most)
    drawn = _node(None, data, tally, 0)
    left_out = f"{tally.left_out:,} more lines are not drawn; response.json() has them all."
    style = f"font-family:{MONO};font-size:.88em;line-height:1.5;color:{TEXT};overflow-wrap:anywhere"
    return tag("div", drawn, muted(left_out) if tally.left_out else "", style=style)


class _Tally:
    """Lines that may still be drawn, and those that are not."""

    def __init__(self, room: int) -> None:
        self.room, self.left_out = room, 0

    def takes(self, value: Any) -> bool:
        """Whether there is room for the line of a value; if not, it and all below it are left out."""
        self.room -= 1
        if self.room < 0:
            self.left_out += 1 + _below(value)
        return self.room >= 0


def _node(key: Any, value: Any, tally: _Tally, depth: int) -> Markup:
    if not tally.takes(value):
        return Markup("")
    children = _children(value)
    name = join([tag("span", key, style=f"color:{MUTED}"), ": "]) if key is not None else Markup("")
    if not children:
        return tag("div", name, _scalar(value))
    shape = f"{{{len(value)}}}" if isinstance(value, Mapping) else f"[{len(value)}]"
    head = join([name, tag("span", shape, style=f"color:{MUTED}"), _hint(value)])
    if depth == DEEPEST:
        tally.left_out += _below(value)
        return tag("div", head, muted(f" below {DEEPEST} levels: not drawn"))
    inner = [_node(k, v, tally, depth + 1) for k, v in children]
    return details(head, *inner, opened=depth < 2 and len(children) <= 40)


def _below(value: Any) -> int:
    """How many lines stand below a value."""
    count, stack = 0, [value]
    while stack:
        children = _children(stack.pop())
        count += len(children)
        stack.extend(child for _, child in children if isinstance(child, Mapping | list))
    return count


def _children(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _hint(value: Any) -> Markup:
    """What a folded mapping is about: its name, else its id."""
    if isinstance(value, Mapping):
        for key in ("name", "title", "key", "id"):
            if isinstance(value.get(key), str):
                return tag("span", f" {value[key][:60]}", style=f"color:{MUTED}")
    return Markup("")


_SCALARS = {str: "#0a7a3d", bool: "#8a5a00", int: "#1f5fbf", float: "#1f5fbf", type(None): "#8a5a00"}
_VARIABLES = {str: "--jp-mirror-editor-string-color", int: "--jp-mirror-editor-number-color"}


def _scalar(value: Any) -> Markup:
    words = {True: "true", False: "false", None: "null"}
    if isinstance(value, str):
        text = f'"{value[:_LONGEST]}"' + (f" … {len(value):,} characters" if len(value) > _LONGEST else "")
    else:
        text = (
            words[value] if value is None or isinstance(value, bool) else str(value or (value if value == 0 else "{}"))
        )
    if isinstance(value, list | Mapping):
        text = "[]" if isinstance(value, list) else "{}"
    fallback = _SCALARS.get(type(value), "inherit")
    name = _VARIABLES.get(type(value), "--jp-mirror-editor-keyword-color")
    return tag("span", text, style=f"color:var({name}, {fallback})")

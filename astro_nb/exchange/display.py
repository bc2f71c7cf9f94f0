"""An exchange as static HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import html

if TYPE_CHECKING:
    from .exchange import Exchange


def size_words(size: int) -> str:
    """A number of bytes in words: 900 B, 12.3 kB, 4.5 MB."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def time_words(seconds: float) -> str:
    """A duration in words: 85 ms, 1.24 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def one_line(exchange: Exchange) -> str:
    """An exchange in one line of text: what was called, what came, and why it did not go well."""
    head = f"<{exchange.operation.id} → {exchange.status_text}"
    if exchange.ok:
        return f"{head}, {size_words(exchange.size)}>"
    told = f": {exchange.error.message}" if exchange.error else ""
    asked = f", requestId {exchange.request_id}" if exchange.request_id else ""
    return f"{head}{told}{asked}{f' {exchange.advice}' if exchange.advice else ''}>"


def draw(exchange: Exchange) -> html.Markup:
    """An exchange as static HTML: status, facts, and the body as a tree, or what went wrong."""
    parts = [headline(exchange)]
    if exchange.error:
        parts.append(draw_error(exchange))
    elif exchange.response and exchange.response.body:
        parts.append(draw_body(exchange))
    return html.tag("div", *parts, style=f"color:{html.TEXT}")


def headline(exchange: Exchange) -> html.Markup:
    """Status, operation, time, size, attempts and requestId in one line."""
    tries = len(exchange.attempts)
    facts = [
        time_words(exchange.elapsed),
        size_words(exchange.size),
        f"{tries} attempts" if tries > 1 else "",
        f"{len(exchange.violations)} contract notes" if exchange.violations else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    status = html.pill(exchange.status_text, html.status_tone(exchange.status))
    if exchange.outcome == "unknown":
        status = html.join([status, html.pill("unknown", "warn")], " ")
    name = html.tag("strong", exchange.operation.id)
    asked = (
        html.join([html.muted(" · requestId "), html.selectable(exchange.request_id)]) if exchange.request_id else ""
    )
    return html.tag("div", status, " ", name, " ", html.muted(told), asked, style="margin:2px 0 6px")


def draw_error(exchange: Exchange) -> html.Markup:
    """What went wrong, whose fault it is, and what to do."""
    error, failure = exchange.error, exchange.failure
    if error is None:
        return html.Markup("")
    rows = [(e.field, e.message, e.code) for e in error.field_errors]
    parts = [html.tag("div", error.message, style="font-weight:600;margin-bottom:4px;overflow-wrap:anywhere")]
    if rows:
        parts.append(html.table(["field", "what is wrong", "code"], rows))
    if failure:
        parts.append(html.tag("div", f"{failure.fault} {'' if exchange.advice else failure.todo}"))
    if exchange.advice:
        parts.append(html.tag("div", exchange.advice, style="font-weight:600"))
    return html.tag("div", *parts, style=f"border-left:3px solid {html.TONES['bad'][0]};padding:2px 0 2px 10px")


def draw_body(exchange: Exchange) -> html.Markup:
    """The body: JSON as a tree, text as text, anything else by its size."""
    answer = exchange.response
    if answer is None or not answer.body:
        return html.muted("No body.")
    if answer.is_json:
        return html.tree(exchange.json())
    if b"\0" in answer.body[:1000]:
        return html.muted(f"{size_words(exchange.size)} of {answer.media_type or 'binary data'}.")
    return html.block(exchange.text)

"""An exchange as text and as static HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import html

if TYPE_CHECKING:
    from .exchange import Exchange

_BINARY_PROBE = 1000  # bytes in which a NUL means that the body is no text


def format_size(size: int) -> str:
    """Return a number of bytes as text: 900 B, 12.3 kB, 4.5 MB."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def format_duration(seconds: float) -> str:
    """Return a duration as text: 85 ms, 1.24 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def summary(exchange: Exchange) -> str:
    """Return an exchange as one line of text: the operation, the status, and what went wrong."""
    head = f"<{exchange.operation.id} → {exchange.status_text}"
    if exchange.ok:
        return f"{head}, {format_size(exchange.size)}>"
    message = f": {exchange.error.message}" if exchange.error else ""
    request_id = f", requestId {exchange.request_id}" if exchange.request_id else ""
    return f"{head}{message}{request_id}{f' {exchange.advice}' if exchange.advice else ''}>"


def draw_exchange(exchange: Exchange) -> html.Markup:
    """Return an exchange as static HTML: the status, and the body or what went wrong."""
    parts = [draw_headline(exchange)]
    if exchange.error:
        parts.append(draw_error(exchange))
    elif exchange.response and exchange.response.body:
        parts.append(draw_body(exchange))
    return html.tag("div", *parts, style=f"color:{html.TEXT}")


def draw_headline(exchange: Exchange) -> html.Markup:
    """Return status, operation, duration, size, number of attempts and request id in one line."""
    attempts, violations = len(exchange.attempts), len(exchange.violations)
    facts = [
        format_duration(exchange.elapsed),
        format_size(exchange.size),
        f"{attempts} attempts" if attempts > 1 else "",
        f"{violations} contract violation{'' if violations == 1 else 's'}" if violations else "",
    ]
    status = html.pill(exchange.status_text, html.status_tone(exchange.status))
    if exchange.outcome == "unknown":
        status = html.join([status, html.pill("unknown", "warn")], " ")
    name = html.tag("strong", exchange.operation.id)
    request_id = html.Markup("")
    if exchange.request_id:
        request_id = html.join([html.muted(" · requestId "), html.selectable(exchange.request_id)])
    text = html.muted(" · ".join(fact for fact in facts if fact))
    return html.tag("div", status, " ", name, " ", text, request_id, style="margin:2px 0 6px")


def draw_error(exchange: Exchange) -> html.Markup:
    """Return what went wrong, whose fault it is, and what to do."""
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
    """Return the body: JSON as a tree, text as text, anything else by its size."""
    response = exchange.response
    if response is None or not response.body:
        return html.muted("No body.")
    if response.is_json:
        return html.tree(exchange.json())
    if b"\0" in response.body[:_BINARY_PROBE]:
        return html.muted(f"{format_size(exchange.size)} of {response.media_type or 'binary data'}.")
    return html.block(exchange.text)

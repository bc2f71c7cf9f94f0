"""The panel in which a credential is given by hand: held in memory, for this session, shown nowhere."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from .. import html
from ..session import Session
from ..spec import SecurityScheme
from .parts import button, replace
from .status import Status
from .style import classed, layout
from .unseen import Unseen


class CredentialsPanel:
    """Each security scheme of the document: what it is, what is held for it, and a place to paste another."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._status, self._changed = session, status, changed
        self.inputs: dict[str, list[widgets.Widget]] = {}
        self._rows = widgets.VBox([], layout=layout())
        self._token = widgets.HTML("", layout=layout())
        note = html.quiet(
            "What is given here is held in memory, for the hosts of this environment, until the kernel ends."
        )
        head = widgets.HTML(str(note), layout=layout())
        self.widget = classed(widgets.VBox([self._token, head, self._rows], layout=layout()), "anb-panel", "anb-hidden")

    def draw(self) -> None:
        """Tell every scheme as it is now."""
        spec = self._session.spec
        self._token.value = str(token_facts(self._session))
        schemes = [spec.scheme(name) for name in spec.scheme_names]
        none = [widgets.HTML(str(html.quiet("The document names no way to authenticate.")), layout=layout())]
        replace(self._rows, [self._row(scheme) for scheme in schemes] or none)

    def _row(self, scheme: SecurityScheme) -> widgets.Widget:
        held = self._session.acting.secret_for(scheme.name)
        pasted = held is not None and held != self._session.environment.secret_for(scheme.name)
        told = html.pill(f"held: {held.source}", "good") if held else html.pill("nothing held", "quiet")
        about = html.join([html.tag("strong", scheme.name), " ", words_of(scheme), " ", told])
        fields = [Unseen(text, self._status) for text in _FIELDS.get(scheme.kind, ("Paste the credential",))]
        self.inputs[scheme.name] = [field.widget for field in fields]
        use, drop = button(f"Use for {scheme.name}", "anb-plain"), button(f"Forget {scheme.name}", "anb-link")
        use.on_click(self._status.guard(lambda _: self._take(scheme, fields)))
        drop.on_click(self._status.guard(lambda _: self._forget(scheme)))
        parts = [widgets.HTML(str(about), layout=layout()), *self.inputs[scheme.name], use, *([drop] if pasted else [])]
        return classed(widgets.HBox(parts, layout=layout()), "anb-wrap", "anb-credential")

    def _take(self, scheme: SecurityScheme, fields: list[Unseen]) -> None:
        typed = [field.take() for field in fields]
        if not any(typed):
            self._status.say(f"Nothing was given for {scheme.name}: paste the credential first.", "warn")
            return
        self._session.set_credential(scheme.name, ":".join(typed))
        self._done(f"Requests that need {scheme.name} use what you gave.")

    def _forget(self, scheme: SecurityScheme) -> None:
        self._session.drop_credential(scheme.name)
        self._done(f"What was given for {scheme.name} is forgotten.")

    def _done(self, text: str) -> None:
        self.draw()
        self._changed()
        self._status.say(text, "good")


def token_facts(session: Session) -> html.Markup:
    """What is known of the token, and whether it suffices for what was done so far; never the token."""
    rows = [(html.tag("strong", name), value) for name, value in session.token_panel().rows]
    needs = html.Markup(session.privileges()._repr_mimebundle_()["text/html"])
    known = html.table(["token", "what is known"], rows)
    return html.join([known, html.fold("The permissions that all this needed so far", needs)])


def words_of(scheme: SecurityScheme) -> str:
    """What a scheme is, in words."""
    if scheme.kind == "apiKey":
        return f"API key in the {scheme.location} {scheme.parameter}"
    return _WORDS.get(scheme.kind, f"HTTP {scheme.kind}")


_WORDS = {
    "bearer": "bearer token",
    "basic": "user name and password",
    "oauth2": "OAuth 2.0 access token",
    "openIdConnect": "OpenID Connect token",
    "mutualTLS": "client certificate, which astro_nb does not send",
}

_FIELDS = {
    "bearer": ("Paste the token",),
    "oauth2": ("Paste the token",),
    "openIdConnect": ("Paste the token",),
    "apiKey": ("Paste the key",),
    "basic": ("User name", "Password"),
    "mutualTLS": (),
}

"""One request on its way through the sandbox, and the way in which it can be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..call import UNSET
from ..message import Request
from .knowledge import Deed, Kind
from .limits import Limits
from .tokens import ANYONE, Subject

if TYPE_CHECKING:
    from ..spec import Operation
    from .plan import Plan
    from .store import Item
    from .template import Scope
    from .world import World


@dataclass(frozen=True)
class FieldError:
    """One field of a request that broke a rule."""

    field: str
    code: str
    message: str


class Refused(Exception):
    """The sandbox answers with an error. Never leaves the sandbox: whoever asked gets a Response.

    `plain` says that the gateway speaks: text instead of the document's envelope.
    """

    def __init__(
        self,
        status: int,
        message: str,
        fields: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.fields = status, message, fields
        self.headers, self.plain = dict(headers or {}), plain


@dataclass
class Visit:
    """What is known of a request so far; the checks fill it in, one after the other."""

    request: Request
    world: World
    plan: Plan
    path: Mapping[str, str]
    limits: Limits
    subject: Subject = ANYONE
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = UNSET
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        """The operation that was asked for."""
        return self.plan.operation

    @property
    def deed(self) -> Deed:
        """What it does."""
        return self.plan.deed

    @property
    def kind(self) -> Kind:
        """The kind that it does it to."""
        return self.plan.kind

    @property
    def target(self) -> Item | None:
        """The thing of the deed's kind that the path names, if it names one."""
        return self.items.get(self.kind.name)

    def scope(self, item: Mapping[str, Any] | None = None, **names: Any) -> Scope:
        """A scope for templates: path parameters, the things that the path names, query, body and subject."""
        origin = "/".join(self.request.url.split("/", 3)[:3])
        body = self.body if isinstance(self.body, Mapping) else {}
        store, kinds = self.world.store, self.world.kinds
        shown = {name: store.view(kinds[name], thing)[1] if thing else thing for name, thing in self.items.items()}
        known = {**self.path, **shown, "query": self.query, "body": body, "origin": origin}
        return self.world.scope(item or {}, self.kind.name, **{"subject": self.subject.profile, **known, **names})

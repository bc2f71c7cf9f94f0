"""How well a document works here, measured operation by operation.

Each operation gets its form, drawn as in the explorer; each form is filled with its example; what it would send is
judged by openapi-core, and a JSON body by the fast check too. What does not go well is named, and whose fault it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from .contract import Violation, check_request_body, check_request_fully
from .environments import Environment, Resolver, Variables
from .errors import AstroNbError
from .explorer import dry_render
from .forms import Form
from .messages import is_json
from .openapi import Fetch, Operation, Spec, load
from .secrets import Secret
from .serialization import build_request

Whose = Literal["document", "astro_nb"]
Step = Callable[[int, int], None]
"""Called with the number of operations that are done, and of all."""


@dataclass(frozen=True)
class Remain:
    """One thing that does not go well.

    Attributes:
        operation: the operation's id.
        what: what of it: "document", "form", or "example"; with the media type where there is a body.
        why: what is wrong, in words.
        whose: who has to mend it.
    """

    operation: str
    what: str
    why: str
    whose: Whose


@dataclass(frozen=True)
class Audit:
    """What was measured of one document.

    Attributes:
        document: the document, as it was named.
        loaded: whether it can be used at all; `error` says why not.
        operations: how many there are; `forms` of them have a form, and `requests` of them an example that is valid.
        bodies: operations that take a body; `built` of them have a form for every media type of it, and `valid` of them
            an example for every media type that makes a valid request.
        warnings: what the document is told about, on loading and at its operations.
        seconds: from the file to the last verdict.
        remains: what does not go well.
    """

    document: str
    loaded: bool
    error: str = ""
    operations: int = 0
    bodies: int = 0
    built: int = 0
    valid: int = 0
    warnings: int = 0
    seconds: float = 0.0
    forms: int = 0
    requests: int = 0
    remains: tuple[Remain, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)


def audit(document: Any, fetch: Fetch | None = None, step: Step | None = None) -> Audit:
    """Measure a document; one that cannot be used is told in `error`, never raised.

    Args:
        document: all that `spec.load` takes.
        fetch: what gets the bytes behind a URL.
        step: told of each operation.
    """
    begun, name = time.perf_counter(), str(document)[:200]
    try:
        spec = load(document, fetch=fetch)
    except AstroNbError as error:
        return Audit(name, False, str(error), seconds=_since(begun))
    verdicts = []
    for number, operation in enumerate(spec):
        if step is not None:
            step(number, len(spec))
        verdicts.append(_judged(operation))
    return _counted(name, spec, verdicts, _since(begun))


@dataclass(frozen=True)
class _Verdict:
    operation: Operation
    has_body: bool
    form: tuple[Remain, ...]
    example: tuple[Remain, ...]


def _counted(name: str, spec: Spec, verdicts: list[_Verdict], seconds: float) -> Audit:
    bodies = [verdict for verdict in verdicts if verdict.has_body]
    told = [Remain("", "document", text, "document") for text in spec.warnings]
    told += [Remain(v.operation.id, "document", text, "document") for v in verdicts for text in v.operation.warnings]
    return Audit(
        name,
        True,
        operations=len(verdicts),
        bodies=len(bodies),
        built=sum(not verdict.form for verdict in bodies),
        valid=sum(not verdict.form and not verdict.example for verdict in bodies),
        warnings=len(told),
        seconds=seconds,
        forms=sum(not verdict.form for verdict in verdicts),
        requests=sum(not verdict.form and not verdict.example for verdict in verdicts),
        remains=(*told, *(remain for verdict in verdicts for remain in (*verdict.form, *verdict.example))),
    )


def _judged(operation: Operation) -> _Verdict:
    try:
        medias: list[str | None] = list(operation.body.content) if operation.body else [None]
    except AstroNbError as error:
        return _Verdict(operation, True, (Remain(operation.id, "form", error.what, "document"),), ())
    form, example = list[Remain](), list[Remain]()
    for media in medias:
        try:
            made = Form(operation, media)
            problem = dry_render(made)
            example += _of_example(operation, made, media) if not problem else ()
        except AstroNbError as error:
            problem = str(error)
        form += [Remain(operation.id, _what("form", media), problem, _whose(operation))] if problem else []
    return _Verdict(operation, operation.body is not None, tuple(form), tuple(example))


def _of_example(operation: Operation, form: Form, media: str | None) -> Iterator[Remain]:
    """What is wrong with the request that the form's example makes; nothing when all is well."""
    form.fill(full=True)
    call, what = form.to_call(), _what("example", media)
    try:
        request = build_request(operation, call, _values(operation.spec))
    except AstroNbError as error:
        yield Remain(operation.id, what, str(error), _whose(operation))
        return
    fast = _errors(check_request_body(operation, call.body, media) if media and is_json(media) else ())
    full = _errors(check_request_fully(operation, request))
    for violation in [*fast, *(v for v in full if v.location not in [f.location for f in fast])][:3]:
        fault = _OVERLAP if not fast and violation.keyword == "oneOf" else _contradiction(form, violation)
        why = " ".join(filter(None, [f"{violation.path}: {violation.message}", fault]))
        yield Remain(operation.id, what, why, "document" if fault else _whose(operation))


_OVERLAP = "It fits several of them: the document names no discriminator that tells them apart."


def _errors(told: Iterable[Violation]) -> list[Violation]:
    """What is wrong, without the notes on what the document leaves unsaid."""
    return [violation for violation in told if violation.severity == "error"]


def _contradiction(form: Form, violation: Violation) -> str:
    field = form.field_at(("body", *violation.location))
    return field.info.contradiction if field is not None else ""


def _whose(operation: Operation) -> Whose:
    """Where the document is known to be wrong about an operation, what follows is its own."""
    return "document" if operation.warnings else "astro_nb"


def _what(part: str, media: str | None) -> str:
    return f"{part} of {media}" if media else part


def _values(spec: Spec) -> Resolver:
    """An environment that holds a credential for every scheme, on this machine: nothing is sent."""
    held = {name: Secret.in_memory("user:password", name) for name in spec.scheme_names}
    return Resolver(Variables(), Environment("audit", base_url="https://localhost", credentials=held), mode="revealed")


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)

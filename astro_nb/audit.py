"""Measuring how well a document works with astro_nb, operation by operation.

For each operation the audit builds its form as the explorer does, fills it with an example, and validates the request
that it would send: with openapi-core, and a JSON body with the fast check, too. It reports each problem and its cause.
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
from .messages import has_data
from .openapi import Fetch, Operation, Spec, load
from .secrets import Secret
from .serialization import build_request

Cause = Literal["document", "astro_nb"]
Step = Callable[[int, int], None]
"""Called with the number of finished operations, and of all."""


_MAX_NAME = 200  # characters of a document's name
_MAX_VIOLATIONS = 3  # reported for one example


@dataclass(frozen=True)
class AuditProblem:
    """One problem of a document.

    Attributes:
        operation: The operation's id; empty for the whole document.
        part: "document", "form" or "example", with the media type if there is a body.
        reason: What is wrong.
        cause: What has to be fixed: the document or astro_nb.
    """

    operation: str
    part: str
    reason: str
    cause: Cause


@dataclass(frozen=True)
class Audit:
    """The results for one document.

    Attributes:
        document: The source of the document, as it was given.
        loaded: Whether it could be loaded; `error` says why not.
        operations: The number of operations; `forms` of them have a form, and `requests` of them a valid example.
        bodies: The number of operations that take a body; `built` of them have a form for each of its media types, and
            `valid` of them an example that makes a valid request for each media type.
        warnings: The number of warnings about the document and its operations.
        seconds: The duration of the audit, loading included.
        problems: What does not work.
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
    problems: tuple[AuditProblem, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain JSON data."""
        return asdict(self)


def audit_document(document: Any, fetch: Fetch | None = None, step: Step | None = None) -> Audit:
    """Measure a document. If it cannot be loaded, `error` says why; nothing is raised.

    Args:
        document: Anything that `openapi.load` takes.
        fetch: Returns the bytes at a URL.
        step: Called before each operation.
    """
    started, name = time.perf_counter(), str(document)[:_MAX_NAME]
    try:
        spec = load(document, fetch=fetch)
    except AstroNbError as error:
        return Audit(name, False, str(error), seconds=_seconds_since(started))
    verdicts = []
    for number, operation in enumerate(spec):
        if step is not None:
            step(number, len(spec))
        verdicts.append(_check_operation(operation))
    return _summarize(name, spec, verdicts, _seconds_since(started))


@dataclass(frozen=True)
class _Verdict:
    operation: Operation
    has_body: bool
    form: tuple[AuditProblem, ...]
    example: tuple[AuditProblem, ...]


def _summarize(name: str, spec: Spec, verdicts: list[_Verdict], seconds: float) -> Audit:
    bodies = [verdict for verdict in verdicts if verdict.has_body]
    warnings = [AuditProblem("", "document", text, "document") for text in spec.warnings]
    for operation in (verdict.operation for verdict in verdicts):
        warnings += [AuditProblem(operation.id, "document", text, "document") for text in operation.warnings]
    return Audit(
        name,
        True,
        operations=len(verdicts),
        bodies=len(bodies),
        built=sum(not verdict.form for verdict in bodies),
        valid=sum(not verdict.form and not verdict.example for verdict in bodies),
        warnings=len(warnings),
        seconds=seconds,
        forms=sum(not verdict.form for verdict in verdicts),
        requests=sum(not verdict.form and not verdict.example for verdict in verdicts),
        problems=(*warnings, *(problem for v in verdicts for problem in (*v.form, *v.example))),
    )


def _check_operation(operation: Operation) -> _Verdict:
    try:
        medias: list[str | None] = list(operation.body.content) if operation.body else [None]
    except AstroNbError as error:
        return _Verdict(operation, True, (AuditProblem(operation.id, "form", error.what, "document"),), ())
    form, example = list[AuditProblem](), list[AuditProblem]()
    for media in medias:
        try:
            new_form = Form(operation, media)
            problem = dry_render(new_form)
            example += _check_example(operation, new_form, media) if not problem else ()
        except AstroNbError as error:
            problem = str(error)
        form += [AuditProblem(operation.id, _part_name("form", media), problem, _cause(operation))] if problem else []
    return _Verdict(operation, operation.body is not None, tuple(form), tuple(example))


def _check_example(operation: Operation, form: Form, media: str | None) -> Iterator[AuditProblem]:
    """Yield the problems of the request that the form's example makes."""
    form.fill(full=True)
    call, part = form.to_call(), _part_name("example", media)
    try:
        request = build_request(operation, call, _values(operation.spec))
    except AstroNbError as error:
        yield AuditProblem(operation.id, part, str(error), _cause(operation))
        return
    fast = _errors(check_request_body(operation, call.body, media) if media and has_data(media) else ())
    full = _errors(check_request_fully(operation, request))
    for violation in [*fast, *(v for v in full if v.location not in [f.location for f in fast])][:_MAX_VIOLATIONS]:
        fault = _OVERLAP if not fast and violation.keyword == "oneOf" else _find_contradiction(form, violation)
        reason = " ".join(filter(None, [f"{violation.path}: {violation.message}", fault]))
        yield AuditProblem(operation.id, part, reason, "document" if fault else _cause(operation))


_OVERLAP = "It matches several of them, and the document has no discriminator."


def _errors(violations: Iterable[Violation]) -> list[Violation]:
    return [violation for violation in violations if violation.severity == "error"]


def _find_contradiction(form: Form, violation: Violation) -> str:
    field = form.field_at(("body", *violation.location))
    return field.info.contradiction if field is not None else ""


def _cause(operation: Operation) -> Cause:
    """Return "document" for an operation that the document has warnings about: further problems follow from them."""
    return "document" if operation.warnings else "astro_nb"


def _part_name(part: str, media: str | None) -> str:
    return f"{part} of {media}" if media else part


def _values(spec: Spec) -> Resolver:
    """Return the values of an environment with a credential for every scheme; nothing is sent."""
    credentials = {name: Secret.in_memory("user:password", name) for name in spec.scheme_names}
    environment = Environment("audit", base_url="https://localhost", credentials=credentials)
    return Resolver(Variables(), environment, mode="revealed")


def _seconds_since(started: float) -> float:
    return round(time.perf_counter() - started, 3)

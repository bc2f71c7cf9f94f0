"""Measuring how well a document works with astro_nb, operation by operation.

For each operation the audit builds its form as the explorer does, fills it with an example, and validates the request
that it would send: with openapi-core, and a JSON body with the fast check, too. It reports each problem and its cause.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from .contract import Violation, check_request_body, check_request_fully
from .environments import Environment, Resolver, Variables
from .errors import AstroNbError, DocumentError, UsageError
from .explorer import dry_render
from .forms import Form
from .messages import bare_media_type, has_data
from .openapi import Fetch, Operation, Spec, load
from .openapi.malformed import READ_ERRORS
from .schema import Field, body_field, find_contradiction, parameter_fields
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
        spec.warnings  # noqa: B018  # what reading them raises belongs to loading
    except Exception as error:  # noqa: BLE001  # whatever a document causes is a result of the audit, not its end
        return Audit(name, False, _describe(error), seconds=_seconds_since(started))
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
        built = False
        try:
            new_form = Form(operation, media)
            if problem := dry_render(new_form):
                form.append(AuditProblem(operation.id, _part_name("form", media), problem, "astro_nb"))
            else:
                built = True
                example += _check_example(operation, new_form, media)
        except Exception as error:  # noqa: BLE001  # whatever a document causes is a result of the audit, not its end
            part, listed = ("example", example) if built else ("form", form)
            listed.append(AuditProblem(operation.id, _part_name(part, media), _describe(error), _cause_of(error)))
    return _Verdict(operation, operation.body is not None, tuple(form), tuple(example))


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, AstroNbError) else f"{type(error).__name__}: {error}"


def _cause_of(error: Exception) -> Cause:
    return "document" if isinstance(error, DocumentError) else "astro_nb"


def _check_example(operation: Operation, form: Form, media: str | None) -> Iterator[AuditProblem]:
    """Yield the problems of the request that the form's example makes."""
    form.fill(full=True)
    call, part = form.to_call(), _part_name("example", media)
    try:
        request = build_request(operation, call, _values(operation.spec))
    except UsageError as error:
        fault = _find_form_fault(form)
        reason = " ".join(filter(None, [str(error), fault]))
        yield AuditProblem(operation.id, part, reason, "document" if fault else "astro_nb")
        return
    fast = _errors(check_request_body(operation, call.body, media) if media and has_data(media) else ())
    full = _errors(check_request_fully(operation, request))
    for violation in [*fast, *(v for v in full if v.location not in [f.location for f in fast])][:_MAX_VIOLATIONS]:
        fault = _find_fault(operation, form, call.body, violation)
        reason = " ".join(filter(None, [f"{violation.path}: {violation.message}", fault]))
        yield AuditProblem(operation.id, part, reason, "document" if fault else "astro_nb")


def _find_fault(operation: Operation, form: Form, body: Any, violation: Violation) -> str:
    """Return why the document is at fault for a violation; empty if it is not known to be."""
    if violation.parameter:
        found = next((f for f in parameter_fields(operation) if f.name == violation.parameter), None)
        declared = operation.parameter(violation.parameter)
        schema, value = declared.schema if declared else {}, form.get(("parameters", violation.parameter))
    else:
        found, value = body_field(operation, form.media_type), body
        schema = operation.body.schema(form.media_type) if operation.body else {}
    return find_contradiction(found, schema, value, violation.location, violation.keyword)


def _find_form_fault(form: Form) -> str:
    """Return why no body of a form can be written; empty if the document is not at fault."""
    media, field = bare_media_type(form.media_type or ""), form.body
    is_form = media == "application/x-www-form-urlencoded"
    if field is None or not (is_form or media.startswith("multipart/")):
        return ""
    if field.kind not in ("object", "map", "union", "any") and (is_form or field.kind != "array"):
        return f"The document has {field.type_name} as a form, which consists of names and values."
    if is_form and any(_is_file(child) for owner in field.alternatives for child in owner.children):
        return "The document has a file in a form without files: that needs multipart/form-data."
    return ""


def _is_file(field: Field) -> bool:
    return field.kind == "file" or (field.item is not None and field.item.kind == "file")


def _errors(violations: Iterable[Violation]) -> list[Violation]:
    return [violation for violation in violations if violation.severity == "error"]


def _part_name(part: str, media: str | None) -> str:
    return f"{part} of {media}" if media else part


_CREDENTIALS = {"basic": "user:password", "digest": "user:password"}
_ANY_CREDENTIAL = "sample"


def _values(spec: Spec) -> Resolver:
    """Return the values of an environment with a credential for every scheme; nothing is sent."""
    credentials = {}
    for name in spec.scheme_names:
        with contextlib.suppress(DocumentError, *READ_ERRORS):  # a malformed scheme is reported where it is used
            text = _CREDENTIALS.get(spec.scheme(name).kind, _ANY_CREDENTIAL)
            credentials[name] = Secret.in_memory(text, name)
    environment = Environment("audit", base_url="https://localhost", credentials=credentials)
    return Resolver(Variables(), environment, mode="revealed")


def _seconds_since(started: float) -> float:
    return round(time.perf_counter() - started, 3)

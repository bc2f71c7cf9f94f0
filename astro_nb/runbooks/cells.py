"""The cells of a runbook notebook: introduction, parameters, connection, steps, summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path, PurePath
from typing import Any

from ..call import UNSET
from ..codegen import import_decimal, literal
from ..environments import Environment
from ..errors import SettingsError, UnknownName
from ..exchange import Exchange
from ..html import pluralize
from ..openapi import StateExtension
from ..schema import body_fields, declares_body, parameter_fields
from ..secrets import Secret
from .steps import Recorded, Step, own_values
from .values import (
    ComposedCall,
    Expression,
    Parameters,
    ValueComposer,
    first_sentence,
    needs_call_object,
    render,
    render_call,
)


@dataclass(frozen=True)
class Cell:
    """One notebook cell: its kind ("markdown" or "code"), source and tags, and the step it belongs to."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    step: Step | None = None


def compose_cells(session: Recorded, steps: tuple[Step, ...], title: str, file: str) -> tuple[Cell, ...]:
    """Compose the cells of a notebook that repeats the steps."""
    parameters = Parameters(step.name for step in steps)
    _compose_calls(session, steps, parameters)  # first pass: a step may use a parameter that only a later step defines
    composer, composed = _compose_calls(session, steps, parameters)
    done = [cell for step in steps for cell in _step_cells(step, composed.get(step.number))]
    values = _parameters(session, parameters)
    imports = import_decimal("\n".join([values, *(cell.source for cell in done)]))
    return (
        Cell("markdown", _introduction(session, steps, title, _run_command(file, parameters))),
        Cell("code", imports + values, ("parameters",)),
        Cell("code", _connect(session, composer.secrets, any("Path(" in cell.source for cell in done))),
        *done,
        Cell("markdown", "## Results"),
        Cell("code", _SUMMARY),
    )


def call_sources(session: Recorded, steps: tuple[Step, ...]) -> Mapping[int, str]:
    """The line of code for each step that got a response, by step number."""
    parameters = Parameters(step.name for step in steps)
    _compose_calls(session, steps, parameters)
    _, composed = _compose_calls(session, steps, parameters)
    return {step.number: call_source(step, composed[step.number]) for step in steps if step.has_response}


def call_source(step: Step, composed: ComposedCall) -> str:
    """Return the statement that performs a step."""
    head = f"{step.name} = "
    if step.kind == "bulk":
        given: list[tuple[str, Any]] = [("", Expression("rows")), *_arguments(step, composed)]
        return render_call(f"{head}api.bulk", literal(step.operation.id), given) + ".run()"
    if needs_call_object(composed.call):
        return render_call(f"{head}api.session.send", _call_object(composed))
    kind = "call" if step.kind == "wait" and not _wait_condition(step) else step.kind
    extra = [("until=", _wait_condition(step)), ("timeout=", _format_seconds(step.timeout))] if kind == "wait" else []
    return render_call(f"{head}api.{kind}", literal(step.operation.id), [*extra, *_arguments(step, composed)])


def _compose_calls(
    session: Recorded, steps: Iterable[Step], parameters: Parameters
) -> tuple[ValueComposer, dict[int, ComposedCall]]:
    composer = ValueComposer(session.variables, parameters)
    return composer, {step.number: composer.compose(step) for step in steps if step.has_response}


# --- the cells before the steps ---------------------------------------------------------------------------------------


def _introduction(session: Recorded, steps: tuple[Step, ...], title: str, command: str) -> str:
    listed = "\n".join(
        f"{s.number}. {_escape_markdown(s.title)}{'' if s.has_response else ' (left out)'}" for s in steps
    )
    needed = dict.fromkeys(p for s in steps if s.has_response for e in s.exchanges for p in e.operation.permissions)
    spec, recorded = session.spec, f"{steps[-1].exchange.started:%Y-%m-%d %H:%M} UTC"
    where = f"Recorded on {recorded} in the environment `{session.environment.name}`"
    parts = [
        f"# {_escape_markdown(title)}",
        f"This notebook repeats a recorded session:\n\n{listed}",
        f"{where}, with the document *{_escape_markdown(spec.title)}* {_escape_markdown(spec.version)}.".replace(
            "  ", " "
        ),
        "Run it from top to bottom, or from a terminal with other values for the parameters below:",
        f"```shell\n{command}\n```",
        f"Required permissions: {', '.join(f'`{p}`' for p in needed)}." if needed else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _run_command(file: str, parameters: Parameters) -> str:
    """The command that runs the notebook in a terminal, with its first parameters as examples."""
    name = file if re.fullmatch(r"[\w./-]+", file) else "'" + file.replace("'", "'\\''") + "'"
    shown = [p.name for p in parameters][:2] or ["environment"]
    return f"astro-nb run {name} " + " ".join(f"-p {parameter}=…" for parameter in shown)


def _parameters(session: Recorded, parameters: Parameters) -> str:
    rows = [("environment", session.environment.name, _ENVIRONMENT)]
    if not _is_named(session):
        rows = [
            ("environment", session.environment.name, "The name of the environment below."),
            (
                "document",
                _document(session.spec.source),
                "The OpenAPI document: a path, a URL, or the name of a bundled one.",
            ),
            ("base_url", session.environment.base_url or "", "The base URL of the server."),
        ]
    rows += [(p.name, p.value, p.comment) for p in parameters]
    return "\n".join(f"{name} = {render(value)}  # {_one_line(comment)}" for name, value, comment in rows)


_ENVIRONMENT = "The environment to run in."


def _connect(session: Recorded, secrets: Mapping[str, Secret], has_files: bool) -> str:
    lines = ["from pathlib import Path", ""] if has_files else []
    lines += ["import astro_nb as anb", ""]
    if _is_named(session):
        lines.append("api = anb.connect(environment)")
    else:
        made = render_call("anb.Environment", "environment", _environment_arguments(session.environment))
        lines.append(render_call("api = anb.connect", made))
    return "\n".join([*lines, *(_secret_assignment(name, secret) for name, secret in secrets.items())])


def _is_named(session: Recorded) -> bool:
    """Whether the name of the environment alone identifies the same document and server."""
    spec, here = session.spec, session.environment
    try:
        there = session.environments[here.name]
    except (SettingsError, UnknownName):
        return False
    base = there.base_url or (spec.servers or ("",))[0]
    same_server = base == "sandbox" or base.rstrip("/") == (here.base_url or "").rstrip("/")
    return same_server and spec.source in (there.spec, PurePath(there.spec).stem)


def _document(source: str) -> str:
    """The source of a document as `connect` takes it: a file next to the notebook, a bundled name, or a URL."""
    return next(
        (name for name in (f"{source}.yaml", f"{source}.yml", f"{source}.json") if Path(name).is_file()), source
    )


def _environment_arguments(environment: Environment) -> list[tuple[str, Any]]:
    """The constructor arguments of an environment that has no file, with secrets as references."""
    given: list[tuple[str, Any]] = [("spec=", Expression("document")), ("base_url=", Expression("base_url"))]
    for entry in fields(Environment):
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        value = getattr(environment, entry.name)
        if entry.compare and entry.name not in ("name", "spec", "base_url") and value != default:
            given.append((f"{entry.name}=", _replace_secrets(value, environment.name)))
    return given


def _replace_secrets(value: Any, name: str) -> Any:
    if isinstance(value, Secret):
        return _secret_reference(name, value)
    if isinstance(value, Mapping):
        return {key: _replace_secrets(inner, f"{name}_{key}") for key, inner in value.items()}
    return Expression(repr(value)) if isinstance(value, tuple) else value


def _secret_assignment(name: str, secret: Secret) -> str:
    reference = _secret_reference(name, secret)
    source = Secret(reference).source
    return f"api.variables[{literal(name)}] = anb.Secret({literal(reference)})  # Read from {_one_line(source)}."


def _secret_reference(name: str, secret: Secret) -> str:
    """The reference a secret is read from when the notebook runs; never its value."""
    if secret.reference.startswith("held:"):
        return f"env:{re.sub(r'[^A-Za-z0-9]+', '_', name).upper()}"
    return secret.reference


# --- the cells of a step ----------------------------------------------------------------------------------------------


def _step_cells(step: Step, composed: ComposedCall | None) -> Iterator[Cell]:
    about = _escape_markdown(first_sentence(step.operation.description))
    parts = [f"## {step.number}. {_escape_markdown(step.title)}", about, *_step_remarks(step)]
    yield Cell("markdown", "\n\n".join(part for part in parts if part), step=step)
    if composed is not None:
        yield Cell("code", _step_code(step, composed), step=step)


def _step_remarks(step: Step) -> Iterator[str]:
    exchange = step.exchange
    if step.kind == "bulk":
        yield f"*When recorded, {_done_rows(step)} of {pluralize(len(own_values(step.exchanges)), 'row')} succeeded.*"
    elif exchange.response is None:
        yield f"*Left out: no response was received when recorded ({exchange.status_text}).*"
    elif not exchange.ok:
        yield f"*When recorded, the response was {exchange.status_text}; the same is expected again.*"
    if step.until == _PREDICATE and _wait_condition(step):
        yield "*A Python function ended the wait; a notebook cannot store it: this waits for the state reached.*"
    elif step.until == _PREDICATE:
        yield "*A Python function ended the wait; a notebook cannot store it, so this calls once.*"


def _step_code(step: Step, composed: ComposedCall) -> str:
    if step.kind == "bulk":
        rows = f"rows = {render(list(composed.rows))}"
        checked = f'assert {step.name}.counts["done"] >= {_done_rows(step)}, {step.name}'
        return "\n".join([*composed.before, rows, call_source(step, composed), checked, step.name])
    checked = f"assert {step.name}.status == {step.exchange.status}, {step.name}"
    if step.kind == "change" and step.exchange.ok:  # an unchanged resource is not written again
        checked = f"assert {step.name}.ok, {step.name}"
    closing = [f"{step.name}.frame()"] if step.kind == "pages" else [checked, step.name]
    return "\n".join([*composed.before, call_source(step, composed), *closing])


def _done_rows(step: Step) -> int:
    """The number of rows of a bulk that succeeded."""
    return len({exchange.group.row for exchange in step.exchanges if exchange.outcome == "done"})


_PREDICATE = "a predicate"


def _wait_condition(step: Step) -> str | tuple[str, ...]:
    """What a wait waits for: `until` as given, or the state in the last response; empty if there is none."""
    return _last_state(step.exchange) if step.until == _PREDICATE else step.until


def _last_state(exchange: Exchange) -> str:
    settled = exchange.operation.extensions.settled
    data = exchange.json() if exchange.response and exchange.response.is_json else None
    found = data.get((settled or StateExtension()).state) if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else ""


def _format_seconds(seconds: float) -> int | float:
    return int(seconds) if seconds.is_integer() else seconds


def _arguments(step: Step, composed: ComposedCall) -> list[tuple[str, Any]]:
    """The arguments of a call: parameters first, then the fields of the body or the whole body."""
    call, operation = composed.call, step.operation
    known = {field.name for field in body_fields(operation)} - {field.name for field in parameter_fields(operation)}
    apart = isinstance(call.body, Mapping) and call.body and all(key in known for key in call.body)
    given = {**call.parameters, **(call.body if apart else {})}
    plain = {key: value for key, value in given.items() if _is_keyword(key)}
    odd = {key: value for key, value in given.items() if not _is_keyword(key)}
    implied = call.body == {} and operation.body is not None and operation.body.required
    body = [] if apart or implied or call.body is UNSET else [_whole_body(step, call.body)]
    reserved = _RESERVED.get(step.kind, ())
    named = [(f"{key}_=" if key in reserved else f"{key}=", value) for key, value in plain.items()]
    return sorted([*named, *([("**", odd)] if odd else []), *body], key=lambda argument: argument[0] != "")


_RESERVED = {"wait": ("until", "timeout", "every", "grace"), "pages": ("resume",), "change": ("dry_run",)}
"""Arguments of the methods themselves: an argument of an operation with such a name is written with an underscore."""


def _whole_body(step: Step, body: Any) -> tuple[str, Any]:
    """Return the argument that gives the body whole: `body=`, or a `Body` if that means something else."""
    if not declares_body(step.operation):
        return "body=", body
    return "" if step.kind in ("call", "change") else "body=", Expression(f"anb.Body({render(body)})")


def _call_object(composed: ComposedCall) -> str:
    """An `anb.Call` for a call with headers, a media type or a security choice, which have no keyword argument."""
    call = composed.call
    parts: list[tuple[str, Any]] = [("parameters=", dict(call.parameters))] if call.parameters else []
    parts += [] if call.body is UNSET else [("body=", call.body)]
    parts += [("media_type=", call.media_type)] if call.media_type else []
    parts += [("headers=", dict(call.headers))] if call.headers else []
    parts += [("security=", call.security)] if call.security is not None else []
    return render_call("anb.Call", literal(call.operation), parts, 80)


def _is_keyword(name: str) -> bool:
    """Whether a name can be a keyword argument; reserved words cannot."""
    try:
        compile(f"f({name}=0)", "", "eval")
    except (SyntaxError, ValueError):
        return False
    return name.isidentifier()


# --- the last cell ----------------------------------------------------------------------------------------------------

_SUMMARY = """\
sent = api.history.frame(most=len(api.session.exchanges))
display(sent[["operation", "status", "requestId"]])
f"{len(sent)} requests in this run, {int((~sent['ok']).sum())} not ok; {len(api.errors)} errors in the whole history"
"""[:-1]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escape_markdown(text: str) -> str:
    """Text of the document on one line of Markdown, with HTML escaped."""
    return _one_line(text).replace("<", "&lt;")

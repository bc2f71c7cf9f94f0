"""A recording as the cells of a notebook: what it does, its parameters, the way in, the steps, what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path, PurePath
from typing import Any

from ..call import UNSET
from ..codegen import literal
from ..environments import Environment, load_environment
from ..errors import SettingsError, UnknownName
from ..exchange import Exchange
from ..schema import body_fields
from ..secrets import Secret
from .source_code import Expression, Parameters, render, render_call
from .steps import Recorded, Step, own
from .values import Weaver, Woven, is_special, sentence


@dataclass(frozen=True)
class Cell:
    """One cell: its kind ("markdown" or "code"), its source, its tags, and the step that it is of."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    step: Step | None = None


def compose(session: Recorded, steps: tuple[Step, ...], title: str, file: str) -> tuple[Cell, ...]:
    """The cells of a notebook that does the steps again."""
    parameters = Parameters(step.name for step in steps)
    _woven(session, steps, parameters)  # a first time: a step may use a parameter that a later one makes known
    weaver, woven = _woven(session, steps, parameters)
    done = [cell for step in steps for cell in _step(step, woven.get(step.number))]
    return (
        Cell("markdown", _opening(session, steps, title, _command(file, parameters))),
        Cell("code", _parameters(session, parameters), ("parameters",)),
        Cell("code", _connect(session, weaver.secrets, any("Path(" in cell.source for cell in done))),
        *done,
        Cell("markdown", "## What came of it"),
        Cell("code", _SUMMARY),
    )


def calls(session: Recorded, steps: tuple[Step, ...]) -> Mapping[int, str]:
    """The line of code that each answered step becomes, by its number."""
    parameters = Parameters(step.name for step in steps)
    _woven(session, steps, parameters)
    _, woven = _woven(session, steps, parameters)
    return {step.number: call_source(step, woven[step.number]) for step in steps if step.answered}


def call_source(step: Step, woven: Woven) -> str:
    """The statement that does a step."""
    head = f"{step.name} = "
    if step.kind == "bulk":
        given: list[tuple[str, Any]] = [("", Expression("rows")), *_arguments(step, woven)]
        return render_call(f"{head}api.bulk", literal(step.operation.id), given) + ".run()"
    if is_special(woven.call):
        return render_call(f"{head}api.session.send", _whole(woven))
    kind = "call" if step.kind == "wait" and not _until(step) else step.kind
    extra = [("until=", _until(step)), ("timeout=", _number(step.timeout))] if kind == "wait" else []
    return render_call(f"{head}api.{kind}", literal(step.operation.id), [*extra, *_arguments(step, woven)])


def _woven(session: Recorded, steps: Iterable[Step], parameters: Parameters) -> tuple[Weaver, dict[int, Woven]]:
    weaver = Weaver(session.variables, parameters)
    return weaver, {step.number: weaver.weave(step) for step in steps if step.answered}


# --- the cells before the steps ---------------------------------------------------------------------------------------


def _opening(session: Recorded, steps: tuple[Step, ...], title: str, command: str) -> str:
    listed = "\n".join(f"{s.number}. {_plain(s.title)}{'' if s.answered else ' (left out)'}" for s in steps)
    needed = dict.fromkeys(p for s in steps if s.answered for e in s.exchanges for p in e.operation.permissions)
    spec, recorded = session.spec, f"{steps[-1].exchange.started:%Y-%m-%d %H:%M} UTC"
    where = f"Recorded on {recorded} in the environment `{session.environment.name}`"
    parts = [
        f"# {_plain(title)}",
        f"This notebook does again what was done by hand:\n\n{listed}",
        f"{where}, with the document *{_plain(spec.title)}* {_plain(spec.version)}.".replace("  ", " "),
        "Run it from top to bottom, or from a terminal, with other values for the parameters below:",
        f"```shell\n{command}\n```",
        f"Permissions that it needs: {', '.join(f'`{p}`' for p in needed)}." if needed else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _command(file: str, parameters: Parameters) -> str:
    """How the notebook is run from a terminal, its first parameters as examples."""
    name = file if re.fullmatch(r"[\w./-]+", file) else "'" + file.replace("'", "'\\''") + "'"
    shown = [p.name for p in parameters][:2] or ["environment"]
    return f"astro-nb run {name} " + " ".join(f"-p {parameter}=…" for parameter in shown)


def _parameters(session: Recorded, parameters: Parameters) -> str:
    rows = [("environment", session.environment.name, _ENVIRONMENT)]
    if not _is_named(session):
        rows = [
            ("environment", session.environment.name, "What the environment below is called."),
            ("document", _document(session.spec.source), "The document: a path, an address, or a bundled name."),
            ("base_url", session.environment.base_url or "", "The server."),
        ]
    rows += [(p.name, p.value, p.comment) for p in parameters]
    return "\n".join(f"{name} = {render(value)}  # {_line(comment)}" for name, value, comment in rows)


_ENVIRONMENT = "Where it runs: the name of an environment."


def _connect(session: Recorded, secrets: Mapping[str, Secret], has_files: bool) -> str:
    lines = ["from pathlib import Path", ""] if has_files else []
    lines += ["import astro_nb as anb", ""]
    if _is_named(session):
        lines.append("api = anb.connect(environment)")
    else:
        made = render_call("anb.Environment", "environment", _described(session.environment))
        lines.append(render_call("api = anb.connect", made))
    return "\n".join([*lines, *(_secret(name, secret) for name, secret in secrets.items())])


def _is_named(session: Recorded) -> bool:
    """Whether the environment's name alone leads to the same document and server again."""
    spec, here = session.spec, session.environment
    try:
        there = load_environment(here.name)
    except (SettingsError, UnknownName):
        return False
    base = there.base_url or (spec.servers or ("",))[0]
    same_server = base == "sandbox" or base.rstrip("/") == (here.base_url or "").rstrip("/")
    return same_server and spec.source in (there.spec, PurePath(there.spec).stem)


def _document(source: str) -> str:
    """Where a document lies, as far as its name tells: beside the notebook, in the package, or at an address."""
    return next(
        (name for name in (f"{source}.yaml", f"{source}.yml", f"{source}.json") if Path(name).is_file()), source
    )


def _described(environment: Environment) -> list[tuple[str, Any]]:
    """The fields of an environment that has no file; its secrets as references."""
    given: list[tuple[str, Any]] = [("spec=", Expression("document")), ("base_url=", Expression("base_url"))]
    for entry in fields(Environment):
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        value = getattr(environment, entry.name)
        if entry.name not in ("name", "spec", "base_url") and value != default:
            given.append((f"{entry.name}=", _by_reference(value, environment.name)))
    return given


def _by_reference(value: Any, name: str) -> Any:
    if isinstance(value, Secret):
        return _reference(name, value)
    if isinstance(value, Mapping):
        return {key: _by_reference(inner, f"{name}_{key}") for key, inner in value.items()}
    return Expression(repr(value)) if isinstance(value, tuple) else value


def _secret(name: str, secret: Secret) -> str:
    reference = _reference(name, secret)
    source = Secret(reference).source
    return f"api.variables[{literal(name)}] = anb.Secret({literal(reference)})  # Read from: {_line(source)}."


def _reference(name: str, secret: Secret) -> str:
    """Where a secret is read from when the notebook is run; never its value."""
    if secret.reference.startswith("held:"):
        return f"env:{re.sub(r'[^A-Za-z0-9]+', '_', name).upper()}"
    return secret.reference


# --- the cells of a step ----------------------------------------------------------------------------------------------


def _step(step: Step, woven: Woven | None) -> Iterator[Cell]:
    about = _plain(sentence(step.operation.description))
    parts = [f"## {step.number}. {_plain(step.title)}", about, *_remarks(step)]
    yield Cell("markdown", "\n\n".join(part for part in parts if part), step=step)
    if woven is not None:
        yield Cell("code", _code(step, woven), step=step)


def _remarks(step: Step) -> Iterator[str]:
    exchange = step.exchange
    if step.kind == "bulk":
        yield f"*When it was recorded, {_done(step)} of {len(own(step.exchanges))} were done.*"
    elif exchange.response is None:
        yield f"*Left out: no answer came when it was recorded ({exchange.status_text}).*"
    elif not exchange.ok:
        yield f"*It was answered {exchange.status_text}, and is expected to be again.*"
    if step.until == _PREDICATE and _until(step):
        yield "*A function decided how long to wait; a notebook cannot hold it, so it waits for the state that came.*"
    elif step.until == _PREDICATE:
        yield "*A function decided how long to wait; a notebook cannot hold it, so it asks once.*"


def _code(step: Step, woven: Woven) -> str:
    if step.kind == "bulk":
        rows = f"rows = {render(list(woven.rows))}"
        checked = f'assert {step.name}.counts["done"] >= {_done(step)}, {step.name}'
        return "\n".join([*woven.before, rows, call_source(step, woven), checked, step.name])
    checked = f"assert {step.name}.status == {step.exchange.status}, {step.name}"
    if step.kind == "change" and step.exchange.ok:  # what is so already is not written again
        checked = f"assert {step.name}.ok, {step.name}"
    closing = [f"{step.name}.frame()"] if step.kind == "pages" else [checked, step.name]
    return "\n".join([*woven.before, call_source(step, woven), *closing])


def _done(step: Step) -> int:
    """How many rows of a bulk were done."""
    return len({exchange.via for exchange in step.exchanges if exchange.outcome == "done"})


_PREDICATE = "a predicate"


def _until(step: Step) -> str | tuple[str, ...]:
    """What a wait waits for: as it was given, or the state that the last answer holds; empty where there is none."""
    return _state(step.exchange) if step.until == _PREDICATE else step.until


def _state(exchange: Exchange) -> str:
    note = exchange.operation.notes.get("settled") or {}
    data = exchange.json() if exchange.response and exchange.response.is_json else None
    found = data.get(str(note.get("state", "status"))) if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else ""


def _number(seconds: float) -> int | float:
    return int(seconds) if seconds.is_integer() else seconds


def _arguments(step: Step, woven: Woven) -> list[tuple[str, Any]]:
    """The arguments of a call: parameters first, then the body's fields, or the body whole."""
    call, operation = woven.call, step.operation
    known = {field.name for field in body_fields(operation)} - set(step.call.parameters) - {"body"}
    apart = isinstance(call.body, Mapping) and call.body and all(key in known for key in call.body)
    given = {**call.parameters, **(call.body if apart else {})}
    plain = {key: value for key, value in given.items() if _is_keyword(key)}
    odd = {key: value for key, value in given.items() if not _is_keyword(key)}
    implied = call.body == {} and operation.body is not None and operation.body.required
    body = [] if apart or implied or call.body is UNSET else [("body=", call.body)]
    return [*((f"{key}=", value) for key, value in plain.items()), *([("**", odd)] if odd else []), *body]


def _whole(woven: Woven) -> str:
    """A call with headers, a media type or a way to authenticate of its own, which no argument can say."""
    call = woven.call
    parts: list[tuple[str, Any]] = [("parameters=", dict(call.parameters))] if call.parameters else []
    parts += [] if call.body is UNSET else [("body=", call.body)]
    parts += [("media_type=", call.media_type)] if call.media_type else []
    parts += [("headers=", dict(call.headers))] if call.headers else []
    parts += [("security=", call.security)] if call.security is not None else []
    return render_call("anb.Call", literal(call.operation), parts, 80)


def _is_keyword(name: str) -> bool:
    """Whether a name can be written before an equals sign; Python's own words cannot."""
    try:
        compile(f"f({name}=0)", "", "eval")
    except (SyntaxError, ValueError):
        return False
    return name.isidentifier()


# --- the last cell ----------------------------------------------------------------------------------------------------

_SUMMARY = """\
sent = api.history.frame(most=len(api.session.exchanges))
display(sent[["operation", "status", "requestId"]])
f"{len(sent)} requests in this run, {int((~sent['ok']).sum())} not ok; {len(api.errors)} errors in all the history"
"""[:-1]


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """Text of the document on one line of Markdown, without HTML coming to life in it."""
    return _line(text).replace("<", "&lt;")

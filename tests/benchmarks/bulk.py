"""Rows about many requests sent by one new process, compared with the runners of other API clients."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from astro_nb.openapi import Spec, load
from astro_nb.openapi.documents import bundled
from astro_nb.schema.validation import Translation

from .peers import npm_program
from .processes import Served, medians, printed, process_seconds, sandbox_process, seconds_of
from .registry import Figures, Skipped, row

COUNT = 500
OPERATIONS = ("GetOrganization", "ListDeployments")
TIMES = 1  # after one turn that warms caches: the peers take half a minute each
MEDIA = "application/json"
AIM = 0.2

_CONNECTED = """
import math, os
import astro_nb as anb
quick = anb.Environment("benchmark", base_url=os.environ["URL"], limits={"GET": math.inf})
api = anb.connect(quick, token="env:TOKEN")
names = os.environ["OPERATIONS"].split()
"""
_OURS = f"""{_CONNECTED}
for turn in range({COUNT} // len(names)):
    for name in names:
        exchange = api.call(name)
        assert exchange.ok and not exchange.violations, exchange
assert len(api.history) == {COUNT} and api.history.path.is_file()
"""
_ADDRESSES = f"{_CONNECTED}\nfor name in names:\n    print(api.call(name).request.url)"

_CHECK = {
    "newman": "pm.test('schema', () => pm.response.to.have.jsonSchema({schema}, {{unknownFormats: 'ignore'}}))",
    "bruno": "test('schema', () => expect(res.getBody()).to.have.jsonSchema({schema}, {{strict: false}}))",
}
"""How each peer checks a response against a schema: by the ajv that it bundles."""

Job = Callable[[], float]


class Task(NamedTuple):
    """An operation for the peers: its name, its URL, and the schema of its response, without references."""

    name: str
    url: str
    schema: str


@row
def requests_500() -> Figures:
    """A new process sends 500 requests, for one resource and a page of twenty in turn; all are checked and stored."""
    with sandbox_process() as served, tempfile.TemporaryDirectory() as folder:
        variables = {"URL": served.url, "TOKEN": served.token, "OPERATIONS": " ".join(OPERATIONS)}
        tasks = _tasks(printed(_ADDRESSES, **variables).split())
        peers, notes = _peers(Path(folder), tasks, served)
        found = medians({"ours": partial(process_seconds, _OURS, **variables), **peers}, TIMES)
    ours = found.pop("ours")
    quickest = min(found, key=lambda name: found[name])
    return Figures(ours, AIM, "ratio", found.pop(quickest), quickest, beside=found, notes=notes)


def _tasks(urls: list[str]) -> list[Task]:
    spec = load(bundled("astro-v1.yaml"))
    return [Task(name, url, _schema(spec, name)) for name, url in zip(OPERATIONS, urls, strict=True)]


def _schema(spec: Spec, operation: str) -> str:
    """Return the schema that ours checks the response against, too."""
    declared = spec.operation(operation).response(200)
    assert declared is not None
    return json.dumps(Translation(spec, "response", lambda pattern: True).translate(declared.schema(MEDIA)))


def _peers(folder: Path, tasks: list[Task], served: Served) -> tuple[dict[str, Job], tuple[str, ...]]:
    """Return the peers that could be installed, and why others could not.

    Raises:
        Skipped: there is none.
    """
    jobs: dict[str, Job] = {}
    notes: list[str] = []
    for add in (_newman, _bruno):
        try:
            jobs |= add(folder, tasks, served)
        except Skipped as reason:
            notes.append(str(reason))
    if not jobs:
        raise Skipped(" ".join(notes))
    return jobs, tuple(notes)


def _newman(folder: Path, tasks: list[Task], served: Served) -> dict[str, Job]:
    """Newman with the same requests as a collection, each with its check, and a report of JSON."""
    program, collection, report = npm_program("newman", "newman"), folder / "newman.json", folder / "newman-report.json"
    items = [
        {
            "name": task.name,
            "request": {"method": "GET", "url": task.url},
            "event": [{"listen": "test", "script": {"exec": [_CHECK["newman"].format(schema=task.schema)]}}],
        }
        for task in tasks
    ]
    token = [{"key": "token", "value": served.token, "type": "string"}]
    info = {"name": "benchmark", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}
    collection.write_text(json.dumps({"info": info, "auth": {"type": "bearer", "bearer": token}, "item": items}))
    arguments = ["run", collection, "-n", _turns(tasks), "--reporters", "json", "--reporter-json-export", report]
    return {"newman": lambda: _timed([program, *arguments], folder, report, _newman_passed)}


def _bruno(folder: Path, tasks: list[Task], served: Served) -> dict[str, Job]:
    """Bruno's CLI with the same requests as a collection, in its quicker sandbox: the other takes minutes."""
    program, home, report = npm_program("@usebruno/cli", "bru"), folder / "bruno", folder / "bruno-report.json"
    home.mkdir()
    (home / "bruno.json").write_text(json.dumps({"version": "1", "name": "benchmark", "type": "collection"}))
    for number, task in enumerate(tasks, 1):
        check = _CHECK["bruno"].format(schema=task.schema)
        text = _BRU.format(name=task.name, number=number, url=task.url, token=served.token, check=check)
        (home / f"{task.name}.bru").write_text(text)
    arguments = ["run", "--sandbox", "developer", "--iteration-count", _turns(tasks), "--output", report]
    return {"Bruno, --sandbox developer": lambda: _timed([program, *arguments], home, report, _bruno_passed)}


_BRU = """meta {{
  name: {name}
  type: http
  seq: {number}
}}

get {{
  url: {url}
  body: none
  auth: bearer
}}

auth:bearer {{
  token: {token}
}}

tests {{
  {check}
}}
"""


def _turns(tasks: list[Task]) -> str:
    return str(COUNT // len(tasks))


def _timed(command: list[Any], folder: Path, report: Path, passed: Callable[[Any], int]) -> float:
    """Return the seconds that a runner takes; its report must say that every check passed."""
    with suppress(FileNotFoundError):
        report.unlink()
    environ = {**os.environ, "NO_COLOR": "1"}
    run = partial(
        subprocess.run, list(map(str, command)), cwd=folder, env=environ, stdout=subprocess.DEVNULL, check=True
    )
    seconds = seconds_of(run)
    count = passed(json.loads(report.read_bytes()))
    assert count == COUNT, f"{command[0]}: {count} of {COUNT} checks passed"
    return seconds


def _newman_passed(report: Mapping[str, Any]) -> int:
    checks = report["run"]["stats"]["assertions"]
    return int(checks["total"] - checks["failed"])


def _bruno_passed(report: list[Mapping[str, Any]]) -> int:
    return sum(turn["summary"]["passedTests"] for turn in report)

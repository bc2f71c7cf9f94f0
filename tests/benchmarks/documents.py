"""Rows about loading a document and preparing its first validated request, each in a new process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from astro_nb.openapi.documents import bundled

from .peers import github_document, python_with
from .processes import Cost, process_cost, process_costs
from .registry import Figures, Skipped, row

TIMES = 7
AIM = Cost(0.8, 100)
CORE = "openapi-core, from_dict, unvalidated"
SCHEMATHESIS = "schemathesis, from_path and a case"
WARM = "ours, document in the cache"

_OURS = """
import json, sys
import astro_nb as anb
from astro_nb.contract import check_request_body
task = json.loads(sys.argv[1])
api = anb.connect(spec=task["source"], base_url=task["server"], history=None)
call = api.session.build_call(task["operation"], task["arguments"], task["body"])
request = api.session.prepare(call).request
violations = check_request_body(api.spec.operation(task["operation"]), json.loads(request.body))
assert request.url == task["server"] + task["template"].format(**task["arguments"]) and not violations, violations
"""
_CORE = """
import json, sys
from urllib.parse import urlsplit
import openapi_core
from openapi_core.testing import MockRequest
task = json.loads(sys.argv[1])
with open(task["source"], "rb") as file:
    text = file.read()
if task["source"].endswith(".json"):
    import orjson
    document = orjson.loads(text)
else:
    import yaml
    document = yaml.load(text, yaml.CSafeLoader)
core = openapi_core.OpenAPI.from_dict(document, config=openapi_core.Config(spec_validator_cls=None))
server = urlsplit(task["server"])
path = server.path + task["template"].format(**task["arguments"])
sent = {"data": json.dumps(task["body"]).encode(), "headers": {"Authorization": "Bearer token"}}
host = f"{server.scheme}://{server.netloc}"
core.validate_request(MockRequest(host, "post", path, content_type="application/json", **sent))
"""
_SCHEMATHESIS = """
import json, sys
import schemathesis
task = json.loads(sys.argv[1])
operation = schemathesis.openapi.from_path(task["source"])[task["template"]]["POST"]
case = operation.Case(path_parameters=task["arguments"], body=task["body"])
assert case.as_transport_kwargs(base_url=task["server"])["json"] == task["body"]
"""


@row
def github_ready_time() -> Figures:
    """GitHub's 13 MB loaded, and a request with a JSON body built and checked; imports and the process included."""
    return _figures(_github(), "s")


@row
def github_ready_memory() -> Figures:
    """The peak memory of the same processes."""
    return _figures(_github(), "MB")


@row
def astro_ready_time() -> Figures:
    """The same for Astro v1, 460 kB of YAML with its overlay, without a cache; and with the document in the cache."""
    return _figures(_astro(), "s")


@row
def astro_ready_memory() -> Figures:
    """The peak memory of the same processes."""
    return _figures(_astro(), "MB")


@cache
def _github() -> tuple[dict[str, Cost], tuple[str, ...]]:
    task = {
        "source": str(github_document()),
        "operation": "repos/create-for-authenticated-user",
        "server": "https://api.github.com",
        "template": "/user/repos",
        "arguments": {},
        "body": {"name": "Hello-World", "description": "A repository", "private": False, "is_template": True},
    }
    return _measured(task, {"ours": partial(process_cost, _OURS, json.dumps(task))})


@cache
def _astro() -> tuple[dict[str, Cost], tuple[str, ...]]:
    task = {
        "source": str(bundled("astro-v1.yaml")),
        "operation": "CreateWorkspace",
        "server": "https://api.astronomer.io/v1",
        "template": "/organizations/{organizationId}/workspaces",
        "arguments": {"organizationId": "cmb7q2x4t000309jsd5r8w1ke"},
        "body": {"name": "Sales Analytics", "description": "A workspace"},
    }
    arguments = json.dumps(task)
    with tempfile.TemporaryDirectory() as folder:
        return _measured(
            task,
            {"ours": partial(_cold, arguments), WARM: partial(process_cost, _OURS, arguments, ASTRO_NB_CACHE=folder)},
        )


def _cold(arguments: str) -> Cost:
    with tempfile.TemporaryDirectory() as empty:
        return process_cost(_OURS, arguments, ASTRO_NB_CACHE=empty)


def _measured(task: dict[str, Any], ours: dict[str, Callable[[], Cost]]) -> tuple[dict[str, Cost], tuple[str, ...]]:
    """Measure ours and the peers in turns; note which peer is missing, and why."""
    arguments = json.dumps(task)
    jobs, missing = {**ours, CORE: partial(process_cost, _CORE, arguments)}, []
    try:
        jobs[SCHEMATHESIS] = partial(process_cost, _SCHEMATHESIS, arguments, python=python_with("schemathesis"))
    except Skipped as reason:
        missing.append(str(reason))
    return process_costs(jobs, TIMES), tuple(missing)


def _figures(measured: tuple[dict[str, Cost], tuple[str, ...]], unit: str) -> Figures:
    costs, notes = measured
    at = ("s", "MB").index(unit)
    found = {name: cost[at] for name, cost in costs.items()}
    ours, reference = found.pop("ours"), found.pop(CORE)
    return Figures(ours, AIM[at], "ours", reference, CORE, ("s", "MB")[at], found, notes)

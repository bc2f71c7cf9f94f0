"""The rows of the table."""

from __future__ import annotations

import math
import tempfile
from functools import partial
from typing import Any

from .processes import medians, printed, process_seconds, sandbox_process, seconds_of
from .registry import Figures, row

OPERATION = "ListDeployments"
HEAVY = ("pandas", "ipywidgets", "openapi_core", "nbformat", "IPython")
"""Packages that take longer to import than everything else together: only what needs them may import them."""

_ADDRESS = """
import os
import astro_nb as anb
api = anb.connect(base_url=os.environ["URL"], token="env:TOKEN")
"""
_OURS_COLD = f"{_ADDRESS}response = api.call({OPERATION!r})\nassert response.ok and not response.violations, response"
_HTTPX_COLD = """
import os, httpx
response = httpx.get(os.environ["LIST"], headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
assert response.status_code == 200
"""
_FIRST_RESPONSE = """
import http.client, time
from urllib.parse import urlsplit
from astro_nb import Sandbox
from astro_nb.openapi import load
spec = load()
begun = time.perf_counter()
with Sandbox(spec) as sandbox:
    parts = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", parts.path + "/organizations", headers={"Authorization": "Bearer " + sandbox.token()})
    response = connection.getresponse()
    response.read()
    spent = time.perf_counter() - begun
    connection.close()
assert response.status == 200
print(spent)
"""
_PUBLIC = "from astro_nb import *"


@row
def cold_first_response() -> Figures:
    """A new process imports astro_nb, loads the document, calls a sandbox in another process, validates and stores."""
    with sandbox_process() as served:
        variables = {"URL": served.url, "TOKEN": served.token, "LIST": _list_url(served.url, served.token)}
        jobs = {
            "ours": partial(process_seconds, _OURS_COLD, **variables),
            "httpx": partial(process_seconds, _HTTPX_COLD, **variables),
        }
        found = medians(jobs, 9)
    return Figures(found["ours"], 0.5, reference=found["httpx"], against="bare httpx process")


@row
def warm_call() -> Figures:
    """One call for one resource, validated and stored on disk, over an open connection to another process."""
    return _warm("GetOrganization")


@row
def warm_list() -> Figures:
    """The same for a page of twenty Deployments, some 50 kB."""
    return _warm("ListDeployments")


def _warm(operation: str) -> Figures:
    import httpx

    from astro_nb import connect

    with sandbox_process() as served, tempfile.TemporaryDirectory() as folder, httpx.Client() as client:
        api = connect(_unlimited(served.url), token=_in_memory(served.token), history=folder)
        headers = {"Authorization": f"Bearer {served.token}"}
        url = api.call(operation).request.url
        jobs = {
            "ours": lambda: seconds_of(lambda: api.call(operation)),
            "httpx": lambda: seconds_of(lambda: client.get(url, headers=headers).json()),
        }
        found = medians(jobs, 1000)
        assert all(exchange.ok and not exchange.violations for exchange in api.session.exchanges)
        api.close()
    return Figures(found["ours"], 1.5, "ratio", found["httpx"], "httpx.Client, .json()")


@row
def sandbox_first_response() -> Figures:
    """From the construction of a sandbox, with its document loaded, to its first response over HTTP."""
    return Figures(medians({"ours": lambda: float(printed(_FIRST_RESPONSE))}, 7)["ours"], 0.3)


@row
def form_models() -> Figures:
    """Widget models that CreateDeployment's form adds to an open explorer."""
    return Figures(_form()[0], 60, unit="")


@row
def form_time() -> Figures:
    """Seconds in the kernel to open CreateDeployment's form."""
    return Figures(medians({"ours": lambda: _form()[1]}, 15)["ours"], 0.1)


def _form() -> tuple[int, float]:
    from ipywidgets.widgets.widget import _instances as living

    from astro_nb import connect

    api = connect(history=None)
    explorer = api.explore()
    before = len(living)
    took = seconds_of(lambda: explorer.open("CreateDeployment"))
    models = len(living) - before
    api.close()
    return models, took


@row
def import_time() -> Figures:
    """Every public name imported, beyond what a bare Python takes to start."""
    jobs = {
        "ours": partial(process_seconds, _PUBLIC),
        "httpx": partial(process_seconds, "import httpx"),
        "bare": partial(process_seconds, "pass"),
    }
    found = medians(jobs, 11)
    bare = found["bare"]
    return Figures(found["ours"] - bare, 0.25, reference=found["httpx"] - bare, against="import httpx")


@row
def heavy_imports() -> Figures:
    """How many of the heavy packages are imported with every public name."""
    code = f"{_PUBLIC}\nimport sys\nprint(len(set({HEAVY!r}) & set(sys.modules)))"
    return Figures(int(printed(code)), 0, unit="")


@row
def connection_reuse() -> Figures:
    """Connections that a sandbox counts over 100 calls."""
    import httpx

    from astro_nb import Sandbox, connect

    with Sandbox(limits=False) as sandbox:
        api = connect(_unlimited(sandbox.url), token=_in_memory(sandbox.token()), history=None)
        for _ in range(100):
            assert api.call(OPERATION).ok
        ours = sandbox.connections
        for _ in range(100):
            httpx.get(f"{sandbox.url}/organizations", headers={"Authorization": f"Bearer {sandbox.token()}"})
        reference = sandbox.connections - ours
        api.close()
    return Figures(ours, 1, reference=reference, against="httpx.get 100 times", unit="")


def _unlimited(url: str) -> Any:
    """Return an environment without a rate limit."""
    from astro_nb import Environment

    return Environment("benchmark", base_url=url, limits={"GET": math.inf})


def _in_memory(token: str) -> Any:
    from astro_nb import Secret

    return Secret.in_memory(token, "TOKEN")


def _list_url(url: str, token: str) -> str:
    """Return the URL of OPERATION in that sandbox."""
    return printed(f"{_ADDRESS}print(api.call({OPERATION!r}).request.url)", URL=url, TOKEN=token).strip()

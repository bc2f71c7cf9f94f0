"""Rows about an explorer in JupyterLab beside Swagger UI, both in one real Chromium."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from astro_nb.openapi import Operation, Spec, load
from astro_nb.openapi.documents import bundled

from ..support.lab import Lab, missing, running_lab
from .peers import github_document, npm_package
from .processes import from_here
from .registry import Figures, Skipped, row

TIMES = 5
LISTED, OPEN = 1.5, 2.0


class Task(NamedTuple):
    """A document, the operation of it whose form is opened, and how many fields are required there, to be seen."""

    source: Path
    operation: str
    fields: int


class Timing(NamedTuple):
    """Seconds from the start until every tag is listed; until a form is open; and for the last step, from its click."""

    listed: float
    opened: float
    click: float


Measured = Mapping[str, Timing]
WHOLE = "ours"
CONNECTED = "ours, import and connect done before"
FOLDED = "Swagger UI, docExpansion none"
UNFOLDED = "Swagger UI, its default: unfolded"
SCREENFUL = 10
"""Operations that have to show where Swagger UI unfolds all tags: of a large document it draws what is in sight."""


@row
def github_listed() -> Figures:
    """From running the cell (import, connect, explorer) until the tags of GitHub's 1,100 operations are painted."""
    return _figures("listed", _github(), LISTED)


@row
def github_form() -> Figures:
    """From running the same cell until a form is painted: tag and operation are clicked as soon as they appear."""
    return _figures("opened", _github(), OPEN)


@row
def github_click() -> Figures:
    """The last step alone: from the click on the operation until its form is painted."""
    return _figures("click", _github(), OPEN)


@row
def astro_listed() -> Figures:
    """As `github_listed`, for Astro v1 as it is bundled, in the cache of documents."""
    return _figures("listed", _astro(), LISTED)


@row
def astro_form() -> Figures:
    """As `github_form`, for Astro v1."""
    return _figures("opened", _astro(), OPEN)


@row
def astro_click() -> Figures:
    """As `github_click`, for Astro v1."""
    return _figures("click", _astro(), OPEN)


@cache
def _github() -> Measured:
    return _measured(Task(github_document(), "actions/set-actions-cache-retention-limit-for-enterprise", 1))


@cache
def _astro() -> Measured:
    return _measured(Task(bundled("astro-v1.yaml"), "CreateWorkspace", 2))


def _figures(what: str, measured: Measured, aim: float) -> Figures:
    found = {name: getattr(seen, what) for name, seen in measured.items()}
    return Figures(found.pop(WHOLE), aim, "ours", found.pop(FOLDED), FOLDED, beside=found)


def _measured(task: Task) -> Measured:
    """Return the medians of each way; they take turns in one browser."""
    if missing():
        raise Skipped(missing())
    found: dict[str, list[Timing]] = {}
    with running_lab(from_here()) as lab, _swagger(task.source) as pages:
        ways: dict[str, Callable[[], Timing]] = {
            WHOLE: partial(_ours, lab, task, False),
            CONNECTED: partial(_ours, lab, task, True),
            FOLDED: partial(_theirs, lab, task, pages + "none.html"),
            UNFOLDED: partial(_theirs, lab, task, pages + "list.html"),
        }
        for turn in range(TIMES + 1):
            for name, way in ways.items():
                seen = way()
                if turn:  # the first turn warms caches: theirs and ours
                    found.setdefault(name, []).append(seen)
    return {name: Timing(*map(statistics.median, zip(*seen, strict=True))) for name, seen in found.items()}


# --- ours -------------------------------------------------------------------------------------------------------------


def _ours(lab: Lab, task: Task, connected: bool) -> Timing:
    """Time a notebook in a new kernel, whose last cell shows the explorer."""
    connect = f"import astro_nb as anb\napi = anb.connect(spec={str(task.source)!r}, base_url='http://127.0.0.1:9')"
    cells = (connect, "api") if connected else (f"{connect}\napi",)
    lab.open(lab.notebook("benchmark", *cells), run=False)
    if connected:
        lab.command("notebook:run-cell-and-select-next")
        lab.wait_idle()
    tag = _tag(task)
    steps = [
        Step(".anb-tag", _tags(task)),
        Step(".anb-op", click=".anb-tag", says=f" {tag} ("),
        Step(INPUTS.format(".anb-form"), task.fields, click=".anb-op", says=task.operation),
    ]
    return _seen(lab, steps, "notebook:run-cell")


# --- theirs -----------------------------------------------------------------------------------------------------------

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>Swagger UI</title>
<link rel="stylesheet" href="./swagger-ui.css"><link rel="stylesheet" href="index.css"></head>
<body><div id="swagger-ui"></div>
<script src="./swagger-ui-bundle.js"></script><script src="./swagger-ui-standalone-preset.js"></script>
<script>window.ui = SwaggerUIBundle({url: "DOCUMENT", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "MODE",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  plugins: [SwaggerUIBundle.plugins.DownloadUrl], layout: "StandaloneLayout"})</script></body></html>"""
"""The page that Swagger UI ships, with another document."""


def _theirs(lab: Lab, task: Task, url: str) -> Timing:
    """Time Swagger UI's page from the start of its navigation; no kernel is running."""
    lab.shut_down()
    lab.page.goto(url, wait_until="commit")
    path = _operation(task).path
    block = f".opblock:has([data-path={json.dumps(path)}]).opblock-{_operation(task).method.lower()}"
    unfold = [Step(f"{block}", click=f".opblock-tag[data-tag={json.dumps(_tag(task))}]")] if "none" in url else []
    listed = Step(".opblock-tag", _tags(task)) if unfold else Step(".opblock", SCREENFUL)
    steps = [
        listed,
        *unfold,
        Step(f"{block} .try-out__btn", click=f"{block} .opblock-summary-control"),
        Step(INPUTS.format(block), 2, click=f"{block} .try-out__btn"),
    ]
    return _seen(lab, steps, "", last=2)


@contextlib.contextmanager
def _swagger(source: Path) -> Iterator[str]:
    """Serve Swagger UI, as its package ships it, and the document on loopback; yield the URL."""
    package = npm_package("swagger-ui-dist")
    with tempfile.TemporaryDirectory() as folder:
        for path in [*package.glob("*.css"), *package.glob("swagger-ui*.js"), source]:
            shutil.copy(path, folder)
        for mode in ("none", "list"):
            page = _PAGE.replace("DOCUMENT", source.name).replace("MODE", mode)
            Path(folder, f"{mode}.html").write_text(page, encoding="utf-8")
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Log nothing."""


# --- both -------------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """Click the first visible element with a text, if one is given; then wait until enough others are visible."""

    selector: str
    least: int = 1
    click: str = ""
    says: str = ""


INPUTS = ":is({}) :is(input, textarea)"
"""What can be typed into, below some element; Swagger UI has one for the path parameter and one for the whole body."""

_WATCH = """async ([steps, command]) => {
  const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  const shown = selector => [...document.querySelectorAll(selector)].filter(one => one.offsetParent !== null);
  const begun = command ? performance.now() : 0;  // a page counts from the beginning of its navigation
  if (command) window.jupyterapp.commands.execute(command);
  const found = [];
  for (const [selector, count, click, says] of steps) {
    const clicked = performance.now();
    if (click) shown(click).find(one => one.textContent.includes(says)).click();
    while (shown(selector).length < count) {
      if (performance.now() - clicked > 60000) throw Error(`${shown(selector).length} of ${count}: ${selector}`);
      await painted();
    }
    await painted();
    found.push([clicked - begun, performance.now() - begun]);
  }
  return found;
}"""


def _seen(lab: Lab, steps: list[Step], command: str, last: int = 1) -> Timing:
    """The times of the steps; the operation is clicked at the beginning of the `last` of them, counted from the end."""
    times = lab.page.evaluate(_WATCH, [steps, command])
    opened = times[-1][1]
    return Timing(*(milliseconds / 1000 for milliseconds in (times[0][1], opened, opened - times[-last][0])))


@cache
def _spec(task: Task) -> Spec:
    return load(task.source)


def _operation(task: Task) -> Operation:
    return _spec(task).operation(task.operation)


def _tag(task: Task) -> str:
    return _operation(task).tags[0]


def _tags(task: Task) -> int:
    return len({tag for operation in _spec(task) for tag in operation.tags})

"""A recorded session becomes a notebook, and the notebook repeats it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.errors import RunbookError, UnknownName
from astro_nb.runbooks import RunResult, run
from astro_nb.runbooks.values import Expression, render, render_call
from astro_nb.workbench import SANDBOX_URL

PLANTED = "hunter2-hunter2-hunter2"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[anb.Workbench]:
    """A workbench on a sandbox of its own, without rate limits and without waiting, in an empty folder."""
    monkeypatch.delenv(SANDBOX_URL, raising=False)
    monkeypatch.chdir(tmp_path)
    bench = anb.connect(history=None)
    assert isinstance(bench.sandbox, anb.Sandbox)
    bench.sandbox.speed, bench.sandbox.limits = 0, False
    yield bench
    bench.close()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[anb.Sandbox]:
    """Another sandbox, for the kernel that runs the notebook."""
    with anb.Sandbox(speed=0, limits=False, seed=7) as sandbox:
        monkeypatch.setenv(SANDBOX_URL, sandbox.url)
        yield sandbox


def record(api: anb.Workbench) -> None:
    """Send one of each kind: find a workspace, create, wait, list, fail, hibernate, delete, read it again."""
    workspaces = api.call("ListWorkspaces", limit=100)
    api.variables["home"] = workspaces["$.workspaces[?@.name=='Data Platform'].id"][0]
    created = api.call(
        "CreateDeployment", name="nightly orders", workspaceId="{{home}}", type="STANDARD", isDevelopmentMode=True
    )
    api.wait("GetDeployment", timeout=30, deploymentId=created["$.id"])
    listed = api.pages("ListDeployments", workspaceIds=[api.variables["home"]])
    api.call("GetDeployment", deploymentId=next(d["id"] for d in listed if d["name"] != "nightly orders"))
    api.call("CreateDeployment", name="nightly orders", workspaceId=api.variables["home"])
    api.call("UpdateDeploymentHibernationOverride", deploymentId=created["$.id"], isHibernating=True)
    api.call("DeleteDeployment", deploymentId=created["$.id"])
    api.call("GetDeployment", deploymentId=created["$.id"])


def step_code(api: anb.Workbench) -> list[str]:
    """The code cells of the steps."""
    return [s for s in api.runbook.source() if "assert " in s or ".frame()" in s]


def notebook(path: Path, *sources: str, **metadata: Any) -> Path:
    """A plain notebook in a file; a source that begins with "# parameters" is tagged so."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in cells:
        if cell.source.startswith("# parameters"):
            cell.metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def output_text(result: RunResult) -> str:
    """The text of all outputs of a run."""
    cells = nbformat.read(result.output, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(str(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in outputs)


# --- the recorded session ---------------------------------------------------------------------------------------------


def test_a_recorded_session_runs_again(api: anb.Workbench, fresh: anb.Sandbox) -> None:
    """A recorded session runs headless on a fresh sandbox with another seed, under another name."""
    record(api)
    path = api.runbook.write("session.ipynb")
    progress: list[tuple[int, int, str, str]] = []
    result = run(path, {"name": "renamed"}, progress=lambda *facts: progress.append(facts))
    assert result.ok, result.error
    assert [seen.operation for seen in fresh.log if seen.operation] == [e.operation.id for e in api.session.exchanges]
    assert [seen.status for seen in fresh.log if seen.operation] == [e.status for e in api.session.exchanges]
    assert (progress[0][0], progress[-1][0], progress[-1][3]) == (1, result.cells, "ok")
    assert "2. Create a Deployment" in [row.heading for row in result.rows]
    assert f"{len(api.session.exchanges)} requests in this run, 2 not ok" in output_text(result)


def test_values_are_chained(api: anb.Workbench) -> None:
    """An id comes from the response that contained it: by name out of a list, by path out of an object."""
    record(api)
    cells = step_code(api)
    home = """list_workspaces["$.workspaces[?@.name=='Data Platform'].id"][0]"""
    assert f"workspaceId={home}" in cells[1]
    assert 'deploymentId=create_deployment["$.id"]' in cells[2]
    assert f"workspaceIds=[{home}]" in cells[3]
    assert re.search(r'next\(item\["id"\] for item in list_deployments if item.get\("name"\) == "[^"]+"\)', cells[4])
    assert not re.search(r"cm[a-z0-9]{23}", "".join(api.runbook.source()))


def test_groups_are_one_step(api: anb.Workbench) -> None:
    """All requests of a wait or of a paginated list are one step, without the parameters that pagination adds."""
    api.pages("ListDeployments", limit=20)
    api.pages("ListDeployments")
    deployment = api.history[-1]["$.deployments[0].id"]
    api.wait("GetDeployment", until=lambda e: True, deploymentId=deployment)
    steps = api.runbook.steps
    assert [(s.kind, s.number) for s in steps] == [("pages", 1), ("pages", 2), ("wait", 3)]
    assert len(steps[0].exchanges) > 1
    first, second, third = step_code(api)
    assert first == 'list_deployments = api.pages("ListDeployments", limit=20)\nlist_deployments.frame()'
    assert second == 'list_deployments_2 = api.pages("ListDeployments")\nlist_deployments_2.frame()'
    state = api.history[-1]["$.status"]
    assert f'until="{state}"' in third
    assert "timeout=600," in third


def test_a_repeated_read_becomes_a_wait(api: anb.Workbench) -> None:
    """A read repeated while the state changes is one step that waits for the final state; it is dropped as a whole."""
    assert isinstance(api.sandbox, anb.Sandbox)
    home = api.call("ListWorkspaces")["$.workspaces[0].id"]
    api.sandbox.speed = 1
    made = api.call("CreateDeployment", name="slow", workspaceId=home)["$.id"]
    asked = [api.call("GetDeployment", deploymentId=made) for _ in range(2)]
    assert {exchange["$.status"] for exchange in asked} == {"CREATING"}
    assert [step.kind for step in api.runbook.steps[2:]] == ["call"], "the state has not settled yet"
    api.sandbox.speed = 0
    for _ in range(2):
        assert api.call("GetDeployment", deploymentId=made)["$.status"] == "HEALTHY"
    assert [(s.kind, len(s.exchanges)) for s in api.runbook.steps[2:]] == [("wait", 3), ("call", 1)]
    for part in ("api.wait(", 'until="HEALTHY"', "timeout=600", 'deploymentId=create_deployment["$.id"]'):
        assert part in step_code(api)[2]
    api.runbook.drop(3)
    assert [len(s.exchanges) for s in api.runbook.steps] == [1, 1, 1]


def test_an_expected_failure_is_recorded(api: anb.Workbench) -> None:
    """A request with a 400 response expects 400 again; a request without a response is left out."""
    record(api)
    assert isinstance(api.sandbox, anb.Sandbox)
    api.sandbox.faults.add("reset", times=20)
    api.call("CreateWorkspace", name="lost", cicdEnforcedDefault=False)
    source = api.runbook.source()
    assert any("assert create_deployment_2.status == 400, create_deployment_2" in s for s in source)
    assert any("the response was 400 Bad Request; the same is expected again" in s for s in source)
    left = next(n for n, s in enumerate(source) if "Left out: no response" in s)
    assert source[left + 1] == "## Results"
    assert "10. Create a Workspace (left out)" in source[0]


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_name_is_one_parameter_everywhere(api: anb.Workbench) -> None:
    """A typed name is one parameter, also in steps before the one that created the resource."""
    api.call("ListTeams", names=["night shift"])
    team = api.call("CreateTeam", name="night shift")["$.id"]
    api.call("UpdateTeam", teamId=team, name="night shift", description="by night")
    first, _, third = step_code(api)
    assert "names=[name]" in first
    assert 'teamId=create_team["$.id"]' in third
    assert "name=name" in third
    assert 'description="by night"' in third
    assert api.runbook.source()[1].splitlines()[1].startswith('name = "night shift"  # ')


def test_different_names_are_different_parameters(api: anb.Workbench) -> None:
    """A second value for a name becomes a parameter of its own, prefixed by its resource."""
    api.call("CreateTeam", name="night shift")
    api.call("CreateWorkspace", name="Lab", cicdEnforcedDefault=False)
    assert 'api.call("CreateWorkspace", name=workspace_name, cicdEnforcedDefault=False)' in step_code(api)[1]


def test_a_list_is_searched_by_the_parameter(api: anb.Workbench, fresh: anb.Sandbox) -> None:
    """An item found by a name that is a parameter is searched by the value of the parameter."""
    api.variables["team"] = "night shift"
    created = api.call("CreateTeam", name="{{team}}")
    api.call("ListTeams", limit=1000)
    api.call("GetTeam", teamId=created["$.id"])
    api.runbook.drop(1)  # as if somebody else had created it
    api.call("ListTeams", names=["{{team}}"])
    source = "\n".join(api.runbook.source())
    assert """list_teams[f"$.teams[?@.name=={team!r}].id"][0]""" in source
    other = 'it\'s "late" shift'
    visitor = anb.connect(history=None)
    assert visitor.call("CreateTeam", name=other).ok
    result = run(api.runbook.write("teams"), {"team": other})
    assert result.ok, result.error


def test_words_are_not_chained(api: anb.Workbench) -> None:
    """Common words, such as STANDARD or a region, stay literals."""
    workspace = api.call("ListWorkspaces")["$.workspaces[0].id"]
    api.call("ListDeployments", limit=100)
    api.call("CreateDeployment", name="words", workspaceId=workspace, type="STANDARD", executor="CELERY",
             region="us-east-1", description="All of it")  # fmt: skip
    assert 'type="STANDARD"' in step_code(api)[-1]
    assert 'region="us-east-1"' in step_code(api)[-1]
    assert 'description="All of it"' in step_code(api)[-1]


def test_a_variable_keeps_the_value_that_was_sent(api: anb.Workbench) -> None:
    """A variable that was reassigned between two calls gives each call the value that was sent."""
    listed = api.call("ListWorkspaces")
    for number in (0, 1):
        api.variables["workspaceId"] = listed[f"$.workspaces[{number}].id"]
        api.call("GetWorkspace", workspaceId="{{workspaceId}}")
        api.call("ListDeployments", workspaceIds=["{{workspaceId}}"])
    del api.variables["workspaceId"]
    names = [listed[f"$.workspaces[{n}].name"] for n in (0, 0, 1, 1)]
    for cell, name in zip(step_code(api)[1:], names, strict=True):
        assert f"""list_workspaces["$.workspaces[?@.name=='{name}'].id"][0]""" in cell


@pytest.mark.parametrize("restored", [False, True])
def test_a_variable_keeps_where_it_came_from(
    restored: bool, api: anb.Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history knows the response that a variable was set from when a call was sent, whatever was done since."""
    if restored:
        monkeypatch.setattr("astro_nb.history.history.MOST_RECENT", 1)
    first, second = api.call("ListWorkspaces"), api.call("ListWorkspaces")
    api.keep(first, "$.workspaces[0].id", as_="workspaceId")
    sent = api.call("GetWorkspace", workspaceId="{{workspaceId}}")
    api.keep(second, "$.workspaces[0].id", as_="workspaceId")
    api.call("ListWorkspaces", limit=1)
    assert (api.history.get(sent.id) is sent) != restored
    assert "workspaceId=list_workspaces[" in step_code(api)[2]


def test_templates(api: anb.Workbench, fresh: anb.Sandbox) -> None:
    """Environment variables fill themselves in, dynamic values stay, a variable in a text is set before its call."""
    api.variables["stage"], api.variables["size"] = "devel", 7
    workspace = api.call("ListWorkspaces", limit="{{size}}")["$.workspaces[0].id"]
    text = "on {{stage}} of {{organizationId}} for {{who:-me}}"
    api.call("CreateDeployment", name="{{$randomName}}", description=text, workspaceId=workspace)
    call = anb.Call("ListWorkspaces", {"organizationId": "{{organizationId}}"}, headers={"X-Stage": "{{stage}}"})
    api.session.send(call)
    first, second, third = step_code(api)
    assert "limit=size" in first
    assert "organizationId" not in first
    assert second.startswith('api.variables["stage"] = stage\n')
    assert 'name="{{$randomName}}"' in second
    assert f"description={json.dumps(text)}" in second
    assert 'parameters={"organizationId": "{{organizationId}}"}' in third
    assert 'headers={"X-Stage": stage}' in third
    result = run(api.runbook.write("templates"), {"stage": "prod", "size": "3"})
    assert result.ok, result.error
    assert 'stage = "prod"\nsize = 3' in result.output.read_text().replace('\\"', '"').replace('\\n",\n    "', "\n")


def test_another_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without a file is described in the notebook, with document and server as parameters."""
    document = Path(__file__).resolve().parents[2] / "shared" / "specs" / "petstore3.yaml"
    if not document.is_file():
        pytest.skip("the shared documents are not here")
    monkeypatch.chdir(tmp_path)
    Path("pets.yaml").write_bytes(document.read_bytes())
    from astro_nb.openapi import load

    with anb.Sandbox(load("pets.yaml")) as sandbox:
        token = anb.Secret.in_memory(PLANTED, "typed")
        api = anb.connect(spec="pets.yaml", base_url=sandbox.url, token=token, history=None)
        api.call("findPetsByStatus", status="available")
        path = api.runbook.write("pets")
        assert PLANTED not in path.read_text()
        monkeypatch.setenv("DEFAULT_TOKEN", "another-token")
        result = run(path, {"base_url": sandbox.url})
    assert result.ok, result.error


def test_a_file_is_a_path_among_the_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read from a path parameter; a short text is written into the notebook; a security choice is kept."""
    monkeypatch.chdir(tmp_path)
    schemes = {"Key": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    media = {"schema": {"type": "object", "properties": {"image": {}, "notes": {}}}}
    up = {"operationId": "upload", "requestBody": {"content": {"multipart/form-data": media}}}
    put = {"operationId": "store", "requestBody": {"content": {"application/octet-stream": {}}}}
    done = {"responses": {"200": {"description": "d", "content": {"application/json": {"schema": {}}}}}}
    paths = {"/up": {"post": {**up, **done}, "put": {**put, **done}}}
    document = {"openapi": "3.1.1", "info": {"title": "Up", "version": "1"}, "paths": paths}
    Path("up.json").write_text(json.dumps({**document, "components": {"securitySchemes": schemes}}))
    image, notes = b"\x89PNG\0" * 300, "a,b\n"
    Path("x.png").write_bytes(image)
    from astro_nb.openapi import load

    with anb.Sandbox(load("up.json")) as sandbox:
        api = anb.connect(spec="up.json", base_url=sandbox.url, history=None)
        body = {"image": anb.Upload("x.png", image, "image/png"), "notes": anb.Upload("n.csv", notes.encode())}
        first = api.call("upload", body=body)
        api.session.send(anb.Call("store", body=image, security=""))
        path = api.runbook.write("up")
        source = "\n".join(api.runbook.source())
        result = run(path, {"base_url": sandbox.url})
    assert first.response is not None
    assert 'image_file = "x.png"' in source
    assert 'anb.Upload("x.png", Path(image_file).read_bytes(), "image/png")' in source
    assert """anb.Upload("n.csv", 'a,b\\n'.encode())""" in source
    assert 'security=""' in source
    assert "PNG" not in source
    assert "FileNotFoundError" in str(result.error), "the bytes of `store` have no file, so the run asks for one"


# --- secrets ----------------------------------------------------------------------------------------------------------


def create_connection(api: anb.Workbench, key: str, workspace: str, password: Any) -> anb.Exchange:
    """Create a connection with a password."""
    connection = {"type": "postgres", "host": "db.example", "login": "me", "password": password}
    return api.call("CreateEnvironmentObject", objectKey=key, objectType="CONNECTION", scope="WORKSPACE",
                    scopeEntityId=workspace, connection=connection)  # fmt: skip


def test_secrets_are_references(api: anb.Workbench, fresh: anb.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typed secret is read from an environment variable; a secret from a response is read from that response."""
    workspace = api.call("ListWorkspaces")["$.workspaces[0].id"]
    assert create_connection(api, "typed", workspace, PLANTED).ok
    token = api.call("CreateApiToken", name="ci", role="ORGANIZATION_MEMBER", scope="ORGANIZATION")
    api.variables["fresh"] = token["$.token"]
    assert create_connection(api, "brought", workspace, "{{fresh}}").ok
    path = api.runbook.write("secrets")
    text = path.read_text()
    assert PLANTED not in text
    assert token.reveal()["token"] not in text
    assert 'api.variables["fresh"] = create_api_token["$.token"]' in "\n".join(api.runbook.source())
    name = re.search(r"anb\.Secret\(\"env:(\w+)\"\)", api.runbook.source()[2])
    assert name is not None
    assert "SecretMissing" in run(path).error
    monkeypatch.setenv(name[1], "another-secret-value")
    result = run(path)
    assert result.ok, result.error
    assert "another-secret-value" not in result.output.read_text()


def test_a_secret_in_clear_text_is_refused(api: anb.Workbench) -> None:
    """A step with a known secret in clear text is named and nothing is written; without the step it is written."""
    api.variables["password"] = anb.Secret.in_memory(PLANTED)
    api.call("CreateTeam", name="team", description=f"knows {PLANTED}")
    api.call("ListTeams")
    with pytest.raises(RunbookError, match=r"Step 1 \(CreateTeam\).*drop\(1\)") as caught:
        api.runbook.write("leak.ipynb")
    assert PLANTED not in str(caught.value)
    assert not Path("leak.ipynb").exists()
    api.runbook.drop(1)
    with pytest.raises(RunbookError, match="The beginning of the runbook"):
        api.runbook.notebook(title=PLANTED)
    assert api.runbook.write("leak.ipynb").exists()


# --- the notebook as a file -------------------------------------------------------------------------------------------


def test_metadata_is_clean(api: anb.Workbench) -> None:
    """The file is a valid notebook with stable ids, no outputs or widget state; a second write gives equal bytes."""
    record(api)
    path = api.runbook.write("first")
    found = nbformat.read(path, as_version=4)
    nbformat.validate(found)
    assert [cell.id for cell in found.cells] == [f"cell-{n}" for n in range(1, len(found.cells) + 1)]
    assert not any(cell.outputs or cell.execution_count for cell in found.cells if cell.cell_type == "code")
    facts = found.metadata["astro_nb"]
    assert facts["document"] == {"title": api.spec.title, "version": api.spec.version}
    assert (facts["format"], facts["environment"]) == (1, "sandbox")
    assert set(found.metadata) == {"astro_nb", "kernelspec", "language_info"}
    assert found.cells[1].metadata.tags == ["parameters"]
    assert path.read_bytes() == api.runbook.write("first", overwrite=True).read_bytes()


def test_the_introduction_shows_how_to_run_it(api: anb.Workbench) -> None:
    """The first cell lists the steps, the command to run it, and the required permissions."""
    record(api)
    api.runbook.write("hibernate-dev.ipynb")
    opening = nbformat.read("hibernate-dev.ipynb", as_version=4).cells[0].source
    assert opening.startswith("# Hibernate dev\n")
    assert "2. Create a Deployment" in opening
    assert "astro-nb run hibernate-dev.ipynb -p name=…" in opening
    assert "`workspace.deployments.create`" in opening


def test_an_existing_file_is_not_overwritten(api: anb.Workbench) -> None:
    """An existing file stays, and the error says what to do."""
    api.call("ListTeams")
    Path("mine.ipynb").write_text("mine")
    with pytest.raises(RunbookError, match="overwrite=True"):
        api.runbook.write("mine.ipynb")
    assert Path("mine.ipynb").read_text() == "mine"


def test_an_empty_runbook_is_refused(api: anb.Workbench) -> None:
    """An empty recording cannot be written; its display says so and does not fail."""
    with pytest.raises(RunbookError, match="Nothing has been sent yet"):
        api.runbook.write("empty.ipynb")
    assert repr(api.runbook) == "<Runbook of 0 steps>"
    assert "Nothing has been sent" in api.runbook._repr_mimebundle_()["text/html"]


def test_steps_are_dropped(api: anb.Workbench) -> None:
    """Dropped steps are left out and the rest renumbered; `clear` starts over and keeps the history."""
    for operation in ("ListTeams", "ListUsers", "ListRoles"):
        api.call(operation)
    with pytest.raises(UnknownName, match="no step named '9'"):
        api.runbook.drop(1, 9)
    api.runbook.drop(2)
    assert [(s.number, s.operation.id) for s in api.runbook.steps] == [(1, "ListTeams"), (2, "ListRoles")]
    html = api.runbook._repr_mimebundle_()["text/html"]
    assert "ListUsers" not in html
    assert "list_roles = api.call" in html
    api.runbook.clear()
    assert len(api.runbook) == 0
    api.call("ListTeams")
    assert repr(api.runbook) == "<Runbook of 1 step>"
    assert len(api.history) == 4


# --- runbooks of earlier versions -------------------------------------------------------------------------------------


def test_a_runbook_recorded_before_0_2_runs(
    fresh: anb.Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A runbook written before the packages were renamed still runs: calls, wait, pages, change, bulk and summary."""
    monkeypatch.chdir(tmp_path)
    path = Path(__file__).parent / "data" / "runbook-before-0.2.ipynb"
    result = run(path, {"name": "renamed"}, output=Path("old.ipynb").resolve())
    assert result.ok, result.error
    assert "0 not ok" in output_text(result)
    operations = {seen.operation for seen in fresh.log}
    assert {"CreateDeployment", "UpdateDeployment", "CreateTeam", "DeleteDeployment"} <= operations


# --- the renderer -----------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(plain, st.integers(1, 120), st.integers(0, 12))
def test_rendered_data_evaluates_to_itself(value: Any, width: int, indent: int) -> None:
    """Rendered plain JSON evaluates to the same value, on one line or several."""
    rendered = render(value, indent, 0, width)
    assert ast.literal_eval(rendered) == value
    called = ast.parse(render_call("f", "1", [("body=", value)], width), mode="eval").body
    assert isinstance(called, ast.Call)
    assert ast.literal_eval(called.keywords[0].value) == value


def test_expressions_are_not_quoted() -> None:
    """An expression inside nested data is source, not text; long data is broken into one item per line."""
    value = {"a": [Expression('x["$.id"]'), "x"], "b": {"c": Expression("name")}}
    assert render(value) == '{"a": [x["$.id"], "x"], "b": {"c": name}}'
    assert render({"a": Expression("b")}, width=5) == '{\n    "a": b,\n}'


# --- running ----------------------------------------------------------------------------------------------------------


def test_a_failing_cell_ends_the_run(tmp_path: Path) -> None:
    """A failure is reported in a sentence, later cells do not run, and the outputs so far are kept."""
    path = notebook(tmp_path / "bad.ipynb", "1 + 1", "raise ValueError('\\x1b[31mno\\x1b[0m')", "3")
    before = path.read_bytes()
    result = run(path)
    assert not result.ok
    assert result.failed_cell is not None
    number, heading, error, message = result.failed_cell
    assert (number, error, message) == (2, "ValueError", "no")
    assert result.error == f"Cell 2 ({heading}) failed: ValueError: no"
    assert [row.state for row in result.rows] == ["ok", "failed", "not run"]
    assert (result.executed, result.cells) == (2, 3)
    assert result.output.parent == tmp_path / ".astro_nb" / "runs"
    assert (tmp_path / ".astro_nb" / ".gitignore").read_text() == "*\n"
    assert output_text(result).startswith("2")
    assert path.read_bytes() == before


def test_injected_values_have_the_types_of_the_defaults(tmp_path: Path) -> None:
    """Texts from a command line are converted to the types of the defaults, in papermill's second cell."""
    source = "# parameters\nnumber = 1\nshare: float = 0.5\non = True\nnothing = None\ntext = 'x'\nother = [1]"
    path = notebook(tmp_path / "typed.ipynb", source, "[number, share, on, nothing, text, other]")
    values = {"number": "3", "share": "2", "on": "false", "nothing": "null", "text": "7", "other": [2, {"a": None}]}
    result = run(path, values, output=tmp_path / "out" / "typed.ipynb")
    assert ast.literal_eval(output_text(result)) == [3, 2.0, False, None, "7", [2, {"a": None}]]
    cells = nbformat.read(tmp_path / "out" / "typed.ipynb", as_version=4).cells
    assert [cell.metadata.get("tags") for cell in cells] == [["parameters"], ["injected-parameters"], None]
    again = run(result.output, {"number": 4}, output=tmp_path / "again.ipynb")
    assert len(nbformat.read(again.output, as_version=4).cells) == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nunber": 1}, "Did you mean number"),
        ({"number": "many"}, "number must be a whole number, not 'many'"),
        ({"on": "maybe"}, "on must be true or false"),
        ({"number": anb.Secret("env:X")}, "cannot be written into a notebook"),
    ],
)
def test_wrong_parameter_values_are_refused(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    """A wrong name or value raises before a kernel is started."""
    path = notebook(tmp_path / "typed.ipynb", "# parameters\nnumber = 1\non = True")
    with pytest.raises((RunbookError, UnknownName), match=re.escape(message)):
        run(path, values)
    assert not (tmp_path / ".astro_nb").exists()


def test_unusable_files_and_kernels_are_refused(tmp_path: Path) -> None:
    """A missing file, another file, a newer format, an unknown kernel, and values without parameters raise an error."""
    (tmp_path / "text.ipynb").write_text("hello")
    (tmp_path / "broken.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "cells": [{}], "metadata": {}}')
    newer = notebook(tmp_path / "newer.ipynb", "1", astro_nb={"format": 2})
    bare = notebook(tmp_path / "bare.ipynb", "1")
    for path, message in (
        (tmp_path / "none.ipynb", "There is no notebook"),
        (tmp_path / "text.ipynb", "is not a notebook"),
        (tmp_path / "broken.ipynb", "is a damaged notebook"),
        (newer, "has format 2, but this astro_nb runs format 1"),
    ):
        with pytest.raises(RunbookError, match=message):
            run(path)
    with pytest.raises(RunbookError, match="The notebook has no parameters"):
        run(bare, {"a": 1})
    with pytest.raises(RunbookError, match="no Jupyter kernel named 'nope'"):
        run(bare, kernel="nope")


def test_any_notebook_runs_in_its_folder(tmp_path: Path) -> None:
    """A notebook runs in its own folder or in another one; widget state is not written."""
    widget = "import ipywidgets; ipywidgets.Password(value='typed-into-it')"
    path = notebook(tmp_path / "any.ipynb", "import os; os.getcwd()", widget, widgets={"state": "typed-into-it"})
    result = run(path)
    assert result.ok, result.error
    assert str(tmp_path.resolve()) in output_text(result)
    assert "widgets" not in nbformat.read(result.output, as_version=4).metadata
    (tmp_path / "other").mkdir()
    assert str((tmp_path / "other").resolve()) in output_text(run(path, cwd=tmp_path / "other"))


def test_timeout_and_kernel_death_end_a_run(tmp_path: Path) -> None:
    """A cell past its timeout and a kernel that dies end the run with a sentence."""
    slow = notebook(tmp_path / "slow.ipynb", "import time; time.sleep(60)")
    assert "took longer than 1 s" in run(slow, timeout=1).error
    dead = notebook(tmp_path / "dead.ipynb", "import os; os._exit(3)", "1")
    assert "The kernel ended before the cell did" in run(dead).error


def test_a_notebook_runs_another(tmp_path: Path) -> None:
    """`run` works inside a running kernel, which has a running event loop."""
    inner = notebook(tmp_path / "inner.ipynb", "40 + 2")
    outer = notebook(tmp_path / "outer.ipynb", f"from astro_nb.runbooks import run\nrun({str(inner)!r})")
    assert "<Run of inner.ipynb: 1 of 1 cells" in output_text(run(outer))

"""The explorer's widgets without a kernel: typing, choosing, clicking, and the results."""

from __future__ import annotations

import time
from typing import Any

import ipywidgets as widgets
import pytest
from ipywidgets.widgets.widget import _instances as living
from support.form_driver import button_with, choose, controls_of, text_below, visible_widgets, wait_until, walk

from astro_nb import Secret, Workbench, connect
from astro_nb.environments import Environment
from astro_nb.explorer import Explorer
from astro_nb.explorer.lists import compare_exchanges
from astro_nb.explorer.request import SEND_DELAY


@pytest.fixture
def explorer(api: Workbench) -> Explorer:
    return api.explore()


def visible(explorer: Explorer) -> list[Any]:
    """Return the widgets of the explorer that are on the screen."""
    return visible_widgets(explorer.widget)


def control(explorer: Explorer, name: str) -> Any:
    """Return the control of a field, by its label."""
    assert explorer.form is not None
    return controls_of(list(walk(explorer.form.widget)), name)[0]


def note_below(explorer: Explorer, field: Any) -> str:
    """Return the text below a control."""
    assert explorer.form is not None
    return text_below(list(walk(explorer.form.widget)), field)


def click(explorer: Explorer, text: str) -> None:
    """Click the first button with this text, or with exactly this tooltip."""
    button_with(visible(explorer), text).click()
    assert explorer.status.last_error is None


def send(explorer: Explorer) -> None:
    """Click Send and wait for the response."""
    before = len(explorer.session.exchanges)
    click(explorer, "Send")
    wait_until(lambda: len(explorer.session.exchanges) > before and not explorer.actions.send.disabled)
    wait_until(lambda: explorer.response._exchange is explorer.session.exchanges[-1])
    with explorer.status.lock:  # the callback that shows the response has returned
        pass
    assert explorer.status.last_error is None


def text_of(explorer: Explorer) -> str:
    return " ".join(str(w.value) for w in visible(explorer) if isinstance(w, widgets.HTML))


def test_every_operation_has_a_form(explorer: Explorer) -> None:
    """Each operation opens, fills with its example, and clears, without a failing callback."""
    for operation in explorer.session.spec:
        explorer.open(operation.id)
        click(explorer, "Fill with example")
        click(explorer, "Clear")
        assert explorer.form is not None
        assert explorer.form.form.operation is operation


def test_a_form_costs_few_models(explorer: Explorer) -> None:
    """CreateDeployment's form has 20 models or fewer, and a replaced form is closed."""
    explorer.open("ListDeployments")
    before = len(living)
    explorer.open("CreateDeployment")
    assert len(living) - before <= 20
    for _ in range(3):
        explorer.open("ListDeployments")
        explorer.open("CreateDeployment")
    assert len(living) - before <= 20


def test_the_explorer_stays_below_three_hundred_models(api: Workbench) -> None:
    """The explorer with an open form, everything collapsed, has fewer than 300 models."""
    before = len(living)
    api.explore("CreateDeployment")
    assert len(living) - before < 300


def test_required_fields_come_first_and_the_rest_is_collapsed(explorer: Explorer) -> None:
    """At first only required fields are displayed; a button counts the others, and builds them."""
    explorer.open("CreateDeployment")
    assert control(explorer, "name").placeholder.startswith("for example")
    with pytest.raises(AssertionError):
        control(explorer, "description")
    click(explorer, "More:")
    assert control(explorer, "description") is not None


def test_a_typed_value_is_sent_and_shown(explorer: Explorer) -> None:
    """A typed value is sent, the response is displayed, and the history has a row for it."""
    explorer.open("ListDeployments")
    click(explorer, "More:")
    control(explorer, "limit").value = "3"
    send(explorer)
    exchange = explorer.session.exchanges[-1]
    assert exchange.call.parameters["limit"] == 3
    assert len(exchange.items) == 3
    assert "200 OK" in text_of(explorer)
    assert explorer.history.list.options[0][0].endswith("ms")
    assert "ListDeployments" in explorer.history.list.options[0][0]


def test_unset_null_and_value_are_three_states(explorer: Explorer) -> None:
    """A nullable choice offers unset, null and its values, and each gives another body."""
    explorer.open("UpdateDeploymentHibernationOverride")
    field = control(explorer, "isHibernating")
    assert [label for label, _ in field.options[:4]] == ["–", "true", "false", "null"]
    form = explorer.form.form if explorer.form else None
    assert form is not None
    for label, body in (("true", {"isHibernating": True}), ("null", {"isHibernating": None}), ("–", {})):
        choose(field, label)
        assert form.to_call().body == body


def test_a_wrong_value_is_reported_beside_its_field(explorer: Explorer) -> None:
    """Text in a number field is kept, with the problem below it; the label stays the same."""
    explorer.open("ListDeployments")
    click(explorer, "More:")
    field = control(explorer, "limit")
    field.value = "many"
    assert "is not an integer" in note_below(explorer, field)
    field.value = "{{many}}"
    assert "no variable named" in note_below(explorer, field)
    explorer.session.variables["many"] = 5
    explorer._changed()
    assert "→ 5" in note_below(explorer, field)


def test_the_server_marks_fields_too(explorer: Explorer) -> None:
    """The field errors of a 400 appear beside the fields they name."""
    explorer.open("CreateDeployment")
    send(explorer)
    assert explorer.session.exchanges[-1].status == 400
    assert "anb-problem" in note_below(explorer, control(explorer, "name"))


def test_clicking_send_twice_sends_once(explorer: Explorer) -> None:
    """A double click is one request, and so is a click while a request is in progress."""
    explorer.open("ListWorkspaces")
    before = len(explorer.session.exchanges)
    explorer.actions.send.click()
    explorer.actions.send.click()
    wait_until(lambda: len(explorer.session.exchanges) > before)
    time.sleep(2 * SEND_DELAY)
    assert len(explorer.session.exchanges) == before + 1


def test_ids_are_suggested_by_name(explorer: Explorer) -> None:
    """An id field suggests names from earlier responses, with the source; choosing one gives the id."""
    explorer.open("ListWorkspaces")
    send(explorer)
    workspace = explorer.session.exchanges[-1]["$.workspaces[0]"]
    explorer.open("CreateDeployment")
    field = control(explorer, "workspaceId")
    suggestion = f"{workspace['name']} · from ListWorkspaces"
    assert suggestion in field.options
    field.value = suggestion
    assert field.value == workspace["id"]
    assert explorer.form is not None
    assert explorer.form.form.to_call().body["workspaceId"] == workspace["id"]


def test_a_union_shows_the_chosen_branch(explorer: Explorer) -> None:
    """Choosing sets the discriminator, shows that branch, and keeps the values of both."""
    explorer.open("CreateDeployment")
    control(explorer, "name").value = "demo"
    choose(control(explorer, "type"), "HYBRID")
    click(explorer, "More:")
    assert control(explorer, "taskPodNodePoolId") is not None
    assert explorer.form is not None
    assert explorer.form.form.to_call().body == {"type": "HYBRID", "name": "demo"}


def test_rows_are_added_and_removed(explorer: Explorer) -> None:
    """An array of objects grows and shrinks by rows, each with its own fields."""
    explorer.open("CreateDeployment")
    click(explorer, "More:")
    click(explorer, "Add to environmentVariables")
    control(explorer, "key").value = "REGION"
    click(explorer, "Add to environmentVariables")
    assert explorer.form is not None
    body = explorer.form.form.to_call().body
    assert body["environmentVariables"] == [{"key": "REGION"}, {}]
    click(explorer, "Remove environmentVariables 2")
    click(explorer, "Remove environmentVariables 1")
    assert "environmentVariables" not in explorer.form.form.to_call().body


def test_a_choice_shows_what_it_needs(explorer: Explorer) -> None:
    """The rules of the overlay show and require fields as values change."""
    explorer.open("CreateEnvironmentObject")
    choose(control(explorer, "objectType"), "CONNECTION")
    assert any("connection" in getattr(w, "description", "") for w in visible(explorer))
    choose(control(explorer, "objectType"), "AIRFLOW_VARIABLE")
    texts = [getattr(w, "description", "") for w in visible(explorer)]
    assert any("airflowVariable" in text and "required" in text for text in texts)
    assert not any("connection ·" in text for text in texts)


def test_a_field_hidden_by_a_rule_is_not_sent_and_comes_back(explorer: Explorer) -> None:
    """A field hidden by another choice keeps its value; the rest of the form is not rebuilt."""
    explorer.open("CreateEnvironmentObject")
    chooser, key = control(explorer, "objectType"), control(explorer, "objectKey")
    choose(chooser, "CONNECTION")
    control(explorer, "type").value = "postgres"
    choose(chooser, "METRICS_EXPORT")
    assert explorer.form is not None
    assert explorer.form.form.to_call().body == {"objectType": "METRICS_EXPORT"}
    choose(chooser, "CONNECTION")
    assert explorer.form.form.to_call().body == {"objectType": "CONNECTION", "connection": {"type": "postgres"}}
    assert control(explorer, "type").value == "postgres"
    assert (chooser, key) == (control(explorer, "objectType"), control(explorer, "objectKey"))


def test_a_secret_in_a_panel_stays_in_memory(explorer: Explorer) -> None:
    """A secret typed into a panel is in no synchronised trait, not even before its button is clicked."""
    panel = explorer.context_bar.variables
    panel.name.value = "key"
    panel.secret.value = "hunter2-hunter2"
    assert panel.secret.value == ""
    click(explorer, "Variables")
    click(explorer, "Set variable")
    assert isinstance(explorer.session.variables["key"], Secret)
    assert explorer.session.variables["key"].reveal() == "hunter2-hunter2"


def test_a_typed_secret_leaves_the_widget(explorer: Explorer) -> None:
    """A typed secret is cleared from its control at once; the call holds a template; the value is a session secret."""
    explorer.open("CreateEnvironmentObject")
    choose(control(explorer, "objectType"), "CONNECTION")
    for _ in range(3):
        closed = [w for w in visible(explorer) if isinstance(w, widgets.Button) and w.description.startswith("▸ ")]
        for opener in closed:
            if "connection" in opener.description:
                opener.click()
    field = control(explorer, "password")
    assert isinstance(field, widgets.Password)
    field.value = "hunter2-hunter2"
    assert field.value == ""
    assert explorer.form is not None
    assert explorer.form.form.to_call().body["connection"]["password"] == "{{password}}"
    assert isinstance(explorer.session.variables["password"], Secret)
    states = [str(w.get_state()) for w in walk(explorer.widget)]
    assert not any("hunter2" in state for state in states)


def test_form_and_json_update_each_other(explorer: Explorer) -> None:
    """The form and its JSON view update each other; invalid JSON is kept, reported, and never sent."""
    explorer.open("CreateWorkspace")
    explorer.details.view.value = "Body as JSON"
    control(explorer, "name").value = "Sales"
    assert '"name": "Sales"' in explorer.details.json.value
    explorer.details.json.value = '{"name": "Support", "description": "All of it"}'
    assert control(explorer, "name").value == "Support"
    explorer.details.json.value = "{oops"
    assert "not JSON" in explorer.status.widget.value
    before = len(explorer.session.exchanges)
    explorer.actions.send.click()
    wait_until(lambda: explorer.status.last_error is not None)
    assert "not JSON" in str(explorer.status.last_error)
    assert (len(explorer.session.exchanges), explorer.details.json.value) == (before, "{oops")


def test_views_show_request_and_code_without_secrets(explorer: Explorer) -> None:
    """The request and every snippet are complete, and the token is in none of them."""
    secret = explorer.session.credentials.token_secret()
    token = secret.reveal() if secret else ""
    explorer.open("ListDeployments")
    for view, part in (("Request", "Bearer *****"), ("curl", "$SANDBOX_TOKEN"), ("Python (astro_nb)", "api.call(")):
        explorer.details.view.value = view
        assert part in explorer.details._shown.value
        assert token not in explorer.details._shown.value


@pytest.mark.parametrize(
    ("tab", "part"),
    [
        ("Body", "deployments"),
        ("Table", "20 rows"),
        ("Headers", "Content-Type"),
        ("Contract", "matches the spec"),
        ("Timeline", "attempt"),
    ],
)
def test_tabs_show_the_response(explorer: Explorer, tab: str, part: str) -> None:
    """Each tab shows its part of the response."""
    explorer.open("ListDeployments")
    send(explorer)
    explorer.response._tabs.value = tab
    assert explorer.status.last_error is None
    assert part in " ".join(str(w.value) for w in explorer.response._content.children)


def test_a_value_is_saved_as_a_variable(explorer: Explorer) -> None:
    """A value saved from a response is a variable, named after the resource, with its source."""
    explorer.open("ListDeployments")
    send(explorer)
    explorer.response._tabs.value = "Save as variable"
    select = next(w for w in walk(explorer.response.widget) if isinstance(w, widgets.Select))
    select.value = "$.deployments[1].id"
    click(explorer, "Save as variable")
    variable = explorer.session.variables.all("deploymentId")[0]
    assert variable.value == explorer.session.exchanges[-1]["$.deployments[1].id"]
    assert "ListDeployments" in variable.source


def test_reopening_sends_nothing(explorer: Explorer) -> None:
    """Reopening an entry of the history fills form and response, and sends nothing."""
    explorer.open("ListDeployments")
    click(explorer, "More:")
    control(explorer, "limit").value = "2"
    send(explorer)
    explorer.open("ListWorkspaces")
    sent = len(explorer.session.history)
    explorer.history.list.value = (explorer.history.list.options[0][1],)
    click(explorer, "Reopen")
    assert len(explorer.session.history) == sent
    assert explorer.form is not None
    assert explorer.form.form.to_call().parameters["limit"] == 2
    assert control(explorer, "limit").value == "2"


def test_two_entries_are_compared(explorer: Explorer) -> None:
    """Comparing two exchanges shows the lines in which request and response differ."""
    one = explorer.session.call("ListDeployments", limit=1)
    two = explorer.session.call("ListDeployments", limit=2)
    difference = compare_exchanges(one, two)
    assert "limit=1" in difference
    assert "limit=2" in difference


def test_cancel_ends_the_request(api: Workbench) -> None:
    """Cancel ends a slow request long before its response, and the history says so."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=20)
    explorer = api.explore("ListDeployments")
    click(explorer, "Send")
    wait_until(lambda: "anb-hidden" not in explorer.actions.cancel._dom_classes)
    time.sleep(0.3)
    click(explorer, "Cancel")
    wait_until(lambda: not explorer.actions.send.disabled)
    assert explorer.session.exchanges[-1].status_text == "cancelled"
    wait_until(lambda: "cancelled" in explorer.status.widget.value)
    assert "Error" not in explorer.status.widget.value


def test_retries_are_reported_as_they_happen(api: Workbench) -> None:
    """A retry after a 429 is reported with its number."""
    assert api.sandbox is not None
    api.sandbox.faults.add("rate_limit", times=1, retry_after=1)
    explorer = api.explore("ListDeployments")
    click(explorer, "Send")
    wait_until(lambda: "429, attempt 2 of 10" in explorer.status.widget.value)
    wait_until(lambda: not explorer.actions.send.disabled)
    assert explorer.session.exchanges[-1].status == 200


def test_production_asks_before_it_sends() -> None:
    """In production an unsafe request needs confirmation; a safe one does not."""
    api = connect(history=None)
    api.session.switch(
        Environment("live", base_url=api.environment.base_url, credentials=api.environment.credentials, production=True)
    )
    explorer = api.explore("CreateWorkspace")
    control(explorer, "name").value = "Sales"
    click(explorer, "Send")
    question = explorer.sending.confirmation
    wait_until(lambda: "anb-hidden" not in question.widget._dom_classes)
    assert not explorer.session.exchanges
    assert "Sales" in text_of(explorer)
    question.name.value = "sales"
    click(explorer, "Create")
    wait_until(lambda: "What was typed is not its name" in explorer.status.widget.value)
    assert not explorer.session.exchanges
    explorer.status.last_error = None
    question.name.value = "Sales"
    click(explorer, "Create")
    wait_until(lambda: bool(explorer.session.exchanges) and not explorer.actions.send.disabled)
    assert "anb-hidden" in question.widget._dom_classes
    assert explorer.session.exchanges[-1].status == 200
    explorer.open("ListWorkspaces")
    send(explorer)
    api.close()


def test_the_bar_describes_the_token_and_never_shows_it(explorer: Explorer) -> None:
    """The bar shows scope and expiry of the token; no widget has the token."""
    secret = explorer.session.credentials.token_secret()
    assert secret is not None
    text = text_of(explorer)
    assert "scope Organization" in text
    assert "expires in" in text
    assert secret.reveal() not in "".join(str(w.get_state()) for w in walk(explorer.widget))


def test_faults_are_enabled_in_the_panel(explorer: Explorer) -> None:
    """The panel enables a fault of the sandbox, which affects the next request."""
    click(explorer, "Faults")
    assert explorer.context_bar.faults is not None
    explorer.context_bar.faults.kind.value = "html"
    click(explorer, "Enable")
    explorer.open("CreateWorkspace")
    control(explorer, "name").value = "Sales"
    send(explorer)
    assert explorer.session.exchanges[-1].status == 502
    assert "not repeated" in explorer.session.exchanges[-1].attempts[-1].decision


def test_variables_are_set_in_the_panel(explorer: Explorer) -> None:
    """The panel sets a variable of the session with its type, and a secret without showing it."""
    click(explorer, "Variables")
    panel = explorer.context_bar.variables
    panel.name.value, panel.value.value = "limit", "5"
    click(explorer, "Set variable")
    assert explorer.session.variables["limit"] == 5
    panel.name.value, panel.secret.value = "key", "hunter2-hunter2"
    click(explorer, "Set variable")
    assert isinstance(explorer.session.variables["key"], Secret)
    assert "hunter2" not in panel._table.value
    assert panel.secret.value == ""


def test_a_failing_callback_is_reported(explorer: Explorer) -> None:
    """An exception in a callback is in the status line, and kept as `last_error`."""
    explorer.status.report_errors(lambda: 1 / 0)()
    assert isinstance(explorer.status.last_error, ZeroDivisionError)
    assert "Error" in explorer.status.widget.value


def test_search_lists_the_exact_name_first(explorer: Explorer) -> None:
    """GetDeploymentOptions matches, too, and precedes it in the document."""
    explorer.operations.search.value = " getdeployment "
    names = [w.description for w in visible(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    assert names[0] == "GetDeployment"
    assert "GetDeploymentOptions" in names


def test_a_search_with_the_same_result_keeps_its_buttons(explorer: Explorer) -> None:
    """The button that has the focus stays while the last letters arrive."""
    explorer.operations.search.value = "CreateWorkspac"
    (before,) = [w for w in visible(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    explorer.operations.search.value = "CreateWorkspace"
    assert [w for w in visible(explorer) if "anb-op" in getattr(w, "_dom_classes", ())] == [before]


def test_search_finds_by_field_name(explorer: Explorer) -> None:
    """The search covers paths, tags and field names, and reports when nothing is found."""
    explorer.operations.search.value = "hibernat"
    names = [w.description for w in visible(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    assert "UpdateDeploymentHibernationOverride" in names
    explorer.operations.search.value = "schedulerSize"
    names = [w.description for w in visible(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    assert "CreateDeployment" in names
    explorer.operations.search.value = "zebra"
    assert "Nothing found" in text_of(explorer)


def test_untrusted_text_is_escaped(explorer: Explorer) -> None:
    """Markup in a response is displayed as text."""
    evil = "<img src=x onerror=alert(1)>"
    explorer.open("CreateWorkspace")
    control(explorer, "name").value = evil
    send(explorer)
    assert explorer.session.exchanges[-1]["$.name"] == evil
    assert "<img" not in text_of(explorer)
    assert "&lt;img" in text_of(explorer)


def test_it_displays_without_a_front_end(explorer: Explorer) -> None:
    """The explorer has a plain text and a static HTML representation besides its widget."""
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == "<Explorer of Astro API>"
    assert "75 operations" in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_large_tag_lists_its_first_operations_and_the_others_on_click() -> None:
    """A hundred buttons take the browser a second, so most are created on demand."""
    paths = {f"/a{n}": {"get": {"operationId": f"op{n}", "tags": ["all"], "responses": {}}} for n in range(150)}
    api = connect(
        spec={"openapi": "3.1.0", "info": {"title": "Many"}, "paths": paths},
        base_url="http://localhost:9",
        history=None,
    )
    explorer = api.explore()
    click(explorer, "all (150)")
    listed = [w.description for w in visible(explorer) if getattr(w, "description", "").startswith("op")]
    assert listed == [f"op{n}" for n in range(60)]
    click(explorer, "Show 90 more")
    listed = [w.description for w in visible(explorer) if getattr(w, "description", "").startswith("op")]
    assert listed == [f"op{n}" for n in range(150)]
    click(explorer, "op149")
    assert explorer.form is not None
    assert explorer.form.form.operation.id == "op149"
    api.close()


@pytest.mark.parametrize(
    ("operation", "first", "later"), [("CreateWorkspace", "name", "description"), ("CreateTeam", "name", "description")]
)
def test_required_fields_come_first_when_all_are_filled(
    operation: str, first: str, later: str, explorer: Explorer
) -> None:
    """Filling sets optional fields too: they follow the required ones, in forms with rules and without."""
    explorer.open(operation)
    click(explorer, "Fill with example")
    parts = visible(explorer)
    assert parts.index(control(explorer, first)) < parts.index(control(explorer, later))


def test_cancel_stops_the_call_of_a_reference(api: Workbench) -> None:
    """A reference that has to send a call first is cancelled like the call itself: nothing more is sent."""
    assert api.sandbox is not None
    explorer = api.explore("GetWorkspace")
    control(explorer, "workspaceId").value = "{{responses.ListWorkspaces.workspaces[0].id}}"
    api.sandbox.faults.add("latency", seconds=20)
    click(explorer, "Send")
    time.sleep(0.4)
    click(explorer, "Cancel")
    wait_until(lambda: explorer.status.last_error is not None)
    assert [e.failure.kind if e.failure else "" for e in explorer.session.history] == ["cancelled"]
    explorer.status.last_error = None

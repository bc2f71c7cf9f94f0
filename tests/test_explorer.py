"""The widgets without a kernel: what is typed, chosen and pressed, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets
import pytest
from ipywidgets.widgets.widget import _instances as living

from astro_nb import Secret, Workbench, connect
from astro_nb.environments import Environment
from astro_nb.explorer import Explorer
from astro_nb.explorer.lists import compare_exchanges
from astro_nb.explorer.sending import SEND_DELAY


@pytest.fixture
def explorer(api: Workbench) -> Explorer:
    return api.explore()


def walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def shown(explorer: Explorer) -> list[Any]:
    """Every widget that is on the screen: what stands below something hidden is not."""

    def seen(widget: Any) -> Iterator[Any]:
        if "anb-hidden" in widget._dom_classes:
            return
        yield widget
        for child in getattr(widget, "children", ()):
            yield from seen(child)

    return list(seen(explorer.widget))


def told_below(explorer: Explorer, control: Any) -> str:
    """What stands below a control that is typed into."""
    box = next(w for w in walk(explorer.form.widget) if control in getattr(w, "children", ()))
    return " ".join(w.value for w in box.children if isinstance(w, widgets.HTML))


def control(explorer: Explorer, name: str) -> Any:
    """The control of a field, by its label."""
    assert explorer.form is not None
    found = [w for w in walk(explorer.form.widget) if getattr(w, "description", "").startswith(f"<b>{name}</b>")]
    assert found, f"no field {name}"
    return found[0]


def press(explorer: Explorer, text: str) -> None:
    buttons = [w for w in shown(explorer) if isinstance(w, widgets.Button)]
    button = next(w for w in buttons if text in w.description or text == w.tooltip)
    button.click()
    assert explorer.status.last_error is None


def choose(dropdown: Any, text: str) -> None:
    dropdown.value = next(value for label, value in dropdown.options if label == text)


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def send(explorer: Explorer) -> None:
    """Press Send and wait for the answer."""
    before = len(explorer.session.exchanges)
    press(explorer, "Send")
    until(lambda: len(explorer.session.exchanges) > before and not explorer.actions.send.disabled)
    until(lambda: explorer.response._exchange is explorer.session.exchanges[-1])
    with explorer.status.lock:  # the callback that shows the answer has ended
        pass
    assert explorer.status.last_error is None


def text_of(explorer: Explorer) -> str:
    return " ".join(str(w.value) for w in shown(explorer) if isinstance(w, widgets.HTML))


def test_every_operation_has_a_form(explorer: Explorer) -> None:
    """Each operation opens, fills with its example, and clears, without a failing callback."""
    for operation in explorer.session.spec:
        explorer.open(operation.id)
        press(explorer, "Fill with example")
        press(explorer, "Clear")
        assert explorer.form is not None
        assert explorer.form.form.operation is operation


def test_a_form_costs_few_models(explorer: Explorer) -> None:
    """CreateDeployment's form is drawn with 20 models or fewer, and a form that is replaced is closed."""
    explorer.open("ListDeployments")
    before = len(living)
    explorer.open("CreateDeployment")
    assert len(living) - before <= 20
    for _ in range(3):
        explorer.open("ListDeployments")
        explorer.open("CreateDeployment")
    assert len(living) - before <= 20


def test_the_explorer_stays_below_three_hundred_models(api: Workbench) -> None:
    """The explorer with a form open, everything folded, is fewer than 300 models."""
    before = len(living)
    api.explore("CreateDeployment")
    assert len(living) - before < 300


def test_required_fields_come_first_and_the_rest_is_folded(explorer: Explorer) -> None:
    """Before anything is opened only required fields are drawn; the fold says how many there are, and builds them."""
    explorer.open("CreateDeployment")
    assert control(explorer, "name").placeholder.startswith("for example")
    with pytest.raises(AssertionError):
        control(explorer, "description")
    press(explorer, "More:")
    assert control(explorer, "description") is not None


def test_a_typed_value_is_sent_and_shown(explorer: Explorer) -> None:
    """What is typed goes out, the answer is drawn, and the history has a row of it."""
    explorer.open("ListDeployments")
    press(explorer, "More:")
    control(explorer, "limit").value = "3"
    send(explorer)
    exchange = explorer.session.exchanges[-1]
    assert exchange.call.parameters["limit"] == 3
    assert len(exchange.items) == 3
    assert "200 OK" in text_of(explorer)
    assert explorer.history.list.options[0][0].endswith("ms")
    assert "ListDeployments" in explorer.history.list.options[0][0]


def test_unset_null_and_value_are_three_states(explorer: Explorer) -> None:
    """A choice that may be null offers unset, null and its values, and each is told from the others."""
    explorer.open("UpdateDeploymentHibernationOverride")
    field = control(explorer, "isHibernating")
    assert [label for label, _ in field.options[:4]] == ["–", "true", "false", "null"]
    form = explorer.form.form if explorer.form else None
    assert form is not None
    for label, body in (("true", {"isHibernating": True}), ("null", {"isHibernating": None}), ("–", {})):
        choose(field, label)
        assert form.to_call().body == body


def test_a_wrong_value_is_told_beside_its_field(explorer: Explorer) -> None:
    """A text where a number is wanted is kept, and below it stands what is wrong; its label stays as it is."""
    explorer.open("ListDeployments")
    press(explorer, "More:")
    field = control(explorer, "limit")
    field.value = "many"
    assert "is not an integer" in told_below(explorer, field)
    field.value = "{{many}}"
    assert "no variable named" in told_below(explorer, field)
    explorer.session.variables["many"] = 5
    explorer._changed()
    assert "→ 5" in told_below(explorer, field)


def test_the_server_marks_fields_too(explorer: Explorer) -> None:
    """The field errors of a 400 appear in words beside the fields they name."""
    explorer.open("CreateDeployment")
    send(explorer)
    assert explorer.session.exchanges[-1].status == 400
    assert "anb-problem" in told_below(explorer, control(explorer, "name"))


def test_send_pressed_twice_sends_once(explorer: Explorer) -> None:
    """A double click is one request, and so is a press that arrives while one is under way."""
    explorer.open("ListWorkspaces")
    before = len(explorer.session.exchanges)
    explorer.actions.send.click()
    explorer.actions.send.click()
    until(lambda: len(explorer.session.exchanges) > before)
    time.sleep(2 * SEND_DELAY)
    assert len(explorer.session.exchanges) == before + 1


def test_ids_are_offered_by_name(explorer: Explorer) -> None:
    """A field that wants an id offers names seen in earlier answers, with the reason; choosing one gives the id."""
    explorer.open("ListWorkspaces")
    send(explorer)
    workspace = explorer.session.exchanges[-1]["$.workspaces[0]"]
    explorer.open("CreateDeployment")
    field = control(explorer, "workspaceId")
    offer = f"{workspace['name']} · from ListWorkspaces"
    assert offer in field.options
    field.value = offer
    assert field.value == workspace["id"]
    assert explorer.form is not None
    assert explorer.form.form.to_call().body["workspaceId"] == workspace["id"]


def test_a_union_shows_the_chosen_branch(explorer: Explorer) -> None:
    """The chooser sets the discriminator, shows that branch, and keeps what both branches know."""
    explorer.open("CreateDeployment")
    control(explorer, "name").value = "demo"
    choose(control(explorer, "type"), "HYBRID")
    press(explorer, "More:")
    assert control(explorer, "taskPodNodePoolId") is not None
    assert explorer.form is not None
    assert explorer.form.form.to_call().body == {"type": "HYBRID", "name": "demo"}


def test_rows_are_added_and_removed(explorer: Explorer) -> None:
    """An array of objects grows and shrinks by rows, each with its own fields."""
    explorer.open("CreateDeployment")
    press(explorer, "More:")
    press(explorer, "Add to environmentVariables")
    control(explorer, "key").value = "REGION"
    press(explorer, "Add to environmentVariables")
    assert explorer.form is not None
    body = explorer.form.form.to_call().body
    assert body["environmentVariables"] == [{"key": "REGION"}, {}]
    press(explorer, "Remove environmentVariables 2")
    press(explorer, "Remove environmentVariables 1")
    assert "environmentVariables" not in explorer.form.form.to_call().body


def test_a_choice_shows_what_it_needs(explorer: Explorer) -> None:
    """The rules of the overlay show and require fields as values change: a connection needs its connection."""
    explorer.open("CreateEnvironmentObject")
    choose(control(explorer, "objectType"), "CONNECTION")
    assert any("connection" in getattr(w, "description", "") for w in shown(explorer))
    choose(control(explorer, "objectType"), "AIRFLOW_VARIABLE")
    texts = [getattr(w, "description", "") for w in shown(explorer)]
    assert any("airflowVariable" in text and "required" in text for text in texts)
    assert not any("connection ·" in text for text in texts)


def test_what_a_rule_takes_away_is_not_sent_and_comes_back(explorer: Explorer) -> None:
    """A field that another choice hides is put aside; nothing else of the form is drawn anew."""
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


def test_a_secret_of_a_panel_waits_in_memory(explorer: Explorer) -> None:
    """A secret that is typed into a panel is in no synchronised trait, not even before its button is pressed."""
    panel = explorer.context_bar.variables
    panel.name.value = "door"
    panel.secret.value = "hunter2-hunter2"
    assert panel.secret.value == ""
    press(explorer, "Variables")
    press(explorer, "Set variable")
    assert isinstance(explorer.session.variables["door"], Secret)
    assert explorer.session.variables["door"].reveal() == "hunter2-hunter2"


def test_a_typed_secret_leaves_the_widget(explorer: Explorer) -> None:
    """A typed secret is cleared from its control at once; the call holds a template; the value is a session secret."""
    explorer.open("CreateEnvironmentObject")
    choose(control(explorer, "objectType"), "CONNECTION")
    for _ in range(3):
        folds = [w for w in shown(explorer) if isinstance(w, widgets.Button) and w.description.startswith("▸ ")]
        for fold in folds:
            if "connection" in fold.description:
                fold.click()
    field = control(explorer, "password")
    assert isinstance(field, widgets.Password)
    field.value = "hunter2-hunter2"
    assert field.value == ""
    assert explorer.form is not None
    assert explorer.form.form.to_call().body["connection"]["password"] == "{{password}}"
    assert isinstance(explorer.session.variables["password"], Secret)
    states = [str(w.get_state()) for w in walk(explorer.widget)]
    assert not any("hunter2" in state for state in states)


def test_form_and_json_stay_in_step(explorer: Explorer) -> None:
    """What is typed in the form appears in the JSON, what is typed as JSON in the form; bad JSON is told, not taken."""
    explorer.open("CreateWorkspace")
    explorer.details.view.value = "Body as JSON"
    control(explorer, "name").value = "Sales"
    assert '"name": "Sales"' in explorer.details.json.value
    explorer.details.json.value = '{"name": "Support", "description": "All of it"}'
    assert control(explorer, "name").value == "Support"
    explorer.details.json.value = "{oops"
    assert "not JSON" in explorer.status.widget.value
    assert explorer.form is not None
    assert explorer.form.form.to_call().body["name"] == "Support"


def test_views_show_request_and_code_without_secrets(explorer: Explorer) -> None:
    """The request and every snippet are shown complete, and the token is in none of them."""
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
def test_tabs_show_the_answer(explorer: Explorer, tab: str, part: str) -> None:
    """Each tab shows the answer from its side."""
    explorer.open("ListDeployments")
    send(explorer)
    explorer.response._tabs.value = tab
    assert explorer.status.last_error is None
    assert part in " ".join(str(w.value) for w in explorer.response._content.children)


def test_a_value_becomes_a_variable(explorer: Explorer) -> None:
    """A value picked from an answer is a variable then, named after the thing, with its source."""
    explorer.open("ListDeployments")
    send(explorer)
    explorer.response._tabs.value = "Save as variable"
    select = next(w for w in walk(explorer.response.widget) if isinstance(w, widgets.Select))
    select.value = "$.deployments[1].id"
    press(explorer, "Save as variable")
    variable = explorer.session.variables.all("deploymentId")[0]
    assert variable.value == explorer.session.exchanges[-1]["$.deployments[1].id"]
    assert "ListDeployments" in variable.source


def test_reopening_sends_nothing(explorer: Explorer) -> None:
    """An entry of the history refills form and answer, and no request goes out."""
    explorer.open("ListDeployments")
    press(explorer, "More:")
    control(explorer, "limit").value = "2"
    send(explorer)
    explorer.open("ListWorkspaces")
    sent = len(explorer.session.history)
    explorer.history.list.value = (explorer.history.list.options[0][1],)
    press(explorer, "Reopen")
    assert len(explorer.session.history) == sent
    assert explorer.form is not None
    assert explorer.form.form.to_call().parameters["limit"] == 2
    assert control(explorer, "limit").value == "2"


def test_two_entries_are_compared(explorer: Explorer) -> None:
    """Comparing two exchanges shows the lines in which request and answer differ."""
    one = explorer.session.call("ListDeployments", limit=1)
    two = explorer.session.call("ListDeployments", limit=2)
    drawn = compare_exchanges(one, two)
    assert "limit=1" in drawn
    assert "limit=2" in drawn


def test_cancel_ends_the_request(api: Workbench) -> None:
    """Cancel ends a slow request within a second, and the history says so."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=20)
    explorer = api.explore("ListDeployments")
    press(explorer, "Send")
    until(lambda: "anb-hidden" not in explorer.actions.cancel._dom_classes)
    time.sleep(0.3)
    began = time.monotonic()
    press(explorer, "Cancel")
    until(lambda: not explorer.actions.send.disabled)
    assert time.monotonic() - began < 2
    assert explorer.session.exchanges[-1].status_text == "cancelled"
    until(lambda: "cancelled" in explorer.status.widget.value)
    assert "Error" not in explorer.status.widget.value


def test_retries_are_told_as_they_happen(api: Workbench) -> None:
    """A 429 that is tried again is told with its number and the wait."""
    assert api.sandbox is not None
    api.sandbox.faults.add("rate_limit", times=1, retry_after=1)
    explorer = api.explore("ListDeployments")
    press(explorer, "Send")
    until(lambda: "429, attempt 2 of 10" in explorer.status.widget.value)
    until(lambda: not explorer.actions.send.disabled)
    assert explorer.session.exchanges[-1].status == 200


def test_production_asks_before_it_sends() -> None:
    """In production an unsafe method asks first, and is sent only after the answer; a safe one just goes."""
    api = connect(history=None)
    api.session.switch(
        Environment("live", base_url=api.environment.base_url, credentials=api.environment.credentials, production=True)
    )
    explorer = api.explore("CreateWorkspace")
    control(explorer, "name").value = "Sales"
    press(explorer, "Send")
    question = explorer.sending.confirmation
    until(lambda: "anb-hidden" not in question.widget._dom_classes)
    assert not explorer.session.exchanges
    assert "Sales" in text_of(explorer)
    question.name.value = "sales"
    press(explorer, "Create")
    until(lambda: "What was typed is not its name" in explorer.status.widget.value)
    assert not explorer.session.exchanges
    explorer.status.last_error = None
    question.name.value = "Sales"
    press(explorer, "Create")
    until(lambda: bool(explorer.session.exchanges))
    assert "anb-hidden" in question.widget._dom_classes
    assert explorer.session.exchanges[-1].status == 200
    explorer.open("ListWorkspaces")
    send(explorer)
    api.close()


def test_the_bar_tells_the_token_and_never_shows_it(explorer: Explorer) -> None:
    """Source, scope and expiry of the token stand in the bar; the token stands nowhere."""
    secret = explorer.session.credentials.token_secret()
    assert secret is not None
    text = text_of(explorer)
    assert "scope Organization" in text
    assert "expires in" in text
    assert secret.reveal() not in "".join(str(w.get_state()) for w in walk(explorer.widget))


def test_faults_are_armed_from_the_panel(explorer: Explorer) -> None:
    """The panel arms a fault of the sandbox, which the next request meets."""
    press(explorer, "Faults")
    assert explorer.context_bar.faults is not None
    explorer.context_bar.faults.kind.value = "html"
    press(explorer, "Enable")
    explorer.open("CreateWorkspace")
    control(explorer, "name").value = "Sales"
    send(explorer)
    assert explorer.session.exchanges[-1].status == 502
    assert "not repeated" in explorer.session.exchanges[-1].attempts[-1].decision


def test_variables_are_set_in_the_panel(explorer: Explorer) -> None:
    """The panel sets a variable of the session, typed, and a secret without showing it."""
    press(explorer, "Variables")
    panel = explorer.context_bar.variables
    panel.name.value, panel.value.value = "limit", "5"
    press(explorer, "Set variable")
    assert explorer.session.variables["limit"] == 5
    panel.name.value, panel.secret.value = "key", "hunter2-hunter2"
    press(explorer, "Set variable")
    assert isinstance(explorer.session.variables["key"], Secret)
    assert "hunter2" not in panel._table.value
    assert panel.secret.value == ""


def test_a_failing_callback_is_seen(explorer: Explorer) -> None:
    """What goes wrong in a callback stands in the status line, with what to do, and is kept as `last_error`."""
    explorer.status.report_errors(lambda: 1 / 0)()
    assert isinstance(explorer.status.last_error, ZeroDivisionError)
    assert "Error" in explorer.status.widget.value


def test_search_begins_with_the_operation_of_that_name(explorer: Explorer) -> None:
    """GetDeploymentOptions holds the words, too, and stands before it in the document."""
    explorer.operations.search.value = " getdeployment "
    names = [w.description for w in shown(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    assert names[0] == "GetDeployment"
    assert "GetDeploymentOptions" in names


def test_a_search_that_finds_the_same_is_not_drawn_again(explorer: Explorer) -> None:
    """The button that has the focus stays while the last letters arrive."""
    explorer.operations.search.value = "CreateWorkspac"
    (before,) = [w for w in shown(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    explorer.operations.search.value = "CreateWorkspace"
    assert [w for w in shown(explorer) if "anb-op" in getattr(w, "_dom_classes", ())] == [before]


def test_search_finds_by_field_name(explorer: Explorer) -> None:
    """The search looks into paths, tags and field names, and says when nothing is found."""
    explorer.operations.search.value = "hibernat"
    names = [w.description for w in shown(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    assert "UpdateDeploymentHibernationOverride" in names
    explorer.operations.search.value = "schedulerSize"
    names = [w.description for w in shown(explorer) if "anb-op" in getattr(w, "_dom_classes", ())]
    assert "CreateDeployment" in names
    explorer.operations.search.value = "zebra"
    assert "Nothing found" in text_of(explorer)


def test_untrusted_text_is_escaped(explorer: Explorer) -> None:
    """Markup in an answer is drawn as text."""
    evil = "<img src=x onerror=alert(1)>"
    explorer.open("CreateWorkspace")
    control(explorer, "name").value = evil
    send(explorer)
    assert explorer.session.exchanges[-1]["$.name"] == evil
    assert "<img" not in text_of(explorer)
    assert "&lt;img" in text_of(explorer)


def test_it_shows_without_a_front_end(explorer: Explorer) -> None:
    """The explorer has a plain text and a static HTML form beside its widget."""
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == "<Explorer of Astro API>"
    assert "75 operations" in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_large_tag_draws_its_first_operations_and_the_others_at_a_press() -> None:
    """A hundred buttons take the browser a second: they come when they are wanted."""
    paths = {f"/a{n}": {"get": {"operationId": f"op{n}", "tags": ["all"], "responses": {}}} for n in range(150)}
    api = connect(
        spec={"openapi": "3.1.0", "info": {"title": "Many"}, "paths": paths},
        base_url="http://localhost:9",
        history=None,
    )
    explorer = api.explore()
    press(explorer, "all (150)")
    listed = [w.description for w in shown(explorer) if getattr(w, "description", "").startswith("op")]
    assert listed == [f"op{n}" for n in range(60)]
    press(explorer, "Show 90 more")
    listed = [w.description for w in shown(explorer) if getattr(w, "description", "").startswith("op")]
    assert listed == [f"op{n}" for n in range(150)]
    press(explorer, "op149")
    assert explorer.form is not None
    assert explorer.form.form.operation.id == "op149"
    api.close()


@pytest.mark.parametrize(
    ("operation", "first", "later"), [("CreateWorkspace", "name", "description"), ("CreateTeam", "name", "description")]
)
def test_what_is_required_stands_first_when_all_is_filled(
    operation: str, first: str, later: str, explorer: Explorer
) -> None:
    """Filling sets optional fields too: they stand below the required ones, with rules between them and without."""
    explorer.open(operation)
    press(explorer, "Fill with example")
    drawn = shown(explorer)
    assert drawn.index(control(explorer, first)) < drawn.index(control(explorer, later))


def test_cancel_reaches_what_a_call_refers_to(api: Workbench) -> None:
    """A reference that has to ask first is cancelled like the call itself: nothing more is sent."""
    assert api.sandbox is not None
    explorer = api.explore("GetWorkspace")
    control(explorer, "workspaceId").value = "{{responses.ListWorkspaces.workspaces[0].id}}"
    api.sandbox.faults.add("latency", seconds=20)
    press(explorer, "Send")
    time.sleep(0.4)
    press(explorer, "Cancel")
    until(lambda: explorer.status.last_error is not None)
    assert [e.failure.kind if e.failure else "" for e in explorer.session.history] == ["cancelled"]
    explorer.status.last_error = None

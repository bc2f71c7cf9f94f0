"""Every operation is a function with a real name, a real signature and a real docstring."""

from __future__ import annotations

import inspect
import pydoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

import astro_nb as anb
from astro_nb.call import UNSET
from astro_nb.exchange import Exchange
from astro_nb.openapi import Spec, load
from astro_nb.schema import describe_operation, operation_html, snake_case
from astro_nb.workbench.workbench import Operations, make_operations

SPEC = load()


def nowhere(operation: str, **arguments: Any) -> Exchange:
    """What a function that is only looked at would call."""
    raise AssertionError(f"{operation} was called with {arguments}")


OPS = make_operations(SPEC, nowhere)


def small(*paths: tuple[str, str, dict[str, Any]]) -> Spec:
    """A document of these operations: method, path, and the operation itself."""
    found: dict[str, Any] = {}
    for method, path, operation in paths:
        found.setdefault(path, {})[method] = {"responses": {}, **operation}
    return load({"openapi": "3.1.0", "info": {"title": "Small", "version": "1"}, "paths": found})


@pytest.mark.parametrize("operation", list(SPEC), ids=lambda operation: operation.id)
def test_every_operation_of_astro_is_a_function(operation: Any) -> None:
    """Each has its attribute, its signature with required arguments first, its docstring and its table."""
    (function,) = [f for f in OPS if f.operation is operation]
    assert getattr(OPS, function.__name__) is function
    assert function.__name__.isidentifier()
    signature = inspect.signature(function)
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in signature.parameters.values())
    needed = [p.default is inspect.Parameter.empty for p in signature.parameters.values()]
    assert needed == sorted(needed, reverse=True)
    assert {p.key for p in operation.parameters if p.required} <= set(signature.parameters)
    assert ("body" in signature.parameters) is (operation.body is not None)
    doc = inspect.getdoc(function) or ""
    assert f"{operation.method} {operation.path}" in doc
    assert all(name in doc for name in signature.parameters if name != "body")
    assert all(permission in doc for permission in operation.permissions)
    bundle = function._repr_mimebundle_()
    assert operation.id in bundle["text/html"]
    assert bundle["text/plain"] == describe_operation(operation)


def test_a_function_is_a_call(api: anb.Workbench) -> None:
    """`api.ops.list_deployments(limit=…)` and `api.call("ListDeployments", limit=…)` make the same call."""
    one, two = api.ops.list_deployments(limit=3), api.call("ListDeployments", limit=3)
    assert one.call == two.call
    assert one.json() == two.json()
    made = api.ops.create_workspace(body={"name": "whole"})
    assert made["$.name"] == "whole"


def test_a_misspelled_argument_raises(api: anb.Workbench) -> None:
    """The error has the nearest valid name, as in `api.call`."""
    with pytest.raises(anb.AstroNbError, match="limit"):
        api.ops.list_deployments(limmit=3)


def test_tags_have_their_operations() -> None:
    """Every operation is also an attribute of each of its tags, and the same function there."""
    for operation in SPEC:
        for tag in operation.tags:
            tagged = getattr(OPS, snake_case(tag))
            assert operation in [function.operation for function in tagged]
    assert OPS.deployment.list_deployments is OPS.list_deployments
    assert len(OPS) == 75
    assert repr(OPS) == "<Astro API: 75 operations>"
    assert repr(OPS.deployment).startswith("<Deployment: ")


def test_an_enum_is_a_literal() -> None:
    """Choices are annotated with their values, so that completion offers them; other kinds with their types."""
    parameters = inspect.signature(OPS.create_deployment).parameters
    assert get_origin(parameters["executor"].annotation) is Literal
    assert "CELERY" in get_args(parameters["executor"].annotation)
    assert parameters["isHighAvailability"].annotation is bool
    assert parameters["description"].annotation is str
    assert parameters["description"].default is UNSET


@pytest.mark.parametrize("jedi", [False, True])
def test_completion_offers_operations_and_arguments(jedi: bool, api: anb.Workbench) -> None:
    """IPython completes operations, tags and arguments, with jedi and without."""
    from IPython.core.completer import IPCompleter, provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    completer = IPCompleter(shell=InteractiveShell(), namespace={"api": api}, use_jedi=jedi)

    def offered(text: str) -> set[str]:
        with provisionalcompleter():
            return {c.text.rpartition(".")[2] for c in completer.completions(text, len(text))}

    assert {"list_deployments", "list_deploys"} <= offered("api.ops.list_dep")
    assert "deployment" in offered("api.ops.deploym")
    assert "workspaceIds=" in offered("api.ops.list_deployments(worksp")
    assert "history" in offered("api.hist")


def test_help_reads_well() -> None:
    """`help(api.ops.…)` shows the document's description and the arguments, and no internals."""
    text = pydoc.plain(pydoc.render_doc(OPS.create_deployment))
    assert "executor" in text
    assert "POST /organizations/{organizationId}/deployments" in text
    assert "__init__" not in text


def test_dir_lists_only_operations_and_tags() -> None:
    """The list of attributes has only operations and tags."""
    listed = dir(OPS)
    assert listed == sorted(listed)
    assert set(listed) == {f.__name__ for f in OPS} | {snake_case(tag) for tag in SPEC.tags}


def test_names_that_are_equal_in_snake_case_are_numbered() -> None:
    """Both operations can be reached; an operation takes precedence over a tag."""
    spec = small(
        ("get", "/a", {"operationId": "listPets", "tags": ["pets"]}),
        ("get", "/b", {"operationId": "list_pets", "tags": ["list-pets"]}),
        ("get", "/c", {"operationId": "pets", "tags": ["x"]}),
    )
    ops = make_operations(spec, nowhere)
    assert {f.operation.id for f in ops} == {"listPets", "list_pets", "pets"}
    assert ops.list_pets.operation.id == "list_pets"
    reached = [value for name in dir(ops) if not isinstance(value := getattr(ops, name), Operations)]
    assert len(reached) == len(ops) == 3
    assert ops.pets.operation.id == "pets"


@pytest.mark.parametrize("name", ["_functions", "_title", "__class__", "import", "2fa", "größe", "a b/c", "self", "-"])
def test_any_id_gives_a_valid_name(name: str) -> None:
    """Keywords, digits, spaces, names of our own attributes: each operation is a valid Python attribute."""
    spec = small(("get", "/a", {"operationId": name}), ("get", "/b", {"operationId": "other"}))
    ops = make_operations(spec, nowhere)
    (function,) = [f for f in ops if f.operation.path == "/a"]
    assert getattr(ops, function.__name__) is function
    compile(f"api.ops.{function.__name__}()", "cell", "eval")
    assert len(ops) == 2
    assert repr(ops) == "<Small: 2 operations>"


def test_arguments_may_have_any_name() -> None:
    """Parameters named like Python keywords, or like our own arguments, can be passed and are completed."""
    names = ["from", "class", "self", "operation", "body", "x-y", "limit"]
    parameters = [{"in": "query", "name": n, "schema": {"type": "string"}} for n in names]
    got: list[tuple[str, dict[str, Any]]] = []
    spec = small(("get", "/a", {"operationId": "find", "parameters": parameters}))

    def caller(operation: str, /, **arguments: Any) -> Any:
        got.append((operation, arguments))

    ops = make_operations(spec, caller)
    signature = inspect.signature(ops.find)
    assert {"self", "operation", "limit"} <= set(signature.parameters)
    ops.find(**{"self": "a", "operation": "b", "x-y": "c"})
    assert got == [("find", {"self": "a", "operation": "b", "x-y": "c"})]


def test_text_of_the_document_is_escaped() -> None:
    """Markup in a document's text is displayed, never interpreted."""
    bad = "<script>alert(1)</script>"
    parameter = {"in": "query", "name": "q", "description": bad, "schema": {"enum": [bad]}}
    spec = small(("get", "/a", {"operationId": "x", "summary": bad, "description": bad, "parameters": [parameter]}))
    drawn = str(operation_html(spec.operation("x"))) + make_operations(spec, nowhere)._repr_mimebundle_()["text/html"]
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


@pytest.mark.parametrize(
    "name", ["airflow2.yaml", "airflow3.yaml", "petstore3.yaml", "oai31-tictactoe.yaml", "github.json"]
)
def test_other_documents_have_functions_too(name: str, shared: Path) -> None:
    """Each operation of other documents has a function with a signature and a description."""
    spec = load(shared / "specs" / name)
    ops = make_operations(spec, nowhere)
    assert len(ops) == len(spec)
    for function in list(ops)[:300]:
        assert inspect.signature(function) is not None
        assert function.operation.path in (function.__doc__ or "")

"""The audit: its counts are right, each problem has its cause, and nothing raises."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from astro_nb.audit import Audit, audit_document
from astro_nb.cli.program import app
from astro_nb.errors import SettingsError
from astro_nb.forms import Form
from astro_nb.yaml import load_yaml

INFO = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}}
OK = {"200": {"description": "Fine."}}


def document(**operations: Any) -> dict[str, Any]:
    """A document of POST operations, each with a JSON body of that schema; None for no body."""
    paths = {}
    for name, schema in operations.items():
        body = {} if schema is None else {"requestBody": {"content": {"application/json": {"schema": schema}}}}
        paths[f"/{name}"] = {"post": {"operationId": name, "responses": OK, **body}}
    return {**INFO, "paths": paths}


def counts(found: Audit) -> tuple[int, ...]:
    return found.operations, found.bodies, found.built, found.valid, found.forms, found.requests


def test_what_works_is_counted() -> None:
    found = audit_document(
        document(a={"type": "object", "required": ["n"], "properties": {"n": {"minimum": 7}}}, b=None)
    )
    assert (found.loaded, found.error, found.problems, found.warnings) == (True, "", (), 0)
    assert counts(found) == (2, 1, 1, 1, 2, 2)
    assert found.seconds > 0


def test_a_contradictory_schema_is_a_problem_of_the_document() -> None:
    """An enum of strings with `type: integer`: no value is valid."""
    found = audit_document(
        document(a={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "enum": ["0 no"]}}})
    )
    assert counts(found) == (1, 1, 1, 0, 1, 0)
    (problem,) = found.problems
    assert (problem.operation, problem.part, problem.cause) == ("a", "example of application/json", "document")
    assert "$.n" in problem.reason
    assert "it is not of its type integer" in problem.reason


def test_overlapping_alternatives_are_a_problem_of_the_document() -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}}}
    spec = document(x={"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]})
    found = audit_document({**spec, "components": {"schemas": {"A": one, "B": one}}})
    assert [problem.cause for problem in found.problems] == ["document"]
    assert "no discriminator" in found.problems[0].reason


def test_an_example_that_was_not_found_is_a_problem_of_astro_nb() -> None:
    """A pattern with look-ahead: no sample is generated for it yet."""
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"pattern": "^(?=.*q.*z)[a-z]{3}$"}}}
    found = audit_document(document(a=schema))
    assert (found.built, found.valid) == (1, 0)
    assert [problem.cause for problem in found.problems] == ["astro_nb"]


def test_every_kind_of_invalid_request_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of each operation is validated: with samples that are empty, every body that needs a field fails.

    This is the control of the tests that expect no problem: they would pass, too, if no example were checked.
    """
    monkeypatch.setattr(Form, "fill", lambda self, full=False: self)
    needs_a_field = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    found = audit_document(document(a=needs_a_field, b=needs_a_field, c=None))
    assert [problem.operation for problem in found.problems] == ["a", "b"]
    assert {problem.part for problem in found.problems} == {"example of application/json"}
    bundled_problems = audit_document("astro-v1").problems
    assert len({problem.operation for problem in bundled_problems}) > 20


def test_every_media_type_of_a_body_counts() -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "enum": ["no"]}}}
    content = {"application/json": {"schema": {}}, "multipart/form-data": {"schema": schema}}
    paths = {"/a": {"post": {"operationId": "a", "responses": OK, "requestBody": {"content": content}}}}
    found = audit_document({**INFO, "paths": paths})
    assert (found.bodies, found.built, found.valid) == (1, 1, 0)
    assert found.problems[0].part == "example of multipart/form-data"


def test_a_document_that_cannot_be_loaded_is_reported_not_raised(tmp_path: Path) -> None:
    found = audit_document(tmp_path / "none.yaml")
    assert not found.loaded
    assert "no document" in found.error
    assert counts(found) == (0,) * 6


def test_a_dangling_reference_affects_only_its_operation() -> None:
    spec = document(a=None, b=None)
    spec["paths"]["/a"]["post"]["requestBody"] = {"$ref": "#/components/requestBodies/Gone"}
    found = audit_document(spec)
    assert found.loaded
    assert found.operations == 2
    assert found.requests == 1
    assert {problem.operation for problem in found.problems} == {"a"}
    assert {problem.cause for problem in found.problems} == {"document"}


def test_the_bundled_document_has_no_problems() -> None:
    found = audit_document("astro-v1")
    assert counts(found) == (75, 30, 30, 30, 75, 75), found.problems


def test_real_documents_work(shared: Path) -> None:
    """Real documents: all load, all forms are built, and what remains is not our fault."""
    paths = [*(shared / "specs").iterdir(), *(shared / "fixtures" / "real-specs" / "valid").iterdir()]
    found = [audit_document(path) for path in sorted(paths) if path.name != "github.json"]
    assert [entry.document for entry in found if not entry.loaded] == []
    bodies = sum(entry.bodies for entry in found)
    assert sum(entry.built for entry in found) == bodies > 900
    assert sum(entry.valid for entry in found) >= 0.99 * bodies
    ours = [(entry.document, problem) for entry in found for problem in entry.problems if problem.cause == "astro_nb"]
    assert ours == []


def test_the_command_prints_a_row_for_each_document_and_the_problems(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document(a={"type": "object", "properties": {}}, b={"type": "integer", "enum": ["x"]})))
    bad.write_text("<html>")
    out = tmp_path / "results.json"
    result = CliRunner().invoke(app, ["audit", str(good), str(bad), "--json", str(out)])
    assert result.exit_code == 0, result.output
    rows = result.output.splitlines()
    assert rows[0].split() == [
        "document",
        "operations",
        "bodies",
        "forms",
        "built",
        "samples",
        "valid",
        "warnings",
        "seconds",
    ]
    assert rows[1].split()[:8] == ["good.json", "2", "2", "2", "(100", "%)", "1", "(50"]
    assert rows[2].startswith("bad.json")
    assert "not loaded" in rows[2]
    assert rows[3].startswith("1 of 2 documents loaded")
    assert "b · example of application/json · in the document" in result.output
    results = json.loads(out.read_text())
    wanted = ("document", "loaded", "error", "operations", "bodies", "built", "valid", "warnings", "seconds")
    assert [[type(entry[name]) for name in wanted] for entry in results] == [[str, bool, str, *[int] * 5, float]] * 2
    assert [entry["loaded"] for entry in results] == [True, False]


@pytest.mark.parametrize(("source", "code"), [("astro-v1", 0), ("nowhere.yaml", 1)])
def test_the_command_fails_if_nothing_could_be_loaded(source: str, code: int) -> None:
    result = CliRunner().invoke(app, ["audit", source, "--json", "-"])
    assert result.exit_code == code
    assert json.loads(result.stdout)[0]["loaded"] is (code == 0)


# --- anything, anywhere -----------------------------------------------------------------------------------------------

RICH = load_yaml("""
openapi: 3.1.0
info: {title: T, version: '1'}
servers:
- url: https://{h}.example/{v}
  variables:
    h:
      default: a
      enum: [a, b]
    v: {default: '1'}
security:
- K: []
- B: []
  O: [r]
components:
  securitySchemes:
    K: {type: apiKey, in: cookie, name: k}
    B: {type: http, scheme: basic}
    O:
      type: oauth2
      flows:
        clientCredentials:
          tokenUrl: /t
          scopes: {r: read}
  schemas:
    Cat:
      type: object
      required: [kind]
      properties:
        kind: {type: string}
        n:
          type: [integer, 'null']
          minimum: 1
    Dog:
      allOf:
      - {$ref: '#/components/schemas/Cat'}
      - properties:
          tags:
            type: array
            items:
              enum: [a, 1, null]
            uniqueItems: true
    Pet:
      oneOf:
      - {$ref: '#/components/schemas/Cat'}
      - {$ref: '#/components/schemas/Dog'}
      discriminator:
        propertyName: kind
        mapping: {c: Cat}
  responses:
    R:
      description: r
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Pet'}
paths:
  /a/{id}:
    parameters:
    - name: id
      in: path
      required: true
      style: matrix
      schema:
        type: array
        items: {type: integer}
    post:
      operationId: p
      tags: [t]
      parameters:
      - name: q
        in: query
        required: true
        style: deepObject
        explode: true
        schema:
          type: object
          properties:
            x: {type: string, pattern: ^a+$}
          required: [x]
      - name: H
        in: header
        required: true
        content:
          application/json:
            schema:
              const: {a: 1}
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Pet'}
            example: {kind: c}
          multipart/form-data:
            schema:
              type: object
              properties:
                f: {type: string, format: binary}
                o:
                  type: object
                  additionalProperties: {type: number}
            encoding:
              o:
                contentType: application/json
                headers:
                  X-A:
                    schema: {const: v}
          application/xml:
            schema:
              type: object
              xml: {name: n, prefix: p, namespace: 'urn:n'}
              properties:
                a:
                  type: string
                  xml: {attribute: true}
      responses:
        '200': {$ref: '#/components/responses/R'}
        default: {description: d}
""")
ODD = st.sampled_from(
    [
        None,
        True,
        5,
        -1.5,
        "",
        "x",
        "{x}",
        "{",
        "\ud800",
        "#/x",
        [],
        [None],
        ["x"],
        {},
        {"": {}},
        {"x": None},
        {"$ref": "#"},
        {"$ref": 5},
        {"$ref": "#/components/schemas/No"},
        {"type": []},
        {"type": "x"},
        {"enum": []},
        {"oneOf": []},
        {"allOf": [{}]},
        {"const": None},
        {"not": {}},
        {"items": {"$ref": "#/components/schemas/Pet"}},
        10**30,
    ]
)


def slots(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: its container and its key."""
    for key, inner in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(inner, dict | list):
            yield from slots(inner)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 10**6), ODD), min_size=1, max_size=3))
def test_odd_values_anywhere_are_measured_or_reported(changes: list[tuple[int, Any]]) -> None:
    """A document with odd values at any place is measured, or its error is reported; nothing is raised."""
    changed = copy.deepcopy(RICH)
    for place, odd in changes:
        places = list(slots(changed))
        holder, key = places[place % len(places)]
        holder[key] = copy.deepcopy(odd)
        if not changed:
            break
    found = audit_document(changed)
    assert found.loaded or found.error


@pytest.mark.parametrize("command", ["audit", "scan"])
def test_results_that_cannot_be_written_are_an_error(command: str, tmp_path: Path) -> None:
    """A file where a folder should be: one sentence, no traceback."""
    good = tmp_path / "good.json"
    good.write_text(json.dumps(document(a=None)))
    result = CliRunner().invoke(app, [command, str(good), "--json", str(good / "results.json")])
    assert isinstance(result.exception, SettingsError)
    assert "cannot be written" in str(result.exception)


# --- the side at fault ------------------------------------------------------------------------------------------------


def required_a(schema: Any) -> dict[str, Any]:
    return {"type": "object", "required": ["a"], "properties": {"a": schema}}


TEXT = {"type": "string"}
ENDLESS = {"type": "object", "required": ["child"], "properties": {"child": {"$ref": "#/components/schemas/Endless"}}}
FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "types integer and string at once"),
        (required_a({"allOf": [{"enum": [1]}, {"enum": [2]}]}), "no value is in all lists"),
        (required_a({"type": "string", "minLength": 5, "maxLength": 2}), "minLength of 5"),
        ({"type": "array", "items": TEXT, "minItems": 3, "maxItems": 1}, "minItems of 3"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "requires a and does not allow it"),
        (required_a(False), "requires a and does not allow it"),
        ({"$ref": "#/components/schemas/Endless"}, "requires itself"),
        (
            {"allOf": [{"additionalProperties": False}, {"properties": {"a": {**TEXT, "example": "x"}}}]},
            "in another part of allOf",
        ),
        ({"oneOf": [{"properties": {"a": TEXT}}, {"properties": {"b": TEXT}}]}, "no discriminator"),
        (required_a({"type": "integer", "enum": ["x"]}), "not of its type"),
        (required_a({"type": "string", "pattern": "^{a}$"}), "cannot be read"),
    ],
)  # fmt: skip
def test_what_no_value_can_match_is_a_fault_of_the_document(schema: Any, reason: str) -> None:
    found = audit_document({**document(a=schema), "components": {"schemas": {"Endless": ENDLESS}}})
    assert found.problems
    assert {problem.cause for problem in found.problems} == {"document"}
    assert reason in " ".join(problem.reason for problem in found.problems)


def test_a_warning_elsewhere_does_not_make_the_document_guilty() -> None:
    """A pattern for which no sample is found stays a problem of astro_nb, although the operation has a warning."""
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"pattern": "^(?=.*q.*z)[a-z]{3}$"}}}
    spec = document(a=schema)
    spec["paths"]["/a"]["post"]["responses"] = {"2000": {"description": "Odd."}}
    found = audit_document(spec)
    assert [(problem.part, problem.cause) for problem in found.problems] == [
        ("document", "document"), ("example of application/json", "astro_nb"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("media", "schema", "reason"),
    [
        (FORM_TYPE, {"type": "array", "items": TEXT}, "names and values"),
        (FORM_TYPE, {"required": ["f"], "properties": {"f": {**TEXT, "format": "binary"}}}, "multipart"),
        ("multipart/form-data", {"type": "integer"}, "names and values"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_written_is_a_fault_of_the_document(media: str, schema: Any, reason: str) -> None:
    spec = document(a=None)
    spec["paths"]["/a"]["post"]["requestBody"] = {"content": {media: {"schema": schema}}}
    found = audit_document(spec)
    assert [problem.cause for problem in found.problems] == ["document"]
    assert reason in found.problems[0].reason


def test_what_a_document_raises_ends_only_its_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen exception is a result: it is reported at its operation, as a problem of astro_nb."""

    def fail(self: Form, full: bool = False) -> None:
        if self.operation.id == "a":
            raise ZeroDivisionError("as nobody foresaw")

    monkeypatch.setattr(Form, "fill", fail)
    found = audit_document(document(a=None, b=None))
    assert [(problem.operation, problem.cause) for problem in found.problems] == [("a", "astro_nb")]
    assert "ZeroDivisionError" in found.problems[0].reason


@pytest.mark.parametrize("type_", [None, [], {}, 5, "null", ["null"], [None], "file", "strings"])
@pytest.mark.parametrize("place", ["schema", "parameter", "response", "items"])
def test_an_odd_type_in_swagger_2_ends_nothing(type_: Any, place: str) -> None:
    """`type: null` in a Swagger 2.0 document, and its relatives."""
    odd = {"type": type_}
    places = {
        "schema": {"parameters": [{"in": "body", "name": "b", "schema": {"type": "object", "properties": {"x": odd}}}]},
        "parameter": {"parameters": [{"in": "query", "name": "q", **odd}, {"in": "formData", "name": "f", **odd}]},
        "response": {"responses": {"200": {"description": "", "schema": odd, "headers": {"X": odd}}}},
        "items": {"parameters": [{"in": "query", "name": "q", "type": "array", "items": odd}]},
    }
    paths = {"/a": {"post": {"operationId": "a", "responses": OK, **places[place]}}}
    found = audit_document({"swagger": "2.0", "info": {"title": "T", "version": "1"}, "paths": paths})
    assert (found.loaded, found.operations) == (True, 1)
    assert [p for p in found.problems if p.cause == "astro_nb"] == []


ODDITIES = (None, [], {}, 0, True, "x", [None], {"a": None}, {"$ref": "#"}, {"$ref": None}, {1: 2}, {None: 1}, 10**30)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_real_documents_are_audited_to_the_end(shared: Path, data: st.DataObject) -> None:
    """Parts replaced by null, lists, numbers as keys and references to themselves."""
    valid = sorted((shared / "fixtures" / "real-specs" / "valid").iterdir())
    small = [path for path in valid if path.stat().st_size < 20_000]
    spec = load_yaml(data.draw(st.sampled_from(small)).read_bytes())
    spec["paths"] = {key: spec["paths"][key] for key in sorted(spec.get("paths") or {})[:3]}
    for _ in range(data.draw(st.integers(1, 3))):
        node, location = spec, []
        while isinstance(node, dict | list) and node and (len(location) < 2 or data.draw(st.booleans())):
            step = data.draw(st.sampled_from(sorted(node, key=str) if isinstance(node, dict) else range(len(node))))
            parent, node = node, node[step]
            location.append(step)
        own = "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in location)
        if location and location[0] not in ("openapi", "swagger"):
            parent[location[-1]] = data.draw(st.sampled_from([*ODDITIES, {"$ref": own}]))
    found = audit_document(spec)
    assert [p.reason for p in found.problems if "Error: " in p.reason and p.cause == "astro_nb"] == []

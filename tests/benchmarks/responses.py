"""Rows about a response of 1 MB that is checked against its schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from astro_nb.contract import check_response
from astro_nb.contract.slices import slice_document
from astro_nb.messages import Response
from astro_nb.openapi import Operation, load
from astro_nb.schema import make_sample, response_field
from astro_nb.schema.validation import Translation

from .peers import github_document
from .processes import medians, seconds_of
from .registry import Figures, row

OPERATION = "repos/list-for-org"
MEDIA = "application/json"
SIZE = 1_000_000

Judge = Callable[[], bool]
"""Parses and checks the bytes of a response; returns whether they match the schema."""


@row
def response_check() -> Figures:
    """A list of GitHub's repositories, 1 MB, parsed and checked as every response is, with a compiled validator."""
    operation = load(github_document()).operation(OPERATION)
    body, faulty = _bodies(operation)
    judges: dict[str, Judge] = {
        "ours": lambda: not check_response(operation, _response(body)),
        "jsonschema, formats": _jsonschema(operation, body),
        "openapi-core, validate_response": _openapi_core(operation, body),
        "ours, a fault in every item": lambda: len(check_response(operation, _response(faulty))) > 1,
        "ours, parsing alone": lambda: bool(_response(body).json()),
        "orjson.loads": lambda: bool(orjson.loads(body)),
    }
    assert all(judge() for judge in judges.values())
    found = medians({name: partial(seconds_of, judge) for name, judge in judges.items()}, 9)
    ours, reference = found.pop("ours"), found.pop("jsonschema, formats")
    return Figures(ours, 0.01, "ours", reference, "jsonschema, formats", beside=found)


def _bodies(operation: Operation) -> tuple[bytes, bytes]:
    """Return a list that matches the schema, and one whose every item breaks it; the items differ."""
    field = response_field(operation, 200, MEDIA)
    entry = field.item_at(0) if field else None
    assert entry is not None
    one = make_sample(entry, full=True)
    count = SIZE // len(orjson.dumps(one)) + 1
    entries = [{**one, "id": number, "name": f"{one['name']}-{number}"} for number in range(count)]
    return orjson.dumps(entries), orjson.dumps([{**entry, "id": "none"} for entry in entries])


def _response(body: bytes) -> Response:
    return Response(200, (("Content-Type", MEDIA),), body)


def _jsonschema(operation: Operation, body: bytes) -> Judge:
    """Check by jsonschema, with the same schema including its references."""
    import jsonschema

    declared = operation.response(200)
    assert declared is not None
    schema: Any = Translation(operation.spec, "response", lambda pattern: True).translate(declared.schema(MEDIA))
    draft = jsonschema.Draft202012Validator
    validator = draft(schema, format_checker=draft.FORMAT_CHECKER)
    return lambda: validator.is_valid(orjson.loads(body))


def _openapi_core(operation: Operation, body: bytes) -> Judge:
    """Check by openapi-core, with a document of this one operation: the whole document takes no less time."""
    import openapi_core
    from openapi_core.testing import MockRequest, MockResponse

    core = openapi_core.OpenAPI.from_dict(
        slice_document(operation, "response")[0], config=openapi_core.Config(spec_validator_cls=None)
    )
    request = MockRequest("http://localhost", "get", operation.path.replace("{org}", "octocat"))
    return lambda: not list(core.iter_response_errors(request, MockResponse(body, content_type=MEDIA)))

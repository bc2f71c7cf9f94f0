"""Small OpenAPI documents for tests: an operation, or the field of its body, from a schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from astro_nb.openapi import Operation, Spec, load
from astro_nb.schema import Field, body_field

SHARED = Path(__file__).resolve().parents[3] / "shared"
"""The folder of documents beside the repository."""


def make_operation(
    schema: Any,
    parameters: Iterable[Any] = (),
    *,
    version: str = "3.1.0",
    media_type: str = "application/json",
    media: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    required: bool = False,
    **schemas: Any,
) -> Operation:
    """Return an operation whose body, and whose response with status 200, has this schema.

    Args:
        schema: the schema; None for an operation without a body.
        parameters: its parameters.
        version: the version of OpenAPI.
        media_type: the media type of the schema.
        media: what else the media type declares, such as an example.
        content: further media types.
        required: whether the body is required.
        schemas: the schemas of the components by name.
    """
    post: dict[str, Any] = {"operationId": "x", "parameters": list(parameters)}
    post["responses"] = {"204": {"description": ""}}
    if schema is not None:
        declared = {media_type: {"schema": schema, **(media or {})}, **(content or {})}
        post["requestBody"] = {"required": required, "content": declared}
        post["responses"]["200"] = {"description": "", "content": declared}
    return next(iter(make_document({"/x": {"post": post}}, version, schemas=schemas)))


def make_document(paths: Mapping[str, Any], version: str = "3.1.0", **components: Any) -> Spec:
    """Return a document with these paths and components."""
    info = {"title": "Test", "version": "1"}
    return Spec({"openapi": version, "info": info, "components": components, "paths": dict(paths)})


def make_field(schema: Any, **options: Any) -> Field:
    """Return the field of a body with this schema; `options` as for `make_operation`."""
    field = body_field(make_operation(schema, **options))
    assert field is not None
    return field


def object_schema(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """Return the schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


@lru_cache
def load_shared(name: str) -> Spec:
    """Return a bundled document, or one of those beside the repository; skip the test if it does not exist."""
    path = SHARED / "specs" / f"{name}.yaml"
    if name != "astro-v1" and not path.is_file():
        pytest.skip(f"{path} does not exist: it is not part of the repository")
    return load(name if name == "astro-v1" else path)

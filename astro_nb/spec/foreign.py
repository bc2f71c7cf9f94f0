"""What a text that is no OpenAPI document seems to be instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Kind = tuple[str, str]
"""What it seems to be, and what to do about it."""

_ITSELF = "Give the address of the document itself, often `/openapi.json`; a browser's page source may name it."

_TEXTS: tuple[tuple[str, Kind], ...] = (
    (r"<!doctype html|<html|<head|<body", ("a web page", _ITSELF)),
    (r"<\?xml|<[a-z:]*(definitions|description|application|schema)\b", ("XML", "A WSDL or WADL has to be converted.")),
    (r"#%raml", ("RAML", "Convert it to OpenAPI first.")),
    (r"format:\s*1a", ("an API Blueprint", "Convert it to OpenAPI first.")),
    (r"%pdf", ("a PDF", "Give the document itself.")),
    (r"pk\x03\x04|\x1f\ufffd", ("a compressed file", "Unpack it first.")),
    (r"(extend\s+)?(type|schema|interface|enum|scalar|directive)\s+[@\w]*\s*[\w:]*\s*\{", (
        "a GraphQL schema", "astro_nb reads OpenAPI only.",
    )),
)  # fmt: skip
"""How texts of other kinds begin, in any case."""


def _postman(found: Mapping[str, Any]) -> bool:
    info = found.get("info") or found.get("collection")
    return isinstance(info, Mapping) and ("_postman_id" in info or "getpostman" in str(info.get("schema")))


def _json_schema(found: Mapping[str, Any]) -> bool:
    told = "json-schema.org" in str(found.get("$schema"))
    return told or ("properties" in found and "type" in found) or ("$defs" in found and "paths" not in found)


def _har(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("log"), Mapping) and "entries" in found["log"]


_MAPPINGS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Kind], ...] = (
    (_postman, ("a Postman collection", "Export the API as OpenAPI, or convert the collection first.")),
    (lambda found: "_type" in found and "resources" in found, ("an Insomnia export", "Export it as OpenAPI.")),
    (lambda found: "asyncapi" in found, ("an AsyncAPI document", "astro_nb reads OpenAPI only.")),
    (lambda found: "arazzo" in found, ("an Arazzo document", "Give the OpenAPI document that it describes.")),
    (lambda found: "overlay" in found, ("an overlay", "Give it as `overlay`, beside the document that it extends.")),
    (_har, ("a HAR file", "It records requests; give the document of the API.")),
    (lambda found: "swaggerVersion" in found, ("a Swagger 1 document", "Convert it to OpenAPI first.")),
    (lambda found: "discovery" in str(found.get("kind")), ("a Google discovery document", "Convert it to OpenAPI.")),
    (lambda found: "__schema" in str(found.get("data"))[:100], ("a GraphQL schema", "astro_nb reads OpenAPI only.")),
    (_json_schema, ("a JSON Schema", "Give the OpenAPI document that uses it.")),
)


def seems(data: bytes) -> Kind | None:
    """What a text seems to be by its beginning; None where that is not known."""
    begin = data[:2000].decode("utf-8", "replace").lstrip("\ufeff \t\r\n").lower()
    begin = re.sub(r"\A(<!--.{0,1500}?-->\s*)+", "", begin, flags=re.DOTALL)
    return next((kind for pattern, kind in _TEXTS if re.match(pattern, begin)), None)


def seems_to_be(found: Mapping[str, Any]) -> Kind | None:
    """What a mapping without an `openapi` field seems to be; None where that is not known."""
    return next((kind for fits, kind in _MAPPINGS if fits(found)), None)

"""Parameters and bodies of Swagger 2.0 as OpenAPI 3.0 says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .upgrade_schemas import BINARY, inline_schema, is_array, schema_of

JSON = "application/json"
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
Raw = Mapping[str, Any]

_KEPT = ("name", "in", "description", "required", "allowEmptyValue", "deprecated", "example", "examples")
_STYLES: dict[str, dict[str, tuple[str, bool]]] = {
    "query": {
        "csv": ("form", False),
        "multi": ("form", True),
        "ssv": ("spaceDelimited", False),
        "pipes": ("pipeDelimited", False),
    },
    "path": {"csv": ("simple", False)},
    "header": {"csv": ("simple", False)},
}
"""Style and explode by place and `collectionFormat`; what has no entry OpenAPI 3 cannot say."""


def parameter_of(old: Raw, told: list[str]) -> dict[str, Any]:
    """A parameter in path, query or header."""
    new = {key: value for key, value in old.items() if key in _KEPT or _is_extension(key)}
    if "x-example" in new and "example" not in new:
        new["example"] = new["x-example"]
    where = old.get("in")
    if old.get("type") == "file":
        told.append(f"parameters: a file cannot stand in the {where}; {old.get('name')} is sent as its bytes.")
    return {**new, "schema": inline_schema(old), **_style(old, str(where), told)}


def body_of(bodies: Sequence[Raw], consumes: Sequence[str], told: list[str]) -> dict[str, Any]:
    """The request body that `in: body` and `in: formData` parameters mean together."""
    whole = [old for old in bodies if old.get("in") == "body"]
    if len(whole) > 1:
        told.append("body: there is more than one `in: body`; the first is taken.")
    if whole and len(whole) < len(bodies):
        told.append("body: there are `in: body` and `in: formData`; the former is taken.")
    return _whole(whole[0], consumes) if whole else _form(bodies, consumes, told)


def _whole(old: Raw, consumes: Sequence[str]) -> dict[str, Any]:
    schema = schema_of(old["schema"]) if "schema" in old else inline_schema(old)
    examples = old.get("x-examples")
    by_type = examples if isinstance(examples, Mapping) else {}
    content: dict[str, Any] = {}
    for media in consumes or (JSON,):
        example = by_type.get(media, old.get("x-example"))
        content[media] = {"schema": schema, **({} if example is None else {"example": example})}
    about = {key: value for key, value in old.items() if key in ("description", "required") or _is_extension(key)}
    return {**about, "content": content}


def _form(fields: Sequence[Raw], consumes: Sequence[str], told: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    encoding: dict[str, Any] = {}
    for old in fields:
        name = str(old["name"])
        schema["properties"][name] = _field(old)
        style = _style({**old, "name": name}, "query", told)
        encoding |= {name: style} if style else {}
    required = [str(old["name"]) for old in fields if old.get("required") is True]
    media = {"schema": {**schema, **({"required": required} if required else {})}}
    content = {kind: {**media, **({"encoding": encoding} if encoding else {})} for kind in _kinds(fields, consumes)}
    return {"required": bool(required), "content": content}


def _field(old: Raw) -> dict[str, Any]:
    about = {key: value for key, value in old.items() if key in ("description", "example") or _is_extension(key)}
    about.pop("x-nullable", None)
    if "x-example" in old:
        about.setdefault("example", old["x-example"])
    return {**inline_schema(old), **about, **(BINARY if old.get("type") == "file" else {})}


def _kinds(fields: Sequence[Raw], consumes: Sequence[str]) -> list[str]:
    """The media types of a form; a file can only travel as one of its parts."""
    if any(old.get("type") == "file" for old in fields):
        return [MULTIPART]
    return [kind for kind in consumes if kind.partition(";")[0].strip().lower() in (FORM, MULTIPART)] or [FORM]


def _style(old: Raw, where: str, told: list[str]) -> dict[str, Any]:
    """Style and explode of a list of values."""
    _tell_nested(old, told)
    if not is_array(old):
        return {}
    wanted = str(old.get("collectionFormat") or "csv")
    styles = _STYLES.get(where, _STYLES["query"])
    if wanted not in styles:
        told.append(f"parameters: OpenAPI 3 cannot say `collectionFormat: {wanted}` of {old.get('name')}; csv is used.")
    style, explode = styles.get(wanted, styles["csv"])
    return {"style": style, "explode": explode}


def _tell_nested(old: Raw, told: list[str]) -> None:
    """A list of lists has a separator for each; OpenAPI 3 has but one."""
    items = old.get("items")
    if isinstance(items, Mapping) and is_array(items):
        told.append(f"parameters: OpenAPI 3 cannot say how the lists within {old.get('name')} are written.")


def _is_extension(key: Any) -> bool:
    return str(key).startswith("x-")

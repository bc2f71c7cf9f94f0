"""An OpenAPI schema as a self-contained JSON Schema (draft 2020-12), for one direction of travel.

Rule 1: only what the schema reaches is carried along, as `$defs`.
Rule 2: a discriminator chooses the branch, and that branch alone is judged. Without its property any branch will do.
Rule 3: what only the other direction carries (`readOnly`, `writeOnly`) is not required.
Rule 4: a keyword that cannot be compiled is dropped and told; the document is never refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from ..spec import NOTE, Spec

Direction = Literal["request", "response"]

_SUBSCHEMAS = ("not", "if", "then", "else", "additionalProperties", "items", "contains", "propertyNames")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs")
_PROSE = (
    "example",
    "examples",
    "description",
    "title",
    "xml",
    "externalDocs",
    "default",
    "deprecated",
    "discriminator",
)
_OTHER = {"request": "readOnly", "response": "writeOnly"}


class Translation:
    """One schema being translated: the definitions collected so far, and what had to be dropped."""

    def __init__(self, spec: Spec, direction: Direction, compiles: Callable[[str], bool]) -> None:
        self.spec = spec
        self.warnings: list[str] = []
        self._other = _OTHER[direction]
        self._compiles = compiles
        self._names: dict[str, str] = {}
        self._defs: dict[str, Any] = {}
        self._old = str(spec.document.get("openapi", "")).startswith("3.0")

    def whole(self, schema: Any) -> dict[str, Any]:
        """The schema with its definitions."""
        root = self._schema(schema)
        return {"allOf": [root], "$defs": self._defs} if self._defs else root

    def _schema(self, schema: Any) -> Any:
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else {}
        if isinstance(schema.get("$ref"), str):
            return {"$ref": f"#/$defs/{self._reference(schema['$ref'])}"}
        out = {key: self._keyword(key, value) for key, value in schema.items() if self._kept(key, value)}
        if self._old:
            _from_draft4(out)
        if "required" in out:
            out["required"] = self._required(out["required"], schema.get("properties") or {})
        if isinstance(schema.get("discriminator"), Mapping) and (out.get("oneOf") or out.get("anyOf")):
            self._discriminate(out, schema)
        return out

    def _reference(self, ref: str) -> str:
        if ref not in self._names:
            name = self._names[ref] = f"{len(self._names)}_{ref.rpartition('/')[2]}".replace("~", "-").replace("%", "-")
            self._defs[name] = {}  # stands while it is translated: a recursive schema finds it
            self._defs[name] = self._schema(self.spec.lookup(ref))
        return self._names[ref]

    def _keyword(self, key: str, value: Any) -> Any:
        if key in _SUBSCHEMAS:
            return self._schema(value)
        if key in _LISTS and isinstance(value, list):
            return [self._schema(part) for part in value]
        if key in _MAPS and isinstance(value, Mapping):
            return {str(name): self._schema(part) for name, part in value.items()}
        return value

    def _kept(self, key: str, value: Any) -> bool:
        if key in _PROSE or str(key).startswith("x-") or key == "$id":
            return False
        if key == "pattern" and not self._compiles(str(value)):
            self.warnings.append(f"The pattern {value} cannot be checked here.")
            return False
        return not (key in ("required", "enum") and not (isinstance(value, list) and value))

    def _required(self, names: list[str], properties: Mapping[str, Any]) -> list[str]:
        def carried(name: str) -> bool:
            return not self.spec.resolve(properties.get(name) or {}).get(self._other)

        return list(dict.fromkeys(name for name in names if carried(name)))

    def _discriminate(self, out: dict[str, Any], schema: Mapping[str, Any]) -> None:
        key = "oneOf" if "oneOf" in out else "anyOf"
        name = schema["discriminator"].get("propertyName")
        branches = self._branches(schema, key)
        if not name or not branches:
            return
        plain = out.pop(key)
        chosen = [
            {"if": {"properties": {name: {"const": value}}}, "then": {"$ref": f"#/$defs/{self._reference(ref)}"}}
            for value, ref in branches.items()
        ]
        has_it = {"type": "object", "required": [name]}
        known = {"properties": {name: {"enum": list(branches)}}}
        assumed = branches.get(str(schema.get(f"{NOTE}default-branch")))
        without = {"$ref": f"#/$defs/{self._reference(assumed)}"} if assumed else {"anyOf": plain}
        condition = {"if": has_it, "then": {"allOf": [known, *chosen]}, "else": without}
        out["allOf"] = [*out.get("allOf", []), condition]

    def _branches(self, schema: Mapping[str, Any], key: str) -> dict[str, str]:
        mapping = schema["discriminator"].get("mapping") or {}
        refs = [str(b.get("$ref", "")) for b in schema[key] if isinstance(b, Mapping)]
        named = {str(value): ref if "/" in ref else f"#/components/schemas/{ref}" for value, ref in mapping.items()}
        return {**{ref.rpartition("/")[2]: ref for ref in refs if ref and ref not in named.values()}, **named}


def _from_draft4(schema: dict[str, Any]) -> None:
    """OpenAPI 3.0 (section 4.7.24) follows an older draft: `nullable`, and exclusive bounds as booleans."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    if schema.pop("nullable", False):
        if isinstance(schema.get("type"), str):
            schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]

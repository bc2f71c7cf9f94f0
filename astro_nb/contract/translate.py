"""An OpenAPI schema as a self-contained JSON Schema (draft 2020-12), for one direction of travel.

Rule 1: only what the schema reaches is carried along, as `$defs`.
Rule 2: a discriminator chooses the branch, and that branch alone is judged. Without its property any branch will do.
Rule 3: what only the other direction carries (`readOnly`, `writeOnly`) is not required, whichever part says so.
Rule 4: a keyword that makes no sense or leads nowhere is dropped and told; the document is never refused.
Rule 5: what is sent is not refused for fitting two models where nothing says which one is meant (`oneOf` without a
discriminator): they are judged as `anyOf`. Alternatives written in place exclude one another, and an answer is judged
as the document says.
Rule 6: `nullable` adds null to the `type` beside it, and to nothing else: an `enum` has to name it (3.0.3, 4.7.24.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import DanglingReference
from ..fields.branches import default_label
from ..fields.shapes import SHAPES, numeric
from ..spec import NOTE, Spec, name_of
from .directions import OTHER, Direction, Names, names_of, resolved
from .keywords import INSIDE, LISTS, MAPS, SCHEMAS, fault, is_empty

_NONE: Names = frozenset()


class Translation:
    """One schema being translated: the definitions collected so far, and what had to be dropped."""

    def __init__(self, spec: Spec, direction: Direction, compiles: Callable[[str], bool]) -> None:
        self.spec = spec
        self._told: dict[str, None] = {}
        self._other = OTHER[direction]
        self._is_sent = direction == "request"
        self._compiles = compiles
        self._names: dict[tuple[str, Names], str] = {}
        self._defs: dict[str, Any] = {}
        self._old = str(spec.document.get("openapi", "")).startswith("3.0")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be dropped, in words, each once."""
        return tuple(self._told)

    def whole(self, schema: Any) -> dict[str, Any]:
        """The schema with its definitions."""
        root = self._schema(schema)
        return {"allOf": [root], "$defs": self._defs} if self._defs else root

    def _schema(self, schema: Any, foreign: Names = _NONE) -> Any:
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else {}
        foreign |= names_of(self.spec, schema, self._other)
        ref = schema.get("$ref")
        if isinstance(ref, str) and self._old:
            return self._reference(ref, foreign)
        plain = numeric(schema) if self._old else schema
        out = {key: self._keyword(key, value, foreign) for key, value in plain.items() if self._kept(key, value)}
        if "required" in out:
            out["required"] = [name for name in dict.fromkeys(out["required"]) if name not in foreign]
        if self._old and schema.get("nullable") is True and isinstance(out.get("type"), str):
            out["type"] = [out["type"], "null"]
        self._choose(out, schema, foreign)
        return {**out, **self._reference(ref, foreign)} if isinstance(ref, str) else out

    def _reference(self, ref: str, foreign: Names) -> dict[str, Any]:
        """A reference to the definition; nothing where it leads nowhere."""
        key = (ref, foreign)
        if key not in self._names:
            try:
                target = self.spec.lookup(ref)
            except DanglingReference as error:
                self._told[error.what] = None
                return {}
            word = re.sub(r"[^A-Za-z0-9_.-]", "-", ref.rpartition("/")[2])
            name = self._names[key] = f"{len(self._names)}_{word}"
            self._defs[name] = {}  # stands while it is translated: a recursive schema finds it
            self._defs[name] = self._schema(target, foreign)
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _keyword(self, key: str, value: Any, foreign: Names) -> Any:
        names = _NONE if key in INSIDE else foreign
        if key in SCHEMAS:
            return self._schema(value, names)
        if key in LISTS:
            return [self._schema(part, names) for part in value]
        if key in MAPS:
            return {str(name): self._schema(part, names) for name, part in value.items() if self._named(key, str(name))}
        return list(dict.fromkeys(value)) if key == "type" and isinstance(value, list) else value

    def _named(self, key: str, name: str) -> bool:
        return key != "patternProperties" or self._kept("pattern", name)

    def _kept(self, key: str, value: Any) -> bool:
        if key not in SHAPES or is_empty(key, value):
            return False
        wrong = fault(key, value, self._compiles)
        if wrong:
            self._told[wrong] = None
        return not wrong and key != "discriminator"

    # --- alternatives -------------------------------------------------------------------------------------------------

    def _choose(self, out: dict[str, Any], schema: Mapping[str, Any], foreign: Names) -> None:
        key = next((key for key in ("oneOf", "anyOf") if key in out), "")
        about = schema.get("discriminator")
        if key and about is not None and SHAPES["discriminator"](about):
            self._discriminate(out, schema, key, foreign)
        elif self._is_sent and key == "oneOf" and all(map(self._is_model, schema["oneOf"])):
            out["allOf"] = [*out.get("allOf", []), {"anyOf": out.pop("oneOf")}]

    def _is_model(self, branch: Any) -> bool:
        """Whether a branch is an object that the document has a name for; null may stand beside them."""
        if not (isinstance(branch, Mapping) and "$ref" in branch):
            return _is_null(branch)
        target = resolved(self.spec, branch)
        return "properties" in target or "allOf" in target or target.get("type") == "object"

    def _discriminate(self, out: dict[str, Any], schema: Mapping[str, Any], key: str, foreign: Names) -> None:
        name = schema["discriminator"]["propertyName"]
        branches = self._branches(schema, key)
        if not branches:
            return
        plain = out.pop(key)
        chosen = [
            {"if": {"properties": {name: {"const": value}}}, "then": self._reference(ref, foreign)}
            for value, ref in branches.items()
        ]
        has_it = {"type": "object", "required": [name]}
        known: dict[str, Any] = {"properties": {name: {"enum": list(branches)}}}
        label = default_label(schema)
        assumed = branches.get(label or str(schema.get(f"{NOTE}default-branch")))
        if label and assumed:  # it counts for a value that is not known, too
            known = {"if": {"not": known}, "then": self._reference(assumed, foreign)}
        without = self._reference(assumed, foreign) if assumed else {"anyOf": plain}
        condition = {"if": has_it, "then": {"allOf": [known, *chosen]}, "else": without}
        out["allOf"] = [*out.get("allOf", []), condition]

    def _branches(self, schema: Mapping[str, Any], key: str) -> dict[str, str]:
        """The reference of each branch by the value that chooses it; none where one cannot be chosen by name."""
        told = [b for b in schema[key] if not _is_null(b)]
        if not all(isinstance(b, Mapping) and isinstance(b.get("$ref"), str) for b in told):
            return {}
        named = dict(self._mapped(schema["discriminator"].get("mapping") or {}))
        refs = [b["$ref"] for b in told if b["$ref"] not in named.values()]
        return {**{name_of(ref): ref for ref in refs}, **named}

    def _mapped(self, mapping: Mapping[Any, str]) -> Iterator[tuple[str, str]]:
        for value, target in mapping.items():
            ref = target if "/" in target else f"#/components/schemas/{target}"
            try:
                self.spec.lookup(ref)
            except DanglingReference:
                self._told[f"The discriminator's value {value} leads to {target}, which is nowhere."] = None
            else:
                yield str(value), ref


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"

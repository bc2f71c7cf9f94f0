"""A change merged into the body of an update: what the change names is changed, everything else stays.

| a change that is …     | merged into …      | gives …                                                        |
|------------------------|--------------------|----------------------------------------------------------------|
| a mapping              | an object          | the object, its fields merged as in RFC 7396; `None` removes   |
| a mapping              | a list             | the list, with the named entries changed, added or removed     |
| a list or another value| anything           | the change itself                                              |

`fill_ratios` then changes the fields that the server requires to be in a fixed ratio to a changed one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..call import UNSET
from ..diff import OmissionRule, Steps, StoredValue
from ..errors import UsageError
from ..openapi import ENTRY_KEYS, EntriesExtension, Ratio
from ..schema import Field
from ..secrets import MASK
from ..templates import template_names


@dataclass(frozen=True)
class Merger:
    """Merges changes into the body of one operation.

    Attributes:
        operation: the operation's id, for messages.
        entries: how the entries of lists are identified, as the overlay declares it, by dotted path.
        omitted: what happens to a value that the body leaves out.
        resolve: resolves the templates of a value, secrets masked: an entry may be named by a variable.
    """

    operation: str
    entries: Mapping[str, EntriesExtension]
    omitted: OmissionRule
    resolve: Callable[[Any], Any]

    def merge(self, now: Any, change: Any, field: Field | None, at: Steps = ()) -> Any:
        """Return a value with a change merged into it.

        Args:
            now: the value; UNSET if there is none.
            change: the change; see the table at the head of this module.
            field: the field of the value, if the document declares it.
            at: where the value is in the body.

        Raises:
            UsageError: a field cannot be removed, or an entry of a list cannot be identified.
        """
        if not isinstance(change, Mapping):
            return change
        if isinstance(now, StoredValue):
            now = now.value
        branch = _branch_of(field, {**now, **change} if isinstance(now, Mapping) else now)
        if isinstance(now, list) or (branch is not None and branch.kind == "array"):
            return self._merge_list(now if isinstance(now, list) else [], change, branch, at)
        merged = dict(now) if isinstance(now, Mapping) else {}
        for name, value in change.items():
            member = branch.member(name) if branch else None
            if value is None:
                self._remove(merged, name, member, (*at, name))
            else:
                merged[name] = self.merge(merged.get(name, UNSET), value, member, (*at, name))
        return merged

    def change_as_sent(self, change: Any, merged: Any, field: Field | None, at: Steps = ()) -> Any:
        """Return a change with its values as they are in the merged body, where secrets have become templates."""
        if not isinstance(change, Mapping):
            return change if merged is UNSET else merged
        branch = _branch_of(field, merged)
        if isinstance(merged, list):
            known = self._identify(merged, change, branch, at)
            item = branch.item if branch else None
            return {name: self._entry_as_sent(known, name, value, merged, item, at) for name, value in change.items()}
        members = merged if isinstance(merged, Mapping) else {}
        return {
            name: None
            if value is None
            else self.change_as_sent(
                value, members.get(name, UNSET), branch.member(name) if branch else None, (*at, name)
            )
            for name, value in change.items()
        }

    # --- objects ------------------------------------------------------------------------------------------------------

    def _remove(self, merged: dict[str, Any], name: str, field: Field | None, at: Steps) -> None:
        effect = self.omitted(at)
        if field is not None and field.nullable and effect != "removed":
            merged[name] = None
        elif effect == "unchanged" and name in merged:
            raise UsageError(
                f"{_dotted(at)} cannot be removed: {self.operation} leaves a field unchanged if it is not given.",
                "Give it an empty value instead.",
            )
        else:
            merged.pop(name, None)

    # --- lists --------------------------------------------------------------------------------------------------------

    def _merge_list(self, now: list[Any], change: Mapping[str, Any], field: Field | None, at: Steps) -> list[Any]:
        """Return a list with some entries changed, added or removed; the others keep their order."""
        known, item = self._identify(now, change, field, at), field.item if field else None
        merged: list[Any] = list(now)
        for name, value in change.items():
            index = _find_entry(merged, known.by, self._resolve_name(name))
            if value is None:
                merged = [entry for n, entry in enumerate(merged) if n != index]
                continue
            patch = value if isinstance(value, Mapping) else self._patch_of_scalar(known, value, item, (*at, name))
            if index is not None:
                merged[index] = self.merge(merged[index], patch, item, (*at, index))
            else:
                merged.append(self.merge({known.by: name, **known.new}, patch, item, (*at, len(merged))))
        return merged

    def _entry_as_sent(
        self, known: EntriesExtension, name: str, value: Any, merged: list[Any], item: Field | None, at: Steps
    ) -> Any:
        """Return the change of one entry as it was sent; the entry is found by its name as given, or resolved."""
        index = _find_entry(merged, known.by, name)
        index = _find_entry(merged, known.by, self._resolve_name(name)) if index is None else index
        if value is None or index is None:
            return value
        if isinstance(value, Mapping):
            return self.change_as_sent(value, merged[index], item, (*at, index))
        return merged[index].get(known.value, value)

    def _identify(self, now: list[Any], change: Mapping[str, Any], field: Field | None, at: Steps) -> EntriesExtension:
        """Return how the entries of a list are identified.

        Raises:
            UsageError: no field identifies them.
        """
        names = [self._resolve_name(name) for name in change]
        found = self.entries.get(_dotted(at)) or _infer_entries(field, now, names)
        if found is None:
            raise UsageError(f"No field identifies the entries of {_dotted(at)}.", "Give the whole list, as a list.")
        return found

    def _resolve_name(self, name: str) -> str:
        return str(self.resolve(name) if template_names(name) else name)

    def _patch_of_scalar(self, known: EntriesExtension, value: Any, item: Field | None, at: Steps) -> Mapping[str, Any]:
        """Return the field that a bare value sets; for a secret, also the flag that marks it as one."""
        if not known.value or isinstance(value, list):
            raise UsageError(
                f"{_dotted(at)} is an object: it is not known which of its fields a bare value sets.",
                f'Name the field: {{"{at[-1]}": {{"field": value}}}}.',
            )
        branch = _branch_of(item, {})
        field = branch.child(known.value) if branch else None
        is_secret = bool(template_names(value)) and MASK in str(self.resolve(value))
        flag = {field.secret_when: True} if is_secret and field and field.secret_when else {}
        return {known.value: value, **flag}


def _find_entry(entries: list[Any], by: str, name: Any) -> int | None:
    """Return the index of the entry with a name; None if there is none.

    Raises:
        UsageError: several entries have that name.
    """
    indexes = [n for n, entry in enumerate(entries) if isinstance(entry, Mapping) and str(entry.get(by)) == str(name)]
    if len(indexes) > 1:
        raise UsageError(f"{len(indexes)} entries have the {by} {name!r}.", "Give the whole list, as a list.")
    return indexes[0] if indexes else None


def _infer_entries(field: Field | None, now: list[Any], names: list[str]) -> EntriesExtension | None:
    """Return how the entries of a list are identified where the overlay does not declare it; None if by no field.

    Args:
        field: the list's field, if the document declares it.
        now: the current entries.
        names: the names in the change; they decide between an id and a name.
    """
    item = field.item if field else None
    declared = [child.name for form in item.alternatives for child in form.children] if item else []
    present = [str(name) for entry in now if isinstance(entry, Mapping) for name in entry]
    known = list(dict.fromkeys([*declared, *present]))
    candidates = [n for n in ENTRY_KEYS if n in known] + [n for n in known if n.endswith(("Id", "_id"))]
    unique = [name for name in candidates if _is_unique(now, name)]
    if not unique:
        return None
    by = max(unique, key=lambda field: sum(str(entry.get(field)) in names for entry in now))  # the first of the best
    others = [name for name in known if name != by]
    return EntriesExtension(by, "value" if "value" in others else others[0] if len(others) == 1 else "")


def _is_unique(entries: list[Any], name: str) -> bool:
    values = [entry.get(name) if isinstance(entry, Mapping) else None for entry in entries]
    are_scalars = all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
    return are_scalars and len({str(value) for value in values}) == len(values)


def _branch_of(field: Field | None, value: Any) -> Field | None:
    """Return the field, or the branch of a union that a value matches."""
    while field is not None and field.kind == "union":
        branch = field.branch_for(value)
        field = branch.field if branch else None
    return field


def _dotted(at: Steps) -> str:
    return ".".join(str(step) for step in at if isinstance(step, str))


# --- ratios -----------------------------------------------------------------------------------------------------------

_QUANTITY = re.compile(r"\d{1,9}(\.\d{1,9})?")


def fill_ratios(
    body: Mapping[str, Any], change: Mapping[str, Any], follow: Mapping[str, Ratio], operation: str
) -> dict[str, Any]:
    """Return a body in which fields with a fixed ratio agree, where only one of the two was changed.

    Args:
        body: the body, with the change merged into it.
        change: the change.
        follow: the overlay's ratios, by field: the memory is twice the CPU, in Gi.
        operation: the operation's id, for messages.

    Raises:
        UsageError: the changed one is a template or not a quantity, so the other one cannot be computed.
    """
    filled = dict(body)
    for follower, ratio in follow.items():
        times = Decimal(ratio.times)
        for given, other, factor, old_unit, new_unit in (
            (ratio.of, follower, times, "", ratio.unit),
            (follower, ratio.of, 1 / times, ratio.unit, ""),
        ):
            if change.get(given) is not None and other not in change and other in body:
                quantity = str(change[given]).removesuffix(old_unit)
                if template_names(change[given]) or not _QUANTITY.fullmatch(quantity):
                    raise UsageError(f"{operation} requires {other} with {given}.", "Give both.")
                filled[other] = f"{(Decimal(quantity) * factor).normalize():f}{new_unit}"
    return filled

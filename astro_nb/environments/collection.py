"""Two environments beside each other, field by field.

All environments of a folder, to be looked at, made, changed and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import html
from ..call import UNSET
from ..errors import AstroNbError, SettingsError, UnknownName
from ..frames import make_frame
from ..secrets.references import Reference, Secret
from ..templates import LiteralText
from .environment import Environment, built_in_environments
from .files import (
    FIELDS,
    FOLDER,
    MERGED,
    composed,
    environment_names,
    is_same,
    load_environment,
    load_shared,
    path_of,
    plain,
    read_said,
    said,
    save_environment,
    save_shared,
    shared_path,
    write_said,
)
from .variables import Variables

if TYPE_CHECKING:
    from ..frames import DataFrame


_COLUMNS = ("field", "one", "other", "one_inherited", "other_inherited", "same")
_LONGEST = 200


@dataclass(frozen=True)
class Row:
    """A field of two environments.

    Attributes:
        field: its name; for variables, headers and their like with the name in it: `variables.region`.
        one: its value in the one, a secret as its reference; UNSET where it has none.
        other: its value in the other.
        one_inherited: whether the one has it from the environment that it extends.
        other_inherited: the same of the other.
    """

    field: str
    one: Any
    other: Any
    one_inherited: bool = False
    other_inherited: bool = False

    @property
    def same(self) -> bool:
        """Whether both have the same value, or none."""
        if self.one is UNSET or self.other is UNSET:
            return self.one is self.other
        return is_same(self.one, self.other)


@dataclass(frozen=True)
class Comparison:
    """Two environments beside each other; ending a cell with it shows where they differ."""

    one: str
    other: str
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def differing(self) -> tuple[Row, ...]:
        """The rows in which they differ."""
        return tuple(row for row in self.rows if not row.same)

    def frame(self) -> DataFrame:
        """Every row as a DataFrame; a value is written as text, and missing where there is none."""
        rows = [{name: _cell(getattr(row, name)) for name in _COLUMNS} for row in self.rows]
        kinds = {name: "boolean" if name in _COLUMNS[3:] else "string" for name in _COLUMNS}
        return make_frame(rows, kinds)

    def __repr__(self) -> str:
        return f"<{self.one} and {self.other} differ in {', '.join(r.field for r in self.differing) or 'nothing'}>"

    def _repr_html_(self) -> str:
        alike = [row for row in self.rows if row.same]
        differing = self._table(self.differing) if self.differing else html.muted("They differ in nothing.")
        rest = html.details(f"{len(alike)} alike", self._table(alike)) if alike else ""
        return str(html.join([differing, rest]))

    def _table(self, rows: Any) -> html.Markup:
        drawn = [(html.code(r.field), _drawn(r.one, r.one_inherited), _drawn(r.other, r.other_inherited)) for r in rows]
        return html.table(["field", self.one, self.other], drawn)


def compared(
    one: Environment, other: Environment, one_base: Environment | None, other_base: Environment | None
) -> Comparison:
    """Two environments field by field; the bases are what each would be by what it extends alone."""
    ours, theirs = told(one), told(other)
    base, their_base = told(one_base), told(other_base)
    rows = (
        Row(n, ours.get(n, UNSET), theirs.get(n, UNSET), _is_from(base, ours, n), _is_from(their_base, theirs, n))
        for n in sorted({**ours, **theirs}, key=_order)
    )
    return Comparison(one.name, other.name, tuple(rows))


def told(environment: Environment | None) -> dict[str, Any]:
    """The fields of an environment for the eye, names and values one by one, secrets as references."""
    if environment is None:
        return {}
    found: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(environment, field)
        if field in MERGED:
            found |= {f"{field}.{name}": _told(inner) for name, inner in value.items()}
        elif value is not None and field != "name":
            found[field] = _told(value)
    return found


def _told(value: Any) -> Any:
    """A value as it may be shown: where a secret or a plain reference stands, its reference."""
    if isinstance(value, Secret | Reference):
        return value.reference
    if isinstance(value, Mapping):
        return {name: _told(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_told(inner) for inner in value]
    return str(value) if isinstance(value, LiteralText) else value


def _is_from(base: Mapping[str, Any], own: Mapping[str, Any], name: str) -> bool:
    return name != "extends" and name in base and name in own and is_same(base[name], own[name])


def _order(name: str) -> int:
    return FIELDS.index(name.partition(".")[0])


def _cell(value: Any) -> Any:
    if value is UNSET or isinstance(value, bool | str):
        return None if value is UNSET else value
    return str(value)


def _drawn(value: Any, inherited: bool) -> html.Markup:
    if value is UNSET:
        return html.muted("not set")
    text = str(value)
    shown = html.escape(text[:_LONGEST] + (" …" if len(text) > _LONGEST else ""))
    return html.join([shown, " ", html.muted("(inherited)")]) if inherited else shown


class Environments:
    """The environments of a folder by name; what it writes is a file each, and it writes over none unread.

    >>> environments.create("eu", extends="sandbox", variables={"region": "eu"})
    >>> environments.edit("eu", color="#1f5fbf")
    >>> environments.compare("sandbox", "eu")
    """

    def __init__(self, folder: str | Path = FOLDER) -> None:
        self.folder = Path(folder)
        self._shared: bytes | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(environment_names(self.folder))

    def __len__(self) -> int:
        return len(environment_names(self.folder))

    def __contains__(self, name: object) -> bool:
        return name in environment_names(self.folder)

    def __getitem__(self, name: str) -> Environment:
        """The environment of that name, read anew.

        Raises:
            UnknownName, SettingsError, NewerFormat: as for `load_environment`.
        """
        return load_environment(name, self.folder)

    def own_fields(self, name: str) -> dict[str, Any]:
        """What the file of an environment says itself, without what it extends; raises as `[name]` does."""
        return said(name, self.folder)

    # --- files --------------------------------------------------------------------------------------------------------

    def create(self, environment: Environment | str, **fields: Any) -> Environment:
        """Write a new environment: one made in Python, or a name and what its file is to say.

        Raises:
            SettingsError: there is a file of that name, or something in it cannot be written.
            UnknownName: there is no such field, or no such environment to extend.
        """
        name = environment if isinstance(environment, str) else environment.name
        _require_new(path_of(name, self.folder))
        if isinstance(environment, str):
            return self._written(name, {}, fields)
        save_environment(environment, self.folder)
        return self.edit(name, **fields) if fields else self[name]

    def copy(self, name: str, new: str, **changes: Any) -> Environment:
        """Write an environment again under another name, some fields changed.

        Raises:
            SettingsError: there is a file of the new name.
            UnknownName: there is no such environment, or no such field.
        """
        _require_new(path_of(new, self.folder))
        return self._written(new, said(name, self.folder), changes)

    def edit(self, name: str, **changes: Any) -> Environment:
        """Change what an environment's file says; None takes a field out. A built-in one gets a file that extends it.

        Fields that are given replace what the file says in them; what it inherits stays below that.

        Raises:
            UnknownName: there is no such environment, or no such field.
            SettingsError: the file cannot be read, or a change cannot be written.
        """
        has_file = path_of(name, self.folder).is_file()
        own = said(name, self.folder) if has_file or name not in built_in_environments() else {"extends": name}
        return self._written(name, own, changes)

    def remove(self, name: str) -> None:
        """Delete the file of an environment.

        Raises:
            UnknownName: there is no such environment.
            SettingsError: it is built in, its file cannot be read, or others extend it.
        """
        path = path_of(name, self.folder)
        if not path.is_file():
            if name in built_in_environments():
                raise SettingsError(f"{name} is built in: there is no file to remove.", "Leave it.")
            raise UnknownName("environment", name, self)
        read_said(path)
        extending = [other for other in self if other != name and _extended(other, self.folder) == name]
        if extending and name not in built_in_environments():
            raise SettingsError(
                f"{name} is extended by {', '.join(extending)}.", "Change what they extend first, or remove them."
            )
        path.unlink()

    def compare(self, one: str | Environment, other: str | Environment) -> Comparison:
        """Two environments field by field, by name or as they are.

        Raises:
            UnknownName, SettingsError, NewerFormat: as for `load_environment`.
        """
        pair = [self[given] if isinstance(given, str) else given for given in (one, other)]
        return compared(pair[0], pair[1], *(_base(environment, self.folder) for environment in pair))

    # --- what all of them share ---------------------------------------------------------------------------------------

    def fill_shared(self, variables: Variables) -> None:
        """Put the shared variables of the folder into their scope.

        Raises:
            SettingsError, NewerFormat: as for `load_shared`.
        """
        self._shared = _content(shared_path(self.folder))
        variables.fill_scope("shared", load_shared(self.folder), str(shared_path(self.folder)))

    def save_shared(self, variables: Mapping[str, Any]) -> Path:
        """Write the shared variables; of a `Variables` those of the scope "shared".

        Raises:
            SettingsError: the file was changed since it was read, or something in it cannot be written.
        """
        path = shared_path(self.folder)
        if _content(path) != self._shared:
            raise SettingsError(
                f"{path} has been changed since it was read.",
                "Read it with `api.environments.fill_shared(api.variables)`, then set your values again.",
            )
        save_shared(variables, self.folder)
        self._shared = _content(path)
        return path

    # --- for the eye --------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Environments in {self.folder}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        heads = ("environment", "server", "extends", "asks first", "variables", "credentials")
        return str(html.table(heads, [_row(name, self) for name in self]))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _written(self, name: str, own: Mapping[str, Any], changes: Mapping[str, Any]) -> Environment:
        """Write what a file says, with changes to it, and read it."""
        known = [field for field in FIELDS if field != "name"]
        unknown = next((field for field in changes if field not in known), None)
        if unknown is not None:
            raise UnknownName("field of an environment", unknown, known)
        changed = {**own, **{field: plain(value, field) for field, value in changes.items()}}
        changed = {field: value for field, value in changed.items() if value is not None and field != "name"}
        write_said(name, changed, self.folder)
        return self[name]


def _require_new(path: Path) -> None:
    if path.exists():
        raise SettingsError(f"{path} is there already.", "Edit it, or take another name.")


def _extended(name: str, folder: Path) -> str | None:
    """The name of the environment that one extends; None for none, or where its file cannot be read."""
    try:
        return said(name, folder).get("extends")
    except AstroNbError:
        return None


def _base(environment: Environment, folder: Path) -> Environment | None:
    """What an environment would be if it said nothing but what it extends."""
    extends = environment.extends
    return composed(environment.name, {"extends": extends}, folder) if extends else None


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _row(name: str, environments: Environments) -> list[Any]:
    try:
        found = environments[name]
    except AstroNbError as error:
        return [html.code(name), html.join([html.pill("cannot be read", "bad"), f" {error.what}"]), "", "", "", ""]
    label = html.join([html.code(name), html.pill("production", "bad") if found.production else ""], " ")
    server, asks = found.base_url or "the document's first", "yes" if found.requires_approval else "no"
    return [label, server, found.extends or "", asks, ", ".join(found.variables), ", ".join(found.credentials)]

"""The environments of a folder: listed, created, changed, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import html
from ..call import UNSET
from ..errors import AstroNbError, SettingsError, UnknownName
from ..files import current_folder, display_path
from ..frames import make_frame
from ..secrets import Reference, Secret
from ..templates import LiteralText
from .environment import Environment, built_in_environments
from .files import (
    FIELDS,
    FOLDER,
    MERGED,
    compose_environment,
    environment_names,
    environment_path,
    is_same_in_file,
    load_environment,
    load_shared,
    read_fields,
    read_own_fields,
    same_name,
    save_environment,
    save_shared,
    shared_path,
    to_file_value,
    write_own_fields,
)
from .variables import Variables

if TYPE_CHECKING:
    from ..frames import DataFrame


class Environments:
    """The environments of a folder by name. Each is one file; none is overwritten without being read first.

    >>> environments.create("eu", extends="sandbox", variables={"region": "eu"})
    >>> environments.edit("eu", color="#1f5fbf")
    >>> environments.compare("sandbox", "eu")
    """

    def __init__(self, folder: str | Path = FOLDER) -> None:
        self.folder = current_folder() / folder  # absolute: it stays the same when the current folder changes
        self._shared: bytes | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(environment_names(self.folder))

    def __len__(self) -> int:
        return len(environment_names(self.folder))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and same_name(name) in environment_names(self.folder)

    def __getitem__(self, name: str) -> Environment:
        """Return the environment of that name, read again from its file.

        Raises:
            UnknownName, SettingsError, NewerFormat: as for `load_environment`.
        """
        return replace(load_environment(name, self.folder), folder=self.folder.parent)

    def own_fields(self, name: str) -> dict[str, Any]:
        """Return the fields of an environment without what it extends; raises as `[name]` does."""
        return read_own_fields(name, self.folder)

    # --- files --------------------------------------------------------------------------------------------------------

    def create(self, environment: Environment | str, **fields: Any) -> Environment:
        """Write a new environment: an `Environment`, or a name and the fields of its file.

        Raises:
            SettingsError: there is a file of that name, or a value cannot be written.
            UnknownName: there is no such field, or no such environment to extend.
        """
        name = environment if isinstance(environment, str) else environment.name
        _require_new(environment_path(name, self.folder))
        if isinstance(environment, str):
            return self._write(name, {}, fields)
        save_environment(environment, self.folder)
        return self.edit(name, **fields) if fields else self[name]

    def copy(self, name: str, new: str, **changes: Any) -> Environment:
        """Write a copy of an environment under another name, with some fields changed.

        Raises:
            SettingsError: there is a file of the new name.
            UnknownName: there is no such environment, or no such field.
        """
        _require_new(environment_path(new, self.folder))
        return self._write(new, read_own_fields(name, self.folder), changes)

    def edit(self, name: str, **changes: Any) -> Environment:
        """Change fields of an environment's file; None removes one. A built-in environment gets a file that extends it.

        Raises:
            UnknownName: there is no such environment, or no such field.
            SettingsError: the file cannot be read, or a change cannot be written.
        """
        is_new = name in built_in_environments() and not environment_path(name, self.folder).is_file()
        return self._write(name, {"extends": name} if is_new else read_own_fields(name, self.folder), changes)

    def remove(self, name: str) -> None:
        """Delete the file of an environment.

        Raises:
            UnknownName: there is no such environment.
            SettingsError: it is built in, its file cannot be read, or others extend it.
        """
        name, path = same_name(name), environment_path(name, self.folder)
        if not path.is_file():
            if name in built_in_environments():
                raise SettingsError(f"{name} is built in: there is no file to remove.", "Leave it.")
            raise UnknownName("environment", name, self)
        read_fields(path)
        extending = [
            other for other in self if other != name and same_name(_base_name(other, self.folder) or "") == name
        ]
        if extending and name not in built_in_environments():
            raise SettingsError(
                f"{name} is extended by {', '.join(extending)}.", "Change what they extend first, or remove them."
            )
        path.unlink()

    def compare(self, one: str | Environment, other: str | Environment) -> Comparison:
        """Compare two environments field by field.

        Raises:
            UnknownName, SettingsError, NewerFormat: as for `load_environment`.
        """
        pair = [self[given] if isinstance(given, str) else given for given in (one, other)]
        return compare_environments(pair[0], pair[1], *(_base(environment, self.folder) for environment in pair))

    # --- shared variables ---------------------------------------------------------------------------------------------

    def fill_shared(self, variables: Variables) -> None:
        """Load the shared variables of the folder into their scope.

        Raises:
            SettingsError, NewerFormat: as for `load_shared`.
        """
        self._shared = _content(shared_path(self.folder))
        variables.fill_scope("shared", load_shared(self.folder), display_path(shared_path(self.folder)))

    def save_shared(self, variables: Mapping[str, Any]) -> Path:
        """Write the shared variables; of a `Variables` those in the scope "shared".

        Raises:
            SettingsError: the file was changed since it was read, or a value cannot be written.
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

    # --- display ------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Environments in {self.folder}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        headers = ("environment", "server", "extends", "asks first", "variables", "credentials")
        return str(html.table(headers, [_row(name, self) for name in self]))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _write(self, name: str, own: Mapping[str, Any], changes: Mapping[str, Any]) -> Environment:
        """Write the fields of a file with changes, and read it."""
        known = [field for field in FIELDS if field != "name"]
        unknown = next((field for field in changes if field not in known), None)
        if unknown is not None:
            raise UnknownName("field of an environment", unknown, known)
        changed = {**own, **{field: to_file_value(value, field) for field, value in changes.items()}}
        changed = {field: value for field, value in changed.items() if value is not None and field != "name"}
        write_own_fields(name, changed, self.folder)
        return self[name]


def _require_new(path: Path) -> None:
    """Raise SettingsError if there is the file, or one whose name differs only in case: many systems mix them."""
    same = [other for other in path.parent.glob("*") if same_name(other.stem).casefold() == path.stem.casefold()]
    taken = path if path.exists() else next((other for other in same if other.suffix == path.suffix), None)
    if taken is not None:
        raise SettingsError(f"{taken} exists already.", "Edit it, or choose another name.")


def _base_name(name: str, folder: Path) -> str | None:
    """Return the name of the environment that one extends; None if there is none, or if its file cannot be read."""
    try:
        return read_own_fields(name, folder).get("extends")
    except AstroNbError:
        return None


def _base(environment: Environment, folder: Path) -> Environment | None:
    """Return the environment with only the fields that it inherits."""
    extends = environment.extends
    return compose_environment(environment.name, {"extends": extends}, folder) if extends else None


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _row(name: str, environments: Environments) -> list[Any]:
    try:
        environment = environments[name]
    except AstroNbError as error:
        return [html.code(name), html.join([html.pill("cannot be read", "bad"), f" {error.what}"]), "", "", "", ""]
    label = html.join([html.code(name), html.pill("production", "bad") if environment.production else ""], " ")
    server = environment.base_url or "the document's first"
    asks = "yes" if environment.requires_approval else "no"
    variables, credentials = ", ".join(environment.variables), ", ".join(environment.credentials)
    return [label, server, environment.extends or "", asks, variables, credentials]


# --- two environments compared ----------------------------------------------------------------------------------------

_COLUMNS = {
    "field": "string",
    "one": "string",
    "other": "string",
    "one_inherited": "boolean",
    "other_inherited": "boolean",
    "same": "boolean",
}
_LONGEST = 200  # characters of a value in HTML


@dataclass(frozen=True)
class ComparedField:
    """A field of two environments.

    Attributes:
        field: its name; for members of variables, headers and the like with their name: `variables.region`.
        one: its value in the one, a secret as its reference; UNSET if it has none.
        other: its value in the other.
        one_inherited: whether the one inherits it from the environment that it extends.
        other_inherited: whether the other does.
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
        return is_same_in_file(self.one, self.other)


@dataclass(frozen=True)
class Comparison:
    """Two environments field by field; in a notebook it displays the differences."""

    one: str
    other: str
    rows: tuple[ComparedField, ...]

    def __iter__(self) -> Iterator[ComparedField]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def differing(self) -> tuple[ComparedField, ...]:
        """The rows in which they differ."""
        return tuple(row for row in self.rows if not row.same)

    def frame(self) -> DataFrame:
        """Return every row as a DataFrame; values are texts, and missing if there is none."""
        return make_frame([{name: _cell(getattr(row, name)) for name in _COLUMNS} for row in self.rows], _COLUMNS)

    def __repr__(self) -> str:
        return f"<{self.one} and {self.other} differ in {', '.join(r.field for r in self.differing) or 'nothing'}>"

    def _repr_html_(self) -> str:
        same = [row for row in self.rows if row.same]
        differing = self._table(self.differing) if self.differing else html.muted("No differences.")
        rest = html.details(f"{len(same)} the same", self._table(same)) if same else ""
        return str(html.join([differing, rest]))

    def _table(self, rows: Sequence[ComparedField]) -> html.Markup:
        cells = [
            (html.code(r.field), _html_cell(r.one, r.one_inherited), _html_cell(r.other, r.other_inherited))
            for r in rows
        ]
        return html.table(["field", self.one, self.other], cells)


def compare_environments(
    one: Environment, other: Environment, one_base: Environment | None, other_base: Environment | None
) -> Comparison:
    """Compare two environments field by field; the bases are the same environments with only what they inherit."""
    ours, theirs = display_fields(one), display_fields(other)
    our_base, their_base = display_fields(one_base), display_fields(other_base)
    rows = (
        ComparedField(
            field=name,
            one=ours.get(name, UNSET),
            other=theirs.get(name, UNSET),
            one_inherited=_is_inherited(our_base, ours, name),
            other_inherited=_is_inherited(their_base, theirs, name),
        )
        for name in sorted({**ours, **theirs}, key=lambda name: FIELDS.index(name.partition(".")[0]))
    )
    return Comparison(one.name, other.name, tuple(rows))


def display_fields(environment: Environment | None) -> dict[str, Any]:
    """Return the fields of an environment for display, members of mappings one by one, secrets as references."""
    if environment is None:
        return {}
    found: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(environment, field)
        if field in MERGED:
            found |= {f"{field}.{name}": _to_display(inner) for name, inner in value.items()}
        elif value is not None and field != "name":
            found[field] = _to_display(value)
    return found


def _to_display(value: Any) -> Any:
    if isinstance(value, Secret | Reference):
        return value.reference
    if isinstance(value, Mapping):
        return {name: _to_display(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_display(inner) for inner in value]
    return str(value) if isinstance(value, LiteralText) else value


def _is_inherited(base: Mapping[str, Any], own: Mapping[str, Any], name: str) -> bool:
    return name != "extends" and name in base and name in own and is_same_in_file(base[name], own[name])


def _cell(value: Any) -> Any:
    if value is UNSET or isinstance(value, bool | str):
        return None if value is UNSET else value
    return str(value)


def _html_cell(value: Any, inherited: bool) -> html.Markup:
    if value is UNSET:
        return html.muted("not set")
    text = str(value)
    shown = html.escape(text[:_LONGEST] + (" …" if len(text) > _LONGEST else ""))
    return html.join([shown, " ", html.muted("(inherited)")]) if inherited else shown

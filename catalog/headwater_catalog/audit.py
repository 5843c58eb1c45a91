"""What a table file tells of itself, held against the catalog: who made it, of what, and is it still so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from headwater.errors import InvalidInput
from headwater_catalog.datasets import file_sha256, find_version, schemas_with, versions_with
from headwater_catalog.erased import Erased, erased_of
from headwater_catalog.errors import Conflict, NotFound, RepositoryError
from headwater_catalog.fingerprint_scheme import SCHEME
from headwater_catalog.input_places import kept_inputs_of
from headwater_catalog.kept_standings import standing_of_version
from headwater_catalog.personal import Hidden, hidden_in
from headwater_catalog.saved_objects import BYTES
from headwater_catalog.stamp_files import find_stamp, format_of_content
from headwater_catalog.stamps import Stamp, parse_stamp
from headwater_catalog.standings import Standing
from headwater_catalog.store.models import DatasetVersion

if TYPE_CHECKING:
    from headwater_catalog.confined_tables import Content
    from headwater_catalog.run_settings import RunSettings
    from headwater_catalog.settings import Settings
    from headwater_catalog.snapshot import SnapshotFeature

__all__ = ["Audit", "Found", "Verified", "audit_file", "find_origin"]

_TEXT_FORMATS = {".csv": "csv", ".json": "json"}
_GIVEN = ("columns", "config", "inputs", "recipe")
"""The parts of a stamp that hold what a run was given, or the fingerprints of what came out."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a file comes from, as far as its stamp and the store say.

    Attributes:
        name: Name of the file.
        format: What it is: that of a table, or empty.
        stamp: What it says of itself, or what the store says of its content; None where neither is known.
        origin: Who says so: "stamp", or "content" where only the store does; "" where nobody does.
        store: Whether the store says the same: "known", "differs", or "unknown" to it.
        differences: The parts of the stamp of which the store says something else.
        version: The dataset version in the store; None where it is unknown.
        others: Further versions of the same content.
        damage: Why the file's stamp cannot be read; empty where it can, or where there is none.
    """

    name: str
    format: str
    stamp: Stamp | None
    origin: str
    store: str
    differences: tuple[str, ...] = ()
    version: DatasetVersion | None = None
    others: tuple[DatasetVersion, ...] = ()
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """How the content of a file compares to what its stamp says.

    Attributes:
        rows: How many rows there were, and are.
        changed: Columns that hold other values.
        added: Columns that are new.
        removed: Columns that are gone.
        renamed: Columns with the name before and the name now.
    """

    rows: tuple[int, int]
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether the file holds what was saved."""
        lost = self.changed or self.added or self.removed or self.renamed
        return not lost and self.rows[0] == self.rows[1]


@dataclass(frozen=True, slots=True)
class Audit:
    """All that is known of a file.

    Attributes:
        found: Where it comes from.
        standing: How its columns stand at main; None where it is not known where they come from.
        verified: How its content compares; None where nobody asked.
        definitions: The code that made its columns as of then, by feature.
        erased: By what the file of its dataset version was erased; None where it was not.
        kept: Which of its inputs that its commit does not have are still kept, so that it can be made again;
            none where the catalog does not know it.
    """

    found: Found
    standing: Standing | None = None
    verified: Verified | None = None
    definitions: Mapping[str, tuple[SnapshotFeature, ...]] = field(default_factory=dict)
    kept: Mapping[str, bool] = field(default_factory=dict)
    erased: Erased | None = None

    def hidden(self, sees_personal: bool) -> Hidden:
        """Return what of it is hidden from somebody; what only the file itself says, they have already."""
        version = self.found.version
        return Hidden() if version is None else hidden_in(version.run, sees_personal)

    def store(self, sees_personal: bool) -> str:
        """Return whether the store says the same, as far as whoever asks may know."""
        is_same = self.found.store == "differs" and not self.differences(sees_personal)
        return "known" if is_same else self.found.store

    def differences(self, sees_personal: bool) -> tuple[str, ...]:
        """Return of which parts of the file's stamp the store says something else.

        Whoever may not see what a run was given is not told whether it was what they have written there:
        they could go on guessing.
        """
        given = _GIVEN if self.hidden(sees_personal) else ()
        return tuple(part for part in self.found.differences if part not in given)


def audit_file(
    session: Session,
    settings: Settings,
    path: Path,
    *,
    name: str | None = None,
    sidecar: Path | None = None,
    verify: bool = False,
    definitions: bool = True,
    most_looks: int | None = None,
) -> Audit:
    """Return all that is known of a file.

    Args:
        session: An open session; what its reader may not see is unknown.
        settings: Where files of the catalog are.
        path: The file.
        name: What it is called, where that is not the path's name.
        sidecar: The file with its stamp; by default the one beside it.
        verify: Also read its data, and compare.
        definitions: Also find the code that made its columns.
        most_looks: At how many stretches of the main line to look for the commits that changed columns, where
            only the file itself says what these are; None: as many as usual.

    Raises:
        NotFound: There is no such file.
        Conflict: It is no table, or not what it says.
    """
    try:
        found = find_origin(session, path, name=name, sidecar=sidecar, held=settings.runs)
        if found.stamp is None:
            return Audit(found)
        verified = _verify(path, found, settings.runs) if verify or found.origin == "content" else None
    except InvalidInput as error:
        raise Conflict(f"{name or path.name}: {error}") from error
    content = found.stamp.content
    standing = _standing(session, settings, found, content, most_looks)
    kept = {} if found.version is None else kept_inputs_of(settings, found.version)
    told = _definitions(session, settings, content) if definitions else {}
    return Audit(found, standing, verified, told, kept, _erased(session, found))


def _erased(session: Session, found: Found) -> Erased | None:
    """Return by what the kept file was erased of which this one is a copy."""
    numbers = [str(each.id) for each in (found.version, *found.others) if each is not None]
    return next(iter(erased_of(session, "dataset", numbers).values()), None)


def find_origin(
    session: Session,
    path: Path,
    *,
    name: str | None = None,
    sidecar: Path | None = None,
    held: RunSettings | None = None,
) -> Found:
    """Return where a file comes from: by its stamp, which is read without its data, or by its content.

    Args:
        session: An open session.
        path: The file.
        name: What it is called, where that is not the path's name.
        sidecar: The file with its stamp; by default the one beside it.
        held: How the process that reads its data is held; None: as usual.

    Raises:
        NotFound: There is no such file.
        InvalidInput: It is no table, or not what it says.
    """
    name = name or path.name
    if not path.is_file():
        raise NotFound(f"There is no file '{path}'.")
    format = format_of_content(path) or _TEXT_FORMATS.get(Path(name).suffix.lower(), "")
    damage = ""
    try:
        data = find_stamp(path, sidecar)
        if data is not None:
            return _judge(session, name, format, parse_stamp(data))
    except InvalidInput as error:
        damage = str(error)
    found = _by_content(session, path, name, format, damage, held)
    if not format and found.stamp is None and not damage:
        raise InvalidInput(
            "This is nothing that Headwater has saved: neither Parquet nor Arrow by its content, nor .csv or "
            ".json by its name, nor does any version of a dataset have these bytes."
        )
    return found


def _standing(
    session: Session, settings: Settings, found: Found, content: Mapping[str, Any], most_looks: int | None
) -> Standing:
    if found.version is not None and not set(found.differences) - set(_GIVEN):
        return standing_of_version(session, settings, found.version)
    # What is not of the store is judged by its own word.
    from headwater_catalog.stale import standing_of

    return standing_of(session, settings, content["repository"], content, most_looks=most_looks)


def _judge(session: Session, name: str, format: str, stamp: Stamp) -> Found:
    """Hold a stamp against the store."""
    version = find_version(session, stamp.version)
    if version is None or version.stamp is None:
        return Found(name, format, stamp, "stamp", "unknown")
    known, told = version.stamp, stamp.content
    differences = tuple(key for key in sorted(known.keys() | told.keys()) if known.get(key) != told.get(key))
    return Found(name, format, stamp, "stamp", "differs" if differences else "known", differences, version)


def _by_content(
    session: Session, path: Path, name: str, format: str, damage: str, held: RunSettings | None
) -> Found:
    from headwater_catalog.confined_tables import Content, column_names, contents_of

    versions = versions_with(session, sha256=file_sha256(path))
    if not versions and format:
        schemas: list[str | None] = [None]
        if format in _TEXT_FORMATS.values():
            schemas = [*schemas_with(session, column_names(path, format, held))]
        contents = contents_of(path, format, schemas, held) if schemas else []
        for content in contents:
            if not versions and isinstance(content, Content):
                versions = versions_with(session, fingerprint=content.table)
        if contents and all(isinstance(each, str) for each in contents):
            raise InvalidInput(str(contents[0]))
    stamped = [version for version in versions if version.stamp is not None]
    if not stamped:
        return Found(name, format, None, "", "unknown", damage=damage)
    first, *others = stamped
    stamp = Stamp(first.stamp or {})
    return Found(name, format, stamp, "content", "known", (), first, tuple(others), damage)


def _verify(path: Path, found: Found, held: RunSettings) -> Verified:
    from headwater_catalog.confined_tables import contents_of

    stamp = found.stamp
    assert stamp is not None
    if found.origin == "content":  # it was found by holding just that
        return Verified((stamp.rows, stamp.rows))
    if stamp.fingerprint_scheme == BYTES:
        names = tuple(column["name"] for column in stamp.columns)
        return Verified((0, 0), () if file_sha256(path) == stamp.fingerprint else names)
    if stamp.fingerprint_scheme != SCHEME:
        raise InvalidInput(
            f"Its fingerprints were made by '{stamp.fingerprint_scheme}', which this version of Headwater "
            "cannot make. Use one that can."
        )
    schema = stamp.content["schema"] if found.format in _TEXT_FORMATS.values() else None
    content = contents_of(path, found.format, [schema], held)[0]
    if isinstance(content, str):
        raise InvalidInput(content)
    return _compared(stamp, content)


def _compared(stamp: Stamp, content: Content) -> Verified:
    then = {column["name"]: column["fingerprint"] for column in stamp.columns}
    now = dict(content.columns)
    gone, come = [name for name in then if name not in now], [name for name in now if name not in then]
    renamed = []
    for name in tuple(gone):
        other = next((each for each in come if now[each] == then[name]), None)
        if other is not None:
            renamed.append((name, other))
            gone.remove(name)
            come.remove(other)
    changed = tuple(name for name in then if name in now and then[name] != now[name])
    return Verified((stamp.rows, content.rows), changed, tuple(come), tuple(gone), tuple(renamed))


def _definitions(
    session: Session, settings: Settings, content: Mapping[str, Any]
) -> dict[str, tuple[SnapshotFeature, ...]]:
    """Return the code that made columns, as of then, where it is known here."""
    from headwater_catalog.moments import moment_at
    from headwater_catalog.repositories import get_repository

    keys = dict.fromkeys(key for column in content["columns"] for key in column.get("features", ()))
    try:
        repository = get_repository(session, content["repository"])
        variants = moment_at(session, settings, repository, content["commit"]).snapshot.variants
    except (NotFound, RepositoryError):
        return {}
    return {key: variants[key] for key in keys if key in variants}

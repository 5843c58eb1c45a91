"""Reading exported catalogs back, so that two of them can be compared like two commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from headwater_catalog.artefact.kept_lineages import KeptLineages
from headwater_catalog.artefact.tables import APPLICATION_ID, FORMAT
from headwater_catalog.collection import without_collection
from headwater_catalog.declared import Declared
from headwater_catalog.errors import Conflict, RepositoryError
from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.lineage_hash import Meaning, Revision, signature_of
from headwater_catalog.reach import Unit, UnitKey
from headwater_catalog.read import Diagnostic
from headwater_catalog.read.named import Named
from headwater_catalog.records import DependencyRecord, FeatureKey
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, SnapshotInput, in_order
from headwater_catalog.suite import NO_SUITE, Suite
from headwater_catalog.views import DataflowView

__all__ = ["Artefact", "is_artefact", "read_artefact", "require_alike"]

_MAGIC: Final = b"SQLite format 3\0"
_PLACE: Final = 68  # of the application's number in the header


@dataclass(frozen=True)
class Artefact:
    """An exported catalog.

    Attributes:
        place: The file.
        facts: What it says of itself, by name.
        sha: The commit that it is of.
        revision: What that holds.
    """

    place: Path
    facts: Mapping[str, str]
    sha: str
    revision: Revision


def is_artefact(place: Path) -> bool:
    """Tell whether a file is an exported catalog, by its first bytes."""
    try:
        with place.open("rb") as file:
            head = file.read(100)
    except OSError:
        return False
    return head.startswith(_MAGIC) and int.from_bytes(head[_PLACE : _PLACE + 4], "big") == APPLICATION_ID


def read_artefact(place: Path) -> Artefact:
    """Return what an exported catalog holds.

    Raises:
        RepositoryError: It is none, or one that this version cannot read.
    """
    if not is_artefact(place):
        raise RepositoryError(
            f"{place} is no catalog that `headwater export` has written. Give two such files, or A..B for "
            "two commits."
        )
    try:
        # Nobody writes such a file, and a place that cannot be written is no hindrance.
        opened = sqlite3.connect(f"{place.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        with closing(opened) as database, without_collection():
            return _read(place, database)
    except (sqlite3.Error, ValueError, LookupError, TypeError, AttributeError) as error:
        told = f"{place} cannot be read as an exported catalog: {error}. Export it again."
        raise RepositoryError(told) from error


def require_alike(before: Artefact, after: Artefact) -> None:
    """Make sure that the hashes of two files may be compared.

    Raises:
        Conflict: They were made in different ways.
    """
    for name in ("lineage_scheme", "reader"):
        if before.facts[name] != after.facts[name]:
            both = " and ".join(f"{it.place} (Headwater {it.facts['headwater']})" for it in (before, after))
            raise Conflict(
                f"{both} were written by versions that read code differently, so that most would seem "
                "changed. Export both commits with one version."
            )


def _read(place: Path, database: sqlite3.Connection) -> Artefact:
    if (found := database.execute("PRAGMA user_version").fetchone()[0]) != FORMAT:
        raise RepositoryError(
            f"{place} has format {found}, and this version of Headwater reads format {FORMAT}. Export the "
            "commit again with this version."
        )
    database.row_factory = sqlite3.Row
    facts = {row["name"]: row["value"] for row in database.execute("SELECT name, value FROM export")}
    (sha,) = database.execute("SELECT sha FROM commits").fetchone()
    snapshot = _snapshot(database)
    meanings = dict(_meanings(database, snapshot))
    units = dict(_units(database))
    return Artefact(place, facts, sha, Revision(snapshot, KeptLineages(snapshot, meanings, units)))


def _snapshot(database: sqlite3.Connection) -> Snapshot:
    said = {row["kind"]: json.loads(row["content"]) for row in database.execute("SELECT * FROM declarations")}
    declared = Declared.from_data(said)
    dataflows = tuple(sorted(_dataflows(database), key=lambda flow: flow.name))
    maker = FeatureMaker(declared.ownership, dataflows)
    problems = (Diagnostic(*row) for row in database.execute("SELECT path, line, message FROM problems"))
    return Snapshot(
        features=tuple(sorted(_features(database, maker), key=in_order)),
        dataflows=dataflows,
        diagnostics=tuple(sorted(problems)),
        inputs=tuple(sorted(_inputs(database, maker), key=in_order)),
        declared=declared,
        tests=_tests(database),
        constants={module: dict(_constants(found)) for module, found in said.get("constants", {}).items()},
    )


def _constants(found: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, texts in found.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"the constant {name} is no list of texts")
        yield name, texts


def _tests(database: sqlite3.Connection) -> Suite:
    files = {
        row["path"]: Named(
            bool(row["has_tests"]), frozenset(_texts(row["imports"])), frozenset(_texts(row["names"]))
        )
        for row in database.execute("SELECT * FROM tests")
    }
    return Suite(lambda: files) if files else NO_SUITE


def _features(database: sqlite3.Connection, maker: FeatureMaker) -> Iterator[SnapshotFeature]:
    needs = _parameters(database)
    rows = database.execute(
        "SELECT features.module, features.name, definitions.*, uses AS columns, source_hash AS digest"
        " FROM definitions JOIN features ON features.key = definitions.feature"
    )
    for row in rows:
        key = row["module"], row["name"], row["function"]
        place = row["path"], row["line"], row["end_line"]
        dependencies = needs.get((row["feature"], row["function"]), ())
        yield maker.feature(key, place, row["source"], _Stored(row), dependencies)


def _inputs(database: sqlite3.Connection, maker: FeatureMaker) -> Iterator[SnapshotInput]:
    for row in database.execute("SELECT * FROM declared_inputs"):
        key = row["module"], row["name"], row["function"]
        yield maker.input(key, (row["path"], row["line"], row["end_line"]), _Stored(row))


class _Stored:
    """A row whose columns are attributes."""

    def __init__(self, row: sqlite3.Row) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row[name]


def _parameters(database: sqlite3.Connection) -> Mapping[tuple[str, str], tuple[DependencyRecord, ...]]:
    shared = cache(DependencyRecord)
    rows = database.execute(
        "SELECT feature, function, name, type, optional FROM parameters ORDER BY feature, function, position"
    )
    return {
        key: tuple(shared(name, type_, bool(optional)) for _, _, name, type_, optional in needs)
        for key, needs in groupby(rows.fetchall(), key=itemgetter(0, 1))
    }


def _dataflows(database: sqlite3.Connection) -> Iterator[DataflowView]:
    for row in database.execute("SELECT * FROM dataflows"):
        yield DataflowView(
            name=row["name"],
            origin=row["origin"],
            modules=tuple(json.loads(row["modules"])),
            config=json.loads(row["config"]),
            sources=json.loads(row["sources"]),
            outputs=tuple(json.loads(row["outputs"])),
            upstream=json.loads(row["upstream"]),
            sinks=json.loads(row["sinks"]),
        )


def _meanings(database: sqlite3.Connection, snapshot: Snapshot) -> Iterator[tuple[FeatureKey, Meaning]]:
    columns = "feature, function, code_hash, definition_hash, reaches, opaque"
    stored = {
        (feature, function): told
        for feature, function, *told in database.execute(f"SELECT {columns} FROM definitions")  # noqa: S608
    }
    for feature in snapshot.features:
        code_hash, definition, needs, opaque = stored[feature.key, feature.variant]
        yield (
            (feature.module, feature.name, feature.variant),
            Meaning(code_hash, signature_of(feature), definition, _keys(json.loads(needs)), _texts(opaque)),
        )


def _units(database: sqlite3.Connection) -> Iterator[tuple[UnitKey, tuple[Unit, str]]]:
    for row in database.execute("SELECT * FROM units"):
        needs = {name: _keys(keys) for name, keys in json.loads(row["reaches"]).items()}
        unit = Unit(row["own_hash"], needs, _texts(row["opaque"]))
        yield tuple(json.loads(row["unit"])), (unit, row["hash"])


def _keys(found: list[list[str]]) -> tuple[UnitKey, ...]:
    return tuple(map(tuple, found))


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))

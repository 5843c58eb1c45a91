"""Writing the catalog of one commit as one SQLite file: the same bytes whenever it is the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from headwater_catalog.artefact.tables import FORMAT, script
from headwater_catalog.collection import without_collection
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.governance.check import check, policies_of
from headwater_catalog.governance.inventory import inventory_of
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.lineage_scheme import READER_VERSION, SCHEME
from headwater_catalog.query.classified import Classified, classify
from headwater_catalog.reach import unit_name
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.storable import clean
from headwater_catalog.views import summary_of

__all__ = ["Exported", "day_of_commit", "write_artefact"]

_Row = tuple[Any, ...]

_UNSEEN: Final = "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
"""Pages of one size wherever it is written, and no journal, since nobody sees the file before it is done."""


@dataclass(frozen=True)
class Exported:
    """What is exported.

    Attributes:
        repository: Name of the repository.
        address: Where the repository is fetched from, if others can fetch it from there; else empty.
        commit: The commit.
        revision: What it holds.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.
        policies: Policies of the platform, which hold beside those of the repository.
    """

    repository: str
    address: str
    commit: CommitInfo
    revision: Revision
    day: str
    policies: tuple[Policy, ...] = ()


def day_of_commit(commit: CommitInfo) -> str:
    """Return the day of a commit in UTC, as YYYY-MM-DD."""
    return _instant(commit.committed_at)[:10]


def write_artefact(exported: Exported, place: Path) -> None:
    """Write what is exported to a file that is not there yet.

    Raises:
        OSError: It cannot be written.
        sqlite3.Error: The same.
    """
    with without_collection(), closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.executescript(_UNSEEN)
        database.executescript(f"BEGIN; {script()}")
        for table, rows in _tables(exported):
            _insert(database, table, rows)
        database.execute("COMMIT")


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[_Row]) -> None:
    # By key: the file is the smallest then, and the same whatever order things were found in.
    kept = sorted(rows)
    if kept:
        places = ", ".join("?" * len(kept[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({places})", kept)  # noqa: S608  names of our own


def _tables(exported: Exported) -> Iterator[tuple[str, Iterable[_Row]]]:
    snapshot = exported.revision.snapshot
    yield "export", _facts(exported)
    yield "commits", [_commit(exported.commit)]
    yield "modules", _modules(snapshot)
    yield "features", _features(exported.revision)
    yield "definitions", (_definition(exported.revision, each) for each in snapshot.features)
    yield "parameters", _parameters(snapshot)
    yield "tags", _tags(snapshot)
    yield (
        "owners",
        (
            (each.key, each.variant, position, owner)
            for each in snapshot.features
            for position, owner in enumerate(each.owners)
        ),
    )
    nodes = snapshot.graph.nodes.values()
    yield "inputs", ((n.key, n.name, n.type, n.summary, int(n.is_declared)) for n in nodes if n.is_input)
    yield "declared_inputs", _declared_inputs(snapshot)
    yield "edges", ((edge.source, edge.target, edge.dataflow) for edge in snapshot.edges)
    yield "dataflows", _dataflows(snapshot)
    yield from _classifications(exported)
    yield from _judged(exported)
    yield "problems", {(each.path, each.line, each.message) for each in snapshot.diagnostics}
    yield "declarations", _declarations(snapshot)
    yield "tests", _tests(snapshot)
    yield "units", _units(exported.revision)


def _tests(snapshot: Snapshot) -> Iterator[_Row]:
    for path, named in snapshot.tests.files.items():
        yield path, int(named.has_tests), _json(sorted(named.imports)), _json(sorted(named.names))


def _facts(exported: Exported) -> Iterator[_Row]:
    yield "format", str(FORMAT)
    yield "headwater", version("headwater")
    yield "reader", READER_VERSION
    yield "lineage_scheme", SCHEME
    yield "repository", exported.repository
    yield "address", exported.address
    yield "day", exported.day


def _commit(commit: CommitInfo) -> _Row:
    told = (commit.subject, commit.body, commit.author_name)
    return (
        *(commit.sha, _json(list(commit.parents)), *map(clean, told)),
        *(_instant(commit.authored_at), _instant(commit.committed_at)),
    )


def _instant(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # git takes any number for a time
        return "1970-01-01T00:00:00Z"


def _modules(snapshot: Snapshot) -> Iterator[_Row]:
    found: dict[str, list[str]] = {}
    for variants in snapshot.variants.values():
        found.setdefault(variants[0].module, []).append(max(variant.path for variant in variants))
    return ((module, paths[0], len(paths)) for module, paths in found.items())


def _features(revision: Revision) -> Iterator[_Row]:
    snapshot, lineages = revision.snapshot, revision.lineages
    hashes, unsettled = lineages.hashes, lineages.unsettled
    for key, variants in snapshot.variants.items():
        first = variants[0]
        owner = ", ".join(dict.fromkeys(owner for each in variants for owner in each.owners))
        yield (
            *(key, first.module, first.name, first.type, summary_of(first.doc), owner, len(variants)),
            *(hashes[key], int(key not in unsettled)),
        )


def _definition(revision: Revision, feature: SnapshotFeature) -> _Row:
    meaning = revision.lineages.meaning(feature)
    return (
        *(feature.key, feature.variant, feature.path, feature.line, feature.end_line),
        *(feature.type, feature.doc, feature.condition, feature.source),
        _json(dict(feature.tags)),
        _json([asdict(part) for part in feature.parts]),
        _json([asdict(use) for use in feature.columns]),
        _json(list(feature.partial)),
        *(feature.digest, meaning.code_hash, meaning.definition),
        *(_json([list(key) for key in meaning.needs]), _json(list(meaning.opaque))),
    )


def _parameters(snapshot: Snapshot) -> Iterator[_Row]:
    for each in snapshot.features:
        for position, needed in enumerate(each.dependencies):
            yield each.key, each.variant, position, needed.name, needed.type, int(needed.optional)


def _tags(snapshot: Snapshot) -> Iterator[_Row]:
    for each in snapshot.features:
        for tag, value in each.tags.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            for position, one in enumerate(values):
                yield each.key, each.variant, tag, position, one if isinstance(one, str) else _json(one)


def _declared_inputs(snapshot: Snapshot) -> Iterator[_Row]:
    for each in snapshot.inputs:
        yield (
            *(each.module, each.name, each.variant, each.path, each.line, each.end_line),
            *(each.type, each.doc, each.condition, _json(dict(each.tags)), _json(list(each.owners))),
        )


def _dataflows(snapshot: Snapshot) -> Iterator[_Row]:
    for flow in snapshot.dataflows:
        parts = flow.modules, flow.config, flow.sources, flow.outputs, flow.upstream, flow.sinks
        yield flow.name, flow.origin, *map(_json, parts)


def _classifications(exported: Exported) -> Iterator[tuple[str, Iterable[_Row]]]:
    snapshot = exported.revision.snapshot
    rules = snapshot.declared.rules.classifications
    found = [classify(snapshot, tag, exported.day) for tag in rules]
    told = [inventory_of(snapshot, each) for each in found]
    yield (
        "classifications",
        (
            (each.classification.key, _json(each.classification.names), each.classification.doc, each.reached)
            for each in told
        ),
    )
    yield "classified", (row for each in found for row in _classified(each))
    yield "barriers", _barriers(told)


def _classified(found: Classified) -> Iterator[_Row]:
    tag = found.classification.key
    for key in found.levels:
        way = found.why(key)
        yield key, tag, found.name(key), int(key in found.carriers), _json(way)


def _barriers(told: Iterable[Any]) -> Iterator[_Row]:
    for each in told:
        for stop in each.stops:
            barrier, held = stop.barrier, stop.held
            said = (barrier.reason, barrier.reviewer, barrier.until) if barrier else ("", "", "")
            kind, expired = ("barrier", barrier.is_expired) if barrier else ("anonymiser", False)
            place = held.key, each.classification.key
            yield *place, kind, *said, int(expired), _json(held.sources), len(held.kept_free)


def _judged(exported: Exported) -> Iterator[tuple[str, Iterable[_Row]]]:
    snapshot = exported.revision.snapshot
    found = check(exported.repository, snapshot, exported.day, more=exported.policies)
    unknown = {each.rule: each.reason for each in found.unknown}
    yield (
        "policies",
        (
            (p.name, p.severity, p.message, p.owner, p.scope, p.query, p.needs)
            + (f"{p.path}:{p.line}" if p.path else "platform", unknown.get(p.name, ""))
            for p in policies_of(snapshot, exported.policies)
        ),
    )
    yield (
        "findings",
        (
            (f.fingerprint, f.rule, f.severity, f.message, f.key, f.about, f.path, f.line)
            + (_json(f.owners), _json(f.because))
            for f in found.findings
        ),
    )


def _declarations(snapshot: Snapshot) -> Iterator[_Row]:
    declared = snapshot.declared
    # Whoever is in a team is named by an address, which is nobody's business who reads the file.
    shown = replace(declared, rules=replace(declared.rules, teams={}))
    said = shown.as_data() | ({"constants": snapshot.constants} if snapshot.constants else {})
    return ((kind, _json(data)) for kind, data in said.items())


def _units(revision: Revision) -> Iterator[_Row]:
    for key, (unit, own_hash) in revision.lineages.reached.items():
        yield (
            *(_json(list(key)), clean(unit_name(key)), unit.digest, own_hash),
            *(_json(_keys(unit.needs)), _json(list(unit.opaque))),
        )


def _keys(needs: Mapping[str, tuple[tuple[str, ...], ...]]) -> dict[str, list[list[str]]]:
    return {name: [list(key) for key in keys] for name, keys in needs.items()}


def _json(value: Any) -> str:
    # In ASCII: what a repository calls things need not be Unicode.
    return _ENCODER.encode(value)


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), default=str)

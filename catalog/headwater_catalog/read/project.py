"""The project file: what a feature repository says about itself in `[tool.headwater]`."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from headwater.errors import did_you_mean
from headwater_catalog.locations import LOCATION, Whereabouts, read_whereabouts
from headwater_catalog.partitions import Partitions
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.partitions import read_partitions
from headwater_catalog.read.rules import read_classifications, read_policies, read_review
from headwater_catalog.read.tables import bound_table, is_bound, read_tables
from headwater_catalog.rules import USUAL_REVIEW, Classification, Policy, Review
from headwater_catalog.source_specs import SourceSpec
from headwater_catalog.table_specs import TableSpec

__all__ = [
    "PROJECT_FILES",
    "DataflowSpec",
    "FeatureSource",
    "Project",
    "SourceSpec",
    "read_policy_file",
    "read_project",
]

PROJECT_FILES: Final = ("pyproject.toml", "headwater.toml")

_TOP_LEVEL: Final = (
    *("classifications", "dataflows", "environment", "environments", "owners", "policies"),
    *("review", "source_roots", "tables", "teams"),
)

_LONGEST: Final = 200_000
"""Size in bytes above which a project file is not read."""

_MOST_DOTS: Final = 1_000  # in one line: the time for a key grows with the square of its parts
_MOST_TOLD: Final = 100  # faults of one file

_ENVIRONMENT: Final = ("requirements",)
_DATAFLOW: Final = ("config", "modules", "outputs", "partitions", "schedule", "sinks", "sources")
_SOURCE: Final = ("at", "dates", "feature", "index", *LOCATION)
_SINK: Final = LOCATION


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """A feature of another repository that an input of a dataflow comes from.

    Attributes:
        feature: `repository:module:name`.
        at: The commit, tag or branch of that repository; None for what the catalog has scanned last.
    """

    feature: str
    at: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it."""
        return {"feature": self.feature, "at": self.at}


@dataclass(frozen=True, slots=True)
class DataflowSpec:
    """Modules and configuration composed into one graph.

    Attributes:
        name: Its name.
        modules: Dotted names of its modules, in order; as declared they may hold globs.
        config: Its configuration, plain JSON values.
        sources: Data files by logical name.
        upstream: Features of other repositories that inputs come from, by the input's name.
        sinks: Where its saved tables go besides, by logical name.
        outputs: The nodes that its dataset has as columns.
        schedule: When it is to run, as declared.
        partitions: How it is cut into stretches of time; None where it is not.
        origin: "declared" in a project file, taken by a "driver", or "layout" of the packages.
        places: Where drivers take it, as path:line.
    """

    name: str
    modules: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, SourceSpec] = field(default_factory=dict)
    upstream: Mapping[str, FeatureSource] = field(default_factory=dict)
    sinks: Mapping[str, Whereabouts] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    schedule: str | None = None
    partitions: Partitions | None = None
    origin: str = "declared"
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """What the project file of a repository says.

    Attributes:
        path: The file that was taken; empty where there is none.
        dataflows: The declared dataflows in the order of the file.
        source_roots: Folders that importing starts from, besides the top.
        owners: Whom to ask about modules: names or globs of modules, each with its owners.
        requirements: The file that lists the packages of its environment; None leaves that to the server.
        classifications: The classifications that it declares.
        unclassified: The usual classifications that it does without, by key.
        policies: The policies that it declares.
        teams: The members of teams, by the team's name.
        review: What counts as a review of a commit.
        tables: The logical tables that it declares, by name.
        settings: The whole table, as written.
        diagnostics: What could not be read as meant.
        lines: Lines of the dataflows' headings, by name.
    """

    path: str = ""
    dataflows: tuple[DataflowSpec, ...] = ()
    source_roots: tuple[str, ...] = ()
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    requirements: str | None = None
    classifications: tuple[Classification, ...] = ()
    unclassified: frozenset[str] = frozenset()
    policies: tuple[Policy, ...] = ()
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    review: Review = USUAL_REVIEW
    tables: Mapping[str, TableSpec] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)


def read_project(pyproject: bytes | None = None, headwater_toml: bytes | None = None) -> Project:
    """Read the project file of a repository; `headwater.toml` goes before `pyproject.toml`.

    Faults are diagnostics: what is wrong is left out, the rest counts.
    """
    own = _Reader("headwater.toml", headwater_toml)
    shared = _Reader("pyproject.toml", pyproject)
    table = shared.table(shared.document(), "tool")
    declared = shared.table(table, "headwater", "tool.") if "headwater" in table else None
    if headwater_toml is None:
        return shared.project(declared or {}, "tool.headwater.") if declared is not None else shared.nothing()
    if declared is not None:
        shared.tell("headwater", "[tool.headwater] is not read beside a headwater.toml. Keep one of them.")
    project = own.project(own.document(), "")
    return replace(project, diagnostics=(*shared.diagnostics, *project.diagnostics))


def read_policy_file(path: str, content: bytes) -> tuple[tuple[Policy, ...], tuple[Diagnostic, ...]]:
    """Return the policies of a file of policies, each a table of its name, and what is wrong with it."""
    reader = _Reader(path, content)
    policies = read_policies(reader, reader.document(), "")
    return policies, tuple(reader.diagnostics)


class _Reader:
    """Reads one file, noting what is wrong with it."""

    def __init__(self, path: str, content: bytes | None) -> None:
        self.path = path
        self.diagnostics: list[Diagnostic] = []
        self.envs: tuple[str, ...] = ()
        self.tables: Mapping[str, TableSpec] = {}
        self._content = content or b""
        self._text = self._content[:_LONGEST].decode("utf-8", "replace").replace("\r\n", "\n")
        self._lines = self._text.split("\n")

    def document(self) -> dict[str, Any]:
        if len(self._content) > _LONGEST or any(line.count(".") > _MOST_DOTS for line in self._lines):
            most = f"more than {_LONGEST:,} bytes, or more than {_MOST_DOTS:,} dots in a line"
            self.diagnostics.append(Diagnostic(self.path, 0, f"The file has {most}; nothing in it counts."))
            return {}
        try:
            return tomllib.loads(self._text)
        except (ValueError, RecursionError) as error:  # also numbers that are too long
            at = re.search(r"at line (\d+)", str(error))
            line = int(at.group(1)) if at else 0
            message = f"The file is not valid TOML: {error}. Nothing in it counts until that is corrected."
            self.diagnostics.append(Diagnostic(self.path, line, message))
            return {}

    def nothing(self) -> Project:
        return Project(diagnostics=tuple(self.diagnostics))

    def project(self, settings: dict[str, Any], where: str) -> Project:
        self.known(settings, _TOP_LEVEL, where)
        roots = [root.strip("/") for root in self.texts(settings, "source_roots", where)]
        self.envs = self.texts(settings, "environments", where)
        self.tables = read_tables(self, settings, where)
        flows = self.table(settings, "dataflows", where)
        dataflows = [self.dataflow(name, flows, f"{where}dataflows.") for name in flows]
        teams = self.table(settings, "teams", where)
        classifications, unclassified = read_classifications(self, settings, where)
        policies = read_policies(self, self.table(settings, "policies", where), f"{where}policies.")
        return Project(
            path=self.path,
            dataflows=tuple(found for found in dataflows if found is not None),
            source_roots=tuple(
                root.strip("/") for root in roots if self.inside(root, f"{where}source_roots")
            ),
            owners=self.owners(settings, where),
            requirements=self.requirements(settings, where),
            classifications=classifications,
            unclassified=unclassified,
            policies=policies,
            teams={name: self.texts(teams, name, f"{where}teams.") for name in teams},
            review=read_review(self, settings, where),
            tables=self.tables,
            settings=settings,
            diagnostics=tuple(self.diagnostics),
            lines={name: self.line(name, "dataflows") for name in flows},
        )

    def requirements(self, settings: dict[str, Any], where: str) -> str | None:
        table, inner = self.table(settings, "environment", where), f"{where}environment."
        self.known(table, _ENVIRONMENT, inner)
        path = self.text(table, "requirements", inner)
        if path is None or not self.inside(path, f"{inner}requirements"):
            return None
        return PurePosixPath(path).as_posix()

    def dataflow(self, name: str, flows: dict[str, Any], where: str) -> DataflowSpec | None:
        if not isinstance(flows[name], dict):
            self.wrong(name, where, "a table")
            return None
        table, inner = flows[name], f"{where}{name}."
        self.known(table, _DATAFLOW, inner)
        modules = self.texts(table, "modules", inner)
        if not table.get("modules"):
            self.tell(name, f'{where}{name} names no modules, so it is empty. Add modules = ["features.*"].')
        sources = self.table(table, "sources", inner)
        read = {key: self.source(key, sources, f"{inner}sources.") for key in sources}
        others = {key: self.upstream(key, sources, f"{inner}sources.") for key in sources}
        return DataflowSpec(
            name=name,
            modules=modules,
            config=self.plain(self.table(table, "config", inner), f"{inner}config"),
            sources={key: source for key, source in read.items() if source is not None},
            upstream={key: source for key, source in others.items() if source is not None},
            sinks=self.sinks(table, inner),
            outputs=self.texts(table, "outputs", inner),
            schedule=self.text(table, "schedule", inner),
            partitions=read_partitions(self, table, inner),
        )

    def source(self, name: str, sources: dict[str, Any], where: str) -> SourceSpec | None:
        given = sources[name]
        table = {"path": given} if isinstance(given, str) else given
        if not isinstance(table, dict):
            self.wrong(name, where, 'a path, or a table such as {path = "data/weekly.csv"}')
            return None
        inner = f"{where}{name}."
        self.known(table, _SOURCE, inner)
        bound = bound_table(self, table, inner, self.tables)
        found = bound.where if bound else read_whereabouts(self, table, inner, self.envs)
        if found is None:
            if not is_bound(table) and not table.keys() & {"path", "url", "connection", "in", "feature"}:
                self.tell(name, f'{where}{name} has no path. Add path = "data/{name}.csv".')
            return None
        usual = found.at(None)
        return SourceSpec(
            path=usual.shown,
            index=self.text(table, "index", inner),
            dates=self.texts(table, "dates", inner),
            format=usual.format,
            where=None if found.is_plain else found,
            table=bound.name if bound else "",
        )

    def sinks(self, table: dict[str, Any], where: str) -> dict[str, Whereabouts]:
        found: dict[str, Whereabouts] = {}
        sinks = self.table(table, "sinks", where)
        for name in sinks:
            inner = f"{where}sinks.{name}."
            if not isinstance(sinks[name], dict):
                self.wrong(name, f"{where}sinks.", 'a table such as {url = "s3://shop/weekly.parquet"}')
                continue
            self.known(sinks[name], _SINK, inner)
            bound = bound_table(self, sinks[name], inner, self.tables)
            sink = bound.where if bound else read_whereabouts(self, sinks[name], inner, self.envs)
            if sink is None:
                if not is_bound(sinks[name]) and not sinks[name].keys() & {"path", "url", "connection", "in"}:
                    self.tell(name, f"{inner[:-1]} says no place. Add a url, or a connection and a table.")
            elif any(place.path or place.query for place in sink.locations.values()):
                wanted = "A sink has a url, or a connection and a table"
                self.tell(name, f"{inner[:-1]} cannot be written to. {wanted}; it has no effect.")
            else:
                found[name] = sink
        return found

    def owners(self, settings: dict[str, Any], where: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        pending = [("", self.table(settings, "owners", where))]
        while pending:  # a name with dots and without quotes is a table in a table to TOML
            above, table = pending.pop()
            for key, value in table.items():
                name = f"{above}{key}"
                owners = [value] if isinstance(value, str) else value
                if isinstance(value, dict):
                    pending.append((f"{name}.", value))
                elif isinstance(owners, list) and all(isinstance(owner, str) and owner for owner in owners):
                    found[name] = tuple(dict.fromkeys(owners))
                else:
                    self.wrong(key, f"{where}owners.{above}", "the name of an owner, or a list of names")
        return dict(sorted(found.items()))

    def upstream(self, name: str, sources: dict[str, Any], where: str) -> FeatureSource | None:
        """Read the feature of another repository that a source names; faults of the rest are told already."""
        table = sources[name]
        if not isinstance(table, dict) or "feature" not in table:
            if isinstance(table, dict) and "at" in table:
                self.tell(name, f"{where}{name}.at has no effect without the feature that it is of.")
            return None
        feature = table["feature"]
        parts = feature.split(":", 2) if isinstance(feature, str) else ()
        if len(parts) < 3 or not all(parts):
            wanted = "'repository:module:name', the whole key of a feature"
            self.tell(name, f"{where}{name}.feature must be {wanted}; what stands there has no effect.")
            return None
        return FeatureSource(feature, self.text(table, "at", f"{where}{name}."))

    # What a value must be

    def known(self, table: dict[str, Any], keys: Collection[str], where: str) -> None:
        for key in table:
            if key not in keys:
                near = did_you_mean(key, keys) or f" Known here: {', '.join(sorted(keys))}."
                self.tell(key, f"'{where}{key}' is unknown and has no effect.{near}")

    def table(self, table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
        found = table.get(key, {})
        if isinstance(found, dict):
            return found
        self.wrong(key, where, "a table")
        return {}

    def text(self, table: dict[str, Any], key: str, where: str) -> str | None:
        found = table.get(key)
        if found is None or isinstance(found, str):
            return found
        self.wrong(key, where, "a text")
        return None

    def texts(self, table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        found = table.get(key, [])
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return tuple(found)
        self.wrong(key, where, "a list of texts")
        return ()

    def inside(self, path: str, where: str) -> bool:
        """Tell whether a path stays inside the repository, and say so where it does not."""
        leaves = (
            PurePosixPath(path).is_absolute()
            or PureWindowsPath(path).drive
            or "\\" in path
            or "\0" in path
            or ".." in PurePosixPath(path).parts
            or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path)
        )
        if leaves:
            why = "which may lead out of the repository. Give a path relative to its top."
            self.tell(path, f"{where} is '{path}', {why}")
        return not leaves

    def plain(self, value: Any, where: str) -> Any:
        """Return a value as plain JSON data; dates become text, and no number is infinite."""
        if isinstance(value, dict):
            return {key: self.plain(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item, where) for item in value]
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, float) and not math.isfinite(value):
            key = where.rpartition(".")[2]
            self.tell(key, f"{where} is {value}, which cannot be stored; it counts as missing.")
            return None
        return value

    # What is wrong

    def wrong(self, key: str, where: str, expected: str) -> None:
        self.tell(key, f"{where}{key} must be {expected}; what stands there has no effect.")

    def tell(self, key: str, message: str) -> None:
        if len(self.diagnostics) < _MOST_TOLD:
            self.diagnostics.append(Diagnostic(self.path, self.line(key), message))
        elif len(self.diagnostics) == _MOST_TOLD:
            told = "The file has more faults than these. Correct them first."
            self.diagnostics.append(Diagnostic(self.path, 0, told))

    def line(self, key: str, within: str = "") -> int:
        """Return the line where a key stands; TOML readers do not tell, so the text is searched."""
        named = rf"(?<![\w-]){re.escape(key)}(?![\w-])"
        heading = rf"^\s*\[[^\]#]*{re.escape(within)}[^\]#]*{named}"
        lines = [(number, line) for number, line in enumerate(self._lines, start=1) if key in line]
        for pattern in (heading, rf"^[^#]*{named}"):
            for number, line in lines:
                if re.search(pattern, line):
                    return number
        return 0

"""A repository of thousands of features: the catalog of its history says what the source of each commit says."""

import importlib
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from headwater.build import build
from headwater.driver import Driver
from headwater_catalog.demo import init_synthetic
from headwater_catalog.git import GitSource
from headwater_catalog.moments import snapshot_at
from headwater_catalog.read import Reading, read_directory
from headwater_catalog.repositories import add_repository, count_features, get_repository, mirror_path
from headwater_catalog.scan import scan
from headwater_catalog.search import heads, search
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Commit, Feature, FeatureVersion

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FEATURES, COMMITS = 4_000, 500


def declared(reading: Reading) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """Return the type and the needs of every feature that a tree declares, by module and name."""
    return {
        (module.module.name, function.name): (
            str(function.returns),
            tuple(parameter.name for parameter in function.parameters),
        )
        for module in reading.modules.values()
        for function in module.functions
    }


def test_a_scan_of_thousands_of_features_says_what_each_commit_says(
    tmp_path: Path, database_url: str
) -> None:
    head = init_synthetic(tmp_path / "origin", features=FEATURES, commits=COMMITS)
    settings = Settings(home=tmp_path / "home", database_url=database_url, secret_key="not secret")
    database = Database(database_url)
    database.upgrade()
    with database.write() as session:
        add_repository(session, "big", str(tmp_path / "origin"), now=0)

    first, second = scan(database, settings, "big"), scan(database, settings, "big")

    assert (first.head, first.commits) == (head, COMMITS)
    assert (second.commits, second.blobs, second.opened, second.ended) == (0, 0, 0, 0)
    with database.read() as session:
        repository = get_repository(session, "big")
        assert count_features(session, repository) == FEATURES
        for position in (0, COMMITS // 2, COMMITS - 1):
            sha = session.scalars(select(Commit.sha).where(Commit.position == position)).one()
            tree = tmp_path / f"tree-{position}"
            with GitSource(mirror_path(settings, repository)) as source:
                source.export_tree(sha, tree)
            reading = read_directory(tree)
            versions = session.scalars(
                select(FeatureVersion).join(Feature).where(holds_at(FeatureVersion, position))
            )
            stored = {
                (v.feature.module, v.feature.name): (v.type, tuple(d.name for d in v.dependencies))
                for v in versions
            }
            assert stored == declared(reading)
            graph = build(f for module in reading.modules.values() for f in module.functions)
            module, name = max(stored)
            lineage = snapshot_at(session, repository, position).graph
            assert {node.name for node in lineage.nodes.values()} == {node.feature for node in graph}
            upstream = {lineage.nodes[key].name for key in lineage.closure(f"{module}:{name}").up}
            assert upstream == {graph[found].feature for found in graph.upstream(name)} - {name}
            assert search(heads(session, settings), name).hits[0].name == name
    database.dispose()


def test_thousands_of_features_execute_as_a_plain_loop_over_them_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init_synthetic(tmp_path / "origin", features=FEATURES, commits=1)
    (dataflow,) = read_directory(tmp_path / "origin").dataflows
    monkeypatch.syspath_prepend(str(tmp_path / "origin"))
    before = set(sys.modules)
    modules = [importlib.import_module(name) for name in dataflow.modules]
    driver = Driver(dataflow.config, *modules)
    names = [node.name for node in driver.graph.nodes if node.call]

    computed = driver.run(names).values

    values = dict(dataflow.config)
    functions = {name: vars(module)[name] for module in modules for name in names if name in vars(module)}
    pending = list(functions)
    while pending:
        left = []
        for name in pending:
            needs = functions[name].__code__.co_varnames[: functions[name].__code__.co_argcount]
            if all(need in values for need in needs):
                values[name] = functions[name](*(values[need] for need in needs))
            else:
                left.append(name)
        assert len(left) < len(pending)
        pending = left
    assert len(functions) == FEATURES
    assert all(computed[name] == values[name] for name in functions)
    for name in set(sys.modules) - before:
        del sys.modules[name]

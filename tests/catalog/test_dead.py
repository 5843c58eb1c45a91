"""Dead features: what nothing has needed, as all commits, branches, runs and repositories say it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from headwater_catalog.dead import DeadFeatures, dead_features
from headwater_catalog.jobs import State
from headwater_catalog.moments import Moment, moment_at, snapshot_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import Commit, Job, Run, RunNode
from headwater_catalog.stretch_graph import wired_flows
from support.git_repo import GitRepo
from support.scanned import Catalog
from support.slow import slow

_DAY = "2025-06-01"
_FLOWS = "[dataflows.all]\nmodules = ['shop']\noutputs = [{}]\n"


def _code(**needs: str) -> str:
    """Return a module with features, each with the names that it needs."""
    made = (
        f"def {name}({', '.join(f'{need}: float' for need in asked.split())}) -> float:\n    return 1.0\n"
        for name, asked in needs.items()
    )
    return "\n\n".join(made)


@pytest.fixture
def catalog(catalog_url: str, tmp_path: Path, git_repo: GitRepo) -> Iterator[Catalog]:
    git_repo.commit(
        "Begin", files={"shop.py": _code(a="raw", b="a", c="b"), "headwater.toml": _FLOWS.format("'b'")}
    )
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield catalog
    catalog.database.dispose()


def _dead(catalog: Catalog, days: int = 30, name: str = "repo", *, scan: bool = True) -> DeadFeatures:
    if scan:
        catalog.scan_on(name)
    with catalog.database.read() as session:
        head = moment_at(session, catalog.settings, get_repository(session, name))
        return dead_features(head, days, _DAY)


def _states(found: DeadFeatures) -> dict[str, str]:
    return {each.feature.name: each.state for each in found.found}


def _reasons(found: DeadFeatures) -> list[str]:
    return [each.reason for each in found.found]


def test_what_no_output_needs_is_dead_with_what_was_looked_at(catalog: Catalog):
    found = _dead(catalog)
    assert _states(found) == {"c": "dead"}
    assert _reasons(found) == ["no output of 'all' needs it"]
    assert found.needed == 2
    proof = found.proof
    assert (proof.since, proof.commits, dict(proof.outputs), proof.runs) == ("2025-05-02", 1, {"all": 1}, 0)
    assert [(each.name, each.is_main_line) for each in proof.branches] == [("main", True)]
    assert found.counts == {"dead": 1, "elsewhere": 0, "unknown": 0, "new": 0}


def test_what_came_less_than_so_long_ago_is_new(catalog: Catalog):
    assert _states(_dead(catalog, 200)) == {"c": "new"}


def test_what_was_needed_at_any_commit_of_these_days_is_not_dead(catalog: Catalog, git_repo: GitRepo):
    git_repo.commit(
        "Need c", files={"headwater.toml": _FLOWS.format("'b', 'c'")}, date=datetime(2025, 5, 3, tzinfo=UTC)
    )
    git_repo.commit(
        "Need it no more",
        files={"headwater.toml": _FLOWS.format("'b'")},
        date=datetime(2025, 5, 4, tzinfo=UTC),
    )

    assert _states(_dead(catalog, 30)) == {}
    assert _states(_dead(catalog, 29)) == {}  # what held when these days began counts
    assert _states(_dead(catalog, 27)) == {"c": "dead"}


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[dataflows.all]\nmodules = ['shop']\n", "no dataflow declares outputs, so"),
        (
            "[dataflows.all]\nmodules = ['shop']\noutputs = ['b']\n[dataflows.open]\nmodules = ['shop']\n",
            "dataflow 'open' declares no outputs, so",
        ),
    ],
)
def test_where_a_dataflow_declares_no_outputs_it_is_unknown(
    catalog: Catalog, git_repo: GitRepo, toml: str, reason: str
):
    git_repo.commit("Open", files={"headwater.toml": toml})
    found = _dead(catalog, 1)

    assert {each.state for each in found.found} == {"unknown"}
    assert all(each.reason.startswith(reason) for each in found.found)


def test_where_what_is_needed_may_need_more_it_is_unknown(catalog: Catalog, git_repo: GitRepo):
    needing = (
        "from somewhere import changed\n\n\n@changed(wanted())\n"
        + _code(b="a")
        + "\n\n"
        + _code(a="raw", c="b")
    )
    git_repo.commit("Change", files={"shop.py": needing})
    found = _dead(catalog, 1)

    assert _states(found) == {"c": "unknown"}
    assert _reasons(found)[0].startswith("'shop:b' may need more than is known: ")


def test_what_another_branch_needs_is_told_apart(catalog: Catalog, git_repo: GitRepo):
    git_repo.git("switch", "--quiet", "--create", "wip/next")
    git_repo.commit("Need c", files={"headwater.toml": _FLOWS.format("'c'")})
    git_repo.git("switch", "--quiet", "main")
    found = _dead(catalog, 1)

    assert _states(found) == {"c": "elsewhere"}
    assert _reasons(found) == ["needed on wip/next"]
    assert [(each.name, each.is_main_line) for each in found.proof.branches] == [
        ("main", True),
        ("wip/next", False),
    ]
    assert _states(_dead(catalog, 1, scan=False)) == {"c": "elsewhere"}

    git_repo.git("branch", "--quiet", "-D", "wip/next")
    git_repo.commit("Next")
    assert _states(_dead(catalog, 1)) == {"c": "dead"}


def test_a_branch_that_ends_at_an_old_commit_of_the_main_line_counts(catalog: Catalog, git_repo: GitRepo):
    git_repo.commit("Need c", files={"headwater.toml": _FLOWS.format("'c'")})
    git_repo.git("branch", "release")
    git_repo.commit("Need it no more", files={"headwater.toml": _FLOWS.format("'b'")})

    assert _states(_dead(catalog, 1)) == {}


def _run(catalog: Catalog, sha: str, output: str, day: datetime) -> None:
    with catalog.database.write() as session:
        repository = get_repository(session, "repo")
        commit = session.scalars(select(Commit).where(Commit.sha == sha)).one()
        at = int(day.timestamp())
        job = Job(kind="run", state=State.SUCCEEDED, repository_id=repository.id, payload={}, progress={})
        job.requested_by, job.created_at = "maya", at
        run = Run(job=job, repository=repository, commit=commit, dataflow="all", outputs=[output])
        run.config, run.inputs, run.environment = {}, {}, {}
        run.nodes = [RunNode(ordinal=0, name=output, microseconds=1, summary="float")]
        session.add(run)


def test_what_a_run_of_these_days_was_for_is_not_dead_even_at_an_old_commit(
    catalog: Catalog, git_repo: GitRepo
):
    git_repo.commit("Need d", files={"shop.py": _code(a="raw", b="a", c="b", d="c")})
    catalog.scan_on()
    old = git_repo.git("rev-parse", "HEAD")
    git_repo.commit("Need it otherwise", files={"shop.py": _code(a="raw", b="a", c="b", d="b")})
    assert _states(_dead(catalog, 30)) == {"c": "dead", "d": "dead"}
    _run(catalog, old, "d", datetime(2025, 4, 1, tzinfo=UTC))
    found = _dead(catalog, 30, scan=False)
    assert _states(found) == {"c": "dead", "d": "dead"}
    (last,) = [each.last for each in found.found if each.feature.name == "d"]
    assert last is not None
    assert (last.run, last.dataset) == (1, "")
    _run(catalog, old, "d", datetime(2025, 5, 20, tzinfo=UTC))

    assert _states(_dead(catalog, 30, scan=False)) == {}  # the run at the old commit needed c for d


def test_what_another_repository_draws_is_not_dead(catalog: Catalog, tmp_path: Path):
    other = GitRepo(tmp_path / "other")
    sources = (
        "[dataflows.all]\nmodules = ['uses']\n[dataflows.all.sources]\nc = { feature = 'repo:shop:c' }\n"
    )
    other.commit("Begin", files={"uses.py": _code(z="c"), "headwater.toml": sources})
    catalog.add("other", other.path)
    catalog.scan_on("other")
    found = _dead(catalog, 30)

    assert _states(found) == {}
    assert found.proof.repositories == ("other",)


def _by_looking_at_each(head: Moment, positions: range) -> set[str]:
    """Return what some output needs at any of some commits."""
    found: set[str] = set()
    for position in positions:
        wired = wired_flows(snapshot_at(head.session, head.repository, position))
        found |= wired.needed_for(key for _, key in wired.outputs())
    return found


@pytest.mark.parametrize("seed", [0, *slow(1)])
def test_nothing_is_dead_that_a_look_at_each_commit_finds_needed(
    catalog: Catalog, git_repo: GitRepo, seed: int
):
    rng, names = random.Random(seed), "abcdefgh"
    for _ in range(8):
        there = [name for name in names if rng.random() < 0.9] or ["a"]
        needs = {
            name: " ".join(rng.sample(["raw", *there[:place]], k=min(place + 1, 2)))
            for place, name in enumerate(there)
        }
        outputs = ", ".join(repr(name) for name in rng.sample(there, k=1))
        files = {"shop.py": _code(**needs), "headwater.toml": _FLOWS.format(outputs)}
        git_repo.commit("Next", files=files)
    catalog.scan_on()
    with catalog.database.read() as session:
        head = moment_at(session, catalog.settings, get_repository(session, "repo"))
        last = head.require_position()
        for days in (0, *range(143, 152)):
            found = dead_features(head, days, _DAY)
            needed = _by_looking_at_each(head, range(last + 1 - found.proof.commits, last + 1))
            free = head.snapshot.variants.keys() - needed
            told = {each.key for each in found.found}
            assert told <= free
            if found.proof.commits == 1:
                assert told == free
    assert last == 8

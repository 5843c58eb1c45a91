"""Findings are kept with their history, and that is what judging each commit by itself would say."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from headwater_catalog import kept_findings
from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.governance.check import policies_of
from headwater_catalog.governance.fail_closed import unread_declarations
from headwater_catalog.governance.findings import UNDECLARED, UNREAD
from headwater_catalog.governance.policies import Ground, is_about_changes, judge
from headwater_catalog.governance.usual_rules import usual_findings
from headwater_catalog.kept_findings import keep_findings, to_be_judged
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Scope
from headwater_catalog.repositories import get_repository, open_mirror
from headwater_catalog.rules import Policy
from headwater_catalog.store.models import Commit, Finding, Judgement, Repository
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.scanned import Catalog
from support.slow import slow

pytestmark = pytest.mark.runs

_DAY = "2026-06-30"
_NAMES = ("raw", "a", "b", "c", "d", "e")
_TAGS = (
    "",
    "",
    '@tag(owner="CRM")',
    '@tag(pii="true")',
    '@tag(pii="false")',
    '@tag(pii="barrier", pii_reason="hashed", pii_reviewer="ines")',
    '@tag(pii="barrier", pii_reason="hashed", pii_reviewer="ines", pii_until="2026-06-01")',
)
_POLICIES = (
    '[owned]\nquery = "-has:owner"\nseverity = "warning"\n',
    '[no-personal-c]\nscope = "name:c"\nquery = "classification:pii"\n',
    '[apart]\nscope = "name:e"\nneeds = "name:b"\n',
    '[new-ones]\nonly_new = true\nquery = "-has:doc"\n',
    '[beyond-c]\nquery = "downstream:c"\nseverity = "note"\n',
    '[tested]\nscope = "name:d"\nquery = "-has:test"\n',
)
_UNKNOWN_KEY = '[odd]\nfinds = "name:d"\n'

Interval = tuple[str, str, str, int, int | None]


def _source(rng: random.Random) -> str:
    lines = ["from headwater import tag", ""]
    for place, name in enumerate(_NAMES[1:], 1):
        if rng.random() < 0.2:
            continue
        needs = rng.sample(_NAMES[:place], k=min(place, rng.randint(1, 2)))
        given = ", ".join(f"{need}: int" for need in needs)
        lines += [
            "",
            rng.choice(_TAGS),
            f"def {name}({given}) -> int:",
            f"    return {rng.randint(0, 2)}",
            "",
        ]
    return "\n".join(lines)


def _commit(rng: random.Random, git_repo: GitRepo, number: int) -> None:
    files = {"notes.txt": str(number)}
    if rng.random() < 0.8:
        files["shop.py"] = _source(rng)
    if rng.random() < 0.3:
        files["test_shop.py"] = rng.choice(("", "from shop import d\ndef test_it(): d(1)\n"))
    if rng.random() < 0.15:
        some = rng.sample((*_POLICIES, _UNKNOWN_KEY), k=rng.randint(1, len(_POLICIES)))
        files["policies/all.toml"] = "\n".join(some)
    git_repo.commit(f"Step {number}", files=files)


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    git_repo.commit("Begin", files={"policies/all.toml": "\n".join(_POLICIES), "shop.py": ""})
    made = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield made
    made.database.dispose()


def _keep(catalog: Catalog, **how) -> bool:
    return keep_findings(catalog.database, catalog.settings, "repo", **{"day": _DAY, **how})


def _keep_all(catalog: Catalog, **how) -> int:
    """Keep one commit at a time, and return how often that took."""
    times = 1
    while _keep(catalog, seconds=0.0, **how):
        times += 1
        assert times < 100
    return times


def _kept(catalog: Catalog) -> list[Interval]:
    with catalog.database.read() as session:
        rows = [
            (row.rule, row.key, row.about, row.valid_from, row.valid_until)
            for row in session.scalars(select(Finding))
        ]
    return sorted(rows, key=repr)


def _of_features(catalog: Catalog) -> list[Interval]:
    """Return what is kept but for what cannot be read."""
    return [each for each in _kept(catalog) if each[0] not in (UNREAD, UNDECLARED)]


def _judgement(catalog: Catalog) -> Judgement:
    with catalog.database.read() as session:
        return session.scalars(select(Judgement)).one()


def _from_scratch(catalog: Catalog, day: str = _DAY) -> list[Interval]:
    """Judge each commit as git has it, and return from where to where each finding is there."""
    with catalog.database.read() as session:
        place = get_repository(session, "repo")
        wanted = select(Commit).where(Commit.position.is_not(None)).order_by(Commit.position)
        commits = [(each.sha, each.authored_at) for each in session.scalars(wanted)]
        with open_mirror(catalog.settings, place) as source:
            snapshots = [read_commit(source, sha) for sha, _ in commits]
    policies = policies_of(snapshots[-1], catalog.settings.policies)
    scopes = [Scope("repo", each, at, day=day) for each, (_, at) in zip(snapshots, commits, strict=True)]
    unread = {each.about for each in judge(policies, Ground(Index(scopes[-1]), day)).findings if not each.key}
    standing = [each for each in policies if not is_about_changes(each) and each.name not in unread]
    there: dict[tuple[str, str, str], list[int]] = {}
    for position, scope in enumerate(scopes):
        judged = judge(standing, Ground(Index(scope), day, is_past=True))
        declared = {policy.name for policy in scope.snapshot.declared.rules.policies}
        missing = [each for each in policies if each.name in unread and each.name in declared]
        missed = judge(missing, Ground(Index(scope), day))
        usual = (*usual_findings(scope.snapshot, day), *unread_declarations(scope.snapshot))
        for each in {*judged.findings, *usual, *(e for e in missed.findings if e.rule == UNREAD)}:
            there.setdefault(each.identity, []).append(position)
    found = (
        (*identity, begin, until if until < len(scopes) else None)
        for identity, positions in there.items()
        for begin, until in _stretches(positions)
    )
    return sorted(found, key=repr)


def _stretches(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, group in groupby(enumerate(sorted(positions)), key=lambda pair: pair[1] - pair[0]):
        found = [position for _, position in group]
        yield found[0], found[-1] + 1


@pytest.mark.runs(databases=True)
@pytest.mark.parametrize("seed", [0, *slow(1, 2)])
def test_what_is_kept_is_what_judging_each_commit_says(catalog: Catalog, git_repo: GitRepo, seed: int):
    """Whether it is kept at once or as commits come in, in one go or one commit at a time."""
    rng = random.Random(seed)
    number = 0
    for _ in range(5):
        for _ in range(rng.randint(0, 5)):
            number += 1
            _commit(rng, git_repo, number)
        catalog.scan()
        how = rng.choice(("partly", "slowly", "at once"))
        if how == "slowly":
            _keep_all(catalog)
        elif how == "at once":
            assert not _keep(catalog)
        if how != "partly" or not _keep(catalog, seconds=0.0):
            assert _kept(catalog) == _from_scratch(catalog)
    _keep_all(catalog)
    kept = _kept(catalog)

    assert kept == _from_scratch(catalog)
    assert {rule for rule, *_ in kept} - {
        "owned",
        "no-personal-c",
        "apart",
        "beyond-c",
        UNREAD,
        UNDECLARED,
    }  # the usual rules, too
    assert not _keep(catalog)


def test_history_that_was_rewritten_is_judged_anew_from_where_it_parted(catalog: Catalog, git_repo: GitRepo):
    rng = random.Random(7)
    for number in range(6):
        _commit(rng, git_repo, number)
    catalog.scan()
    _keep_all(catalog)
    git_repo.git("reset", "--hard", "HEAD~3")
    for number in range(10, 12):
        _commit(rng, git_repo, number)
    catalog.scan()
    assert _judgement(catalog).position == 3
    _keep_all(catalog)

    assert _kept(catalog) == _from_scratch(catalog)


def test_a_commit_that_brings_nothing_but_a_test_clears_what_asks_for_it(catalog: Catalog, git_repo: GitRepo):
    git_repo.commit("Write", files={"shop.py": '@tag(owner="x")\ndef d(raw: int) -> int:\n    return 1\n'})
    git_repo.commit("Test", files={"test_shop.py": "from shop import d\ndef test_it(): d(1)\n"})
    git_repo.delete("test_shop.py")
    git_repo.commit("Test no more")
    catalog.scan()
    _keep_all(catalog)

    assert [each for each in _kept(catalog) if each[0] == "tested"] == [
        ("tested", "shop:d", "", 1, 2),
        ("tested", "shop:d", "", 3, None),
    ]


def test_a_finding_that_began_before_what_is_judged_is_known_to_be_as_old_at_least(
    catalog: Catalog, git_repo: GitRepo
):
    for number in range(4):
        git_repo.commit(
            f"Step {number}", files={"shop.py": f"def a(raw: int) -> int:\n    return {number}\n"}
        )
    catalog.scan()
    assert _keep(catalog, seconds=0.0)
    assert (_judgement(catalog).since, _judgement(catalog).has_ended) == (3, False)
    assert _of_features(catalog)[0][3] == 3
    assert _keep_all(catalog) == 3

    assert (_judgement(catalog).since, _judgement(catalog).has_ended) == (0, True)
    assert _of_features(catalog) == [("owned", "shop:a", "", 1, None)]


def test_after_many_changes_at_once_the_end_is_judged_first(
    catalog: Catalog, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept_findings, "_MOST_NEWS", 2)
    catalog.scan()
    _keep_all(catalog)
    for number in range(4):
        git_repo.commit(
            f"Step {number}", files={"shop.py": f"def a(raw: int) -> int:\n    return {number}\n"}
        )
    catalog.scan()
    assert _keep(catalog, seconds=0.0)
    assert _judgement(catalog).position == 4
    _keep_all(catalog)

    assert _kept(catalog) == _from_scratch(catalog)


def test_time_alone_ends_a_barrier_and_other_policies_mean_a_new_look(catalog: Catalog, git_repo: GitRepo):
    code = (
        "from headwater import tag\n\n\n@tag(pii='true', owner='x')\ndef a(raw: int) -> int: ...\n\n\n"
        "@tag(pii='barrier', pii_until='2026-07-01', pii_reason='x', pii_reviewer='y', owner='x')\n"
        "def c(a: int) -> int: ...\n"
    )
    git_repo.commit("Stop it", files={"shop.py": code})
    git_repo.commit("Go on", files={"notes.txt": "x"})
    catalog.scan()
    _keep_all(catalog)
    assert _of_features(catalog) == []
    _keep_all(catalog, day="2026-07-01")
    assert _judgement(catalog).day == "2026-07-01"
    _keep_all(catalog, day="2026-07-02")
    assert [(rule, begin) for rule, _, _, begin, _ in _of_features(catalog)] == [
        ("barrier-expired", 1),
        ("no-personal-c", 1),
    ]
    catalog.settings = replace(catalog.settings, policies=(Policy("documented", "-has:doc"),))
    with catalog.database.read() as session:
        assert to_be_judged(session, catalog.settings, "2026-07-02")
    _keep_all(catalog, day="2026-07-02")

    assert ("documented", "shop:a", "", 1, None) in _kept(catalog)
    with catalog.database.read() as session:
        assert to_be_judged(session, catalog.settings, "2026-07-02") is None


def test_what_cannot_be_judged_is_told_and_what_asks_for_the_history_is_known(
    catalog: Catalog, git_repo: GitRepo
):
    policies = '[x]\nquery = "downstream:nowhere"\n[old]\nquery = "changed:>2000-01-01"\n[n]\nonly_new = true\nquery = "a"\n'
    git_repo.commit("Add", files={"policies/all.toml": policies, "shop.py": "def a(raw: int) -> int: ...\n"})
    catalog.scan()
    _keep_all(catalog)

    assert _judgement(catalog).unknown.keys() == {"x", "n"}
    assert _kept(catalog) == [("old", "shop:a", "", 1, None), (UNREAD, "", "x", 1, None)]


@pytest.mark.parametrize("as_they_come", [True, False])
def test_what_cannot_be_read_is_a_finding_since_the_commit_that_made_it_so(
    catalog: Catalog, git_repo: GitRepo, as_they_come: bool
):
    made = "def c(raw: int) -> int: ...\n"
    policies = '[beyond-c]\nquery = "downstream:c"\n'
    steps = [
        ("Declare", {"policies/all.toml": policies, "shop.py": made}),
        ("Take c away", {"shop.py": ""}),
        ("Misspell", {"policies/more.toml": _UNKNOWN_KEY}),
        ("Go on", {"notes.txt": "x", "shop.py": "def d(raw: int) -> int: ...\n"}),
        ("Spell it", {"policies/more.toml": ""}),
    ]
    for subject, files in steps:
        git_repo.commit(subject, files=files)
        if as_they_come:
            catalog.scan()
            _keep_all(catalog)
    catalog.scan()
    _keep_all(catalog)
    kept = _kept(catalog)

    assert kept == _from_scratch(catalog)
    told = [(rule, about.split()[0], begin, end) for rule, _, about, begin, end in kept if begin]
    assert told == [
        *((UNDECLARED, "policies/more.toml", 3, 5), (UNDECLARED, "policies/more.toml", 3, 5)),
        (UNREAD, "beyond-c", 2, None),
    ]


def test_a_worker_judges_after_a_scan_and_goes_on_while_it_has_nothing_to_do(
    catalog: Catalog, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept_findings, "_MOST_SECONDS", 0.0)
    for number in range(3):
        git_repo.commit(
            f"Step {number}", files={"shop.py": f"def a(raw: int) -> int:\n    return {number}\n"}
        )
    catalog.scan()
    worker = Worker(catalog.database, catalog.settings)
    while worker._judge_more():
        pass

    assert _judgement(catalog).has_ended
    with catalog.database.read() as session:
        assert session.scalars(select(Repository.scanned_sha)).one() == _judgement(catalog).sha


@pytest.mark.parametrize("as_they_come", [True, False])
def test_a_feature_that_moved_with_the_same_text_keeps_its_findings(
    catalog: Catalog, git_repo: GitRepo, as_they_come: bool
):
    code = "from headwater import tag\n\n\n@tag(pii='true')\ndef b(raw: int) -> int: ...\n\n\ndef e(b: int) -> int: ...\n"
    steps = [("shop.py", "store.py"), ("store.py", "depot.py")]
    git_repo.commit("Add", files={"shop.py": code})
    for old, new in steps:
        git_repo.move(old, new)
        git_repo.commit(f"Move to {new}")
        if as_they_come:
            catalog.scan()
            _keep_all(catalog)
    git_repo.commit("Say whose it is", files={"depot.py": code.replace("'true')", "'true', owner='x')")})
    catalog.scan()
    _keep_all(catalog)

    assert _of_features(catalog) == [
        ("apart", "depot:e", "depot:b", 1, None),
        ("owned", "depot:b", "", 1, 4),
        ("owned", "depot:e", "", 1, None),
    ]


def test_what_moves_onto_the_name_of_another_keeps_its_own_beginning(catalog: Catalog, git_repo: GitRepo):
    code = "def email(raw: int) -> int:\n    return {}\n"
    git_repo.commit("One", files={"x.py": code.format(1), "y.py": code.format(2)})
    git_repo.commit("Without the first", files={"x.py": ""})
    git_repo.delete("y.py")
    git_repo.commit("In its place", files={"x.py": code.format(2)})
    catalog.scan()
    _keep_all(catalog)

    assert _of_features(catalog) == [("owned", "x:email", "", 1, 2), ("owned", "x:email", "", 1, None)]


def test_history_that_was_rewritten_forgets_where_features_had_moved(catalog: Catalog, git_repo: GitRepo):
    git_repo.commit("Add", files={"shop.py": "def b(raw: int) -> int: ...\n"})
    git_repo.move("shop.py", "store.py")
    git_repo.commit("Move")
    catalog.scan()
    _keep_all(catalog)
    git_repo.git("reset", "-q", "--hard", "HEAD~1")
    git_repo.commit("Another", files={"notes.txt": "x"})
    catalog.scan()
    _keep_all(catalog)

    assert _kept(catalog) == _from_scratch(catalog)
    assert _of_features(catalog) == [("owned", "shop:b", "", 1, None)]


def test_a_day_that_ends_a_barrier_of_long_ago_means_a_new_look(catalog: Catalog, git_repo: GitRepo):
    code = (
        "from headwater import tag\n\n\n"
        "@tag(pii='barrier', pii_until='20260701', pii_reason='x', pii_reviewer='y', owner='x')\n"
        "def b(raw: int) -> int: ...\n"
    )
    git_repo.commit("Stop it", files={"shop.py": code})
    git_repo.commit("No more", files={"shop.py": ""})
    catalog.scan()
    _keep_all(catalog)
    assert (_of_features(catalog), _judgement(catalog).ends) == ([], "2026-07-01")
    _keep_all(catalog, day="2026-07-05")

    assert _kept(catalog) == _from_scratch(catalog, "2026-07-05")
    assert [rule for rule, *_ in _of_features(catalog)] == ["barrier-expired"]


def test_a_worker_goes_on_when_judging_fails(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    catalog.scan()
    worker = Worker(catalog.database, catalog.settings)
    failures = [OperationalError("select", {}, Exception("gone")), KeyError("a fault")]

    def fails(*_: object, **__: object) -> None:
        failure = failures.pop(0)
        if not failures:
            worker.stop()
        raise failure

    monkeypatch.setattr("headwater_catalog.kept_findings.keep_findings", fails)
    monkeypatch.setattr("headwater_catalog.worker._RETRY_SECONDS", 0.01)
    monkeypatch.setattr("headwater_catalog.worker._POLL_SECONDS", 0.01)
    worker.run()

    assert not failures
    assert "The database does not answer" in caplog.text
    assert "could not be kept" in caplog.text

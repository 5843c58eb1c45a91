"""Coverage at every commit is what queries find there; drift and origins are what histories say."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog.hashing import code_hash
from headwater_catalog.history import history
from headwater_catalog.moments import moment_at, snapshot_at
from headwater_catalog.query import parse_query
from headwater_catalog.query.evaluate import evaluate
from headwater_catalog.query.subjects import Scope
from headwater_catalog.repositories import get_repository
from headwater_catalog.rules import Review
from headwater_catalog.search import search
from headwater_catalog.store.models import Commit
from headwater_catalog.upkeep.coverage import ALL, KINDS, Covered, coverage_of
from headwater_catalog.upkeep.origins import drifts_at, origins_at
from headwater_catalog.upkeep.reviews import reviewers_of
from support.git_repo import GitRepo
from support.scanned import Catalog
from support.slow import slow

_NAMES = ("a", "b", "c", "d")
_MODULES = ("features", "features.spend", "other")
_HEADS = (
    "",
    '@tag(owner="Growth")\n',
    '@tag(owner=["growth", "crm"])\n',
    "@check_output(range=(0, 5))\n",
    '@tag(owner="")\n',
)
_IS = '    """What it is."""\n'
_DOCS = (_IS, _IS, _IS, "", '    """What it was."""\n', '    """ """\n')
_OWNERS = ("* @data\n", "/other.py @Growth\n", "")
_TESTS = (
    "from features import spend\ndef test_it(): spend.a(1)\n",
    "from other import b, c\ndef test_it(): b(1)\n",
    'import features\ndef test_it(): run(["d"])\n',
    'def test_it(): run(["a"])\n',
)


def _source(rng: random.Random) -> str:
    lines = ["from headwater import check_output, tag"]
    for name in rng.sample(_NAMES, k=rng.randint(2, 4)):
        variant = rng.choice((name, name, name, f"{name}__uk"))
        doc = rng.choice(_DOCS)
        body = f"    return x + {rng.randint(0, 2)}\n"
        lines.append(f"{rng.choice(_HEADS)}def {variant}(x: int) -> int:\n{doc}{body}")
    return "\n".join(lines)


def _change(rng: random.Random, git_repo: GitRepo) -> None:
    what = rng.random()
    if what < 0.7:
        git_repo.write(f"{rng.choice(('features/__init__', 'features/spend', 'other'))}.py", _source(rng))
    elif what < 0.8:
        git_repo.write("CODEOWNERS", rng.choice(_OWNERS))
    elif what < 0.9:
        git_repo.write(f"tests/test_{rng.randint(0, 1)}.py", rng.choice(_TESTS))
    else:
        git_repo.write("tests/conftest.py", rng.choice(("import features.spend\n", "")))


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    modules = ", ".join(f'"{module}"' for module in _MODULES)
    git_repo.commit("Begin", files={"headwater.toml": f"[dataflows.all]\nmodules = [{modules}]\n"})
    made = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield made
    made.database.dispose()


def _found(scope: Scope, query: str) -> int:
    return len(evaluate(parse_query(query), scope))


def _asked(scope: Scope, section: str) -> Covered:
    """Count by queries."""
    return Covered(_found(scope, section), *(_found(scope, f"{section} has:{kind}") for kind in KINDS))


@pytest.mark.parametrize("seed", [0, *slow(1, 2)])
def test_coverage_is_at_every_commit_what_queries_find(catalog: Catalog, git_repo: GitRepo, seed: int):
    rng = random.Random(seed)
    for number in range(12):
        for _ in range(2):
            _change(rng, git_repo)
        git_repo.commit(f"Step {number}")
    catalog.scan()

    seen = set()
    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        coverage = coverage_of(session, repository)
        for position in range(repository.scanned_position + 1):
            scope = Scope("repo", snapshot_at(session, repository, position))

            assert coverage.at(ALL, position) == _asked(scope, "")
            for by in ("module", "owner"):
                sections = dict(coverage.sections(by, position))
                values = {name for s in scope.subjects for name in _values(s, by)}
                assert set(sections) == {name.casefold() for name in values}
                for name, covered in sections.items():
                    assert covered == _asked(scope, f'{by}:"{name}"' if name else "-has:owner"), (by, name)
            seen.add(coverage.at(ALL, position))
    assert len(seen) > 4


def _values(subject, by: str) -> list[str]:
    if by == "owner":
        return [*subject.owners] or [""]
    parts = subject.module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


@pytest.mark.parametrize("seed", [0, *slow(1)])
def test_drift_and_the_origin_of_logic_are_what_the_history_of_each_feature_says(
    catalog: Catalog, git_repo: GitRepo, seed: int
):
    rng = random.Random(seed)
    for number in range(24):
        if rng.random() < 0.2 and (git_repo.path / "other.py").exists():
            git_repo.write("features/spend.py", (git_repo.path / "other.py").read_text())
            git_repo.delete("other.py")
        else:
            git_repo.write(rng.choice(("other.py", "other.py", "features/spend.py")), _source(rng))
        git_repo.commit(f"Step {number}")
    catalog.scan()

    drifted = set()
    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        for position in range(repository.scanned_position + 1):
            drifts = {
                (each.key, each.variant): (each.documented.sha, [c.sha for c in each.changes])
                for each in drifts_at(session, repository, position)
            }
            origins = {
                (o.key, o.variant): o.commit.sha for o in origins_at(session, repository, position, Review())
            }
            snapshot = snapshot_at(session, repository, position)
            assert origins.keys() == {(each.key, each.variant) for each in snapshot.features}
            for feature in snapshot.features:
                place = feature.key, feature.variant
                logic, documented, since = _told(session, repository, feature, position)
                assert origins[place] == logic
                wanted = (documented, since) if since and feature.doc.strip() else None
                assert drifts.get(place) == wanted
                drifted |= {wanted[0]} if wanted else set()
    assert drifted


def _told(session, repository, feature, position: int) -> tuple[str, str, list[str]]:
    """Read the history of a variant from its beginning: what brought its logic and its docs, and what since."""
    entries = history(session, repository, feature.module, feature.name, position)
    steps = []
    key, variant = feature.key, feature.variant
    for entry in entries:  # the newest first
        if (entry.key, entry.variant) != (key, variant):
            continue
        steps.append(entry)
        if entry.change == "added":
            break
        if entry.origin is not None:
            key = entry.origin
            variant = next(e.variant for e in entries if e.key == key and e.new == entry.old)
    logic = documented = described = ""
    since: list[str] = []
    for entry in reversed(steps):
        sha, code = entry.commit.sha, code_hash(ast.parse(entry.new).body[0])
        is_logic = entry.change == "added" or "logic" in entry.classes
        logic = sha if is_logic else logic
        if entry.change == "added" or "docs" in entry.classes:
            documented, described, since = sha, code, []
        else:
            since = [] if code == described else [*since, sha] if is_logic else since
    return logic, documented, since


def _commit(sha: str, author: str = "Ada", body: str = "", parents: int = 1) -> Commit:
    email = f"{author.lower()}@example.com"
    return Commit(sha=sha, parents=["p"] * parents, author_name=author, author_email=email, body=body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ()),
        ("Reviewed-by: Ines Duarte <ines@example.com>", ("Ines Duarte",)),
        ("Why.\n\nreviewed-BY : Ines\nApproved-by: Ines\nSigned-off-by: Noor", ("Ines",)),
        ("Reviewed-by: <ines@example.com>", ("ines@example.com",)),
        ("Reviewed-by: Somebody <ADA@example.com>", ()),  # by whoever wrote it
        ("Reviewed-by: ada", ()),
        ("Reviewed-by: Ines\n\nNot at the end.", ()),
        ("Reviewed-by: Ines\r\n\r\nNot at the end.", ()),  # as pages that merge write it
        ("Why.\r\n\r\nReviewed-by: Ines\r\n", ("Ines",)),
        ("Reviewed-by: Ines\n \nNot at the end.", ()),
        ("As Ines says, Reviewed-by: her", ()),
        ("Tested-by: Ines", ()),
        ("x" * 50_000, None),  # what came after that is not kept
    ],
)
def test_reviewers_are_who_the_end_of_the_message_names_but_the_author(
    body: str, expected: tuple[str, ...] | None
):
    commit = _commit("1", body=body)

    assert reviewers_of(commit, commit, Review()) == expected


def test_a_merge_by_somebody_else_is_a_review_where_that_is_declared():
    own, merge = _commit("1"), _commit("2", "Noor", parents=2)
    strict = Review(("Checked-by",), merges=False)

    assert reviewers_of(own, merge, Review()) == ("Noor",)
    assert reviewers_of(own, _commit("2", "Ada", parents=2), Review()) == ()
    assert reviewers_of(own, _commit("2", "Noor"), Review()) == ()  # it is no merge
    assert reviewers_of(merge, merge, Review()) == ()
    assert reviewers_of(own, merge, strict) == ()
    assert reviewers_of(own, _commit("2", "Noor", "Checked-by: Maya", parents=2), strict) == ("Maya",)


def test_queries_ask_for_upkeep_at_any_commit_of_the_main_line(catalog: Catalog, git_repo: GitRepo):
    text = 'def {}(x: int) -> int:\n    """What it is."""\n    return x + {}\n'
    git_repo.commit("Write", files={"other.py": text.format("a", 1) + text.format("b", 1)})
    git_repo.commit(
        "Change a\n\nReviewed-by: Ines <ines@example.com>",
        files={"other.py": text.format("a", 2) + text.format("b", 1)},
    )
    rules = '[review]\ntrailers = ["Seen-by"]\n'
    git_repo.commit(
        "Ask for more", files={"headwater.toml": f'{rules}[dataflows.all]\nmodules = ["other"]\n'}
    )
    catalog.scan()

    def found(query: str, at: str = "HEAD") -> list[str]:
        with catalog.database.read() as session:
            repository = get_repository(session, "repo")
            moment = moment_at(session, catalog.settings, repository, git_repo.git("rev-parse", at))
            return sorted(hit.name for hit in search([moment], query).hits)

    assert found("upkeep:drifted") == ["a"]
    assert found("upkeep:drifted", "HEAD~2") == []
    assert found("upkeep:unreviewed", "HEAD~1") == ["b"]
    assert found("upkeep:unreviewed") == ["a", "b"]  # by the rules of that commit
    assert found("upkeep:unsigned -upkeep:drifted") == ["b"]


def test_a_change_that_was_taken_back_leaves_no_drift(catalog: Catalog, git_repo: GitRepo):
    text = 'def a(x: int) -> int:\n    """What it is."""\n    return x + {}\n'
    for number in (1, 2, 3, 1, 2):
        git_repo.commit(f"Add {number}", files={"other.py": text.format(number)})
    catalog.scan()

    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        counts = [[len(each.changes) for each in drifts_at(session, repository, at)] for at in range(1, 6)]
    assert counts == [[], [1], [2], [], [1]]

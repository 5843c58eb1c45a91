"""Any commit of a mirror is a moment: on the main line from the store, beside it from git, both alike."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.features import find_key, get_feature, list_modules
from headwater_catalog.inputs import missing_inputs
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.problems import problems_of
from headwater_catalog.repositories import add_repository, get_repository, mirror_path, open_mirror
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

SPEND = "def spend(cost: float) -> float:\n    return cost\n\n\ndef net(spend: float) -> float:\n    return spend\n"
CHANGED = SPEND.replace("return spend", "return spend - tax").replace("net(spend", "net(tax: float, spend")
REGION = "def region(country: str) -> str:\n    return country\n"


@pytest.fixture
def settings(tmp_path, catalog_url: str) -> Settings:
    return settings_in(tmp_path / "home", catalog_url)


@pytest.fixture
def origin(git_repo: GitRepo) -> GitRepo:
    """Give a main line of three commits, and a branch that left it after the second."""
    git_repo.commit("Add spend", files={"features/spend.py": SPEND})
    git_repo.commit("Add region", files={"features/region.py": REGION})
    git_repo.branch("side")
    git_repo.write("features/spend.py", f'"""Money."""\n\n\n{CHANGED}')
    git_repo.write("features/new.py", "def fresh(net: float) -> float:\n    return net\n\n\ndef broken(:\n")
    git_repo.delete("features/region.py")
    git_repo.commit("Take tax off", author="Tom Okafor <tom@example.com>")
    git_repo.checkout("main")
    git_repo.commit("Go on", files={"features/spend.py": SPEND.replace("return cost", "return cost * 2")})
    return git_repo


@pytest.fixture
def session(database: Database, settings: Settings, origin: GitRepo) -> Iterator[Session]:
    with database.write() as session:
        add_repository(session, "shop", str(origin.path), 0)
    scan(database, settings, "shop")
    with database.read() as session:
        yield session


def at(session: Session, settings: Settings, ref: str | None) -> Moment:
    return moment_at(session, settings, get_repository(session, "shop"), ref)


def test_a_commit_beside_the_main_line_shows_what_a_scan_of_it_alone_shows(
    session, settings, tmp_path, origin
):
    side = at(session, settings, "side")
    alone = settings_in(tmp_path / "alone")
    other = empty_catalog(alone.database_url)
    with other.write() as writing:
        add_repository(writing, "shop", str(origin.path), 0)
    scan(other, alone, "shop", ref="side")

    with other.read() as reading:
        scanned = moment_at(reading, alone, get_repository(reading, "shop"))
        assert scanned.position == 2
        assert side.snapshot == scanned.snapshot
        assert side.graph() == scanned.graph()
        assert list_modules(side) == list_modules(scanned)
        assert problems_of(side.snapshot) == problems_of(scanned.snapshot)
        assert [problem.path for problem in problems_of(side.snapshot)] == ["features/new.py"]
    other.dispose()


def test_what_a_commit_beside_the_main_line_shares_with_it_keeps_its_change(session, settings):
    side = at(session, settings, "side")

    net, spend = get_feature(side, "net"), get_feature(side, "spend")

    assert (side.position, side.base, side.commit.author_name) == (None, 1, "Tom Okafor")
    assert (spend.commit.subject, net.commit) == ("Add spend", None)
    assert net.base == spend.base
    assert net.base.subject == "Add region"
    assert spend.variants[0].line == 4
    assert net.users == ("features.new:fresh",)
    assert get_feature(at(session, settings, None), "net").base is None


def test_each_moment_has_its_own_features(session, settings):
    main, side, first = (at(session, settings, ref) for ref in (None, "side", "main~2"))

    assert find_key(side, "fresh") == ("features.new", "fresh")
    assert find_key(main, "region") == ("features.region", "region")
    for moment, name in ((main, "fresh"), (side, "region"), (first, "region")):
        with pytest.raises(NotFound, match=f"No feature '{name}' in repository 'shop' at this commit"):
            find_key(moment, name)
    assert main.graph().parents("features.spend:net") == ("features.spend:spend",)
    assert side.graph().parents("features.spend:net") == ("features.spend:spend", "input:tax")
    (flow,) = side.snapshot.dataflows
    assert missing_inputs(side, flow, "features.spend:net") == ("cost", "tax")


def test_a_moment_is_read_once(session, settings):
    one, other = at(session, settings, "side"), at(session, settings, "side~0")

    assert one.snapshot is other.snapshot
    assert one.graph(one.snapshot.dataflows[0].name) is other.graph(one.snapshot.dataflows[0].name)


def test_a_scan_keeps_what_was_read_of_the_features_that_it_has_not_changed(
    database, settings, git_repo: GitRepo
):
    tagged = "from headwater import tag\n\nFLAG = {}\n\n\n@tag(flag=FLAG)\ndef flagged(x: int) -> int:\n    return x\n"
    git_repo.commit("Add", files={"a.py": SPEND, "b.py": tagged.format("'old'")})
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop", now=1)
    with database.read() as session:
        first = at(session, settings, None).snapshot
    scan(database, settings, "shop", now=2)
    with database.read() as session:
        assert at(session, settings, None).snapshot is first
    git_repo.commit("Change", files={"a.py": CHANGED, "b.py": tagged.format("'new'")})
    scan(database, settings, "shop", now=3)

    with database.read() as session:
        later = at(session, settings, None)
        (flagged,) = later.snapshot.variants["b:flagged"]
        assert flagged.tags["flag"] == "new"
        assert first.variants["b:flagged"][0].tags["flag"] == "old"
        spend, net = (later.snapshot.variants[f"a:{name}"][0] for name in ("spend", "net"))
        assert spend is first.variants["a:spend"][0]
        assert net is not first.variants["a:net"][0]
        assert at(session, settings, "main~1").snapshot is first


def test_nothing_of_a_main_line_is_left_after_a_force_push(database, settings, git_repo: GitRepo):
    git_repo.commit("Add", files={"a.py": SPEND})
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    for factor in (2, 3):
        git_repo.commit("Scale", files={"a.py": SPEND.replace("return cost", f"return cost * {factor}")})
        git_repo.commit("Add region", files={"features/region.py": REGION})
        scan(database, settings, "shop")
        with database.read() as session:
            moment = at(session, settings, None)
            spend, net = (moment.snapshot.variants[f"a:{name}"][0] for name in ("spend", "net"))
            assert spend.source.endswith(f"return cost * {factor}")
            with open_mirror(settings, moment.repository) as source:
                assert moment.snapshot == read_commit(source, moment.commit.sha)
        assert (spend.since, net.since) == (1, 0)
        git_repo.git("reset", "--quiet", "--hard", "HEAD~2")


def test_commits_that_wire_nothing_else_have_one_graph(database, settings, git_repo: GitRepo):
    git_repo.commit("Add", files={"a.py": SPEND})
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    changes = ("return cost", "return cost * 2"), ("cost: float", "cost: int"), ("net(", "gross(")
    graphs = []
    for number, change in enumerate([("net", "net"), *changes]):
        git_repo.commit("Change", files={"a.py": f"{SPEND.replace(*change)}# {number}\n"})
        scan(database, settings, "shop")
        with database.read() as session:
            moment = at(session, settings, None)
            graphs.append(moment.graph())
            with open_mirror(settings, moment.repository) as source:
                assert moment.graph() == read_commit(source, moment.commit.sha).graph

    assert graphs[0] is graphs[1]
    assert graphs[1].nodes["input:cost"].type != graphs[2].nodes["input:cost"].type
    assert "a:gross" in graphs[3].nodes


def test_what_needs_the_main_line_says_so_beside_it(session, settings):
    assert at(session, settings, None).require_position() == 2
    with pytest.raises(
        RepositoryError, match=r"is not on the scanned main line of 'shop'.*headwater scan shop"
    ):
        at(session, settings, "side").require_position()


def test_a_merged_branch_left_the_main_line_where_it_began(database, settings, git_repo):
    git_repo.commit("One", files={"a.py": "def a(x: int) -> int:\n    return x\n"})
    git_repo.branch("side")
    git_repo.commit("Beside", files={"b.py": "def b(a: int) -> int:\n    return a\n"})
    git_repo.checkout("main")
    git_repo.commit("Two", files={"c.py": "def c(a: int) -> int:\n    return a\n"})
    git_repo.merge("side", "Merge")
    git_repo.git("checkout", "--quiet", "--orphan", "apart")
    git_repo.commit("Apart", files={"d.py": "def d(a: int) -> int:\n    return a\n"})
    git_repo.checkout("main")
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")

    with database.read() as session:
        merged, apart = at(session, settings, "side"), at(session, settings, "apart")
        assert (merged.position, merged.base) == (None, 0)
        assert get_feature(merged, "a").commit.subject == "One"
        assert (apart.base, get_feature(apart, "d").base, get_feature(apart, "d").commit) == (-1, None, None)


def test_a_commit_beside_the_main_line_needs_the_mirror(session, settings):
    side = at(session, settings, "side")
    mirror_path(settings, side.repository).rename(settings.home / "elsewhere")

    with pytest.raises(NotFound, match="The mirror of 'shop' is gone"):
        _ = side.snapshot

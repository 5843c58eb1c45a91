"""A snapshot says of a commit what the store says of it after a scan, and of files on disk what lies there."""

from pathlib import Path

import pytest

from headwater_catalog.commit_snapshots import read_commit, read_repository
from headwater_catalog.demo import init_demo
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.moments import snapshot_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.snapshot import Snapshot, SnapshotEdge
from headwater_catalog.tree_snapshots import read_folder
from headwater_catalog.views import ColumnUse
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

SPEND = '''\
import pandas as pd
from headwater import check_output, tag


@tag(owner="growth", uses=["a", "b"])
@check_output(range=(0, 5))
def spend_per_signup(spend: pd.Series, signups: pd.Series, rate: float = 1.0) -> pd.Series:
    """The cost per signup.

    More of it.
    """
    return spend / signups
'''
REGIONS = """\
from headwater import config
from elsewhere import unknown

@config.when(region="UK")
def spend__uk(uk_cost: float) -> float: return uk_cost
@config.when(region="US")
def spend__us(us_cost: float, fx: int) -> float: return us_cost * fx
@unknown
def fx(day: int) -> int: return 1
"""
PROJECT = """\
[dataflows.all]
modules = ["features.*"]
outputs = ["spend_per_signup"]
[dataflows.alone]
modules = ["features.spend", "features.missing"]
config = { region = "UK" }
"""


def assert_agree_with_the_store(tmp_path: Path, origin: Path, every: int) -> Snapshot:
    """Scan a repository, compare snapshots of its commits with the rows, and return the last one."""
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(origin), now=0)
    scan(database, settings, "shop")
    with database.read() as session, GitSource(origin / ".git") as source:
        repository = get_repository(session, "shop")
        shas = source.main_line_shas(source.head())
        last = len(shas) - 1
        for position in (*range(0, last, every), last):
            snapshot, stored = read_commit(source, shas[position]), snapshot_at(session, repository, position)

            assert stored == snapshot, position
            assert stored.graph == snapshot.graph
    database.dispose()
    return snapshot


def test_snapshots_of_the_demo_are_what_is_stored_of_it(tmp_path: Path):
    init_demo(tmp_path / "demo")

    last = assert_agree_with_the_store(tmp_path, tmp_path / "demo", every=12)

    assert len(last.features) > 50
    assert last.diagnostics == ()
    assert last == read_folder(tmp_path / "demo")


def test_snapshots_are_what_is_stored_of_variants_faults_and_odd_names(tmp_path: Path, git_repo: GitRepo):
    long = "x" * 300
    git_repo.commit("Begin", files={"features/spend.py": SPEND, "features/regions.py": REGIONS})
    git_repo.commit("Declare", files={"headwater.toml": PROJECT})
    git_repo.commit(
        "Be odd",
        files={
            "features/odd.py": f'def {long}(a: int) -> int: ...\ndef nul(a: int) -> int:\n    "\\0"\n',
            "features/broken.py": "def broken(:\n",
            "features/twice.py": "def a(x: int) -> int: return 1\n\n\ndef a(x: int) -> int: return 1\n",
            "features/__init__.py": "",
        },
    )
    git_repo.commit(
        "Drive",
        files={
            "run.py": "from hamilton import driver\nfrom features import regions, spend\ndriver.Driver({}, spend, regions)\n",
            "other/ratio.py": "def spend_per_signup(a: int) -> int: return a\n",
            "other/again.py": "def spend_per_signup(b: int) -> int: return b\n",
        },
    )
    git_repo.delete("headwater.toml")
    git_repo.commit("Leave it to the drivers")
    git_repo.commit("Move down", files={"features/spend.py": "\n\n" + SPEND, "headwater.toml": "broken = ["})

    assert_agree_with_the_store(tmp_path, git_repo.path, every=1)


def test_snapshots_are_what_is_stored_of_owners_columns_comments_and_declared_inputs(
    tmp_path: Path, git_repo: GitRepo
):
    inputs = """\
from headwater import external_input, tag
import pandas as pd

@external_input(owner="crm")
def email() -> pd.Series:
    "As the customer typed it."

# The domain of the address.
def domain(email: pd.Series, orders: pd.DataFrame) -> pd.Series: return orders["domain"]
@tag(owner=["Maya", "Jonas"])
def cost(email: pd.Series) -> pd.Series: return email
"""
    git_repo.commit("Begin", files={"features/mail.py": inputs, "features/regions.py": REGIONS})
    git_repo.commit("Own", files={".github/CODEOWNERS": "* @shop/data\n/features/mail.py @mail\n!bad @x\n"})
    git_repo.commit(
        "Own by default", files={"pyproject.toml": '[tool.headwater.owners]\nfeatures = "Priya"\n'}
    )
    git_repo.commit("Say more", files={"features/mail.py": inputs.replace("# The", "# Only the")})
    git_repo.delete(".github/CODEOWNERS")
    git_repo.commit("Own by default only")
    git_repo.commit("Own nothing", files={"CODEOWNERS": "features/\n", "pyproject.toml": ""})
    git_repo.commit("Declare no more", files={"features/mail.py": inputs.replace("@external_input", "#")})
    assert_agree_with_the_store(tmp_path, git_repo.path, every=1)

    def read(ref: str) -> Snapshot:
        return read_repository(git_repo.path, ref)

    def owners(ref: str) -> dict[str, tuple[str, ...]]:
        return {feature.name: feature.owners for feature in read(ref).features}

    domain = read("HEAD~6").variants["features.mail:domain"][0]
    email = read("HEAD~5").graph["input:email"]
    assert (domain.doc, domain.columns) == (
        "The domain of the address.",
        (ColumnUse("orders", "domain", written=False),),
    )
    assert (email.type, email.summary, email.owner) == ("pandas.Series", "As the customer typed it.", "crm")
    assert read("HEAD~3").variants["features.mail:domain"][0].doc == "Only the domain of the address."
    assert owners("HEAD~6") == {"cost": ("Maya", "Jonas"), "domain": (), "fx": (), "spend": ()}
    assert owners("HEAD~5")["domain"] == ("@mail",)
    assert owners("HEAD~5")["fx"] == ("@shop/data",)
    assert owners("HEAD~2")["domain"] == owners("HEAD~2")["fx"] == ("Priya",)
    assert owners("HEAD~1")["domain"] == ()
    assert [d.path for d in read("HEAD~5").diagnostics] == [".github/CODEOWNERS"]
    assert [declared.name for declared in read("HEAD").inputs] == []


_QUERIES = """\
import pandas as pd

SCHEMA = "crm"
QUERY = f"select id, email from {SCHEMA}.users"
URL = "postgresql://me:secret@host/shop"
UNUSED = "select everything"


def users() -> pd.DataFrame:
    return pd.read_sql(QUERY, URL)
"""


def test_snapshots_are_what_is_stored_of_constants_in_sql(tmp_path: Path, git_repo: GitRepo):
    git_repo.commit("Begin", files={"features/users.py": _QUERIES, "features/regions.py": REGIONS})
    git_repo.commit("Ask for less", files={"features/users.py": _QUERIES.replace("id, email", "id")})
    git_repo.commit("Fill in", files={"features/users.py": _QUERIES.replace('"crm"', "schema()")})
    git_repo.commit("Set it twice", files={"features/users.py": f'{_QUERIES}\n\nQUERY = "select 1"\n'})
    assert_agree_with_the_store(tmp_path, git_repo.path, every=1)

    def read(ref: str) -> Snapshot:
        return read_repository(git_repo.path, ref)

    assert read("HEAD~3").constants == {"features.users": {"QUERY": ["select id, email from crm.users"]}}
    assert read("HEAD~1").constants == {"features.users": {"QUERY": ["select id, email from {filled}.users"]}}
    assert read("HEAD").constants == {}
    assert read("HEAD~2").lineage.parents("features.users:users") == ("table:URL:crm.users#id",)
    unclear = read("HEAD").tables.unclear[0].text
    assert "'users' reads SQL whose text stands elsewhere, so" in unclear
    assert unclear.endswith("Write it into the function, or into a constant of its module that is set once.")


def test_constants_of_modules_that_are_not_stored_are_left_out(tmp_path: Path, git_repo: GitRepo):
    files = {f"{'m' * 200}/{'m' * 200}.py": _QUERIES, "né.py": _QUERIES}
    git_repo.commit("Begin", files=files)

    assert list(assert_agree_with_the_store(tmp_path, git_repo.path, every=1).constants) == ["né"]


def test_edges_are_told_by_dataflow_with_inputs_apart(git_repo: GitRepo):
    git_repo.commit(
        "Begin",
        files={"features/spend.py": SPEND, "features/regions.py": REGIONS, "headwater.toml": PROJECT},
    )

    snapshot = read_repository(git_repo.path)

    ratio, spend, fx = (
        "features.spend:spend_per_signup",
        "features.regions:spend",
        "features.regions:fx",
    )
    assert snapshot.edges == (
        SnapshotEdge(fx, spend, "all"),
        SnapshotEdge(spend, ratio, "all"),
        SnapshotEdge("input:day", fx, "all"),
        SnapshotEdge("input:rate", ratio, "all"),
        SnapshotEdge("input:rate", ratio, "alone"),
        SnapshotEdge("input:signups", ratio, "all"),
        SnapshotEdge("input:signups", ratio, "alone"),
        SnapshotEdge("input:spend", ratio, "alone"),
        SnapshotEdge("input:uk_cost", spend, "all"),
        SnapshotEdge("input:us_cost", spend, "all"),
    )


def test_a_folder_is_read_as_it_lies_there_and_a_commit_as_it_was(git_repo: GitRepo):
    git_repo.commit("Begin", files={"spend.py": "def spend(a: int) -> int: return a\n"})
    git_repo.tag("v1")
    git_repo.write("spend.py", "def cost(a: int) -> int: return a\n")

    def names(snapshot: Snapshot) -> list[str]:
        return [feature.name for feature in snapshot.features]

    assert names(read_folder(git_repo.path)) == ["cost"]
    for ref in (None, "main", "v1", git_repo.head()[:8]):
        assert names(read_repository(git_repo.path, ref)) == ["spend"]


def test_bare_repositories_linked_trees_and_shallow_clones_are_read(git_repo: GitRepo, tmp_path: Path):
    for number in range(3):
        git_repo.commit("Go on", files={"spend.py": f"def spend(a: int) -> int: return {number}\n"})
    git_repo.git("clone", "--quiet", "--bare", str(git_repo.path), str(tmp_path / "bare.git"))
    git_repo.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "HEAD~1")
    git_repo.git("clone", "--quiet", "--depth=1", f"file://{git_repo.path}", str(tmp_path / "shallow"))
    whole = read_repository(git_repo.path)

    assert read_repository(tmp_path / "bare.git") == whole
    assert read_repository(tmp_path / "shallow") == whole
    assert read_repository(tmp_path / "linked", "main") == whole
    assert read_repository(tmp_path / "linked") == read_repository(git_repo.path, "HEAD~1")


def test_the_configuration_of_a_repository_is_not_listened_to(git_repo: GitRepo, tmp_path: Path):
    git_repo.commit("Begin", files={"spend.py": "def spend(a: int) -> int: return a\n"})
    trap = tmp_path / "trap"
    for name in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "diff.external",
        "core.alternateRefsCommand",
    ):
        git_repo.git("config", name, f"touch {trap};")
    git_repo.git("config", "uploadpack.packObjectsHook", f"touch {trap};")

    assert len(read_repository(git_repo.path, "main").features) == 1
    assert not trap.exists()


@pytest.mark.parametrize("ref", ["mian", "", "--all", "-x", "main\n", "a" * 5000, "main:spend.py", "v1\0"])
def test_an_unknown_ref_is_told_with_what_there_is(git_repo: GitRepo, ref: str):
    git_repo.commit("Begin", files={"spend.py": "def spend(a: int) -> int: return a\n"})

    with pytest.raises(NotFound, match=r"'main'|tags are: main"):
        read_repository(git_repo.path, ref)


def test_a_folder_without_repository_or_commit_has_no_ref(tmp_path: Path):
    GitRepo(tmp_path / "empty")
    (tmp_path / "plain").mkdir()

    for name in ("empty", "plain"):
        with pytest.raises(RepositoryError, match=name):
            read_repository(tmp_path / name, "main")
        assert read_folder(tmp_path / name) == Snapshot((), (), ())

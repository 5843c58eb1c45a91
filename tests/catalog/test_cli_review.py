"""`headwater review`: the whole story of a change, without a catalog and in one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from headwater_catalog.demo.plumbing import Plumbing
from headwater_catalog.demo.replay import read_story, replay
from headwater_catalog.settings import load_settings
from headwater_catalog.store.database import Database
from support.git_repo import GitRepo
from support.saved_dataset import save_a_dataset

_PRIVATE = """
[private]
query = "module:features.audiences classification:pii"
message = "Personal data leaves the house."
owner = "privacy"
"""


def headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "repository"
    replay(read_story(), Plumbing.create(folder))
    (folder.parent / "policies.toml").write_text(_PRIVATE)
    return folder


def _review(demo: Path, subject: str, *words: str) -> str:
    found = ["git", "-C", str(demo), "log", "--format=%H", f"--grep={subject}", "main"]
    sha = subprocess.run(found, capture_output=True, text=True, check=True).stdout.strip()
    done = headwater("review", sha, "--path", demo, "--policies", demo.parent / "policies.toml", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_leak_of_the_demo_is_told_with_its_way_and_whom_to_ask(demo: Path):
    told = _review(demo, "Export an audience for the newsletter")

    assert "**New findings: 2 errors; 3 features newly classified; 3 features changed in meaning, " in told
    assert (
        "- error `private`: `features.audiences:newsletter_audience` (`features/audiences.py:13`) Personal "
        "data leaves the house.\n"
        "  - its way: `email_normalized` → `contact_key` → `newsletter_audience`\n"
        "  - ask `CRM`; policy of `privacy`\n"
    ) in told
    assert (
        "- `pii` of `features.audiences:newsletter_audience`: not there to `true`, as "
        "`features.audiences:contact_key` is new\n"
    ) in told
    assert "- outputs of dataflow `customers`: `newsletter_audience`\n" in told
    assert "### Whom to ask (1)\n\n- `CRM`: 3 changed, 0 reached\n" in told
    assert "Which saved datasets this makes stale only a catalog knows." in told


def test_the_commit_that_hashes_the_address_clears_it_by_a_barrier_that_is_shown(demo: Path):
    told = _review(demo, "Hash the contact key")

    assert "**No new finding; 1 rule loosened; 1 feature changed in meaning, which reaches 1 more.**" in told
    assert "- **loosens**: barrier `features.audiences:contact_key` for `pii` added" in told
    assert "### Cleared findings (2)" in told
    assert (
        "`features.audiences:newsletter_audience`: `true` to `false`, as `features.audiences:contact_key` "
        in told
    )


def test_programs_get_all_of_it(demo: Path):
    told = json.loads(_review(demo, "Hash the contact key", "--json"))

    assert told["repository"] == "repository"
    assert told["counts"] == {"logic": 1, "signature": 1, "tags": 1, "docs": 1}
    (changed,) = told["changed"]
    assert (changed["key"], changed["owners"]) == ("features.audiences:contact_key", ["CRM"])
    assert changed["is_of_meaning"]
    assert [each["key"] for each in told["reached"]] == ["features.audiences:newsletter_audience"]
    assert told["owners"] == [{"name": "CRM", "changed": 1, "reached": 1}]
    assert [rule["kind"] for rule in told["rules"]] == ["barrier"]
    assert [finding["key"] for finding in told["cleared"]] == [
        "features.audiences:contact_key",
        "features.audiences:newsletter_audience",
    ]
    assert told["datasets"] is None


@pytest.fixture
def repository(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitRepo:
    """Give a repository whose branch `side` takes a policy away and changes what others own and need."""
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    files = {
        "shop.py": "def shop_sales(orders: int) -> int:\n    return orders\n",
        "tax.py": "def net(shop_sales: int) -> int:\n    return shop_sales\n",
        "policies/a.toml": '[owned]\nquery = "-has:owner"\n',
        "headwater.toml": '[dataflows.shop]\nmodules = ["shop", "tax"]\n\n[owners]\nshop = "crm"\ntax = "finance"\n',
    }
    git_repo.commit("Begin", files=files)
    git_repo.branch("side")
    git_repo.delete("policies/a.toml")
    git_repo.commit(
        "Change", files={"shop.py": files["shop.py"].replace("return orders", "return orders * 2")}
    )
    git_repo.checkout("main")
    git_repo.commit("Go on", files={"other.py": "def other(net: int) -> int: ...\n"})
    return git_repo


def test_a_branch_is_reviewed_from_where_it_left_main(repository: GitRepo):
    told = headwater("review", "main...side", "--path", repository.path).stdout

    assert "- **loosens**: policy `owned` removed\n" in told
    assert "- `shop:shop_sales`: logic (`crm`)\n" in told
    assert "- module `tax`: 1 feature\n" in told
    assert "- `crm`: 1 changed, 0 reached\n- `finance`: 0 changed, 1 reached\n" in told
    assert "other" not in told


def test_a_first_commit_and_one_that_changes_nothing_are_reviewed(repository: GitRepo):
    first = headwater("review", repository.git("rev-parse", "main~1"), "--path", repository.path).stdout
    nothing = headwater("review", "main..main", "--path", repository.path).stdout

    assert "From nothing to " in first
    assert "- tightens: policy `owned` added (`policies/a.toml:1`)\n" in first
    assert "**No new finding; no feature changed.**" in nothing
    assert nothing.count("###") == 1


def test_who_may_not_change_something_is_told_of_a_first_commit_too(repository: GitRepo, tmp_path: Path):
    policies = tmp_path / "policies.toml"
    policies.write_text('[theirs]\nscope = "module:shop"\nchanged_only_by = ["maya@example.com"]\n')

    for commits in (repository.git("rev-list", "--max-parents=0", "main"), "main...side"):
        asked = ("review", commits, "--path", repository.path, "--policies", policies, "--json")
        (finding,) = json.loads(headwater(*asked).stdout)["findings"]
        assert (finding["rule"], finding["key"]) == ("theirs", "shop:shop_sales")


def test_a_catalog_knows_which_datasets_become_stale(repository: GitRepo):
    headwater("db", "upgrade")
    headwater("repo", "add", "shop", repository.path)
    headwater("scan", "shop")
    settings = load_settings()
    with Database(settings.database_url).write() as session:
        save_a_dataset(session, settings, "shop")

    told = headwater("review", "main...side").stdout
    assert "### Datasets that become stale (1)\n\n- `shop`, saved by run 1: `shop_sales`\n" in told
    assert "Datasets" not in headwater("review", "main").stdout
    assert "review of `shop`" in told


def test_what_cannot_be_is_told(repository: GitRepo):
    both = headwater("review", "main", "--path", repository.path, "--repo", "shop")
    policies = repository.path / "policies.toml"
    policies.write_text(_PRIVATE)
    served = headwater("--remote", "http://127.0.0.1:1", "review", "main", "--policies", policies)
    nothing = headwater("review", "main..nothing", "--path", repository.path)

    assert (both.exit_code, served.exit_code, nothing.exit_code) == (2, 2, 3)
    assert "Give one of them" in both.stderr
    assert "judges by its own policies" in served.stderr
    assert "No commit, branch or tag 'nothing'" in nothing.stderr

"""Suggestions in a catalog: by values that somebody had looked at, as a patch, and as a branch that is pushed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from headwater_catalog.cli import command_line
from headwater_catalog.datasets import version_of_run
from headwater_catalog.errors import Conflict, Forbidden
from headwater_catalog.governance.tag_patch import TagPatch
from headwater_catalog.kept_looks import keep_looks, shown_looks
from headwater_catalog.looked_values import look_at_values
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.pushed_branches import PushedBranch, push_branch
from headwater_catalog.repositories import get_repository, set_branches
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Event
from headwater_catalog.suggested import accepted, patch_at, reached_at, suggestions_at
from support.git_repo import GitRepo
from support.looked_catalog import FILES, bare_copy, make_looked_catalog, save_people

pytestmark = pytest.mark.runs

_CONTACT = ("pii", "crm:contact")
_EMAIL = ("pii", "crm:email")


@dataclass
class Shop:
    """A catalog that follows a bare repository."""

    database: Database
    settings: Settings
    bare: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.bare, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def look(self, personal: list[str] | None = None) -> None:
        with self.database.write() as session:
            run = save_people(session, self.settings, personal=personal)
        with self.database.read() as session:
            version = version_of_run(session, run)
            assert version is not None
            looks = look_at_values(self.settings, version)
        with self.database.write() as session:
            version = version_of_run(session, run)
            assert version is not None
            keep_looks(session, version, looks, ("ada", ""), 1)

    def push(self, *chosen: tuple[str, str], who: str = "ines@example.com") -> PushedBranch:
        with self.database.read() as session:
            moment = self.moment(session)
            wanted = accepted(suggestions_at(moment, True), chosen)
            patch = patch_at(moment, wanted)
            return push_branch(moment, patch, wanted, (who, ""), 2, self.database.write)

    def moment(self, session) -> Moment:
        return moment_at(session, self.settings, get_repository(session, "crm"))

    def allow(self) -> None:
        with self.database.write() as session:
            set_branches(get_repository(session, "crm"), True)

    def events(self, kind: str) -> list[Event]:
        with self.database.read() as session:
            return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))

    def headwater(self, *words: str | Path) -> Result:
        environment = {
            "HEADWATER_HOME": str(self.settings.home),
            "HEADWATER_DATABASE_URL": self.settings.database_url,
        }
        return CliRunner().invoke(command_line(), [str(word) for word in words], env=environment)


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Shop]:
    git_repo.commit("Begin", files=FILES)
    bare = bare_copy(git_repo, tmp_path / "crm.git")
    database, settings = make_looked_catalog(catalog_url, tmp_path / "home", bare)
    yield Shop(database, settings, bare)
    database.dispose()


# Values


def test_values_that_were_looked_at_suggest_what_no_name_says(shop: Shop):
    with shop.database.read() as session:
        before = [each.key for each in suggestions_at(shop.moment(session), True)]
    shop.look()
    with shop.database.read() as session:
        moment = shop.moment(session)
        found = {each.key: each for each in suggestions_at(moment, True)}
        reached = reached_at(moment, found["crm:contact"])

    assert before == ["crm:email"]
    assert found["crm:contact"].reasons == (
        "its values in people@1 look like an e-mail address: 100 % of 20",
    )
    assert (found["crm:contact"].reaches, reached) == (1, ("crm:greeting",))
    # Its column was handed through as the dataflow was given it; what that reaches is told by it alone.
    assert found["input:row"].reasons == ("its values in people@1 look like a phone number: 100 % of 20",)
    assert "crm:plan" not in found


def test_that_values_were_looked_at_is_noted_and_none_of_them_is_kept(shop: Shop):
    shop.look()
    with shop.database.read() as session:
        version = version_of_run(session, 1)
        assert version is not None
        looks = version.looks

    (event,) = shop.events("values looked at")
    assert (event.actor, event.subject) == ("ada", "people of run 1 in crm")
    assert event.details == {"columns": ["contact", "phone"]}
    assert looks == [
        {"column": "contact", "kind": "an e-mail address", "share": 1.0, "looked_at": 20},
        {"column": "phone", "kind": "a phone number", "share": 1.0, "looked_at": 20},
    ]
    assert "@" not in json.dumps(looks)


def test_who_may_not_see_a_column_is_not_told_what_its_values_look_like(shop: Shop):
    shop.look(personal=["contact"])
    with shop.database.read() as session:
        moment = shop.moment(session)
        told = {sees: [e.key for e in suggestions_at(moment, sees)] for sees in (True, False)}
        version = version_of_run(session, 1)
        assert version is not None
        shown = [each["column"] for each in shown_looks(version, False) or ()]

    assert "crm:contact" in told[True]
    assert "crm:contact" not in told[False]
    assert shown == ["phone"]


def test_the_newest_version_that_was_looked_at_counts(shop: Shop):
    shop.look()
    shop.look()
    with shop.database.write() as session:
        save_people(session, shop.settings)
    with shop.database.read() as session:
        (found,) = (e for e in suggestions_at(shop.moment(session), True) if e.key == "crm:contact")

    assert found.reasons == ("its values in people@2 look like an e-mail address: 100 % of 20",)


def test_what_was_found_for_a_day_that_is_over_is_not_kept(shop: Shop):
    with shop.database.read() as session:
        moment = shop.moment(session)
        first = suggestions_at(moment, True, "2026-06-29")
        kept = len(moment.snapshot.kept)
        later = suggestions_at(moment, True, "2026-06-30")

        assert later == first
        assert suggestions_at(moment, True, "2026-06-30") is later
        assert len(moment.snapshot.kept) == kept


def test_a_file_that_is_gone_or_no_table_is_told(shop: Shop):
    with shop.database.write() as session:
        run = save_people(session, shop.settings)
    (file,) = (shop.settings.home / "datasets" / "crm").iterdir()
    with shop.database.read() as session:
        version = version_of_run(session, run)
        assert version is not None
        file.write_text("contact,plan\na,b,c\n")
        with pytest.raises(Conflict, match=r"'people@1' cannot be looked at. The table"):
            look_at_values(shop.settings, version)
        file.unlink()
        with pytest.raises(Conflict, match="its file is gone"):
            look_at_values(shop.settings, version)


# Patches and branches


def test_what_is_suggested_no_more_is_not_accepted(shop: Shop):
    with shop.database.read() as session:
        found = suggestions_at(shop.moment(session), True)
        with pytest.raises(Conflict, match="Nothing suggests pii for 'crm:plan' any more"):
            accepted(found, [("pii", "crm:plan")])


def test_a_branch_holds_exactly_the_patch_on_top_of_the_scanned_commit(shop: Shop):
    shop.look()
    shop.allow()
    head = shop.git("rev-parse", "main")
    pushed = shop.push(_EMAIL, _CONTACT)

    assert pushed.name.startswith("headwater/classify-")
    assert shop.git("rev-parse", pushed.name) == pushed.sha
    assert shop.git("rev-parse", f"{pushed.name}~1") == head == shop.git("rev-parse", "main")
    changed = shop.git("diff", "--unified=0", head, pushed.name).splitlines()
    assert [line for line in changed if line.startswith(("+", "-")) and line[1:2] not in ("+", "-")] == [
        "+from headwater import tag",
        '+@tag(pii="true")',
        '+@tag(pii="true")',
    ]
    author = shop.git("log", "-1", "--format=%an|%ae|%s", pushed.name)
    assert author == "ines@example.com|ines@example.com|Classify 2 features (pii)"
    (asked,), (done,) = shop.events("branch push requested"), shop.events("branch pushed")
    assert asked.id < done.id
    assert asked.details["commit"] == done.details["commit"] == pushed.sha
    assert not list((shop.settings.home / "mirrors").glob("*.git/headwater-draft-*"))


def test_nothing_is_pushed_unless_an_administrator_has_allowed_it(shop: Shop):
    with pytest.raises(Forbidden, match="headwater repo branches crm"):
        shop.push(_EMAIL)

    assert shop.git("branch", "--format=%(refname:short)") == "main"
    assert shop.events("branch push requested") == []


def test_a_branch_that_is_there_stays_as_it_is(shop: Shop):
    shop.allow()
    first = shop.push(_EMAIL)
    # Somebody else has put something else there since.
    shop.git("update-ref", f"refs/heads/{first.name}", "main")
    with pytest.raises(Conflict, match=r"is at .* already: the same was pushed before"):
        shop.push(_EMAIL)

    assert shop.git("rev-parse", first.name) == shop.git("rev-parse", "main")
    (failed,) = shop.events("branch push failed")
    assert "already" in failed.details["reason"]


def test_an_address_that_takes_nothing_is_told(shop: Shop):
    shop.allow()
    shop.bare.rename(shop.bare.with_name("elsewhere.git"))

    with pytest.raises(
        Conflict, match=r"The branch 'headwater/classify-.*' cannot be pushed. .* no folder here"
    ):
        shop.push(_EMAIL)
    shop.bare.mkdir()
    with pytest.raises(Conflict, match=r"crm\.git does not take the branch 'headwater/classify-"):
        shop.push(_EMAIL)
    assert len(shop.events("branch push failed")) == 2


def test_nothing_in_the_folder_that_takes_a_branch_is_executed(shop: Shop, tmp_path: Path):
    shop.allow()
    trace = tmp_path / "trace"
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "pre-push"):
        for folder in (shop.bare, shop.settings.home / "mirrors" / "1.git"):
            hook = folder / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
            hook.chmod(0o755)
    shop.git("config", "core.alternateRefsCommand", f"touch {trace};")
    shop.git("config", "core.hooksPath", str(shop.bare / "hooks"))
    (shop.bare / "objects" / "info").mkdir(exist_ok=True)
    (shop.bare / "objects" / "info" / "alternates").write_text(f"{tmp_path / 'repository/.git/objects'}\n")
    pushed = shop.push(_EMAIL)

    assert not trace.exists()
    assert shop.git("rev-parse", pushed.name) == pushed.sha


def test_a_patch_of_nothing_is_no_branch(shop: Shop):
    shop.allow()
    with shop.database.read() as session:
        nothing = TagPatch(b"", {}, (), {"input:row": "no code declares it"})
        with pytest.raises(Conflict, match=r"nothing to push. input:row: no code declares it"):
            push_branch(shop.moment(session), nothing, {}, ("ada", ""), 2, shop.database.write)


# The command line


def test_the_command_line_looks_lists_patches_and_pushes(shop: Shop):
    with shop.database.write() as session:
        save_people(session, shop.settings)
    listed = shop.headwater("suggest", "--repo", "crm", "--values", "people", "--json")
    patch = shop.headwater("suggest", "--repo", "crm", "--patch", "--only", "crm:contact")
    refused = shop.headwater("suggest", "--push", "--only", "crm:contact")
    allowed = shop.headwater("repo", "branches", "crm", "--json")
    pushed = shop.headwater("suggest", "--push", "--only", "crm:contact", "--json")
    forbidden = shop.headwater("repo", "branches", "crm", "--not")

    assert [each["key"] for each in json.loads(listed.stdout)] == ["crm:contact", "crm:email", "input:row"]
    assert '+@tag(pii="true")\n def contact' in patch.stdout
    assert refused.exit_code == 3
    assert "headwater repo branches crm" in refused.stderr
    assert json.loads(allowed.stdout) == {"name": "crm", "takes_branches": True}
    told = json.loads(pushed.stdout)
    assert told["added"] == ["crm:contact"]
    assert shop.git("rev-parse", told["branch"]) == told["commit"]
    assert "not pushed to 'crm' from now on" in forbidden.stderr
    kinds = ("branches allowed", "branches forbidden")
    assert [len(shop.events(kind)) for kind in kinds] == [1, 1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((".", "--repo", "crm"), "PATH is a folder"),
        (("--patch", "--push"), "say two things"),
        (("--values", "nobody"), "has no dataset 'nobody'"),
    ],
)
def test_wrong_use_is_told(shop: Shop, words: tuple[str, ...], told: str):
    done = shop.headwater("suggest", *words)

    assert done.exit_code in (2, 3)
    assert told in done.stderr

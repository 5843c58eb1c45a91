"""Classifications flow from repository to repository, where sources are declared to be features elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog.classified_at import classify_at, imported_levels
from headwater_catalog.classified_runs import personal_names
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.search import search
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.demo_catalog import settings_in
from support.git_repo import GitRepo

_TAG = "from headwater import tag\n"
_PEOPLE = f'{_TAG}@tag(pii="true")\ndef email(raw: str) -> str: ...\n\ndef domain(email: str) -> str: ...\n'
_SHOP = "def audience(host: str) -> str: ...\n\ndef size(audience: str) -> int: ...\n"


class Shops:
    def __init__(self, folder: Path, database: Database, settings: Settings) -> None:
        self._folder, self.database, self.settings = folder, database, settings

    def add(self, name: str, code: str, sources: str = "", more: str = "") -> None:
        known = (self._folder / name).exists()
        repo = GitRepo(self._folder / name)
        flow = '[dataflows.flow]\nmodules = ["m"]\n[dataflows.flow.sources]\n'
        repo.commit("Work", files={"m.py": code, "headwater.toml": f"{flow}{sources}\n{more}"})
        if not known:
            with self.database.write() as session:
                add_repository(session, name, str(repo.path), 0)
        scan(self.database, self.settings, name)

    def reached(self, name: str, tag: str = "pii") -> dict[str, str]:
        with self.database.read() as session:
            found = classify_at(moment_at(session, self.settings, get_repository(session, name)), tag)
            return {key.partition(":")[2]: found.name(key) for key in sorted(found.keys)}


@pytest.fixture
def shops(tmp_path: Path, database: Database, catalog_url: str) -> Iterator[Shops]:
    yield Shops(tmp_path, database, settings_in(tmp_path / "home", catalog_url))


_HOST = 'host = { feature = "people:m:domain" }'


def test_what_is_personal_there_is_personal_here(shops: Shops):
    shops.add("people", _PEOPLE)
    shops.add("shop", _SHOP, _HOST)

    assert shops.reached("shop") == {"host": "true", "audience": "true", "size": "true"}
    with shops.database.read() as session:
        moment = moment_at(session, shops.settings, get_repository(session, "shop"))
        assert personal_names(moment, "flow", ["size"]) == ["audience", "host", "size"]
        hits = search([moment], "classification:pii").hits
        assert sorted(hit.key for hit in hits) == ["m:audience", "m:size"]
        assert classify_at(moment, "pii").why("m:size") == ("input:host", "m:audience", "m:size")

    shops.add("people", _PEOPLE.replace("def domain", '@tag(pii="barrier")\ndef domain'))
    assert shops.reached("shop") == {}
    with shops.database.read() as session:
        moment = moment_at(session, shops.settings, get_repository(session, "shop"))
        assert not search([moment], "classification:pii").hits


def test_it_goes_on_through_several(shops: Shops):
    shops.add("people", _PEOPLE)
    shops.add("shop", _SHOP, _HOST)
    shops.add("report", "def report(count: int) -> int: ...\n", 'count = { feature = "shop:m:size" }')

    assert shops.reached("report") == {"count": "true", "report": "true"}


@pytest.mark.parametrize(("barrier", "reached"), [("", {"left", "right", "back"}), ("b", set())])
def test_in_a_circle_of_repositories_it_ends(shops: Shops, barrier: str, reached: set[str]):
    tagged = '@tag(pii="barrier")\n' if barrier else ""
    shops.add("a", f"{_TAG}def left(back: str) -> str: ...\n", 'back = { feature = "b:m:right" }')
    code = f'{_TAG}{tagged}def right(left: str, name: str) -> str: ...\n\n@tag(pii="true")\ndef name() -> str: ...\n'
    shops.add("b", code, 'left = { feature = "a:m:left" }')
    shops.add("a", f"{_TAG}def left(back: str) -> str: ...\n\n", 'back = { feature = "b:m:right" }')

    assert {*shops.reached("a"), *shops.reached("b")} - {"name"} == reached


def test_levels_are_told_apart_by_their_names(shops: Shops):
    levels = '[classifications]\nsecrecy = { levels = ["open", "inner", "closed"] }\n'
    others = '[classifications]\nsecrecy = { levels = ["open", "closed", "sealed"] }\n'
    code = f'{_TAG}@tag(secrecy="{{}}")\ndef domain() -> str: ...\n'
    for said, level in (("closed", "closed"), ("inner", "sealed"), ("open", None)):
        shops.add("people", code.format(said), "", levels)
        shops.add("shop", f"{_SHOP}# {said}\n", _HOST, others)
        assert set(shops.reached("shop", "secrecy").values()) == ({level} if level else set())


def test_a_source_that_leads_nowhere_brings_nothing(shops: Shops):
    shops.add("shop", _SHOP, 'host = { feature = "people:m:domain" }')

    with shops.database.read() as session:
        moment = moment_at(session, shops.settings, get_repository(session, "shop"))
        assert imported_levels(moment, ["pii"]) == {"pii": {}}


_USERS = 'users = { connection = "warehouse", table = "crm.users" }\n'
_DECLARED = """\
[tables.users]
connection = "warehouse"
table = "crm.users"
[tables.users.columns]
host = { type = "str", tags = { pii = true } }
"""
_NO_TAG = "def raw() -> str: ...\n"


def test_what_one_repository_declares_of_a_table_holds_for_all_that_read_it(shops: Shops):
    shops.add("shop", _SHOP, _USERS)
    assert shops.reached("shop") == {}

    shops.add("crm", _NO_TAG, more=_DECLARED)

    column = "warehouse:crm.users#host"
    assert shops.reached("shop") == {"host": "true", "audience": "true", "size": "true", column: "true"}
    with shops.database.read() as session:
        moment = moment_at(session, shops.settings, get_repository(session, "shop"))
        assert personal_names(moment, "flow", ["size"]) == ["audience", "host", "size"]


def test_what_fills_a_table_with_personal_data_classifies_those_that_read_it(shops: Shops):
    sink = '[dataflows.out]\nmodules = ["m"]\noutputs = ["host"]\n[dataflows.out.sinks]\n' + _USERS
    shops.add("crm", _PEOPLE.replace("domain", "host"), more=sink)
    shops.add("shop", _SHOP, _USERS)
    shops.add("apart", _SHOP, _USERS.replace("crm.users", "crm.others"))

    assert shops.reached("shop").keys() >= {"host", "audience", "size"}
    assert shops.reached("apart") == {}

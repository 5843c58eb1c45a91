"""A shop with personal columns, and the short way from a plan of erasure to its end."""

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from headwater_catalog.erasure.items import Item
from headwater_catalog.erasure.plan import Plan, make_plan
from headwater_catalog.erasure.requests import Chosen, begin_erasure, get_erasure, list_items, request_erasure
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import Erasure, ErasureItem, Event
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import Catalog

__all__ = ["BY", "DAY", "PEOPLE", "PROJECT", "Erasing", "write_people"]

BY = ("ada", "")
DAY = "2026-11-22"

PROJECT = """[tool.headwater.dataflows.people]
modules = ["features.people"]
outputs = ["domain", "bucket", "total"]
[tool.headwater.dataflows.people.sources]
people = { path = "data/people.csv", index = "id" }
[tool.headwater.classifications.pii]
anonymisers = ["hash_email"]
"""

PEOPLE = """
import pandas as pd
from headwater import external_input, tag
from features.hashing import hash_email


@external_input(pii="true")
def email() -> pd.Series: ...


def lower(email: pd.Series) -> pd.Series:
    return email.str.lower()


def domain(lower: pd.Series) -> pd.Series:
    print("domains:", list(lower))
    return lower.str.split("@").str[1]


@tag(pii="barrier", pii_reason="a keyed hash", pii_reviewer="ines@example.com", pii_until="2030-01-01")
def bucket(lower: pd.Series) -> pd.Series:
    return lower.map(len) % 2


def of_bucket(bucket: pd.Series) -> pd.Series:
    return bucket + 1


def hashed(lower: pd.Series) -> pd.Series:
    return lower.map(hash_email)


def total(spend: pd.Series) -> float:
    return float(spend.sum())


def doubled(spend: pd.Series) -> pd.Series:
    return spend * 2
"""

HASHING = """
def hash_email(text):
    return str(len(text))
"""

CSV = "id,email,spend\n1,Ada@one.example,5\n2,Bob@two.example,7\n"


def write_people(repo: GitRepo, code: str = PEOPLE) -> None:
    repo.write("pyproject.toml", PROJECT)
    repo.write("features/hashing.py", HASHING)
    repo.write("features/people.py", code)
    repo.write("data/people.csv", CSV)
    repo.commit("People")


class Erasing:
    """Plans and erases in a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.database = catalog.database

    def plan(self, *columns: str, repository: str = "shop", day: str = DAY) -> Plan:
        with self.database.read() as session:
            place = get_repository(session, repository)
            return make_plan(session, self.catalog.settings, place, columns, day)

    def told(self, *columns: str, **more: Any) -> dict[str, set[tuple[str, str]]]:
        """Return of a plan by kind the names and standings."""
        found: dict[str, set[tuple[str, str]]] = {}
        for item in self.plan(*columns, **more).items:
            found.setdefault(item.kind, set()).add((item.name, item.standing.word))
        return found

    def item(self, kind: str, *columns: str) -> Item:
        [found] = [item for item in self.plan(*columns).items if item.kind == kind]
        return found

    def request(self, *columns: str) -> int:
        """Store the plan, and return the number of the erasure."""
        with self.database.write() as session:
            place = get_repository(session, "shop")
            asked = (columns, "DSR-17", BY, int(time.time()))
            erasure = request_erasure(session, self.catalog.settings, place, *asked)
            number, job = erasure.id, erasure.job_id
        assert Worker(self.database, self.catalog.settings).perform_next(job)
        return number

    def begin(self, number: int, standings: Collection[str] = ()) -> int:
        with self.database.write() as session:
            job = begin_erasure(session, number, standings, BY, int(time.time())).job_id
        assert job is not None
        return job

    def erase(self, number: int, *standings: str) -> Erasure:
        job = self.begin(number, standings)
        assert Worker(self.database, self.catalog.settings).perform_next(job)
        return self.get(number)

    def get(self, number: int) -> Erasure:
        with self.database.read() as session:
            return get_erasure(session, number)

    def items(self, number: int, **chosen: Any) -> list[ErasureItem]:
        with self.database.read() as session:
            return list_items(session, number, Chosen(**chosen), limit=100_000)

    def events(self) -> list[str]:
        with self.database.read() as session:
            wanted = select(Event.kind).where(Event.kind.startswith("erasure ")).order_by(Event.id)
            return list(session.scalars(wanted))

"""A catalog with a repository that looks classified, and a dataset whose values do, without executing a run."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from headwater_catalog.datasets import new_path, record_version
from headwater_catalog.repositories import add_repository, get_repository, resolve_at
from headwater_catalog.runs import request_run
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.git_repo import GitRepo

__all__ = ["bare_copy", "make_looked_catalog", "save_people"]

FILES = {
    "crm.py": (
        "import pandas as pd\n\n\n"
        "def contact(row: pd.Series) -> pd.Series:\n    return row\n\n\n"
        "def email(row: pd.Series) -> pd.Series:\n    return row\n\n\n"
        "def greeting(contact: pd.Series) -> pd.Series:\n    return contact\n\n\n"
        "def plan(row: pd.Series) -> pd.Series:\n    return row\n"
    ),
    "headwater.toml": '[dataflows.crm]\nmodules = ["crm"]\n\n[owners]\ncrm = "growth"\n',
}
_PEOPLE = "contact,plan,phone\n" + "".join(
    f"person{n}@example.com,free,+49 30 123456{n % 10}\n" for n in range(20)
)


def bare_copy(repository: GitRepo, place: Path) -> Path:
    """Make a bare copy of a repository, to which branches can be pushed."""
    command = ["git", "clone", "--quiet", "--bare", "--template=", str(repository.path), str(place)]
    subprocess.run(command, check=True)
    return place


def make_looked_catalog(url: str, home: Path, address: Path, name: str = "crm") -> tuple[Database, Settings]:
    """Follow a repository in a catalog that is empty, and scan it; the caller disposes of the database."""
    database = Database(url)
    settings = Settings(home=home, database_url=url, secret_key="k")
    with database.write() as session:
        add_repository(session, name, str(address), 0)
    scan(database, settings, name)
    return database, settings


def save_people(
    session: Session, settings: Settings, name: str = "crm", personal: list[str] | None = None
) -> int:
    """Leave a dataset of people whose columns are not classified, and return the number of its run."""
    repository = get_repository(session, name)
    commit = resolve_at(session, settings, repository, None)
    run = request_run(session, settings, repository, commit, None, ["plan"], {}, {}, None, "ada", 0)
    run.job.state, run.personal = "succeeded", personal or []
    columns: list[Mapping[str, Any]] = [
        {"name": "contact", "kind": "feature", "node": "contact", "features": ["crm:contact"]},
        {"name": "plan", "kind": "feature", "node": "plan", "features": ["crm:plan"]},
        {"name": "phone", "kind": "source", "node": "row"},
    ]
    path = new_path(name, "people", run.id, "csv")
    told = {"path": path, "format": "csv", "sha256": "0" * 64, "rows": 20}
    record_version(session, run, "people", **told, columns=[{"type": "string", **c} for c in columns], now=0)
    (settings.home / path).parent.mkdir(parents=True, exist_ok=True)
    (settings.home / path).write_text(_PEOPLE)
    return run.id

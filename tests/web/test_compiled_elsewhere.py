"""Compiled files on a machine that has only the address of a catalog with accounts, and a token."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import create_token
from headwater_catalog.accounts.people import create_account, set_role
from headwater_catalog.jobs import State
from headwater_catalog.run_options import RunOptions
from headwater_web.app import create_app
from support.compiled_shop import compiled, make_compiled_shop, program, saved
from support.git_repo import GitRepo
from support.run_catalog import Catalog
from support.served import served
from support.worker_process import Workers, until

_BY = ("ada", "")


@dataclass(frozen=True)
class Elsewhere:
    """A served catalog, and what a machine elsewhere has of it.

    Attributes:
        catalog: The catalog.
        environment: Of the machine: the command, the address and a token.
    """

    catalog: Catalog
    environment: dict[str, str]

    def execute(self, content: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        (folder / "compiled.sh").write_text(content)
        return subprocess.run(
            ["bash", "compiled.sh"],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )


@pytest.fixture
def elsewhere(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Elsewhere]:
    made = make_compiled_shop(sqlite_catalog_url, git_repo, tmp_path)
    monkeypatch.setenv("HEADWATER_LOCATIONS", " ".join(made.settings.data.locations))  # for the worker
    catalog = Catalog(made.database, replace(made.settings, auth="accounts"))
    now = int(time.time())
    with catalog.database.write() as session:
        account = create_account(session, "airflow", "seven quiet lanterns", _BY, now)
        set_role(session, account, Role.RUNNER, None, _BY, now)
        token = create_token(session, account.id, "airflow", Role.RUNNER, None, 30, _BY, now)
    whole = program(catalog, tmp_path)
    environment = {name: each for name, each in whole.items() if not name.startswith("HEADWATER_")}
    home = str(tmp_path / "elsewhere")
    workers = Workers(catalog.settings)
    with served(create_app(catalog.settings, catalog.database)) as url:
        workers.start()
        there = {"HEADWATER_REMOTE": url, "HEADWATER_TOKEN": token, "HEADWATER_HOME": home}
        yield Elsewhere(catalog, {**environment, **there})
        workers.end()
    catalog.database.dispose()


def test_tasks_are_runs_of_the_catalog_and_make_its_dataset(elsewhere: Elsewhere, tmp_path: Path):
    catalog = elsewhere.catalog
    words = ("sales", "--to", "script", "--by", "module", "--through", "between", "--retries", "0")
    script = compiled(catalog, *words)
    done = elsewhere.execute(script, tmp_path, RELAY="monday")
    assert done.returncode == 0, done.stderr
    runs = [catalog.get(number) for number in (1, 2, 3)]
    number, job_id = catalog.request(dataflow="sales", save="csv", options=RunOptions(executor="threads"))
    until(
        lambda: catalog.job(job_id).state == State.SUCCEEDED
    )  # a worker is there already: it takes this too
    whole = catalog.get(number)

    assert saved(catalog, runs[2]) == saved(catalog, whole) == (tmp_path / "out" / "scores.csv").read_bytes()
    assert {(run.job.requested_by, run.note) for run in runs} == {("airflow", "compiled, monday")}
    assert {node.kept_from for node in runs[2].nodes} == {None, 1, 2}
    assert not os.path.lexists(elsewhere.environment["HEADWATER_HOME"])


def test_a_machine_without_a_token_performs_nothing(elsewhere: Elsewhere, tmp_path: Path):
    script = compiled(elsewhere.catalog, "sales", "--to", "script", "--by", "module", "--retries", "0")
    done = elsewhere.execute(script, tmp_path, HEADWATER_TOKEN="")

    assert done.returncode == 1
    assert "HEADWATER_TOKEN" in done.stderr
    assert "Task load failed" in done.stderr

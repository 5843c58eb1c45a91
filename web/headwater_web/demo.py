"""The demo catalog: its repository built, its history scanned, one dataset made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from headwater_catalog import jobs
from headwater_catalog.datasets import list_datasets
from headwater_catalog.demo import init_demo
from headwater_catalog.errors import JobError
from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.repositories import add_repository, get_repository, resolve_at
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_catalog.worker import Worker

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["NAME", "prepare_demo"]

NAME = "demo"
_DATAFLOW = "marketing"


def prepare_demo(settings: Settings) -> None:
    """Make the demo catalog, as far as it is not there yet.

    Raises:
        Conflict: If something else stands where the demo repository goes.
        JobError: If the dataset cannot be made.
    """
    directory = settings.home / "demo-repository"
    _say(f"Demo repository: {directory}")
    init_demo(directory)
    database = Database(settings.database_url)
    database.upgrade()
    try:
        with database.write() as session:
            add_repository(session, NAME, str(directory), int(time.time()))
        _say("Reading its history…")
        scan(database, settings, NAME)
        keep_findings(database, settings, NAME)
        _make_dataset(database, settings)
    finally:
        database.dispose()


def _make_dataset(database: Database, settings: Settings) -> None:
    """Execute the dataflow, unless its dataset is there from before."""
    with database.write() as session:
        repository = get_repository(session, NAME)
        if list_datasets(session, repository):
            return
        commit = resolve_at(session, settings, repository, None)
        run = request_run(
            session, settings, repository, commit, _DATAFLOW, (), {}, {}, "csv", "demo", int(time.time())
        )
        number, job = run.id, run.job_id
    _say(f"Making the dataset '{_DATAFLOW}'…")
    Worker(database, settings).perform_next(job)
    with database.read() as session:
        done = get_run(session, number)
        if done.job.state != jobs.State.SUCCEEDED:
            raise JobError(f"The demo's dataset could not be made: {done.job.error}")


def _say(text: str) -> None:
    click.echo(text, err=True)

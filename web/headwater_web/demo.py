"""The demo catalog: its repository built, its history scanned, one dataset made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
from sqlalchemy import select

from headwater_catalog import jobs
from headwater_catalog.datasets import list_datasets
from headwater_catalog.demo import init_demo
from headwater_catalog.errors import JobError
from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.moments import Moment
from headwater_catalog.repositories import add_repository, get_repository, resolve_at
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Commit, Event
from headwater_catalog.subscriptions.subscribing import Wanted, subscribe
from headwater_catalog.subscriptions.telling import tell_changes
from headwater_catalog.subscriptions.watched import Watched
from headwater_catalog.subscriptions.watching import keep_watched, results_at
from headwater_catalog.worker import Worker

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["NAME", "prepare_demo"]

NAME = "demo"
_DATAFLOW = "marketing"
_QUERY = "classification:pii"
_COMMITS_AGO = 11


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
        _make_subscription(database, settings)
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


def _make_subscription(database: Database, settings: Settings) -> None:
    """Subscribe to personal data as some commits ago, so that there is something to tell."""
    watched, now = Watched(query=_QUERY, repository=NAME), int(time.time())
    with database.read() as session:
        if session.scalar(select(Event.id).where(Event.kind == "subscription created").limit(1)):
            return
        repository = get_repository(session, NAME)
        then = repository.scanned_position - _COMMITS_AGO
        at = Commit.repository_id == repository.id, Commit.position == max(then, 0)
        moment = Moment(session, settings, repository, session.scalars(select(Commit).where(*at)).one())
        results = results_at([moment], watched)
    wanted = Wanted("Personal data of the demo", watched, feed=True)
    with database.write() as session:
        _, made = subscribe(session, settings, None, wanted, results, ("demo", ""), now)
    keep_watched(database, settings)
    tell_changes(database, settings, now)
    _say(f"A feed of what becomes personal: {settings.address}/feeds/{made.feed}")


def _say(text: str) -> None:
    click.echo(text, err=True)

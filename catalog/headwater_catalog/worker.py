"""The worker: leases jobs, performs them one after the other, and ends each with a reason.

`python -m headwater_catalog.worker` runs one that ends when its standard input does, which is how a server
ties a worker to its own life.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from headwater.errors import HeadwaterError
from headwater_catalog import (
    execution,
    jobs,
    kept_environments,
    kept_findings,
    kept_inputs,
    kept_standings,
    value_store,
)
from headwater_catalog.accounts.settings_log import WORKER, note_settings
from headwater_catalog.days import today
from headwater_catalog.definitions_at import DefinitionReader, head_to_define
from headwater_catalog.erasure import erasing
from headwater_catalog.errors import CatalogError, JobError
from headwater_catalog.jobs import LEASE_SECONDS, LeasedJob, LeaseLost
from headwater_catalog.lineage_events import LineageEvents
from headwater_catalog.openlineage import event_of, run_number
from headwater_catalog.prepared import prepared_processes
from headwater_catalog.reports import storable
from headwater_catalog.sandbox import Limits
from headwater_catalog.scan_requests import request_due
from headwater_catalog.subscriptions.teller import Teller, tell_once
from headwater_catalog.subscriptions.watching import keep_watched
from headwater_catalog.value_comparison import sweep_tables

if TYPE_CHECKING:
    from headwater_catalog.scan import Scanner
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["Worker", "main", "serve", "start_child"]

logger = logging.getLogger("headwater.worker")

_POLL_SECONDS: Final = 0.5
_SCHEDULE_SECONDS: Final = 5.0  # between two looks at the schedules, and at what is watched
_RETRY_SECONDS: Final = 5.0  # after the database did not answer


class Worker:
    """Performs jobs until it is stopped.

    Args:
        database: The catalog.
        settings: Where its files are.
        limits: What the feature code of a run may use.
        lease_seconds: How long a job stays this worker's after it was last heard of.
        tell: Told how far a run is, beside the job.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        limits: Limits | None = None,
        lease_seconds: int = LEASE_SECONDS,
        tell: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Name the worker by its machine and process."""
        self.database = database
        self.settings = settings
        self.limits = limits
        self.lease_seconds = lease_seconds
        self.tell = tell
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._stopped = threading.Event()
        self._stop_reason: str | None = None
        self._scans: Scanner | None = None
        self._definitions = DefinitionReader()
        self._unended: tuple[LeasedJob, str] | None = None
        target, key = settings.openlineage, settings.openlineage_key
        self._lineage_events = LineageEvents(target, key) if target else None
        self._asked_at = self._watched_at = -_SCHEDULE_SECONDS
        self._judged: tuple[str, set[tuple[str, str]]] = "", set()  # what is judged, by a day
        self._defined: set[tuple[str, str]] = set()

    def stop(self, reason: str = "The worker was told to stop.") -> None:
        """Let the worker end soon: a run ends with this reason, a scan goes back to the queue."""
        self._stop_reason = self._stop_reason or reason
        self._stopped.set()

    def close(self) -> None:
        """Wait some seconds for what is still to be told to others."""
        if self._lineage_events is not None:
            self._lineage_events.close()

    def run(self, *, once: bool = False) -> None:
        """Perform jobs until stopped; with `once`, until none is queued."""
        execution.sweep(self.database, self.settings)
        value_store.sweep(self.database, self.settings)
        self._make_room()
        if once:
            self._work(once=True)
            self._watch_more()
            tell_once(self.database, self.settings)
            return
        teller = Teller(self.database, self.settings)
        try:
            self._work()
        finally:
            teller.close()

    def _work(self, *, once: bool = False) -> None:
        with prepared_processes():
            self._work_on(once=once)

    def _work_on(self, *, once: bool) -> None:
        while not self._stopped.is_set():
            try:
                self._end_unended()
                self.take_back()
                self._request_due()
                worked = self.perform_next() or (not once and self._judge_more())
            except DBAPIError:
                # Nothing is lost: a job in hand ends when the database answers, or when its lease does.
                logger.exception("The database does not answer; trying again in %s seconds.", _RETRY_SECONDS)
                self._stopped.wait(_RETRY_SECONDS)
                continue
            if not worked:
                if once:
                    return
                self._watch_more()
                self._stopped.wait(_POLL_SECONDS)

    def take_back(self) -> None:
        """Take jobs back from workers that were lost, and remove what these have left."""
        lost = jobs.release_expired(self.database)
        for number in lost:
            self._tell_lineage(number)
        if lost:
            execution.sweep(self.database, self.settings)

    def _end_unended(self) -> None:
        """End the job that the worker had when the database failed, since nobody else knows that yet."""
        if self._unended is not None:
            leased, reason = self._unended
            self._end(leased, jobs.lose, storable(reason))
            self._tell_lineage(leased.id)
            self._unended = None
            execution.sweep(self.database, self.settings)

    def _request_due(self) -> None:
        """Queue the scans that schedules ask for, every few seconds."""
        if time.monotonic() >= self._asked_at + _SCHEDULE_SECONDS:
            self._asked_at = time.monotonic()
            request_due(self.database, int(time.time()))

    def perform_next(self, job_id: int | None = None) -> bool:
        """Lease and perform the next job, or the one of this number; False where there is none to take."""
        at_once = self.settings.jobs_per_repository
        leased = jobs.lease(self.database, self.name, self.lease_seconds, job_id=job_id, at_once=at_once)
        if leased is None:
            return False
        self.perform(leased)
        return True

    def perform(self, leased: LeasedJob) -> None:
        """Perform a leased job; it has ended afterwards, or was taken away."""
        logger.info("Job %s (%s) begins.", leased.id, leased.kind)
        self._tell_lineage(leased.id, is_start=True)
        try:
            with _Heartbeat(self.database, leased, self.lease_seconds) as heartbeat:
                self._dispatch(leased, heartbeat)
        except LeaseLost as lost:
            logger.warning("%s", lost)
        except _Interrupted:
            self._end(leased, jobs.release)
        except (CatalogError, HeadwaterError) as error:
            self._fail(leased, str(error))
        except DBAPIError as error:
            self._unended = (leased, f"The database failed while a worker had this job: {error.orig}.")
            raise
        except Exception as error:
            logger.exception("Job %s met a fault of Headwater.", leased.id)
            self._fail(leased, f"Headwater itself failed: {type(error).__name__}: {error}. See its log.")
        except BaseException:
            self._fail(leased, "The worker was interrupted.")
            raise
        finally:
            self._tell_lineage(leased.id)
        logger.info("Job %s has ended.", leased.id)

    def _tell_lineage(self, job_id: int, *, is_start: bool = False) -> None:
        """Tell those who follow lineage how a run stands; nothing of that stands in the way of the run."""
        if self._lineage_events is None:
            return
        try:
            with self.database.read() as session:
                number = run_number(session, job_id)
                if number is None:
                    return
                event = event_of(session, self.settings, number, is_start=is_start)
        except Exception:
            logger.warning("The lineage of job %s could not be told.", job_id, exc_info=True)
            return
        if event["eventType"] != "OTHER":
            self._lineage_events.send(event)

    def _judge_more(self) -> bool:
        """Judge some more history while nobody waits for a job; tell whether there was any."""
        day = today()
        if self._judged[0] != day:
            self._judged = day, set()
        with self.database.read() as session:
            wanted = kept_findings.to_be_judged(session, self.settings, day, self._judged[1])
        if wanted is None:
            return self._define_more()
        keep = kept_findings.keep_findings
        try:
            more = keep(
                self.database, self.settings, wanted[0], self._stopped.is_set, seconds=_POLL_SECONDS, day=day
            )
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("What breaks policies of '%s' could not be kept.", wanted[0])
            more = False
        if not more:
            self._judged[1].add(wanted)  # whatever came of it, this worker need not try again
        return True

    def _define_more(self) -> bool:
        """Work out what the features of another scanned head mean; tell whether there was one."""
        with self.database.read() as session:
            wanted = head_to_define(session, self._defined)
        if wanted is None:
            return False
        self._defined.add(wanted)  # whatever comes of it, this worker need not try again
        self._judge(lambda: self._definitions.keep_head(self.database, self.settings, wanted[0]))
        return True

    def _watch_more(self) -> None:
        """Look every few seconds whether something happened that no job of this worker did."""
        if time.monotonic() < self._watched_at + _SCHEDULE_SECONDS:
            return
        try:
            self._judge(lambda: keep_watched(self.database, self.settings, self._stopped.is_set))
        except DBAPIError:
            logger.warning("What is watched could not be looked at; later.", exc_info=True)
        self._watched_at = time.monotonic()

    def _dispatch(self, leased: LeasedJob, heartbeat: _Heartbeat) -> None:
        if leased.kind == "run":
            execution.execute(
                self.database,
                self.settings,
                leased,
                limits=self.limits,
                stopping=lambda: heartbeat.lost or self._stop_reason,
                tell=self.tell,
                definitions=self._definitions,
            )
            self._judge(lambda: kept_standings.keep_standing_of_run(self.database, self.settings, leased.id))
            self._make_room()
            with self.database.read() as session:
                sweep_tables(session, self.settings)
        elif leased.kind == erasing.KIND:
            self._erase(leased, heartbeat)
        elif leased.kind == "scan":
            self._scan(leased, heartbeat)
        else:
            raise JobError(f"No worker knows jobs of the kind '{leased.kind}'.")

    def _make_room(self) -> None:
        """Let go what is kept beyond its limit."""
        value_store.make_room(self.database, self.settings, self.settings.values_limit)
        kept_inputs.make_room(self.database, self.settings)
        kept_environments.make_room(self.settings.home, self.settings.environments_limit)

    def _erase(self, leased: LeasedJob, heartbeat: _Heartbeat) -> None:
        def go_on() -> None:
            if heartbeat.lost or self._stop_reason:
                raise _Interrupted  # what was erased is noted; the next attempt goes on from there

        erasing.perform(self.database, self.settings, leased, go_on)

    def _scan(self, leased: LeasedJob, heartbeat: _Heartbeat) -> None:
        def progress(done: int, total: int, message: str) -> None:
            if heartbeat.lost or self._stop_reason:
                raise _Interrupted  # what was read so far stands; the next attempt goes on from there
            with self.database.write() as session:
                jobs.report(session, leased, {"done": done, "total": total, "message": message})

        repository, ref = leased.payload["repository"], leased.payload.get("ref")
        self._scanner().scan(repository, ref=ref, progress=progress)

        def stopping() -> bool:
            return bool(heartbeat.lost or self._stop_reason)

        keep = kept_standings.keep_standings
        self._judge(lambda: keep(self.database, self.settings, repository, stopping))
        self._judge(lambda: kept_findings.keep_findings(self.database, self.settings, repository, stopping))
        self._judge(lambda: self._definitions.keep_head(self.database, self.settings, repository))
        self._judge(lambda: keep_watched(self.database, self.settings, stopping))
        with self.database.write() as session:
            jobs.finish(session, leased)

    def _judge(self, keep: Callable[[], object]) -> None:
        """Keep what follows from a job, such as what breaks policies; if that fails, the job went well."""
        try:
            keep()
        except Exception:
            logger.exception("What follows from a job could not be kept.")

    def _scanner(self) -> Scanner:
        from headwater_catalog.scan import Scanner

        self._scans = self._scans or Scanner(self.database, self.settings)
        return self._scans

    def _fail(self, leased: LeasedJob, reason: str) -> None:
        self._end(leased, jobs.fail, storable(reason))

    def _end(self, leased: LeasedJob, end: Any, *arguments: str) -> None:
        try:
            with self.database.write() as session:
                end(session, leased, *arguments)
        except LeaseLost as lost:
            logger.warning("%s", lost)


class _Interrupted(Exception):
    """A scan or an erasure is left before its end."""


class _Heartbeat:
    """Renews the lease of a job in the background while the job is performed.

    Attributes:
        lost: Why the job is no longer this worker's; None while it is.
    """

    def __init__(self, database: Database, leased: LeasedJob, seconds: int) -> None:
        self.lost: str | None = None
        self._database = database
        self._leased = leased
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{leased.id}", daemon=True)

    def __enter__(self) -> _Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        # Often enough that some beats may fail, and that a cancelled run ends soon.
        while not self._ended.wait(min(2.0, self._seconds / 4)):
            try:
                with self._database.write() as session:
                    jobs.renew(session, self._leased, self._seconds)
            except LeaseLost as lost:
                self.lost = str(lost)
                return
            except DBAPIError:
                logger.warning("The lease of job %s could not be renewed.", self._leased.id, exc_info=True)


def serve(database: Database, settings: Settings, *, once: bool = False, with_input: bool = False) -> None:
    """Run a worker as this process, ending cleanly on SIGTERM and SIGINT.

    Args:
        database: The catalog.
        settings: Where its files are.
        once: End when no job is queued.
        with_input: End also when standard input does.
    """
    note_settings(database, settings, WORKER, int(time.time()))
    worker = Worker(database, settings)

    def end(number: int, _frame: FrameType | None) -> None:
        worker.stop(f"The worker was stopped by {signal.Signals(number).name}.")

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    if with_input:
        threading.Thread(target=_stop_after_input, args=(worker,), name="input", daemon=True).start()
    try:
        worker.run(once=once)
    finally:
        worker.close()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop_after_input(worker: Worker) -> None:
    # Reading below Python's buffers: a thread that waits inside them would hinder the end of the process.
    while os.read(0, 4096):
        pass
    worker.stop("The server that had started this worker has ended.")


def start_child(settings: Settings) -> subprocess.Popen[bytes]:
    """Start a worker that ends when this process does, or when its `stdin` is closed."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "HEADWATER_DATABASE_URL_FILE"},
        "HEADWATER_HOME": str(settings.home),
        "HEADWATER_DATABASE_URL": settings.database_url,
    }
    # In a process group of its own the Ctrl-C of a terminal does not reach it, which might hit it before it
    # can handle signals: this process ends it.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "headwater_catalog.worker"],
        stdin=subprocess.PIPE,
        env=environment,
        process_group=0,
    )


def main() -> None:
    """Run a worker with the settings of the environment until standard input ends."""
    from headwater_catalog.settings import load_settings
    from headwater_catalog.store.database import Database

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    settings = load_settings()
    database = Database(settings.database_url)
    try:
        serve(database, settings, with_input=True)
    finally:
        database.dispose()


if __name__ == "__main__":
    main()

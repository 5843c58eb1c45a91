"""The job table: leases, fences, and the end of every job."""

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from headwater_catalog import jobs
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.jobs import LeaseLost, State
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Job


def queue(database: Database, kind: str = "run", priority: int = 0) -> int:
    with database.write() as session:
        return jobs.enqueue(session, kind, {"n": 1}, None, "tester", 1_700_000_000, priority=priority).id


def state(database: Database, job_id: int) -> Job:
    with database.read() as session:
        return jobs.get_job(session, job_id)


def take(database: Database, worker: str = "w1", seconds: int = 30) -> jobs.LeasedJob:
    leased = jobs.lease(database, worker, seconds)
    assert leased is not None
    return leased


def let_lapse(database: Database, job_id: int) -> None:
    with database.write() as session:
        jobs.get_job(session, job_id).leased_until = 1


def test_jobs_are_leased_in_order_of_priority_and_arrival(database: Database):
    first, urgent, last = queue(database), queue(database, priority=5), queue(database)

    assert [take(database).id for _ in range(3)] == [urgent, first, last]
    assert jobs.lease(database, "w1") is None


def test_a_lease_lasts_by_the_clock_of_the_database(database: Database):
    queue(database)
    job = state(database, take(database, seconds=30).id)

    assert job.state == State.RUNNING
    assert job.started_at is not None and abs(job.started_at - time.time()) < 60
    assert job.leased_until == job.started_at + 30


def test_one_job_can_be_leased_by_its_number(database: Database):
    first, second = queue(database), queue(database)

    leased = jobs.lease(database, "w1", job_id=second)
    assert leased is not None and leased.id == second
    assert jobs.lease(database, "w2", job_id=second) is None
    assert take(database).id == first


def test_only_wanted_kinds_are_leased(database: Database):
    queue(database, "run")

    assert jobs.lease(database, "w1", kinds=["scan"]) is None


def test_a_finished_job_tells_when_it_ended(database: Database):
    queue(database)
    leased = take(database)
    with database.write() as session:
        jobs.finish(session, leased)

    job = state(database, leased.id)
    assert (job.state, job.error, job.leased_until) == (State.SUCCEEDED, None, None)
    assert job.finished_at is not None


def test_a_failed_job_keeps_its_reason(database: Database):
    queue(database)
    leased = take(database)
    with database.write() as session:
        jobs.fail(session, leased, "No such commit.")

    assert (state(database, leased.id).state, state(database, leased.id).error) == (
        State.FAILED,
        "No such commit.",
    )


def test_progress_is_seen_while_the_job_runs(database: Database):
    queue(database)
    leased = take(database)
    with database.write() as session:
        jobs.report(session, leased, {"done": 3, "total": 9})

    assert state(database, leased.id).progress == {"done": 3, "total": 9}


def test_a_lapsed_run_fails_and_is_never_run_again(database: Database):
    job_id = queue(database, "run")
    take(database)
    let_lapse(database, job_id)

    assert jobs.release_expired(database) == [job_id]
    job = state(database, job_id)
    assert job.state == State.FAILED
    assert job.error is not None and "worker was lost" in job.error
    assert jobs.lease(database, "w2") is None


def test_a_lapsed_scan_is_tried_three_times(database: Database):
    job_id = queue(database, "scan")
    for attempt in (1, 2):
        assert take(database).attempts == attempt
        let_lapse(database, job_id)
        jobs.release_expired(database)
        assert state(database, job_id).state == State.QUEUED
    take(database)
    let_lapse(database, job_id)
    jobs.release_expired(database)

    job = state(database, job_id)
    assert (job.state, job.attempts) == (State.FAILED, 3)
    assert job.error is not None and "tried 3 times" in job.error


def test_a_lease_that_still_holds_is_not_taken_back(database: Database):
    queue(database)
    take(database)

    assert jobs.release_expired(database) == []


def test_a_renewed_lease_holds_longer(database: Database):
    job_id = queue(database)
    leased = take(database)
    let_lapse(database, job_id)
    with database.write() as session:
        jobs.renew(session, leased, 30)

    assert jobs.release_expired(database) == []


def test_a_worker_with_an_old_fence_cannot_write(database: Database):
    job_id = queue(database, "scan")
    old = take(database, "frozen")
    let_lapse(database, job_id)
    jobs.release_expired(database)
    new = take(database, "fresh")

    assert new.fence > old.fence
    for write in (
        lambda session: jobs.renew(session, old),
        lambda session: jobs.report(session, old, {"done": 1}),
        lambda session: jobs.finish(session, old),
        lambda session: jobs.fail(session, old, "late"),
        lambda session: jobs.release(session, old),
    ):
        with pytest.raises(LeaseLost, match="no longer held by 'frozen'"), database.write() as session:
            write(session)
    job = state(database, job_id)
    assert (job.state, job.worker, job.progress) == (State.RUNNING, "fresh", {})


def test_what_a_fenced_transaction_wrote_is_dropped_with_it(database: Database):
    job_id = queue(database)
    leased = take(database)
    with database.write() as session:
        jobs.cancel(session, job_id, "ana")

    with pytest.raises(LeaseLost), database.write() as session:
        jobs.enqueue(session, "scan", {}, None, "tester", 0)
        jobs.finish(session, leased)
    assert jobs.lease(database, "w2") is None


def test_a_cancelled_job_is_taken_from_its_worker(database: Database):
    job_id = queue(database)
    leased = take(database)
    with database.write() as session:
        jobs.cancel(session, job_id, "ana")

    assert state(database, job_id).error == "Cancelled by ana."
    with pytest.raises(LeaseLost, match="it is cancelled"), database.write() as session:
        jobs.renew(session, leased)


def test_a_cancelled_queued_job_is_never_leased(database: Database):
    job_id = queue(database)
    with database.write() as session:
        jobs.cancel(session, job_id, "ana")

    assert jobs.lease(database, "w1") is None


def test_an_ended_job_cannot_be_cancelled(database: Database):
    job_id = queue(database)
    leased = take(database)
    with database.write() as session:
        jobs.finish(session, leased)

    with pytest.raises(Conflict, match="already succeeded"), database.write() as session:
        jobs.cancel(session, job_id, "ana")


def test_a_job_given_back_costs_no_attempt(database: Database):
    queue(database, "scan")
    leased = take(database)
    with database.write() as session:
        jobs.release(session, leased)

    again = take(database)
    assert (again.id, again.attempts) == (leased.id, 1)
    assert again.fence > leased.fence


def test_an_unknown_job_is_not_found(database: Database):
    with database.read() as session, pytest.raises(NotFound, match="no job 99"):
        jobs.get_job(session, 99)


def test_threads_racing_for_jobs_take_each_once(database: Database):
    queued = [queue(database) for _ in range(20)]

    def work(name: str) -> list[int]:
        taken = []
        while (leased := jobs.lease(database, name)) is not None:
            taken.append(leased.id)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [job for jobs_ in pool.map(work, "abcd") for job in jobs_]
    assert Counter(taken) == Counter(queued)


RACER = """
import sys
from headwater_catalog import jobs
from headwater_catalog.store.database import Database
database = Database(sys.argv[1])
while (leased := jobs.lease(database, sys.argv[2])) is not None:
    with database.write() as session:
        jobs.report(session, leased, {"by": sys.argv[2]})
    with database.write() as session:
        jobs.finish(session, leased)
    print(leased.id)
"""


def test_two_processes_racing_for_fifty_jobs_lose_none_and_take_none_twice(
    database: Database, catalog_url: str
):
    queued = [queue(database) for _ in range(50)]
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, catalog_url, name], stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    done = [int(line) for racer in racers for line in racer.communicate(timeout=120)[0].split()]

    assert [racer.returncode for racer in racers] == [0, 0]
    assert sorted(done) == queued
    assert {state(database, job_id).state for job_id in queued} == {State.SUCCEEDED}
    assert {state(database, job_id).fence for job_id in queued} == {1}

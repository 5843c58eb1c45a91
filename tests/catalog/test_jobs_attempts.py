"""What is kept of every lease, who goes first, and how many of one repository run at once."""

import pytest

from headwater_catalog import jobs
from headwater_catalog.errors import Conflict
from headwater_catalog.job_order import set_jobs_at_once, set_priority
from headwater_catalog.jobs import Outcome, State
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Job


def queue(database: Database, kind: str = "run", repository: str | None = None, priority: int = 0) -> int:
    with database.write() as session:
        owner = get_repository(session, repository).id if repository else None
        return jobs.enqueue(session, kind, {}, owner, "tester", 1_700_000_000, priority=priority).id


def take(database: Database, worker: str = "w1", at_once: int = 0) -> jobs.LeasedJob:
    leased = jobs.lease(database, worker, 30, at_once=at_once)
    assert leased is not None
    return leased


def end(database: Database, leased: jobs.LeasedJob, how=jobs.finish, *arguments: str) -> None:
    with database.write() as session:
        how(session, leased, *arguments)


def lapse(database: Database, job_id: int) -> None:
    with database.write() as session:
        jobs.get_job(session, job_id).leased_until = 1
    assert jobs.release_expired(database) == [job_id]


def attempts(database: Database, job_id: int) -> list[tuple[str, str | None, str | None]]:
    with database.read() as session:
        found = jobs.attempts_of(session, [job_id])[job_id]
    for attempt in found:
        assert (attempt.ended_at is None) == (attempt.outcome is None)
        assert attempt.ended_at is None or attempt.ended_at >= attempt.began_at
    return [(attempt.worker, attempt.outcome, attempt.reason) for attempt in found]


@pytest.fixture
def two(database: Database) -> Database:
    """Give a catalog of two repositories, `big` and `small`."""
    with database.write() as session:
        for name in ("big", "small"):
            add_repository(session, name, f"https://git.example.com/{name}", 0)
    return database


def test_a_job_in_hand_has_an_attempt_without_an_end(database: Database):
    job_id = queue(database)
    assert attempts(database, job_id) == []
    take(database)

    assert attempts(database, job_id) == [("w1", None, None)]


def test_every_lease_of_a_scan_is_kept_with_how_it_ended(database: Database):
    job_id = queue(database, "scan")
    take(database, "lost")
    lapse(database, job_id)
    end(database, take(database, "stopped"), jobs.release)
    end(database, take(database, "third"))

    assert attempts(database, job_id) == [
        ("lost", Outcome.LOST, jobs.WORKER_LOST),
        ("stopped", Outcome.GIVEN_BACK, "The worker was told to stop."),
        ("third", State.SUCCEEDED, None),
    ]


@pytest.mark.parametrize("kind", ["scan", "run"])
def test_a_failure_and_a_cancel_are_ends_of_their_attempts(database: Database, kind: str):
    failed, cancelled, never = queue(database, kind), queue(database, kind), queue(database, kind)
    end(database, take(database), jobs.fail, "No such thing.")
    take(database)
    with database.write() as session:
        for job_id in (cancelled, never):
            jobs.cancel(session, job_id, "ana")

    assert attempts(database, failed) == [("w1", State.FAILED, "No such thing.")]
    assert attempts(database, cancelled) == [("w1", State.CANCELLED, "Cancelled by ana.")]
    assert attempts(database, never) == []


def test_a_worker_whose_database_failed_gives_up_its_attempt_with_that_reason(database: Database):
    run, scan = queue(database, "run"), queue(database, "scan")
    for _ in range(2):
        end(database, take(database), jobs.lose, "The database failed.")

    assert attempts(database, run) == [("w1", Outcome.LOST, "The database failed.")]
    assert attempts(database, scan) == [("w1", Outcome.LOST, "The database failed.")]
    with database.read() as session:
        assert jobs.get_job(session, run).state == State.FAILED  # a run is never repeated by itself
        assert jobs.get_job(session, scan).state == State.QUEUED


def test_an_attempt_that_was_taken_away_cannot_be_given_up(database: Database):
    job_id = queue(database, "scan")
    old = take(database, "frozen")
    lapse(database, job_id)
    take(database, "fresh")

    with pytest.raises(jobs.LeaseLost):
        end(database, old, jobs.lose, "late")
    assert attempts(database, job_id)[1:] == [("fresh", None, None)]


def test_a_higher_priority_overtakes_what_waits(database: Database):
    first, second = queue(database), queue(database)
    with database.write() as session:
        set_priority(session, second, 10)

    assert [take(database).id for _ in range(2)] == [second, first]


@pytest.mark.parametrize("number", [-101, 101, 10**9])
def test_a_priority_has_bounds(database: Database, number: int):
    job_id = queue(database)

    with pytest.raises(Conflict, match="from -100 to 100"), database.write() as session:
        set_priority(session, job_id, number)


def test_what_runs_already_has_no_priority_to_change(database: Database):
    leased_id = queue(database)
    take(database)

    with pytest.raises(Conflict, match="waits no more: it is running"), database.write() as session:
        set_priority(session, leased_id, 1)


def test_no_more_jobs_of_a_repository_run_at_once_than_the_settings_say(two: Database):
    big = [queue(two, repository="big", priority=50) for _ in range(4)]
    small = queue(two, repository="small", priority=-50)
    running = [take(two, at_once=2) for _ in range(3)]

    assert [leased.id for leased in running] == [*big[:2], small]  # what waits does not stand in the way
    assert jobs.lease(two, "w2", at_once=2) is None
    end(two, running[0])
    assert take(two, at_once=2).id == big[2]


def test_a_repository_can_have_a_number_of_its_own(two: Database):
    with two.write() as session:
        set_jobs_at_once(get_repository(session, "big"), 1)
        set_jobs_at_once(get_repository(session, "small"), 0)
    big = [queue(two, repository="big") for _ in range(2)]
    small = [queue(two, repository="small") for _ in range(4)]
    taken = [take(two, at_once=3).id for _ in range(5)]

    assert sorted(taken) == [big[0], *small]
    assert jobs.lease(two, "w", at_once=3) is None


@pytest.mark.parametrize("number", [-1, 1001])
def test_jobs_at_once_have_bounds(two: Database, number: int):
    with pytest.raises(Conflict, match="From 0"), two.write() as session:
        set_jobs_at_once(get_repository(session, "big"), number)


def test_a_repository_of_which_less_runs_is_served_before_one_that_came_first(two: Database):
    big = [queue(two, repository="big") for _ in range(3)]
    small = queue(two, repository="small")

    assert [take(two).id for _ in range(4)] == [big[0], small, big[1], big[2]]


def test_a_job_asked_for_by_its_number_waits_for_no_other(two: Database):
    first, second = queue(two, repository="big"), queue(two, repository="big")
    take(two, at_once=1)
    leased = jobs.lease(two, "w", job_id=second, at_once=1)

    assert leased is not None and leased.id == second
    assert first != second


def test_the_attempts_go_with_their_repository(two: Database):
    job_id = queue(two, repository="big")
    end(two, take(two))
    with two.write() as session:
        session.delete(get_repository(session, "big"))
    with two.read() as session:
        assert session.get(Job, job_id) is None
        assert jobs.attempts_of(session, [job_id]) == {job_id: []}

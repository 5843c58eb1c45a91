"""Runs that were made elsewhere and are reported: kept and shown as claims of who reports them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.orm import Session

from headwater_catalog.accounts.events import note
from headwater_catalog.classified_runs import node_names, reported_personal
from headwater_catalog.discreet_failures import plain_reason, vouched
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.jobs import State
from headwater_catalog.moments import Moment
from headwater_catalog.reports import storable
from headwater_catalog.repositories import resolve_at
from headwater_catalog.store.models import CheckResult, Job, Repository, Run, RunNode

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["KIND", "report_run"]

KIND: Final = "report"
"""The kind of the job of a reported run, which no worker ever takes."""


def report_run(
    session: Session,
    settings: Settings,
    repository: Repository,
    report: Mapping[str, Any],
    requested_by: str,
    now: int,
) -> Run:
    """Keep a run that somebody says they have made.

    Args:
        session: An open write transaction.
        settings: Where the mirrors are.
        repository: The repository whose code was run.
        report: What is claimed, with the fields of `POST /api/v1/runs/report`.
        requested_by: Who claims it.
        now: The present instant.

    Raises:
        NotFound: The catalog does not know the commit.
        Conflict: The report contradicts itself.
    """
    told = storable(dict(report))
    if told["finished_at"] < told["started_at"]:
        raise Conflict("The run cannot have ended before it began: finished_at is before started_at.")
    if told["succeeded"] == (told["failure"] is not None):
        raise Conflict("A run that succeeded has no failure, and one that failed has one.")
    try:
        commit = resolve_at(session, settings, repository, told["commit"])
    except NotFound as error:
        raise NotFound(
            f"{error} Push the commit that was run, have '{repository.name}' scanned, and report again."
        ) from None
    failure = told["failure"] and {**told["failure"], "frames": []}
    moment = Moment(session, settings, repository, commit)
    personal = reported_personal(moment, _names(told))
    if failure and personal:
        failure = vouched(failure, node_names(moment.snapshot))
    job = Job(
        kind=KIND,
        state=State.SUCCEEDED if told["succeeded"] else State.FAILED,
        repository_id=repository.id,
        payload={},
        progress={},
        error=failure
        and (plain_reason(failure) if personal else f"{failure['error']}: {failure['message']}"),
        requested_by=requested_by,
        created_at=now,
        started_at=told["started_at"],
        finished_at=told["finished_at"],
    )
    run = Run(
        job=job,
        repository_id=repository.id,
        commit=commit,
        dataflow=told["dataflow"],
        outputs=told["outputs"],
        config=told["config"],
        inputs=told["inputs"],
        environment=told["environment"],
        preview=failure and {"failure": failure},
        personal=personal,
        origin={**told["origin"], "graph": told["graph"]},
        nodes=[
            RunNode(
                ordinal=ordinal,
                name=node["name"],
                microseconds=round(node["seconds"] * 1_000_000),
                summary=node["summary"],
            )
            for ordinal, node in enumerate(told["nodes"])
        ],
        checks=[CheckResult(importance="warn", diagnostics={}, **check) for check in told["checks"]],
    )
    session.add(run)
    session.flush()
    subject = f"run {run.id} of {repository.name}"
    more = {"commit": commit.sha, "framework": told["origin"]["framework"]}
    note(session, "run reported", (requested_by, ""), subject, now, **more)
    return run


def _names(told: Mapping[str, Any]) -> set[str]:
    """Return all names that a report tells of; those that stand in for a node are told with a remark."""
    nodes = (each["name"] for part in ("nodes", "graph") for each in told[part])
    given = (name.removesuffix(" (override)") for name in told["inputs"])
    return {*told["outputs"], *told["config"], *told["inputs"], *given, *nodes}

"""Runs: lists of them, one of them, and asking for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response, g, url_for

from headwater_catalog.accounts import Role
from headwater_catalog.answers.runs import run_json, run_row_json
from headwater_catalog.datasets import version_of_run
from headwater_catalog.manifests import signed_manifest
from headwater_catalog.repositories import get_repository, resolve_at
from headwater_catalog.run_reports import report_run
from headwater_catalog.runs import get_run, list_runs, request_run
from headwater_web.access import actor, require, writing
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset
from headwater_web.api.resources import RUN, Resource
from headwater_web.api.schemas.fields import NoQuery
from headwater_web.api.schemas.run_reports import ReportSchema
from headwater_web.api.schemas.runs import (
    ManifestSchema,
    NewRunSchema,
    RunPageSchema,
    RunSchema,
    RunsQuery,
)
from headwater_web.reading import catalog, reading

__all__ = ["resource"]

_EXAMPLE: Final[Mapping[str, Any]] = {
    **{"repository": "demo", "commit": "main", "dataflow": "marketing", "outputs": ["spend_per_signup"]},
    **{"config": {}, "inputs": {}, "nodes": [], "checks": [], "graph": [], "environment": {}},
    **{"origin": {"framework": "hamilton"}, "succeeded": True, "failure": None},
    **{"started_at": 1_790_000_000, "finished_at": 1_790_000_009},
}
resource = Resource("runs", "Executions of features at commits.")


@resource.get("/runs", RunPageSchema, RunsQuery)
def list_all_runs(args: dict[str, Any]) -> Response:
    """List runs, the newest first."""
    cursor, limit, repo = cursor_of(args), args["limit"], args.get("repo")
    repository = get_repository(reading(), repo) if repo is not None else None
    found = list_runs(reading(), repository, limit=limit + 1, before=offset(cursor) or None)
    following = cursor.moved(found[limit - 1].id) if len(found) > limit else None
    return page_answer([run_row_json(run) for run in found[:limit]], following)


@resource.get("/runs/<int(max=2147483647):number>", RunSchema, NoQuery, (RUN,))
def show_run(_args: dict[str, Any], number: int) -> Response:
    """Show a run, and what came of it."""
    return answer(run_json(get_run(reading(), number), version_of_run(reading(), number)))


@resource.send("POST", "/runs/report", 201, RunSchema, ReportSchema, errors=(404, 409), example=_EXAMPLE)
def report_one_run(body: dict[str, Any]) -> Response:
    """Report a run that was made elsewhere; all of it is kept as a claim of who reports it."""
    with writing() as session:
        repository = get_repository(session, body["repository"])
        require(Role.RUNNER, repository)
        run = report_run(session, catalog().settings, repository, body, actor().name, g.now)
        number = run.id
    made = answer(run_json(get_run(reading(), number), None), 201)
    made.headers["Location"] = url_for("api_runs.show_run", number=number)
    return made


@resource.get(
    "/runs/<int(max=2147483647):number>/manifest", ManifestSchema, NoQuery, (RUN,), errors=(404, 409)
)
def show_manifest(_args: dict[str, Any], number: int) -> Response:
    """Show the signed manifest of a run that has succeeded."""
    return answer(signed_manifest(reading(), catalog().settings, number))


@resource.send(
    *("POST", "/runs", 202, RunSchema, NewRunSchema),
    errors=(404, 409),
    example={"repository": "demo", "dataflow": "marketing", "outputs": ["spend_per_signup"]},
)
def request_one_run(body: dict[str, Any]) -> Response:
    """Ask for a run of features at a commit of the main line; a worker performs it."""
    with writing() as session:
        repository = get_repository(session, body["repository"])
        require(Role.RUNNER, repository)
        commit = resolve_at(session, catalog().settings, repository, body["at"])
        outputs, config = body["outputs"], body["config"]
        run = request_run(
            session,
            catalog().settings,
            repository,
            commit,
            body["dataflow"],
            outputs,
            config,
            {},
            None,
            actor().name,
            g.now,
        )
        number = run.id
    made = answer(run_json(get_run(reading(), number), None), 202)
    made.headers["Location"] = url_for("api_runs.show_run", number=number)
    return made

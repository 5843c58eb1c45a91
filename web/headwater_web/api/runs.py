"""Runs: lists of them, one of them, and asking for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response, g, request, url_for

from headwater_catalog.accounts import Role
from headwater_catalog.answers.runs import run_comparison_json, run_json, run_row_json
from headwater_catalog.compared import parent_of, where_parted
from headwater_catalog.datasets import version_of_run
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.kept_inputs import note_sent
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.relays import Relay
from headwater_catalog.repositories import get_repository
from headwater_catalog.run_comparison import compare_runs
from headwater_catalog.run_options import RunOptions
from headwater_catalog.run_reports import report_run
from headwater_catalog.runs import get_run, list_runs, request_run
from headwater_catalog.selection import select_outputs
from headwater_catalog.uploads import Upload, keep_upload
from headwater_catalog.value_comparison import request_comparison
from headwater_catalog.value_requests import pair_runs
from headwater_web.access import actor, require, writing
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.guard import BYTES
from headwater_web.api.listing import offset
from headwater_web.api.resources import REPOSITORY, RUN, Resource
from headwater_web.api.schemas.fields import NoBodySchema, NoQuery
from headwater_web.api.schemas.run_reports import ReportSchema
from headwater_web.api.schemas.runs import (
    ManifestSchema,
    NewRunPairSchema,
    NewRunSchema,
    RunComparisonSchema,
    RunPageSchema,
    RunPairQuery,
    RunSchema,
    RunsQuery,
    UploadQuery,
    UploadSchema,
)
from headwater_web.changing_jobs import cancel_job
from headwater_web.downloading import saved_file, saved_stamp, signed_manifest_of
from headwater_web.reading import NUMBER, catalog, reading

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


@resource.get("/runs/compare", RunComparisonSchema, RunPairQuery, errors=(404, 409))
def compare_two_runs(args: dict[str, Any]) -> Response:
    """Tell what differs between two runs: code, configuration, inputs, surroundings and numbers."""
    return _compared(args["a"], args["b"])


@resource.send(
    *("POST", "/runs/compare", 202, RunComparisonSchema, NewRunPairSchema),
    errors=(404, 409),
    example={
        **{"repository": "demo", "dataflow": "marketing", "outputs": ["spend_per_signup"]},
        **{"before": "v1.0", "at": "main"},
    },
)
def compare_values_of_two_commits(body: dict[str, Any]) -> Response:
    """Ask for two runs of one choice, at two commits, and for their values to be compared cell by cell."""
    settings = catalog().settings
    repository = get_repository(reading(), body["repository"])
    require(Role.RUNNER, repository)
    after = moment_at(reading(), settings, repository, body["at"])
    before = _before(after, body)
    selected = select_outputs(after, body["query"], body["dataflow"]) if body["query"] else []
    pair = pair_runs(
        before,
        after,
        body["dataflow"],
        [*body["outputs"], *selected],
        body["config"],
        {name: _input(name, given) for name, given in body["inputs"].items()},
        _options(body),
        own_data=body["own_data"],
        keys=body["keys"],
    )
    with writing() as session:
        owner = get_repository(session, body["repository"])
        asked = (pair, actor().name, g.now)
        made = request_comparison(session, settings, owner, *asked, tolerance=body["tolerance"])
        a, b = made.before_id, made.run_id
    found = _compared(a, b, 202)
    found.headers["Location"] = url_for("api_runs.compare_two_runs", a=a, b=b)
    return found


def _before(after: Moment, body: dict[str, Any]) -> Moment:
    """Return the commit to compare with."""
    if body["before"] is not None:
        before = moment_at(after.session, after.settings, after.repository, body["before"])
        return where_parted(before, after) if body["parted"] else before
    parent = parent_of(after)
    if parent is None:
        raise NotFound(f"Commit {after.commit.sha[:10]} is a first commit: there is nothing before it.")
    return parent


@resource.get(f"/runs/{NUMBER}", RunSchema, NoQuery, (RUN,))
def show_run(_args: dict[str, Any], number: int) -> Response:
    """Show a run, and what came of it."""
    return _answer(number)


@resource.send("POST", "/runs/report", 201, RunSchema, ReportSchema, errors=(404, 409), example=_EXAMPLE)
def report_one_run(body: dict[str, Any]) -> Response:
    """Report a run that was made elsewhere; all of it is kept as a claim of who reports it."""
    with writing() as session:
        repository = get_repository(session, body["repository"])
        require(Role.RUNNER, repository)
        run = report_run(session, catalog().settings, repository, body, actor().name, g.now)
        number = run.id
    made = _answer(number, 201)
    made.headers["Location"] = url_for("api_runs.show_run", number=number)
    return made


@resource.get(
    "/runs/<int(max=2147483647):number>/manifest", ManifestSchema, NoQuery, (RUN,), errors=(403, 404, 409)
)
def show_manifest(_args: dict[str, Any], number: int) -> Response:
    """Show the signed manifest of a run that has succeeded."""
    return answer(signed_manifest_of(number))


@resource.send(
    *("POST", "/runs", 202, RunSchema, NewRunSchema),
    errors=(404, 409),
    example={"repository": "demo", "dataflow": "marketing", "outputs": ["spend_per_signup"]},
)
def request_one_run(body: dict[str, Any]) -> Response:
    """Ask for a run of features at a commit; a worker performs it."""
    repository = get_repository(reading(), body["repository"])
    require(Role.RUNNER, repository)
    moment = moment_at(reading(), catalog().settings, repository, body["at"])
    selected = select_outputs(moment, body["query"], body["dataflow"]) if body["query"] else []
    _ = moment.snapshot  # read before anybody has to wait for the transaction
    with writing() as session:
        run = request_run(
            session,
            catalog().settings,
            get_repository(session, body["repository"]),
            moment.commit,
            body["dataflow"],
            [*body["outputs"], *selected],
            body["config"],
            {name: _input(name, given) for name, given in body["inputs"].items()},
            body["save"],
            actor().name,
            g.now,
            dataset=body["dataset"],
            options=_options(body),
        )
        number = run.id
    made = _answer(number, 202)
    made.headers["Location"] = url_for("api_runs.show_run", number=number)
    return made


@resource.download(f"/runs/{NUMBER}/file", BYTES, (RUN,), errors=(403, 404))
def download_file(_args: dict[str, Any], number: int) -> Response:
    """Give the whole table that a run has saved, to those who may see all of it; it is noted who does."""
    return saved_file(number)


@resource.download(f"/runs/{NUMBER}/stamp", "application/json", (RUN,), errors=(403, 404))
def download_stamp(_args: dict[str, Any], number: int) -> Response:
    """Give the stamp of what a run has saved, as the file beside a CSV or JSON file has it."""
    return saved_stamp(number)


@resource.send("POST", f"/runs/{NUMBER}/cancel", 200, RunSchema, NoBodySchema, (RUN,), errors=(404, 409))
def cancel_one_run(_body: dict[str, Any], number: int) -> Response:
    """Cancel a run that waits or goes on."""
    cancel_job(get_run(reading(), number).job_id)
    return _answer(number)


@resource.upload("/repositories/<repo>/uploads", UploadSchema, UploadQuery, (REPOSITORY,))
def upload_one_file(args: dict[str, Any], repo: str) -> Response:
    """Send a file for a run to read: the body is its bytes. One that no run needs within a day is removed."""
    repository = get_repository(reading(), repo)
    require(Role.RUNNER, repository)
    kept = keep_upload(catalog().settings, request.stream, args["name"])
    with writing() as session:
        note_sent(session, repository.id, kept.sha256, g.now)
    return answer({"sha256": kept.sha256, "name": kept.name}, 201)


def _compared(a: int, b: int, status: int = 200) -> Response:
    before, after = get_run(reading(), a), get_run(reading(), b)
    sees = actor().sees_personal(after.repository_id)
    found = compare_runs(reading(), catalog().settings, before, after, sees_personal=sees)
    return answer(run_comparison_json(found), status)


def _options(body: dict[str, Any]) -> RunOptions:
    relay = body.get("relay")
    return RunOptions(
        env=body["env"],
        executor=body["executor"],
        sample=body["sample"],
        note=body["note"],
        sinks=tuple(body.get("sinks", ())),
        use_kept=body["use_kept"],
        saver=body.get("saver", ""),
        profile=body["profile"],
        relay=Relay.from_dict(relay) if relay is not None else None,
    )


def _answer(number: int, status: int = 200) -> Response:
    run = get_run(reading(), number)
    sees = actor().sees_personal(run.repository_id)
    return answer(run_json(run, version_of_run(reading(), number), sees_personal=sees), status)


def _input(name: str, given: dict[str, Any]) -> Any:
    if len(given.keys() & {"path", "upload", "value"}) != 1:
        raise Conflict(f"Input '{name}' must have just one of path, upload and value.")
    if "upload" in given:
        return Upload(given["upload"], given["name"])
    return given["path"] if "path" in given else given["value"]

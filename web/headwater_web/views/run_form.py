"""The form that asks for a run: what, at which commit, on which data, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from headwater_catalog.accounts import Role
from headwater_catalog.errors import CatalogError, Conflict
from headwater_catalog.moments import Moment
from headwater_catalog.refs import list_refs
from headwater_catalog.repositories import get_repository
from headwater_catalog.run_executors import EXECUTORS, executors_of
from headwater_catalog.run_options import LONGEST_NOTE
from headwater_catalog.runs import request_run
from headwater_catalog.sources import FORMATS
from headwater_catalog.store.models import Repository
from headwater_catalog.uploads import Upload, keep_upload, note_uploads
from headwater_catalog.value_comparison import request_comparison
from headwater_catalog.value_requests import pair_runs
from headwater_web.access import actor, require, writing
from headwater_web.errors import status_of
from headwater_web.reading import AsOf, catalog, moment_named, reading
from headwater_web.run_choice import FILE, Given, RunChoice, choice_of

__all__ = ["blueprint"]

blueprint = Blueprint("run_form", __name__)

_OFFERED_REFS = 200
_SHOWN = 60  # outputs


@blueprint.get("/r/<repo>/run")
def form(repo: str) -> ResponseReturnValue:
    """Show the form of a run, filled with what the address says."""
    at = request.args.get("at") or None
    return _shown(repo, at, request.args)


def _shown(repo: str, at: str | None, given: Given, error: CatalogError | None = None) -> ResponseReturnValue:
    """Show the form at a commit; where there is none of that name, at main, and with what is wrong."""
    try:
        view = AsOf(moment_named(repo, at), at)
        choice = choice_of(view.moment, given)
    except CatalogError as unknown:
        if at is None:
            raise
        view, error = AsOf(moment_named(repo, None), None), unknown
        choice = replace(choice_of(view.moment, given), error=unknown)
    g.at = view.at
    return _page(view, choice, at, error), status_of(error) if error else 200


@blueprint.post("/runs")
def send() -> ResponseReturnValue:
    """Queue what a form asks for, and lead to its page; a form with a fault comes back with it."""
    name, at = request.form.get("repo", ""), request.form.get("at") or None
    repository = get_repository(reading(), name)
    require(Role.RUNNER, repository)
    uploads = dict(_uploads(request.form))
    try:
        choice = choice_of(moment_named(name, at), request.form)
        if request.form.get("before"):
            return redirect(_compared(name, choice, uploads), 303)
        with writing() as session:
            number = _request(session, name, choice, uploads)
    except CatalogError as error:
        return _shown(name, at, request.form, error)
    return redirect(url_for("runs.run", number=number), 303)


def _request(
    session: Session, name: str, choice: RunChoice, uploads: dict[str, Upload | CatalogError]
) -> int:
    if choice.error is not None:
        raise choice.error
    repository, inputs = get_repository(session, name), _inputs(choice, uploads)
    _note(session, repository, uploads)
    run = request_run(
        session,
        catalog().settings,
        repository,
        choice.moment.commit,
        choice.flow.name if choice.flow else None,
        choice.selected,
        choice.read_config(),
        inputs,
        choice.given.get("save") or None,
        actor().name,
        g.now,
        dataset=choice.given.get("dataset", "").strip() or None,
        options=choice.read_options(),
    )
    return run.id


def _compared(name: str, choice: RunChoice, uploads: dict[str, Upload | CatalogError]) -> str:
    """Queue two runs whose values are compared, and return the address of the page that does."""
    if choice.error is not None:
        raise choice.error
    pair = pair_runs(
        moment_named(name, choice.given["before"].strip()),
        choice.moment,
        choice.flow.name if choice.flow else None,
        choice.selected,
        choice.chosen_config(),
        _inputs(choice, uploads),
        choice.read_options(),
        own_data=bool(choice.given.get("own_data")),
        keys=choice.read_keys(),
    )
    tolerance = choice.read_tolerance()
    with writing() as session:
        repository = get_repository(session, name)
        _note(session, repository, uploads)
        asked = (repository, pair, actor().name, g.now)
        made = request_comparison(session, catalog().settings, *asked, tolerance=tolerance)
        return url_for("run_comparison.compare", a=made.before_id, b=made.run_id)


def _note(session: Session, repository: Repository, uploads: dict[str, Upload | CatalogError]) -> None:
    note_uploads(session, repository.id, uploads.values(), g.now)


def _uploads(given: Given) -> Iterator[tuple[str, Upload | CatalogError]]:
    """Keep the files of a form, by the names of their inputs, each whole or with what is wrong with it."""
    for field, file in request.files.items():
        if field.startswith(FILE) and file.filename:
            name = field.removeprefix(FILE) or given.get("further", "").strip()
            yield name, _kept(file)


def _kept(file: FileStorage) -> Upload | CatalogError:
    try:
        return keep_upload(catalog().settings, file.stream, file.filename or "")
    except CatalogError as error:
        return error


def _inputs(choice: RunChoice, uploads: dict[str, Upload | CatalogError]) -> dict[str, Any]:
    inputs = choice.read_inputs()
    for name, upload in uploads.items():
        if isinstance(upload, CatalogError):
            raise upload
        if not name:
            raise Conflict(f"Say what '{upload.name}' is to be called as a source.")
        if name in inputs:
            raise Conflict(f"Source '{name}' has both a path and a file. Give one of them.")
        inputs[name] = upload
    return inputs


def _page(view: AsOf, choice: RunChoice, at: str | None, error: CatalogError | None) -> str:
    moment = view.moment
    is_chosen = bool(choice.outputs or choice.query or choice.given.get("dataflow"))
    before = None
    try:
        before = _before(moment, choice.given)
    except CatalogError as unknown:
        error = error or unknown
    return render_template(
        "run_form.html",
        view=view,
        before=before,
        choice=choice,
        error=error or (choice.error if is_chosen else None),
        missing=None if is_chosen else choice.error,
        at=at or "",
        flows=moment.snapshot.dataflows,
        declared=choice.flow.view if choice.flow else None,
        shown=choice.computed[:_SHOWN],
        offered=[ref.name for ref in list_refs(reading(), moment.repository)[:_OFFERED_REFS]],
        executors=executors_of(catalog().settings, moment.repository),
        local_executors=EXECUTORS,
        formats=tuple(dict.fromkeys(FORMATS.values())),
        accepted=",".join(FORMATS),
        megabytes=catalog().settings.upload_megabytes,
        longest_note=LONGEST_NOTE,
        may_run=actor().may(Role.RUNNER, moment.repository.id),
        toml_key=_toml_key,
    )


def _before(moment: Moment, given: Given) -> Moment | None:
    """Return the commit whose values the reader wants to compare with; None where they want one run."""
    name = given.get("before", "").strip()
    return moment_named(moment.repository.name, name) if name else None


def _toml_key(name: str) -> str:
    """Write a name as a key of TOML: bare where it can be, else in quotes."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)

"""Erasures: what holds something made from a column, what became of it, and the record."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from headwater_catalog.accounts import Role
from headwater_catalog.erasure.items import BY_HAND, HERE, KINDS, OPEN, STANDINGS, STATES
from headwater_catalog.erasure.requests import (
    LONGEST_NOTE,
    Chosen,
    Stage,
    count_items,
    list_erasures,
    list_items,
)
from headwater_catalog.errors import CatalogError, Forbidden
from headwater_catalog.jobs import FINISHED
from headwater_catalog.repositories import list_repositories
from headwater_catalog.store.models import ErasureItem, Job
from headwater_web import erasing
from headwater_web.api.answering import answer
from headwater_web.dates import iso
from headwater_web.errors import status_of
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import NUMBER, catalog, number_asked, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("erasure", __name__)

_PAGE: Final = 50
_LIST: Final = (
    *("erasure", "repository", "columns", "reference", "state", "requested_by", "requested_at"),
    *("begun_by", "begun_at", "erased_at", "closed_by", "closed_at"),
)
_ITEMS: Final = (
    *("item", "repository", "kind", "name", "standing", "because", "columns", "run", "commit", "place"),
    *("bytes", "state", "note", "settled_by", "settled_at"),
)


@blueprint.get("/erasure")
def erasures() -> str:
    """List the erasures, the latest first, and offer to ask for one."""
    return _list()


def _list(error: str = "") -> str:
    numbers = erasing.stewarded()
    if not numbers:
        raise Forbidden("Erasures are for the role steward. Ask an administrator for it.")
    found = list_erasures(reading(), numbers, before=number_asked("before"), limit=_PAGE + 1)
    given = request.form if request.method == "POST" else request.args
    return render_template(
        "erasures.html",
        rows=found[:_PAGE],
        has_more=len(found) > _PAGE,
        repositories=[each.name for each in list_repositories(reading()) if each.id in numbers],
        given={name: given.get(name, "") for name in ("repo", "column", "reference")},
        error=error,
    )


@as_files(blueprint, "/erasure")
def all_erasures() -> Table:
    """Give the erasures as a table."""
    rows = (
        (each.id, each.repository.name, each.columns, each.reference, each.state)
        + (each.requested_by, iso(each.requested_at), each.begun_by, each.begun_at and iso(each.begun_at))
        + (each.erased_at and iso(each.erased_at), each.closed_by, each.closed_at and iso(each.closed_at))
        for each in list_erasures(reading(), erasing.stewarded(), limit=MOST_ROWS)
    )
    return Table("erasures", _LIST, rows)


@blueprint.post("/erasure")
def ask() -> AnyResponse | tuple[str, int]:
    """Store an erasure, and lead to its page."""
    form = request.form
    try:
        columns = form.get("column", "").splitlines()
        number = erasing.ask_for(form.get("repo", ""), columns, form.get("reference", "").strip())
    except CatalogError as refused:
        if isinstance(refused, Forbidden):
            raise
        return _list(str(refused)), status_of(refused)
    return redirect(url_for("erasure.erasure", number=number), 303)


@blueprint.get(f"/erasure/{NUMBER}")
def erasure(number: int) -> str:
    """Show an erasure: how far it is, and its items."""
    return _page(number)


def _page(number: int, error: str = "") -> str:
    found = erasing.shown_erasure(number)
    chosen, offset = _chosen(), offset_asked()
    counts = count_items(reading(), number)
    fitting = sum(
        count
        for (kind, standing, state), count in counts.items()
        if chosen.kind in ("", kind) and chosen.standing in ("", standing) and chosen.state in ("", state)
    )
    job = reading().get(Job, found.job_id) if found.job_id else None
    return render_template(
        "erasure.html",
        erasure=found,
        not_looked_at=erasing.not_looked_at(found),
        rows=list_items(reading(), number, chosen, offset=offset, limit=_PAGE),
        counts=counts,
        kinds=KINDS,
        here=HERE,
        by_hand=BY_HAND,
        standings=STANDINGS,
        states=STATES,
        chosen=chosen,
        total=fitting,
        offset=offset,
        limit=_PAGE,
        job=job,
        goes_on=job is not None and job.state not in FINISHED,
        may_mark=erasing.may_change(found, Role.STEWARD),
        may_erase=erasing.may_change(found, Role.ADMINISTRATOR),
        signs=catalog().settings.manifest_signing_key() is not None,
        stage=Stage,
        longest=LONGEST_NOTE,
        error=error,
    )


@as_files(blueprint, f"/erasure/{NUMBER}")
def all_items(number: int) -> Table:
    """Give the items of an erasure as a table."""
    erasing.shown_erasure(number)
    rows = map(_row, list_items(reading(), number, _chosen(), limit=MOST_ROWS))
    return Table(f"erasure-{number}", _ITEMS, rows)


def _row(item: ErasureItem) -> tuple[object, ...]:
    return (
        *(item.id, item.repository.name, item.kind, item.name, item.standing, item.because, item.columns),
        *(item.run_id, item.sha, item.place, item.bytes, item.state, item.note, item.settled_by),
        item.settled_at and iso(item.settled_at),
    )


def _chosen() -> Chosen:
    def one_of(name: str, known: object) -> str:
        given = request.args.get(name, "")
        return given if given in known else ""  # type: ignore[operator]

    return Chosen(one_of("kind", KINDS), one_of("standing", STANDINGS), one_of("state", STATES))


@blueprint.post(f"/erasure/{NUMBER}/erase")
def erase(number: int) -> AnyResponse | tuple[str, int]:
    """Have Headwater erase what it holds itself."""
    if request.form.get("sure") != "yes":
        return _page(number, "Tick that you are sure: what is erased cannot be had back."), 409
    also = [each for each in STANDINGS if request.form.get(each) == "yes"]
    try:
        erasing.begin(number, also)
    except CatalogError as refused:
        return _refused(number, refused)
    return redirect(url_for("erasure.erasure", number=number), 303)


@blueprint.post(f"/erasure/{NUMBER}/mark")
def mark(number: int) -> AnyResponse | tuple[str, int]:
    """Say of items what became of them: of those that are ticked, or of all open ones that the list shows."""
    form = request.form
    ticked = [
        int(each) for each in form.getlist("item") if each.isascii() and each.isdigit() and len(each) < 10
    ]
    chosen = _chosen()
    if not ticked and form.get("all") != "yes":
        return _page(number, "Tick the items, or that all open ones of this list are meant."), 409
    picked = Chosen(items=ticked) if ticked else Chosen(chosen.kind, chosen.standing, OPEN)
    try:
        erasing.mark(number, picked, form.get("state", ""), form.get("note", ""))
    except CatalogError as refused:
        return _refused(number, refused)
    asked: dict[str, Any] = request.args.to_dict()
    kept = {name: asked[name] for name in ("kind", "standing", "state", "offset") if name in asked}
    return redirect(url_for("erasure.erasure", number=number, **kept), 303)


@blueprint.post(f"/erasure/{NUMBER}/close")
def close(number: int) -> AnyResponse | tuple[str, int]:
    """End an erasure of which nothing is open."""
    try:
        erasing.close(number)
    except CatalogError as refused:
        return _refused(number, refused)
    return redirect(url_for("erasure.erasure", number=number), 303)


@blueprint.post(f"/erasure/{NUMBER}/withdraw")
def withdraw(number: int) -> AnyResponse | tuple[str, int]:
    """Give up an erasure."""
    try:
        erasing.withdraw(number)
    except CatalogError as refused:
        return _refused(number, refused)
    return redirect(url_for("erasure.erasure", number=number), 303)


def _refused(number: int, refused: CatalogError) -> tuple[str, int]:
    """Return the page with why something was not done; who may not do it gets the error alone."""
    if isinstance(refused, Forbidden):
        raise refused
    return _page(number, str(refused)), status_of(refused)


@blueprint.get(f"/erasure/{NUMBER}/record")
def record(number: int) -> Response:
    """Give the record of an erasure, signed where it is asked for."""
    is_signed = request.args.get("signed") == "yes"
    found = answer(erasing.record(number, is_signed=is_signed))
    found.headers.set("Content-Disposition", "attachment", filename=f"erasure-{number}.json")
    return found

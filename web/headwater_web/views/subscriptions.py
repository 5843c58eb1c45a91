"""Subscriptions: saved queries of who reads, what they told, and how that was delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from headwater_catalog.answers.subscriptions import subscription_json, told_items_json
from headwater_catalog.errors import CatalogError, Conflict
from headwater_catalog.repositories import list_repositories
from headwater_catalog.rules import SEVERITIES
from headwater_catalog.subscriptions.feed import FEED_TYPE, MOST_ENTRIES, feed_of
from headwater_catalog.subscriptions.lookup import EVERY, wanted_of
from headwater_catalog.subscriptions.mail import NO_MAIL
from headwater_catalog.subscriptions.standing import Standing, get_telling, told_by
from headwater_catalog.subscriptions.subscribing import Secrets, Wanted, pause, remove, resume, try_now
from headwater_catalog.subscriptions.watched import FEATURES, Watched, read_watched
from headwater_web.access import asked, writing
from headwater_web.errors import status_of
from headwater_web.lists import Table, as_files
from headwater_web.reading import NUMBER, catalog, offset_asked, reading
from headwater_web.subscribed import (
    change_own,
    own,
    own_standing,
    own_standings,
    subscribe_own,
    subscriber,
)

__all__ = ["blueprint", "feed_answer"]

blueprint = Blueprint("subscriptions", __name__)

_PAGE: Final = 50
_TELLINGS: Final = 20
_PACE: Final = {"once": "at once", "hour": "at most once an hour", "day": "at most once a day"}
_COLUMNS: Final = (
    *("id", "name", "about", "asked", "every", "email", "email_agreed", "webhook", "feed", "state"),
    *("problem", "failed", "finds", "made_at", "told_at"),
)
_FIELDS: Final = (
    *("about", "query", "repository", "rule", "least", "owner", "key"),
    *("name", "every", "email", "webhook", "feed"),
)
"""Of the form."""
_ITEMS: Final = ("change", "repository", "key", "rule", "severity", "message", "commit")


@blueprint.get("/subscriptions")
def subscriptions() -> str:
    """List one's subscriptions."""
    found, offset = own_standings(), offset_asked()
    return render_template(
        "subscriptions.html",
        rows=found[offset : offset + _PAGE],
        total=len(found),
        offset=offset,
        limit=_PAGE,
        pace={seconds: _PACE[name] for name, seconds in EVERY.items()},
    )


@as_files(blueprint, "/subscriptions")
def all_subscriptions() -> Table:
    """Give one's subscriptions as a table."""
    told = (subscription_json(each) for each in own_standings())
    return Table("subscriptions", _COLUMNS, ([each[name] for name in _COLUMNS] for each in told))


@blueprint.get("/subscriptions/new")
def form() -> ResponseReturnValue:
    """Show the form that makes a subscription, filled in by the address."""
    subscriber()
    return _form_page(dict(request.args))


@blueprint.post("/subscriptions")
def make() -> ResponseReturnValue:
    """Make a subscription; where it has secrets, they are shown this once."""
    try:
        number, made = subscribe_own(_wanted(request.form))
    except CatalogError as refused:
        return _form_page(dict(request.form), str(refused)), status_of(refused)
    if made == Secrets():
        return redirect(url_for("subscriptions.subscription", number=number), 303)
    return _page(own_standing(number), secrets=made), 201


@blueprint.get(f"/subscriptions/{NUMBER}")
def subscription(number: int) -> str:
    """Show one of one's subscriptions, with what it told lately."""
    return _page(own_standing(number))


@blueprint.post(f"/subscriptions/{NUMBER}")
def set_subscription(number: int) -> ResponseReturnValue:
    """Change one of one's subscriptions."""
    try:
        made = change_own(number, _wanted(request.form))
    except CatalogError as refused:
        return _page(own_standing(number), error=str(refused)), status_of(refused)
    if made == Secrets():
        return redirect(url_for("subscriptions.subscription", number=number), 303)
    return _page(own_standing(number), secrets=made)


@blueprint.post(f"/subscriptions/{NUMBER}/paused")
def set_paused(number: int) -> ResponseReturnValue:
    """Let one of one's subscriptions tell nothing for now, or again."""
    do = pause if request.form.get("paused") == "yes" else resume
    with writing() as session:
        do(session, subscriber(), number, asked(), g.now)
    return redirect(url_for("subscriptions.subscription", number=number), 303)


@blueprint.post(f"/subscriptions/{NUMBER}/try")
def send_try(number: int) -> ResponseReturnValue:
    """Have one of one's subscriptions say that it works."""
    try:
        with writing() as session:
            try_now(session, subscriber(), number, asked(), g.now)
    except Conflict as refused:
        return _page(own_standing(number), error=str(refused)), status_of(refused)
    return redirect(url_for("subscriptions.subscription", number=number, _anchor="told"), 303)


@blueprint.post(f"/subscriptions/{NUMBER}/remove")
def take_away(number: int) -> ResponseReturnValue:
    """Remove one of one's subscriptions."""
    with writing() as session:
        remove(session, subscriber(), number, asked(), g.now)
    return redirect(url_for("subscriptions.subscriptions"), 303)


@blueprint.get(f"/subscriptions/{NUMBER}/told/<int(max=2147483647):telling>")
def told(number: int, telling: int) -> str:
    """Show all that a subscription told once."""
    standing = own_standing(number)
    found, offset = get_telling(reading(), standing.subscription, telling), offset_asked()
    rows = [
        (word, news, item)
        for news in found.news
        for word, items in (("came", news.came), ("went", news.went))
        for item in items
    ]
    return render_template(
        "told.html",
        standing=standing,
        told=found,
        rows=rows[offset : offset + _PAGE],
        total=len(rows),
        offset=offset,
        limit=_PAGE,
    )


@as_files(blueprint, f"/subscriptions/{NUMBER}/told/<int(max=2147483647):telling>")
def told_items(number: int, telling: int) -> Table:
    """Give what a subscription told once as a table."""
    found = get_telling(reading(), own(number), telling)
    rows = ([each.get(name) for name in _ITEMS] for each in told_items_json(found))
    return Table("told", _ITEMS, rows)


@blueprint.get(f"/subscriptions/{NUMBER}/feed")
def feed(number: int) -> Response:
    """Give what one of one's subscriptions told as a feed, to who is logged in."""
    found = own(number)
    told_lately = told_by(reading(), found, limit=MOST_ENTRIES)
    return feed_answer(feed_of(catalog().settings.address, found, told_lately))


def feed_answer(content: bytes) -> Response:
    """Return a feed, or that it is still what the asker has of it."""
    found = Response(content, content_type=f"{FEED_TYPE}; charset=utf-8")
    found.add_etag()
    found.make_conditional(request)
    return found


def _page(standing: Standing, *, secrets: Secrets | None = None, error: str | None = None) -> str:
    offset = offset_asked()
    lately = told_by(reading(), standing.subscription, limit=_TELLINGS + 1, offset=offset)
    return render_template(
        "subscription.html",
        standing=standing,
        told=lately[:_TELLINGS],
        has_more=len(lately) > _TELLINGS,
        offset=offset,
        limit=_TELLINGS,
        secrets=secrets,
        error=error,
        site=catalog().settings.address,
        given=_given(standing),
        **_choices(),
    )


def _form_page(given: Mapping[str, Any], error: str | None = None) -> str:
    watched, finds = _asked_for(given)
    filled = {**dict.fromkeys(_FIELDS, ""), "about": FEATURES, "every": "once", **given}
    return render_template(
        "subscribe.html", given=filled, watched=watched, finds=finds, error=error, **_choices()
    )


def _asked_for(given: Mapping[str, Any]) -> tuple[Watched | None, str]:
    """Return what the form asks for, or why that cannot be watched."""
    try:
        return read_watched(given), ""
    except CatalogError as error:
        return None, str(error)


def _choices() -> dict[str, Any]:
    return {
        "pace": _PACE,
        "severities": SEVERITIES,
        "repositories": [each.name for each in list_repositories(reading())],
        "no_mail": "" if catalog().settings.messages.smtp_host else NO_MAIL,
        "features": FEATURES,
    }


def _given(standing: Standing) -> dict[str, str]:
    """Return a subscription as the form has it."""
    known = wanted_of(standing.subscription)
    return {**dict.fromkeys(_FIELDS, ""), **known, "feed": "yes" if known["feed"] else ""}


def _wanted(form: Mapping[str, str]) -> Wanted:
    renew = form.get("renew", "")
    return Wanted(
        name=form.get("name", ""),
        watched=read_watched(form),
        every=form.get("every", "once"),
        email=form.get("email", ""),
        webhook=form.get("webhook", ""),
        feed=form.get("feed") == "yes",
        renew=(renew,) if renew else (),
    )

"""What answers to who shows a secret and is not logged in: feeds, and the links in mails."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request
from flask.typing import ResponseReturnValue

from headwater_catalog.errors import NotFound
from headwater_catalog.subscriptions.feed import MOST_ENTRIES, feed_of
from headwater_catalog.subscriptions.lookup import find_by_feed, find_by_mail
from headwater_catalog.subscriptions.news import owner_of, seeing
from headwater_catalog.subscriptions.standing import told_by
from headwater_catalog.subscriptions.subscribing import agree, leave_mail
from headwater_web.reading import catalog
from headwater_web.views.subscriptions import feed_answer

__all__ = ["blueprint"]

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/feeds/<token>")
def feed(token: str) -> Response:
    """Give the feed whose secret is in the address, as its owner may see it now."""
    database, settings = catalog().database, catalog().settings
    with database.read() as session:
        found = find_by_feed(session, token)
        owner = None if found is None else owner_of(settings, found)
    if found is None or owner is None:
        raise NotFound("There is no such feed, or its address is another one now.")
    with seeing(database, owner) as session:
        session.add(found)
        told = told_by(session, found, limit=MOST_ENTRIES)
        return feed_answer(feed_of(settings.address, found, told))


@blueprint.get("/mail/<key>")
def mail(key: str) -> str:
    """Let who got a mail agree to more of them, or say that these were enough."""
    with catalog().database.read() as session:
        found = find_by_mail(session, key)
        if found is None:
            raise NotFound("No mails with this link are sent any more.")
        return render_template(
            "mail.html", key=key, email=found.email, has_agreed=found.email_confirmed_at is not None, done=""
        )


@blueprint.post("/mail/<key>")
def answer_mail(key: str) -> ResponseReturnValue:
    """Take what who got a mail says; a mail program says nothing but that it wants no more (RFC 8058)."""
    by = "", request.remote_addr or ""
    do = agree if request.form.get("agree") == "yes" else leave_mail
    with catalog().database.write() as session:
        found = do(session, key, by, g.now)
        if found is None:
            raise NotFound("No mails with this link are sent any more.")
        done = "agreed" if do is agree else "left"
        return render_template("mail.html", key=key, email=found.email, has_agreed=True, done=done)

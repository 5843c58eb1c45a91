"""One's own subscriptions."""

from __future__ import annotations

from typing import Any

from flask import Response, g, url_for

from headwater_catalog.answers.subscriptions import subscription_json, told_items_json, told_json
from headwater_catalog.subscriptions.lookup import wanted_of
from headwater_catalog.subscriptions.standing import get_telling, told_by
from headwater_catalog.subscriptions.subscribing import Secrets, Wanted, pause, remove, resume, try_now
from headwater_catalog.subscriptions.watched import read_watched
from headwater_web.access import asked, writing
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset, slice_answer
from headwater_web.api.resources import SUBSCRIPTION, TELLING, Resource
from headwater_web.api.schemas.fields import NoBodySchema, NoQuery, PageQuery
from headwater_web.api.schemas.subscriptions import (
    NewSubscriptionSchema,
    ShownSubscriptionSchema,
    SubscriptionChangeSchema,
    SubscriptionPageSchema,
    SubscriptionSchema,
    ToldItemPageSchema,
    ToldPageSchema,
    ToldSchema,
)
from headwater_web.reading import NUMBER, catalog, reading
from headwater_web.subscribed import (
    change_own,
    own,
    own_standing,
    own_standings,
    subscribe_own,
    subscriber,
)

__all__ = ["resource"]

resource = Resource("subscriptions", "One's own saved queries, which tell when their result changes.")

_TELLING = "<int(max=2147483647):telling>"


@resource.get("/subscriptions", SubscriptionPageSchema, PageQuery, errors=(403,))
def list_subscriptions(args: dict[str, Any]) -> Response:
    """List one's subscriptions, the newest first."""
    cursor, limit = cursor_of(args), args["limit"]
    before = offset(cursor) or None
    known = sorted(own_standings(), key=lambda each: -each.subscription.id)
    rest = [each for each in known if before is None or each.subscription.id < before]
    following = cursor.moved(rest[limit - 1].subscription.id) if len(rest) > limit else None
    return page_answer([subscription_json(each) for each in rest[:limit]], following)


@resource.get(f"/subscriptions/{NUMBER}", SubscriptionSchema, NoQuery, (SUBSCRIPTION,), errors=(403, 404))
def show_subscription(_args: dict[str, Any], number: int) -> Response:
    """Show one of one's subscriptions, and how it stands."""
    return answer(subscription_json(own_standing(number)))


@resource.send(
    *("POST", "/subscriptions", 201, ShownSubscriptionSchema, NewSubscriptionSchema),
    errors=(409,),
    example={"name": "New personal data", "query": "classification:pii", "feed": True},
)
def create_subscription(body: dict[str, Any]) -> Response:
    """Save a query, and subscribe to it where an e-mail, a webhook or a feed is given."""
    number, made = subscribe_own(_wanted(body))
    found = answer(_shown(number, made), 201)
    found.headers["Location"] = url_for("api_subscriptions.show_subscription", number=number)
    return found


@resource.send(
    *("PATCH", f"/subscriptions/{NUMBER}", 200, ShownSubscriptionSchema, SubscriptionChangeSchema),
    (SUBSCRIPTION,),
    errors=(404, 405, 409),
    example={"every": "day"},
)
def change_subscription(body: dict[str, Any], number: int) -> Response:
    """Change one of one's subscriptions; what is not named stays as it is."""
    paused, made = body.pop("paused", None), Secrets()
    known = wanted_of(own(number))
    if body.keys() - {"renew"} or body["renew"]:
        made = change_own(number, _wanted({**known, **body}))
    if paused is not None:
        with writing() as session:
            (pause if paused else resume)(session, subscriber(), number, asked(), g.now)
    return answer(_shown(number, made))


@resource.delete(f"/subscriptions/{NUMBER}", SubscriptionSchema, (SUBSCRIPTION,))
def remove_subscription(_args: dict[str, Any], number: int) -> Response:
    """Remove one of one's subscriptions."""
    told = subscription_json(own_standing(number))
    with writing() as session:
        remove(session, subscriber(), number, asked(), g.now)
    return answer(told)


@resource.send(
    *("POST", f"/subscriptions/{NUMBER}/try", 202, ToldSchema, NoBodySchema),
    (SUBSCRIPTION,),
    errors=(404, 405, 409),
)
def try_subscription(_body: dict[str, Any], number: int) -> Response:
    """Have one of one's subscriptions say by its channels that it works."""
    with writing() as session:
        telling = try_now(session, subscriber(), number, asked(), g.now).id
    found = answer(told_json(get_telling(reading(), own(number), telling)), 202)
    found.headers["Location"] = url_for("api_subscriptions.list_told", number=number)
    return found


@resource.get(f"/subscriptions/{NUMBER}/told", ToldPageSchema, PageQuery, (SUBSCRIPTION,), errors=(403, 404))
def list_told(args: dict[str, Any], number: int) -> Response:
    """List what one of one's subscriptions told, the latest first, with how that was delivered."""
    cursor, limit = cursor_of(args), args["limit"]
    first = offset(cursor)
    found = told_by(reading(), own(number), limit=limit + 1, offset=first)
    following = cursor.moved(first + limit) if len(found) > limit else None
    return page_answer([told_json(each) for each in found[:limit]], following)


@resource.get(
    *(f"/subscriptions/{NUMBER}/told/{_TELLING}", ToldItemPageSchema, PageQuery, (SUBSCRIPTION, TELLING)),
    errors=(403, 404),
)
def list_told_items(args: dict[str, Any], number: int, telling: int) -> Response:
    """List what came and went by one telling."""
    found = list(told_items_json(get_telling(reading(), own(number), telling)))
    return slice_answer(args, cursor_of(args), found, dict)


def _wanted(given: dict[str, Any]) -> Wanted:
    named = ("name", "every", "email", "webhook", "feed", "renew")
    told = {name: given[name] for name in named if name in given}
    return Wanted(watched=read_watched(given), **told)


def _shown(number: int, made: Secrets) -> dict[str, Any]:
    site = catalog().settings.address
    feed = None if made.feed is None else f"{site}{url_for('feeds.feed', token=made.feed)}"
    return {**subscription_json(own_standing(number)), "webhook_secret": made.webhook, "feed_url": feed}

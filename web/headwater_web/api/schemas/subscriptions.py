"""The shapes of subscriptions, what they told, and how that was delivered."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from headwater_catalog.rules import SEVERITIES
from headwater_catalog.subscriptions.lookup import EVERY
from headwater_catalog.subscriptions.watched import ABOUT, FEATURES
from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    Switch,
    Text,
    count,
    flag,
    listed,
    mapping,
    nested,
    optional_text,
    page_of,
    text,
)

__all__ = [
    "NewSubscriptionSchema",
    "ShownSubscriptionSchema",
    "SubscriptionChangeSchema",
    "SubscriptionPageSchema",
    "SubscriptionSchema",
    "ToldItemPageSchema",
    "ToldPageSchema",
    "ToldSchema",
]


class SubscriptionSchema(Schema):
    """A saved query, and by what it tells when its result changes."""

    id = count("Its number.")
    name = text("What its owner calls it.")
    about = text("features or findings.")
    asked = mapping("What is asked for, without what does not matter.", fields.String())
    path = text("The page that lists its result.")
    every = text("once, hour or day: how often it tells at most.")
    email = optional_text("To whom mails go.")
    email_agreed = flag("Whether they have agreed to that.")
    webhook = optional_text("Where requests go.")
    feed = flag("Whether there is a feed.")
    state = text("follows, paused, or in trouble.")
    paused_for = text("Why it was paused, where that was not its owner's wish.")
    problem = text("Why it tells less than it should; empty where it does not.")
    failed = text("What came of the last attempt at what could not be delivered; empty where all could.")
    finds = count("How many it found when that was last looked at.")
    made_at = text("When it was made.")
    told_at = optional_text("When it told something last.")


class SubscriptionPageSchema(Schema):
    """A page of subscriptions."""

    locals().update(page_of(SubscriptionSchema, "Subscriptions, the newest first."))


class ShownSubscriptionSchema(SubscriptionSchema):
    """A subscription that was just made or changed."""

    webhook_secret = optional_text("By what its requests are signed, where it is new; shown this once.")
    feed_url = optional_text("The address of its feed, where it is new; shown this once.")


_PLAIN = validate.Regexp(r"^[^\x00]*$")


def _asked(description: str, most: int = 400, kind: str | None = None) -> fields.Field[Any]:
    checks = [validate.Length(max=most), _PLAIN]
    told = {"description": description, "format": kind} if kind else {"description": description}
    return Text(validate=checks, metadata=told)


def _name(**more: Any) -> fields.Field[Any]:
    told = {"description": "What its owner calls it."}
    return Text(validate=[validate.Length(min=1, max=100), _PLAIN], metadata=told, **more)


def _one_of(description: str, allowed: tuple[str, ...], **more: Any) -> fields.Field[Any]:
    return fields.String(validate=validate.OneOf(allowed), metadata={"description": description}, **more)


class SubscriptionChangeSchema(Schema):
    """What is to be different about a subscription."""

    name = _name()
    about = _one_of("features or findings.", ABOUT)
    query = _asked("Of features: the query that finds them.", kind="query")
    repository = _asked("The only repository that matters; empty for all that one sees.")
    rule = _asked("Of findings: the policy, or the rule.")
    least = _one_of("Of findings: how bad they are at least.", ("", *SEVERITIES))
    owner = _asked("Of findings: whom to ask about the feature.")
    key = _asked("Of findings: the feature.")
    every = _one_of("once, hour or day: how often it tells at most.", tuple(EVERY))
    email = _asked("To whom mails go; empty for nobody.", 254)
    webhook = _asked("Where requests go; empty for nowhere.", 1000)
    feed = Switch(metadata={"description": "Whether there is a feed."})
    paused = Switch(metadata={"description": "Whether it tells nothing for now."})
    renew = fields.List(
        _one_of("webhook or feed.", ("webhook", "feed")),
        load_default=(),
        validate=validate.Length(max=2),
        metadata={"description": "Of what the secret is to be another one."},
    )


class NewSubscriptionSchema(SubscriptionChangeSchema):
    """A subscription that somebody makes."""

    class Meta:
        """What a new one has not."""

        exclude = ("paused", "renew")

    name = _name(required=True)
    about = _one_of("features or findings.", ABOUT, load_default=FEATURES)


class AttemptSchema(Schema):
    """An attempt to deliver something."""

    at = text("When.")
    outcome = text("What came of it.")


class DeliverySchema(Schema):
    """A telling on its way."""

    channel = text("email or webhook.")
    state = text("waiting, delivered, failed, or dropped since it was not to be told any more.")
    attempts = count("How often it was tried.")
    next_at = optional_text("When it is tried next.")
    log = listed(AttemptSchema, "What came of each.")


class ToldSchema(Schema):
    """That a subscription told of changes."""

    id = count("Its number.")
    key = text("Its name, the same however often it is sent.")
    kind = text("changed, test, or confirm, which asks whether somebody wants mails.")
    at = text("When.")
    came = count("How many came.")
    went = count("How many went.")
    deliveries = listed(DeliverySchema, "How it is delivered.")


class ToldPageSchema(Schema):
    """A page of what a subscription told."""

    locals().update(page_of(ToldSchema, "Tellings, the latest first."))


class ToldItemSchema(Schema):
    """A feature or a finding that came or went."""

    change = text("came or went.")
    repository = text("Name of the repository.")
    key = text("The feature.")
    commit = nested(CommitSchema, "The commit that did it; null where none is known.", allow_none=True)
    fingerprint = fields.String(metadata={"description": "Of a finding: the same as long as it is."})
    rule = fields.String(metadata={"description": "Of a finding: the policy, or the rule."})
    severity = fields.String(metadata={"description": "Of a finding: how bad it is."})
    message = fields.String(metadata={"description": "Of a finding: what is wrong."})


class ToldItemPageSchema(Schema):
    """A page of what came and went."""

    locals().update(page_of(ToldItemSchema, "Features or findings."))

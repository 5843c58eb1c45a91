"""Making, changing and removing subscriptions: what their owners do."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from headwater_catalog.accounts.events import Asked, count_events, note
from headwater_catalog.errors import Conflict
from headwater_catalog.message_settings import is_address
from headwater_catalog.storable import clean
from headwater_catalog.store.bulk import Rows
from headwater_catalog.store.models import Account, Subscription, Telling, Watch
from headwater_catalog.subscriptions.lookup import (
    EVERY,
    channels_of,
    feed_hash,
    find_by_mail,
    get_subscription,
    of_account,
)
from headwater_catalog.subscriptions.mail import NO_MAIL
from headwater_catalog.subscriptions.messages import CONFIRM, TEST
from headwater_catalog.subscriptions.public_addresses import read_target
from headwater_catalog.subscriptions.telling import EMAIL, newest_change, tell
from headwater_catalog.subscriptions.watched import Watched
from headwater_catalog.subscriptions.watching import begin_watching
from headwater_catalog.subscriptions.webhooks import new_secret

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = [
    "Secrets",
    "Wanted",
    "agree",
    "change",
    "leave_mail",
    "pause",
    "remove",
    "resume",
    "subscribe",
    "try_now",
]


_MOST: Final = 2_000
"""Subscriptions of one account."""

_LONGEST: Final = 100
_ASKING: Final = "subscription mail asked"
_MOST_ASKED: Final = 20  # in a day, for one account
_TRY_SECONDS: Final = 60  # between two tries, so that nobody is flooded by them


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants a subscription to be.

    Attributes:
        name: What they call it.
        watched: What it looks at.
        every: One of `EVERY`.
        email: To whom mails go; empty for none.
        webhook: Where requests go; empty for none.
        feed: Whether there is a feed.
        renew: Whether the secret of the webhook, or the address of the feed, is to be another one.
    """

    name: str
    watched: Watched
    every: str = "once"
    email: str = ""
    webhook: str = ""
    feed: bool = False
    renew: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is shown once, and never again; None where nothing new was made.

    Attributes:
        webhook: By which requests are signed.
        feed: What stands in the address of the feed.
    """

    webhook: str | None = None
    feed: str | None = None


def subscribe(
    session: Session,
    settings: Settings,
    account: Account | None,
    wanted: Wanted,
    results: Rows,
    asked: Asked,
    now: int,
) -> tuple[Subscription, Secrets]:
    """Make a subscription.

    Args:
        session: An open write transaction.
        settings: What mails and webhooks may do here.
        account: Whose it is; None without accounts.
        wanted: What it is to be.
        results: What its query finds now, as `first_results` says.
        asked: Who does this, and from where.
        now: The present instant.

    Raises:
        Conflict: It cannot be that.
    """
    number = None if account is None else account.id
    if (session.scalar(select(func.count()).select_from(of_account(number).subquery())) or 0) >= _MOST:
        raise Conflict(f"Nobody has more than {_MOST:,} subscriptions. Remove some first.")
    watch = begin_watching(session, wanted.watched, results, now)
    found = Subscription(account_id=number, watch=watch, made_at=now, paused_for="", told_at=0)
    found.email_key, found.webhook_secret = secrets.token_urlsafe(24), ""
    found.told_id = newest_change(session, watch.id)
    made = _set(session, settings, account, found, wanted, now)
    session.add(found)
    session.flush()
    _note(session, "subscription created", found, asked, now)
    _ask_to_agree(session, found, asked, now)
    return found, made


def change(
    session: Session,
    settings: Settings,
    account: Account | None,
    number: int,
    wanted: Wanted,
    results: Rows,
    asked: Asked,
    now: int,
) -> tuple[Subscription, Secrets]:
    """Make a subscription of an account what is wanted; of another query, nothing was told before.

    Raises:
        NotFound: There is none of this number.
        Conflict: It cannot be that.
    """
    found = get_subscription(session, None if account is None else account.id, number, locked=True)
    before, mailed = found.watch, found.email
    if before.digest != wanted.watched.digest:
        found.watch = begin_watching(session, wanted.watched, results, now)
        found.told_id, found.told_at = newest_change(session, found.watch.id), 0
        # A mail that asks whether others are wanted is on its way whatever they are about.
        old = Telling.subscription_id == found.id, Telling.kind != CONFIRM
        session.execute(delete(Telling).where(*old))
        session.flush()
        _forget_unwatched(session, before.id)
    made = _set(session, settings, account, found, wanted, now)
    session.flush()
    _note(session, "subscription changed", found, asked, now)
    if found.email != mailed:
        _ask_to_agree(session, found, asked, now)
    return found, made


def remove(session: Session, account_id: int | None, number: int, asked: Asked, now: int) -> None:
    """Remove a subscription of an account.

    Raises:
        NotFound: There is none of this number.
    """
    found = get_subscription(session, account_id, number, locked=True)
    _note(session, "subscription removed", found, asked, now)
    session.delete(found)
    session.flush()
    _forget_unwatched(session, found.watch_id)


def pause(session: Session, account_id: int | None, number: int, asked: Asked, now: int) -> Subscription:
    """Let a subscription of an account tell nothing for now.

    Raises:
        NotFound: There is none of this number.
    """
    found = get_subscription(session, account_id, number, locked=True)
    if found.paused_at is None:
        found.paused_at, found.paused_for = now, ""
        _note(session, "subscription paused", found, asked, now)
    return found


def resume(session: Session, account_id: int | None, number: int, asked: Asked, now: int) -> Subscription:
    """Let a subscription of an account tell again, from now on: not what happened meanwhile.

    Raises:
        NotFound: There is none of this number.
    """
    found = get_subscription(session, account_id, number, locked=True)
    if found.paused_at is not None:
        found.paused_at, found.paused_for = None, ""
        found.told_id = newest_change(session, found.watch_id)
        _note(session, "subscription resumed", found, asked, now)
    return found


def try_now(session: Session, account_id: int | None, number: int, asked: Asked, now: int) -> Telling:
    """Let a subscription say by all its channels that it works.

    Raises:
        NotFound: There is none of this number.
        Conflict: It has nothing to say it by, or has just been asked.
    """
    found = get_subscription(session, account_id, number, locked=True)
    if not found.email and not found.webhook:
        raise Conflict("It sends no mails and has no webhook, so there is nothing to try.")
    latest = select(func.max(Telling.at)).where(Telling.subscription_id == found.id, Telling.kind == TEST)
    if (session.scalar(latest) or 0) > now - _TRY_SECONDS:
        raise Conflict("It was tried within the last minute. Look at what came of that first.")
    if found.email and found.email_confirmed_at is None:
        _ask_to_agree(session, found, asked, now)
    telling = tell(session, found, TEST, now)
    session.flush()
    return telling


def agree(session: Session, key: str, asked: Asked, now: int) -> Subscription | None:
    """Note that who reads an address agrees to its mails; None where no mail has this key."""
    found = find_by_mail(session, key)
    if found is not None and found.email_confirmed_at is None:
        found.email_confirmed_at = now
        _note(session, "subscription agreed to", found, (found.email or "", asked[1]), now)
    return found


def leave_mail(session: Session, key: str, asked: Asked, now: int) -> Subscription | None:
    """Send no more mails to an address; None where no mail has this key."""
    found = find_by_mail(session, key)
    if found is not None:
        _note(session, "subscription left", found, (found.email or "", asked[1]), now)
        found.email, found.email_confirmed_at = None, None
        found.email_key = secrets.token_urlsafe(24)
    return found


def _set(
    session: Session,
    settings: Settings,
    account: Account | None,
    found: Subscription,
    wanted: Wanted,
    now: int,
) -> Secrets:
    """Set what is wanted, and return the secrets that are new."""
    found.name = clean(" ".join(wanted.name.split()))
    if not 0 < len(found.name) <= _LONGEST:
        raise Conflict(f"Give it a name of up to {_LONGEST} characters, to know it again later.")
    if wanted.every not in EVERY:
        raise Conflict(f"It tells every {', '.join(EVERY)}, not every {wanted.every!r:.80}.")
    found.every = EVERY[wanted.every]
    email, webhook = wanted.email.strip(), wanted.webhook.strip()
    if email != (found.email or ""):
        _set_email(session, settings, account, found, email, now)
    if webhook != (found.webhook or ""):
        if webhook:
            read_target(webhook, settings.messages.webhook_hosts)
        found.webhook = webhook or None
        found.webhook_secret = found.webhook_secret if webhook else ""
    made_secret = bool(webhook) and (not found.webhook_secret or "webhook" in wanted.renew)
    if made_secret:
        found.webhook_secret = new_secret()
    feed = None
    if wanted.feed and (found.feed_hash is None or "feed" in wanted.renew):
        feed = "hwf_" + secrets.token_urlsafe(32)
        found.feed_hash = feed_hash(feed)
    elif not wanted.feed:
        found.feed_hash = None
    return Secrets(found.webhook_secret if made_secret else None, feed)


def _set_email(
    session: Session, settings: Settings, account: Account | None, found: Subscription, email: str, now: int
) -> None:
    """Set to whom mails go; they have to agree, unless it is plain that the account is theirs."""
    found.email, found.email_confirmed_at = email or None, None
    found.email_key = secrets.token_urlsafe(24)  # what earlier mails say is about another address
    if not email:
        return
    if not settings.messages.smtp_host:
        raise Conflict(NO_MAIL)
    if not is_address(email):
        raise Conflict(f"{email!r:.200} is not one e-mail address, such as team@example.org.")
    if account is None or email.lower() == account.name or _has_agreed(session, account.id, email):
        found.email_confirmed_at = now


def _has_agreed(session: Session, account_id: int, email: str) -> bool:
    wanted = select(Subscription.id).where(
        Subscription.account_id == account_id,
        Subscription.email == email,
        Subscription.email_confirmed_at.is_not(None),
    )
    with session.no_autoflush:
        return session.scalar(wanted.limit(1)) is not None


def _ask_to_agree(session: Session, found: Subscription, asked: Asked, now: int) -> None:
    """Ask whoever mails go to whether they want them; nobody makes this server ask the whole world."""
    if not found.email or found.email_confirmed_at is not None:
        return
    if count_events(session, _ASKING, now - 86_400, actor=asked[0]) >= _MOST_ASKED:
        raise Conflict(f"You have had {_MOST_ASKED} addresses asked within a day. Wait for another one.")
    _note(session, _ASKING, found, asked, now)
    tell(session, found, CONFIRM, now, channels=(EMAIL,))


def _forget_unwatched(session: Session, watch_id: int) -> None:
    """Forget a query that nobody asks any more."""
    session.scalars(select(Watch.id).where(Watch.id == watch_id).with_for_update()).one_or_none()
    is_asked = exists().where(Subscription.watch_id == watch_id)
    session.execute(
        delete(Watch).where(Watch.id == watch_id, ~is_asked),
        execution_options={"synchronize_session": False},
    )


def _note(session: Session, kind: str, found: Subscription, asked: Asked, now: int) -> None:
    watched = Watched.of(found.watch)
    channels = channels_of(found.email, found.webhook, feed=found.feed_hash is not None)
    told: dict[str, Any] = {"number": found.id, "asks": watched.text, "tells": list(channels)}
    note(session, kind, asked, found.name, now, **told)

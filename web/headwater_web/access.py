"""Who asks, and what they may: found out before every request, by a session's key or a program's token."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import Flask, g, redirect, request, session, url_for
from sqlalchemy import update
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from headwater_catalog.accounts import Actor, Role, restrict
from headwater_catalog.accounts.events import ADDRESS, Asked
from headwater_catalog.accounts.keys import SEEN_EVERY, find_session, find_token
from headwater_catalog.accounts.people import actor_of
from headwater_catalog.errors import Forbidden, NotFound, Unauthenticated
from headwater_catalog.store.models import ApiToken, DatasetVersion, Repository, WebSession
from headwater_web.reading import begin_reading, catalog

__all__ = [
    "KEY",
    "actor",
    "asked",
    "own_account",
    "register_access",
    "remember",
    "require",
    "require_account_manager",
    "require_administrator",
    "require_everywhere",
    "sees_personal",
    "writing",
]

KEY: Final = "key"
"""Where the browser's signed cookie has the key of its session."""

_API: Final = "/api/"
_OPEN: Final = frozenset(
    (
        *("login.login_page", "login.log_in", "login.setup_page", "login.set_up"),
        *("oidc.begin", "oidc.come_back", "feeds.feed", "feeds.mail", "feeds.answer_mail"),
    )
)
"""What answers without knowing who asks: it shows nothing of the catalog, or only to who knows a secret."""


def register_access(app: Flask) -> None:
    """Find out who asks before each request, and let templates know."""
    app.before_request(_identify)
    app.context_processor(lambda: {"actor": g.get("actor"), "has_accounts": _has_accounts()})


def actor() -> Actor:
    """Return who asks.

    Raises:
        Unauthenticated: Nobody knows.
    """
    found: Actor | None = g.get("actor")
    if found is None:
        raise Unauthenticated("Log in, then open this address again.")
    return found


def asked() -> Asked:
    """Return who asks and from where, for the log."""
    return actor().name, request.remote_addr or ""


def sees_personal(version: DatasetVersion | None) -> bool:
    """Tell whether who asks may see personal data in what made a dataset version, where there is one."""
    return version is not None and actor().sees_personal(version.run.repository_id)


def remember(key: str) -> None:
    """Let the browser keep a session's key; what it held before is gone, also its token for forms."""
    session.clear()
    session.permanent = True
    session[KEY] = key


def require(role: Role, repository: Repository) -> None:
    """Make sure that who asks has a role, or a higher one, in a repository that they may see.

    Raises:
        Forbidden: They have not.
    """
    if not actor().may(role, repository.id):
        raise Forbidden(
            f"This needs the role {role.label} in '{repository.name}'. Ask an administrator for it."
        )


def require_administrator() -> None:
    """Make sure that who asks may manage accounts.

    Raises:
        Forbidden: They may not.
    """
    if not actor().is_administrator:
        raise Forbidden("This is for administrators of all repositories, logged in by a browser.")


def require_account_manager() -> None:
    """Make sure that there are accounts, and that who asks may manage them.

    Raises:
        NotFound: There are none.
        Forbidden: They may not.
    """
    _require_accounts()
    require_administrator()


def require_everywhere(what: str) -> None:
    """Make sure that who asks is an administrator of all repositories; `what` says what needs that.

    Raises:
        Forbidden: They are not.
    """
    if actor().everywhere is not Role.ADMINISTRATOR:
        raise Forbidden(f"{what} for administrators of all repositories.")


def own_account() -> int:
    """Return the number of the account of who asks, to change what shows that it is them.

    Raises:
        NotFound: There are no accounts.
        Forbidden: A program asks by a token, which could outlive itself then.
    """
    _require_accounts()
    if actor().is_token:
        raise Forbidden("Tokens are managed by people who are logged in by a browser, not by another token.")
    return actor().account_id or 0


def _require_accounts() -> None:
    if not _has_accounts():
        raise NotFound("There are no accounts here: whoever uses this machine may do everything.")


@contextmanager
def writing() -> Iterator[Session]:
    """Open a write transaction that finds only what the one who asks may see; who reads after it sees it."""
    visible = actor().visible
    with catalog().database.write() as session:
        session.info[ADDRESS] = request.remote_addr or ""
        restrict(session, visible)
        yield session
    restrict(begin_reading(), visible)


def _has_accounts() -> bool:
    return catalog().settings.auth == "accounts"


def _identify() -> Response | None:
    """Note who asks, and let the request's session find what they may see."""
    g.actor = None
    if request.endpoint in ("static", "health.healthz", "hooks.call"):
        return None  # they show nothing of the catalog
    reading = begin_reading()
    found = _found(reading) if _has_accounts() else Actor(_user(), Role.ADMINISTRATOR)
    restrict(reading, frozenset() if found is None else found.visible)
    g.actor = found
    if found is not None or request.endpoint in _OPEN:
        return None
    if request.path.startswith(_API) or request.method not in ("GET", "HEAD"):
        raise Unauthenticated("Nobody is logged in here, or the session or the token has ended.")
    return redirect(url_for("login.login_page", next=_here()))


def _found(reading: Session) -> Actor | None:
    """Return who shows a good token, where programs ask, or else who has a session."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if request.path.startswith(_API) and kind:
        return _by_token(reading, token.strip()) if kind.casefold() == "bearer" else None
    return _by_session(reading, str(session[KEY])) if KEY in session else None


def _by_session(reading: Session, key: str) -> Actor | None:
    found = find_session(reading, key, g.now)
    if found is None:
        return None
    g.session_id = found.id
    _note_use(WebSession, found)
    return actor_of(found.account)


def _by_token(reading: Session, token: str) -> Actor | None:
    found = find_token(reading, token, g.now)
    if found is None:
        return None
    _note_use(ApiToken, found)
    return actor_of(found.account).lend(Role.named(found.role), found.repositories)


def _note_use(model: type[WebSession | ApiToken], found: WebSession | ApiToken) -> None:
    if g.now - (found.seen_at or 0) < SEEN_EVERY:
        return
    with catalog().database.write() as writing:
        writing.execute(update(model).where(model.id == found.id).values(seen_at=g.now))


def _here() -> str | None:
    """Return where to go after the login; nowhere in particular for the home page."""
    here = request.full_path.rstrip("?")
    return here if here != "/" else None


def _user() -> str:
    """Return who runs the server: without accounts, nobody else can reach it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "browser"

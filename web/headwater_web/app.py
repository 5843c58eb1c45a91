"""The application factory."""

from __future__ import annotations

import re
import time
from importlib.metadata import version
from typing import Any

from flask import Flask, g, request
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from headwater_catalog.accounts.keys import LONGEST
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web import dates
from headwater_web.access import register_access
from headwater_web.api import register_api
from headwater_web.assets import register_assets
from headwater_web.compression import register_compression
from headwater_web.errors import register_errors
from headwater_web.icons import icon
from headwater_web.links import register_links
from headwater_web.lists import register_lists
from headwater_web.reading import Catalog, attach, exported
from headwater_web.rules import QuietRule
from headwater_web.security import FILE_POLICY, allow_uploads, protect, refuse_foreign_hosts
from headwater_web.views import (
    account,
    accounts,
    audit,
    commits,
    compare,
    dataflows,
    datasets,
    erasure,
    events,
    exports,
    features,
    feeds,
    governance,
    health,
    home,
    hooks,
    lineage,
    login,
    manifests,
    maps,
    modules,
    oidc_login,
    operations,
    partitions,
    reach,
    redundancy,
    repos,
    repositories,
    run_comparison,
    run_form,
    runs,
    search,
    subscriptions,
    suggestions,
    tables,
    timeline,
    upkeep,
)

__all__ = ["create_app"]

_PAGES = (
    *(home, repositories, search, features, lineage, maps, commits, compare),
    *(
        timeline,
        modules,
        dataflows,
        partitions,
        tables,
        run_form,
        run_comparison,
        runs,
        datasets,
        audit,
        erasure,
        governance,
        upkeep,
        redundancy,
        reach,
        subscriptions,
        feeds,
        exports,
        suggestions,
        manifests,
        health,
    ),
)
_MANAGEMENT = (login, oidc_login, account, accounts, events, repos, hooks, operations)
_LARGEST_REQUEST = 1_000_000  # bytes; forms are small


def create_app(settings: Settings, database: Database | None = None) -> Flask:
    """Make the web application over a catalog; without a database it opens the one of the settings."""
    app = Flask("headwater_web")
    app.url_rule_class = QuietRule
    app.config.update(
        SECRET_KEY=settings.signing_key(),
        SESSION_COOKIE_NAME="headwater_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_encrypted,
        PERMANENT_SESSION_LIFETIME=LONGEST,
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        HAS_ACCOUNTS=settings.auth == "accounts",
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
    )
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=0)  # type: ignore[method-assign]
    register_compression(app)  # before all others, so that it works on what they have made of an answer
    refuse_foreign_hosts(app, settings.site)
    attach(app, Catalog(settings, database or Database(settings.database_url)))
    app.before_request(_note_the_time)
    register_access(app)  # before a body is read, so that nobody sends much who may do nothing
    allow_uploads(app, settings.upload_limit)
    protect(app)
    register_assets(app)
    register_errors(app)
    register_links(app)
    register_lists(app)
    _register_template_names(app)
    for module in (*_PAGES, *_MANAGEMENT):
        app.register_blueprint(module.blueprint)
    app.extensions["csrf"].exempt(hooks.blueprint)  # a Git host signs its calls instead
    app.extensions["csrf"].exempt(feeds.blueprint)  # mail programs know the secret of the address instead
    register_api(app)
    return app


def _register_template_names(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        icon=icon, version=version("headwater"), exported=None, file_policy=FILE_POLICY
    )
    for name in ("day", "iso", "moment", "duration"):
        app.jinja_env.filters[name] = getattr(dates, name)
    app.jinja_env.filters["short_type"] = _short_type
    app.jinja_env.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    app.jinja_env.filters["ago"] = _ago
    app.context_processor(_theme)


def _short_type(text: str) -> str:
    """Leave out the modules of the types in a text: `pandas.Series` is `Series` where room is scarce."""
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)


def _note_the_time() -> None:
    """Take the clock once, so that every age on a page has the same now."""
    site = exported()
    g.now = int(time.time()) if site is None else site.instant


def _ago(then: int) -> str:
    """Say how long ago something was; a page that is kept says the day, since its readers come later."""
    return dates.ago(then, g.now) if exported() is None else dates.day(then)


def _theme() -> dict[str, Any]:
    chosen = request.cookies.get("headwater_theme")
    return {"theme": chosen if chosen in ("light", "dark") else None}

"""A demo catalog with accounts: an administrator, a viewer with a token, and two planned erasures."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, update

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import create_token, open_session
from headwater_catalog.accounts.people import create_account, get_account, set_role
from headwater_catalog.dsse import new_key
from headwater_catalog.erasure.requests import KIND, request_erasure
from headwater_catalog.repositories import get_repository
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Erasure, Job, Repository, Subscription
from headwater_catalog.worker import Worker
from headwater_web.access import KEY
from headwater_web.app import create_app
from headwater_web.reading import Catalog
from support.demo_catalog import settings_in

__all__ = ["PASSWORD", "catalog_of", "logged_in", "managed_demo"]

PASSWORD = "seven quiet lanterns"
_BY = ("ada", "")


def managed_demo(demo: Settings, home: Path) -> Flask:
    """Return the application over a copy of a demo catalog in which `ada` manages and `vera` looks.

    What the demo subscribes to is hers.
    """
    shutil.copytree(demo.home, home)
    settings = replace(settings_in(home), auth="accounts")
    database, now = Database(settings.database_url), int(time.time())
    with database.write() as session:
        # Branches that a test pushes are for it alone.
        session.execute(update(Repository).values(url=str(home / "demo-repository")))
        for name, role in (("ada", Role.ADMINISTRATOR), ("vera", Role.VIEWER)):
            account = create_account(session, name, PASSWORD, _BY, now)
            set_role(session, account, role, None, _BY, now)
        ada = get_account(session, "ada")
        session.execute(update(Subscription).values(account_id=ada.id))
        create_token(session, ada.id, "nightly report", Role.VIEWER, None, 30, _BY, now)
        for column, reference in (("email", "DSR-17"), ("spend", "DSR-18")):
            request_erasure(session, settings, get_repository(session, "demo"), [column], reference, _BY, now)
    Worker(database, settings).run(once=True)
    with database.write() as session:  # the jobs of the demo are what others count
        session.execute(update(Erasure).values(job_id=None))
        session.execute(delete(Job).where(Job.kind == KIND))
    settings.keep_manifest_key(new_key())
    return create_app(settings, database)


def catalog_of(app: Flask) -> Catalog:
    """Return the catalog that an application serves."""
    found = app.extensions["headwater"]
    assert isinstance(found, Catalog)
    return found


def logged_in(app: Flask, name: str) -> FlaskClient:
    """Return a client in which an account is logged in."""
    client = app.test_client()
    with catalog_of(app).database.write() as session:
        key = open_session(session, get_account(session, name), "a test", "127.0.0.1", int(time.time()))
    with client.session_transaction() as cookie:
        cookie[KEY] = key
    return client

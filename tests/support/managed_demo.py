"""A demo catalog with accounts: an administrator, and a viewer with a token."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import create_token, open_session
from headwater_catalog.accounts.people import create_account, get_account, set_role
from headwater_catalog.dsse import new_key
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Subscription
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
        for name, role in (("ada", Role.ADMINISTRATOR), ("vera", Role.VIEWER)):
            account = create_account(session, name, PASSWORD, _BY, now)
            set_role(session, account, role, None, _BY, now)
        ada = get_account(session, "ada")
        session.execute(update(Subscription).values(account_id=ada.id))
        create_token(session, ada.id, "nightly report", Role.VIEWER, None, 30, _BY, now)
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

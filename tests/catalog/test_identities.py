"""Accounts of people whom a provider of OpenID Connect knows, on both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.identities import log_in_as
from headwater_catalog.accounts.keys import find_session
from headwater_catalog.accounts.people import (
    count_accounts,
    create_account,
    get_account,
    set_disabled,
    set_role,
)
from headwater_catalog.errors import Conflict, Forbidden
from headwater_catalog.oidc_settings import OidcSettings
from headwater_catalog.repositories import add_repository
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Account, Identity

_BY = ("ada", "")
_OIDC = OidcSettings("https://login.example.org", "headwater", "", "Log in", None, "groups", {})
_ROLES = OidcSettings(
    *("https://login.example.org", "headwater", "", "Log in", None, "groups"), {"platform": "administrator"}
)
_NOW = 1_000_000


@pytest.fixture
def database(catalog_url: str) -> Iterator[Database]:
    database = Database(catalog_url)
    with database.write() as session:
        ada = create_account(session, "ada", None, _BY, 0)
        set_role(session, ada, Role.ADMINISTRATOR, None, _BY, 0)
    yield database
    database.dispose()


def _log_in(database: Database, oidc: OidcSettings = _OIDC, **claims: object) -> str:
    """Log in, and return the name of the account."""
    key = log_in_as(database, oidc, {"sub": "1", **claims}, "a browser", "10.0.0.1", _NOW)
    with database.read() as session:
        found = find_session(session, key, _NOW)
        assert found is not None
        return found.account.name


def test_the_subject_of_an_issuer_is_one_account_for_ever(database):
    assert _log_in(database, preferred_username="bo") == "bo"
    assert _log_in(database, preferred_username="robert", email="bo@shop.example") == "bo"
    elsewhere = OidcSettings("https://other.example.org", *("x", "", "Log in", None, "groups"), {})
    assert _log_in(database, elsewhere, preferred_username="bo") == "bo-2"
    assert _log_in(database, sub="2", preferred_username="bo") == "bo-3"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "Maya Chen"}, "maya-chen"),
        ({"preferred_username": "", "email": "Maya@Shop.example"}, "maya@shop.example"),
        ({"preferred_username": "\N{SNOWMAN}"}, "1"),
        ({"sub": "--"}, "somebody"),
        ({"preferred_username": ["x"]}, "x-"),
        ({"preferred_username": "m" * 300}, "m" * 90),
    ],
)
def test_an_account_is_named_as_near_as_can_be_to_what_its_person_is_called(database, claims, name):
    assert _log_in(database, **claims) == name


def test_a_name_that_somebody_has_is_left_to_them(database):
    with database.write() as session:
        create_account(session, "bo", "seven quiet lanterns", _BY, 0)

    assert _log_in(database, preferred_username="bo") == "bo-2"


def test_the_database_has_no_subject_twice(database):
    _log_in(database)

    def again() -> None:
        with database.write() as session:
            account = get_account(session, "1")
            known = {"issuer": _OIDC.issuer, "subject": "1", "created_at": 0}
            session.add(Identity(account_id=account.id, **known))

    with pytest.raises(IntegrityError):
        again()


def test_who_is_refused_leaves_nothing_behind(database):
    _log_in(database)
    with database.write() as session:
        set_disabled(session, get_account(session, "1"), True, _BY, 0)
    with pytest.raises(Forbidden, match="may log in no more"):
        _log_in(database, _ROLES, groups=["platform"])
    strict = OidcSettings(*("https://login.example.org", "x", "", "", ("groups", "data"), "groups"), {})
    with pytest.raises(Forbidden, match="not as somebody who may"):
        _log_in(database, strict, sub="2", groups="database")

    with database.read() as session:
        assert get_account(session, "1").grants == []
        assert set(session.scalars(select(Account.name))) == {"ada", "1"}


def test_roles_in_single_repositories_stay_and_the_last_administrator_is_not_lost(database):
    name = _log_in(database, _ROLES, groups=["platform", "data"])
    with database.write() as session:
        shop = add_repository(session, "shop", "https://git.example.org/shop.git", 0)
        set_role(session, get_account(session, name), Role.RUNNER, shop, _BY, 0)
        set_role(session, get_account(session, "ada"), None, None, _BY, 0)
    with pytest.raises(Conflict, match="Nobody would be left"):
        _log_in(database, _ROLES, groups=["data"])
    with database.write() as session:
        set_role(session, get_account(session, "ada"), Role.ADMINISTRATOR, None, _BY, 0)
    _log_in(database, _ROLES)

    with database.read() as session:
        assert [grant.role for grant in get_account(session, name).grants] == ["runner"]


def test_nobody_but_an_administrator_comes_before_the_first_one(sqlite_catalog_url):
    database = Database(sqlite_catalog_url)
    with pytest.raises(Forbidden, match="no administrator here yet"):
        _log_in(database)
    with database.read() as session:
        assert count_accounts(session) == 0

    assert _log_in(database, _ROLES, preferred_username="bo", groups=["platform"]) == "bo"
    database.dispose()

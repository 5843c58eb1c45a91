"""Accounts: who may log in, what they may, what they see, and what is noted of it."""

import re

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from headwater_catalog.accounts import Actor, Role, passwords, restrict
from headwater_catalog.accounts.events import list_events
from headwater_catalog.accounts.keys import (
    LONGEST,
    create_token,
    find_session,
    find_token,
    list_sessions,
    open_session,
    revoke_token,
)
from headwater_catalog.accounts.login import WINDOW, TooManyFailures, log_in
from headwater_catalog.accounts.passwords import hash_password
from headwater_catalog.accounts.people import (
    actor_of,
    create_account,
    get_account,
    set_disabled,
    set_password,
    set_role,
)
from headwater_catalog.accounts.visibility import owned
from headwater_catalog.errors import Conflict, Forbidden, NotFound
from headwater_catalog.repositories import get_repository, list_repositories
from headwater_catalog.store.models import ApiToken, Base, Commit, Feature, Repository, WebSession
from support.catalog_rows import CatalogRows

BY = ("maya", "127.0.0.1")
GOOD = "seven quiet lanterns"
OTHER = "nine loud kettles here"
NOW = 1_000_000


def test_passwords_are_dear_to_guess(monkeypatch, usual_method):
    monkeypatch.setattr(passwords, "_METHOD", usual_method)
    method, cost, blocks, _ = re.split("[:$]", hash_password(GOOD, "ada"))[:4]

    assert method == "scrypt"
    assert int(cost) * int(blocks) >= 2**18  # 128 times as many bytes of memory


@pytest.fixture
def ada(database):
    """The name of an account that administers everything."""
    with database.write() as session:
        set_role(session, create_account(session, "ada", GOOD, BY, NOW), Role.ADMINISTRATOR, None, BY, NOW)
    return "ada"


def _log_in(database, name="ada", password=GOOD, address="10.0.0.1", now=NOW):
    return log_in(database, name, password, "a browser", address, now)


@pytest.mark.parametrize("name", ["", "A", "-x", "a b", "a/b", "a" * 101, "a\n", "ä"])
def test_a_name_that_none_can_be_is_refused(database, name):
    with database.write() as session, pytest.raises(Conflict, match="cannot name an account"):
        create_account(session, name, GOOD, BY, NOW)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001, "aaaaaaaaaaaaaa", "ada.l is my name"])
def test_a_weak_password_is_refused_and_not_repeated(database, password):
    with database.write() as session, pytest.raises(Conflict) as refused:
        create_account(session, "ada.l", password, BY, NOW)
    assert not password or password not in str(refused.value)


def test_neither_passwords_nor_keys_nor_tokens_stand_in_the_store(database, ada):
    key = _log_in(database)
    with database.write() as session:
        account = get_account(session, ada)
        token = create_token(session, account.id, "report", Role.VIEWER, None, 1, BY, NOW)
    with database.read() as session:
        rows = [
            str(row)
            for table in Base.metadata.sorted_tables
            for row in session.connection().execute(table.select())
        ]
    assert any("report" in row for row in rows)
    assert not [row for row in rows if GOOD in row or key in row or token in row]


def test_the_right_password_opens_a_session_and_a_wrong_one_does_not_tell_which_was_wrong(database, ada):
    with database.read() as session:
        assert find_session(session, _log_in(database, "ADA "), NOW).account.name == ada
    told = set()
    for name, password in ((ada, OTHER), ("nobody", GOOD), (ada, ""), (ada, "x" * 2000)):
        with pytest.raises(Forbidden) as refused:
            _log_in(database, name, password)
        told.add(str(refused.value))
    assert len(told) == 1


def test_guessing_is_stopped_for_a_while_even_for_the_right_password_but_not_elsewhere(database, ada):
    for _ in range(10):
        with pytest.raises(Forbidden):
            _log_in(database, password=OTHER)
    with pytest.raises(TooManyFailures):
        _log_in(database)
    with database.read() as session:
        before = session.scalar(select(func.count()).select_from(Base.metadata.tables["event"]))
    with pytest.raises(TooManyFailures):
        _log_in(database, password=OTHER)
    with database.read() as session:
        after = session.scalar(select(func.count()).select_from(Base.metadata.tables["event"]))
    assert before == after
    assert _log_in(database, address="10.0.0.2")
    assert _log_in(database, now=NOW + WINDOW)


def test_an_address_that_tries_many_names_is_stopped(database, ada):
    for n in range(50):
        with pytest.raises(Forbidden):
            _log_in(database, f"name{n}", OTHER)
    with pytest.raises(TooManyFailures):
        _log_in(database)


def test_a_session_ends_when_idle_when_old_and_with_its_account(database, ada):
    key = _log_in(database)
    hour = 3600
    with database.read() as session:
        assert find_session(session, key, NOW + 11 * hour)
        assert find_session(session, key, NOW + 12 * hour) is None
        assert find_session(session, key + "x", NOW) is None
    with database.write() as session:
        session.scalars(select(WebSession)).one().seen_at = NOW + LONGEST
    with database.read() as session:
        assert find_session(session, key, NOW + LONGEST) is None
        assert find_session(session, key, NOW + LONGEST - 1)


def test_a_new_password_and_a_disabled_account_end_sessions_and_tokens(database, ada):
    for change in (
        lambda session, account: set_password(session, account, OTHER, BY, NOW),
        lambda session, account: set_disabled(session, account, True, BY, NOW),
    ):
        with database.write() as session:
            account = create_account(session, f"bo{id(change)}", GOOD, BY, NOW)
            key = open_session(session, account, "", "", NOW)
            token = create_token(session, account.id, "report", Role.VIEWER, None, 1, BY, NOW)
            assert find_session(session, key, NOW)
            assert find_token(session, token, NOW)
            change(session, account)
            assert find_session(session, key, NOW) is None
            assert find_token(session, token, NOW) is None
            assert list_sessions(session, account.id, NOW) == []


def test_the_last_administrator_stays(database, ada):
    with database.write() as session:
        create_account(session, "bo", GOOD, BY, NOW)
    for change in (
        lambda session, account: set_role(session, account, None, None, BY, NOW),
        lambda session, account: set_role(session, account, Role.VIEWER, None, BY, NOW),
        lambda session, account: set_disabled(session, account, True, BY, NOW),
    ):
        with pytest.raises(Conflict, match="Nobody would be left"), database.write() as session:
            change(session, get_account(session, ada))
    with database.write() as session:
        set_role(session, get_account(session, "bo"), Role.ADMINISTRATOR, None, BY, NOW)
        set_role(session, get_account(session, ada), None, None, BY, NOW)


def test_a_role_is_in_place_of_the_one_before_in_that_repository_only(database, ada):
    with database.write() as session:
        shop, farm = CatalogRows(session, "shop").repository, CatalogRows(session, "farm").repository
        bo = create_account(session, "bo", GOOD, BY, NOW)
        for role in (Role.VIEWER, Role.STEWARD):
            set_role(session, bo, role, shop, BY, NOW)
        set_role(session, bo, Role.RUNNER, farm, BY, NOW)
        actor = actor_of(bo)
        assert actor.roles == {shop.id: Role.STEWARD, farm.id: Role.RUNNER}
        assert actor.may(Role.STEWARD, shop.id)
        assert not actor.may(Role.STEWARD, farm.id)
        assert actor.visible == {shop.id, farm.id}
        set_role(session, bo, Role.VIEWER, None, BY, NOW)
        assert actor_of(bo).visible is None
        assert actor_of(bo).may(Role.RUNNER, farm.id)
        assert not actor_of(bo).is_administrator


@pytest.mark.parametrize(
    ("everywhere", "here", "most", "repositories", "expected"),
    [
        (Role.ADMINISTRATOR, {}, Role.VIEWER, None, (Role.VIEWER, {})),
        (Role.ADMINISTRATOR, {}, Role.RUNNER, [2], (None, {2: Role.RUNNER})),
        (None, {1: Role.STEWARD}, Role.RUNNER, None, (None, {1: Role.RUNNER})),
        (None, {1: Role.VIEWER}, Role.RUNNER, [1, 2], (None, {1: Role.VIEWER})),
        (None, {}, Role.ADMINISTRATOR, None, (None, {})),
    ],
)
def test_a_token_lends_no_more_than_its_account_has(everywhere, here, most, repositories, expected):
    lent = Actor("ada", everywhere, here, 1).lend(most, repositories)

    assert (lent.everywhere, dict(lent.roles)) == expected
    assert not lent.is_administrator


def test_a_token_is_good_until_it_is_over_or_revoked_by_its_own_account(database, ada):
    with database.write() as session:
        account, bo = get_account(session, ada), create_account(session, "bo", GOOD, BY, NOW)
        token = create_token(session, account.id, " nightly  report ", Role.RUNNER, None, 2, BY, NOW)
        found = find_token(session, token, NOW + 2 * 86_400 - 1)
        assert (found.name, found.role) == ("nightly report", "runner")
        assert token.startswith(found.beginning)
        assert find_token(session, token, NOW + 2 * 86_400) is None
        with pytest.raises(NotFound):
            revoke_token(session, bo.id, found.id, BY, NOW)
        revoke_token(session, account.id, found.id, BY, NOW)
        assert session.scalar(select(func.count(ApiToken.id))) == 0


@pytest.mark.parametrize(("name", "days"), [("", 1), (" ", 1), ("x" * 101, 1), ("x", 0), ("x", 367)])
def test_a_token_without_name_or_end_is_refused(database, ada, name, days):
    with database.write() as session, pytest.raises(Conflict):
        create_token(session, get_account(session, ada).id, name, Role.VIEWER, None, days, BY, NOW)


def test_a_restricted_session_finds_only_what_belongs_to_visible_repositories(database):
    with database.write() as session:
        for name in ("shop", "farm"):
            rows = CatalogRows(session, name)
            rows.commit()
            rows.define(f"{name}_sales")
        shop = get_repository(session, "shop").id
    for visible, names in (([shop], ["shop"]), ([], []), (None, ["farm", "shop"])):
        with database.read() as session:
            restrict(session, visible)
            assert [each.name for each in list_repositories(session)] == names
            assert sorted(session.scalars(select(Feature.name))) == [f"{name}_sales" for name in names]
            joined = select(Commit.id, Repository.name).join(
                Repository, Repository.id == Commit.repository_id
            )
            assert sorted(row.name for row in session.execute(joined)) == names
            one, other = aliased(Commit), aliased(Commit)
            pairs = select(one.id).join(other, other.repository_id == one.repository_id)
            assert len(session.execute(pairs).all()) == len(names)
            assert session.scalar(select(func.count(Feature.id))) == len(names)


def test_what_is_hidden_is_told_neither_as_there_nor_as_a_guess(database):
    with database.write() as session:
        CatalogRows(session, "shop")
        CatalogRows(session, "shops-secret")
        shop = get_repository(session, "shop").id
    with database.read() as session:
        restrict(session, [shop])
        hidden = session.scalar(select(Repository).where(Repository.name == "shops-secret"))
        assert hidden is None
        with pytest.raises(NotFound) as refused:
            get_repository(session, "shops-secre")
        assert "shops-secret" not in str(refused.value)


def test_every_table_of_a_repository_is_restricted():
    """A table that comes later is, too: it needs no more than the column."""
    restricted = {model.__tablename__ for model in owned()}
    having = {table.name for table in Base.metadata.sorted_tables if "repository_id" in table.columns}
    assert restricted == having - {"role_grant"}


def test_what_people_do_is_noted_without_secrets(database, ada):
    _log_in(database)
    with pytest.raises(Forbidden):
        _log_in(database, "x" * 3000 + "\0", OTHER)
    with database.write() as session:
        bo = create_account(session, "bo", GOOD, BY, NOW)
        set_role(session, bo, Role.VIEWER, None, BY, NOW)
        create_token(session, bo.id, "report", Role.VIEWER, None, 1, BY, NOW)
    with database.read() as session:
        kinds = [event.kind for event in list_events(session)]
        assert kinds[:5] == ["token created", "role set", "account created", "login failed", "logged in"]
        first, second = list_events(session, limit=2)
        assert [each.id for each in list_events(session, before=first.id, limit=1)] == [second.id]
        assert {each.actor for each in list_events(session, kind="role set")} == {"maya"}
        assert [each.subject for each in list_events(session, actor="ada")] == ["ada"]

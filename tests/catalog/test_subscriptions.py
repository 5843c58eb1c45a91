"""Subscriptions tell once what came to the result of a query and what went, to those who may see it."""

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.people import create_account, get_account, set_disabled, set_role
from headwater_catalog.errors import Conflict, QueryError
from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.message_settings import MessageSettings
from headwater_catalog.repositories import get_repository, remove_repository
from headwater_catalog.store.models import Delivery, ResultChange, Subscription, Telling, Watch
from headwater_catalog.subscriptions import delivering, watching
from headwater_catalog.subscriptions.delivering import deliver_due
from headwater_catalog.subscriptions.news import news_of, owner_of, seeing
from headwater_catalog.subscriptions.standing import standings_of
from headwater_catalog.subscriptions.subscribing import (
    Wanted,
    change,
    pause,
    remove,
    resume,
    subscribe,
    try_now,
)
from headwater_catalog.subscriptions.telling import forget_old, tell_changes
from headwater_catalog.subscriptions.watched import FINDINGS, Watched, read_watched
from headwater_catalog.subscriptions.watching import first_results, keep_watched
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.receivers import Mailbox, Webhook, mail_server, webhook_server
from support.scanned import Catalog
from support.slow import slow

pytestmark = pytest.mark.runs

_BY = ("maya", "")
_PASSWORD = "seven quiet lanterns"
_NOW = 1_800_000_000


def _source(*names: str, tag: str = "") -> str:
    functions = (f"{tag}\ndef {name}(raw: int) -> int:\n    return raw\n" for name in names)
    return "from headwater import tag\n\n" + "\n".join(functions)


@pytest.fixture
def catalog(catalog_url: str, tmp_path: Path, git_repo: GitRepo) -> Iterator[Catalog]:
    """Give a catalog of one scanned repository with the features a and b."""
    git_repo.commit("Begin", files={"f.py": _source("a", "b")})
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    catalog.scan()
    yield catalog
    catalog.database.dispose()


@pytest.fixture
def hook(catalog: Catalog) -> Iterator[Webhook]:
    """Give a webhook that may be reached."""
    with webhook_server() as hook:
        catalog.settings = replace(catalog.settings, messages=MessageSettings(webhook_hosts=("127.0.0.1",)))
        yield hook


@pytest.fixture
def mailbox(catalog: Catalog) -> Iterator[Mailbox]:
    """Give a mail server that is set."""
    with mail_server() as box:
        messages = MessageSettings("127.0.0.1", box.port, "", "", "catalog@shop.example", "none")
        catalog.settings = replace(catalog.settings, messages=messages)
        yield box


def _subscribe(catalog: Catalog, query: str = "", account: str | None = None, **wanted) -> int:
    watched = wanted.pop("watched", None) or read_watched(
        {"query": query, "repository": wanted.pop("repo", "")}
    )
    asked = Wanted(wanted.pop("name", "mine"), watched, **wanted)
    results = first_results(catalog.database, catalog.settings, watched)
    with catalog.database.write() as session:
        owner = None if account is None else get_account(session, account)
        found, _ = subscribe(session, catalog.settings, owner, asked, results, _BY, _NOW)
        return found.id


def _follow(catalog: Catalog, now: int = _NOW) -> int:
    """Compare what is watched, and let subscriptions tell; return how many do."""
    keep_watched(catalog.database, catalog.settings)
    return tell_changes(catalog.database, catalog.settings, now)


def _told(catalog: Catalog, number: int) -> list[tuple[list[str], list[str]]]:
    """Return what a subscription has told, as its owner sees it."""
    with catalog.database.read() as session:
        subscription = session.get(Subscription, number)
        owner = owner_of(catalog.settings, subscription)
        wanted = select(Telling.id).where(Telling.subscription_id == number, Telling.kind == "changed")
        tellings = session.scalars(wanted.order_by(Telling.id)).all()
    with seeing(catalog.database, owner) as session:
        news = [news_of(session, session.get(Telling, each)) for each in tellings]
    return [
        ([item.key for each in told for item in each.came], [item.key for each in told for item in each.went])
        for told in news
    ]


def _count(catalog: Catalog, model) -> int:
    with catalog.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_what_came_and_what_went_is_told_once_with_its_commits(catalog: Catalog, git_repo: GitRepo):
    number = _subscribe(catalog, "name:a OR name:c OR name:d")
    assert _follow(catalog) == 0

    first = git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    git_repo.commit("Edit b", files={"f.py": _source("a", "c") + "\ndef b(raw: int) -> int:\n    return 2\n"})
    last = git_repo.commit("Drop a", files={"f.py": _source("b", "c")})
    catalog.scan()
    assert _follow(catalog) == 1
    assert _follow(catalog) == 0

    assert _told(catalog, number) == [(["f:c"], ["f:a"])]
    with catalog.database.read() as session:
        (news,) = news_of(session, session.scalars(select(Telling)).one())
    assert [(item.commit.sha, item.commit.subject) for item in (*news.came, *news.went)] == [
        (first, "Add c"),
        (last, "Drop a"),
    ]
    assert (news.before, news.after) == (git_repo.git("rev-parse", "HEAD~3"), last)


def test_what_was_there_when_it_was_made_is_no_news_and_a_new_repository_is(
    catalog: Catalog, git_repo: GitRepo, tmp_path: Path
):
    number = _subscribe(catalog, "")
    named = _subscribe(catalog, "", repo="repo")
    other = GitRepo(tmp_path / "other")
    other.commit("Begin", files={"g.py": _source("x")})
    with catalog.database.write() as session:
        session.query(Watch).update({"made_at": 0})
    catalog.add("other", other.path)
    catalog.scan("other")
    _follow(catalog)

    assert _told(catalog, number) == [(["g:x"], [])]
    assert _told(catalog, named) == []


@pytest.mark.runs(databases=True)
def test_two_who_ask_the_same_share_what_is_watched_and_the_last_one_takes_it_away(catalog: Catalog):
    one, two = _subscribe(catalog, "name:a"), _subscribe(catalog, "name:a", name="other")
    assert _count(catalog, Watch) == 1
    for left, number in ((1, one), (0, two)):
        with catalog.database.write() as session:
            remove(session, None, number, _BY, _NOW)
        assert _count(catalog, Watch) == left


@pytest.mark.runs(databases=True)
def test_nothing_is_lost_or_told_twice_when_a_worker_dies_in_between(
    catalog: Catalog, git_repo: GitRepo, hook: Webhook, monkeypatch: pytest.MonkeyPatch
):
    number = _subscribe(catalog, "name:c", webhook=hook.url)
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    catalog.scan()

    class Died(BaseException):
        pass

    def die(*_args, **_more):
        raise Died

    for place, name in ((watching, "_change_row"), (delivering, "send_webhook")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, die)
            with pytest.raises(Died):
                _follow(catalog)
                deliver_due(catalog.database, catalog.settings, lambda: _NOW)
    assert (_follow(catalog), hook.received) == (0, [])
    deliver_due(catalog.database, catalog.settings, lambda: _NOW + 299)
    assert hook.received == []  # the one that died may still be at it
    deliver_due(catalog.database, catalog.settings, lambda: _NOW + 301)

    (received,) = hook.received
    assert [item["key"] for item in json.loads(received.body)["came"]] == ["f:c"]
    assert _told(catalog, number) == [(["f:c"], [])]


def test_what_nobody_takes_is_tried_again_after_growing_waits_and_then_given_up(
    catalog: Catalog, git_repo: GitRepo, hook: Webhook
):
    _subscribe(catalog, "name:c", webhook=hook.url)
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    catalog.scan()
    _follow(catalog)
    hook.answer = lambda _number: (500, {})
    now, waits = _NOW, []
    while True:
        deliver_due(catalog.database, catalog.settings, lambda at=now: at)
        with catalog.database.read() as session:
            delivery = session.scalars(select(Delivery)).one()
        if delivery.state != "waiting":
            break
        waits.append(delivery.due_at - now)
        now = delivery.due_at

    assert waits == sorted(waits)
    assert (len(waits), waits[0]) == (7, 60)
    assert delivery.state == "failed"
    assert delivery.log[-1] == [now, "It answered 500."]
    assert len({received.headers["Headwater-Delivery"] for received in hook.received}) == 1


def test_a_digest_tells_at_most_once_in_its_time_and_leaves_out_what_came_and_went(
    catalog: Catalog, git_repo: GitRepo
):
    number = _subscribe(catalog, "", every="day")
    for step, names in enumerate(("abc", "abcd", "abd", "abdef")):
        git_repo.commit(f"Step {step}", files={"f.py": _source(*names)})
        catalog.scan()
        _follow(catalog, _NOW + step)
    _follow(catalog, _NOW + 86_400)

    assert _told(catalog, number) == [(["f:c"], []), (["f:d", "f:e", "f:f"], ["f:c"])]


def test_a_webhook_that_was_taken_away_troubles_nobody(catalog: Catalog, hook: Webhook):
    number = _subscribe(catalog, "", webhook=hook.url, feed=True)
    hook.answer = lambda _number: (410, {})
    with catalog.database.write() as session:
        try_now(session, None, number, _BY, _NOW)
    deliver_due(catalog.database, catalog.settings, lambda: _NOW)
    for webhook, state in ((hook.url, "in trouble"), ("", "follows")):
        wanted = Wanted("mine", read_watched({}), webhook=webhook, feed=True)
        with catalog.database.write() as session:
            change(session, catalog.settings, None, number, wanted, [], _BY, _NOW)
        with catalog.database.read() as session:
            (standing,) = standings_of(session, [session.get_one(Subscription, number)])
            assert standing.state == state, standing.failed


@pytest.fixture
def two(catalog: Catalog, tmp_path: Path) -> Catalog:
    """Give the catalog with a second repository, and accounts that see the first one, or both."""
    cellar = GitRepo(tmp_path / "cellar")
    cellar.commit("Begin", files={"c.py": _source("hidden")})
    catalog.add("cellar", cellar.path)
    catalog.scan("cellar")
    catalog.settings = replace(catalog.settings, auth="accounts")
    with catalog.database.write() as session:
        for name, where in (("ada", None), ("vera", "repo")):
            account = create_account(session, name, _PASSWORD, _BY, 0)
            role = Role.VIEWER if where else Role.ADMINISTRATOR
            set_role(session, account, role, where and get_repository(session, where), _BY, 0)
    cellar.commit("More", files={"c.py": _source("hidden", "secret")})
    return catalog


@pytest.mark.runs(databases=True)
def test_everybody_is_told_what_they_may_see_when_it_is_told(two: Catalog, git_repo: GitRepo, hook: Webhook):
    ada, vera = (_subscribe(two, "", each, webhook=f"{hook.url}/{each}") for each in ("ada", "vera"))
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    for name in ("repo", "cellar"):
        two.scan(name)
    assert _follow(two) == 2
    with two.database.write() as session:  # between the telling and the sending
        set_role(session, get_account(session, "vera"), None, get_repository(session, "repo"), _BY, 0)
    deliver_due(two.database, two.settings, lambda: _NOW)

    assert _told(two, ada) == [(["c:secret", "f:c"], [])]
    assert _told(two, vera) == [([], [])]
    assert [received.path for received in hook.received] == ["/hook/ada"]
    with two.database.read() as session:
        states = dict(
            session.execute(
                select(Subscription.account_id, Delivery.state)
                .join(Telling, Telling.subscription_id == Subscription.id)
                .join(Delivery)
            ).all()
        )
    assert sorted(states.values()) == ["delivered", "dropped"]


def test_nothing_is_said_of_what_was_never_visible(two: Catalog):
    vera = _subscribe(two, "", "vera")
    two.scan("cellar")

    assert _follow(two) == 0
    assert _told(two, vera) == []


def test_the_subscriptions_of_a_disabled_account_are_paused(two: Catalog, git_repo: GitRepo):
    vera = _subscribe(two, "", "vera")
    with two.database.write() as session:
        set_disabled(session, get_account(session, "vera"), True, _BY, 0)
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    two.scan()

    assert _follow(two) == 0
    with two.database.read() as session:
        found = session.get(Subscription, vera)
    assert (found.paused_at, found.paused_for) == (_NOW, "Its account was disabled.")


def test_while_it_is_paused_nothing_is_told_and_nothing_of_that_later(catalog: Catalog, git_repo: GitRepo):
    number = _subscribe(catalog, "")
    with catalog.database.write() as session:
        pause(session, None, number, _BY, _NOW)
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    catalog.scan()
    assert _follow(catalog) == 0
    with catalog.database.write() as session:
        resume(session, None, number, _BY, _NOW)
    git_repo.commit("Add d", files={"f.py": _source("a", "b", "c", "d")})
    catalog.scan()
    _follow(catalog)

    assert _told(catalog, number) == [(["f:d"], [])]


def test_findings_are_told_by_how_bad_they_are_with_the_commit_that_brought_them(
    catalog: Catalog, git_repo: GitRepo
):
    policies = '[owned]\nquery = "-has:owner"\n\n[documented]\nquery = "-has:doc"\nseverity = "note"\n'
    git_repo.commit("Ask for owners", files={"policies/all.toml": policies})
    catalog.scan()
    keep_findings(catalog.database, catalog.settings, "repo")
    number = _subscribe(catalog, watched=read_watched({"about": FINDINGS, "least": "warning"}))
    sha = git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    git_repo.commit("Own a", files={"f.py": _source("b", "c") + _source("a", tag='@tag(owner="crm")')})
    catalog.scan()
    keep_findings(catalog.database, catalog.settings, "repo")
    _follow(catalog)

    assert _told(catalog, number) == [(["f:c"], ["f:a"])]
    with catalog.database.read() as session:
        (news,) = news_of(session, session.scalars(select(Telling)).one())
    assert news.came[0].told[:2] == ("owned", "error")
    assert news.came[0].commit.sha == sha
    assert news.went[0].commit.subject == "Own a"


def test_findings_that_move_with_their_feature_are_no_news(catalog: Catalog, git_repo: GitRepo):
    git_repo.commit("Ask for owners", files={"policies/all.toml": '[owned]\nquery = "-has:owner"\n'})
    catalog.scan()
    keep_findings(catalog.database, catalog.settings, "repo")
    number = _subscribe(catalog, watched=read_watched({"about": FINDINGS}))
    git_repo.move("f.py", "g.py")
    git_repo.commit("Move all")
    catalog.scan()
    keep_findings(catalog.database, catalog.settings, "repo")
    _follow(catalog)

    assert _told(catalog, number) == []


def test_a_query_that_names_what_is_gone_says_so_and_does_not_find_everything(
    catalog: Catalog, git_repo: GitRepo
):
    more = "\ndef c(a: int) -> int:\n    return a\n"
    git_repo.commit("Add c", files={"f.py": _source("a", "b") + more})
    catalog.scan()
    down, others = _subscribe(catalog, "downstream:a"), _subscribe(catalog, "-downstream:a")
    git_repo.commit("Drop a", files={"f.py": _source("b") + "\ndef c(b: int) -> int:\n    return b\n"})
    catalog.scan()
    _follow(catalog)

    assert _told(catalog, down) == [([], ["f:c"])]
    assert _told(catalog, others) == []
    with catalog.database.read() as session:
        problems = session.scalars(select(watching.WatchResult.problem)).all()
    assert all("a" in problem for problem in problems)
    assert len(set(problems)) == 2


def test_history_that_was_written_anew_is_told_without_commits(catalog: Catalog, git_repo: GitRepo):
    number = _subscribe(catalog, "")
    git_repo.git("update-ref", "-d", "HEAD")
    git_repo.commit("Begin otherwise", files={"f.py": _source("a", "c")})
    catalog.scan()
    _follow(catalog)

    assert _told(catalog, number) == [(["f:c"], ["f:b"])]
    with catalog.database.read() as session:
        (news,) = news_of(session, session.scalars(select(Telling)).one())
    assert [item.commit for item in (*news.came, *news.went)] == [None, None]


def test_another_query_begins_anew(catalog: Catalog, git_repo: GitRepo):
    number = _subscribe(catalog, "")
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    catalog.scan()
    _follow(catalog)
    watched = Watched(query="name:d")
    results = first_results(catalog.database, catalog.settings, watched)
    with catalog.database.write() as session:
        change(session, catalog.settings, None, number, Wanted("new", watched), results, _BY, _NOW)
    assert _told(catalog, number) == []
    git_repo.commit("Add d", files={"f.py": _source("a", "b", "c", "d")})
    catalog.scan()
    _follow(catalog)

    assert _told(catalog, number) == [(["f:d"], [])]
    assert _count(catalog, Watch) == 1


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ({"query": "ownr:crm"}, QueryError, "ownr"),
        ({"query": "a at:v1.0"}, QueryError, "follows the main line"),
        ({"query": "new:is:deprecated"}, QueryError, "compares with a base"),
        ({"query": "x" * 401}, Conflict, "longer than 400"),
        ({"about": "runs"}, Conflict, "features or findings"),
        ({"about": FINDINGS, "least": "fatal"}, Conflict, "no severity 'fatal'"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_the_reason(wanted, error, told):
    with pytest.raises(error, match=told):
        read_watched(wanted)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"name": " \n "}, "name of up to 100"),
        ({"every": "minute"}, "every once, hour, day"),
        ({"email": "team@shop.example"}, "sends no e-mail"),
        ({"webhook": "http://10.1.2.3/x"}, "not on the public internet"),
        ({"webhook": "ftp://hooks.example"}, "https:// or http://"),
    ],
)
def test_what_cannot_be_told_is_refused_and_leaves_nothing(catalog: Catalog, wanted, told):
    with pytest.raises(Conflict, match=told):
        _subscribe(catalog, "", **wanted)

    assert (_count(catalog, Subscription), _count(catalog, Watch)) == (0, 0)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example, c@d.example",
        "a@b.example\nBcc: x@y.example",
        "Ada <a@b.example>",
        "nobody",
        "é@b.example",
    ],
)
def test_mails_go_to_one_plain_address(catalog: Catalog, mailbox: Mailbox, address: str):
    with pytest.raises(Conflict, match="not one e-mail address"):
        _subscribe(catalog, "", email=address)


def test_a_mail_tells_what_changed_and_nothing_of_it_outside(
    catalog: Catalog, git_repo: GitRepo, mailbox: Mailbox
):
    number = _subscribe(catalog, "name:hidden*", email="team@shop.example", name="Private matters")
    git_repo.commit("Add \x1b[31m‮hidden", files={"f.py": _source("a", "b", "hidden_one")})
    catalog.scan()
    _follow(catalog)
    deliver_due(catalog.database, catalog.settings, lambda: _NOW)

    ((to, mail),) = mailbox.mails
    assert to == ["team@shop.example"]
    assert mail["Subject"] == f"Headwater: 1 came (subscription {number})"
    assert mail["List-Unsubscribe"].startswith("<http://127.0.0.1:8000/mail/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = mail.get_content()
    assert "Private matters" in text
    assert "http://127.0.0.1:8000/r/repo/f/f:hidden_one" in text
    assert "[31mhidden" in text
    assert "\x1b" not in text
    assert "‮" not in text


def test_who_is_written_to_agrees_first_unless_the_account_is_theirs(
    two: Catalog, git_repo: GitRepo, mailbox: Mailbox
):
    two.settings = replace(two.settings, auth="accounts")
    with two.database.write() as session:
        account = create_account(session, "lin@shop.example", _PASSWORD, _BY, 0)
        set_role(session, account, Role.VIEWER, None, _BY, 0)
    _subscribe(two, "", "ada", email="team@shop.example")
    _subscribe(two, "", "lin@shop.example", email="lin@shop.example")
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    two.scan()
    _follow(two)
    deliver_due(two.database, two.settings, lambda: _NOW)

    told = {to[0]: (mail["Subject"], mail.get_content()) for to, mail in mailbox.mails}
    assert len(mailbox.mails) == 2
    assert told["team@shop.example"][0] == "Headwater: do you want these mails?"
    assert "f:c" not in told["team@shop.example"][1]
    assert "f:c" in told["lin@shop.example"][1]


def test_who_is_written_to_is_asked_though_the_query_became_another_one(two: Catalog, mailbox: Mailbox):
    """What was told of the old query is forgotten, and not the mail that asks."""
    two.settings = replace(two.settings, auth="accounts")
    number = _subscribe(two, "", "ada", email="team@shop.example")
    watched = Watched(query="name:d")
    results = first_results(two.database, two.settings, watched)
    wanted = Wanted("new", watched, email="team@shop.example")
    with two.database.write() as session:
        change(session, two.settings, get_account(session, "ada"), number, wanted, results, _BY, _NOW)
    deliver_due(two.database, two.settings, lambda: _NOW)

    assert [to for to, _ in mailbox.mails] == [["team@shop.example"]]


def test_nobody_makes_the_server_ask_the_whole_world(two: Catalog, mailbox: Mailbox):
    two.settings = replace(two.settings, auth="accounts")
    for number in range(20):
        _subscribe(two, "", "ada", email=f"{number}@shop.example")
    with pytest.raises(Conflict, match="20 addresses asked"):
        _subscribe(two, "", "ada", email="one-more@shop.example")


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [("550 no such box", "failed", "550 no such box"), ("451 later", "waiting", "451 later")],
)
def test_what_the_mail_server_says_decides_whether_it_is_tried_again(
    catalog: Catalog, mailbox: Mailbox, answer: str, state: str, told: str
):
    number = _subscribe(catalog, "", email="team@shop.example")
    mailbox.answers["RCPT"] = answer
    with catalog.database.write() as session:
        try_now(session, None, number, _BY, _NOW)
    deliver_due(catalog.database, catalog.settings, lambda: _NOW)

    with catalog.database.read() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert delivery.state == state
    assert told in delivery.log[-1][1]


def test_what_is_old_is_forgotten(catalog: Catalog, git_repo: GitRepo):
    _subscribe(catalog, "")
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    catalog.scan()
    _follow(catalog)
    with catalog.database.write() as session:
        session.query(ResultChange).update({"at": _NOW})
    forget_old(catalog.database, _NOW + 89 * 86_400)
    assert (_count(catalog, Telling), _count(catalog, ResultChange)) == (1, 1)
    forget_old(catalog.database, _NOW + 91 * 86_400)
    assert (_count(catalog, Telling), _count(catalog, ResultChange)) == (0, 0)


def test_what_changes_after_all_was_forgotten_is_told(catalog: Catalog, git_repo: GitRepo):
    """No change gets the number of one that was forgotten, up to which subscriptions have looked."""
    number = _subscribe(catalog, "")
    for count in range(2):
        git_repo.commit("Add", files={"f.py": _source("a", "b", *"cd"[: count + 1])})
        catalog.scan()
        _follow(catalog)
    forget_old(catalog.database, int(time.time()) + 91 * 86_400)
    assert _count(catalog, ResultChange) == 0
    git_repo.commit("Add e", files={"f.py": _source("a", "b", "c", "d", "e")})
    catalog.scan()

    assert _follow(catalog) == 1
    assert _told(catalog, number)[-1] == (["f:e"], [])


def test_what_was_told_of_a_repository_that_is_gone_becomes_nothing_else(catalog: Catalog, tmp_path: Path):
    cellar = GitRepo(tmp_path / "cellar")
    cellar.commit("Begin", files={"c.py": _source("old")})
    number = _subscribe(catalog, "")
    for name in ("cellar", "attic"):
        catalog.add(name, cellar.path)
        with catalog.database.write() as session:  # after the query was saved
            get_repository(session, name).added_at = _NOW + 1
        catalog.scan(name)
        _follow(catalog)
        if name == "cellar":
            assert _told(catalog, number) == [(["c:old"], [])]
            with catalog.database.write() as session:
                remove_repository(session, catalog.settings, get_repository(session, name))

    assert _told(catalog, number) == [([], []), (["c:old"], [])]


def test_a_worker_follows_each_scan_by_itself(catalog: Catalog, git_repo: GitRepo, hook: Webhook):
    from headwater_catalog.scan_requests import request_scan

    _subscribe(catalog, "name:c", webhook=hook.url)
    git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
    with catalog.database.write() as session:
        request_scan(session, get_repository(session, "repo"), "maya", 1)
    Worker(catalog.database, catalog.settings).run(once=True)

    assert [json.loads(each.body)["totals"] for each in hook.received] == [{"came": 1, "went": 0}]


def test_a_worker_that_goes_on_tells_beside_its_jobs(catalog: Catalog, git_repo: GitRepo, hook: Webhook):
    """Somebody scans by a command, and the worker that runs elsewhere notices."""
    _subscribe(catalog, "name:c", webhook=hook.url)
    worker = Worker(catalog.database, catalog.settings)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        git_repo.commit("Add c", files={"f.py": _source("a", "b", "c")})
        catalog.scan()
        end = time.monotonic() + 60
        while not hook.received and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        worker.stop()
        thread.join()

    assert [json.loads(each.body)["totals"] for each in hook.received] == [{"came": 1, "went": 0}]


@pytest.mark.runs(databases=True)
@pytest.mark.parametrize("seed", [0, *slow(1)])
def test_what_was_told_leads_from_the_first_result_to_the_last_one(
    catalog: Catalog, git_repo: GitRepo, seed: int
):
    """Whatever is committed, however many commits a scan reads, and whenever somebody is told."""
    rng, result = random.Random(seed), {"a", "b"}
    number = _subscribe(catalog, "-name:e", every="hour")
    names: list[str] = ["a", "b"]
    for step in range(12):
        names = rng.sample("abcdefgh", rng.randint(1, 8))
        git_repo.commit(f"Step {step}", files={"f.py": _source(*sorted(names)) + f"# {step}\n"})
        if rng.random() < 0.5 or step == 11:
            catalog.scan_on()
            _follow(catalog, _NOW + step * 1800)
    _follow(catalog, _NOW + 10**6)
    for came, went in _told(catalog, number):
        assert result.isdisjoint(key[2:] for key in came)
        assert result.issuperset(key[2:] for key in went)
        result = (result | {key[2:] for key in came}) - {key[2:] for key in went}

    assert result == set(names) - {"e"}
    with catalog.database.read() as session:
        for telling in session.scalars(select(Telling)):
            for news in news_of(session, telling):
                assert all(item.commit.subject.startswith("Step") for item in (*news.came, *news.went))


def test_a_mail_server_that_does_not_encrypt_gets_neither_the_password_nor_the_mail(
    catalog: Catalog, mailbox: Mailbox
):
    messages = MessageSettings("127.0.0.1", mailbox.port, "catalog", "geheim", "catalog@shop.example")
    catalog.settings = replace(catalog.settings, messages=messages)
    number = _subscribe(catalog, "", email="team@shop.example")
    with catalog.database.write() as session:
        try_now(session, None, number, _BY, _NOW)
    deliver_due(catalog.database, catalog.settings, lambda: _NOW)

    with catalog.database.read() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert (delivery.state, mailbox.mails) == ("waiting", [])
    assert "STARTTLS" in delivery.log[0][1]
    assert not any("geheim" in told or "AUTH" in told for told in mailbox.said)

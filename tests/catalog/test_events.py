"""The event log: a chain in which every change shows, on both databases, under writers side by side."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from headwater_catalog.accounts.event_chain import BEGINNING, Anchor, export_lines, read_export
from headwater_catalog.accounts.events import chain, count_events, head_of, list_events, note, verify_log
from headwater_catalog.accounts.settings_log import SERVER, WORKER, note_settings
from headwater_catalog.cli import command_line
from headwater_catalog.errors import CatalogError
from headwater_catalog.settings import NAMES, Settings, load_settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Event


@pytest.fixture
def log(database: Database) -> Database:
    """Give a catalog with a log of nine events."""
    for number in range(1, 10):
        with database.write() as session:
            note(session, "role set", ("maya", "10.0.0.1"), f"account {number}", 1_700_000_000, role="viewer")
    return database


def faults(database: Database, anchor: Anchor | None = None) -> list[tuple[int, str]]:
    with database.read() as session:
        return [(fault.event, fault.message) for fault in verify_log(session, anchor).faults]


def tamper(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


def exported(database: Database) -> list[str]:
    with database.read() as session:
        return list(export_lines(chain(session)))


def read(lines: list[str], folder: Path, anchor: Anchor | None = None) -> list[tuple[int, str]]:
    file = folder / "events.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    with file.open(encoding="utf-8") as opened:
        return [(fault.event, fault.message) for fault in read_export(opened, "events.jsonl", anchor).faults]


def test_an_untouched_log_is_whole_in_place_and_exported(log: Database, tmp_path: Path):
    assert faults(log) == []
    assert read(exported(log), tmp_path) == []
    with log.read() as session:
        found = verify_log(session)
        assert (found.events, found.last) == (9, head_of(session))


def test_an_empty_log_is_whole(database: Database, tmp_path: Path):
    assert faults(database) == []
    assert read(exported(database), tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1",
        "kind = 'role get'",
        "actor = 'ada'",
        "subject = 'account 1'",
        """details = '{"role": "administrator"}'""",
        "address = ''",
        "hash = previous",
        "previous = hash",
    ],
)
def test_a_change_of_any_field_is_told_with_its_place(log: Database, change: str):
    tamper(log, f"UPDATE event SET {change} WHERE id = 5")

    assert faults(log)[0][0] == 5
    assert "event 5" in faults(log)[0][1].lower()


@pytest.mark.parametrize(
    "name", ["id", "at", "kind", "actor", "subject", "details", "address", "previous", "hash"]
)
def test_a_change_of_any_field_of_an_export_is_told_with_its_place(log: Database, tmp_path: Path, name: str):
    lines = exported(log)
    values = json.loads(lines[4])
    values[name] = {"details": {"role": "none"}, "id": 50, "at": 1}.get(name, "x" * 64)
    lines[4] = json.dumps(values) + "\n"

    assert {event for event, _ in read(lines, tmp_path)} & {5, 50}


def test_events_removed_from_the_middle_are_missed(log: Database, tmp_path: Path):
    lines = exported(log)
    tamper(log, "DELETE FROM event WHERE id IN (4, 5)")
    told = (6, "Event 6 does not follow event 3: one of the two was written anew, or events between "
            "them were removed, added or moved.")  # fmt: skip

    assert faults(log) == [told]
    assert read([*lines[:3], *lines[5:]], tmp_path) == [told]


def test_events_removed_from_the_beginning_or_the_end_are_missed(log: Database, tmp_path: Path):
    lines = exported(log)
    tamper(log, "DELETE FROM event WHERE id IN (1, 9)")

    assert [event for event, _ in faults(log)] == [2, 8]
    assert "its end was changed" in faults(log)[1][1]
    assert [event for event, _ in read([*lines[1:8], lines[9]], tmp_path)] == [2, 8]
    with pytest.raises(CatalogError, match="cut off"):
        read(lines[:6], tmp_path)


def test_events_that_change_places_are_told(log: Database, tmp_path: Path):
    lines = exported(log)
    lines[3], lines[4] = lines[4], lines[3]
    tamper(
        log,
        "UPDATE event SET id = 100 WHERE id = 4",
        "UPDATE event SET id = 4 WHERE id = 5",
        "UPDATE event SET id = 5 WHERE id = 100",
    )

    assert {4, 5} <= {event for event, _ in faults(log)}
    assert any("the order was changed" in message for _, message in read(lines, tmp_path))


def test_an_event_that_is_put_in_is_told(log: Database):
    tamper(
        log,
        "INSERT INTO event (id, at, kind, actor, subject, details, address, previous, hash) "
        "SELECT 10, at, kind, actor, 'account 10', details, address, hash, hash FROM event WHERE id = 9",
    )

    assert [event for event, _ in faults(log)] == [10, 10]


def test_a_log_without_its_end_and_with_a_head_that_fits_is_told_by_the_anchor_alone(log: Database):
    """What a chain cannot show by itself: whoever can write everything can write it so that it fits."""
    with log.read() as session:
        noted = head_of(session)
    tamper(
        log,
        "DELETE FROM event WHERE id > 6",
        "UPDATE event_head SET number = 6, hash = (SELECT hash FROM event WHERE id = 6)",
    )

    assert faults(log) == []
    assert faults(log, noted) == [(9, "Event 9, which was noted elsewhere, is gone.")]


def test_a_log_that_goes_on_still_holds_what_was_noted(log: Database):
    with log.read() as session:
        noted = head_of(session)
    assert noted is not None
    with log.write() as session:
        note(session, "logged in", ("maya", ""), "maya", 1)

    assert faults(log, noted) == []
    assert faults(log, replace(noted, hash="0" * 64)) == [
        (9, "Event 9 is another one than was noted elsewhere.")
    ]


def test_what_was_done_and_its_event_are_kept_together_or_not_at_all(log: Database):
    with pytest.raises(RuntimeError), log.write() as session:
        note(session, "logged in", ("maya", ""), "maya", 1)
        session.flush()
        raise RuntimeError
    with log.write() as session:
        for name in ("first", "second"):
            note(session, "logged in", (name, ""), name, 1)

    with log.read() as session:
        assert [event.subject for event in list_events(session, kind="logged in")] == ["second", "first"]
        assert [event.id for event in list_events(session, limit=2)] == [11, 10]
        assert count_events(session, "logged in", 0) == 2
    assert faults(log) == []


@pytest.mark.parametrize("odd", ["nul \0", "half \ud800", "line\nbreak", "日本", '"quoted"', ""])
def test_odd_texts_stay_verifiable(database: Database, tmp_path: Path, odd: str):
    with database.write() as session:
        note(session, "login failed", (odd, odd), odd, 1, why=odd, more={"deep": [odd, 1.5, None]})

    assert faults(database) == []
    assert read(exported(database), tmp_path) == []


_WRITER = """
import sys
from headwater_catalog.accounts.events import note
from headwater_catalog.store.database import Database
database = Database(sys.argv[1])
for number in range(25):
    with database.write() as session:
        note(session, "logged in", (sys.argv[2], ""), str(number), 1)
        note(session, "role set", (sys.argv[2], ""), str(number), 1)
"""


def test_writers_side_by_side_make_one_chain(database: Database, catalog_url: str):
    command = [sys.executable, "-P", "-c", _WRITER, catalog_url]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "two", "three")]
    assert [writer.wait(240) for writer in writers] == [0, 0, 0]

    assert faults(database) == []
    with database.read() as session:
        links = list(chain(session))
    assert [link.id for link in links] == list(range(1, 151))
    for name in ("one", "two", "three"):
        mine = [(link.kind, link.subject) for link in links if link.actor == name]
        assert mine == [(kind, str(n)) for n in range(25) for kind in ("logged in", "role set")]


@pytest.mark.parametrize(
    "line", ["{}", "[]", "7", "no json", '{"last": 3}', '{"last": {"id": 1}}', '{"id": 1, "extra": 2}']
)
def test_a_file_that_is_no_export_is_refused_with_the_line(log: Database, tmp_path: Path, line: str):
    lines = exported(log)

    with pytest.raises(CatalogError, match="Line 3 of events"):
        read([*lines[:2], line + "\n", *lines[2:]], tmp_path)


def test_an_event_that_can_just_be_read_is_refused_and_no_crash(tmp_path: Path):
    event = '{"id": 1, "at": 1, "kind": "k", "actor": "a", "subject": "s", "details": %s, "address": "", %s}'
    depths = range(100, 1200, 3)
    refused = 0
    for depth in depths:
        details = '{"x": ' + "[" * depth + "]" * depth + "}"
        line = event % (details, f'"previous": "{BEGINNING}", "hash": "x"')
        try:
            found = read([line + "\n", '{"last": null}\n'], tmp_path)
        except CatalogError as error:
            assert "cannot be verified" in str(error)
            refused += 1
        else:
            assert found  # the hash is none of it
    assert 0 < refused < len(depths)


@pytest.fixture
def headwater(log: Database, catalog_url: str, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    environment = {"HEADWATER_HOME": str(tmp_path / "home"), "HEADWATER_DATABASE_URL": catalog_url}

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(command_line(), words, env=environment)
        return done.exit_code, done.output

    return call


def test_the_commands_verify_the_log_and_its_export(log: Database, headwater, tmp_path: Path):
    with log.read() as session:
        noted = str(head_of(session))
    code, told = headwater("events", "verify")
    assert (code, noted in told, "9 events" in told) == (0, True, True)
    file = tmp_path / "events.jsonl"
    file.write_text(headwater("events", "export")[1], encoding="utf-8")
    assert headwater("events", "verify", str(file), "--anchor", noted)[0] == 0

    tamper(log, "UPDATE event SET actor = 'eve' WHERE id = 4")
    code, told = headwater("events", "verify")
    assert code == 1
    assert "Event 4 was changed" in told
    code, told = headwater("events", "verify", "--json")
    assert (code, json.loads(told)["faults"][0]["event"]) == (1, 4)
    file.write_text(file.read_text().replace("account 7", "account 8"))
    code, told = headwater("events", "verify", str(file))
    assert (code, "Event 7 was changed" in told) == (1, True)
    assert headwater("events", "verify", "--anchor", "nine")[0] == 2
    file.write_bytes(b"\xff\xfe")
    assert headwater("events", "verify", str(file))[0] == 3


OTHERS = {  # another value of each setting, and what the log tells of it
    "home": ("/srv/other", "/srv/other"),
    "database_url": ("postgresql://u:geheim@db/x?sslpassword=geheim", "postgresql://***@db/x?*** (…)"),
    "secret_key": ("geheim", "…"),
    "host": ("127.0.0.2", "127.0.0.2"),
    "port": ("9000", 9000),
    "auth": ("accounts", "accounts"),
    "url": ("https://features.example.org", "https://features.example.org"),
    "proxies": ("1", 1),
    "values_limit": ("3", 3),
    "inputs_limit": ("4", 4),
    "environments_limit": ("5", 5),
    "upload_megabytes": ("6", 6),
    "jobs_per_repository": ("7", 7),
    "manifest_key": ("geheim", "…"),
    "openlineage": (
        "https://geheim@lineage.example.org/?key=geheim",
        "https://***@lineage.example.org/?*** (…)",
    ),
    "openlineage_namespace": ("shop", "shop"),
    "openlineage_key": ("geheim", "…"),
    "locations": ("s3://shop/", ["s3://shop/"]),
    "connections": (
        "lake=duckdb:////srv/lake.duckdb w=postgresql://u:geheim@db/x",
        {"lake": "duckdb:////srv/lake.duckdb", "w": "postgresql://***@db/x (…)"},
    ),
    "clusters": ("big=dask://scheduler:8786", {"big": "dask://scheduler:8786"}),
    "cluster_tokens": ("own=geheim", {"own": "…"}),
    "oidc_issuer": ("https://login.example.com", "https://login.example.com"),
    "oidc_client_id": ("another", "another"),
    "oidc_client_secret": ("geheim", "…"),
    "smtp_host": ("mail.example.com", "mail.example.com"),
    "smtp_port": ("26", 26),
    "smtp_user": ("another", "another"),
    "smtp_password": ("geheim", "…"),
    "smtp_from": ("b@example.org", "b@example.org"),
    "smtp_security": ("tls", "tls"),
    "webhook_hosts": ("hooks.internal,10.0.0.0/8", ["hooks.internal", "10.0.0.0/8"]),
    "policies": ("policies.toml", ["owned"]),
    "oidc_label": ("Enter", "Enter"),
    "oidc_required": ("groups=data", ["groups", "data"]),
    "oidc_groups": ("teams", "teams"),
    "oidc_roles": ("b:steward,a:viewer", {"a": "viewer", "b": "steward"}),
    "run_seconds": ("60", 60),
    "run_memory_mb": ("600", 600),
    "run_processes": ("20", 20),
    "run_file_mb": ("30", 30),
    "run_disk_mb": ("40", 40),
    "run_users": ("70000-70100", "70000-70100"),
    "run_environments": ("never", "never"),
}


def test_every_setting_is_noted_when_it_is_another_and_secrets_never(database: Database, tmp_path: Path):
    assert OTHERS.keys() == set(NAMES)
    usual = {"HEADWATER_OIDC_ISSUER": "https://login.example.org", "HEADWATER_OIDC_CLIENT_ID": "headwater"}
    usual |= {"HEADWATER_SMTP_HOST": "mail.example.org", "HEADWATER_SMTP_FROM": "a@example.org"}
    usual |= {"HEADWATER_SMTP_PORT": "2525", "HEADWATER_SMTP_USER": "catalog"}
    usual |= {"HEADWATER_CLUSTERS": "own=ray://head:10001"}
    (tmp_path / "policies.toml").write_text('[owned]\nquery = "-has:owner"\n')

    def start(environment: Mapping[str, str], home: Path | None = tmp_path, who: str = SERVER) -> list[Event]:
        note_settings(database, load_settings(environment, home), who, 1)
        with database.read() as session:
            return list(list_events(session, kind="settings changed"))

    def told(details: Mapping[str, Any], name: str) -> Any:
        return json.loads(re.sub(r"\b[0-9a-f]{8}\b", "…", json.dumps(details[name])))

    assert len(start(usual)) == len(start(usual)) == 1
    for count, (name, (value, shown)) in enumerate(OTHERS.items()):
        value = str(tmp_path / value) if name == "policies" else value
        found = start(usual | {f"HEADWATER_{name.upper()}": value}, None if name == "home" else tmp_path)

        expected = {name, "database_url"} if name == "home" else {name}
        assert (set(found[0].subject.split(", ")), told(found[0].details, name)) == (expected, shown)
        assert "geheim" not in json.dumps(found[0].details)
        assert len(start(usual)) == len(found) + 1 == 2 * count + 3

    assert start(usual, who=WORKER)[0].actor == WORKER
    assert len(start(usual)) == len(start(usual, who=WORKER)) == 2 * len(OTHERS) + 2


def test_a_password_of_the_same_place_is_told_as_another_one(database: Database, tmp_path: Path):
    for password in ("first/?", "second@:", "second@:"):
        url = f"postgresql://reader:{password}@db.example.org/shop"
        note_settings(database, Settings(home=tmp_path, database_url=url, secret_key=""), SERVER, 1)
    with database.read() as session:
        second, first = list_events(session, kind="settings changed")

    assert second.subject == "database_url"
    assert first.details["database_url"].startswith("postgresql://***@db.example.org/shop (")

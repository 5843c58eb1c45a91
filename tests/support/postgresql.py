"""PostgreSQL for the tests: a server already there, or one of our own on loopback, and databases on it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import URL, make_url

_START_SECONDS = 60
_STOP_SECONDS = 30
_ROOM = (
    2 << 30
)  # a server with the databases of one process takes a tenth of that, and eight may begin at once

# Runs the server until its own standard input ends, which it does when the tests end, whatever way they do:
# a killed test run leaves no server behind.
_KEEPER = """
trap '' INT
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
{ read -r _ <&3; kill -INT "$server"; } &
wait "$server"
"""

# Nothing here outlives the tests, so nothing needs to survive a crash.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        url: A database of it, as a user who may create others.
    """

    url: URL

    def create_database(self, template: URL | None = None) -> URL:
        """Make a database with a name of its own: a copy of one that nobody is connected to, or empty."""
        name = f"headwater_test_{uuid.uuid4().hex}"
        origin = "template0" if template is None else str(template.database)
        # Page by page through the log, as servers copy since they can, takes three times the work.
        way = SQL("STRATEGY file_copy" if self._connection.info.server_version >= 150_000 else "")
        statement = SQL("CREATE DATABASE {} TEMPLATE {} {}")
        self._connection.execute(statement.format(Identifier(name), Identifier(origin), way))
        return self.url.set(database=name)

    def drop_database(self, url: URL) -> None:
        """Remove a database, cutting off whoever is still connected to it."""
        self._connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(str(url.database))))

    def close(self) -> None:
        """Close the connection by which databases were made and removed."""
        self._connection.close()

    @cached_property
    def _connection(self) -> psycopg.Connection:
        # A new one for each of a thousand databases took a quarter of the work of making and removing them.
        return psycopg.connect(_conninfo(self.url), autocommit=True)


def given_server() -> PostgresServer | None:
    """Return the server that HEADWATER_TEST_PG_URL names, if it names one."""
    given = os.environ.get("HEADWATER_TEST_PG_URL")
    return PostgresServer(make_url(given).set(drivername="postgresql+psycopg")) if given else None


def find_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`, on the path or where Debian puts them."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def running_server(programs: Path) -> Iterator[PostgresServer]:
    """Run a server of our own, in a folder of its own, that trusts whoever is on this machine."""
    # PostgreSQL refuses to run as root, and pytest's temporary folders are closed to other users.
    user = _unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="headwater-pg-", dir=_quick_place()) as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        _initialise(programs, folder, user)
        with _serving(programs, folder, user) as server:
            yield server


def _quick_place() -> Path | None:
    """Return a folder in memory, if there is one with room; the thousand files of a database take a tenth there."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else None


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _initialise(programs: Path, folder: Path, user: str | None) -> None:
    done = subprocess.run(
        [
            programs / "initdb",
            f"--pgdata={folder / 'data'}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        cwd=folder,
        user=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"initdb failed: {done.stderr}"


@contextmanager
def _serving(programs: Path, folder: Path, user: str | None) -> Iterator[PostgresServer]:
    port = _free_port()
    options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), *options]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "sh", *command],
            cwd=folder,
            user=user,
            extra_groups=None if user is None else [],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    server = PostgresServer(
        URL.create("postgresql+psycopg", "postgres", host="127.0.0.1", port=port, database="postgres")
    )
    try:
        _wait_until_ready(server, process, log)
        yield server
        server.close()
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(_conninfo(server.url), connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            gone = process.poll() is not None or time.monotonic() > deadline
            assert not gone, f"PostgreSQL did not start: {log.read_text(errors='replace')}"
            time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait(_STOP_SECONDS)


def _conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)

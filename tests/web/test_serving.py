"""The commands that serve, as people start and end them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from headwater_catalog.accounts.events import list_events
from headwater_catalog.accounts.settings_log import SERVER
from headwater_catalog.errors import Conflict, SettingError
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.serving import claim_port, require_closed
from support.demo_catalog import copied_demo_catalog
from support.slow import slow

_PATIENCE = 60


def _start(home: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "headwater_web.cli", *words],
        env={**os.environ, "HEADWATER_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(home: Path, *words: str) -> "tuple[int, str]":
    with _start(home, *words) as process:
        _, told = process.communicate(timeout=_PATIENCE)
        return process.returncode, told


@pytest.fixture
def taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("words", [("serve",), ("demo", "serve")])
def test_a_taken_port_is_told_before_anything_is_made(tmp_path, taken_port: int, words):
    code, told = _run(tmp_path / "home", *words, "--port", str(taken_port))

    assert code == 3
    assert f"Port {taken_port} on 127.0.0.1 is taken" in told
    assert "Traceback" not in told
    assert not (tmp_path / "home" / "headwater.db").exists()
    assert not (tmp_path / "home" / "demo-repository").exists()


def test_serving_beyond_this_machine_is_refused(tmp_path):
    code, told = _run(tmp_path, "serve", "--host", "0.0.0.0")

    assert code == 3
    assert "HEADWATER_AUTH" in told


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])
def test_without_accounts_the_server_listens_on_this_machine_only(host: str):
    with pytest.raises(SettingError, match="everybody who reaches it could run code"):
        require_closed(host, _settings("single", "https://features.example.org"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com"])
def test_with_accounts_the_server_must_know_by_which_name_it_is_reached(host: str):
    with pytest.raises(SettingError, match="HEADWATER_URL"):
        require_closed(host, _settings("accounts", ""))
    require_closed(host, _settings("accounts", "https://features.example.org"))


def _settings(auth: str, url: str) -> Settings:
    return Settings(home=Path("home"), database_url="sqlite://", secret_key="k", auth=auth, url=url)


def test_serving_without_a_database_says_how_to_make_one(tmp_path, free_port: int):
    code, told = _run(tmp_path, "serve", "--port", str(free_port))

    assert code == 3
    assert "headwater init" in told


def test_a_claimed_port_is_free_again_afterwards(free_port: int):
    for _ in range(2):
        with (
            claim_port("127.0.0.1", free_port, _settings("single", "")),
            pytest.raises(Conflict),
            claim_port("127.0.0.1", free_port, _settings("single", "")),
        ):
            pass


@pytest.mark.parametrize("number", [signal.SIGINT, *slow(signal.SIGTERM)])
def test_the_demo_is_kept_and_the_server_ends_with_all_its_processes(
    tmp_path_factory: pytest.TempPathFactory, free_port: int, number: int
):
    # A catalog of its own: this process has that of the others open, and has let go of its locks whenever it
    # copied the file, as any close of it does.
    settings = copied_demo_catalog(tmp_path_factory)
    before = (settings.home / "demo-repository" / ".git" / "HEAD").stat().st_mtime_ns
    with _start(settings.home, "demo", "serve", "--port", str(free_port)) as server:
        assert server.stdout
        line = server.stdout.readline()
        assert f"http://127.0.0.1:{free_port}" in line
        _wait_for(f"http://127.0.0.1:{free_port}/healthz")
        children = _descendants(server.pid)
        ports = _noted_ports(settings)
        server.send_signal(number)
        _, told = server.communicate(timeout=_PATIENCE)

    assert server.returncode == 0
    assert "Traceback" not in told
    assert "Making the dataset" not in told
    assert len(children) >= 2
    assert ports[0] == free_port
    assert [pid for pid in children if _is_alive(pid)] == []
    assert (settings.home / "demo-repository" / ".git" / "HEAD").stat().st_mtime_ns == before


def test_the_command_line_starts_without_what_only_some_commands_need():
    heavy = "{'flask', 'sqlalchemy', 'pandas', 'git', 'alembic', 'pygments', 'gunicorn'}"
    script = f"import sys, headwater_web.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def _wait_for(address: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)


def _noted_ports(settings: Settings) -> list[int]:
    """Return the ports that web servers have started with, as the log tells them, the last first."""
    database = Database(settings.database_url)
    with database.read() as session:
        events = list_events(session, kind="settings changed", actor=SERVER)
        ports = [event.details["port"] for event in events]
    database.dispose()
    return ports


def _descendants(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    return [child for child, parent in pairs if parent == pid]


def _is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and not re.search(r"^State:\s+Z", status.read_text(), re.MULTILINE)

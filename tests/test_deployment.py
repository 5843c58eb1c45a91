"""The compose file: its structure, and the very commands of its services, run by hand on a real PostgreSQL."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater_catalog import jobs
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.store.database import Database
from support.git_repo import GitRepo
from support.missing import missing
from support.worker_process import until

ROOT = Path(__file__).parent.parent
_OURS = ("upgrade", "web", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_pages_and_workers_are_of_one_image_and_not_root(compose: dict[str, Any]):
    services = compose["services"]

    assert set(services) == {*_OURS, "postgres"}
    for name in _OURS:
        service = services[name]
        assert (service["image"], service["build"]) == ("headwater", ".")
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert all("ports" not in services[name] for name in ("worker", "postgres"))


def test_services_wait_for_the_database_and_tell_how_they_do(compose: dict[str, Any]):
    services = compose["services"]

    assert services["upgrade"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}
    assert all("healthcheck" in services[name] for name in ("web", "worker", "postgres"))


def test_secrets_are_files_that_git_does_not_know_and_volumes_are_declared(compose: dict[str, Any]):
    for service in compose["services"].values():
        assert set(service["secrets"]) <= set(compose["secrets"])
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        for name, value in service["environment"].items():
            assert name.endswith("_FILE") or not re.search("PASSWORD|SECRET|DATABASE_URL", name)
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    for secret in compose["secrets"].values():
        assert secret["file"].startswith(".headwater/")
    ignored = ["git", "check-ignore", "--quiet", ".headwater/secrets/secret-key"]
    assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0


def test_the_compose_client_takes_the_file():
    client = shutil.which("docker-compose") or (shutil.which("docker") and "docker")
    command = [client or "", *(["compose"] if client == "docker" else []), "config", "--quiet"]
    known = client and subprocess.run([*command[:-2], "version"], capture_output=True, check=False)
    if not known or known.returncode != 0:
        missing("A compose client", "install it (Debian: apt install docker-compose)")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_image_is_made_in_stages_and_runs_as_the_user_of_the_services():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    stages = [line for line in lines if line.startswith("FROM ")]
    last = lines[lines.index(stages[-1]) :]

    assert len(stages) == 2
    assert "USER 10001:10001" in last
    assert 'ENTRYPOINT ["headwater"]' in last
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied - {"--from=build", "/opt/headwater"} == allowed
    assert all((ROOT / name).exists() for name in allowed)


class Services:
    """Runs what the services of the compose file run, with their settings, on this machine."""

    def __init__(self, compose: dict[str, Any], folder: Path, database_url: str) -> None:
        self.compose = compose
        secrets = {"database-url": database_url, "secret-key": "a key that is secret in no way"}
        for name, text in secrets.items():
            (folder / name).write_text(text + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def environment(self, name: str) -> dict[str, str]:
        given = self.compose["services"][name]["environment"]
        ours = {
            key: value.replace("/run/secrets", str(self.folder)).replace(
                "/var/lib/headwater", str(self.folder / "home")
            )
            for key, value in given.items()
        }
        others = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        return {
            **others,
            **ours,
            "HEADWATER_URL": f"http://127.0.0.1:{self.port}",
            "HEADWATER_PORT": str(self.port),
        }

    def command(self, name: str) -> list[str]:
        """Return the command of a service; it must not be reachable from outside in a test."""
        words = [word.replace("0.0.0.0", "127.0.0.1") for word in self.compose["services"][name]["command"]]
        return [sys.executable, "-P", "-m", "headwater_web.cli", *words]

    def start(self, name: str) -> subprocess.Popen[bytes]:
        self.started.append(subprocess.Popen(self.command(name), env=self.environment(name), cwd=self.folder))
        return self.started[-1]

    def is_well(self, name: str) -> bool:
        """Run the health check of a service."""
        kind, program, *words = self.compose["services"][name]["healthcheck"]["test"]
        assert kind == "CMD"
        programs = {
            "python": [sys.executable, "-P"],
            "headwater": [sys.executable, "-P", "-m", "headwater_web.cli"],
        }
        command = [*programs[program], *words]
        return (
            subprocess.run(command, env=self.environment(name), cwd=self.folder, check=False).returncode == 0
        )


@pytest.fixture
def services(compose: dict[str, Any], postgres_url: str, tmp_path: Path) -> Iterator[Services]:
    made = Services(compose, tmp_path, postgres_url)
    yield made
    for process in made.started:
        process.send_signal(signal.SIGTERM)
    for process in made.started:
        process.wait(60)


@pytest.mark.slow
@pytest.mark.postgres
def test_the_commands_of_the_services_make_a_catalog_that_works(
    services: Services, postgres_url: str, git_repo: GitRepo
):
    assert not services.is_well("worker")
    assert services.start("upgrade").wait(120) == 0
    web, worker = services.start("web"), services.start("worker")
    until(lambda: services.is_well("web"))
    assert services.is_well("worker")
    git_repo.commit("Begin", files={"features/sales.py": "def sales(raw: int) -> int:\n    return raw\n"})
    database = Database(postgres_url)
    with database.write() as session:
        shop = add_repository(session, "shop", str(git_repo.path), 0)
        number = request_scan(session, shop, "tester", int(time.time())).id

    def scanned() -> str:
        with database.read() as session:
            return jobs.get_job(session, number).state

    until(lambda: scanned() in jobs.FINISHED)
    ended = scanned()
    database.dispose()
    assert ended == jobs.State.SUCCEEDED
    assert (web.poll(), worker.poll()) == (None, None)


@pytest.mark.slow
@pytest.mark.postgres
def test_pages_without_a_worker_take_no_jobs(services: Services, postgres_url: str):
    assert services.start("upgrade").wait(120) == 0
    services.start("web")
    until(lambda: services.is_well("web"))
    database = Database(postgres_url)
    with database.write() as session:
        number = jobs.enqueue(session, "bake", {}, None, "tester", 0).id
    time.sleep(3)  # several times what a worker takes to look
    with database.read() as session:
        assert jobs.get_job(session, number).state == jobs.State.QUEUED
    database.dispose()

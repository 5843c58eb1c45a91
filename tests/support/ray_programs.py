"""A cluster of Ray as an administrator starts one: a program of its own on loopback, for clients."""

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.missing import missing
from support.ray_cluster import require_ray

__all__ = ["RayProgram", "ray_program"]


_OTHERS = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")


@dataclass
class RayProgram:
    """A cluster that runs.

    Attributes:
        place: Host and port for clients.
        token: What these have to show; empty where they need not.
        process: The program, which has started all others.
    """

    place: str
    token: str
    process: subprocess.Popen[bytes]

    def active(self) -> dict[int, str]:
        """Return the processes of workers that are at a task, with its name."""
        found = {number: _called(number) for number in _below(self.process.pid)}
        return {
            number: called
            for number, called in found.items()
            if called.startswith("ray::") and called not in _OTHERS
        }

    def end(self) -> None:
        """End it, with all that it has started."""
        started = _below(self.process.pid)
        self.process.terminate()
        self.process.wait(60)
        until = time.monotonic() + 60
        while left := [number for number in started if _called(number)]:
            assert time.monotonic() < until, left
            time.sleep(0.1)


@contextmanager
def ray_program(*, cpus: int = 2, has_token: bool = True) -> Iterator[RayProgram]:
    """Start a cluster, and end it."""
    require_ray()
    if importlib.util.find_spec("grpc") is None:
        missing("Ray's client", "install what it needs: pip install 'headwater[ray]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(32) if has_token else ""
    # A folder with a short path, since sockets are below it.
    with tempfile.TemporaryDirectory(prefix="hw-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *("--node-ip-address", "127.0.0.1", "--port", "0", "--ray-client-server-port", str(port)),
            *("--num-cpus", str(cpus), "--object-store-memory", str(100 << 20), "--temp-dir", folder),
            *("--include-dashboard", "false", "--disable-usage-stats"),
        ]
        own = {
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # it listens on loopback only
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "120",  # starting takes long on a busy machine
            "GRPC_ENABLE_FORK_SUPPORT": "0",  # see docs/clusters.md
            **(
                {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
                if token
                else {"RAY_AUTH_MODE": "disabled"}
            ),
        }
        log = Path(folder, "start.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env={**os.environ, **own}, cwd=folder, stdout=output, stderr=subprocess.STDOUT
            )
        program = RayProgram(f"127.0.0.1:{port}", token, process)
        try:
            until = time.monotonic() + 120
            while "block forever" not in log.read_text() or not _listens(port):
                assert process.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            yield program
        finally:
            program.end()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _below(process: int) -> list[int]:
    """Return the processes that a process has started, and these, and so on."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found = [process]
    for number in found:  # which grows
        found += parents.get(number, [])
    return found[1:]


def _called(process: int) -> str:
    """Return what a process is called; nothing where it has ended."""
    try:
        return (
            Path(f"/proc/{process}/cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode(errors="replace")
            .strip()
        )
    except OSError:
        return ""

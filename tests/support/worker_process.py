"""Worker processes of their own, to be killed, frozen and raced by tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from headwater_catalog.settings import Settings
from headwater_catalog.worker import start_child

__all__ = ["Workers", "is_alive", "until"]


class Workers:
    """The worker processes of a test; all are gone at its end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start one that works until it is stopped."""
        self._started.append(start_child(self.settings))
        return self._started[-1]

    def work_off(self, count: int) -> None:
        """Let so many work side by side until nothing is queued."""
        command = [sys.executable, "-P", "-m", "headwater_web.cli", "worker", "--once"]
        environment = {
            **os.environ,
            "HEADWATER_HOME": str(self.settings.home),
            "HEADWATER_DATABASE_URL": self.settings.database_url,
        }
        started = [subprocess.Popen(command, env=environment) for _ in range(count)]
        self._started.extend(started)
        assert [process.wait(240) for process in started] == [0] * count

    def end(self) -> None:
        """Kill all that are left."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so; the limit is far beyond what it takes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Tell whether a process is there, and no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "\nState:\tZ" in status.read_text())

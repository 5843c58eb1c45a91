"""Confinement on lesser machines: what is not held there is told, and the rest holds."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import headwater
import headwater_catalog
import support
from headwater_catalog.confinement import landlock, seccomp
from support import lesser_worker
from support.processes import working_in
from support.slow import slow

ATTACK = """
import os, time
from pathlib import Path

def tried(what):
    try:
        return str(what())
    except OSError as error:
        return type(error).__name__

outside = Path({outside!r})
print("read", tried(outside.read_text))
print("write", tried(lambda: outside.with_name("new").write_text("x")))
tried(lambda: outside.chmod(0o777))
import socket
print("socket", tried(lambda: socket.socket().close()))
print("signal", tried(lambda: os.kill({worker}, 0)))
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(1), os.close(2)
    Path("begun").touch()
    time.sleep(600)
while not Path("begun").exists():
    time.sleep(0.01)
"""

CHANGES = """
import os, shutil, socket
from pathlib import Path

def tried(what):
    try:
        return str(what())
    except OSError as error:
        return type(error).__name__

outside, readable = Path({outside!r}), Path({readable!r})
print("truncate", tried(lambda: os.truncate(outside, 0)))
print("empty", tried(lambda: os.open(readable, os.O_RDONLY | os.O_TRUNC)))
with readable.open() as opened:
    tried(lambda: os.fchmod(opened.fileno(), 0o777))
tried(lambda: readable.chmod(0o777))
tried(lambda: os.utime(outside, (1, 1)))
tried(lambda: os.utime(outside))
Path("own").touch()
Path("own").write_text("long")
Path("own").write_text("x")
shutil.copy2("own", "copy")
Path("copy").touch()
print("own", Path("copy").read_text())
print("datagrams", tried(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", {log!r})))
print("packets", tried(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0].close()))
print("stream", tried(lambda: len(socket.socketpair())))
print("memory", tried(lambda: os.close(os.memfd_create("hidden"))))
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not landlock.version() or not seccomp.is_known_machine(),
    reason="needs Linux with Landlock and seccomp, and root, which can give up what it has",
)


PACKAGES = (headwater, headwater_catalog, support)


class Machine:
    """Runs the attack as a worker that lacks something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own = folder / "own"
        self.outside = folder / "outside.txt"

    def attack(self, lacks: str, code: str = ATTACK, **places: str) -> tuple[dict[str, bool], dict[str, str]]:
        """Return what is told to be held, and what the attack met."""
        self.own.mkdir()
        self.outside.write_text("secret")
        self.outside.chmod(0o600)
        roots = [str(Path(package.__path__[0]).parent) for package in PACKAGES]
        python, script = sys.executable, lesser_worker.__file__
        if "root" in lacks or "everybody" in lacks:
            python, roots, script = self._for_everybody(roots)
        if "truncation" in lacks:
            self._lessen_landlock()
        code = code.format(outside=str(self.outside), worker=os.getpid(), readable=script, **places)
        done = subprocess.run(
            [
                python,
                script,
                os.pathsep.join(roots),
                str(self.own),
                lacks.replace("truncation,", "").replace("everybody,", ""),
                code,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.defpath},
        )
        assert done.returncode == 0, done.stderr
        outcome: dict[str, Any] = json.loads(done.stdout)
        assert (outcome["code"], outcome["reason"]) == (0, ""), outcome
        met = dict(line.split(" ", 1) for line in outcome["log"].splitlines())
        return {measure["name"]: measure["held"] for measure in outcome["measures"]}, met

    def _for_everybody(self, roots: list[str]) -> tuple[str, list[str], str]:
        """Return a Python and the packages where any user may read them."""
        python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
        version = python and subprocess.run([python, "-V"], capture_output=True, text=True).stdout
        if not python or not version or version.split()[1].split(".")[:2] < ["3", "11"]:
            pytest.skip("needs a Python 3.11 or newer that every user may run, in /usr/bin or /usr/local/bin")
        copies = self.folder / "packages"
        for root, package in zip(roots, PACKAGES, strict=True):
            place = copies / package.__name__
            shutil.copytree(Path(root, package.__name__), place, ignore=shutil.ignore_patterns("__pycache__"))
        script = Path(shutil.copy(lesser_worker.__file__, copies))
        os.chown(self.own, 65534, 65534)
        for file in (self.outside, copies, script):
            os.chown(file, 65534, 65534)
        return python, [str(copies)], str(script)

    def _lessen_landlock(self) -> None:
        """Let Landlock be of the version before the one that knows of emptying files."""
        module = self.folder / "packages" / "headwater_catalog" / "confinement" / "landlock.py"
        whole = "return syscall(_CREATE, None, 0, _ASK_VERSION)"
        text = module.read_text()
        assert whole in text
        module.write_text(text.replace(whole, f"return min(2, {whole.removeprefix('return ')})"))


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Give a machine in a folder that other users reach; pytest closes its own to them."""
    with TemporaryDirectory(prefix="headwater-machine-") as folder:
        Path(folder).chmod(0o755)
        yield Machine(Path(folder))


ALL = {
    *("user", "leftovers", "shared memory", "files", "open files", "processes", "system calls", "network"),
    "signals",
}


@pytest.mark.parametrize("prepared", [",prepared", *slow("")])
@pytest.mark.parametrize(
    ("lacks", "not_held"),
    [
        ("", set()),
        ("system", {"shared memory"}),
        ("looking", {"open files"}),
        ("system,reading", {"shared memory", "user", "processes"}),
        ("seccomp", {"system calls", "network"}),
        ("root", {"user"}),
        ("namespaces,root", {"user", "shared memory", "processes"}),
    ],
)
def test_what_a_machine_lacks_is_told_and_the_rest_holds(
    machine: Machine, lacks: str, not_held: set[str], prepared: str
):
    held, met = machine.attack(f"{lacks}{prepared}", f"{ATTACK}\nimport time; time.sleep(2)")

    assert held == {name: name not in not_held for name in ALL}
    assert (met["read"], met["write"]) == ("PermissionError", "PermissionError")
    assert met["socket"] == ("None" if lacks == "seccomp" else "PermissionError")
    assert met["signal"] in ("PermissionError", "ProcessLookupError")
    assert machine.outside.stat().st_mode & 0o777 == 0o600
    assert working_in(machine.own) == []


@pytest.mark.parametrize(
    "lacks", ["", "prepared", "root", "root,prepared", "truncation,root", "truncation,namespaces,root"]
)
def test_files_of_its_user_beside_its_own_stay_as_they_are(machine: Machine, lacks: str):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(machine.folder / "log"))
        (machine.folder / "log").chmod(0o777)
        log.setblocking(False)
        held, met = machine.attack(lacks, CHANGES, log=str(machine.folder / "log"))
        with pytest.raises(BlockingIOError):
            log.recv(1)
    found = machine.outside.stat()
    script = machine.folder / "packages" / "lesser_worker.py"

    assert held["files"]
    assert (machine.outside.read_text(), found.st_mode & 0o777) == ("secret", 0o600)
    assert time.time() - found.st_mtime < 600
    if "root" in lacks:
        assert script.read_bytes() == Path(lesser_worker.__file__).read_bytes()
        assert script.stat().st_mode & 0o777 != 0o777
    assert (met["truncate"], met["empty"]) == ("PermissionError", "PermissionError")
    assert met["own"] == "x" and met["stream"] == "2"
    assert (met["datagrams"], met["packets"], met["memory"]) == ("PermissionError",) * 3


CLOSES = """
import os, time
os.mkdir("closed", 0o300)
with open("closed/big", "wb") as file:
    file.write(bytes(1 << 20))
time.sleep(30)
"""


def test_a_folder_that_is_closed_to_who_counts_ends_it(machine: Machine):
    with pytest.raises(AssertionError, match="It has closed a folder"):
        machine.attack("root", CLOSES)


@pytest.mark.parametrize("lacks", ["landlock", "everybody,landlock", "everybody,landlock,prepared"])
def test_without_landlock_a_user_of_its_own_is_kept_from_the_files_of_others(machine: Machine, lacks: str):
    itself = 'print("itself", tried(lambda: bool(Path("/proc/self/environ").read_bytes())))'
    held, met = machine.attack(lacks, f"{ATTACK}\n{itself}")

    assert not held["files"]
    assert held["user"] or "everybody" not in lacks
    if held["user"]:
        assert met["read"] == "PermissionError"
    assert (met["socket"], met["itself"]) == ("PermissionError", "True")
    assert working_in(machine.own) == []


HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize(("place", "machine_name"), list(enumerate(HEADERS)))
def test_the_numbers_of_calls_are_those_of_the_kernel(place: int, machine_name: str):
    header = Path(HEADERS[machine_name])
    if not header.exists():
        pytest.skip(
            f"needs the kernel's headers (linux-libc-dev): {header} is not there, on {platform.machine()}"
        )
    words = [line.split() for line in header.read_text().splitlines() if line.startswith("#define __NR")]
    known = {
        word[1].removeprefix("__NR_").removeprefix("__NR3264_"): word[2]
        for word in words
        if len(word) > 2 and word[2].isdigit()
    }
    calls = {
        **seccomp.FORBIDDEN,
        **seccomp.OF_OWNERS,
        "utimensat": seccomp.UTIMENSAT,
        "truncate": seccomp.TRUNCATE,
        "open": seccomp.OPEN,
        "openat": seccomp.OPENAT,
        "openat2": seccomp.OPENAT2,
        "socketpair": seccomp.SOCKETPAIR,
        "socket": seccomp.SOCKET,
        "clone": seccomp.CLONE,
        "clone3": seccomp.CLONE3,
        "ioctl": seccomp.IOCTL,
    }
    newest = max(map(int, known.values()))
    newer = [name for name in calls.keys() - known.keys() if calls[name][place] is not None]
    calls = {name: numbers for name, numbers in calls.items() if name not in newer}

    assert {name: str(numbers[place]) for name, numbers in calls.items() if numbers[place] is not None} == {
        name: known[name] for name, numbers in calls.items() if numbers[place] is not None
    }
    told = {**seccomp.FORBIDDEN, **seccomp.OF_OWNERS}
    # Those that these headers do not have yet are numbered alike on all machines.
    assert all(told[name][0] == told[name][1] and (told[name][0] or 0) > newest for name in newer)

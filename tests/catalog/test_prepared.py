"""Processes that are prepared: what is forked of them is as a process started anew would be."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import headwater_catalog
import support
from headwater_catalog import confined_tables, interpreters, prepared, sandbox
from headwater_catalog.confinement.processes import children
from headwater_catalog.prepared import Program
from headwater_catalog.sandbox import Access
from support.empty_catalog import empty_catalog
from support.forked import ACCESS, forked, wait_until_prepared
from support.git_repo import GitRepo
from support.processes import working_in
from support.run_catalog import make_catalog

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are prepared on Linux alone")

STARTED_AS = "import sys; print(*sys.orig_argv)"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Run a program, where one is prepared for it, and return what it prints."""
    wait_until_prepared(tmp_path)

    def run_program(program: Program) -> str:
        outcome = sandbox.run(program, tmp_path, access=ACCESS)
        assert (outcome.code, outcome.reason) == (0, ""), outcome.log
        return outcome.log

    return run_program


@pytest.mark.parametrize(
    ("apart", "is_forked"),
    [
        ({}, True),
        ({"brings": frozenset({"mine"})}, True),
        ({"brings": frozenset({"mine", "decimal"})}, False),
        ({"is_apart": True}, False),
    ],
)
def test_only_what_finds_the_same_modules_and_is_not_apart_is_forked(
    run, apart: dict[str, object], is_forked: bool
):
    assert ("fork_server" in run(replace(forked(STARTED_AS), **apart))) is is_forked


def test_another_python_is_started_anew(run, tmp_path: Path):
    other = tmp_path / "python"
    other.symlink_to(sys.executable)

    assert "fork_server" not in run(replace(forked(STARTED_AS), python=str(other)))


STATE = """
import ctypes, os, resource, signal, sys, threading
opened = []
for number in range(64):
    try:
        os.fstat(number)
        opened.append(number)
    except OSError:
        pass
libc, death = ctypes.CDLL(None), ctypes.c_int()
libc.prctl(1 + 1, ctypes.byref(death), 0, 0, 0)
limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
told = ("Groups", "Cap", "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "Threads")
state = [
    *(sys.path, sys.argv, sys.flags, sys.warnoptions, sys.getrecursionlimit(), opened),
    *(os.getcwd(), sorted(os.environ.items()), os.umask(0o77), os.nice(0), os.getpgrp() == os.getsid(0) == os.getpid()),
    {each.name: str(signal.getsignal(each)) for each in signal.Signals},
    {name: resource.getrlimit(getattr(resource, name)) for name in limits},
    *(death.value, [libc.prctl(asked, 0, 0, 0, 0) for asked in (3, 7, 27)]),  # dumpable, capabilities, bits
    [line.split() for line in open("/proc/self/status") if line.startswith(told)],
    *(open("/proc/self/oom_score_adj").read(), threading.active_count()),
]
print(*state, sep=os.linesep)
"""


def test_what_is_forked_stands_as_what_was_started_anew(run, tmp_path: Path):
    access = Access([*ACCESS.reads, Path("/proc")])
    both = forked(STATE), replace(forked(STATE), is_apart=True)
    told, expected = (sandbox.run(program, tmp_path, access=access) for program in both)

    assert (told.code, told.log) == (0, expected.log)


def test_a_program_leaves_nothing_to_the_next(run, tmp_path: Path):
    code = """
import os, decimal
print(hasattr(decimal, "left"), "MINE" in os.environ)
decimal.left = os.environ["MINE"] = "here"
"""

    assert [run(forked(code)), run(forked(code))] == ["False False\n", "False False\n"]
    outcome = sandbox.run(forked("raise SystemExit(7)"), tmp_path, access=ACCESS)
    assert outcome.code == 7
    outcome = sandbox.run(forked("1 / 0"), tmp_path, access=ACCESS)
    assert outcome.code == 1 and outcome.log.endswith("ZeroDivisionError: division by zero\n")


def test_nothing_is_drawn_at_random_alike(run, tmp_path: Path):
    code = "import numpy, random; print(numpy.random.random(), random.random(), numpy.random.default_rng().random())"
    program = replace(forked(code), imports=("numpy.random", "random"))
    wait_until_prepared(tmp_path, program.imports)
    drawn = [run(program).split() for _ in range(2)]

    assert all(one != another for one, another in zip(*drawn, strict=True))


def test_a_server_that_ended_is_another_soon(run, tmp_path: Path):
    server = _server()
    os.kill(server, signal.SIGKILL)

    assert "fork_server" not in run(forked(STARTED_AS))
    wait_until_prepared(tmp_path)
    assert "fork_server" in run(forked(STARTED_AS))
    assert server not in _servers()


@pytest.mark.parametrize("is_received", [True, False])
def test_what_is_forked_begins_when_its_number_was_received(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_received: bool
):
    received = []

    def receive(*asked: Any) -> Any:
        received.append(recv_fds(*asked))
        if is_received:
            return received[0]
        os.close(received[0][1][0])
        time.sleep(0.2)  # for what must not begin to do so
        raise ConnectionResetError("the server has ended")

    recv_fds = socket.recv_fds
    monkeypatch.setattr(prepared.socket, "recv_fds", receive)
    code = f"open('begun', 'a').write('x'); {STARTED_AS}"

    assert ("fork_server" in run(forked(code))) is is_received
    assert len(received) == 1
    assert (tmp_path / "begun").read_text() == "x"


def test_a_server_that_does_not_answer_is_ended_and_nothing_fails(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prepared, "_PATIENCE", 0.1)
    os.kill(_server(), signal.SIGKILL)  # another will have that patience
    wait_until_prepared(tmp_path)
    server = _server()
    os.kill(server, signal.SIGSTOP)

    assert "fork_server" not in run(forked(STARTED_AS))
    assert server not in _servers()


def test_nothing_stays_open_where_there_is_no_room_for_files(run, tmp_path: Path):
    code = f"""
import sys; sys.path.insert(0, {str(Path(support.__path__[0]).parent)!r})
import os, resource
from pathlib import Path
from headwater_catalog import sandbox
from headwater_catalog.prepared import prepared_processes
from support.forked import ACCESS, forked, wait_until_prepared
own = Path({str(tmp_path)!r})
with prepared_processes():
    wait_until_prepared(own)
    opened, (_, most) = len(os.listdir("/proc/self/fd")), resource.getrlimit(resource.RLIMIT_NOFILE)
    for room in range(6):
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened - 1 + room, most))
        try:
            sandbox.run(forked("pass"), own, access=ACCESS)
        except OSError as error:
            print(error.errno, end=" ")
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(len(os.listdir("/proc/self/fd")) - opened)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    *refused, left = done.stdout.split()
    assert set(refused) == {str(errno.EMFILE)} and int(left) <= 0


def test_what_was_installed_since_then_is_imported(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setattr(prepared, "_PACKAGES", (packages,))
    wait_until_prepared(tmp_path)
    assert "fork_server" in run(forked(STARTED_AS))
    os.utime(packages, (0, 0))

    assert "fork_server" not in run(forked(STARTED_AS))
    wait_until_prepared(tmp_path)


def test_a_server_that_nobody_needs_stays_until_its_keepers_have_ended():
    code = """
import subprocess
from headwater_catalog.confinement import fork_server
fork_server._IDLE = 0.01
subprocess.Popen(["cat"], stdout=subprocess.DEVNULL)
fork_server.main()
"""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    root = str(Path(headwater_catalog.__path__[0]).parent)
    begin = f"import sys; sys.path.insert(0, {root!r}); {code}"
    command = [sys.executable, "-c", begin, root, str(theirs.fileno())]
    with ours, theirs, subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()]) as server:
        theirs.close()
        assert ours.recv(1 << 18)
        time.sleep(0.1)
        assert server.poll() is None and children(server.pid)
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(30) == 0


def test_a_program_ends_with_the_process_that_asked_for_it(tmp_path: Path):
    (tmp_path / "own").mkdir()
    code = "import time; open('begun', 'w').close(); time.sleep(600)"
    parent = f"""
import sys; sys.path.insert(0, {str(Path(support.__path__[0]).parent)!r})
from pathlib import Path
from headwater_catalog import sandbox
from headwater_catalog.prepared import prepared_processes
from support.forked import ACCESS, forked, wait_until_prepared
own = Path({str(tmp_path / "own")!r})
with prepared_processes():
    wait_until_prepared(own)
    sandbox.run(forked({code!r}), own, access=ACCESS)
"""
    started = subprocess.Popen([sys.executable, "-c", parent])
    until(lambda: (tmp_path / "own" / "begun").exists())
    servers = _servers(started.pid)
    assert len(servers) == 1 and len(working_in(tmp_path)) >= 1
    started.kill()
    started.wait()

    until(lambda: not working_in(tmp_path) and not any(Path(f"/proc/{each}").exists() for each in servers))


def test_none_is_prepared_but_where_that_was_asked_for(tmp_path: Path):
    code = f"""
import sys; sys.path.insert(0, {str(Path(support.__path__[0]).parent)!r})
import os
from pathlib import Path
from headwater_catalog import sandbox
from headwater_catalog.confinement.processes import children
from headwater_catalog.prepared import prepared_processes
from support.forked import ACCESS, forked
def run():
    assert sandbox.run(forked("pass"), Path({str(tmp_path)!r}), access=ACCESS).code == 0
    return len(children(os.getpid()))
told = [run(), run()]
with prepared_processes():
    with prepared_processes():
        told.append(run())
    told.append(run())
print(*told, run())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "0 0 1 1 0\n"


def test_arrow_is_alone_where_tables_are_opened():
    """Were pandas there, Arrow would make its values of some types, and know more types of columns."""
    names = [*confined_tables.IMPORTED, "sys"]
    code = f"import {', '.join(names)}; print('pandas' in sys.modules, 'pyarrow.parquet' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False True\n"


def test_what_a_run_has_loaded_is_told_alike(run, tmp_path: Path):
    code = "from headwater_catalog.loaded_packages import environment; print(environment())"
    program = replace(forked(code), imports=interpreters.IMPORTED)
    wait_until_prepared(tmp_path, program.imports)

    assert run(program) == run(replace(program, is_apart=True))


def test_linear_algebra_goes_on_in_what_was_forked(run, tmp_path: Path):
    """Its threads are not forked; it must start others."""
    code = """
import numpy, pandas
square = numpy.random.default_rng(1).normal(size=(400, 400))
print(numpy.allclose(square @ numpy.linalg.inv(square), numpy.eye(400)), pandas.Series([1, 2]).sum())
"""
    program = replace(forked(code), imports=interpreters.PREPARED)
    wait_until_prepared(tmp_path, program.imports)

    assert run(program) == "True 3\n"


MINE = """
def __getattr__(name: str) -> object:
    return object


def mine(x: int) -> int:
    return x + 1


"""
PROJECT = """
[tool.headwater.dataflows.ours]
modules = ["ours"]

[tool.headwater.dataflows.theirs]
modules = ["pprint"]
"""


def test_a_repository_may_bring_modules_of_names_that_pandas_needs(tmp_path: Path, git_repo: GitRepo):
    files = {"pprint.py": MINE, "ours.py": MINE, "pyproject.toml": PROJECT}
    git_repo.commit("Bring a module named as one of Python's", files=files)
    url = f"sqlite:///{tmp_path / 'headwater.db'}"
    empty_catalog(url).dispose()
    catalog = make_catalog(url, git_repo, tmp_path / "home")
    wait_until_prepared(tmp_path, interpreters.PREPARED)
    runs = [catalog.run("mine", dataflow=name, inputs={"x": 1}) for name in ("ours", "theirs")]
    catalog.database.dispose()

    assert [(run.job.state, run.job.error) for run in runs] == [("succeeded", None)] * 2
    assert [run.preview["values"][0]["text"] for run in runs if run.preview] == ["2", "2"]


def _servers(of: int | None = None) -> list[int]:
    """Return the fork servers of a process; those of this one, where none is named."""
    return [each for each in children(of or os.getpid()) if b"fork_server" in _command(each)]


def _server() -> int:
    """Return the fork server of the programs of these tests."""
    [server] = [number for number in _servers() if b"decimal" in _command(number)]
    return server


def _command(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)

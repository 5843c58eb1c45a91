"""The sandbox: limits hold, nothing leaks in, nothing is left behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater_catalog import sandbox
from headwater_catalog.sandbox import Limits, Outcome
from support.forked import ACCESS, forked, wait_until_prepared
from support.processes import working_in
from support.slow import slow

MEGA = 1024 * 1024


@pytest.fixture(params=["prepared", *slow("anew")])
def run(request: pytest.FixtureRequest, tmp_path: Path):
    """Run code in a process that is started for it, and in one that was prepared before."""

    def run_code(code: str, watch=None, **limits: float) -> Outcome:
        program = _anew(code) if request.param == "anew" else forked(code)
        return sandbox.run(program, tmp_path, Limits(**limits), watch, ACCESS)

    if request.param == "prepared":
        wait_until_prepared(tmp_path)
    return run_code


def _anew(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def test_output_and_exit_code_come_back(run):
    outcome = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")

    assert (outcome.code, outcome.reason) == (3, "")
    assert sorted(outcome.log.split()) == ["err", "out"]


def test_the_environment_is_clean(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    outcome = run("import os; print(*sorted(os.environ))")

    names = ["HOME", "LANG", "OPENBLAS_NUM_THREADS", "OPENBLAS_THREAD_TIMEOUT", "PATH", "TMPDIR", "USER"]
    assert outcome.log.split() == names


def test_it_works_in_its_folder_with_no_input(run, tmp_path: Path):
    outcome = run("import os, sys; print(os.getcwd(), repr(sys.stdin.read()))")

    assert outcome.log.strip() == f"{tmp_path.resolve()} ''"


def test_an_endless_loop_ends_by_processor_time(run):
    outcome = run("while True: pass", cpu_seconds=1)

    assert outcome.reason == "It used more than 1 seconds of processor time."


def test_an_endless_wait_ends_by_the_clock(run):
    outcome = run("import time; time.sleep(600)", wall_seconds=0.5)

    assert outcome.reason == "It ran longer than 0.5 seconds."


def test_endless_output_ends_and_only_its_tail_is_kept(run):
    outcome = run("while True: print('x' * 1000)", output=2 * MEGA)

    assert outcome.reason == "It wrote more than 2 MB of output."
    assert len(outcome.log) < 66_000
    assert outcome.log.startswith("[") and "bytes of output left out" in outcome.log


def test_memory_is_limited(run):
    outcome = run("x = 'a' * (1 << 34)", memory=1024 * MEGA)

    assert outcome.code == 1
    assert "MemoryError" in outcome.log


def test_file_size_is_limited(run):
    outcome = run("open('big', 'wb').write(b'1' * 10_000_000)", file_size=MEGA)

    assert outcome.code == 1
    assert "File too large" in outcome.log


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="what processes use is read in /proc")


@on_linux
def test_memory_that_processes_share_is_counted(run):
    outcome = run(
        """
import mmap, os, time
for _ in range(3):
    if os.fork() == 0:
        held = mmap.mmap(-1, 300 << 20)  # shared, and of no file
        for place in range(0, len(held), 4096):
            held[place] = 1
        time.sleep(600)
time.sleep(600)
""",
        memory=512 * MEGA,
        wall_seconds=60,
    )

    assert outcome.reason == "Its processes together used more than 512 MB of memory."


@on_linux
def test_shared_memory_is_counted_once(run):
    outcome = run(
        """
import mmap, os, time
held = mmap.mmap(-1, 200 << 20)
for _ in range(4):
    if os.fork() == 0:
        for place in range(0, len(held), 4096):
            held[place] = 1
        time.sleep(4)
        os._exit(0)
time.sleep(4)
""",
        memory=512 * MEGA,
        wall_seconds=60,
    )

    assert (outcome.code, outcome.reason) == (0, "")


@on_linux
def test_files_without_a_name_are_counted(run):
    outcome = run(
        """
import os, time
held = [open(str(number), "wb") for number in range(4)]
for number, file in enumerate(held):
    os.unlink(str(number))
    file.write(bytes(20 << 20))
    file.flush()
time.sleep(600)
""",
        disk=50 * MEGA,
        wall_seconds=60,
    )

    assert outcome.reason == "Its files together took more than 50 MB of disk."


@on_linux
def test_files_in_shared_memory_are_counted_though_nobody_has_mapped_them(run):
    outcome = run(
        """
import os, time
with open("/dev/shm/big", "wb") as file:
    for _ in range(120):
        file.write(bytes(1 << 20))
held = bytearray(420 << 20)
for place in range(0, len(held), 4096):
    held[place] = 1
time.sleep(600)
""",
        memory=512 * MEGA,
        wall_seconds=60,
    )
    if not next(measure.held for measure in outcome.measures if measure.name == "shared memory"):
        pytest.skip("this system gives programs no shared memory of their own")

    assert outcome.reason == "Its processes together used more than 512 MB of memory."


@on_linux
@pytest.mark.parametrize(("mapped", "reason"), [(430, "used more than 512 MB of memory"), (300, "")])
def test_shared_memory_of_no_file_counts_beside_that_of_files(run, mapped: int, reason: str):
    """And what is mapped of files counts once. A process alone cannot map more than it may have in all."""
    seen = "mmap.mmap(-1, 4096)" if reason else "mmap.mmap(file.fileno(), 120 << 20)"
    outcome = run(
        f"""
import mmap, os, time
with open("/dev/shm/big", "w+b") as file:
    for _ in range(120):
        file.write(bytes(1 << 20))
    file.flush()
    seen = {seen}
    shared = mmap.mmap(-1, {mapped} << 20)
    for held in (seen, shared):
        for place in range(0, len(held), 4096):
            held[place] = 1
    time.sleep({4 if not reason else 600})
""",
        memory=512 * MEGA,
        wall_seconds=60,
    )
    if not next(measure.held for measure in outcome.measures if measure.name == "shared memory"):
        pytest.skip("this system gives programs no shared memory of their own")

    assert reason in outcome.reason if reason else (outcome.code, outcome.reason) == (0, "")


@on_linux
def test_what_nobody_could_look_at_twice_is_told(run):
    (told,) = (each for each in run("pass").measures if each.name == "open files")

    assert told.detail == "It ended before anybody could look at its open files twice."


@on_linux
def test_files_below_a_path_that_is_too_long_are_counted(run):
    outcome = run(
        """
import os, time
for _ in range(30):
    os.mkdir("x" * 200)
    os.chdir("x" * 200)
with open("big", "wb") as file:
    file.write(bytes(60 << 20))
time.sleep(600)
""",
        disk=50 * MEGA,
        wall_seconds=60,
    )

    assert outcome.reason == "Its files together took more than 50 MB of disk."


@on_linux
def test_folders_without_end_are_told(run):
    outcome = run(
        """
import os, time
for _ in range(300):
    os.mkdir("x")
    os.chdir("x")
time.sleep(600)
""",
        wall_seconds=60,
    )

    assert outcome.reason == "Its folders are more than 200 deep."


def test_a_watch_can_end_it(run):
    outcome = run("import time; time.sleep(600)", watch=lambda: "Cancelled by ana.")

    assert outcome.reason == "Cancelled by ana."


def test_a_watch_that_raises_leaves_no_process(run, tmp_path: Path):
    def watch() -> None:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)", watch=watch)
    assert not working_in(tmp_path)


def test_what_it_started_ends_with_it_and_what_moved_away_too(run, tmp_path: Path):
    outcome = run("""
import os, time
if os.fork() == 0:  # a daemon as daemons are made
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(1)
    os.close(2)
    open("begun", "w").close()
    time.sleep(600)
while not os.path.exists("begun"):
    time.sleep(0.01)
""")

    assert outcome.code == 0
    assert not working_in(tmp_path)


def test_closing_the_output_does_not_end_the_watch(run):
    outcome = run("import os, time; os.close(1); os.close(2); time.sleep(600)", wall_seconds=0.5)

    assert outcome.reason == "It ran longer than 0.5 seconds."


def test_a_crash_is_named_by_its_signal(run):
    outcome = run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")

    assert outcome.reason == "It was ended by SIGSEGV."


def test_a_package_that_asks_for_the_limits_of_its_control_group_goes_on(run):
    """DuckDB ends its process where the file that names the group is there and closed."""
    outcome = run("import duckdb; print(duckdb.connect().execute('select 6 * 7').fetchone()[0])")

    assert (outcome.reason, outcome.log) == ("", "42\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the processes of a folder are sought in /proc")
def test_it_ends_with_the_process_that_started_it(tmp_path: Path):
    (tmp_path / "own").mkdir()
    code = "import time; open('begun', 'w').close(); time.sleep(600)"
    parent = f"""
import sys; from pathlib import Path; from headwater_catalog import sandbox
sandbox.run([sys.executable, "-I", "-c", {code!r}], Path({str(tmp_path / "own")!r}))
"""
    started = subprocess.Popen([sys.executable, "-c", parent])
    until(lambda: (tmp_path / "own" / "begun").exists())
    assert working_in(tmp_path)
    started.kill()
    started.wait()

    until(lambda: not working_in(tmp_path))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)

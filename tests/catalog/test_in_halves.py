"""Source trees that are read by two processes say what they say to one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from headwater_catalog.demo import init_synthetic
from headwater_catalog.in_halves import halved, in_halves
from support.slow import slow

HALVES = {"large": 150_000, "other": 140_000, "small": 9_000}
NOTHING = 0, ["nothing"]

two_processes = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="there is one processor, which does all of it"
)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests count as commands do, which have no threads; those of a test runner only wait."""
    monkeypatch.setattr("headwater_catalog.in_halves.threading.active_count", lambda: 1)


def _names(names: Collection[str]) -> tuple[int, list[str]]:
    return os.getpid(), sorted(names)


def test_halves_are_alike_and_lose_nothing():
    mine, others = halved(HALVES)

    assert (mine, others) == ({"large"}, {"other", "small"})
    assert halved({}) == (frozenset(), frozenset())


@two_processes
def test_the_other_half_is_done_by_another_process():
    with in_halves(HALVES, _names, NOTHING) as (mine, others):
        pid, names = others()

    assert pid != os.getpid()
    assert {*mine, *names} == set(HALVES)
    assert not mine.intersection(names)


@two_processes
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_what_a_process_fails_to_do_is_done_here(end: signal.Signals | None):
    here = os.getpid()

    def work(names: Collection[str]) -> tuple[int, list[str]]:
        if os.getpid() != here:
            if end is None:
                raise RuntimeError("no")
            os.kill(os.getpid(), end)
        return _names(names)

    with in_halves(HALVES, work, NOTHING) as (_, others):
        assert others() == (here, ["other", "small"])


@two_processes
def test_a_process_that_is_not_waited_for_ends(monkeypatch: pytest.MonkeyPatch):
    begun, fork = [], os.fork

    def noted() -> int:
        begun.append(fork())
        return begun[-1]

    monkeypatch.setattr("headwater_catalog.in_halves.os.fork", noted)

    def much(names: Collection[str]) -> bytes:
        return bytes(10_000_000)  # more than a pipe holds

    with pytest.raises(RuntimeError, match="here"), in_halves(HALVES, much, b""):
        raise RuntimeError("here")

    with pytest.raises(ChildProcessError):
        os.waitpid(begun[0], os.WNOHANG)


@pytest.mark.parametrize("sizes", [{"one": 500_000}, {"one": 900, "two": 900}, {}])
def test_little_is_done_by_one(sizes: dict[str, int]):
    with in_halves(sizes, _names, NOTHING) as (mine, others):
        assert mine == set(sizes)
        assert others() is NOTHING


def test_a_process_with_threads_is_not_copied(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headwater_catalog.in_halves.threading.active_count", lambda: 2)

    with in_halves(HALVES, _names, NOTHING) as (mine, others):
        assert mine == set(HALVES)
        assert others() is NOTHING


@two_processes
@pytest.mark.parametrize("declared", [True, *slow(False)])
def test_commands_say_the_same_of_a_tree_that_two_processes_read(tmp_path: Path, declared: bool):
    repository = tmp_path / "many"
    init_synthetic(repository, features=800, commits=3)
    module = sorted(repository.glob("features/*/part_*.py"))[3]
    module.write_text(
        module.read_text()
        + "\n\n@tag(pii='true')\ndef lately(raw_orders: int) -> int:\n    return 1\n"
        + "\n\ndef unannotated(raw_orders):\n    return 1\n"
        + "".join(f"\n\ndef doubled(raw_orders: int) -> int:\n    return {each}\n" for each in range(2))
    )
    if not declared:
        (repository / "pyproject.toml").unlink()
    commands = [
        ["read", ".", "--json"],
        ["check", "--json", "--all"],
        ["check", "--json", "--base", "HEAD~2"],
    ]

    for command in commands:
        told = [_printed(repository, command, processors) for processors in ({0, 1}, {0})]
        assert told[0] == told[1]
        assert json.loads(told[0])


def _printed(folder: Path, command: list[str], processors: set[int]) -> str:
    """Return what a command prints that has so many processors."""
    chosen = sorted(os.sched_getaffinity(0))[: len(processors)]
    code = (
        f"import os; os.sched_setaffinity(0, {chosen}); from headwater_web.cli import main; main({command!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout

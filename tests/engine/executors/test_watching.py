import signal
import threading
import time
from pathlib import Path

import pytest

from headwater.errors import NodeFailed
from headwater.executors.grouping import GroupNodesAllAsOne
from headwater.executors.tasks import RunContext, TaskImplementation, execute_task
from headwater.executors.watching import Watch
from headwater.executors.worker_notes import Note, Notes, take_note

SLEEPING = """
    import pathlib, time
    from headwater import tag

    def short(a: int, path: str) -> bytes: return pathlib.Path(path).read_bytes()

    @tag(**{"resources.seconds": "0.1"})
    def long(short: bytes, path: str, pause: float) -> list[bytes]:
        until = time.monotonic() + pause
        while time.monotonic() < until:
            time.sleep(0.01)
        return [short, pathlib.Path(path).read_bytes()]
"""


@pytest.fixture
def watched(tasks, tmp_path):
    """Give what runs a task under a watch, and returns its value, what was told and what was measured."""

    def watched(pause):
        tasks.grouping = GroupNodesAllAsOne()
        path = tmp_path / "note"
        given = {"a": 1, "pause": pause, "path": str(path)}
        (spec,) = tasks.plan(SLEEPING, "long", **given).specs
        task = TaskImplementation(spec, RunContext(), dynamic_inputs=given)
        told, seconds = [], {}
        with Notes.begun(path) as notes:
            notes.element(3)
            with Watch(task, None, notes, told.append, seconds) as watch:
                value = execute_task(task, watch)["long"]
        assert not path.exists()
        return value, told, seconds

    return watched


def _in_a_thread(function, *arguments):
    """Return what a function returns in a thread, where nothing can be interrupted."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*arguments)))
    thread.start()
    thread.join()
    return found[0]


def test_each_node_is_noted_before_it_runs_and_measured(watched):
    before = time.time()
    (short, long), told, seconds = watched(0.0)

    assert told == [] and set(seconds) == {"short", "long"}
    assert [(note.element, note.node) for note in map(Note, (short, long))] == [(3, 1), (3, 2)]
    assert Note(short).deadline == 0
    assert before + 5 < Note(long).deadline < time.time() + 6


def test_a_node_that_takes_too_long_is_interrupted(watched):
    handler = signal.getsignal(signal.SIGALRM)
    with pytest.raises(NodeFailed, match=r"'long' has been running for more than 0.1 s, the most") as caught:
        watched(60.0)

    assert caught.value.node == "long"
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_where_it_cannot_be_interrupted_that_is_told_once(watched):
    _, told, seconds = _in_a_thread(watched, 0.4)

    assert told == [{"task": "root", "node": "long", "limit": 0.1}]
    assert seconds["long"] >= 0.4


def test_what_is_done_in_time_is_not_told_of(watched):
    (_, long), told, _ = _in_a_thread(watched, 0.0)

    assert told == []
    assert Note(long).deadline == 0  # nothing will end this process


def test_a_note_is_taken_once(tmp_path):
    path = Path(tmp_path, "note")
    with Notes.begun(path) as notes:
        notes.element(2)
        notes.node(7)
        data = take_note(path)

    note = Note(data)
    assert (note.element, note.node, note.deadline) == (2, 7, 0.0)
    assert take_note(path) is None


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    with Notes.begun(tmp_path / "file" / "note") as notes:
        notes.element(1)

"""Tasks on a real Spark of this machine: what fails there, what never ends, and what is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors.spark_tasks import SparkTaskExecutor
from support.processes import is_running
from support.spark_session import on_spark

ENDLESS = """
    import os, pathlib, time

    def number() -> Parallelizable[int]:
        yield from range(2)

    def before(number: int) -> int:
        return number

    def slow(before: int, folder: str) -> int:
        while before == 1:
            (pathlib.Path(folder) / "endless").write_text(str(os.getpid()))
            time.sleep(0.05)
        return before

    def total(slow: Collect[int]) -> int:
        return sum(slow)
"""

KILLED = ENDLESS.replace("while before == 1:", "while before == 1 and not os.kill(os.getpid(), 9):")


def until_gone(found: list[int]) -> list[int]:
    """Wait a little for processes to end, and return those that did not."""
    until = time.monotonic() + 20
    while any(map(is_running, found)) and time.monotonic() < until:
        time.sleep(0.1)
    return [process for process in found if is_running(process)]


@on_spark
def test_a_worker_that_dies_is_told_with_the_node_that_it_computed(on_session, tmp_path) -> None:
    with pytest.raises(NodeFailed) as caught:
        on_session.run(KILLED, "total", folder=str(tmp_path))

    assert caught.value.node == "slow"
    message = str(caught.value)
    assert "while it computed" in message and "features.py:" in message and "'slow'" in message
    assert "exited unexpectedly" in message and "the task 'expand-number." in message
    assert on_session.run(ENDLESS.replace("== 1", "== 2"), "total", folder=str(tmp_path)) == 1


STUBBORN = """
            try:
                time.sleep(0.05)
            except Exception:
                pass
"""


@on_spark
@pytest.mark.parametrize("sleep", ["time.sleep(0.05)", STUBBORN.strip()], ids=["gives up", "goes on"])
def test_a_task_that_takes_too_long_is_ended_and_told(on_session, tmp_path, sleep) -> None:
    on_session.remote = SparkTaskExecutor(seconds=1)
    endless = ENDLESS.replace("time.sleep(0.05)", sleep)

    with pytest.raises(NodeFailed, match="'slow' failed with TimeoutError: it took longer than the 1 sec"):
        on_session.run(endless, "total", folder=str(tmp_path))
    assert on_session.run(ENDLESS.replace("== 1", "== 2"), "total", folder=str(tmp_path)) == 1


@on_spark
def test_an_interruption_leaves_no_worker_in_a_task_that_never_ends(on_session, tmp_path) -> None:
    def interrupt() -> None:
        while not (tmp_path / "endless").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process of pytest-xdist ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            on_session.run(ENDLESS, "total", folder=str(tmp_path))
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()

    assert until_gone([int((tmp_path / "endless").read_text())]) == []
    assert on_session.run(ENDLESS.replace("== 1", "== 2"), "total", folder=str(tmp_path)) == 1


NATIVE = ENDLESS.replace("while before == 1:", "while before == 1 and sum(range(10**14)):")


@on_spark
def test_native_code_that_never_comes_back_is_ended_with_its_process(on_session, tmp_path) -> None:
    on_session.remote = SparkTaskExecutor(seconds=0.5)

    with pytest.raises(NodeFailed, match=r"'slow': .*It took longer than it may") as caught:
        on_session.run(NATIVE, "total", folder=str(tmp_path))
    assert caught.value.node == "slow"
    assert on_session.run(ENDLESS.replace("== 1", "== 2"), "total", folder=str(tmp_path)) == 1


@on_spark
def test_a_function_that_ends_its_process_is_told(on_session, tmp_path) -> None:
    leaving = ENDLESS.replace("while before == 1:", "while before == 1 and exit(3):")

    with pytest.raises(NodeFailed, match="'slow': SystemExit: 3"):
        on_session.run(leaving, "total", folder=str(tmp_path))


@on_spark
def test_the_session_of_another_thread_is_taken_and_goes_on(on_session, tmp_path, spark_session) -> None:
    ended = ENDLESS.replace("== 1", "== 2")
    totals: list[int] = []
    thread = threading.Thread(
        target=lambda: totals.append(on_session.run(ended, "total", folder=str(tmp_path)))
    )
    thread.start()
    thread.join()

    assert (totals, spark_session.range(3).count()) == ([1], 3)


NOTEBOOK = """
    from headwater.ad_hoc import create_temporary_module
    from headwater.builder import Builder
    from headwater.executors.spark_tasks import SparkTaskExecutor
    from headwater.htypes import Collect, Parallelizable

    def number() -> Parallelizable[int]:
        yield from range(3)

    def twice(number: int) -> int:
        return helped(number)

    def total(twice: Collect[int]) -> int:
        return sum(twice)

    def helped(number):
        return 2 * number

    def run(executor):
        module = create_temporary_module(number, twice, total)
        builder = Builder().with_modules(module).enable_dynamic_execution(allow_experimental_mode=True)
        return builder.with_remote_executor(executor).build().execute(["total"])
"""


@on_spark
def test_functions_that_workers_cannot_import_travel_whole(on_session) -> None:
    namespace = {"__name__": "__main__"}
    exec(textwrap.dedent(NOTEBOOK), namespace)

    assert namespace["run"](on_session.remote) == {"total": 6}


@on_spark
def test_what_cannot_travel_is_told_with_its_node(on_session) -> None:
    source = """
        from typing import Any

        def number() -> Parallelizable[int]:
            yield 1

        def open_one(number: int) -> Any:
            return (each for each in range(number))

        def total(open_one: Collect[Any]) -> int:
            return sum(map(sum, open_one))
    """
    with pytest.raises(
        NodeFailed, match="'open_one' returns a value of type generator, which cannot be sent"
    ):
        on_session.run(source, "total")


SCRIPT = """
    import pathlib, sys, warnings
    from pyspark.sql import SparkSession

    from headwater.builder import Builder
    from headwater.errors import HeadwaterError
    from headwater.executors.spark_tasks import SparkTaskExecutor
    import flaky
    from left import left

    def run(executor, count):
        builder = Builder().with_modules(flaky).enable_dynamic_execution(allow_experimental_mode=True)
        driver = builder.with_remote_executor(executor).build()
        return driver.execute(["total"], inputs={"count": count, "folder": sys.argv[1]})["total"]

    if __name__ == "__main__":
        print("own", run(SparkTaskExecutor(max_tasks=2), 3), SparkSession.getActiveSession(), left())
        try:
            run(SparkTaskExecutor(max_tasks=2), 4)
        except Exception as error:
            print("died", "exited unexpectedly" in str(error), left())
        (pathlib.Path(sys.argv[1]) / "tried").unlink()
        conf = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
                "spark.driver.bindAddress": "127.0.0.1"}
        session = SparkSession.builder.master("local[2,3]").config(map=conf).getOrCreate()
        print("again", run(SparkTaskExecutor(session), 4))
        session.stop()
        try:
            run(SparkTaskExecutor(session), 4)
        except HeadwaterError as error:
            print(error)
"""
FLAKY = """
    import os, pathlib
    from headwater.htypes import Collect, Parallelizable

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def once_killed(number: int, folder: str) -> int:
        tried = pathlib.Path(folder) / "tried"
        if number == 3 and not tried.exists():
            tried.touch()
            os.kill(os.getpid(), 9)
        return number

    def total(once_killed: Collect[int]) -> int:
        return sum(once_killed)
"""


LEFT = """
    import os, tempfile

    def children():
        of = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                state, parent = open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[:2]
                of.setdefault(int(parent), []).append(int(name))
            except OSError:
                pass
        return of.get(os.getpid(), [])

    def left():
        return children(), os.listdir(tempfile.gettempdir())
"""
DYING = """
    import os, pathlib, signal, sys, threading, time

    from headwater.builder import Builder
    from headwater.executors.spark_tasks import SparkTaskExecutor
    import endless
    from left import children, left

    def run(which):
        builder = Builder().with_modules(endless).enable_dynamic_execution(allow_experimental_mode=True)
        driver = builder.with_remote_executor(SparkTaskExecutor(max_tasks=2)).build()
        return driver.execute(["total"], inputs={"folder": sys.argv[1], "which": which})["total"]

    def kill():
        while not (pathlib.Path(sys.argv[1]) / "endless").exists():
            time.sleep(0.05)
        for child in children():
            os.kill(child, signal.SIGKILL)

    if __name__ == "__main__":
        threading.Thread(target=kill).start()
        try:
            run(1)
        except Exception as error:
            print(*error.__notes__[0].splitlines()[:1])
        print(left())
        print(run(2), left())
"""


def done(folder: Path, **files: str) -> list[str]:
    """Run a script beside some modules, in a process with a temporary folder of its own."""
    for name, source in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    (folder / "left.py").write_text(textwrap.dedent(LEFT))
    (folder / "temporary").mkdir()
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    ended = subprocess.run(
        [sys.executable, "script.py", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder / "temporary")},
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert list((folder / "temporary").iterdir()) == []
    return ended.stdout.splitlines()


@pytest.mark.timeout(600)  # a JVM takes a minute to start where many others are busy
@on_spark
def test_starts_a_spark_of_its_own_and_lets_spark_try_again(tmp_path, spark_session) -> None:
    own, died, again, stopped = done(tmp_path, script=SCRIPT, flaky=FLAKY)

    assert own == "own 3 None ([], [])"  # no JVM, no files
    assert died == "died True ([], [])"  # what Spark told can be read without its JVM
    assert again == "again 6" and (tmp_path / "tried").exists()
    assert stopped.startswith("The session of this SparkTaskExecutor has ended.")


@pytest.mark.timeout(600)  # a JVM takes a minute to start where many others are busy
@on_spark
def test_a_jvm_that_is_killed_is_told_leaves_nothing_and_is_replaced(tmp_path, spark_session) -> None:
    source = "from headwater.htypes import Collect, Parallelizable\n" + textwrap.dedent(ENDLESS)
    source = source.replace("before: int, folder", "before: int, which: int, folder").replace(
        "== 1", "== which"
    )
    told, left, replaced = done(tmp_path, script=DYING, endless=source)

    assert "while it computed" in told and "'slow': its JVM has ended." in told
    assert left == "([], [])"
    assert replaced == "1 ([], [])"


@pytest.mark.parametrize(
    ("given", "told"), [({"max_tasks": 0}, "leaves no task"), ({"seconds": 0}, "no time")]
)
def test_numbers_that_mean_nothing_are_refused(given, told) -> None:
    with pytest.raises(HeadwaterError, match=told):
        SparkTaskExecutor(**given)


def test_a_task_needs_an_execution() -> None:
    with pytest.raises(HeadwaterError, match=r"Call init\(\) before a task"):
        SparkTaskExecutor().prepare([], None)  # type: ignore[arg-type]

"""What happens on a Dask cluster when things go wrong: each test breaks a cluster of its own."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors import SingleExecutionManager, dask_clusters
from headwater.executors.dask_tasks import DaskExecutor
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesAllAsOne, GroupNodesIndividually
from support.dask_cluster import imported_dask, local_cluster
from support.dask_workers import active

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("dask")]

_NO_MORE = {"distributed.scheduler.allowed-failures": 0}
_ONE_MORE = {"distributed.scheduler.allowed-failures": 1}
"""A task is begun twice at most where workers die under it."""


@pytest.fixture
def execute(tasks, tmp_path, monkeypatch):
    """Give what executes a module's source on a cluster, every node a task."""
    monkeypatch.syspath_prepend(tmp_path)

    def execute(executor, source, output, grouping=None, **given):
        runner = TaskBasedGraphExecutor(
            SingleExecutionManager(executor), grouping or GroupNodesIndividually()
        )
        return runner.execute(tasks.graph(source), [output], given)[output]

    return execute


@pytest.fixture
def cluster():
    """Give what starts a cluster with some configuration, and ends it."""
    dask = imported_dask()

    @contextmanager
    def cluster(config=None, **options):
        with dask.config.set(config or {}), local_cluster(**options) as client:
            yield client

    return cluster


DYING = """
    import os, pathlib, time

    def begun(folder: str, table: list[int]) -> list[int]:
        (pathlib.Path(folder) / f"begun-{time.time_ns()}").touch()
        return table

    def dying(begun: list[int], folder: str, deaths: int) -> int:
        found = len(list(pathlib.Path(folder).glob("died-*")))
        if found < deaths:
            (pathlib.Path(folder) / f"died-{found}").touch()
            os._exit(1)
        return sum(begun)

    def after(dying: int, table: list[int]) -> int:
        return dying + len(table)
"""


def test_a_worker_that_dies_in_the_middle_costs_only_what_was_on_it(execute, cluster, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    with cluster() as client:
        table = [1] * 10_000  # large enough to be sent once, apart from the tasks
        given = {"folder": str(folder), "deaths": 1, "table": table}
        assert execute(DaskExecutor(client=client), DYING, "after", **given) == 20_000

    assert len(list(folder.glob("died-*"))) == 1
    # What the dead worker had made of it was lost, and made again where it was needed.
    assert 1 <= len(list(folder.glob("begun-*"))) <= 2


@pytest.mark.parametrize("tag", ["", '@tag(**{"resources.seat": "1"})'])
@pytest.mark.parametrize("read", ["start", "begun"])
def test_groups_that_read_the_same_are_taken_by_workers_that_are_free(execute, cluster, tmp_path, read, tag):
    count = 6  # more than twice the workers: fewer stay where the value is that they read
    source = """
        import os, pathlib, time
        from headwater import tag

        def begun(start: int) -> int:
            return start
    """
    for number in range(count):
        source += f"""
        {tag}
        def lane{number}({read}: int, folder: str) -> int:
            (pathlib.Path(folder) / str(os.getpid())).touch()
            until = time.monotonic() + 30
            while len(list(pathlib.Path(folder).iterdir())) < 2:
                assert time.monotonic() < until, "the other worker has nothing to do"
                time.sleep(0.02)
            return {read}
    """
    lanes = [f"lane{number}" for number in range(count)]
    source += f"""
        def total({", ".join(f"{lane}: int" for lane in lanes)}) -> int:
            return {" + ".join(lanes)}
    """
    folder = tmp_path / "processes"
    folder.mkdir()
    # Who has nothing to do would take some from the other one after a while.
    with cluster({"distributed.scheduler.work-stealing": False}, resources={"seat": 1}) as client:
        total = execute(DaskExecutor(client=client), source, "total", start=1, folder=str(folder))

    assert total == count


def test_a_node_under_which_every_worker_dies_is_named(execute, cluster, tmp_path):
    with cluster(_ONE_MORE) as client, pytest.raises(NodeFailed) as caught:
        given = {"folder": str(tmp_path), "deaths": 100, "table": [1]}
        execute(DaskExecutor(client=client), DYING, "after", GroupNodesAllAsOne(), **given)

    assert caught.value.node == "dying"
    message = str(caught.value)
    assert "Every worker of Dask that was given it died while it computed " in message
    assert "'dying', number 2 of 3 nodes of the task 'root'" in message
    assert "A worker may use" in message
    assert len(list(tmp_path.glob("died-*"))) == 2


def test_a_cluster_of_its_own_that_has_lost_its_workers_for_good_is_given_up(execute, monkeypatch):
    # As after some deaths within 15 seconds each: Dask starts none anew that it misses at that moment.
    config = {"distributed.deploy.lost-worker-timeout": "0ms"}
    monkeypatch.setattr(dask_clusters, "_DESERTED", "500ms")
    dying = "import os\ndef dying(number: int) -> int: os._exit(1)"

    with (
        imported_dask().config.set(config),
        pytest.raises(NodeFailed, match=r"'dying': .*without any running workers"),
    ):
        execute(DaskExecutor(workers=1), dying, "dying", number=1)


def test_too_little_memory_is_told_with_the_node(execute, cluster):
    source = """
        import time

        def size(start: int) -> int:
            return start

        def hoarding(size: int) -> int:
            hoard = [bytearray(b"x") * (20 * 2**20) for _ in range(size)]
            time.sleep(600)  # until the nanny looks at it
            return len(hoard)
    """
    with cluster(_ONE_MORE, memory_limit="300MiB") as client, pytest.raises(NodeFailed) as caught:
        execute(DaskExecutor(client=client), source, "hoarding", GroupNodesAllAsOne(), start=30)

    assert caught.value.node == "hoarding"
    assert "perhaps for want of memory" in str(caught.value)
    assert "A worker may use 314,572,800 bytes" in str(caught.value)


SLEEPING = """
    import time
    from headwater import tag

    def number() -> Parallelizable[int]:
        yield from (0, 1)

    @tag(**{"resources.seconds": "0.5"})
    def slow(number: int) -> int:
        time.sleep(600 * number)
        return number

    def total(slow: Collect[int]) -> int:
        return sum(slow)
"""


def test_a_node_that_never_ends_is_given_up_and_its_worker_is_free_again(execute, cluster):
    with cluster() as client:
        began = time.monotonic()
        with pytest.raises(NodeFailed) as caught:
            execute(DaskExecutor(client=client), SLEEPING, "total")
        assert time.monotonic() - began < 120

        assert caught.value.node == "slow"
        assert "'slow' has been running for more than 0.5 s, the most that its tag" in str(caught.value)
        assert set(active(client)) == {0}
        # The cluster is as good as before.
        assert execute(DaskExecutor(client=client), "def n(a: int) -> int: return a + 1", "n", a=1) == 2


def test_a_node_that_lets_no_other_thread_run_is_ended_all_the_same(execute, cluster):
    source = """
        import re
        from headwater import tag

        def before(text: str) -> str:
            return text

        @tag(**{"resources.seconds": "0.5"})
        def deaf(before: str) -> bool:
            return re.match(r"(a+)+$", before) is not None
    """
    with cluster(_NO_MORE, workers=1) as client, pytest.raises(NodeFailed) as caught:
        execute(DaskExecutor(client=client), source, "deaf", GroupNodesAllAsOne(), text="a" * 60 + "b")

    assert caught.value.node == "deaf"
    told = "'deaf', number 2 of 2 nodes of the task 'root', which took longer than the 0.5 s that it may"
    assert told in str(caught.value)


@pytest.mark.parametrize("by", ["client", "address"])
def test_a_failure_ends_what_runs_beside_it(execute, cluster, tmp_path, by):
    source = """
        import pathlib, time

        def number() -> Parallelizable[int]:
            yield from (0, 1)

        def either(number: int, folder: str) -> int:
            begun = pathlib.Path(folder, "begun")
            if number == 0:
                while not begun.exists():
                    time.sleep(0.02)
                raise ValueError("no")
            begun.touch()
            time.sleep(600)

        def total(either: Collect[int]) -> int:
            return sum(either)
    """
    with cluster() as client:
        given = {"client": client} if by == "client" else {"address": client.scheduler.address}
        with pytest.raises(NodeFailed, match="'either' failed with ValueError: no"):
            execute(DaskExecutor(**given), source, "total", folder=str(tmp_path))
        assert set(active(client)) == {0}


def test_a_cluster_that_goes_away_is_told(execute, cluster, tmp_path):
    source = """
        import pathlib, time

        def waiting(folder: str) -> int:
            pathlib.Path(folder, "begun").touch()
            time.sleep(600)
            return 1
    """

    def end(cluster):
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        cluster.close()

    with cluster() as client:
        ending = threading.Thread(target=end, args=(client.cluster,))
        ending.start()
        with pytest.raises(NodeFailed, match=r"The Dask cluster gave up .*'waiting'") as caught:
            execute(DaskExecutor(client=client), source, "waiting", folder=str(tmp_path))
        ending.join()
    assert caught.value.node == "waiting"


def test_a_cluster_that_is_not_there_is_told(execute, cluster):
    with (
        imported_dask().config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(HeadwaterError, match=r"The Dask cluster at tcp://127.0.0.1:9 cannot be used"),
    ):
        execute(DaskExecutor(address="tcp://127.0.0.1:9"), "def n(a: int) -> int: return a", "n", a=1)


OWN = """
import os, signal, sys, threading, time
from pathlib import Path
from headwater.ad_hoc import module_from_source
from headwater.build import build
from headwater.executors import SingleExecutionManager
from headwater.executors.dask_tasks import DaskExecutor
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesIndividually
from headwater.function import functions_of

SOURCE = '''
import os, pathlib, time
def process(start: int) -> int: return os.getpid()
def endless(process: int, folder: str) -> int:
    (pathlib.Path(folder) / "endless").touch()
    time.sleep(600)
    return process
'''

def interrupt():
    while not Path("endless").exists():
        time.sleep(0.05)
    # A terminal tells all processes of the program.
    for child in psutil.Process().children(recursive=True):
        child.send_signal(signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)

if __name__ == "__main__":
    import psutil
    executor = DaskExecutor(workers=2, memory_limit="600MiB")
    runner = TaskBasedGraphExecutor(SingleExecutionManager(executor), GroupNodesIndividually())
    graph = build(functions_of(module_from_source(SOURCE, "own")), {})
    print("elsewhere", runner.execute(graph, ["process"], {"start": 1})["process"] != os.getpid())
    threading.Thread(target=interrupt).start()
    try:
        runner.execute(graph, ["endless"], {"start": 1, "folder": os.getcwd()})
    except KeyboardInterrupt:
        print("interrupted")
    executor.finalize()
    # Python itself keeps a process that watches over shared memory, once one was spawned.
    left = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    print("processes", [one for one in left if "resource_tracker" not in one])
    print("listening", [one for one in psutil.Process().net_connections() if one.status == psutil.CONN_LISTEN])
    print("folders", list(Path(os.environ["TMPDIR"]).iterdir()))
"""


def test_a_cluster_of_its_own_leaves_nothing_also_when_it_is_interrupted(tmp_path):
    imported_dask()
    (tmp_path / "own_cluster.py").write_text(OWN)
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "own_cluster.py"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TMPDIR": str(tmp_path / "tmp"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )

    assert done.stdout.splitlines() == [
        "elsewhere True",
        "interrupted",
        "processes []",
        "listening []",
        "folders []",
    ], done.stderr
    assert done.stderr == ""

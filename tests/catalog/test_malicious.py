"""Features that mean harm, executed by a worker: each fails with a reason, or harms nothing; nothing is left."""

import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent

import pytest

from headwater_catalog.repositories import get_repository, set_trust
from headwater_catalog.sandbox import Limits
from headwater_catalog.store.models import Run
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.processes import working_in
from support.run_catalog import Catalog, make_catalog

MEGA = 1024 * 1024
PROJECT = "[tool.headwater.dataflows.evil]\nmodules = ['evil']\n"

HARM = {
    "fork_bomb": "while True: os.fork()",
    "patient_fork_bomb": """
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """,
    "thread_bomb": """
        import threading
        while True:
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    """,
    "memory_bomb": "x = bytearray(1 << 34)",
    "shared_memory_bomb": """
        for _ in range(8):
            if os.fork() == 0:
                x = bytearray(os.urandom(1)) * (400 << 20)
                time.sleep(600)
        time.sleep(600)
    """,
    "reads_database": "open({database!r}, 'rb').read()",
    "links_database": "os.link({database!r}, Path.home() / 'mine.db')",
    "lists_home_of_catalog": "os.listdir({home!r})",
    "reads_secret_of_server": "open({home!r} + '/secret-key').read()",
    "lists_other_runs": "os.listdir({home!r} + '/work')",
    "reads_other_run": "open({other!r}).read()",
    "writes_other_run": "open({other!r}, 'w').write('forged')",
    "reads_environment_of_worker": "open('/proc/{pid}/environ', 'rb').read()",
    "reads_memory_of_worker": "open('/proc/{pid}/mem', 'rb').read(1)",
    "lists_home_of_user": "os.listdir({user!r})",
    "reads_passwords": "open('/etc/shadow').read()",
    "writes_outside": "open({outside!r}, 'w').write('x')",
    "writes_shared_folder": "open('/tmp/headwater-was-here', 'w').write('x')",
    "writes_its_commit": "open('evil.py', 'a').write('x')",
    "moves_its_commit": "os.rename(os.getcwd(), Path.home() / 'tree')",
    "starts_a_shell": "import subprocess; subprocess.run(['/bin/sh', '-c', 'id'])",
    "asks_tcp": "socket.create_connection(('127.0.0.1', {tcp}), timeout=5)",
    "asks_tcp_well": "return socket.create_connection(('127.0.0.1', {tcp}), timeout=5).getpeername()[1]",
    "asks_kernel_socket": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0)",
    "asks_udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "asks_a_name": "import urllib.request; urllib.request.urlopen('http://db.example.org/')",
    "asks_unix_socket": "socket.socket(socket.AF_UNIX).connect({unix!r})",
    "asks_abstract_socket": "socket.socket(socket.AF_UNIX).connect('\\0' + {abstract!r})",
    "signals_parent": "os.kill(os.getppid(), 15)",
    "signals_worker": "os.kill({pid}, 15)",
    "traces_parent": "_call(101 if MACHINE == 'x86_64' else 117, 16, os.getppid(), 0, 0)",
    "mounts": "_call(165 if MACHINE == 'x86_64' else 40, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "makes_namespace": "_call(272 if MACHINE == 'x86_64' else 97, 0x10000000)",
    "makes_namespace_by_clone": "_call(56 if MACHINE == 'x86_64' else 220, 0x10000011, 0, 0, 0, 0)",
    "sets_up_io_uring": "_call(425, 8, ctypes.create_string_buffer(120))",
    "loads_bpf": "_call(321 if MACHINE == 'x86_64' else 280, 0, 0, 0)",
    "becomes_root": "os.setuid(0); os.listdir({user!r})",
    "many_files": """
        for number in range(10**6):
            (Path.home() / str(number)).touch()
    """,
    "large_file": "(Path.home() / 'big').write_bytes(bytes(64 << 20))",
    "much_disk": """
        for number in range(10**6):
            (Path.home() / str(number)).write_bytes(bytes(16 << 20))
            time.sleep(0.05)
    """,
    "enormous_result": """
        with open(Path.home() / "result.json", "w") as file:
            file.write("[" * (80 << 20))
        os._exit(0)
    """,
    "deep_result": """
        (Path.home() / "result.json").write_text("[" * 200_000)
        os._exit(0)
    """,
    "result_that_leads_away": """
        os.symlink({database!r}, Path.home() / "result.json")
        os._exit(0)
    """,
    "result_that_is_a_pipe": """
        os.mkfifo(Path.home() / "result.json")
        os._exit(0)
    """,
    "silent_and_endless": """
        os.close(1); os.close(2)
        time.sleep(600)
    """,
    "leaves_a_daemon": """
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            time.sleep(600)
        return 1
    """,
    "leaves_a_thread": """
        import threading
        threading.Thread(target=time.sleep, args=(600,)).start()
        return 1
    """,
    "leaves_an_exit_handler": """
        import atexit
        atexit.register(lambda: (Path.home() / "result.json").write_text("[]"))
        return 1
    """,
    "returns_what_unpickles": "return Trap()",
    "uses_processes": """
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2) as pool:
            return sum(pool.map(abs, [-1, -2]))
    """,
}
"""Bodies of features, with the places of this test in braces."""

HEAD = """
import ctypes, os, platform, socket, time
from pathlib import Path

MACHINE = platform.machine()


class Trap:
    def __reduce__(self):
        return (open, ({marker!r}, "w"))


def _call(*arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""

FILES = "writes only to a folder of its own"
NETWORK = "asked for the network"
FAILURES = [
    ("fork_bomb", {}, "A run may have 64 processes"),
    ("patient_fork_bomb", {"wall_seconds": 4}, "longer than 4 seconds"),
    ("thread_bomb", {}, "A run may have 64 processes"),
    ("memory_bomb", {}, "A run may use 1,024 MB of memory"),
    ("shared_memory_bomb", {}, "Its processes together used more than 1024 MB of memory"),
    ("reads_database", {}, FILES),
    ("links_database", {}, "Permission|cross-device|not permitted"),
    ("lists_home_of_catalog", {}, FILES),
    ("reads_secret_of_server", {}, FILES),
    ("lists_other_runs", {}, FILES),
    ("reads_other_run", {}, FILES),
    ("writes_other_run", {}, FILES),
    ("reads_environment_of_worker", {}, FILES),
    ("reads_memory_of_worker", {}, FILES),
    ("lists_home_of_user", {}, FILES),
    ("reads_passwords", {}, FILES),
    ("writes_outside", {}, FILES),
    ("writes_shared_folder", {}, FILES),
    ("writes_its_commit", {}, FILES),
    ("moves_its_commit", {}, "Permission|cross-device|not permitted"),
    ("starts_a_shell", {}, "It starts no other programs"),
    ("asks_tcp", {}, NETWORK),
    ("asks_udp", {}, NETWORK),
    ("asks_a_name", {}, r"asked for the network \(db.example.org\).*headwater repo trust"),
    ("asks_unix_socket", {}, "PermissionError"),
    ("asks_abstract_socket", {}, "PermissionError"),
    ("signals_parent", {}, "PermissionError"),
    ("signals_worker", {}, "PermissionError|ProcessLookupError"),
    ("traces_parent", {}, "refused to the code of features"),
    ("mounts", {}, "refused to the code of features"),
    ("makes_namespace", {}, "refused to the code of features"),
    ("makes_namespace_by_clone", {}, "refused to the code of features"),
    ("sets_up_io_uring", {}, "refused to the code of features"),
    ("loads_bpf", {}, "refused to the code of features"),
    ("becomes_root", {}, "PermissionError"),
    ("many_files", {"files": 2000}, "It made more than 2,000 files"),
    ("large_file", {"file_size": 16 * MEGA}, "A file of a run may have 16 MB"),
    ("much_disk", {"disk": 100 * MEGA}, "Its files together took more than 100 MB of disk"),
    ("much_disk", {"spare_disk": 1 << 60}, "of the disk were left"),
    ("enormous_result", {}, "larger than 32,768 kB"),
    ("deep_result", {}, "cannot be read"),
    ("result_that_leads_away", {}, "before it gave a result"),
    ("result_that_is_a_pipe", {}, "before it gave a result"),
    ("silent_and_endless", {"wall_seconds": 3}, "longer than 3 seconds"),
]
HARMLESS = [
    *("leaves_a_daemon", "leaves_a_thread", "leaves_an_exit_handler", "returns_what_unpickles"),
    "uses_processes",
]


class Scene:
    """A catalog with the evil repository, and what is around it."""

    def __init__(self, folder: Path, catalog: Catalog, outside: Path) -> None:
        self.folder = folder
        self.catalog = catalog
        self.outside = outside

    def run(self, output: str, **limits: float) -> Run:
        usual = {"processes": 64, "memory": 1024 * MEGA, "wall_seconds": 60}
        before = time.monotonic()
        run = self.catalog.run(output, limits=Limits(**{**usual, **limits}))
        assert time.monotonic() - before < 45
        return run

    def held(self, run: Run) -> set[str]:
        return {measure["name"] for measure in run.environment["isolation"] if measure["held"]}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("evil")
    home = folder / "home"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "database.socket"))
        unix.listen()
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0headwater-{os.getpid()}")
        abstract.listen()
        places = {
            "database": str(folder / "catalog.db"),
            "home": str(home),
            "other": str(home / "work" / "other" / "notes.txt"),
            "user": str(Path.home()),
            "outside": str(folder / "outside.txt"),
            "marker": str(folder / "unpickled"),
            "unix": str(folder / "database.socket"),
            "abstract": f"headwater-{os.getpid()}",
            "tcp": tcp.getsockname()[1],
            "pid": os.getpid(),
        }
        repo = GitRepo(folder / "repository")
        repo.write("pyproject.toml", PROJECT)
        repo.write("evil.py", _module(places))
        repo.commit("Mean harm")
        url = f"sqlite:///{folder / 'catalog.db'}"
        empty_catalog(url).dispose()
        catalog = make_catalog(url, repo, home)
        _write(Path(places["other"]), "nobody's business")
        _write(home / "secret-key", "secret")
        yield Scene(folder, catalog, folder / "outside.txt")
        catalog.database.dispose()
        abstract.close()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _module(places: dict[str, object]) -> str:
    features = [HEAD.format(**places)]
    for name, body in HARM.items():
        features.append(f"def {name}() -> int:\n{indent(dedent(body).strip(), '    ').format(**places)}\n")
    return "\n\n".join(features)


@pytest.mark.parametrize(("output", "limits", "reason"), FAILURES, ids=[each[0] for each in FAILURES])
def test_harm_ends_as_a_failed_run_with_a_reason_and_leaves_nothing(
    scene: Scene, output: str, limits: dict[str, float], reason: str
):
    run = scene.run(output, **limits)

    assert run.job.state == "failed", run.preview
    assert run.job.error is not None and re.search(reason, run.job.error, re.DOTALL), run.job.error
    _nothing_is_left(scene)


@pytest.mark.parametrize("output", HARMLESS)
def test_what_harms_nothing_goes_on_and_leaves_nothing(scene: Scene, output: str):
    run = scene.run(output)

    assert (run.job.state, run.job.error) == ("succeeded", None)
    assert run.preview is not None and len(run.preview["values"]) == 1
    _nothing_is_left(scene)


def test_a_trusted_repository_has_the_network_and_nothing_else_more(scene: Scene):
    _trust(scene, True)
    try:
        reached, read = scene.run("asks_tcp_well"), scene.run("reads_database")
        odd = scene.run("asks_kernel_socket")
    finally:
        _trust(scene, False)

    assert (reached.job.state, reached.job.error) == ("succeeded", None)
    assert "network" not in scene.held(reached)
    assert odd.job.error is not None and "Address family not supported" in odd.job.error
    assert read.job.error is not None and FILES in read.job.error


def _trust(scene: Scene, is_trusted: bool) -> None:
    with scene.catalog.database.write() as session:
        set_trust(get_repository(session, "shop"), is_trusted)


def test_a_run_says_what_held_it(scene: Scene):
    run = scene.run("leaves_a_thread")
    told = {measure["name"]: measure["held"] for measure in run.environment["isolation"]}

    assert set(told) == {
        *("user", "leftovers", "shared memory", "files", "processes", "system calls", "network", "signals"),
        "open files",
    }
    assert all(measure["detail"].endswith(".") for measure in run.environment["isolation"])


def _nothing_is_left(scene: Scene) -> None:
    home = scene.catalog.settings.home
    assert [path.name for path in (home / "work").iterdir()] == ["other"]
    assert (home / "work" / "other" / "notes.txt").read_text() == "nobody's business"
    assert working_in(home / "work") == []
    assert not scene.outside.exists() and not (scene.folder / "unpickled").exists()
    assert not Path("/tmp/headwater-was-here").exists()

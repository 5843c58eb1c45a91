"""A cluster of Ray for the tests, started as the executor starts one, and what of it is left."""

import importlib.util
import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from headwater.executors import ray_clusters
from support.missing import missing

__all__ = ["listening", "processes_of_ray", "require_ray", "running_ray"]


def require_ray() -> None:
    """Skip the test where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        missing("Ray", "install it: pip install 'headwater[ray]'")


@contextmanager
def running_ray(**config: Any) -> Iterator[None]:
    """Let a cluster with two processors run in this process."""
    require_ray()
    # Its object store would take a third of the memory of the machine.
    settings: Mapping[str, Any] = {"num_cpus": 2, "object_store_memory": 100 << 20, "log_to_driver": False}
    ray_clusters.start_or_reach({**settings, **config})
    try:
        yield
    finally:
        ray_clusters.end_cluster()


def processes_of_ray() -> dict[int, str]:
    """Return the processes of clusters that this process has started, with what they were called with."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            called = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # it has ended, or is another user's
            continue
        if f"HEADWATER_TEST_RAY={os.getpid()}\0".encode() in environment and called:
            found[int(process.name)] = called
    return found


def listening(processes: Iterable[int]) -> list[str]:
    """Return the addresses at which processes listen."""
    sockets = {
        str(link.readlink()).removeprefix("socket:[").removesuffix("]")
        for process in processes
        for link in _descriptors(process)
    }
    found = []
    for table, length in (("tcp", 4), ("tcp6", 16)):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in sockets:
                data = bytes.fromhex(fields[1].partition(":")[0])
                # Each four bytes are a number in the order of this machine.
                words = [data[at : at + 4][::-1] for at in range(0, length, 4)]
                address = ipaddress.ip_address(b"".join(words))
                found.append(str(getattr(address, "ipv4_mapped", None) or address))
    return found


_LISTEN = "0A"


def _descriptors(process: int) -> Iterator[Path]:
    try:
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                if str(link.readlink()).startswith("socket:["):
                    yield link
    except OSError:  # it has ended
        return

"""Clusters of Ray: how one of this machine is started and ended, or one that runs is reached."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headwater.errors import HeadwaterError, MissingExtra
from headwater.executors.needs import Needs

__all__ = [
    "begin_use",
    "end_cluster",
    "end_use",
    "end_when_unused",
    "import_ray",
    "is_elsewhere",
    "is_reached",
    "machines",
    "missing_on",
    "start_or_reach",
    "telling_losses",
]

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
"""Nothing is told to anybody."""

_BOUNDED = {"RAY_task_oom_retries": "2"}
"""For want of memory Ray would try again without end."""

_ON_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where it is 0, Ray listens on 127.0.0.1 only, as it does on other systems; nothing else makes it do so."""

_LONGEST_FOLDER = 40
"""Characters: Ray puts sockets below its folder, whose paths may have 107."""

_folders: list[str] = []
"""The folder of the cluster that this process has started."""


class _Use:
    """How the cluster of this process is used: there is one, whatever executors there are.

    Attributes:
        count: How many executions run on it.
        is_last: Whether it ends with the last of these.
    """

    lock = threading.RLock()
    count = 0
    is_last = False


def begin_use(config: Mapping[str, Any], *, ends: bool) -> None:
    """Use the cluster of this process for an execution; where there is none, start or reach one.

    Args:
        config: What `start_or_reach` is given.
        ends: Whether a cluster that is started or reached so ends with the last execution that uses it.
    """
    with _Use.lock:
        if not is_reached():
            start_or_reach(config)
            _Use.is_last = ends
        _Use.count += 1


def end_use() -> None:
    """End the use of the cluster, and the cluster where that is wanted and nobody else uses it."""
    with _Use.lock:
        _Use.count -= 1
        if _Use.is_last:
            end_when_unused()


def end_when_unused() -> None:
    """End the cluster now, or as soon as nobody uses it."""
    with _Use.lock:
        _Use.is_last = True
        if not _Use.count:
            end_cluster()


def import_ray() -> Any:
    """Return the package.

    Raises:
        MissingExtra: It is not installed.
    """
    loaded = sys.modules.get("ray")
    if loaded is not None:
        return loaded
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtra("ray", "ray", "Running tasks on Ray") from error


def is_reached() -> bool:
    """Tell whether this process has a cluster already."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def is_elsewhere() -> bool:
    """Tell whether this process is none of the cluster's machines, but speaks to one through Ray's client."""
    client = sys.modules.get("ray.util.client")
    return client is not None and bool(client.ray.is_connected())


def start_or_reach(config: Mapping[str, Any]) -> None:
    """Start a cluster of this machine, or reach one that runs where an address is given.

    One that is started here listens on loopback only, sends no statistics, and shows no dashboard. Its files
    go to a folder of its own, which goes with it.

    Args:
        config: What `ray.init` is to be given: `address` for a cluster that runs ("auto" for that of this
            machine, "ray://..." for one elsewhere), else what is started. The environment's RAY_ADDRESS is
            an address too.

    Raises:
        MissingExtra: Ray is not installed, or what its client needs.
        HeadwaterError: The cluster cannot be started or reached.
    """
    ray = import_ray()
    address = config.get("address") or os.environ.get("RAY_ADDRESS") or "local"
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        if address == "local":
            _start(ray, config)
        else:
            if address.startswith("ray://"):
                _require_client()
            with _environment(_QUIET), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Ray Client connection timed out")  # the error tells it
                ray.init(**{"logging_level": "error", **config, "address": address})
    except (OSError, RuntimeError, ValueError, TypeError, ray.exceptions.RayError) as error:
        if address.startswith("ray://"):
            ray.util.client.ray.disconnect()  # else Ray would still take this process for a client
        what = "started" if address == "local" else f"reached at {address}"
        raise HeadwaterError(
            f"The Ray cluster could not be {what}: {error}. See what ray_init_config says: {dict(config)}."
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread() and callable(terminated):
            signal.signal(signal.SIGTERM, terminated)  # Ray puts its own in the place of ours


def _require_client() -> None:
    try:
        importlib.import_module("grpc")
    except ImportError as error:
        raise MissingExtra(
            "grpcio", "ray", "Reaching a cluster of Ray from a machine outside of it"
        ) from error


def _start(ray: Any, config: Mapping[str, Any]) -> None:
    settings = {"include_dashboard": False, "logging_level": "error", **config, "address": "local"}
    if "_temp_dir" not in settings:
        base = tempfile.gettempdir()
        folder = tempfile.mkdtemp(prefix="hw-ray-", dir=base if len(base) <= _LONGEST_FOLDER else "/tmp")  # noqa: S108
        _folders.append(folder)
        settings["_temp_dir"] = folder
    paths = os.pathsep.join(path for path in sys.path if path)
    added = {name: value for name, value in _BOUNDED.items() if name not in os.environ}
    try:
        with _environment({**added, **_QUIET, _ON_LOOPBACK: "0", "PYTHONPATH": paths}), _on_loopback():
            ray.init(**settings)
    except BaseException:
        end_cluster()
        raise
    atexit.register(end_cluster)  # before Ray's own, so that the folder can go


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started inside have some variables in their environment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let Ray know of the variable, which it read when it was imported; to reach others it must not know."""
    constants: Any = importlib.import_module("ray._private.ray_constants")
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def end_cluster() -> None:
    """Leave the cluster, and end it if it was started here; nothing of it is left."""
    _Use.is_last = False
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()
    atexit.unregister(end_cluster)
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


@contextmanager
def telling_losses() -> Iterator[None]:
    """Tell that the connection to the cluster is lost, where the work inside finds that.

    Raises:
        HeadwaterError: It is lost; what Ray's client raises would tell the address of the cluster.
    """
    try:
        yield
    except Exception as error:
        grpc = sys.modules.get("grpc")
        if isinstance(error, ConnectionError) or (grpc is not None and isinstance(error, grpc.RpcError)):
            raise HeadwaterError(
                f"The connection to the Ray cluster was lost ({type(error).__name__}). Does the cluster "
                "still run, and does the network reach it?"
            ) from None
        raise


def machines() -> list[Mapping[str, float]]:
    """Return what each machine of the cluster has, by Ray's names."""
    return [node["Resources"] for node in import_ray().nodes() if node["Alive"]]


def missing_on(having: list[Mapping[str, float]], needs: Needs) -> str:
    """Return what of some needs no machine has, as `1 GPU`; empty where one has it all."""
    wanted = {
        "CPU": 1.0 if needs.cpus is None else needs.cpus,
        "GPU": needs.gpus or 0.0,
        "memory": float(needs.memory or 0),
        **dict(needs.resources),
    }
    wanted = {name: amount for name, amount in wanted.items() if amount}
    if any(all(one.get(name, 0.0) >= amount for name, amount in wanted.items()) for one in having):
        return ""
    alone = [
        name for name, amount in wanted.items() if not any(one.get(name, 0.0) >= amount for one in having)
    ]
    return " and ".join(_in_words(name, wanted[name]) for name in alone or wanted)


def _in_words(name: str, amount: float) -> str:
    if name == "memory":
        return f"{amount / 1e6:,.0f} MB of memory"
    plural = "s" if name in ("CPU", "GPU") and amount != 1 else ""
    return f"{amount:g} {name}{plural}"

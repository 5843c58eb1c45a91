"""Clients of Ray: what a worker gives to the process of a run for it, and how that connects."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater.errors import HeadwaterError, MissingExtra
from headwater_catalog.clusters_of_runs import require_answer, without_workers
from headwater_catalog.errors import JobError

if TYPE_CHECKING:
    from headwater_catalog.clusters_of_runs import ClusterOfRun

__all__ = ["connect", "environment"]

_OF_CLIENTS: Final = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # it looks at the processes of the machine for one of uv
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "0",  # else the cluster goes on for a run that was ended
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": "5",  # of three attempts, so that together
    "RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S": "7",  # they take no longer than for other clusters
}


def environment(own: str = "") -> dict[str, str]:
    """Return what the process of a run has in its environment, from its beginning: Ray reads it once.

    Args:
        own: The token of the cluster; empty: the one that Ray's own programs would show here, if any.

    Raises:
        JobError: The file that has the token cannot be read.
    """
    token = own or _token()
    shown = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {"RAY_AUTH_MODE": "disabled"}
    return {**_OF_CLIENTS, **shown}


def _token() -> str:
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
        return ""
    if given := os.environ.get("RAY_AUTH_TOKEN"):
        return given.strip()
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    try:
        return Path(named or Path.home() / ".ray" / "auth_token").read_text("utf-8").strip()
    except FileNotFoundError as error:
        if not named:
            return ""
        raise _unreadable(error) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> JobError:
    return JobError(
        "The worker cannot read the token that clusters of Ray ask for, in ~/.ray/auth_token or the file "
        f"that RAY_AUTH_TOKEN_PATH names ({type(error).__name__})."
    )


def connect(cluster: ClusterOfRun) -> None:
    """Let this process be a client of a cluster, which it is to its end.

    Raises:
        HeadwaterError: The cluster is not reached, or cannot be used.
        MissingExtra: What speaks to it is not installed.
    """
    from headwater.executors import ray_clusters

    require_answer(cluster)
    _let_say_nothing()
    try:
        ray_clusters.start_or_reach({"address": f"ray://{cluster.place}", "log_to_driver": False})
    except MissingExtra:
        raise
    except HeadwaterError as error:  # it has the address
        raise _refused(cluster.name, error.__cause__) from None
    with ray_clusters.telling_losses():
        having = ray_clusters.machines()
    if not any(machine.get("CPU") for machine in having):
        raise without_workers(cluster.name)


def _let_say_nothing() -> None:
    """Keep what Ray's client says beside its errors out of the output of the run."""
    for name in ("dataclient", "logsclient"):
        logging.getLogger(f"ray.util.client.{name}").disabled = True
    for advice in ("More than 10MB of messages", "Ray Client is attempting to retrieve"):
        warnings.filterwarnings("ignore", advice, UserWarning)


def _refused(name: str, error: BaseException | None) -> HeadwaterError:
    if isinstance(error, ConnectionError) and not isinstance(error, ConnectionAbortedError):
        return HeadwaterError(
            f"The cluster '{name}' answers, but takes no client. Is the port in the setting "
            "HEADWATER_CLUSTERS that of Ray's clients (10001, unless it was started with another), and has "
            "the worker the token that the cluster asks for (the setting "
            "HEADWATER_CLUSTER_TOKENS, else RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token)?"
        )
    told = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not isinstance(error, ConnectionAbortedError) or not told:
        return HeadwaterError(f"The cluster '{name}' cannot be used: {' '.join(told)[:500]}")
    return HeadwaterError(  # of a traceback of the cluster's, the last line
        f"The cluster '{name}' could not start what drives there for a client: {told[-1][:500]} Was it "
        "started with GRPC_ENABLE_FORK_SUPPORT=0 in its environment, without which that fails now and then?"
    )

"""A real cluster of Slurm on loopback: one controller, and this machine as its only node."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.missing import missing
from support.worker_process import until

__all__ = ["SlurmCluster", "started_slurm"]

_PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SwitchType=switch/none
SchedulerParameters=sched_interval=1,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE MaxNodes=1 State=UP
EnforcePartLimits=ALL
"""


@dataclass(frozen=True)
class SlurmCluster:
    """A cluster that was started.

    Attributes:
        environment: What tells Slurm's commands where it is.
    """

    environment: dict[str, str]

    def states(self) -> dict[str, str]:
        """Return the state of the last job of each name, without that of the plan in it."""
        listed = self._call("squeue", "--noheader", "--states=all", "--sort=i", "--format=%j %T")
        rows = (line.split() for line in listed.splitlines())
        return {name.rpartition(".")[2]: state for name, state in rows}

    def ended(self) -> dict[str, str]:
        """Wait for all jobs, and return their states by name."""
        until(lambda: not self._call("squeue", "--noheader"), seconds=300)
        return self.states()

    def cancel(self) -> None:
        """Cancel all jobs, and wait until they are gone."""
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=self._environment, check=False)
        self.ended()

    def is_ready(self) -> bool:
        """Tell whether jobs would start."""
        told = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return told.stdout.strip() == "idle"

    def _call(self, *words: str) -> str:
        return subprocess.run(
            words, env=self._environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


@contextmanager
def started_slurm(folder: Path) -> Iterator[SlurmCluster]:
    """Start a cluster; without Slurm's programs the test is skipped, in CI it fails."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        missing(f"Slurm ({absent[0]})", "the packages slurmctld, slurmd and slurm-client")
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().partition(".")[0]
    controller, node = _ports()
    text = _CONFIGURATION.format(
        host=host,
        controller=controller,
        node=node,
        user=getpass.getuser(),
        folder=folder,
        processors=os.cpu_count(),
    )
    (folder / "slurm.conf").write_text(text)
    cluster = SlurmCluster({"SLURM_CONF": str(folder / "slurm.conf")})
    with ExitStack() as stack:
        for words in (["slurmctld", "-D", "-i"], ["slurmd", "-D"]):
            stack.enter_context(_running(words, cluster, folder / f"{words[0]}.log"))
        until(cluster.is_ready)
        stack.callback(cluster.cancel)
        yield cluster


@contextmanager
def _running(words: list[str], cluster: SlurmCluster, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, env={**os.environ, **cluster.environment}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def _ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]

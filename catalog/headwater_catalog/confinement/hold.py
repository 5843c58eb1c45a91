"""What holds a program: each measure is tried, applied where the system has it, and told."""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Any

from headwater_catalog.confinement import groups, kernel, landlock, namespaces, seccomp, users

__all__ = ["Hold"]

_LINUX = sys.platform == "linux"
_TRUNCATION = 3  # the first version of Landlock that knows of it
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
    "/usr/share/mime",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/mime.types",
    "/etc/fonts",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/dev/random",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
_FOR_NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/gai.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)


class Hold:
    """What holds the program, found out before it starts."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.measures: list[dict[str, Any]] = []
        self.landlock = landlock.version() if _LINUX else 0
        self.user: int | None = None
        self.reading = False  # whether the program reads whatever the mode of a file
        self.together = False  # whether all that it started ends with its namespace
        self.shared_memory = False
        self.counted = False  # whether the number of processes is counted for this program alone

    def tell(self, name: str, held: bool, detail: str) -> None:
        """Note whether something is held."""
        self.measures.append({"name": name, "held": held, "detail": detail})

    def choose_user(self) -> None:
        """Find out whose process the program will be."""
        if not _LINUX or os.geteuid() != 0:
            self.tell("user", False, "It runs as the worker's own user, since the worker is not root.")
            return
        if (reason := self._take_user()) or self.user is None:
            self.tell("user", False, f"It runs as root without root's rights: {reason}.")
            return
        rest = ", and reads the files that it is given whatever their mode" if self.reading else ""
        self.tell("user", True, f"It runs as user {self.user}, which no other run has{rest}.")

    def _take_user(self) -> str:
        first, last = self.order["users"]
        closed = users.closed_path([self.order["program"][0], *self.order["reads"], self.order["folder"]])
        reading = closed is not None
        if reading and not (self.landlock and users.can_read_all()):
            return f"{closed} is closed to other users"
        try:
            number = users.take(first, last)
        except OSError as error:
            return f"the users taken cannot be noted ({error.strerror})"
        if number is None:
            return f"all users from {first} to {last} are taken"
        try:
            os.chown(self.order["folder"], number, number)
        except OSError as error:
            return f"user {number} cannot be had here ({error.strerror})"
        self.user, self.reading = number, reading
        return ""

    def enter_namespaces(self) -> None:
        """Let all that the program starts end together."""
        reason = namespaces.enter() if _LINUX else "only Linux offers that"
        self.together = not reason
        self.counted = self.user is not None or (self.together and os.geteuid() != 0)
        if self.together:
            self.tell("leftovers", True, "All that it started ends with it (a process namespace).")
        elif _LINUX:
            kernel.prctl(_PR_SET_CHILD_SUBREAPER, 1)
            self.tell("leftovers", True, f"All that it started is sought and ended after it; {reason}.")
        else:
            self.tell("leftovers", False, f"A process that leaves its group outlives it; {reason}.")

    def tell_shared_memory(self) -> None:
        """Note whose shared memory the program has, after its namespaces were entered."""
        own = "It has a /dev/shm of its own, and what is there counts as its memory."
        shared = (
            "It shares /dev/shm with others, and what is there and in no process counts as nobody's memory."
        )
        detail = own if self.shared_memory else shared
        self.tell("shared memory", self.shared_memory, detail)

    def apply(self) -> None:
        """Hold this process, which then becomes the program; what cannot be undone comes last."""
        os.umask(0o077)
        rules = self._rules()
        self._limit()
        if self.user is not None:
            users.become(self.user, reading=self.reading)
        elif _LINUX:
            kernel.drop_capabilities()
        if _LINUX:
            # After the change of the user, which takes it back.
            kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if rules is not None:
            rules.restrict()
        self._restrict_calls()
        self._tell_signals()

    def _rules(self) -> landlock.Ruleset | None:
        network = self.order["network"]
        if not self.landlock:
            self.tell("files", False, "It sees the files that its user may see: the kernel has no Landlock.")
            return None
        rules = landlock.Ruleset(self.landlock, network=network)
        rules.allow([*_SYSTEM, *groups.telling_files(), *self.order["reads"]])
        rules.allow(_FOR_NETWORK if network else ())
        rules.allow([*_DEVICES, "/dev/shm", self.order["folder"]], writing=True)  # noqa: S108 - its own
        return rules

    def _limit(self) -> None:
        limits = dict(self.order["limits"])
        soft_processes, hard_processes = limits.pop("RLIMIT_NPROC")
        for name, (soft, hard) in limits.items():
            _limit(name, soft, hard)
        if self.counted:
            _limit("RLIMIT_NPROC", soft_processes, hard_processes)
            self.tell("processes", True, f"It may have {soft_processes} processes and threads.")
        else:
            self.tell("processes", False, "Their number is watched, not held: its user has others, too.")
        if _LINUX:
            _prefer_when_memory_ends()

    def _restrict_calls(self) -> None:
        network = self.order["network"]
        reason = "" if _LINUX and seccomp.is_known_machine() else "this machine's calls are not known"
        if not reason:
            try:
                own, truncation = self.user is not None, self.landlock >= _TRUNCATION
                seccomp.restrict(network=network, own_user=own, truncation_held=truncation)
            except OSError as error:
                reason = f"the kernel has no seccomp ({error.strerror})"
        if self.landlock:
            self._tell_files(reason)
        held = "Calls that no feature needs are refused (seccomp)."
        self.tell("system calls", not reason, f"All calls are open: {reason}." if reason else held)
        if network:
            self.tell("network", False, "It has the network, since its repository is trusted.")
        elif reason and self.landlock >= 4:
            self.tell("network", False, f"TCP is refused (Landlock), and nothing else: {reason}.")
        else:
            held = "It can open no socket (seccomp)."
            self.tell("network", not reason, f"It is open: {reason}." if reason else held)

    def _tell_files(self, reason: str) -> None:
        """Note whether files are held, wholly, where the kernel has Landlock.

        Args:
            reason: Why calls are not refused; empty where they are.
        """
        held = f"It reads Python and its files, and writes only to its folder (Landlock {self.landlock})."
        if self.user is not None or not reason:
            self.tell("files", True, held)
            return
        left = "change modes and times of" if self.landlock >= _TRUNCATION else "empty, and change modes of,"
        left += " files of the worker's user"
        self.tell("files", False, f"It reads and writes only what it is given, but can {left}: {reason}.")

    def _tell_signals(self) -> None:
        held = self.user is not None or self.together or self.landlock >= 6
        own = "It can send signals to no process but its own."
        all_of_user = "It can send signals to all processes of the worker's user."
        self.tell("signals", held, own if held else all_of_user)


def _limit(name: str, soft: int, hard: int) -> None:
    number = getattr(resource, name)
    _, ceiling = resource.getrlimit(number)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    try:
        resource.setrlimit(number, (soft, hard))
    except (OSError, ValueError):
        if _LINUX:
            raise
        # Other systems refuse some limits altogether, as macOS does with memory.


def _prefer_when_memory_ends() -> None:
    """Let the kernel end this process before all others when the machine has no memory left."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")

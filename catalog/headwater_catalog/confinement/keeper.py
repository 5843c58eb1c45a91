"""The process between the worker and a program that is not trusted: it ends all that the program started.

An order is JSON; `main` reads one from its command line. It tells on a pipe what holds the program, and how
the program ended. Its standard input is its tie to the worker: when that is closed, everything ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any, NoReturn

from headwater_catalog.confinement import kernel, namespaces, processes, users
from headwater_catalog.confinement.hold import Hold

__all__ = ["keep", "main"]

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
_PATIENCE = 10.0  # seconds within which all processes must have ended
_TICK = 0.02


def main() -> NoReturn:
    """Keep the program that the order names, until it or the worker ends."""
    order = json.loads(sys.argv[1])
    keep(order)
    program = order["program"]
    try:
        os.execv(program[0], program)  # noqa: S606 - the program is our own, its arguments a list
    except OSError as error:
        _say(order["status"], {"error": f"The program could not be started: {error}"})
    os._exit(1)


def keep(order: dict[str, Any]) -> None:
    """Keep what an order says, until it or the worker ends.

    This process never returns from here. One that it has forked does, held as the order says: it is to become
    the program.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the first process of a namespace does not heed
    status = order["status"]
    os.set_inheritable(status, False)
    if _LINUX:
        kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    hold = Hold(order)
    try:
        hold.choose_user()
        hold.enter_namespaces()
        child = _fork(hold, status)
    except OSError as error:
        _say(status, {"error": f"The program could not be confined: {error}"})
        os._exit(1)
    if not child:
        return
    _close_output()
    ended = _await(child)
    if ended is not None and not hold.together:
        _say(status, {"code": ended})
    _end_all(child if ended is None else None, hold)
    os._exit(0)


def _fork(hold: Hold, status: int) -> int:
    """Fork this process; in a namespace of processes, what is to be the program is forked once more there.

    Returns:
        The number of the child; 0 in what is to be the program.
    """
    if child := os.fork():
        return child
    try:
        if hold.together:
            # Should the keeper be killed, all goes.
            kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            size = max(hold.order["limits"]["RLIMIT_AS"][0] // 4, 1024 * 1024)
            hold.shared_memory = namespaces.own_shared_memory(size)
        hold.tell_shared_memory()
        if hold.together and (program := os.fork()):
            _close_output()
            os.close(0)
            _say(status, {"code": _reap_until(program)})
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.setsid()  # a signal to its group goes to nobody else
        os.chdir(hold.order["folder"])
        hold.apply()
        _say(status, {"measures": hold.measures})
    except BaseException as error:
        _say(status, {"error": f"The program could not be confined: {error}"})
        os._exit(1)
    return 0


def _await(child: int) -> int | None:
    """Wait for the end of a child or of the worker's interest; None where that was first."""
    events = select.poll()
    events.register(0, select.POLLIN | select.POLLHUP)
    patience = None
    if _LINUX:
        events.register(os.pidfd_open(child), select.POLLIN)
    else:
        patience = _TICK * 1000
    while True:
        ready = dict(events.poll(patience))
        ended, raw = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(raw)
        if 0 in ready and not os.read(0, 1):
            return None


def _reap_until(program: int) -> int:
    """Collect what ends, as the first process of a namespace must, until the program has."""
    while True:
        ended, raw = os.waitpid(-1, 0)
        if ended == program:
            return os.waitstatus_to_exitcode(raw)


def _end_all(child: int | None, hold: Hold) -> None:
    if child is not None:
        os.kill(child, signal.SIGKILL)  # with it all of its namespace
        os.waitpid(child, 0)
    if not _LINUX:
        return
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if hold.user is not None and not hold.together:
            users.end_all_of(hold.user)
        # Stopped first, so that none starts another while the rest is sought; they are all below this
        # process, since it takes the place of parents that have ended.
        found = processes.descendants(os.getpid())
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, number)
        if not processes.collect():
            return


def _close_output() -> None:
    """Leave the output to the program, so that its end can be seen."""
    for number in (1, 2):
        os.close(number)


def _say(status: int, content: dict[str, Any]) -> None:
    os.write(status, json.dumps(content).encode() + b"\n")

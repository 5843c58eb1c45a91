"""A process that has imported what programs need, and becomes one of them, over and over, by forking itself.

To import packages for data takes longer than most programs do, so it is done once (the idea is that of
Python's own `multiprocessing.forkserver`, and of Android's zygote). What is forked is a keeper, which holds
and keeps the program as any other does; only that the program is a function of a module rather than an
executable.

`main` is given, on its command line, folders that stand first in `sys.path` until all is imported, the number
of a socket, and names of modules, or `module:function` for what is to be called, too. It tells on the socket
which modules it has. Each message after that is an order with three files: standard input, output, and where
the keeper tells. It answers with the number of the keeper and a file that says when that has ended. The
keeper begins with the first byte of its standard input: so where the answer is lost, nothing is begun. The
server ends when the other end of the socket is closed, and when nothing was asked for long and all keepers
have ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from headwater_catalog.confinement import LARGEST_ORDER, kernel
from headwater_catalog.confinement.keeper import keep
from headwater_catalog.confinement.processes import collect

__all__ = ["main"]

_IDLE: Final = 600  # seconds
_MOST_FILES: Final = 1 << 12  # a server has but few, and some systems close them one by one
_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def main() -> None:
    """Serve; in each process that was forked, return when its program has ended."""
    folders, number, *names = sys.argv[1:]
    for name in names:
        module, _, function = name.partition(":")
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
    for folder in folders.split("|"):
        sys.path.remove(folder)
    # Nothing of this is looked at again, so that its pages stay shared.
    gc.collect()
    gc.freeze()
    program = _serve(socket.socket(fileno=int(number)))
    if program is not None:
        program()


def _serve(control: socket.socket) -> Callable[[], None] | None:
    """Fork a keeper for each order; return its program in what that has forked, else nothing at the end."""
    control.send(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})).encode())
    while _is_asked(control):
        message, files, _, _ = socket.recv_fds(control, LARGEST_ORDER, 3)
        if not message:
            break
        collect()
        child = os.fork()
        if child == 0:
            control.close()
            return _keep(json.loads(message), files)
        ended = os.pidfd_open(child)
        socket.send_fds(control, [str(child).encode()], [ended])
        for number in (*files, ended):
            os.close(number)
    return None


def _is_asked(control: socket.socket) -> bool:
    """Wait for an order; False where there is none for long, and no keeper is left."""
    while not select.select([control], [], [], _IDLE)[0]:
        if not collect():
            return False
    return True


def _keep(order: dict[str, Any], files: list[int]) -> Callable[[], None]:
    """Make this process a keeper, and return in the process that is to be the program, what that does."""
    os.setsid()
    given, output, status = files
    if not os.read(given, 1):
        os._exit(0)
    for number, file in enumerate((given, output, output)):
        os.dup2(file, number)
    _close_all_but(status)
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    keep({**order, "status": status})
    return lambda: _become(order)


def _become(order: dict[str, Any]) -> None:
    """Do what the program of an order does, in this process, which is held already."""
    # As in a program started anew. A change of the user has closed the process to view, so that what it uses
    # would not be seen; and what interrupts a program ends a keeper.
    kernel.prctl(_PR_SET_DUMPABLE, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _close_all_but(None)
    _draw_anew()
    module, function = order["program"][1:]
    sys.argv[1:] = order["arguments"]
    sys.path[:0] = order["packages"]
    getattr(importlib.import_module(module), function)()


def _draw_anew() -> None:
    """Let what is drawn at random not be the same in all that is forked; Python itself sees to its own."""
    if (numpy := sys.modules.get("numpy.random")) is not None:
        numpy.seed()


def _close_all_but(kept: int | None) -> None:
    """Close all files beside the standard ones; those that packages have open, too."""
    if kept is None:
        os.closerange(3, _MOST_FILES)
    else:
        os.closerange(3, kept)
        os.closerange(kept + 1, _MOST_FILES)

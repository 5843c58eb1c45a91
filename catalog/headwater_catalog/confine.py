"""Run as a script: limit this process, then become the program that is to be limited.

It runs between fork and exec of a sandboxed program, as a small process of its own, since code run in a
forked copy of a threaded parent may deadlock. It imports nothing but Python's own modules.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping

__all__ = ["confine"]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38


def confine(limits: Mapping[str, tuple[int, int]], parent: int) -> None:
    """Limit this process and all it will start; it dies with its parent where the kernel offers that."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the request above
            os._exit(1)
    for name, (soft, hard) in limits.items():
        number = getattr(resource, name)
        _, ceiling = resource.getrlimit(number)
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        try:
            resource.setrlimit(number, (soft, hard))
        except (OSError, ValueError):
            if sys.platform == "linux":
                raise
            # Other systems refuse some limits altogether, as macOS does with memory.


def _main() -> None:
    limits, parent, program = sys.argv[1], sys.argv[2], sys.argv[3:]
    confine(json.loads(limits), int(parent))
    os.execv(program[0], program)  # noqa: S606 - the program is our own, its arguments a list


if __name__ == "__main__":
    _main()

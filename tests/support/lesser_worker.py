"""A worker on a lesser machine: `python lesser_worker.py ROOTS FOLDER LACKS CODE` runs a program there.

It gives up what it is said to lack (rights of root, parts of the kernel, being root), lets the sandbox run the
code, and prints the outcome as JSON. Where `prepared` is among what it lacks, a process prepared for it does.
"""

import ctypes
import json
import os
import struct
import sys
from dataclasses import asdict
from pathlib import Path

_RIGHTS = {"system": 21, "reading": 2, "looking": 19}  # CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE
_PR_CAPBSET_DROP, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 24, 22, 38
_NUMBERS = {"x86_64": {"unshare": 272, "prctl": 157}, "aarch64": {"unshare": 97, "prctl": 167}}
_NOBODY = 65534


def lack(what: str) -> None:
    if what in _RIGHTS:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _RIGHTS[what], 0, 0, 0)
    elif what == "root":
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    elif what == "landlock":
        _refuse(444, 38)  # landlock_create_ruleset, ENOSYS
    elif what == "seccomp":
        _refuse(_NUMBERS[os.uname().machine]["prctl"], 22, first=_PR_SET_SECCOMP)
    elif what == "namespaces":
        _refuse(_NUMBERS[os.uname().machine]["unshare"], 1)
    else:
        raise ValueError(what)


def _refuse(number: int, error: int, first: int | None = None) -> None:
    """Let the kernel refuse a call as one does that has no such thing."""
    steps = [(0x20, 0, 0, 0), (0x15, 0, 3 if first is not None else 1, number)]
    if first is not None:
        steps += [(0x20, 0, 0, 16), (0x15, 0, 1, first)]
    steps += [(0x06, 0, 0, 0x00050000 | error), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(head)), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def main() -> None:
    roots, folder, lacks, code = sys.argv[1:]
    sys.path[:0] = roots.split(os.pathsep)
    if "again" not in lacks:
        again = "again,prepared" if "prepared" in lacks else "again"
        for what in lacks.split(","):
            if what not in ("", "prepared"):
                lack(what)
        # What root may do is counted anew when it becomes another program.
        os.execv(sys.executable, [sys.executable, __file__, roots, folder, again, code])
    from headwater_catalog import sandbox
    from headwater_catalog.prepared import prepared_processes
    from support.forked import ACCESS, forked, wait_until_prepared

    if "prepared" in lacks:
        with prepared_processes():
            wait_until_prepared(Path(folder))
            outcome = sandbox.run(forked(code), Path(folder), access=ACCESS)
    else:
        outcome = sandbox.run([sys.executable, "-I", "-c", code], Path(folder))
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()

"""Seccomp: the system calls that a process, and all that it starts, may not make."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from headwater_catalog.confinement.kernel import prctl

__all__ = ["CLONE", "CLONE3", "FORBIDDEN", "IOCTL", "SOCKET", "is_known_machine", "restrict"]

_X86, _ARM = 0, 1
_MACHINES = {"x86_64": (_X86, 0xC000003E), "aarch64": (_ARM, 0xC00000B7)}  # linux/audit.h

FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    # Other processes: to look into them, to change them, to take what they have open.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Views of the file system, and ways into it beside paths.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "open_tree_attr": (467, 467),
    "file_setattr": (469, 469),
    # Namespaces, in which it would be root.
    "unshare": (272, 97),
    "setns": (308, 268),
    # Large parts of the kernel that no feature needs, where faults are found most often.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "uselib": (134, None),
    # Memory that is of no process, so that nobody would count it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # What would stay when all its processes have ended.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # The machine itself.
    "acct": (163, 89),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "delete_module": (176, 106),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""Calls that are refused, with their numbers on x86_64 and aarch64."""

OF_OWNERS: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
}
"""Calls by which an owner changes a file beside its content, which Landlock does not know."""

SOCKET = (41, 198)
SOCKETPAIR = (53, 199)
CLONE = (56, 220)
CLONE3 = (435, 435)
IOCTL = (16, 29)
UTIMENSAT = (280, 88)
TRUNCATE = (76, 45)
OPEN: tuple[int | None, int | None] = (2, None)
OPENAT = (257, 56)
OPENAT2 = (437, 437)

_UNIX = 1  # AF_UNIX
_NETWORK = (_UNIX, 2, 10, 16)  # AF_INET, AF_INET6, AF_NETLINK
_STREAM, _KIND_OF_SOCKET = 1, 0xF  # SOCK_STREAM, SOCK_TYPE_MASK
_NEW_NAMESPACE = 0x7E020000  # every CLONE_NEW… that clone(2) takes
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

# linux/filter.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _MACHINE, _FIRST, _SECOND, _THIRD = 0, 4, 16, 24, 32  # places in the data of a call, of low words
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_PR_SET_SECCOMP, _FILTER = 22, 2

_Instruction = tuple[int, int, int, int]


def is_known_machine() -> bool:
    """Tell whether the numbers of calls on this machine are known here."""
    return os.uname().machine in _MACHINES and sys.maxsize > 2**32


def restrict(*, network: bool, own_user: bool, truncation_held: bool = True) -> None:
    """Refuse calls to this process, and to all that it starts, for ever.

    Args:
        network: Whether it may open the sockets of networks.
        own_user: Whether no file beside its own belongs to the user of the process. Where not, a change of
            a file's mode or times, which Landlock does not know, is passed over in silence: copying a file
            does it.
        truncation_held: Whether something else holds it from emptying the files of others; where not, all
            ways to do so without a file that is open for writing are refused.

    Raises:
        OSError: The kernel has no seccomp.
    """
    place, machine = _MACHINES[os.uname().machine]
    no_truncation = own_user or truncation_held
    program = _program(place, machine, network=network, own_user=own_user, truncation_held=no_truncation)
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    held = ctypes.create_string_buffer(code)
    header = struct.pack("@HP", len(program), ctypes.addressof(held))
    given = ctypes.create_string_buffer(header)
    prctl(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(given))


def _program(
    place: int, machine: int, *, network: bool, own_user: bool, truncation_held: bool
) -> list[_Instruction]:
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),  # calls of another machine's numbers
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _error(errno.ENOSYS)),
    ]
    for numbers in FORBIDDEN.values():
        program += _refuse(numbers[place], errno.EPERM)
    program += _refuse(CLONE3[place], errno.ENOSYS)  # its flags are out of sight; libraries then use clone
    program += _sockets(SOCKET[place]) if network else _refuse(SOCKET[place], errno.EACCES)
    if not network:
        program += _pairs(SOCKETPAIR[place])
    if not own_user:
        for numbers in OF_OWNERS.values():
            program += _refuse(numbers[place], 0)
        program += _times(UTIMENSAT[place])
    if not truncation_held:
        program += _refuse(TRUNCATE[place], errno.EACCES)
        program += _refuse(OPENAT2[place], errno.ENOSYS)  # its flags are out of sight
        for number, flags in ((OPEN[place], _SECOND), (OPENAT[place], _THIRD)):
            program += _reading_alone(number, flags)
    program += _refuse_where(CLONE[place], _FIRST, [(_ANY_BIT, _NEW_NAMESPACE)])
    program += _refuse_where(IOCTL[place], _SECOND, [(_EQUAL, request) for request in _TERMINAL_INPUT])
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _refuse(number: int | None, code: int) -> list[_Instruction]:
    if number is None:
        return []
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _error(code))]


def _sockets(number: int) -> list[_Instruction]:
    """Allow the sockets that networks and name look-ups need, and refuse the kernel's other kinds."""
    body: list[_Instruction] = [(_LOAD, 0, 0, _FIRST)]
    for family in _NETWORK:
        body += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    body.append((_RETURN, 0, 0, _error(errno.EAFNOSUPPORT)))
    return [(_EQUAL, 0, len(body), number), *body]


def _pairs(number: int) -> list[_Instruction]:
    """Allow pairs of sockets that are bound to one another; others can send to any socket with a path."""
    body: list[_Instruction] = [
        (_LOAD, 0, 0, _FIRST),
        (_EQUAL, 0, 4, _UNIX),
        (_LOAD, 0, 0, _SECOND),
        (_AND, 0, 0, _KIND_OF_SOCKET),
        (_EQUAL, 0, 1, _STREAM),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _error(errno.EACCES)),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def _times(number: int) -> list[_Instruction]:
    """Pass over in silence that a file gets times; refuse the present one, since who asks may make a file."""
    body: list[_Instruction] = [
        (_LOAD, 0, 0, _THIRD),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _error(errno.EPERM)),
        (_RETURN, 0, 0, _error(0)),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def _reading_alone(number: int | None, flags: int) -> list[_Instruction]:
    """Refuse to open a file for reading alone and to empty it by that, which needs no right to write."""
    if number is None:
        return []
    body: list[_Instruction] = [
        (_LOAD, 0, 0, flags),
        (_AND, 0, 0, os.O_TRUNC | os.O_ACCMODE),
        (_EQUAL, 0, 1, os.O_TRUNC | os.O_RDONLY),
        (_RETURN, 0, 0, _error(errno.EACCES)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def _refuse_where(number: int, argument: int, tests: list[tuple[int, int]]) -> list[_Instruction]:
    """Refuse a call where its argument passes one of some tests; else the call is allowed at once."""
    checks: list[_Instruction] = []
    for test, value in tests:
        checks += [(test, 0, 1, value), (_RETURN, 0, 0, _error(errno.EPERM))]
    body: list[_Instruction] = [(_LOAD, 0, 0, argument), *checks, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]


def _error(code: int) -> int:
    return _ERROR | code

"""Cuts a process off from files, network and other programs, for good, without any privilege.

Stands beside the flow: the process that reads photos calls it once everything it needs is loaded.
Linux alone offers this to ordinary programs, in two ways that stand behind each other: a filter of
system calls (seccomp) that lets through what decoding takes and nothing else, and Landlock, which
takes away every right to files. What the machine does not offer is left out and not named.

Sources: Linux seccomp(2), landlock(7), ``asm/unistd_64.h``, ``linux/landlock.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_X86_64 = 0xC000003E
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _IS, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_NEWER = 334
"""Calls above this number are answered with "there is none", so that a C library falls back to the
older one that it replaces; those below it with "you may not"."""

# Calls that move bytes through what is open already, count time, or manage own memory and threads.
_CALLS = {
    *(0, 1, 3, 5, 7, 8, 11, 12),  # read write close fstat poll lseek munmap brk
    *(13, 14, 15, 17, 19, 20, 23, 24, 25),  # signals of its own, pread readv writev select mremap
    *(27, 28, 32, 35, 39, 45, 47, 51, 55),  # mincore madvise dup sleep getpid recv… getsock…
    *(60, 63, 72, 96, 98, 99),  # exit uname fcntl gettimeofday getrusage sysinfo
    *(102, 104, 107, 108, 110, 131, 186),  # who it is, signal stack, gettid
    *(202, 203, 204, 218, 228, 229, 230, 231),  # futex affinity clocks exit_group
    *(262, 271, 273, 309, 318, 324, 332, 334),  # fstatat ppoll … getrandom membarrier statx rseq
    449,  # futex_waitv
}
_MMAP, _MPROTECT, _CLONE, _TGKILL, _PRLIMIT = 9, 10, 56, 234, 302
_EXECUTABLE, _THREAD = 4, 0x10000

_RESTRICT = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights to files each version of Landlock knows; later ones know no more."""


def confine_process() -> tuple[str, ...]:
    """Give up files, network, other programs and new code for good; return by what means.

    Nothing can be opened afterwards, not by a lazy import either. What is open stays so.
    """
    if sys.platform != "linux":
        return ()
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS: the condition for both
        return ()
    means: tuple[str, ...] = ()
    if _landlock(library):
        means += ("Landlock",)
    if platform.machine() == "x86_64" and _seccomp(library):
        means += ("seccomp",)
    return means


def _landlock(library: ctypes.CDLL) -> bool:
    """Give up all rights to files, and what else the kernel's version of Landlock knows."""
    version = library.syscall(444, None, 0, 1)
    if version < 1:
        return False
    files = (1 << _RESTRICT.get(version, 16)) - 1
    # TCP from version 4 on, signals and abstract sockets to others from version 6 on.
    rules = struct.pack("QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    handle = library.syscall(444, rules, size, 0)
    if handle < 0:
        return False
    try:
        return library.syscall(446, handle, 0) == 0
    finally:
        os.close(handle)


def _seccomp(library: ctypes.CDLL) -> bool:
    """Put the filter over every thread of the process."""
    program = b"".join(struct.pack("HBBI", *step) for step in _filter(os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    return library.syscall(317, 1, 1, head) == 0  # SECCOMP_SET_MODE_FILTER, with all threads


def _filter(own: int) -> list[tuple[int, int, int, int]]:
    """Return the filter's steps (code, steps to skip if true, if false, value)."""
    refuse = _REFUSE | errno.EPERM
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IS, 1, 0, _X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for call, argument, test, value, wanted in (
        (_MMAP, 2, _ANY_BIT, _EXECUTABLE, False),
        (_MPROTECT, 2, _ANY_BIT, _EXECUTABLE, False),
        (_CLONE, 0, _ANY_BIT, _THREAD, True),
        (_TGKILL, 0, _IS, own, True),  # abort() raises its signal this way
        (_PRLIMIT, 0, _IS, 0, True),
    ):
        steps += [
            (_IS, 0, 4, call),
            (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
            (test, 0, 1, value),
            (_RETURN, 0, 0, _ALLOW if wanted else refuse),
            (_RETURN, 0, 0, refuse if wanted else _ALLOW),
        ]
    for call in sorted(_CALLS):
        steps += [(_IS, 0, 1, call), (_RETURN, 0, 0, _ALLOW)]
    return [
        *steps,
        (_ABOVE, 0, 1, _NEWER),
        (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
        (_RETURN, 0, 0, refuse),
    ]

"""Keeps the memory of a process from reaching the disk when it dies.

Stands beside the flow. Called first by everything that starts a process: the program itself, its
workers and the process that reads photos.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Let no crash of this process write its memory, and with it faces, to a file.

    On Linux the process also becomes unreadable to other programs of the same person. Windows
    keeps its crash dumps in the hands of its owner's settings; nothing is changed there.
    """
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A core_pattern that pipes to a program ignores the limit, but not this.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

"""Brings files into the world whole or not at all, and removes what a killed program left.

Serves everything that writes: photos, reports, projects. Until a file has its name it lies, hidden
and locked, in the same folder under a random one. The lock goes with the process that holds it, so
a file of this kind that nobody has locked was left by one that died, and `sweep` removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.part")
_CHUNK = 1 << 20
_ABANDONED = 3600.0
"""Seconds after which a leftover counts as such where there are no locks that tell."""


@contextlib.contextmanager
def new_file(folder: Path) -> Iterator[Path]:
    """Give a new hidden file whose name says nothing; it is gone afterwards, come what may."""
    path = folder / f".{secrets.token_hex(8)}.part"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # the umask applies
    try:
        if sys.platform == "win32":
            os.close(handle)  # Windows renames no open file
            yield path
        else:
            with contextlib.suppress(OSError):  # some network disks know no locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield path
    finally:
        path.unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)


def write_durably(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file and wait until it is on the disk, unless it need not be ``durable``.

    Raises:
        OSError: what the disk says.
    """
    view = memoryview(data)
    handle = os.open(path, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0))
    try:
        while view:
            view = view[os.write(handle, view[:_CHUNK]) :]
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def publish(temporary: Path, target: Path, *, overwrite: bool, durable: bool = True) -> None:
    """Give the finished file its name in one step; ``durable`` waits for the disk again.

    Raises:
        FileExistsError: the name is taken and ``overwrite`` is false.
        OSError: what the disk says.
    """
    if overwrite:
        temporary.replace(target)
    elif sys.platform == "win32":
        temporary.rename(target)  # fails when the name is taken
    else:
        try:
            os.link(temporary, target)  # fails when the name is taken
        except FileExistsError:
            raise
        except OSError:  # disks without hard links, as on most USB sticks
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            temporary.replace(target)
    if durable:
        _sync_folder(target.parent)


def sweep(folder: Path) -> None:
    """Remove what a killed program left in a folder; files at work, and all others, stay.

    Nothing is raised: what cannot be removed now stays for the next time.
    """
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if _LEFTOVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    if sys.platform == "win32":
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink()
        return
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while somebody writes it
        # A file just made is not locked yet for a moment, and empty for as long.
        if os.fstat(handle).st_size or time.time() - os.fstat(handle).st_mtime > 10:
            path.unlink()
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk as well, where the system knows how."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # the file itself is safe on the disk already
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

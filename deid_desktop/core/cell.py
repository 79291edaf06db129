"""A process of its own for what strangers made: confined, asked, killed when it does not answer.

It may use only so much memory and may write no file; where the system allows, it is cut off from
files and network as well, and every file is opened here and handed over open. It answers over a
pipe that has no name: nothing it says is unpickled.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import multiprocessing
import os
import signal
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.confinement import confine_process
from deid_desktop.core.hardening import forbid_core_dumps
from deid_desktop.core.imaging import open_file
from deid_desktop.core.types import DeidError

CHUNK = 1 << 20
READY = b"ready"
"""The first thing that the process says, before the names of what confines it."""
_START = 60.0
"""Seconds that the process may take to start."""
NONSENSE = (
    *(EOFError, OSError, ValueError, TypeError, LookupError, multiprocessing.BufferTooShort),
)
"""What comes of reading an answer that is none."""


class Cell(ABC):
    """The process, started when it is needed. Use from one thread at a time."""

    seconds: float
    """How long it may take for one answer."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._started = False
        self._means: tuple[str, ...] = ()
        self._confined = True

    @abstractmethod
    def _task(self, *, confined: bool) -> tuple[Callable[..., None], Any]:
        """Return what runs in the process: a function of the pipe and of what comes with it."""

    @abstractmethod
    def _fault(self, name: str, fault: str) -> DeidError:
        """Return what is said of a file: the process does not ``start``, is ``late`` or ``broke``.

        With ``start`` and an empty name it is said of no file.
        """

    def prepare(self) -> None:
        """Start the process now, so that the first file need not wait for it.

        Raises:
            OSError: the system starts no process.
        """
        if self._process is not None and self._process.is_alive():
            return
        self._end()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        serve, given = self._task(confined=self._confined)
        process = context.Process(target=serve, args=(theirs, given), daemon=True)
        with _deaf():
            process.start()
        self._process = process
        theirs.close()

    def confined_by(self) -> tuple[str, ...]:
        """Return what cuts the process off from files and network; nothing where nothing does.

        Raises:
            DeidError: the process cannot be started.
        """
        try:
            self._running()
        except (EOFError, OSError) as error:
            self._end()
            raise self._fault("", "start") from error
        return self._means

    def close(self) -> None:
        """End the process; the next file starts another."""
        self._end()

    def _running(self) -> tuple[BaseProcess, Connection]:
        """Return the process, once it runs, and the pipe to it.

        Raises:
            OSError: the system starts no process.
            EOFError: it ended before it began.
        """
        self.prepare()
        assert self._process is not None and self._connection is not None
        if not self._started:
            if not self._connection.poll(_START):
                raise TimeoutError
            try:
                said = self._connection.recv_bytes(100).decode("ascii", "replace")
            except EOFError:
                if not self._confined:
                    raise
                # Some system may not let the decoders work once they are confined. No file
                # was seen yet, so no file can have brought this about.
                self._confined = False
                self._end()
                return self._running()
            self._means = tuple(said.split()[1:])
            self._started = True
        return self._process, self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._connection = self._process = None
        self._started = False

    def _send(self, path: Path, **wish: object) -> Connection:
        """Send a wish and its file; return the pipe for the answer.

        Raises:
            ImageError: there is no such file.
            DeidError: the process does not start, or breaks.
        """
        with open_file(path) as file:
            try:
                process, connection = self._running()
            except (EOFError, OSError) as error:
                self._end()
                raise self._fault(path.name, "start") from error
            with self._watched(path.name):
                send_head(connection, path=str(path.absolute()), **wish)
                if sys.platform != "win32":
                    send_handle(connection, file.fileno(), process.pid)
        return connection

    @contextlib.contextmanager
    def _watched(self, name: str) -> Iterator[None]:
        """End the process if it answers nonsense, or not in time, to what is said inside.

        Raises:
            DeidError: it did.
        """
        process = self._process
        assert process is not None
        answered, late = threading.Lock(), threading.Event()
        answered.acquire()

        def watch() -> None:
            if not answered.acquire(timeout=self.seconds):
                late.set()
                process.kill()

        # Not by ``threading``, which would list the calling thread of Qt among its own for ever.
        _thread.start_new_thread(watch, ())
        try:
            yield
        except NONSENSE as error:
            self._end()
            raise self._fault(name, "late" if late.is_set() else "broke") from error
        except MemoryError:
            self._end()  # what is left in the pipe belongs to this file
            raise
        finally:
            answered.release()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Start a process that does not hear ^C from its first moment on, from any thread."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # which starts with the first process, and lets ^C through
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def send_head(connection: Connection, **head: object) -> None:
    """Say something in JSON."""
    connection.send_bytes(json.dumps(head).encode())


def received_head(connection: Connection) -> dict[str, Any]:
    """Return what `send_head` said; raises one of ``NONSENSE`` if that is none."""
    head = json.loads(connection.recv_bytes(CHUNK))
    if not isinstance(head, dict):
        raise ValueError("no header")
    return head


def send_array(connection: Connection, array: NDArray[Any]) -> None:
    """Send the plain numbers of an array."""
    view = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    for start in range(0, len(view), CHUNK):
        connection.send_bytes(view[start : start + CHUNK])


def received_array(connection: Connection, array: NDArray[Any]) -> NDArray[Any]:
    """Fill an array with what `send_array` sent, and return it."""
    view = array.reshape(-1).view(np.uint8).data
    received = 0
    while received < len(view):
        received += connection.recv_bytes_into(view[received:])
    return array


# What runs in the process of its own


def serve(
    connection: Connection,
    megabytes: float,
    *,
    warm_up: Callable[[], None],
    answer: Callable[[Connection, dict[str, Any], BinaryIO], None],
    confine: bool,
) -> None:
    """Answer one wish after another until the other end closes.

    Args:
        connection: to the program.
        megabytes: of memory that one file may cost.
        warm_up: loads all that is needed, and fails where the decoders do not work.
        answer: called with the pipe, the wish and its file.
        confine: whether the process is cut off from files and network.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides what ^C ends
    forbid_core_dumps()
    warm_up()
    channel = _channel(connection)
    limit(megabytes)
    means = confine_process() if confine else ()
    with contextlib.suppress(MemoryError):  # which the file will be told, with its size
        warm_up()  # whether the decoders still work
    with contextlib.suppress(EOFError, OSError):
        connection.send_bytes(" ".join((READY.decode(), *means)).encode())
        while True:
            wish = json.loads(connection.recv_bytes())
            if "path" in wish:  # what else may come belongs to an answer that has ended
                with _handed(channel, Path(wish["path"])) as file:
                    answer(connection, wish, file)


def _channel(connection: Connection) -> socket.socket | None:
    """Return the pipe as a socket, over which a file comes open; Windows knows no such way."""
    if sys.platform == "win32":
        return None
    return socket.socket(fileno=os.dup(connection.fileno()))


def _handed(channel: socket.socket | None, path: Path) -> BinaryIO:
    if channel is None:
        return open_file(path)
    _, (file, *_), _, _ = socket.recv_fds(channel, 1, 1)
    return os.fdopen(file, "rb")


def limit(megabytes: float) -> None:
    """Let this process use only so much more memory, and write nothing."""
    # Decoders write of every broken strip to the standard error by themselves.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    if sys.platform == "win32":
        return
    import resource

    own = 0
    with contextlib.suppress(OSError):  # only Linux tells, and only Linux holds to the limit
        own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = own + int(megabytes * 1e6)
    for kind, value in ((resource.RLIMIT_AS, most), (resource.RLIMIT_FSIZE, 0)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (value, value))

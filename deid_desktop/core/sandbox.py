"""Reads photos in a process of its own, so that a decoder that breaks costs one photo.

How the programs call ``imaging``. The process is started once and serves one file after another;
it may use only so much memory, may write no file, and is killed when a photo takes too long. It
answers with JSON and plain pixels, over a pipe that has no name: nothing it says is unpickled,
and no pixel touches a disk. Where the system allows, it is cut off from files and network as well:
the photo is opened here and handed over open.
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.colour import PROFILES
from deid_desktop.core.confinement import confine_process
from deid_desktop.core.decoders import Raster, warm_up
from deid_desktop.core.hardening import forbid_core_dumps
from deid_desktop.core.imaging import (
    MEGAPIXELS,
    Decoded,
    ImageError,
    decode_stream,
    open_file,
    wrap,
)
from deid_desktop.core.inspection import inspect_stream
from deid_desktop.core.types import SRGB, DeidError

_CHUNK = 1 << 20
_DECODE, _INSPECT = b"d", b"i"
READY = b"ready"
"""The first thing that the process says, before the names of what confines it."""
_START = 60.0
"""Seconds that the process may take to start."""
_NONSENSE = (
    *(EOFError, OSError, ValueError, TypeError, LookupError, multiprocessing.BufferTooShort),
)
"""What comes of reading an answer that is none."""
_PREFIX = "DEID_MAX_"
_NOT_STARTED = "the process that reads photos cannot be started; close other programs and try again"


@dataclass(frozen=True)
class Limits:
    """What one photo may cost: seconds, megabytes beside the program's own, megapixels."""

    seconds: float = 60.0
    megabytes: float = 4096.0
    megapixels: float = MEGAPIXELS


def limits_from(environment: Mapping[str, str], **wishes: float | None) -> Limits:
    """Return the limits: ``wishes`` first, then ``DEID_MAX_SECONDS`` and the like, then our own.

    Raises:
        DeidError: a variable of the environment is no positive number.
    """
    chosen = {}
    for field in fields(Limits):
        variable = _PREFIX + field.name.upper()
        wish = wishes.get(field.name)
        try:
            value = float(environment[variable] if wish is None else wish)
        except KeyError:
            continue
        except ValueError:
            value = 0
        if not 0 < value < 1e9:
            raise DeidError(f"{variable}: this is no positive number; correct or remove it")
        chosen[field.name] = value
    return Limits(**chosen)


class Reader:
    """Hands files to the process that reads them. Any thread may call; one photo at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._started = False
        self._means: tuple[str, ...] = ()
        self._confined = True

    def prepare(self) -> None:
        """Start the process now, so that the first photo need not wait for it.

        Raises:
            OSError: the system starts no process.
        """
        if self._process is not None and self._process.is_alive():
            return
        self._end()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        serve = _serve if self._confined else _serve_open
        self._process = context.Process(target=serve, args=(theirs, self.limits), daemon=True)
        self._process.start()
        theirs.close()

    def decode(self, path: Path, *, page: int = 0) -> Decoded:
        """Read one photo; also return what a person should know of how it was read.

        ``page``: which picture of a file with several, from 0.

        Raises:
            ImageError: as `imaging.decode`, or it broke a limit or the decoder.
        """
        with self._lock, self._asked(path, _DECODE, page) as connection:
            head = _header(connection)
            if "error" in head:
                raise ImageError(str(head["error"]))
            notes = tuple(map(str, head["notes"]))
            return Decoded(wrap(_received(connection, head, self.limits), path.name), notes)

    def inspect(self, path: Path) -> dict[str, Any]:
        """Return what a file reveals, as `inspection.inspect_stream` does.

        Raises:
            ImageError: as `decode`.
        """
        with self._lock, self._asked(path, _INSPECT) as connection:
            head = _header(connection)
            if "error" in head:
                raise ImageError(str(head["error"]))
            return dict(head["found"])

    def confined_by(self) -> tuple[str, ...]:
        """Return what cuts the process off from files and network; nothing where nothing does.

        Raises:
            DeidError: the process cannot be started.
        """
        with self._lock:
            try:
                self._running()
            except (EOFError, OSError) as error:
                self._end()
                raise DeidError(_NOT_STARTED) from error
            return self._means

    def close(self) -> None:
        """End the process; the next photo starts another."""
        with self._lock:
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
                # Some system may not let the decoders work once they are confined. No photo
                # was seen yet, so no photo can have brought this about.
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

    @contextlib.contextmanager
    def _asked(self, path: Path, wish: bytes, page: int = 0) -> Iterator[Connection]:
        """Send a file, give the pipe for the answer, and end whatever does not answer."""
        file = open_file(path)
        try:
            process, connection = self._running()
        except (EOFError, OSError) as error:
            file.close()
            self._end()
            raise ImageError(f"{path.name}: {_NOT_STARTED}") from error
        answered, late = threading.Lock(), threading.Event()
        answered.acquire()

        def watch() -> None:
            if not answered.acquire(timeout=self.limits.seconds):
                late.set()
                process.kill()

        # Not by ``threading``, which would list the calling thread of Qt among its own for ever.
        _thread.start_new_thread(watch, ())
        try:
            connection.send_bytes(wish + page.to_bytes(4) + os.fsencode(path.absolute()))
            if sys.platform != "win32":
                send_handle(connection, file.fileno(), process.pid)
            yield connection
        except _NONSENSE as error:
            self._end()
            raise ImageError(
                f"{path.name}: reading it took longer than the {self.limits.seconds:g} seconds "
                "that are allowed; make a smaller copy of it, or raise the limit"
                if late.is_set()
                else f"{path.name}: the decoder broke down on this file, which is damaged or made "
                "to do so; get the file again from where it came"
            ) from error
        except MemoryError:
            self._end()  # what is left in the pipe belongs to this photo
            raise
        finally:
            answered.release()
            file.close()


def _header(connection: Connection) -> dict[str, Any]:
    head = json.loads(connection.recv_bytes(_CHUNK))
    if not isinstance(head, dict):
        raise ValueError("no header")
    return head


def _received(connection: Connection, head: dict[str, Any], limits: Limits) -> Raster:
    """Receive what the header announces, whose space and sizes are held against what may be."""
    shape, depth = _shape(head, limits), np.uint16 if head["deep"] else np.uint8
    space = head.get("space", SRGB)
    if space not in PROFILES:
        raise ValueError("no known space")
    picture = _filled(connection, np.empty(shape, depth))
    pixels = None if space == SRGB else _filled(connection, np.empty(shape, np.uint8))
    alpha = None
    if head.get("alpha"):
        depth = np.uint16 if head["alpha"] == 16 else np.uint8
        alpha = _filled(connection, np.empty(shape[:2], depth))
    return Raster(picture, [], space, pixels, alpha)


def _filled(connection: Connection, array: NDArray[Any]) -> NDArray[Any]:
    view = array.data.cast("B")
    received = 0
    while received < len(view):
        received += connection.recv_bytes_into(view[received:])
    return array


def _shape(head: dict[str, Any], limits: Limits) -> tuple[int, int, int]:
    """Return the picture's shape; what the process says is held against the limits."""
    height, width = (int(side) for side in head["shape"])
    if min(height, width) < 1 or height * width > limits.megapixels * 1e6:
        raise ValueError("no possible picture")
    return height, width, 3


_reader: list[Reader] = []
_choice = threading.Lock()


def reader(limits: Limits | None = None) -> Reader:
    """Return this process's reader; ``limits`` given the first time hold for good."""
    with _choice:
        if not _reader:
            _reader.append(Reader(limits or limits_from(os.environ)))
        return _reader[0]


# What runs in the process of its own


def _serve_open(connection: Connection, limits: Limits) -> None:
    """Do the same without being cut off from files and network."""
    _serve(connection, limits, confine=False)


def _serve(connection: Connection, limits: Limits, *, confine: bool = True) -> None:
    """Answer one file after another until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides what ^C ends
    forbid_core_dumps()
    warm_up()
    channel = _channel(connection)
    _confine(limits)
    means = confine_process() if confine else ()
    with contextlib.suppress(MemoryError):  # which the photo will be told, with its size
        warm_up()  # whether the decoders still work
    with contextlib.suppress(EOFError, OSError):
        connection.send_bytes(" ".join((READY.decode(), *means)).encode())
        while True:
            wish = connection.recv_bytes()
            path, page = Path(os.fsdecode(wish[5:])), int.from_bytes(wish[1:5])
            try:
                with _handed(channel, path) as file:
                    if wish[:1] == _INSPECT:
                        _inspect(connection, file, path.name, limits)
                    else:
                        _decode(connection, file, path.name, limits, page)
            except ImageError as error:
                _send(connection, error=str(error))


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


def _confine(limits: Limits) -> None:
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
    most = own + int(limits.megabytes * 1e6)
    for kind, value in ((resource.RLIMIT_AS, most), (resource.RLIMIT_FSIZE, 0)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (value, value))


def _inspect(connection: Connection, file: BinaryIO, name: str, limits: Limits) -> None:
    _send(connection, found=inspect_stream(file, name, megapixels=limits.megapixels))


def _decode(connection: Connection, file: BinaryIO, name: str, limits: Limits, page: int) -> None:
    picture, notes, space, pixels, alpha = decode_stream(
        file, name, megapixels=limits.megapixels, page=page
    )
    _send(
        connection,
        shape=picture.shape[:2],
        deep=picture.dtype == np.uint16,
        space=space,
        alpha=0 if alpha is None else 8 * alpha.itemsize,
        notes=notes,
    )
    for array in (picture, pixels, alpha):
        if array is not None:
            view = np.ascontiguousarray(array).data.cast("B")
            for start in range(0, len(view), _CHUNK):
                connection.send_bytes(view[start : start + _CHUNK])


def _send(connection: Connection, **head: object) -> None:
    connection.send_bytes(json.dumps(head).encode())

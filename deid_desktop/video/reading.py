"""Reads clips through a process of its own, in which a stranger's file can do no harm.

How everything here gets frames and sound. A decoder that breaks or hangs costs one clip, not the
program; see ``core/cell`` for what the process may do, ``decoding`` for what runs in it. While a
frame is worked on here, the next is decoded there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from deid_desktop.core.cell import Cell, received_array, received_head, send_head
from deid_desktop.core.sandbox import reader
from deid_desktop.core.types import Array, DeidError
from deid_desktop.video import VideoError, decoding, require
from deid_desktop.video.clip import Clip, Frame

_GREY = 96
_AHEAD = 2
"""Frames that are asked for before they are needed."""
_KEPT = 2
"""Processes that are kept for the next clip."""
_TICKS = 1 << 62
_SAMPLES = 1 << 22
"""Most samples of a block."""


def read_clip(path: Path) -> Clip:
    """Read what a file says of its picture, from its first frame.

    Raises:
        VideoError: it is missing, empty, no video or damaged, or has no picture to be decoded.
    """
    require(path.name)
    (clip,) = _stream(path, lambda head, _: Clip.read(head, path.name), wish="clip")
    return clip


def frames(
    path: Path, clip: Clip, *, since: int | None = None, deep: bool = True
) -> Iterator[Frame]:
    """Yield the frames of a clip in the order they are shown, bounded in memory.

    Args:
        path: of the file.
        clip: what `read_clip` said of it.
        since: tick of the first frame wanted; the file is sought to it.
        deep: also give 16 bits where the clip has more than 8.

    Raises:
        VideoError: the file is gone, is another by now, or broke its decoder.
    """
    deep = deep and clip.deep
    shape, last = (clip.height, clip.width, 3), -_TICKS

    def received(head: dict[str, Any], connection: Connection) -> Frame:
        nonlocal last
        at, length = int(head["at"]), int(head["length"])
        if not last < at < _TICKS or not 0 <= length < _TICKS:
            raise ValueError("no possible time")
        last = at
        if head["broken"]:
            return _broken(clip, at, length)
        pixels = received_array(connection, np.empty(shape, np.uint8))
        full = received_array(connection, np.empty(shape, np.uint16)) if deep else None
        return Frame(at, length, pixels, full)

    return _stream(path, received, wish="frames", clip=clip.written(), since=since, deep=deep)


def sound_blocks(path: Path, clip: Clip, damaged: list[int]) -> Iterator[Array]:
    """Yield the clip's first sound stream as stereo (2, n) float32 at 48 kHz, without gaps.

    The first sample belongs to the clip's start; silence stands for what is missing. The only
    entry of ``damaged`` becomes the number of packets that could not be decoded.

    Raises:
        VideoError: as `frames`.
    """

    def received(head: dict[str, Any], connection: Connection) -> Array:
        damaged[0], count = int(head["damaged"]), int(head["samples"])
        if not 0 <= count <= _SAMPLES:
            raise ValueError("no possible block")
        samples = received_array(connection, np.empty((2, count), np.float32))
        return np.nan_to_num(samples)

    return _stream(path, received, wish="sound", clip=clip.written())


def _broken(clip: Clip, at: int, length: int) -> Frame:
    pixels = np.full((clip.height, clip.width, 3), _GREY, np.uint8)
    deep = pixels.astype(np.uint16) * 257 if clip.deep else None
    return Frame(at, length, pixels, deep, broken=True)


class Decoder(Cell):
    """The process that decodes clips, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._limits = reader().limits
        self.seconds = self._limits.seconds

    def _task(self, *, confined: bool) -> tuple[Callable[..., None], float]:
        serve = decoding.serve_confined if confined else decoding.serve_open
        return serve, self._limits.megabytes

    def _fault(self, name: str, fault: str) -> DeidError:
        said = {
            "start": "the process that reads clips cannot be started; "
            "close other programs and try again",
            "late": f"decoding a frame took longer than the {self.seconds:g} seconds that are "
            "allowed; make a smaller copy of it, or raise the limit",
            "broke": "the decoder broke down on this file, which is damaged or made to do so; "
            "get the file again from where it came",
        }
        return VideoError(f"{name}: {said[fault]}" if name else said[fault])

    @property
    def alive(self) -> bool:
        """Whether it can serve another clip."""
        return self._process is not None and self._process.is_alive()

    def pieces(
        self, path: Path, received: Callable[[dict[str, Any], Connection], Any], **wish: object
    ) -> Iterator[Any]:
        """Yield what the process says to a wish, each piece as ``received`` makes it.

        Raises:
            VideoError: what it says, or it broke.
        """
        connection, ended = self._send(path, **wish), False
        try:
            with self._watched(path.name):
                for _ in range(_AHEAD):
                    send_head(connection, more=True)
            while True:
                with self._watched(path.name):
                    head = received_head(connection)
                    ended = "end" in head or "error" in head
                    piece = None if ended else received(head, connection)
                    if not ended:
                        send_head(connection, more=True)
                if "error" in head:
                    raise VideoError(str(head["error"]))
                if ended:
                    return
                yield piece
        finally:
            if not ended and self.alive:
                self._give_up(path, received, connection)

    def _give_up(
        self, path: Path, received: Callable[[dict[str, Any], Connection], Any],
        connection: Connection,
    ) -> None:  # fmt: skip
        """Let the process know that no more is wanted, and take what is on its way."""
        with self._watched(path.name):
            send_head(connection, more=False)
            while not {"end", "error"} & set(head := received_head(connection)):
                received(head, connection)


_idle: list[Decoder] = []
_lock = threading.Lock()


def _stream(
    path: Path, received: Callable[[dict[str, Any], Connection], Any], **wish: object
) -> Iterator[Any]:
    """Yield the pieces of an answer, from a process that nobody else uses meanwhile."""
    with _lock:
        decoder = _idle.pop() if _idle else Decoder()
    try:
        yield from decoder.pieces(path, received, **wish)
    finally:
        with _lock:
            keep = decoder.alive and len(_idle) < _KEPT
            if keep:
                _idle.append(decoder)
        if not keep:
            decoder.close()

"""Says how many threads torch and OpenCV may use, where more would be in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

import cv2
import torch

_lock = Lock()
_wanted: list[int] = []
_own: list[tuple[int, int]] = []
"""How many threads torch and OpenCV have when nobody wants fewer."""


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Let torch and OpenCV use no more than so many threads.

    Short work that follows a hand takes one: in tens of milliseconds a second thread saves little,
    and where another program has its core, every step waits for it: a preview of 50 milliseconds
    took 150 to 800. Work that has threads of its own shares the cores out among them. The numbers
    are the program's: of several who ask, the least holds, and they come back after the last.
    """
    with _lock:
        if not _wanted:
            _own.append((torch.get_num_threads(), cv2.getNumThreads()))
        _wanted.append(threads)
        _set()
    try:
        yield
    finally:
        with _lock:
            _wanted.remove(threads)
            _set()
            if not _wanted:
                _own.clear()


def shared_by(workers: int) -> AbstractContextManager[None]:
    """Share the threads out among so many workers that run at once."""
    return at_most(max(1, cv2.getNumThreads() // workers))


def _set() -> None:
    of_torch, of_opencv = (min([own, *_wanted]) for own in _own[0])
    torch.set_num_threads(of_torch)
    cv2.setNumThreads(of_opencv)

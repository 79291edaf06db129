"""Keeps short work in one thread: what follows a hand must not wait for another core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import cv2
import torch

_lock = Lock()
_before: list[tuple[int, int]] = []
"""How many threads torch and OpenCV had, once for all who want one at the same time."""
_wanted = 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and OpenCV use the calling thread alone.

    In tens of milliseconds a second thread saves little, and where another program has its core,
    every step waits for it: a preview of 50 milliseconds took 150 to 800. The same holds beside
    threads of our own. The numbers are the program's: they come back when nobody wants one.
    """
    _take()
    try:
        yield
    finally:
        _give_back()


def _take() -> None:
    global _wanted
    with _lock:
        if not _wanted:
            _before.append((torch.get_num_threads(), cv2.getNumThreads()))
            torch.set_num_threads(1)
            cv2.setNumThreads(1)
        _wanted += 1


def _give_back() -> None:
    global _wanted
    with _lock:
        _wanted -= 1
        if not _wanted:
            threads, of_opencv = _before.pop()
            torch.set_num_threads(threads)
            cv2.setNumThreads(of_opencv)

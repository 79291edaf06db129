"""Keeps short work in one thread: what follows a hand must not wait for another core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and OpenCV use the calling thread alone.

    In tens of milliseconds a second thread saves little, and where another program has its core,
    every step waits for it: a preview of 50 milliseconds took 150 to 800.
    """
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])

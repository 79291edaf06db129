"""Does the tasks of a batch, here or in several processes; the order stays the same.

A task that takes its process down costs itself only.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, Any, TypeVar

from deid_desktop.core.hardening import forbid_core_dumps
from deid_desktop.core.sandbox import Limits, reader

if TYPE_CHECKING:
    from deid_desktop.core.pipeline import Pipeline

_T = TypeVar("_T")


class Dead:
    """What comes of a task that took its process down, alone as well."""


class Alone:
    """Does all tasks in this process."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def map(self, work: Callable[..., _T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[_T | Dead]:
        """Yield what ``work`` makes of each task, in order."""
        for task in tasks:
            yield work(self._pipeline, *task)

    def close(self) -> None:
        """End the work."""


class Crew:
    """Does tasks in several processes; one that dies costs its own task only."""

    def __init__(self, device: str, limits: Limits, jobs: int) -> None:
        self._device, self._limits, self._jobs = device, limits, jobs
        self._pools = contextlib.ExitStack()
        self._pool = self._open(jobs)

    def _open(self, jobs: int) -> ProcessPoolExecutor:
        return self._pools.enter_context(_pool(self._device, self._limits, jobs))

    def map(self, work: Callable[..., _T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[_T | Dead]:
        """Yield what ``work`` makes of each task, in order."""
        with _uninterrupted():
            futures = [self._pool.submit(_work, work, task) for task in tasks]
        broken = False
        for task, future in zip(tasks, futures, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool:
                # One task took the process down, and the others with it: try each by itself.
                broken = True
                yield self._alone(work, task)
        if broken:
            self._pool = self._open(self._jobs)

    def _alone(self, work: Callable[..., _T], task: tuple[Any, ...]) -> _T | Dead:
        with _pool(self._device, self._limits, 1) as pool:
            with _uninterrupted():
                future = pool.submit(_work, work, task)
            try:
                return future.result()
            except BrokenProcessPool:
                return Dead()

    def close(self) -> None:
        """End the work after the tasks at hand."""
        self._pools.close()


@contextlib.contextmanager
def _pool(device: str, limits: Limits, jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of workers; when it is left early they finish the photo at hand, no other."""
    # A fresh interpreter for each: torch and OpenCV do not survive a fork of their threads.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(jobs, context, _start_worker, (device, limits, jobs, stop))
    try:
        yield pool
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that do not hear ^C, which reaches them all: the parent decides for them."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heard)


@dataclass(frozen=True)
class _Worker:
    pipeline: Pipeline
    stop: Event


_worker: list[_Worker] = []
"""What this process works with, if it is a worker."""


def _start_worker(device: str, limits: Limits, jobs: int, stop: Event) -> None:
    # Not every system hands the parent's choice down.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forbid_core_dumps()
    reader(limits).prepare()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    # Before torch loads, as its libraries read this only once.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    import cv2
    import torch

    from deid_desktop.core.pipeline import Pipeline

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _worker[:] = [_Worker(Pipeline(device), stop)]


def _work(work: Callable[..., _T], task: tuple[Any, ...]) -> _T | Dead:
    (own,) = _worker
    if own.stop.is_set():  # the pool hands out more than it can take back
        return Dead()
    return work(own.pipeline, *task)

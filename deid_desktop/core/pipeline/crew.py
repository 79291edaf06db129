"""Works on several faces of a photo at once, each thread with networks of its own on one core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from deid_desktop.core.pipeline.threads import shared_by

_Worker = TypeVar("_Worker")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def shared_out(
    workers: Sequence[_Worker], items: Iterable[_Item], work: Callable[[_Worker, _Item], _Result]
) -> Iterator[_Result]:
    """Yield ``work`` of each item, in order, by whichever of the workers is idle.

    An exception ends it; what has begun is waited for, nothing else begins.
    """
    if len(workers) == 1:
        yield from (work(workers[0], item) for item in items)
        return
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def one(item: _Item) -> _Result:
        worker = idle.get()
        try:
            return work(worker, item)
        finally:
            idle.put(worker)

    with shared_by(len(workers)), ThreadPoolExecutor(len(workers)) as pool:
        yield from pool.map(one, items)

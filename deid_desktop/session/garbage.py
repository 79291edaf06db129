"""Collects Python's cyclic garbage in the window's thread alone.

Python collects in whichever thread happens to allocate. In the worker's thread that can destroy a
widget: its destructor holds Qt's lock of signals and waits for Python's, while the window's thread
holds Python's and waits for Qt's, and both stand still for good. And a full collection looks at
every object of torch, an eighth of a second in which no frame is painted. So automatic collection
is off beside a worker, a timer of the window's thread collects instead, and what libraries bring
with them is never looked at.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from PySide6.QtCore import QCoreApplication, QTimer

PAUSE = 1_000
"""Milliseconds between two looks."""

_loading: list[str] = []


def collect_here() -> None:
    """Collect in the calling thread, that of the application, from now on."""
    if not gc.isenabled():
        return
    gc.disable()
    timer = QTimer(QCoreApplication.instance())
    timer.setObjectName("garbage")
    timer.timeout.connect(sweep)
    timer.start(PAUSE)


def sweep() -> None:
    """Collect the generations that automatic collection would have collected by now."""
    if _loading:
        return
    counts, limits = gc.get_count(), gc.get_threshold()
    for generation in (2, 1, 0):
        if counts[generation] > limits[generation]:
            gc.collect(generation)
            return


@contextlib.contextmanager
def loading(what: str) -> Iterator[None]:
    """Leave what is made meanwhile, in any thread, out of every later collection."""
    _loading.append(what)
    try:
        yield
    finally:
        _loading.remove(what)
        gc.freeze()

"""Keeps the layers of photos that nobody looks at within bounds.

A layer holds several numbers for every pixel it covers: those of a hundred photos would fill any
memory. What is given up is made again, with the same identity, when it is needed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable

from deid_desktop.session.model import PhotoEntry

LAYERS_KEPT = 256 * 2**20
"""Bytes of layers kept for photos that are not looked at."""
EARLIER_KEPT = 256 * 2**20
"""Bytes of layers, the current ones included, from which a photo loses its earlier results."""


def shelve_excess(entries: Iterable[PhotoEntry]) -> None:
    """Give up layers, photo by photo, until the rest is small enough."""
    weights = [(entry, entry.weight()) for entry in entries]
    total = sum(weight for _, weight in weights)
    for entry, weight in weights:
        if total <= LAYERS_KEPT:
            return
        if weight and entry.photo is None:
            total -= weight
            entry.shelved = True
            for subject in entry.subjects.values():
                subject.shelve()


def forget_earlier(entry: PhotoEntry) -> None:
    """Give up results that undo would show at once, the oldest first, while they take much room.

    What is asked for now stays; an earlier request is made again when undo comes back to it.
    """
    weight = entry.weight()
    for subject in entry.subjects.values():
        for place in [place for place in subject.results if place != subject.place]:
            if weight <= EARLIER_KEPT:
                return
            del subject.results[place]
            weight = entry.weight()


def give_back() -> None:
    """Return to the system what the C library holds on to after large photos, where it can."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

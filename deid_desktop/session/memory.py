"""Keeps the layers of photos that nobody looks at within bounds.

A layer holds several numbers for every pixel it covers: those of a hundred photos would fill any
memory. What is given up is made again, with the same identity, when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable

from deid_desktop.session.model import PhotoEntry

LAYERS_KEPT = 500 * 2**20
"""Bytes of layers kept for photos that are not looked at."""


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

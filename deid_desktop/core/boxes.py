"""Walks the boxes of ISO base media files: the container of AVIF and HEIC.

Serves ``imaging`` (which colours a file means), ``scan`` and ``inspection``. Only the structure is
known here, not what the boxes say.

Source: ISO/IEC 14496-12, section 4.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

FULL = {b"meta": 4, b"iinf": 6, b"iref": 4}
"""Boxes of boxes with bytes of their own before the first one inside."""
CONTAINERS = {b"moov", b"trak", b"iprp", b"ipco", *FULL}


@dataclass(frozen=True)
class Span:
    """One box: its four-letter kind, and where its content starts and ends."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield the boxes of one level.

    Raises:
        ValueError: a box is larger than what holds it, or too small to be one.
        struct.error: the data ends within a box's head.
    """
    end = len(data) if end is None else end
    while start < end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            raise ValueError("a box does not fit")
        yield Span(kind, start + head, start + size)
        start += size


def inside(data: bytes, box: Span) -> Iterator[Span]:
    """Yield the boxes inside one of ``CONTAINERS``."""
    skip = FULL.get(box.kind, 0)
    if box.kind == b"iinf" and data[box.start : box.start + 1] != b"\0":
        skip = 8
    return boxes(data, box.start + skip, box.end)


def find(data: bytes, *path: bytes) -> list[Span]:
    """Return all boxes at ``path``, level by level; none where the structure is broken."""
    try:
        level = [box for box in boxes(data) if box.kind == path[0]]
        for kind in path[1:]:
            level = [box for parent in level for box in inside(data, parent) if box.kind == kind]
    except (ValueError, struct.error):
        return []
    return level

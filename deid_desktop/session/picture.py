"""Pixels made ready for the screen: a photo and its halvings, four bytes a pixel.

Drawing a 24-megapixel photo at screen size from its full resolution is slow and flickers with
every pixel that falls between two; the canvas draws the level nearest to the size wanted.
The halving runs in the worker; the window only writes small patches into finished pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deid_desktop.core.types import Box, Pixels

SMALLEST_SIDE = 512
"""A level is halved again as long as its longer side exceeds this many pixels."""


REACH = 1.6
"""How far a layer may reach beyond its face's box, in longer sides of the box."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Levels of one photo, the largest first.

    ``levels[n]``: BGRA, ``uint8``, shape (ceil(height / 2^n), ceil(width / 2^n), 4), alpha 255.
    """

    levels: tuple[Pixels, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the photo."""
        height, width = self.levels[0].shape[:2]
        return width, height


@dataclass(frozen=True, eq=False)
class Patch:
    """New pixels for one region of a picture, on every level.

    ``corner``: left and top in full pixels, both multiples of two to the power of the last level.
    """

    corner: tuple[int, int]
    levels: tuple[Pixels, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in full pixels."""
        height, width = self.levels[0].shape[:2]
        return width, height


def depth(width: int, height: int) -> int:
    """Return how many levels a photo of this size gets, at least 1."""
    side, levels = max(width, height), 1
    while side > SMALLEST_SIDE:
        side, levels = (side + 1) // 2, levels + 1
    return levels


def _levels(pixels: Pixels, count: int) -> tuple[Pixels, ...]:
    import cv2

    levels = [np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA), np.uint8)]
    for _ in range(count - 1):
        level = levels[-1]
        height, width = level.shape[:2]
        if height % 2 or width % 2:
            # Exact pairs, so that a patch is halved like the whole photo.
            level = np.pad(level, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        half = ((width + 1) // 2, (height + 1) // 2)
        levels.append(np.asarray(cv2.resize(level, half, interpolation=cv2.INTER_AREA), np.uint8))
    return tuple(levels)


def picture_of(pixels: Pixels) -> Picture:
    """Build the levels of a whole photo (RGB)."""
    height, width = pixels.shape[:2]
    return Picture(_levels(pixels, depth(width, height)))


def duplicate(picture: Picture) -> Picture:
    """Return a picture that can be patched without changing this one."""
    return Picture(tuple(level.copy() for level in picture.levels))


def thumbnail(picture: Picture, side: int = 160) -> Picture:
    """Return a one-level copy of at most ``side`` pixels, for lists of photos."""
    import cv2

    small = picture.levels[-1]
    height, width = small.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Picture((np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8),))


def reach_of(box: Box) -> Box:
    """Return the surroundings of a face's box that hold any layer of that face."""
    x, y, w, h = box
    reach = REACH * max(w, h)
    return x - reach, y - reach, w + 2 * reach, h + 2 * reach


def touch(one: Box, other: Box) -> bool:
    """Return whether two boxes share any pixel."""
    return all(
        one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2]
        for axis in (0, 1)
    )


def patch_of(pixels: Pixels, around: Box) -> Patch:
    """Cut the surroundings of a face out of the finished photo.

    Args:
        pixels: the whole photo, RGB.
        around: the face's box.
    """
    height, width = pixels.shape[:2]
    count = depth(width, height)
    step = 1 << (count - 1)
    x, y, w, h = reach_of(around)
    left = max(0, int(x // step) * step)
    top = max(0, int(y // step) * step)
    right = min(width, -int(-(x + w) // step) * step)
    bottom = min(height, -int(-(y + h) // step) * step)
    cut = np.ascontiguousarray(pixels[top : max(bottom, top + 1), left : max(right, left + 1)])
    return Patch((left, top), _levels(cut, count))


def paste(picture: Picture, patch: Patch) -> None:
    """Write a patch into a picture in place."""
    for number, (target, source) in enumerate(zip(picture.levels, patch.levels, strict=True)):
        left, top = (value >> number for value in patch.corner)
        room = target[top : top + source.shape[0], left : left + source.shape[1]]
        room[:] = source[: room.shape[0], : room.shape[1]]

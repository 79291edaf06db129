"""The mask brush: what a person took into a face's mask or out of it, as strokes without pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from deid_desktop.core.types import Array, Box, Stroke

_PRECISION = 4
"""Bits after the point in which the strokes are drawn."""


def painted(
    strokes: Sequence[Stroke], box: Box, *, corner: tuple[int, int], shape: tuple[int, int]
) -> Array:
    """Return what the strokes say of every pixel of a region: 1 into the mask, −1 out, else 0.

    Later strokes lie over earlier ones; borders are crisp.

    Args:
        strokes: in units of the box.
        box: of the face, in photo pixels.
        corner: left and top of the region in the photo.
        shape: its height and width.
    """
    says = np.zeros(shape, np.float32)
    left, top, width, height = box
    side, scale = max(width, height), 1 << _PRECISION
    middle = np.array([left + width / 2 - corner[0], top + height / 2 - corner[1]])
    for stroke in strokes:
        points = np.round((np.array(stroke.points) * side + middle) * scale).astype(np.int32)
        radius, value = max(0.5, stroke.radius * side), 1.0 if stroke.into else -1.0
        # A line is as thick as a whole number of pixels; discs at its points round its ends.
        cv2.polylines(says, [points], False, value, max(1, round(2 * radius)), shift=_PRECISION)
        for point in points:
            cv2.circle(says, point.tolist(), round(radius * scale), value, -1, shift=_PRECISION)
    return says


def extent(strokes: Sequence[Stroke], box: Box) -> Box:
    """Return the box grown to hold all strokes that take something into the mask."""
    left, top, width, height = box
    right, bottom, side = left + width, top + height, max(width, height)
    middle = (left + width / 2, top + height / 2)
    for stroke in strokes:
        if stroke.into:
            low, high = np.min(stroke.points, axis=0), np.max(stroke.points, axis=0)
            left = min(left, float(middle[0] + (low[0] - stroke.radius) * side))
            top = min(top, float(middle[1] + (low[1] - stroke.radius) * side))
            right = max(right, float(middle[0] + (high[0] + stroke.radius) * side))
            bottom = max(bottom, float(middle[1] + (high[1] + stroke.radius) * side))
    return left, top, right - left, bottom - top

"""The mask brush: what a person took into a face's mask or out of it, as strokes without pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Array, Box, Face, Stroke

_PRECISION = 4
"""Bits after the point in which the strokes are drawn."""


def painted(
    strokes: Sequence[Stroke], face: Face, *, corner: tuple[int, int], shape: tuple[int, int]
) -> Array:
    """Return what the strokes say of every pixel of a region: 1 into the mask, −1 out, else 0.

    Later strokes lie over earlier ones; borders are crisp.

    Args:
        strokes: in units of the face's box.
        face: whose box they belong to.
        corner: left and top of the region in the photo.
        shape: its height and width.
    """
    says = np.zeros(shape, np.float32)
    side, scale = max(face.box[2:]), 1 << _PRECISION
    for stroke in strokes:
        points = np.round((_placed(stroke, face) - corner) * scale).astype(np.int32)
        radius, value = max(0.5, stroke.radius * side), 1.0 if stroke.into else -1.0
        # A line is as thick as a whole number of pixels; discs at its points round its ends.
        cv2.polylines(says, [points], False, value, max(1, round(2 * radius)), shift=_PRECISION)
        for point in points:
            cv2.circle(says, point.tolist(), round(radius * scale), value, -1, shift=_PRECISION)
    return says


def extent(strokes: Sequence[Stroke], face: Face) -> Box:
    """Return the upright box that holds the face's box and all strokes into the mask."""
    points = [corners(face.box, face.angle)]
    for stroke in strokes:
        if stroke.into:
            radius = stroke.radius * max(face.box[2:])
            points += [_placed(stroke, face) - radius, _placed(stroke, face) + radius]
    every = np.concatenate(points)
    (left, top), (right, bottom) = every.min(0).tolist(), every.max(0).tolist()
    return left, top, right - left, bottom - top


def corners(box: Box, angle: float) -> NDArray[np.float64]:
    """Return the corners (4, 2) of a box turned about its middle, clockwise, in degrees."""
    left, top, width, height = box
    half = np.array([width, height]) / 2
    offsets = turned(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half, angle)
    return offsets + half + np.array([left, top])


def turned(points: NDArray[np.floating], angle: float) -> NDArray[np.float64]:
    """Return ``points`` (n, 2) turned about the origin, clockwise as seen in a picture."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return points @ np.array([[cos, sin], [-sin, cos]])


def _placed(stroke: Stroke, face: Face) -> NDArray[np.float64]:
    """Return the points (n, 2) of a stroke in photo pixels."""
    left, top, width, height = face.box
    middle = [left + width / 2, top + height / 2]
    return turned(np.array(stroke.points) * max(width, height), face.angle) + middle

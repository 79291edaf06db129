"""Masks over faces in motion: soft ovals of one colour that fade, but never over a bare face."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Box

_AXES, _SOFT = 0.66, 0.16
"""Half axes of what is wholly covered, in sides of the box, and what the edge adds to them."""


def cover(pixels: NDArray[Any], box: Box, colour: tuple[int, int, int], *, strength: float) -> None:
    """Cover a face in place by an oval of one colour.

    Args:
        pixels: (h, w, 3) the frame, 8 or 16 bit.
        box: of the face.
        colour: RGB, 0…255.
        strength: 0…1, how much is covered; below 1 only over a surrogate.
    """
    x, y, width, height = box
    reach = _AXES + _SOFT
    limit = np.array(pixels.shape[1::-1])
    centre = np.array([x + width / 2, y + height / 2])
    size = np.maximum([width, height], 2.0)
    low = np.clip(np.floor(centre - reach * size), 0, limit).astype(int)
    high = np.clip(np.ceil(centre + reach * size) + 1, 0, limit).astype(int)
    if (high <= low).any():
        return
    rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    away = np.hypot((columns - centre[0]) / size[0], (rows - centre[1]) / size[1])
    alpha = np.clip((reach - away) / _SOFT, 0, 1) * strength
    region = pixels[low[1] : high[1], low[0] : high[0]]
    full = np.iinfo(pixels.dtype).max
    paint = np.array(colour, np.float32) * (full / 255)
    mixed = region + (paint - region) * alpha[..., None]
    region[:] = np.clip(np.round(mixed), 0, full).astype(pixels.dtype)


def smooth_boxes(rows: NDArray[np.floating], *, sigma: float = 2.0) -> NDArray[np.float32]:
    """Return boxes (n, 4) of a track's ``rows``, smoothed over ``sigma`` frames without delay."""
    boxes = np.ascontiguousarray(rows[:, :4], np.float32)
    if len(boxes) < 3:
        return boxes
    # A line goes on beyond both ends, so that motion has no delay there either.
    reach = min(len(boxes) - 1, round(3 * sigma))
    before = 2 * boxes[0] - boxes[reach:0:-1]
    after = 2 * boxes[-1] - boxes[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, boxes, after])
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma).astype(np.float32)
    smoothed = cv2.filter2D(padded, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    result: NDArray[np.float32] = smoothed[reach : reach + len(boxes)]
    return result

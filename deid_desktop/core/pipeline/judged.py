"""Says what of a photo a verdict hangs on, so that the same pixels need not be judged twice."""

from __future__ import annotations

import hashlib

import numpy as np

from deid_desktop.core.compose import SurrogateLayer
from deid_desktop.core.detect import WIDEST
from deid_desktop.core.types import Company, Face, Pixels


def surroundings(layer: SurrogateLayer, shape: tuple[int, ...], face: Face) -> tuple[slice, slice]:
    """Return the rows and columns as far around a face as the detector looks or the layer goes.

    What it finds hangs on what it sees: judged on less, a surrogate could hold that fails in the
    finished photo.
    """
    x, y, width, height = face.box
    reach = 0.5 * WIDEST * max(width, height)
    middle = np.array([x + width / 2, y + height / 2])
    corner = np.array([layer.left, layer.top])
    low = np.maximum(np.minimum(corner, np.floor(middle - reach)), 0)
    high = np.maximum(corner + layer.alpha.shape[::-1], np.ceil(middle + reach))
    (left, top), (right, bottom) = low.tolist(), np.minimum(high, shape[1::-1]).tolist()
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def changed_window(layer: SurrogateLayer, pixels: Pixels, window: tuple[slice, slice]) -> Pixels:
    """Return a window of the photo with the layer applied, which lies inside it."""
    part = pixels[window].copy()
    top, left = layer.top - window[0].start, layer.left - window[1].start
    height, width = layer.alpha.shape
    part[top : top + height, left : left + width] = layer.changed(pixels)
    return part


def seal(pixels: Pixels, company: Company, threshold: float) -> bytes:
    """Return a digest of what a verdict on a face depends on, beside the original photo.

    Args:
        pixels: the face as it is shown, with its `surroundings`.
        company: the people whom it is held against.
        threshold: from which it fails.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16)
    for part in (company.everybody, company.own, np.float64(threshold)):
        digest.update(part.tobytes())
    return digest.digest()

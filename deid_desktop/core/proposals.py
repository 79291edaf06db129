"""Lists every place of a photo that might show a face: the first half of the detection stage.

One YuNet network is run over the photo at many scales, in overlapping tiles, with a
threshold so low that hardly a face escapes, not even a tilted one; ``detect`` then looks at each
proposal again and decides. YuNet: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face
Detector", Machine Intelligence Research 2023; it is trained for faces of 10 to 300 px.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Array, Cancelled, Pixels, ShouldStop
from deid_desktop.core.weights import model_path

Matrix = NDArray[np.float64]
"""A similarity of the plane, (2, 3)."""

TILE = 2048
"""Largest side of what the network sees at once, in its own pixels."""
OVERLAP = 256
"""Overlap of neighbouring tiles: twice the largest face that only the finest scale sees."""


class YuNet:
    """The detector network, loaded on first use; safe to share between threads."""

    def __init__(self) -> None:
        self._network: cv2.FaceDetectorYN | None = None
        self._lock = Lock()

    def __call__(self, pixels: Pixels, *, threshold: float) -> Array:
        """Return the faces of one picture as rows (n, 15), float32.

        A row holds left, top, width, height, five (x, y) points in the order of
        ``Face.points`` and the score, 0…1.

        Raises:
            ModelError: the model file is missing or altered.
        """
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        with self._lock:
            if self._network is None:
                path = model_path("face_detection_yunet_2023mar.onnx")
                self._network = cv2.FaceDetectorYN.create(str(path), "", (320, 320))
                self._network.setNMSThreshold(0.4)
            self._network.setScoreThreshold(threshold)
            self._network.setInputSize((bgr.shape[1], bgr.shape[0]))
            rows = self._network.detect(bgr)[1]
        return np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)


def transform(rows: Array, matrix: Matrix) -> Array:
    """Move rows (n, 15) by a similarity ``matrix`` (2, 3).

    The new box bounds the turned ellipse that the old box bounded, so that it neither grows
    nor shrinks with the angle as the bounding box of a turned box would.
    """
    linear, shift = matrix[:, :2], matrix[:, 2]
    moved = rows.copy()
    centre = (rows[:, :2] + rows[:, 2:4] / 2) @ linear.T + shift
    moved[:, 2:4] = np.sqrt(rows[:, 2:4] ** 2 @ (linear**2).T)
    moved[:, :2] = centre - moved[:, 2:4] / 2
    points = rows[:, 4:14].reshape(-1, 5, 2) @ linear.T + shift
    moved[:, 4:14] = points.reshape(-1, 10)
    return moved


def propose(
    network: YuNet,
    pixels: Pixels,
    scales: list[float],
    *,
    threshold: float,
    should_stop: ShouldStop,
) -> Array:
    """Run a pass per scale and return all rows (n, 15) in photo pixels, not yet merged.

    Raises:
        Cancelled: ``should_stop`` answered yes between two tiles.
    """
    found = [np.zeros((0, 15), np.float32)]
    for scale in scales:
        for left, top, right, bottom in _tiles(pixels.shape[1], pixels.shape[0], scale):
            if should_stop():
                raise Cancelled
            region = pixels[top:bottom, left:right]
            size = _scaled(region.shape[1], scale), _scaled(region.shape[0], scale)
            rows = network(resize(region, size), threshold=threshold)
            ratio = np.divide(region.shape[1::-1], size)
            # Pixel centres lie at whole numbers, so a change of scale also shifts by a half.
            shift = (ratio - 1) / 2 + [left, top]
            found.append(transform(rows, np.c_[np.diag(ratio), shift]))
    return np.concatenate(found)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale to ``size`` (width, height) without aliasing."""
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    shrinks = size[0] < pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))


def _tiles(width: int, height: int, scale: float) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, right, bottom of overlapping tiles that cover the photo."""
    for top, bottom in _spans(height, scale):
        for left, right in _spans(width, scale):
            yield left, top, right, bottom


def _spans(length: int, scale: float) -> list[tuple[int, int]]:
    """Return start and end of the fewest equal tiles along one side."""
    most, overlap = TILE / scale, OVERLAP / scale
    count = max(1, math.ceil((length - overlap) / (most - overlap)))
    tile = min(length, math.ceil((length + (count - 1) * overlap) / count))
    starts = np.linspace(0, length - tile, count).round().astype(int)
    return [(int(start), int(start) + tile) for start in starts]

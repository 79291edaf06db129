"""Finds the faces of a photo: the first stage of the flow, photo → faces.

A missed face is the worst error this program can make; a false box costs a click. So the
detector casts a wide net (``proposals``) and then looks at every proposal again, upright and
at the size the network knows best. What it still takes for a face becomes one ``Face``. The
choices and their measured effect: ``docs/decisions/0001-detection.md``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.geometry import warp_crop
from deid_desktop.core.proposals import Matrix, Pass, YuNet, propose, transform
from deid_desktop.core.types import Array, Box, Cancelled, Face, Pixels, ShouldStop, never

PROPOSAL = 0.3
"""Score from which a place is looked at again."""
ACCEPT = 0.6
"""Score of the second look from which a place is a face."""
SMALLEST = 8
"""Photos narrower than this, in pixels, cannot show a face that the network knows."""
CELL, CANONICAL = 160, 64
"""Side of the second look's crops and the height of the face in them, in pixels."""
CELLS_A_SIDE = 8
"""The crops are looked at together, in sheets of at most this many squared."""
SAME = 0.4
"""Overlap from which two boxes show one face."""
MEGAPIXEL = 1e6


class Detector:
    """Finds faces with YuNet. The network is loaded on first use."""

    def __init__(self) -> None:
        self._network = YuNet()

    def detect(self, pixels: Pixels, *, should_stop: ShouldStop = never) -> tuple[Face, ...]:
        """Return all faces of a photo, (height, width, 3) uint8 RGB, from left to right.

        Ids count from 0 in that order. Boxes may reach over the border of the photo.

        Raises:
            Cancelled: ``should_stop`` answered yes.
            ModelError: the model file is missing or altered.
        """
        height, width = pixels.shape[:2]
        if min(height, width) < SMALLEST:
            return ()
        rows = propose(
            self._network,
            pixels,
            plan(width, height),
            threshold=PROPOSAL,
            should_stop=should_stop,
        )
        faces = self._look_again(pixels, merge(rows), should_stop)
        ordered = sorted(merge(faces), key=lambda row: (row[0] + row[2] / 2, row[1] + row[3] / 2))
        return tuple(_face(row, number) for number, row in enumerate(ordered))

    def detect_near(self, pixels: Pixels, box: Box) -> Face | None:
        """Return the face that best overlaps ``box``, with id 0, or ``None``.

        One quick look at the neighbourhood of the box, for verification and for boxes drawn
        by a person.

        Raises:
            ModelError: the model file is missing or altered.
        """
        x, y, width, height = box
        side = max(width, height)
        row = np.zeros((1, 15), np.float32)
        row[0, :4] = x, y, width, height
        if side < 1 or min(pixels.shape[:2]) < SMALLEST:
            return None
        centre = np.array([x + width / 2, y + height / 2])
        matrix = _centred(centre, 0.0, 96 / side, 256)
        rows = self._network(warp_crop(pixels, matrix, 256), threshold=PROPOSAL)
        rows = transform(rows, _inverse(matrix))
        overlaps = overlap(rows, row)[:, 0]
        if not (overlaps > 0.2).any():
            return None
        return _face(rows[int(np.argmax(overlaps))], 0)

    def _look_again(self, pixels: Pixels, rows: Array, should_stop: ShouldStop) -> Array:
        """Return the proposals (n, 15) that are faces, measured anew on upright crops."""
        found = [np.zeros((0, 15), np.float32)]
        for start in range(0, len(rows), CELLS_A_SIDE**2):
            if should_stop():
                raise Cancelled
            batch = rows[start : start + CELLS_A_SIDE**2]
            columns = min(len(batch), CELLS_A_SIDE)
            lines = -(-len(batch) // columns)
            sheet = np.full((lines * CELL, columns * CELL, 3), 127, np.uint8)
            corners = [(k % columns * CELL, k // columns * CELL) for k in range(len(batch))]
            matrices = [_upright(row) for row in batch]
            for (left, top), matrix in zip(corners, matrices, strict=True):
                sheet[top : top + CELL, left : left + CELL] = warp_crop(pixels, matrix, CELL)
            seen = self._network(sheet, threshold=ACCEPT)
            centres = seen[:, :2] + seen[:, 2:4] / 2
            for corner, matrix in zip(corners, matrices, strict=True):
                inside = (np.abs(centres - corner - CELL / 2) < CANONICAL).all(axis=1)
                matrix[:, 2] += corner
                found.append(transform(seen[inside], _inverse(matrix)))
        return np.concatenate(found)


def plan(width: int, height: int) -> list[Pass]:
    """Return the passes over a photo, the cheap ones first."""
    longest, area = max(width, height), width * height / MEGAPIXEL
    scales = [scale for scale in (320 / longest, 640 / longest) if scale < 1]
    while scales and 2 * scales[-1] < 0.75:
        scales.append(2 * scales[-1])
    scales.append(1.0)
    if area <= 40:
        scales.append(2.0)
    if area <= 1:
        scales.append(4.0)
    upright = [Pass(scale) for scale in scales]
    turned = [
        Pass(scale, quarters)
        for scale in scales
        if scale * scale * area <= 2.5
        for quarters in (1, 2, 3)
    ]
    return sorted(upright + turned, key=lambda look: look.scale)


def merge(rows: Array) -> Array:
    """Keep of every group of boxes that show one face the one with the highest score."""
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    kept = np.zeros((0, 15), np.float32)
    for row in rows:
        if not (overlap(kept, row[None])[:, 0] > SAME).any():
            kept = np.vstack([kept, row])
    return kept


def overlap(first: Array, second: Array) -> Array:
    """Return intersection over union of boxes (n, ≥ 4) and (m, ≥ 4), shape (n, m), 0…1."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(
        first[:, None, :2] + first[:, None, 2:4], second[None, :, :2] + second[None, :, 2:4]
    )
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = np.prod(first[:, 2:4], axis=1)[:, None] + np.prod(second[:, 2:4], axis=1)[None]
    return np.asarray(shared / (areas - shared), np.float32)


def _upright(row: Array) -> Matrix:
    """Return the matrix from the photo to an upright crop of one proposal."""
    eyes, mouth = row[4:8].reshape(2, 2), row[10:14].reshape(2, 2)
    across = (eyes[1] - eyes[0]) + (mouth[1] - mouth[0])
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    return _centred(row[:2] + row[2:4] / 2, angle, CANONICAL / max(row[2:4]), CELL)


def _centred(centre: NDArray[np.floating], angle: float, scale: float, side: int) -> Matrix:
    """Return the matrix from the photo to a crop of ``side`` px around ``centre``."""
    x, y = float(centre[0]), float(centre[1])
    matrix = np.asarray(cv2.getRotationMatrix2D((x, y), angle, float(scale)), np.float64)
    matrix[:, 2] += side / 2 - centre
    return matrix


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _face(row: Array, number: int) -> Face:
    left, top, width, height = (float(value) for value in row[:4])
    return Face(
        id=number,
        box=(left, top, width, height),
        points=row[4:14].reshape(5, 2).copy(),
        score=float(row[14]),
    )

"""Finds the faces of a photo: the first stage of the flow, photo → faces.

A missed face is the worst error this program can make; a false box costs a click. So the
detector casts a wide net (``proposals``) and then looks at every proposal again, upright and
at the size the network knows best. What it still takes for a face becomes one ``Face``. The
choices and their measured effect: ``docs/decisions/0001-detection.md``.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.geometry import warp_crop
from deid_desktop.core.proposals import Matrix, Pyramid, YuNet, in_threads, propose, transform
from deid_desktop.core.types import Array, Box, Cancelled, Face, Pixels, ShouldStop, never

PROPOSAL = 0.1
"""Score from which a place is looked at again."""
PLAUSIBLE = 0.5
"""Score of the second look, the best of four turns, from which there is a third."""
ACCEPT = 0.6
"""Middle score of the third look, at three sizes, from which a place is a face."""
FAINT = 0.06
"""Score from which a look sees anything; only then is it worth turning the crop."""
TURNS = (90.0, 180.0, 270.0)
"""These turns, in degrees."""
HEIGHT = 40
"""Height of the face in the second look, in pixels."""
HEIGHTS = (40, 56, 80)
"""The same in the third look."""
REACH, STAY = 0.6, 0.35
"""How far, in heights of the face, the second and the third look may move: the first to correct
what a coarse pass saw, the last without slipping to a neighbour."""
SURROUNDINGS = 2.0
"""Side of a crop in heights of the face."""
CROPS = 64
"""So many crops are looked at together, side by side on one sheet."""
SMALLEST = 6.0
"""Side in pixels below which neither a photo nor a box counts."""
STRONG, STRONG_LOOK = 0.75, 0.8
"""Score of a proposal, of a second look, that is a face whatever the third look says, if none
was found there: the third look is strict with faces that hair or shoulders half cover."""
SAME_PROPOSAL, SAME_LOOK, SAME_FACE, APART = 0.6, 0.65, 0.27, 0.2
"""Overlap from which two proposals, two looks, two faces, a face and a strong proposal are one.
Neighbours whose heads touch may share a proposal that spans both, so proposals and looks give
way only to what lies nearly on top of them."""
NESTED, CONCENTRIC = 0.7, 0.35
"""A box inside a larger one, to this part and with centres this close, is the same face."""
NEAR = 192
"""Side of the crops in which ``detect_near`` looks."""
NEIGHBOURHOODS = ((0.0, 72), (0.0, 36), (90.0, 72), (180.0, 72), (270.0, 72))
"""Their angles in degrees and the side of the box in them, in pixels."""
WIDEST = math.sqrt(2) * NEAR / min(side for _, side in NEIGHBOURHOODS)
"""How far, in sides of the box, the widest of them reaches across, turned as it may be."""
NEAR_HEIGHT = 64
"""Height of the face, in pixels, in the last of them."""
NEAR_FAINT = 0.3
"""Score from which ``detect_near`` takes a face."""
BUDGET = 80e6
"""Pixels of the largest enlargement that the finest pass may look at."""


class Detector:
    """Finds faces with YuNet. The network is loaded on first use."""

    def __init__(self) -> None:
        self._network = YuNet()

    def warm(self) -> None:
        """Load the network now."""
        self._network.load()

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
        pyramid = Pyramid.of(pixels)
        rows = propose(
            self._network,
            pyramid,
            plan(width, height),
            threshold=PROPOSAL,
            should_stop=should_stop,
        )
        proposals = merge(rows[rows[:, 2:4].max(axis=1) >= SMALLEST], overlap=SAME_PROPOSAL)
        rows = merge(self._second_look(pyramid, proposals, should_stop), overlap=SAME_LOOK)
        faces = merge(self._third_look(pyramid, rows, should_stop), overlap=SAME_FACE, nested=True)
        strong = np.concatenate(
            [proposals[proposals[:, 14] >= STRONG], rows[rows[:, 14] >= STRONG_LOOK]]
        )
        for row in merge(strong, overlap=SAME_FACE, nested=True):
            if not _same_face(row, faces, overlap=APART, nested=True).any():
                faces = np.vstack([faces, row])
        ordered = sorted(faces, key=lambda row: (row[0] + row[2] / 2, row[1] + row[3] / 2))
        return tuple(_face(row, number) for number, row in enumerate(ordered))

    def detect_near(self, pixels: Pixels, box: Box, *, angle: float = 0.0) -> Face | None:
        """Return the face that best overlaps ``box``, with id 0, or ``None``.

        A quick look at the neighbourhood, upright, turned and wider, for verification and for
        boxes drawn by a person, which may be turned by an ``angle`` in degrees, clockwise.

        Raises:
            ModelError: the model file is missing or altered.
        """
        x, y, width, height = box
        size = max(width, height)
        if size < 1 or min(pixels.shape[:2]) < SMALLEST:
            return None
        target = np.array([x, y, width, height], np.float32)
        centre = target[:2] + target[2:] / 2
        looks = []
        for turn, side in NEIGHBOURHOODS:
            matrix = _centred(centre, angle + turn, side / size, NEAR)
            seen = self._network(warp_crop(pixels, matrix, NEAR), threshold=NEAR_FAINT)
            looks.append(transform(seen, _inverse(matrix)))
        rows = np.concatenate(looks)
        overlaps = _union_overlap(target, rows)
        if not (overlaps >= APART).any():
            return None
        nearest = rows[overlaps.argmax()]
        rows = rows[_same_face(nearest, rows, overlap=SAME_FACE, nested=True)]
        best = rows[[rows[:, 14].argmax()]]
        settled = self._look(
            Pyramid((pixels,)), best, angle=0.0, height=NEAR_HEIGHT, reach=STAY, should_stop=never
        )
        return _face(max(best[0], settled[0], key=lambda row: float(row[14])), 0)

    def _second_look(self, pyramid: Pyramid, rows: Array, should_stop: ShouldStop) -> Array:
        """Return what looks like a face near the proposals (n, 15) at any of four angles."""

        def look(rows: Array, angle: float) -> Array:
            return self._look(
                pyramid, rows, angle=angle, height=HEIGHT, reach=REACH, should_stop=should_stop
            )

        upright = look(rows, 0.0)
        rows = rows[upright[:, 14] > 0]
        seen = np.concatenate([upright, *(look(rows, angle) for angle in TURNS)])
        plausible: Array = seen[seen[:, 14] >= PLAUSIBLE]
        return plausible

    def _third_look(self, pyramid: Pyramid, rows: Array, should_stop: ShouldStop) -> Array:
        """Return those of the rows (n, 15) that look like a face at most sizes, upright.

        Each size starts from what the one before saw, so that centre and angle settle.
        """
        scores = []
        for height in HEIGHTS:
            seen = self._look(
                pyramid, rows, angle=0.0, height=height, reach=STAY, should_stop=should_stop
            )
            scores.append(seen[:, 14])
            rows = np.where(seen[:, 14:] > 0, seen, rows)
        rows[:, 14] = np.median(scores, axis=0)
        accepted: Array = rows[(rows[:, 14] >= ACCEPT) & (rows[:, 2:4].max(axis=1) >= SMALLEST)]
        return accepted

    def _look(
        self,
        pyramid: Pyramid,
        rows: Array,
        *,
        angle: float,
        height: int,
        reach: float,
        should_stop: ShouldStop,
    ) -> Array:
        """Look at each of the rows (n, 15) alone and return what is there, score 0 if nothing.

        The crop is turned until the face should be upright, then by ``angle`` degrees, and
        scaled until the face should be ``height`` px high. What is seen may lie ``reach``
        heights off.
        """

        def look(batch: Array) -> Array:
            if should_stop():
                raise Cancelled
            return self._look_together(pyramid, batch, angle=angle, height=height, reach=reach)

        batches = [rows[start : start + CROPS] for start in range(0, len(rows), CROPS)]
        return np.concatenate([np.zeros((0, 15), np.float32), *in_threads(look, batches)])

    def _look_together(
        self, pyramid: Pyramid, rows: Array, *, angle: float, height: int, reach: float
    ) -> Array:
        """Look at a batch of rows side by side on one sheet."""
        found = np.zeros_like(rows)
        side = round(height * SURROUNDINGS)
        columns = math.ceil(math.sqrt(len(rows)))
        sheet = np.zeros((math.ceil(len(rows) / columns) * side, columns * side, 3), np.uint8)
        corners = [(k % columns * side, k // columns * side) for k in range(len(rows))]
        matrices = [_upright(row, angle=angle, height=height, side=side) for row in rows]
        for (left, top), matrix in zip(corners, matrices, strict=True):
            sheet[top : top + side, left : left + side] = pyramid.warp(matrix, side)
        seen = self._network(sheet, threshold=FAINT)
        offsets, sizes = seen[:, :2] + (seen[:, 2:4] - side) / 2, seen[:, 2:4].max(axis=1)
        fits = (sizes > 0.45 * height) & (sizes < 2.2 * height)
        for k, (corner, matrix) in enumerate(zip(corners, matrices, strict=True)):
            distances = np.abs(offsets - corner).max(axis=1) / height
            # What lies nearer to the centre counts more, lest a neighbour stand in.
            weights = seen[:, 14] * (1 - distances) * (fits & (distances < reach))
            if weights.any():
                matrix[:, 2] += corner
                found[k] = transform(seen[[weights.argmax()]], _inverse(matrix))[0]
        return found


def plan(width: int, height: int) -> list[float]:
    """Return the scales of the passes over a photo, the cheap ones first.

    The network knows faces of 10 to 300 px. The coarsest pass sees the whole photo at 320 px,
    for close-ups; each further one doubles it up to the native size; the finest enlarges, for
    small faces, as far as ``BUDGET`` allows.
    """
    longest, area = max(width, height), width * height
    scales = [1.0]
    while scales[0] * longest > 400:
        scales.insert(0, scales[0] / 2)
    finest = min(4.0 if area < 1.2e6 else 3.0, math.sqrt(BUDGET / area))
    return [*scales, finest] if finest > 1.1 else scales


def merge(rows: Array, *, overlap: float, nested: bool = False) -> Array:
    """Keep of every group of rows (n, 15) that show one face the one with the highest score.

    Two rows show one face if their boxes share more than ``overlap`` of their union or, with
    ``nested``, if the smaller lies in the middle of the larger.
    """
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    kept: list[Array] = []
    while len(rows):
        kept.append(rows[0])
        rows = rows[1:][~_same_face(rows[0], rows[1:], overlap=overlap, nested=nested)]
    return np.array(kept, np.float32).reshape(-1, 15)


def _same_face(row: Array, others: Array, *, overlap: float, nested: bool) -> NDArray[np.bool_]:
    same = _union_overlap(row, others) > overlap
    if nested:
        areas = np.minimum(others[:, 2] * others[:, 3], row[2] * row[3])
        sizes = np.maximum(others[:, 2:4], row[2:4]).max(axis=1)
        offsets = others[:, :2] + others[:, 2:4] / 2 - row[:2] - row[2:4] / 2
        inside = _intersection(row, others) > NESTED * areas
        same |= inside & (np.linalg.norm(offsets, axis=1) < CONCENTRIC * sizes)
    return same


def _intersection(row: Array, others: Array) -> Array:
    low = np.maximum(row[:2], others[:, :2])
    high = np.minimum(row[:2] + row[2:4], others[:, :2] + others[:, 2:4])
    area: Array = np.prod(np.maximum(high - low, 0), axis=1)
    return area


def _union_overlap(row: Array, others: Array) -> Array:
    """Return intersection over union of one box (≥ 4,) with others (n, ≥ 4), 0…1."""
    shared = _intersection(row, others)
    ratio: Array = shared / (row[2] * row[3] + others[:, 2] * others[:, 3] - shared)
    return ratio


def _upright(row: Array, *, angle: float, height: int, side: int) -> Matrix:
    """Return the matrix from the photo to an upright crop of one proposal."""
    eyes, mouth = row[4:8].reshape(2, 2), row[10:14].reshape(2, 2)
    across = (eyes[1] - eyes[0] + mouth[1] - mouth[0]) / 2
    down = mouth.mean(axis=0) - eyes.mean(axis=0)
    # In profile the two eyes coincide, and only the line from eyes to mouth tells the angle.
    x, y = across[0] + down[1], across[1] - down[0]
    roll = math.degrees(math.atan2(y, x))
    return _centred(row[:2] + row[2:4] / 2, roll + angle, height / max(row[2:4]), side)


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

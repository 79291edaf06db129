"""Keeps exaggerated faces human: distances between features stay those that people have.

A surrogate's shape is exaggerated to hide the subject's. Where that brings eyes, nose and mouth
closer together, or farther apart, than in hardly anybody, the smoothest change is added that brings
them back: what the measures say nothing about stays exaggerated.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.types import Array


class Measure(NamedTuple):
    """How far ``last`` lies from ``first``, both the mean of some vertices, along an axis (0 to the
    right, 1 down) of the canonical frame: ``usual`` centimetres, with a standard deviation."""

    first: Sequence[int]
    last: Sequence[int]
    axis: int
    usual: float
    deviation: float


_EYES, _BROWS = [*mesh.LEFT_EYE, *mesh.RIGHT_EYE], [*mesh.LEFT_BROW, *mesh.RIGHT_BROW]
_NOSTRILS = [2, 98, 327]
_WIDTHS = (
    (67, 297, 7.06, 0.18),
    (103, 332, 10.07, 0.26),
    (54, 284, 12.12, 0.31),
    (21, 251, 13.41, 0.34),
    (162, 389, 14.10, 0.36),
    (127, 356, 14.42, 0.37),
    (234, 454, 14.38, 0.39),
    (93, 323, 14.21, 0.43),
    (132, 361, 13.75, 0.47),
    (58, 288, 12.90, 0.46),
    (172, 397, 11.61, 0.41),
    (136, 365, 10.12, 0.36),
    (150, 379, 8.19, 0.30),
    (149, 378, 6.49, 0.24),
)
"""Of the head, from the hairline down: between two such vertices it would bulge."""
MEASURES = (
    Measure(mesh.LEFT_EYE, mesh.RIGHT_EYE, 0, 6.29, 0.19),
    Measure([33], [133], 0, 2.71, 0.11),
    Measure([362], [263], 0, 2.71, 0.10),
    Measure([61], [291], 0, 5.06, 0.16),
    Measure([98], [327], 0, 3.29, 0.15),
    Measure(_BROWS, _EYES, 1, 1.71, 0.19),
    Measure(_EYES, _NOSTRILS, 1, 4.50, 0.14),
    Measure(_NOSTRILS, mesh.LIPS, 1, 2.49, 0.11),
    Measure(mesh.LIPS, [152], 1, 4.79, 0.20),
    Measure([10], _BROWS, 1, 3.76, 0.19),
    *(Measure([left], [right], 0, usual, deviation) for left, right, usual, deviation in _WIDTHS),
)
"""Of 434 public portraits (``python -m deid_desktop.training anatomy``)."""
_FARTHEST = 2.0
"""Standard deviations that a measure may lie from the usual; the subject's own is always right."""
_MOST = 1.6
"""How many times larger the rest of a change may become to make up for what is taken back."""
_ROUNDS = 4
"""In which that factor is found."""
_SMOOTH = 1.5
"""Centimetres over which a vertex takes its neighbours along."""


def value_of(shapes: Array, measure: Measure) -> NDArray[np.floating]:
    """Return a measure, centimetres, of shapes (…, 468, 3)."""
    along = shapes[..., measure.axis]
    first, last = (along[..., part].mean(-1) for part in (measure.first, measure.last))
    return np.asarray(last - first)


def kept_human(identity: Array, wanted: Array) -> Array:
    """Return a change of shape (468, 3) near ``wanted`` that keeps the face human.

    Args:
        identity: (468, 3) canonical, the subject's.
        wanted: change of it.
    """
    size = float(np.linalg.norm(wanted))
    factor, kept = 1.0, wanted
    measured = [
        (axis, bounds, bounds.rows @ identity[:, axis], bounds.rows @ wanted[:, axis])
        for axis, bounds in _bounds().items()
    ]
    for _ in range(_ROUNDS):
        kept = factor * wanted.astype(np.float64)
        for axis, bounds, own, change in measured:
            made = own + factor * change
            allowed = np.clip(made, np.minimum(bounds.low, own), np.maximum(bounds.high, own))
            kept[:, axis] += bounds.spread @ (allowed - made)
        grown = factor * size / max(float(np.linalg.norm(kept)), 1e-9)
        factor = min(max(grown, 1.0), _MOST)
    return kept.astype(np.float32)


class _Bounds(NamedTuple):
    """Of n measures along one axis: ``rows`` (n, 468) reads them from coordinates, ``low`` and
    ``high`` (n,) hold them, ``spread`` (468, n) is the smoothest change that changes each by 1 cm
    and no other: that of least energy under a Gaussian kernel."""

    rows: NDArray[np.floating]
    low: NDArray[np.floating]
    high: NDArray[np.floating]
    spread: NDArray[np.floating]


@cache
def _bounds() -> dict[int, _Bounds]:
    """Return the bounds by axis."""
    distance = np.linalg.norm(mesh.XYZ[:, None] - mesh.XYZ[None], axis=2)
    near = np.exp(-((distance / _SMOOTH) ** 2))
    bounds = {}
    for axis in (0, 1):
        measures = [measure for measure in MEASURES if measure.axis == axis]
        rows = np.zeros((len(measures), mesh.VERTICES))
        for row, measure in zip(rows, measures, strict=True):
            np.add.at(row, measure.last, 1 / len(measure.last))
            np.add.at(row, measure.first, -1 / len(measure.first))
        pulled = near @ rows.T
        usual, deviation = np.array([(m.usual, m.deviation) for m in measures]).T
        reach = _FARTHEST * deviation
        spread = pulled @ np.linalg.inv(rows @ pulled)
        bounds[axis] = _Bounds(rows, usual - reach, usual + reach, spread)
    return bounds

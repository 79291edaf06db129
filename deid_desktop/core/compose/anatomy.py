"""Keeps faces human: distances between features stay those that people have.

A surrogate's shape goes farther from the average than people's, to hide the subject's. Where that
brings eyes, nose and mouth closer together, or farther apart, than in hardly anybody, the smoothest
change is added that brings them back: what the measures say nothing about stays as far.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.types import Array


class Usual(NamedTuple):
    """Mean and standard deviation of a measure, centimetres of the canonical frame."""

    mean: float
    deviation: float


_FARTHEST = 1.5
"""Standard deviations that a measure may lie from the usual; the subject's own is always right."""
_OUTLINE = 1.0
"""The same of the head's widths: hair, ears and neck stay, and what is wide looks wide for them."""


class Measure(NamedTuple):
    """How far ``last`` lies from ``first``, both the mean of some vertices, along an axis (0 to the
    right, 1 down) of the canonical frame, of men and of women; ``farthest``: standard deviations
    that it may lie from the usual."""

    first: Sequence[int]
    last: Sequence[int]
    axis: int
    men: Usual
    women: Usual
    farthest: float = _FARTHEST


_EYES, _BROWS = [*mesh.LEFT_EYE, *mesh.RIGHT_EYE], [*mesh.LEFT_BROW, *mesh.RIGHT_BROW]
_NOSTRILS = [2, 98, 327]
MEASURES = (
    Measure(mesh.LEFT_EYE, mesh.RIGHT_EYE, 0, Usual(6.27, 0.19), Usual(6.44, 0.17)),
    Measure([33], [133], 0, Usual(2.73, 0.11), Usual(2.81, 0.10)),
    Measure([362], [263], 0, Usual(2.73, 0.11), Usual(2.81, 0.10)),
    Measure([61], [291], 0, Usual(5.06, 0.17), Usual(5.12, 0.18)),
    Measure([98], [327], 0, Usual(3.29, 0.15), Usual(3.13, 0.16)),
    Measure(_BROWS, _EYES, 1, Usual(1.69, 0.17), Usual(2.01, 0.19)),
    Measure(_EYES, _NOSTRILS, 1, Usual(4.49, 0.15), Usual(4.50, 0.13)),
    Measure(_NOSTRILS, mesh.LIPS, 1, Usual(2.49, 0.12), Usual(2.39, 0.11)),
    Measure(mesh.LIPS, [152], 1, Usual(4.83, 0.18), Usual(4.60, 0.17)),
    Measure([10], _BROWS, 1, Usual(3.80, 0.18), Usual(3.65, 0.16)),
    # Widths of the head, from the hairline down: between two such vertices it would bulge.
    Measure([67], [297], 0, Usual(7.06, 0.18), Usual(7.15, 0.19)),
    Measure([103], [332], 0, Usual(10.09, 0.27), Usual(10.18, 0.27)),
    Measure([54], [284], 0, Usual(12.14, 0.31), Usual(12.19, 0.32)),
    Measure([21], [251], 0, Usual(13.44, 0.34), Usual(13.45, 0.34), _OUTLINE),
    Measure([162], [389], 0, Usual(14.13, 0.37), Usual(14.11, 0.35), _OUTLINE),
    Measure([127], [356], 0, Usual(14.44, 0.39), Usual(14.38, 0.36), _OUTLINE),
    Measure([234], [454], 0, Usual(14.39, 0.41), Usual(14.25, 0.38), _OUTLINE),
    Measure([93], [323], 0, Usual(14.20, 0.44), Usual(13.93, 0.42), _OUTLINE),
    Measure([132], [361], 0, Usual(13.74, 0.48), Usual(13.33, 0.46), _OUTLINE),
    Measure([58], [288], 0, Usual(12.87, 0.47), Usual(12.43, 0.47), _OUTLINE),
    Measure([172], [397], 0, Usual(11.59, 0.42), Usual(11.17, 0.42), _OUTLINE),
    Measure([136], [365], 0, Usual(10.10, 0.36), Usual(9.71, 0.37), _OUTLINE),
    Measure([150], [379], 0, Usual(8.17, 0.29), Usual(7.81, 0.30), _OUTLINE),
    Measure([149], [378], 0, Usual(6.48, 0.22), Usual(6.17, 0.23), _OUTLINE),
    # Between brows, and along and across the nose: what nothing is said about becomes a wedge.
    Measure([55], [285], 0, Usual(2.49, 0.11), Usual(2.64, 0.10)),
    Measure([107], [336], 0, Usual(2.94, 0.12), Usual(3.06, 0.11)),
    Measure([105], [334], 0, Usual(8.47, 0.24), Usual(8.66, 0.22)),
    Measure([70], [300], 0, Usual(11.68, 0.27), Usual(11.85, 0.26)),
    Measure([193], [417], 0, Usual(1.38, 0.07), Usual(1.45, 0.07)),
    Measure([122], [351], 0, Usual(1.12, 0.03), Usual(1.14, 0.03)),
    Measure([236], [456], 0, Usual(1.89, 0.05), Usual(1.89, 0.05)),
    Measure([45], [275], 0, Usual(1.14, 0.03), Usual(1.12, 0.03)),
    Measure([131], [360], 0, Usual(3.04, 0.12), Usual(2.95, 0.12)),
    Measure([9], [6], 1, Usual(2.34, 0.14), Usual(2.57, 0.14)),
    Measure([6], [4], 1, Usual(2.82, 0.12), Usual(2.82, 0.09)),
    Measure([4], [2], 1, Usual(1.38, 0.05), Usual(1.42, 0.05)),
    Measure([2], [0], 1, Usual(1.64, 0.14), Usual(1.49, 0.13)),
    # Cheeks and chin.
    Measure([50], [280], 0, Usual(9.83, 0.20), Usual(9.95, 0.17)),
    Measure([148], [377], 0, Usual(2.62, 0.10), Usual(2.48, 0.10)),
    Measure([17], [152], 1, Usual(3.98, 0.24), Usual(3.64, 0.23)),
)
"""Of 456 pictures of men and 182 of women (``python -m deid_desktop.training anatomy``)."""
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


def kept_human(identity: Array, wanted: Array, *, male: float, across: float = 0.0) -> Array:
    """Return a change of shape (468, 3) near ``wanted`` that keeps the face human.

    Args:
        identity: (468, 3) canonical, the subject's.
        wanted: change of it.
        male: 0…1, how far the face is to be a man's.
        across: 0…1, how far that is from the subject's gender: so much less right is the subject's
            own, and so much nearer must measures be to the usual.
    """
    size = float(np.linalg.norm(wanted))
    factor, kept = 1.0, wanted
    measured = [
        (
            axis,
            bounds.spread,
            *bounds.of(male, 1 - across),
            bounds.rows @ identity[:, axis],
            bounds.rows @ wanted[:, axis],
        )
        for axis, bounds in _bounds().items()
    ]
    for _ in range(_ROUNDS):
        kept = factor * wanted.astype(np.float64)
        for axis, spread, low, high, own, change in measured:
            made = own + factor * change
            right = own + across * (np.clip(own, low, high) - own)
            allowed = np.clip(made, np.minimum(low, right), np.maximum(high, right))
            kept[:, axis] += spread @ (allowed - made)
        grown = factor * size / max(float(np.linalg.norm(kept)), 1e-9)
        factor = min(max(grown, 1.0), _MOST)
    return kept.astype(np.float32)


class _Bounds(NamedTuple):
    """Of n measures along one axis: ``rows`` (n, 468) reads them from coordinates, ``usual`` (2, n)
    and ``reach`` (2, n) hold women's and men's, ``spread`` (468, n) is the smoothest change that
    changes each by 1 cm and no other: that of least energy under a Gaussian kernel."""

    rows: NDArray[np.floating]
    usual: NDArray[np.floating]
    reach: NDArray[np.floating]
    spread: NDArray[np.floating]

    def of(self, male: float, free: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the least and the most (n,) that is human for so much of a man, 0…1.

        ``free``: share of the reach that is allowed, 0…1.
        """
        share = np.array([1 - male, male])
        usual, reach = share @ self.usual, share @ self.reach
        return usual - free * reach, usual + free * reach


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
        both = np.array([(m.women, m.men) for m in measures])
        spread = pulled @ np.linalg.inv(rows @ pulled)
        reach = both[..., 1] * [[m.farthest] for m in measures]
        bounds[axis] = _Bounds(rows, both[..., 0].T, reach.T, spread)
    return bounds

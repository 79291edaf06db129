"""Has a surrogate look turned, and look the way, as the face that it covers does.

To who looks at it a head's pose is not where its mesh is alone: with a longer nose, or lower brows,
it seems to look up or down, and with other lids its eyes seem to look elsewhere, or apart. So what
is seen of a sketch is made up for in the finished face.
"""

from __future__ import annotations

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.compose import Correction
from deid_desktop.core.geometry import procrustes
from deid_desktop.core.types import Analysis, Array

_ANSWER = (0.73, 1.07)
"""Degrees of yaw and of pitch by which a face looks turned farther for each that its mesh is turned
(38 portraits, turned by −0.6 to 0.6 of their own yaw and pitch)."""
_TRUST, _TRUST_GAZE = 0.8, 1.5
"""Share of what a sketch says that is made up for: the rest is its chance. Gaze, along the eyes:
.68 of what it says is seen in the finished face, and of a move of the iris .46 (95 portraits).
Across them a sketch says more (.83), but of a move .09 is seen: lids tell how high an eye looks."""
_MOST, _MOST_GAZE = 8.0, 0.1
"""Degrees of either turn; widths of the eye."""


def needed_correction(analysis: Analysis, shown: Array) -> Correction:
    """Return what makes up for a sketch that shows landmarks (478, 3) otherwise than it should.

    Args:
        analysis: of the photo's face.
        shown: landmarks that are seen in the sketch, wherever it lies.
    """
    seen = procrustes(mesh.XYZ, shown[: mesh.VERTICES]).degrees()
    missing = np.subtract(analysis.pose, seen)[:2] * _TRUST / _ANSWER
    yaw, pitch = np.clip(missing, -_MOST, _MOST).tolist()
    (own, opened), (drawn, still_open) = mesh.iris_offsets(analysis.mesh), mesh.iris_offsets(shown)
    moves = np.clip((own - drawn)[:, 0] * _TRUST_GAZE, -_MOST_GAZE, _MOST_GAZE)
    left, right = np.where(opened & still_open, moves, 0).tolist()
    return Correction((yaw, pitch), (left, right))

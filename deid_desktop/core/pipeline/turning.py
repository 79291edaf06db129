"""Has a surrogate look turned as the face that it covers, by what a sketch of it looks like.

To who looks at it a head's pose is not where its mesh is alone: a nose that is longer, or a brow
that is lower, seems to look up or down. So what is seen of a sketch is made up for in the finished
face.
"""

from __future__ import annotations

import numpy as np

_ANSWER = (0.73, 1.07)
"""Degrees of yaw and of pitch by which a face looks turned farther for each that its mesh is turned
(38 portraits, turned by −0.6 to 0.6 of their own yaw and pitch)."""
_TRUST = 0.8
"""Share of what a sketch says that is made up for: the rest is its chance."""
_MOST = 8.0
"""Degrees of either."""


def needed_turn(
    pose: tuple[float, float, float], seen: tuple[float, float, float]
) -> tuple[float, float]:
    """Return degrees of yaw and pitch by which a surrogate is to be turned farther.

    Args:
        pose: yaw, pitch and roll of the photo's face, in degrees.
        seen: those that a sketch of the surrogate seems to have.
    """
    missing = np.subtract(pose, seen)[:2] * _TRUST / _ANSWER
    yaw, pitch = np.clip(missing, -_MOST, _MOST).tolist()
    return yaw, pitch

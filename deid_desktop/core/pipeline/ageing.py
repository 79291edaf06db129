"""Finds how old to make a texture so that the finished face looks as old as it should.

Hair, neck and outline of the photo stay, and donors and light differ: the same age in the
generator looks thirty years old on one face and sixty on another. So a few sketches of the face
are shown to the age network, and the curve is read backwards.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deid_desktop.core.types import Array

KNOTS = (15.0, 35.0, 55.0, 80.0, 115.0)
"""Ages in the generator, in years, that are sketched; beyond 80 it exaggerates."""
_WOMEN = (20.0, 28.0, 38.0, 53.0, 73.0)
_MEN = (20.0, 31.0, 44.0, 61.0, 77.0)
"""Apparent years at ``KNOTS``, on average over faces; of old women the network says less, but eyes
do not."""
_FARTHEST = (45.0, 30.0)
"""Years by which one face may be below and above the average: some leave the network unmoved, and
would be driven to an age that everybody else sees."""
_LEAST, _MOST = 0.45, 1.9
"""Years in the generator for each year beyond 18 that is asked for: farther off, eyes see another
age than the network does, and a small step of the slider changes a person."""
_OLDEST = 120.0
"""Age in the generator beyond which skin looks diseased rather than old."""
_MOVED = 0.5
"""Share of what age does on average from which a face moves the network, and its word counts in
full: behind dark glasses it sees hardly any age."""
_SETTLED = 48.0
"""Years up to which the generator's age is what eyes see in a face of that age."""
_LATER = (0.5, 1.2)
"""Women, men: years that the generator must go on for each of the 25 after that."""


def following_age(years: float, gender: float) -> float:
    """Return the generator's age for a face as old as its own head, tuned by eye.

    The age network, shown a sketch, hardly sees wrinkles and asks for thirty years more: a person
    at 47 got the face of one at 80 under hair of 47. Where nobody asked for an age, eyes decide.

    Args:
        years: that the subject seems to have.
        gender: of the surrogate, −1 (female) … 1 (male).
    """
    male = float(np.clip((gender + 1) / 2, 0, 1))
    later = (1 - male) * _LATER[0] + male * _LATER[1]
    return float(years + later * np.clip(years - _SETTLED, 0, 25))


def usual_age(years: float, gender: float) -> float:
    """Return the generator's age for a face to look ``years`` old, on average over faces.

    Args:
        years: wanted.
        gender: of the surrogate, −1 (female) … 1 (male).
    """
    return float(np.interp(years, _usually(gender), KNOTS))


def _usually(gender: float) -> Array:
    """Return the apparent years at ``KNOTS``, on average over faces."""
    male = float(np.clip((gender + 1) / 2, 0, 1))
    return ((1 - male) * np.array(_WOMEN) + male * np.array(_MEN)).astype(np.float32)


def matching_age(years: float, gender: float, apparent: Callable[[float], float]) -> float:
    """Return the generator's age for one face to look ``years`` old.

    Args:
        years: wanted.
        gender: of the surrogate, −1 (female) … 1 (male).
        apparent: years that a sketch at one of ``KNOTS`` seems to have. Where they fall, the age
            before counts: a slider must not turn back. Beyond the oldest of them the generator
            goes on as it does on average.
    """
    usual, settled = usual_age(years, gender), max(0.0, years - 18)
    seen = [apparent(age) for age in KNOTS]
    oldest = int(np.argmax(seen))
    rising = np.maximum.accumulate(seen[: oldest + 1]) + 1e-3 * np.arange(oldest + 1)
    found = float(np.interp(years, rising, KNOTS[: oldest + 1]))
    found += max(0.0, usual - usual_age(seen[oldest], gender))
    moved = np.ptp(rising) / np.ptp(_usually(gender))
    found = usual + min(1.0, float(moved) / _MOVED) * (found - usual)
    found = float(np.clip(found, usual - _FARTHEST[0], usual + _FARTHEST[1]))
    return float(np.clip(found, 15 + _LEAST * settled, min(18 + _MOST * settled, _OLDEST)))

"""Finds how old to make a texture so that the finished face looks as old as it should.

Hair, neck and outline of the photo stay, and donors and light differ: the same age in the
generator looks thirty years old on one face and sixty on another. So a few sketches of the face
are shown to the age network, and the curve is read backwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import numpy as np

KNOTS = (0.0, 25.0, 45.0, 65.0, 85.0, 110.0, 135.0)
"""Ages in the generator, in years, that are sketched; beyond 80 it exaggerates."""
_WOMEN = (20.0, 25.0, 32.0, 44.0, 56.0, 70.0, 80.0)
_MEN = (20.0, 28.0, 37.0, 51.0, 67.0, 76.0, 80.0)
"""Apparent years at ``KNOTS``, on average over faces; of old women the network says less, but eyes
do not."""
_FARTHEST = 30.0
"""Years by which one face may differ from the average: some leave the network unmoved, and would
be driven to an age that everybody else sees."""


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
    male = float(np.clip((gender + 1) / 2, 0, 1))
    apparent = (1 - male) * np.array(_WOMEN) + male * np.array(_MEN)
    return float(np.interp(years, apparent, KNOTS))


def matching_age(years: float, gender: float, apparent: Callable[[float], float]) -> float:
    """Return the generator's age for one face to look ``years`` old.

    Looks from one of ``KNOTS`` to the next, only where the answer may lie: a look costs a sketch.

    Args:
        years: wanted.
        gender: of the surrogate, −1 (female) … 1 (male).
        apparent: years that a sketch at one of ``KNOTS`` seems to have. Where they fall, the age
            before counts: a slider must not turn back.
    """
    usual = usual_age(years, gender)
    lowest, highest = usual - _FARTHEST, usual + _FARTHEST
    first = max(0, bisect_right(KNOTS, lowest) - 1)
    ages: list[float] = []
    rising: list[float] = []
    for age in KNOTS[first:]:
        ages.append(age)
        rising.append(max(apparent(age), rising[-1] + 1e-3 if rising else -np.inf))
        if rising[-1] >= years or age >= highest:
            break
    return float(np.clip(np.interp(years, rising, ages), lowest, highest))

"""Steers one face: finds what the generator must be told for the finished face to be as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.compose import Sketch
from deid_desktop.core.generate import Attribute
from deid_desktop.core.pipeline.ageing import KNOTS, following_age, matching_age, usual_age
from deid_desktop.core.pipeline.siding import STRENGTHS, least_strength, matching_gender
from deid_desktop.core.types import Array, Attributes

Sketcher = Callable[[Sequence[Attribute], bool], Iterator[Sketch]]
"""Draws a face with each of some attributes, small if so asked."""


@dataclass(frozen=True, eq=False)
class Steering:
    """What was read of one face with one identity, on one side of the gender slider.

    ``strength``: of gender, see ``siding``; ``apparent``: ages at ``ageing.KNOTS``.
    """

    strength: float
    apparent: Array

    def steered(self, attribute: Attribute, wish: Attributes) -> Attribute:
        """Return ``attribute`` as the generator must take it for the face to show it."""
        gender = attribute.gender
        if wish.gender is not None:
            gender = matching_gender(wish.gender, self.strength)
        if wish.age is None:
            age = following_age(attribute.age, attribute.gender)
        else:
            age = matching_age(attribute.age, attribute.gender, self.apparent)
        return replace(attribute, gender=gender, age=age)


def unseen(attribute: Attribute, wish: Attributes) -> Attribute:
    """Return ``attribute`` as it is before the face was looked at: right, unless age is asked."""
    reach = following_age if wish.age is None else usual_age
    return replace(attribute, age=reach(attribute.age, attribute.gender))


def steer(still: Attribute, side: float, sketched: Sketcher, analyser: Analyser) -> Steering:
    """Look at sketches of a face, and read off them how it answers to gender and age.

    Args:
        still: the attributes of the face at rest.
        side: −1 or 1, the side of the gender slider; 0 where it is not moved or in the middle.
        sketched: draws the face.
        analyser: that reads gender and age.
    """
    strength = 0.0
    if side:
        usual = replace(still, age=usual_age(still.age, side))
        growing = [replace(usual, gender=side * s) for s in STRENGTHS[side]]
        verdicts = (analyser.apparent_gender(s.picture, s.points) for s in sketched(growing, True))
        strength = least_strength(side, verdicts)
        still = replace(still, gender=side * strength)
    ageing = sketched([replace(still, age=age) for age in KNOTS], False)
    apparent = [analyser.apparent_age(s.picture, s.points) for s in ageing]
    return Steering(strength, np.array(apparent))

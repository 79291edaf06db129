"""Steers one face: finds what the generator must be told for the finished face to be as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import Sketch
from deid_desktop.core.pipeline.ageing import following_age, matching_age, usual_age
from deid_desktop.core.pipeline.siding import (
    STRENGTHS,
    holding_gender,
    least_strength,
    matching_gender,
)
from deid_desktop.core.types import Attributes

_OLDER = 1.8
"""Years by which a small sketch looks older than the finished face (12 faces, four ages)."""

Sketcher = Callable[[Sequence[Attribute]], Iterator[Sketch]]
"""Draws a face small with each of some attributes."""


@dataclass(frozen=True, eq=False)
class Steering:
    """What was read of one face with one identity, on one side of the gender slider.

    ``still``: the attributes of the face at rest; ``strength``: of gender, see ``siding``;
    ``apparent``: years by ages of the generator, those of ``ageing.KNOTS`` that were looked at.
    """

    still: Attribute
    strength: float
    apparent: dict[float, float] = field(default_factory=dict)

    def steered(
        self, attribute: Attribute, wish: Attributes, sketched: Sketcher, analyser: Analyser
    ) -> Attribute:
        """Return ``attribute`` as the generator must take it for the face to show it."""
        if wish.gender is None:
            gender = holding_gender(attribute.gender, self.strength)
        else:
            gender = matching_gender(wish.gender, self.strength)
        if wish.age is None:
            age = following_age(attribute.age, attribute.gender)
        else:
            seem = partial(self._apparent, sketched, analyser)
            age = matching_age(attribute.age, attribute.gender, seem)
        return replace(attribute, gender=gender, age=age)

    def _apparent(self, sketched: Sketcher, analyser: Analyser, age: float) -> float:
        if age not in self.apparent:
            (seen,) = sketched([replace(self.still, age=age)])
            self.apparent[age] = analyser.drawn_age(seen.picture, seen.mesh) - _OLDER
        return self.apparent[age]


def asks(wish: Attributes) -> bool:
    """Say whether a slider asks for what only a look at the face can steer to."""
    return wish.gender is not None or wish.age is not None


def unseen(attribute: Attribute, wish: Attributes) -> Attribute:
    """Return ``attribute`` as it is before the face was looked at: right, unless age is asked."""
    reach = following_age if wish.age is None else usual_age
    return replace(attribute, age=reach(attribute.age, attribute.gender))


def steer(still: Attribute, side: float, sketched: Sketcher, analyser: Analyser) -> Steering:
    """Look at sketches of a face, and read off them how it answers to gender.

    What age does to it is looked at when it is asked for.

    Args:
        still: the attributes of the face at rest.
        side: −1 or 1, the side of the gender slider or, where it is not moved, the face's own; 0
            in the middle.
        sketched: draws the face.
        analyser: that reads gender.
    """
    strength = 0.0
    if side:
        usual = replace(still, age=usual_age(still.age, side))
        growing = [replace(usual, gender=side * s) for s in STRENGTHS[side]]
        verdicts = (analyser.apparent_gender(s.picture, s.points) for s in sketched(growing))
        strength = least_strength(side, verdicts)
        still = replace(still, gender=side * strength)
    return Steering(still, strength)

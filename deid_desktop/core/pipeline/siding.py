"""Finds how far along gender a face must go to be taken for the side that the slider says.

Hair, neck and outline stay the photo's, so a face of the other gender than its head must be
exaggerated, and faces differ in how far. A few sketches with growing strength are shown to the
gender network, until it is sure.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

STRENGTHS = {-1.0: (0.75, 1.5, 2.4, 4.0), 1.0: (0.75, 1.75, 3.0, 5.0)}
"""Genders in the generator, of 1, that are sketched by side; beyond the last of them features are
caricatures."""
_USUAL = {-1.0: 1.6, 1.0: 3.0}
"""Strength that takes most faces to the other side than their head."""
_HELD = 2.0
"""Strength up to which a face is held on its own side while it ages: who moves the age wants no
caricature."""
_DEAF = -0.3
"""Verdict at the greatest strength below which the network sees the head, not the face: behind dark
glasses, above full beards. Such a face is made as most are, not a caricature for nothing."""
_SURE = 0.8
"""Verdict, of 1, that leaves room for what a larger picture and another age change."""


def usual_gender(wish: float, own: float) -> float:
    """Return the generator's gender for a slider, on average over faces.

    Args:
        wish: the slider, −1 (female) … 1 (male).
        own: the subject's gender, −1 … 1.
    """
    side = float(np.sign(wish))
    across = float(np.clip(-own * side, 0, 1))
    return matching_gender(wish, 0.75 + across * (_USUAL[side] - 0.75)) if side else 0.0


def matching_gender(wish: float, strength: float) -> float:
    """Return the generator's gender for a slider on one face.

    Half-way the slider is already on its side, as a person expects who reads "rather a woman".

    Args:
        wish: the slider, −1 (female) … 1 (male).
        strength: from `least_strength` of that side.
    """
    side = float(np.sign(wish))
    if not side:
        return 0.0
    end = min(STRENGTHS[side][-1], max(1.0, 1.3 * strength))
    return side * float(np.interp(abs(wish), [0, 0.5, 1], [0, strength, end]))


def holding_gender(own: float, strength: float) -> float:
    """Return the generator's gender for a face to stay on its own side as it ages.

    Args:
        own: what would be made of it, −1 (female) … 1 (male).
        strength: from `least_strength` of that side.
    """
    return float(np.sign(own)) * max(abs(own), min(strength, _HELD))


def least_strength(side: float, verdicts: Iterable[float]) -> float:
    """Return how strong gender must be for a face to be taken for one of ``side``.

    Args:
        side: −1 (female) or 1 (male).
        verdicts: gender, −1 … 1, that sketches of ``STRENGTHS`` seem to have; no more of them are
            asked for than it takes.
    """
    before, seen_before = 0.0, -1.0
    for strength, verdict in zip(STRENGTHS[side], verdicts, strict=False):
        seen = side * verdict
        if seen >= _SURE:
            if before == 0:
                break
            share = (_SURE - seen_before) / (seen - seen_before)
            return before + share * (strength - before)
        before, seen_before = strength, seen
    return _USUAL[side] if seen < _DEAF else strength

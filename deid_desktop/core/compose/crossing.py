"""A woman in place of a man, and the reverse: what the head keeps speaks for the subject's gender.

What is taken over from the photo without telling who it is, light, brows and lips, tells of a man
or a woman. Where the other is asked for, that part gives way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deid_desktop.core.compose.relight import Light, skin_light
from deid_desktop.core.compose.shading import LIGHT
from deid_desktop.core.geometry import LUMA, thrice
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array

_UNSURE = 0.25
"""Difference in gender, of 1, that is taken for none."""
_WOMENS_LIPS = np.array([0.84, 0.66, 0.70], np.float32)
"""Colour of lips relative to skin that is taken for a woman's."""
_FLATTER = 0.5
"""How much of the shading of forms goes: hard light makes every jaw a man's."""
_BEARD = 0.5
"""How much darker than skin a chin is on which a beard grows."""
_EMPHASISED = 0.6
"""How much farther brows go to the other gender, of the way to it."""


def across_gender(male: float, subject: float) -> float:
    """Return how much more of a man a surrogate is than its subject, −1…1.

    Args:
        male: 0…1, the surrogate.
        subject: 0…1; it is told from one picture, so that a little of a difference is none.
    """
    difference = male - subject
    return float(np.sign(difference)) * max(0.0, abs(difference) - _UNSURE) / (1 - _UNSURE)


def shown_light(light: Light, across: float) -> Light:
    """Return the light of a face for a surrogate that is ``across`` more of a man, −1…1."""
    way = abs(across)
    flat = np.eye(9, dtype=np.float32)[0]
    light = replace(light, shading=light.shading + _FLATTER * way * (flat - light.shading))
    return _womanly(light, -across) if across < 0 else light


def brows_gender(male: float, across: float) -> float:
    """Return how far brows are a man's, 0…1 and beyond, on a surrogate that is ``male`` 0…1."""
    return male + _EMPHASISED * across


def _womanly(light: Light, share: float) -> Light:
    """Take the shadow that a beard leaves out of the light, 0…1, and give lips women's colour."""
    upper_lip = light.upper_lip + share * (1 - light.upper_lip)
    lips = light.lip_colour + share * (_WOMENS_LIPS - light.lip_colour)
    low = light.low + share * _shadow(light)
    return replace(light, low=low, upper_lip=upper_lip, lip_colour=lips)


def _shadow(light: Light) -> Array:
    """Return by how much skin is darker where beards grow than the skin around says (s, s, 3).

    A full beard goes on below the face: within it, a bare chin would be an island.
    """
    size = len(light.low)
    stubble = regions(size).stubble
    clear = skin_light(light.texture, light.skin * (1 - stubble), LIGHT * size / 512)
    darker = np.maximum(clear - light.low, 0)
    share = (darker @ LUMA) / np.maximum(clear @ LUMA, 8)
    return thrice(stubble * np.clip((_BEARD - share) / _BEARD * 2, 0, 1)) * darker

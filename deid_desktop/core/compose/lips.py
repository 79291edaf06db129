"""Lips: gives those of a mix the photo's colour, in light and in shade."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from deid_desktop.core.compose.exposure import BRIGHTEST
from deid_desktop.core.compose.hues import AROUND, hue_of, mean_colour
from deid_desktop.core.geometry import LUMA, around, thrice, weighted_blur
from deid_desktop.core.regions import Regions, regions
from deid_desktop.core.types import Array

USUAL_LIPS = np.array([0.88, 0.77, 0.80], np.float32)
"""Colour of lips relative to skin, the mean of 84 portraits."""
_LIKE_SKIN = 0.08
"""How far lips are drawn towards the skin around: the mean of the photo's counts its edges in."""
_PINKER = np.array([-0.14, 0.08, 0.31], np.float32)
"""By how much the hue of lips changes with the logarithm of their lightness: the lower one, which
lies in the light, is pink, the upper one red (means of 70 portraits)."""
_EVEN = 0.85
"""How far the hues of a mix's lips give way to that: its upper one is grey, the lower orange."""
_PALER = 0.3
"""How much farther lips of the oldest are drawn towards the skin."""
_FULL, _MOULDED, _MATT = 12.0, 0.4, 0.35
"""Texels of 512 over which lips are averaged, how much more contrast than a mix they get, and how
much of that what is lighter does without: skin at their edge would shine."""


def tint_lips(
    lit: Array, colour: Array, seen: Array, maps: Regions, unit: float, aged: float
) -> Array:
    """Return a texture whose lips have a colour, on average; their shape stays.

    A mix's own is grey, for lines between lips lie elsewhere in each donor.

    Args:
        lit: (s, s, 3) the surrogate in the photo's light.
        colour: (3,) relative to the skin around.
        seen: (s, s, 1) 0…1, how well the photo shows each texel.
        maps: regions of that size.
        unit: texels for a texel of 512.
        aged: 0…1, how much older the surrogate is than the photo's subject: lips grow paler.
    """
    own, _ = weighted_blur(lit, maps.skin, AROUND * unit)
    current = mean_colour(lit / np.maximum(own, 8), maps.lips[..., None] * seen)
    ratio = np.clip(colour / np.maximum(current, 1e-3), 0.5, 1.6)
    lit = lit * cv2.transform(maps.lips, np.stack([ratio - 1, np.ones_like(ratio)], 1))
    lit = lit + thrice((_LIKE_SKIN + _PALER * aged) * maps.lips) * (own - lit)
    window = _lips(len(lit))
    zone, part = maps.lips[window], lit[window]
    hued = _hued(part, np.clip(5 * zone - 4, 0, 1)[..., None] * seen[window])
    part = part + _EVEN * thrice(zone) * (hued - part)
    near, _ = weighted_blur(part, zone + 1e-3, _FULL * unit)
    away = part - near
    lit[window] = part + thrice(zone) * (_MOULDED * away - _MATT * np.maximum(away, 0))
    return np.clip(lit, 0, BRIGHTEST)


def _hued(lips: Array, weight: Array) -> Array:
    """Return ``lips`` (h, w, 3) as light as they are, in the hues of lips in light and shade.

    Their mean, where ``weight`` (h, w, 1) is, stays what it was.
    """
    mean = np.maximum(mean_colour(lips, weight), 1.0)
    light = lips @ LUMA
    shade = np.log(np.clip((light + 1) / (float(mean @ LUMA) + 1), 0.4, 2))
    return thrice(light) * hue_of(mean * (1 + cv2.transform(shade, _PINKER[:, None])))


@cache
def _lips(size: int) -> tuple[slice, slice]:
    return around(regions(size).lips, size // 32)

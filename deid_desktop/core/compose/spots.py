"""Freckles and age spots: as many and as dark as the photo's skin has, each in a place of its own.

The photo keeps those of the forehead above the mask, of neck and ears; a face without any between
them was another's. Two numbers are measured: no spot is where the subject has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA, blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array

_FINE, _APART = 1.6, 7
"""Sigma of what is looked at, and distance of what it is compared with, in texels of 512."""
_LEAST = 0.03
"""How much darker than skin on all sides a spot is."""
_OVER_GRAIN = 1.5
"""The same in deviations of what is finer, lest grain be spots."""
_USUAL = 60.0
"""Spots in the area of a face that everybody has, and every mix: folds and pores."""
_SHARPER, _DEEPEST = 3.0, 0.22
"""By how much deeper a spot is than it measures, and how deep at most."""
_FEW, _MANY = 25.0, 200.0
"""Spots beyond these from which they are drawn, and how many are at most."""
_CANDIDATES = 1500
"""Places that are drawn by lot, so that every size of texture has the same spots."""
_BROWN = np.array([0.7, 1.0, 1.2], np.float32)
"""What a spot takes of red, green and blue."""
_SIZES = (1.6, 3.0)


@dataclass(frozen=True)
class Spots:
    """``count`` in the area of a face, ``depth`` how much darker than skin one is."""

    count: float
    depth: float


def read_spots(texture: Array, low: Array, skin: Array) -> Spots | None:
    """Return what spots the skin above the mouth has, or ``None``.

    Args:
        texture: (s, s, 3) of the photo, 0…255.
        low: (s, s, 3) the light on the skin.
        skin: (s, s) 0…1, visible bare skin.
    """
    size, unit = len(texture), len(texture) / 512
    clear = cv2.erode((skin > 0.7).astype(np.uint8), np.ones((3, 3)), iterations=round(7 * unit))
    clear[int(mesh.UV[2, 1] * size) :] = 0
    area = int(clear.sum())
    if area < 0.04 * size * size:
        return None
    share = (texture @ LUMA) / np.maximum(low @ LUMA, 8)
    smooth = blur(share, _FINE * unit)
    away = max(2, round(_APART * unit))
    around = [
        np.minimum(np.roll(smooth, (y, x), (0, 1)), np.roll(smooth, (-y, -x), (0, 1)))
        for y, x in ((0, away), (away, 0), (away, away), (away, -away))
    ]
    darker = np.minimum.reduce(around) - smooth  # along a wrinkle it is as dark
    grain = 1.48 * float(np.median(np.abs(share - smooth)[clear > 0]))
    marked = ((darker > max(_LEAST, _OVER_GRAIN * grain)) & (clear > 0)).astype(np.uint8)
    count = cv2.connectedComponents(marked)[0] - 1
    whole = float((regions(size).skin > 0.5).sum())
    found = min(_MANY, count * whole / area - _USUAL)
    if found < _FEW:
        return None
    return Spots(found, min(_DEEPEST, _SHARPER * float(np.median(darker[marked > 0]))))


def draw_spots(lit: Array, spots: Spots, seed: int) -> Array:
    """Return the lit texture (s, s, 3), 0…255, with ``spots`` on its skin."""
    size, unit = len(lit), len(lit) / 512
    rng = np.random.default_rng([seed, 31])
    skin = regions(size).skin * (1 - 0.8 * regions(size).stubble)
    dark = np.zeros((size, size), np.float32)
    number = min(_CANDIDATES, round(spots.count * size * size / float((skin > 0.5).sum())))
    places = (2 + rng.random((_CANDIDATES, 2)) * (size - 5)).astype(int)[:number]
    depths = spots.depth * rng.uniform(0.5, 1.4, _CANDIDATES)[:number]
    small = (rng.random(_CANDIDATES) < 0.7)[:number]
    for sigma, chosen in zip(_SIZES, (small, np.ones_like(small)), strict=True):
        canvas = np.zeros((size, size), np.float32)
        x, y = places[chosen].T
        canvas[y, x] = depths[chosen] * 0.6
        wide = max(0.6, sigma * unit)
        dark += blur(canvas, wide) * 2 * np.pi * wide**2
    return lit * (1 - np.clip(dark * skin, 0, 0.5)[..., None] * _BROWN)

"""Patches of the face that are narrower than what is taken for light: pouches, nose and cheeks.

A mix of people has them all average, lit from the front: eyes did not belong to the face, the side
of a nose was dark where the sun shone on it, and cheeks had no shine. One colour of the photo each,
and no form.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import around, blur, thrice
from deid_desktop.core.regions import hull, regions
from deid_desktop.core.types import Array

_POUCH = [230, 231, 120, 119, 118, 229]
_SIDE = [122, 196, 236, 134, 131, 49, 198, 217, 188]
_RIDGE = [168, 197, 195, 5, 4, 51, 281, 3, 248]
_CHEEK = [50, 101, 36, 205, 187, 147, 123, 117]
_SOFT, _SOFTER = 5.0, 10.0
"""Texels of 512 over which a patch fades, and a cheek, which is wider."""
_RANGE = (0.82, 1.3)
_SHOWN = 0.4
"""Share of it that has to be seen."""


def read_patches(texture: Array, low: Array, seen: Array) -> Array:
    """Return the colour of each (n, 3), relative to the light; 0 where the photo does not show it.

    Args:
        texture: (s, s, 3), 0…255.
        low: (s, s, 3) the light on the skin.
        seen: (s, s) 0…1, visible bare skin.
    """
    colours = []
    for window, patch in _patches(len(texture)):
        share = texture[window] / np.maximum(low[window], 8)
        weight = patch * seen[window]
        shown = weight.sum() > _SHOWN * patch.sum()
        total = (thrice(weight) * share).sum((0, 1))
        colours.append(total / weight.sum() if shown else np.zeros(3))
    return np.array(colours, np.float32)


def light_patches(lit: Array, low: Array, wanted: Array) -> None:
    """Give all in a lit texture (s, s, 3) the colours ``wanted``, in place."""
    found = read_patches(lit, low, np.ones(lit.shape[:2], np.float32))
    for (window, patch), own, photo in zip(_patches(len(lit)), found, wanted, strict=True):
        if photo.any():
            gain = np.clip(photo / own, *_RANGE)
            lit[window] *= 1 + (gain - 1) * patch[..., None]


@lru_cache(maxsize=4)
def _patches(size: int) -> list[tuple[tuple[slice, slice], Array]]:
    """Return the window of each and its soft map there, 0…1."""
    unit, skin = size / 512, regions(size).skin
    found: list[tuple[tuple[slice, slice], Array]] = []
    corners = (_POUCH, _mirrored(_POUCH), _SIDE, _mirrored(_SIDE), _RIDGE)
    places = [(each, _SOFT) for each in corners]
    places += [(each, _SOFTER) for each in (_CHEEK, _mirrored(_CHEEK))]
    for each, soft in places:
        patch = blur(hull(each, size=size), soft * unit) * blur(skin, 2 * unit)
        window = around(patch, 2)
        found.append((window, patch[window]))
    return found


def _mirrored(corners: list[int]) -> list[int]:
    return [int(corner) for corner in mesh.MIRROR[corners]]

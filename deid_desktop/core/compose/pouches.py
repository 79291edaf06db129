"""Pouches below the eyes: how light or dark they are beside the light on the skin around.

They are narrower than what is taken for light, and a mix of people has them all average, so that
eyes did not belong to the face. Two numbers of the photo, and no form.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA, around, blur
from deid_desktop.core.regions import hull, regions
from deid_desktop.core.types import Array

_CORNERS = [230, 231, 120, 119, 118, 229]
_SOFT = 5.0
"""Texels of 512 over which a pouch fades into the cheek."""
_RANGE = (0.82, 1.3)
_SHOWN = 0.4
"""Share of it that has to be seen."""


def read_pouches(texture: Array, low: Array, seen: Array) -> Array:
    """Return how light both are (2,), relative to the light; 0 where the photo does not show one.

    Args:
        texture: (s, s, 3), 0…255.
        low: (s, s, 3) the light on the skin.
        seen: (s, s) 0…1, visible bare skin.
    """
    levels = []
    for window, pouch in _pouches(len(texture)):
        share = (texture[window] @ LUMA) / np.maximum(low[window] @ LUMA, 8)
        weight = pouch * seen[window]
        shown = weight.sum() > _SHOWN * pouch.sum()
        levels.append(float((share * weight).sum() / weight.sum()) if shown else 0.0)
    return np.array(levels, np.float32)


def light_pouches(lit: Array, low: Array, wanted: Array) -> None:
    """Make both in a lit texture (s, s, 3) as light as ``wanted``, in place."""
    found = read_pouches(lit, low, np.ones(lit.shape[:2], np.float32))
    for (window, pouch), own, photo in zip(_pouches(len(lit)), found, wanted, strict=True):
        if photo > 0:
            gain = float(np.clip(photo / own, *_RANGE))
            lit[window] *= 1 + (gain - 1) * pouch[..., None]


@lru_cache(maxsize=4)
def _pouches(size: int) -> list[tuple[tuple[slice, slice], Array]]:
    """Return the window of each and its soft map there, 0…1."""
    unit, skin = size / 512, regions(size).skin
    found: list[tuple[tuple[slice, slice], Array]] = []
    for corners in (_CORNERS, mesh.MIRROR[_CORNERS].tolist()):
        pouch = blur(hull(corners, size=size), _SOFT * unit) * blur(skin, 2 * unit)
        window = around(pouch, 2)
        found.append((window, pouch[window]))
    return found

"""Noses: the bridge of a surrogate's is softened towards what bridges show in photos.

A mix is laid out along its own mesh, so that its ridge is as straight and as sharp as no nose in a
photo is, and what is chosen for being unlike the subject is sharper still: a carved nose.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from deid_desktop.core.geometry import LUMA, around, blur, thrice, weighted_blur
from deid_desktop.core.regions import hull, regions
from deid_desktop.core.types import Array

_CONTRAST = 0.65
"""What is left of a bridge's contrast. Surrogates' were 1.36 times as sharp as photos', found in
both alike (medians, 5 to 11 texels, 36 men who face the camera); .55 makes them .93 times as sharp,
but hides less."""
_BROAD = 14.0
"""Texels of 512 above which the form is the light's."""
_BRIDGE = [55, 285, 126, 355, 131, 360, 45, 275, 4]
"""From between the brows to the tip, and down both sides."""


def soften_bridge(lit: Array) -> Array:
    """Return the texture (s, s, 3), 0…255, with a softer bridge of the nose."""
    window, region = _bridge(len(lit))
    level = np.log(np.maximum(lit[window] @ LUMA, 2))
    skin = regions(len(lit)).skin[window] + np.float32(1e-3)
    broad, _ = weighted_blur(level[..., None], skin, _BROAD * len(lit) / 512)
    form = level - broad[..., 0]
    softened = lit.copy()
    softened[window] *= thrice(np.exp((_CONTRAST - 1) * region * form))
    return softened


@cache
def _bridge(size: int) -> tuple[tuple[slice, slice], Array]:
    """Return the rows and columns around the bridge, and 0…1 in them: how much of it is there."""
    region = cv2.resize(blur(hull(_BRIDGE, 11), 9), (size, size), interpolation=cv2.INTER_AREA)
    window = around(region, size // 16)
    return window, np.asarray(region[window], np.float32)

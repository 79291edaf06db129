"""Exposure: what light a photo had where it shows plain white."""

from __future__ import annotations

import numpy as np

from deid_desktop.core.types import Array

BRIGHTEST = 800.0
"""Bound of light that the photo could not hold; 255 is the most that it shows."""
_CLIPPED = (240.0, 254.0)
"""Level of a channel from which it may be clipped, and is."""
_OVEREXPOSED = (0.05, 0.15)
"""Share of clipped skin from which a face may be overexposed, and is: below, it shines."""
_ENOUGH_SKIN = 0.02
"""Share of the skin that must not be clipped to tell its hue."""
_BEYOND = 0.08
"""By how much light that clips all channels is taken to be more."""
_SKIN_HUE = np.array([1, 0.76, 0.63], np.float32)
_COLOURLESS = 4.0
"""Mean difference of channels below which a photo has no colours."""


def unclipped(texture: Array, skin: Array) -> Array:
    """Return ``texture`` with what an overexposed photo would show if white were no limit.

    ``texture`` is (s, s, 3), 0…255, ``skin`` (s, s) 0…1 its bare skin; the result is up to
    ``BRIGHTEST``. Skin keeps its hue whatever the exposure, so the channel that clips last tells
    the others; where that is clipped, too, it is a little beyond. Surrogates lit so clip like the
    photo.
    """
    level, full = _CLIPPED
    clipped = np.clip((texture - level) / (full - level), 0, 1)
    anywhere = clipped.max(-1)
    least, most = _OVEREXPOSED
    area = max(float(skin.sum()), 1e-6)
    share = float((anywhere * skin).sum()) / area
    overexposed = float(np.clip((share - least) / (most - least), 0, 1))
    if overexposed == 0:
        return texture
    hue = _skin_hue(texture, skin * (anywhere == 0), area)
    last = int(hue.argmin())
    beyond = texture[..., last] * (1 + _BEYOND * clipped[..., last])
    wanted = np.minimum(beyond[..., None] * hue / hue[last], BRIGHTEST)
    return texture + overexposed * clipped * np.maximum(wanted - texture, 0)


def _skin_hue(texture: Array, holding: Array, area: float) -> Array:
    """Return the colour (3,) of skin by what of it is ``holding`` (s, s): not clipped.

    Where that is too little of its ``area``, people's common hue stands in, or grey.
    """
    trust = min(float(holding.sum()) / (_ENOUGH_SKIN * area), 1)
    own = np.maximum(np.tensordot(holding, texture, 2) / max(float(holding.sum()), 1e-6), 1)
    colourless = float(np.ptp(texture, axis=-1).mean()) < _COLOURLESS
    common = np.ones(3, np.float32) if colourless else _SKIN_HUE
    return trust * own / own.max() + (1 - trust) * common

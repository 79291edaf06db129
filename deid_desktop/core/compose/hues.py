"""Means and hues of colours: what relighting compares skin, lips and brows by."""

from __future__ import annotations

import numpy as np

from deid_desktop.core.geometry import LUMA, thrice
from deid_desktop.core.types import Array

AROUND = 20.0
"""Texels of 512 over which skin is averaged to compare brows and lips with."""


def mean_colour(values: Array, weight: Array) -> Array:
    """Return the mean (c,) of ``values`` (h, w, c) where ``weight`` (h, w, 1) is."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float32, copy=False)
    mean: Array = weight.ravel() @ flat / max(float(weight.sum()), 1e-6)
    return mean


def hue_of(colours: Array) -> Array:
    """Return colours (s, s, 3) of lightness 1, none of them 0."""
    lit = np.maximum(colours, 0)  # a wide blur is enlarged again, and may swing below black
    return (lit + 1) / thrice(lit @ LUMA + 1)

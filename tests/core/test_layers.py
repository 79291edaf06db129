"""Layers at 8 and at 16 bits: what they do not touch stays, what they touch is the same change."""

import numpy as np
import pytest

from deid_desktop.core.compose.layers import MaskLayer, SurrogateLayer
from deid_desktop.core.decoders import to_8_bit
from deid_desktop.core.types import Face, Method

SHALLOW = np.random.default_rng(8).integers(0, 256, (60, 80, 3)).astype(np.uint8)
DEEP = np.random.default_rng(9).integers(0, 65536, (60, 80, 3)).astype(np.uint16)
FACE = Face(0, (30.0, 20.0, 16.0, 20.0), np.zeros((5, 2), np.float32), 0.9)


def surrogate():
    """A layer of 20 × 30 pixels: the left half covers, the right half changes nothing."""
    alpha = np.zeros((20, 30), np.float32)
    alpha[:, :15] = np.linspace(0.1, 1, 15)
    colour = np.full((20, 30, 3), (200, 100, 50), np.float32) * alpha[..., None]
    return SurrogateLayer(10, 20, np.zeros((20, 30, 2), np.float32), colour, alpha)


LAYERS = [surrogate(), *(MaskLayer(FACE, m) for m in (Method.SOLID, Method.BLUR, Method.PIXELATE))]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("pixels", [SHALLOW, DEEP])
def test_untouched_pixels_stay_bit_for_bit(layer, pixels):
    changed = pixels.copy()
    layer.apply(changed)
    assert changed.dtype == pixels.dtype
    touched = (changed != pixels).any(axis=2)
    assert touched.any()
    inside = np.zeros(touched.shape, bool)
    if isinstance(layer, SurrogateLayer):
        inside[20:40, 10:25] = True
    else:
        inside[17:43, 27:49] = True
    assert not (touched & ~inside).any()


@pytest.mark.parametrize("layer", LAYERS)
def test_both_depths_show_the_same_picture(layer):
    shallow, deep = SHALLOW.copy(), SHALLOW.astype(np.uint16) * 257
    layer.apply(shallow)
    layer.apply(deep)
    assert np.abs(to_8_bit(deep).astype(int) - shallow).max() <= 1

"""Bridges of noses: less contrast than a mix has, and nothing else changes."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose.nose import soften_bridge

MIDDLE, SIDE, CHEEK = 197, 3, 50


def _ridge(size):
    """Return even skin with a light ridge of six texels of 512 down its middle."""
    across = (np.arange(size) + 0.5) / size * 512 - 256
    ridge = 150 * (1 + 0.2 * np.exp(-((across / 6) ** 2)))
    return np.repeat(np.tile(ridge, (size, 1))[..., None], 3, 2).astype(np.float32)


def _at(texture, vertex):
    x, y = (mesh.UV[vertex] * len(texture)).astype(int)
    return float(texture[y, x].mean())


@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_ridge_is_softened_and_keeps_its_tone(size):
    mix = _ridge(size)
    soft = soften_bridge(mix)
    before, after = (_at(one, MIDDLE) - _at(one, SIDE) for one in (mix, soft))
    assert 0.55 * before < after < 0.85 * before
    y = int(mesh.UV[MIDDLE, 1] * size)
    near = slice(int(0.46 * size), int(0.54 * size))
    assert soft[y, near].mean() == pytest.approx(mix[y, near].mean(), rel=0.03)


def test_even_skin_and_what_lies_beside_a_nose_stay():
    even = np.full((256, 256, 3), 120, np.float32)
    np.testing.assert_allclose(soften_bridge(even), even, rtol=1e-4)
    mix = _ridge(256)
    mix[:, :100] *= np.random.default_rng(0).uniform(0.8, 1, (256, 100, 1)).astype(np.float32)
    soft = soften_bridge(mix)
    assert _at(soft, CHEEK) == pytest.approx(_at(mix, CHEEK))
    np.testing.assert_array_equal(soft[190:], mix[190:])

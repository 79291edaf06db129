"""The maps mean what their names say, at every size."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.regions import regions

NAMES = [name for name in vars(regions(512)) if name != "size"]


@pytest.mark.parametrize("size", [128, 256, 512])
@pytest.mark.parametrize("name", NAMES)
def test_maps_are_shares_of_their_size(name, size):
    values = getattr(regions(size), name)
    assert values.shape == (size, size)
    assert values.dtype == np.float32
    assert values.min() > -1e-5 and values.max() < 1 + 1e-5
    assert values.max() > 0.4 and values.mean() < 0.9


@pytest.mark.parametrize("name", NAMES)
def test_faces_are_symmetric(name):
    values = getattr(regions(256), name)
    assert np.abs(values - values[:, ::-1]).mean() < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_small_maps_are_the_large_ones(name):
    large, small = getattr(regions(512), name), getattr(regions(128), name)
    assert abs(float(large.mean() - small.mean())) < 0.005


def at(values, vertices):
    """Return the map at the texels of ``vertices``."""
    x, y = np.clip((mesh.UV[vertices] * len(values)).astype(int), 0, len(values) - 1).T
    return values[y, x]


def test_features_are_where_the_mesh_has_them():
    maps = regions(512)
    assert at(maps.eyes, mesh.LEFT_EYE).min() > 0.4 and at(maps.eyes, mesh.RIGHT_EYE).min() > 0.4
    assert at(maps.brows, mesh.LEFT_BROW).min() > 0.4
    assert at(maps.lips, mesh.LIPS).mean() > 0.3
    assert at(maps.skin, [50, 280, 151]).min() > 0.9
    assert at(maps.lips, [50, 280, 151]).max() < 0.01
    assert at(maps.stubble, [175]).min() > 0.5 and at(maps.stubble, [151]).max() < 0.01


def test_skin_has_no_features_and_the_mask_stays_within_the_core():
    maps = regions(512)
    assert (maps.skin * maps.features).max() == 0
    assert (maps.skin <= maps.core).all()
    assert maps.blend[maps.core == 0].max() < 0.35
    assert maps.blend[at_core_middle()] > 0.99
    assert (maps.core[~mesh.uv_grid(512).inside] < 1).mean() > 0.99


def at_core_middle():
    """Return the texel of the nose tip."""
    x, y = (mesh.UV[4] * 512).astype(int)
    return y, x

"""Brows: soft bands become hair, as dark as the photo's brows, and nothing else changes."""

import numpy as np
import pytest

from deid_desktop.core.compose.brows import draw_brows
from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions

SIZE = 512


@pytest.fixture(scope="module")
def soft():
    """Skin with the wide, soft brows of a mix."""
    maps = regions(SIZE)
    band = blur((maps.brows > 0.9).astype(np.float32), 5)
    return (150 * (1 - 0.25 * band))[..., None] * np.array([1.0, 0.8, 0.7], np.float32)


def steepest(picture):
    grey = picture.mean(2)
    return np.percentile(np.hypot(*np.gradient(grey))[regions(SIZE).brows > 0.3], 95)


def test_brows_get_edges_and_nothing_else_changes(soft):
    drawn = draw_brows(soft, depth=np.full(3, 0.2, np.float32), seed=1)
    assert steepest(drawn) > 2 * steepest(soft)
    np.testing.assert_array_equal(
        drawn[regions(SIZE).brows < 1e-3], soft[regions(SIZE).brows < 1e-3]
    )


@pytest.mark.parametrize("depth", [0.1, 0.2, 0.3])
def test_brows_are_as_dark_as_the_photos(soft, depth):
    maps = regions(SIZE)
    drawn = draw_brows(soft, depth=np.full(3, depth, np.float32), seed=1)
    skin = 150 * np.array([1.0, 0.8, 0.7])
    reached = float((maps.brows[..., None] * (1 - drawn / skin)).sum() / maps.brows.sum() / 3)
    assert reached == pytest.approx(depth, rel=0.3)


def test_every_seed_has_its_hairs_and_keeps_them(soft):
    depth = np.full(3, 0.2, np.float32)
    first, again, other = (draw_brows(soft, depth=depth, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 5


def test_brows_are_nowhere_darker_than_the_photos(soft):
    depth = np.full(3, 0.3, np.float32)
    free = draw_brows(soft, depth=depth, seed=1)
    pale = draw_brows(soft, depth=depth, darkest=0.25, seed=1)
    assert free.min() < 0.8 * pale.min()

"""Freckles: counted where there are many, drawn elsewhere, none on smooth or folded skin."""

import numpy as np
import pytest

from deid_desktop.core.compose.spots import Spots, draw_spots, read_spots
from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions

SIZE = 512
LOW = np.full((SIZE, SIZE, 3), 150, np.float32)


@pytest.fixture(scope="module")
def freckled():
    dots = np.zeros((SIZE, SIZE), np.float32)
    places = np.random.default_rng(5).integers(0, SIZE, (900, 2))
    dots[places[:, 0], places[:, 1]] = 1
    return LOW * (1 - 0.2 * np.clip(25 * blur(dots, 2.0), 0, 1))[..., None]


def test_smooth_folded_and_grainy_skin_has_none():
    rows = np.arange(SIZE)[:, None, None]
    folded = LOW * (1 - 0.2 * (np.sin(rows / 6) > 0.9))
    noise = np.random.default_rng(1).normal(0, 6, (SIZE, SIZE, 1)).astype(np.float32)
    for texture in (LOW, folded.astype(np.float32), LOW + noise):
        assert read_spots(texture, LOW, regions(SIZE).skin) is None


def test_freckles_are_counted(freckled):
    spots = read_spots(freckled, LOW, regions(SIZE).skin)
    assert spots is not None
    assert spots.count > 60 and 0.05 < spots.depth < 0.25


def test_they_are_drawn_on_skin_in_places_of_their_own(freckled):
    drawn = draw_spots(LOW, Spots(150, 0.2), seed=1)
    dark, own = 1 - drawn[..., 1] / 150, 1 - freckled[..., 1] / 150
    assert dark.max() > 0.08
    assert dark[regions(SIZE).skin < 1e-3].max() == 0
    skin = regions(SIZE).skin > 0.5
    assert abs(np.corrcoef(dark[skin], own[skin])[0, 1]) < 0.1
    np.testing.assert_array_equal(drawn, draw_spots(LOW, Spots(150, 0.2), seed=1))
    assert np.abs(drawn - draw_spots(LOW, Spots(150, 0.2), seed=2)).max() > 5

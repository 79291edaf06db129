"""Lips: as the photo's are coloured on average, pink in the light, red in the shade."""

import numpy as np
import pytest

from deid_desktop.core.compose.lips import tint_lips
from deid_desktop.core.geometry import LUMA
from deid_desktop.core.regions import regions

SIZE = 256
MAPS = regions(SIZE)
SEEN = np.ones((SIZE, SIZE, 1), np.float32)
SKIN = np.array([180, 130, 110], np.float32)
UPPER = np.s_[170:175, 112:144]
LOWER = np.s_[181:186, 112:144]


@pytest.fixture
def lit():
    """Skin with grey lips, the upper one in the shade."""
    picture = np.full((SIZE, SIZE, 3), SKIN, np.float32)
    lips = MAPS.lips[..., None]
    grey = np.full((SIZE, SIZE, 3), 135, np.float32)
    grey[:177] = 90
    return picture * (1 - lips) + grey * lips


def tinted(lit, colour=(0.9, 0.75, 0.75), *, aged=0.0):
    return tint_lips(lit.copy(), np.array(colour, np.float32), SEEN, MAPS, SIZE / 512, aged)


def test_lips_get_the_photos_colour_and_nothing_else_changes(lit):
    drawn = tinted(lit)
    inside = MAPS.lips > 0.95
    assert drawn[inside].mean(0) / SKIN == pytest.approx([0.9, 0.75, 0.75], abs=0.1)
    np.testing.assert_allclose(drawn[MAPS.lips < 1e-4], lit[MAPS.lips < 1e-4], atol=0.1)


def test_the_lip_in_the_light_is_pinker_than_the_one_in_the_shade(lit):
    drawn = tinted(lit)
    upper, lower = (drawn[part].mean((0, 1)) for part in (UPPER, LOWER))
    assert upper @ LUMA < 0.8 * lower @ LUMA
    assert upper[0] / upper[2] > 1.1 * lower[0] / lower[2]


def test_a_mixs_own_hues_give_way(lit):
    orange = lit.copy()
    orange[LOWER] *= [1.2, 1.0, 0.7]
    usual, drawn = (tinted(picture)[LOWER].mean((0, 1)) for picture in (lit, orange))
    assert drawn[0] / drawn[2] < 1.2 * usual[0] / usual[2]


def test_old_lips_are_nearer_to_skin(lit):
    young, old = (tinted(lit, aged=aged)[LOWER].mean((0, 1)) for aged in (0.0, 1.0))
    assert np.abs(old - SKIN).sum() < 0.85 * np.abs(young - SKIN).sum()

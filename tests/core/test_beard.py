"""Beards: found where the network and the colours say so, drawn whole, the same on both sides."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Landmarker
from deid_desktop.core.compose.beard import grow, read_beard
from deid_desktop.core.regions import regions

SIZE = 256
SAID = 0.02


@pytest.fixture(scope="module")
def texture(portrait, portrait_face):
    vertices = Landmarker().mesh(portrait.pixels, portrait_face.points)
    return mesh.unwrap(portrait.pixels, vertices, SIZE)


@pytest.fixture(scope="module")
def bearded(texture):
    dark = texture.copy()
    dark[int(mesh.UV[2, 1] * SIZE) :] *= (0.25, 0.2, 0.15)
    return dark


def test_a_bare_chin_has_no_beard(texture):
    assert read_beard(texture, regions(SIZE).skin, SAID) is None


def test_a_dark_chin_without_hair_has_none(bearded):
    assert read_beard(bearded, regions(SIZE).skin, 0.0) is None


def test_a_moustache_without_a_beard_is_drawn_alone(texture):
    dark = texture.copy()
    top, bottom = (int(mesh.UV[v, 1] * SIZE) for v in (2, 0))
    dark[top : bottom + 4, int(0.38 * SIZE) : int(0.62 * SIZE)] *= (0.25, 0.2, 0.15)
    beard = read_beard(dark, regions(SIZE).skin, 0.0)
    assert beard is not None
    for vertex, grown in ((164, True), (200, False), (199, False)):
        x, y = (mesh.UV[vertex] * SIZE).astype(int)
        assert (beard.cover[y, x] > 0.5) is np.bool_(grown)


def test_moustache_and_chin_are_one(bearded):
    beard = read_beard(bearded, regions(SIZE).skin, SAID)
    assert beard is not None
    for vertex in (164, 200, 199, 212, 432):
        x, y = (mesh.UV[vertex] * SIZE).astype(int)
        assert beard.cover[y, x] > 0.7, vertex
    lip = (mesh.UV[17] * SIZE).astype(int)
    assert beard.cover[lip[1] - 3, lip[0]] < 0.3
    np.testing.assert_allclose(beard.colour, (0.25, 0.2, 0.15), atol=0.08)


def test_both_sides_are_the_same(bearded):
    half = bearded.copy()
    half[:, : SIZE // 2] *= 0.9
    beard = read_beard(half, regions(SIZE).skin, SAID)
    assert beard is not None
    away = np.abs(beard.cover - beard.cover[:, ::-1])
    assert away.mean() < 0.02


def test_hair_grows_there_and_only_there(texture, bearded):
    beard = read_beard(bearded, regions(SIZE).skin, SAID)
    assert beard is not None
    grown = grow(texture, beard, seed=1)
    chin = beard.cover > 0.9
    assert grown[chin].mean() < 0.5 * texture[chin].mean()
    np.testing.assert_array_equal(grown[beard.cover == 0], texture[beard.cover == 0])
    assert np.abs(grown - grow(texture, beard, seed=2)).max() > 5


def test_hairs_turn_white_where_they_grew(texture, bearded):
    beard = read_beard(bearded, regions(SIZE).skin, SAID)
    assert beard is not None
    young, older, old = (grow(texture, beard, seed=1, grey=grey) for grey in (0, 0.4, 0.9))
    dense = beard.cover > 0.9
    assert young[dense].mean() < older[dense].mean() - 5 < old[dense].mean() - 10
    assert np.ptp(old[dense], axis=1).mean() < 0.4 * old[dense].mean()
    np.testing.assert_array_equal(old[beard.cover == 0], texture[beard.cover == 0])

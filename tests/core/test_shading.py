"""Shading: the photo's light on the surrogate's own form, and what all mixes lack."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose import shading
from deid_desktop.core.compose.shading import fitted_light, learned, read_shading, shade, traits
from deid_desktop.core.geometry import weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Surrogate

EVEN = np.eye(9, dtype=np.float32)[0]
FROM_THE_LEFT = np.float32([1, -0.4, -0.1, 0.1, 0, 0.05, 0, 0, 0])
NOTHING = np.zeros((shading.SIZE, shading.SIZE), np.float32)
LEFT_OF_NOSE, RIGHT_OF_NOSE = 198, 420


def painted(light, size=256):
    """Skin without features in a light."""
    level = mesh.uv_grid(size).interpolate(shading._harmonics(mesh.XYZ) @ light)
    return np.repeat(120 * level[..., None], 3, axis=2).astype(np.float32)


def test_the_light_on_a_face_is_read():
    skin = regions(256).skin
    found = fitted_light(painted(FROM_THE_LEFT), skin, mesh.XYZ, usual=EVEN, trust=1e-4)
    assert np.abs(found - FROM_THE_LEFT)[[1, 2, 4, 6, 7]].max() < 0.06
    told, there = (shading.relief(light, mesh.XYZ) for light in (found, FROM_THE_LEFT))
    assert np.abs(told - there).mean() < 0.2 * np.abs(there).mean()


def test_what_light_hardly_shows_is_taken_to_be_usual():
    skin = np.zeros((256, 256), np.float32)
    np.testing.assert_array_equal(
        read_shading(painted(FROM_THE_LEFT), skin, mesh.XYZ), learned().usual
    )


@pytest.mark.parametrize("side", [-1, 1])
def test_the_side_of_the_nose_that_faces_the_light_is_lighter(side):
    light = FROM_THE_LEFT * np.where(np.isin(np.arange(9), [1, 4, 5]), side, 1)
    gain = shade(light.astype(np.float32), mesh.XYZ, NOTHING, 512)
    left, right = (
        gain[y, x] for x, y in (mesh.UV[[LEFT_OF_NOSE, RIGHT_OF_NOSE]] * 512).astype(int)
    )
    assert side * (left - right) > 0.1


def test_shading_leaves_the_tone_of_a_face_as_it_is():
    gain = shade(FROM_THE_LEFT, mesh.XYZ, NOTHING, 256)[..., None]
    skin = regions(256).skin
    low, _ = weighted_blur(np.repeat(gain, 3, axis=2), skin + 1e-4, shading.LIGHT / 2)
    assert np.abs(low[skin > 0.9] - 1).mean() < 0.03


def test_what_mixes_lack_is_the_same_on_both_sides_and_small():
    lack = learned().lack
    assert np.abs(lack - lack[..., ::-1]).mean() < 1e-3
    assert np.abs(np.diff(lack, axis=1)).max() < 0.3  # smooth: a scrambled file is not
    assert 0.01 < np.abs(lack[:2]).mean() < 0.1


def test_who_smiles_has_folds_beside_the_nose():
    def like(smile):
        surrogate = Surrogate(NOTHING, mesh.XYZ, np.ones(3), male=0.0, age=50, smile=smile)
        return np.tensordot(traits(surrogate), learned().lack, 1)

    x, y = (mesh.UV[206] * shading.SIZE).astype(int)
    assert like(0.8)[y, x] < like(0.0)[y, x]

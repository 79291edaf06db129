"""Pouches, nose and cheeks: as light as the photo's, and nothing else changes."""

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.compose.patches import light_patches, read_patches
from deid_desktop.core.regions import regions

SIZE = 256
LOW = np.full((SIZE, SIZE, 3), 150, np.float32)


def test_a_dark_pouch_is_told_and_made():
    seen = regions(SIZE).skin
    dark = LOW.copy()
    dark[: SIZE // 2, : SIZE // 2] *= 0.85
    wanted = read_patches(dark, LOW, seen)
    assert wanted[0].max() < 0.9 and wanted[1].min() > 0.98
    lit = LOW.copy()
    light_patches(lit, LOW, wanted)
    assert lit[:, : SIZE // 2].min() < 0.9 * 150
    np.testing.assert_allclose(lit[int(0.65 * SIZE) :], 150, rtol=0.01)
    np.testing.assert_allclose(lit[:, int(0.56 * SIZE) :], 150, rtol=0.02)


def test_what_is_not_seen_is_left_alone():
    wanted = read_patches(0.5 * LOW, LOW, np.zeros((SIZE, SIZE), np.float32))
    lit = LOW.copy()
    light_patches(lit, LOW, wanted)
    np.testing.assert_array_equal(lit, LOW)


def test_the_side_of_a_nose_is_lit_as_in_the_photo():
    """A mix is lit from the front: both sides of its nose are dark."""
    seen = regions(SIZE).skin
    photo = LOW.copy()
    photo[:, SIZE // 2 :] *= 1.15
    wanted = read_patches(photo, LOW, seen)
    lit = 0.9 * LOW
    light_patches(lit, LOW, wanted)
    left, right = (lit[tuple((mesh.UV[v][::-1] * SIZE).astype(int))].mean() for v in (198, 420))
    assert right > 1.07 * left


def test_cheeks_take_the_photos_colour():
    seen = regions(SIZE).skin
    flushed = LOW * np.float32([1.1, 0.95, 0.95])
    lit = LOW.copy()
    light_patches(lit, LOW, read_patches(flushed, LOW, seen))
    x, y = (mesh.UV[50] * SIZE).astype(int)
    red, green, _ = lit[y, x]
    assert red > 1.05 * 150 and green < 0.98 * 150

"""Pouches below the eyes: as light as the photo's, and nothing else changes."""

import numpy as np

from deid_desktop.core.compose.pouches import light_pouches, read_pouches
from deid_desktop.core.regions import regions

SIZE = 256
LOW = np.full((SIZE, SIZE, 3), 150, np.float32)


def test_a_dark_pouch_is_told_and_made():
    seen = regions(SIZE).skin
    dark = LOW.copy()
    dark[: SIZE // 2, : SIZE // 2] *= 0.85
    wanted = read_pouches(dark, LOW, seen)
    assert wanted[0] < 0.9 and wanted[1] > 0.98
    lit = LOW.copy()
    light_pouches(lit, LOW, wanted)
    assert lit[:, : SIZE // 2].min() < 0.9 * 150
    np.testing.assert_allclose(lit[SIZE // 2 :], 150)
    np.testing.assert_allclose(lit[:, SIZE // 2 :], 150, rtol=0.02)


def test_what_is_not_seen_is_left_alone():
    wanted = read_pouches(0.5 * LOW, LOW, np.zeros((SIZE, SIZE), np.float32))
    lit = LOW.copy()
    light_pouches(lit, LOW, wanted)
    np.testing.assert_array_equal(lit, LOW)

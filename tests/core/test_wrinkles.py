"""Wrinkles: none on the young, deeper with age, everybody's own, where faces have them."""

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.wrinkles import relief


def test_the_young_have_none():
    assert not relief(20, seed=1, size=256).any()


def test_they_deepen_with_age_in_the_same_places():
    depths = [relief(age, seed=3, size=256) for age in (40, 60, 80)]
    strengths = [np.abs(d).sum() for d in depths]
    assert strengths[0] < strengths[1] < strengths[2]
    assert np.corrcoef(depths[1].ravel(), depths[2].ravel())[0, 1] > 0.8


def test_everybody_has_their_own_and_keeps_them():
    a, b = relief(75, seed=1, size=256), relief(75, seed=2, size=256)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.8
    np.testing.assert_array_equal(a, relief(75, seed=1, size=256))


def test_a_fold_runs_from_the_nose_to_the_mouth():
    dark = np.mean([-relief(70, seed=s, size=256) for s in range(12)], axis=0)
    x, y = (mesh.UV[206] * 256).astype(int)
    assert dark[y - 5 : y + 6, x - 5 : x + 6].max() > 0.05
    x, y = (mesh.UV[1] * 256).astype(int)  # the tip of the nose has no lines
    assert np.abs(dark[y - 3 : y + 4, x - 3 : x + 4]).max() < 0.01


def test_sizes_show_the_same_lines():
    small, large = relief(70, seed=5, size=256), relief(70, seed=5, size=512)
    halved = large.reshape(256, 2, 256, 2).mean((1, 3))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > 0.85

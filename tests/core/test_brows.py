"""Brows: soft bands become hair, as dark as the photo's brows, and nothing else changes."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose.brows import Brows, draw_brows, own_brows
from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions

SIZE = 512
HAIR = np.array([0.52, 0.6, 0.66], np.float32)


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
    drawn = draw_brows(soft, Brows(0.2, HAIR), seed=1)
    assert steepest(drawn) > 2 * steepest(soft)
    outside = regions(SIZE).brows < 1e-3
    np.testing.assert_array_equal(drawn[outside], soft[outside])


def width(picture):
    """Rows of the middle of the left brow that are darker than half of its darkest."""
    maps = regions(SIZE)
    columns = np.flatnonzero((maps.brows[:, : SIZE // 2] > 0.5).any(0))
    dark = np.clip(150 * 1.0 - picture[:, columns[len(columns) // 2], 0], 0, None)
    return int((dark > 0.5 * dark.max()).sum())


def test_a_pale_brow_is_narrow_not_a_smear(soft):
    pale, full = (draw_brows(soft, Brows(d, HAIR), seed=1) for d in (0.08, 0.3))
    assert width(pale) < 0.8 * width(full) < width(soft)
    assert pale.min() < 0.8 * soft.min()


def test_hair_is_dense_near_the_nose_and_thin_towards_the_temple(soft):
    drawn = draw_brows(soft, Brows(0.2, HAIR), seed=1)
    ink = np.clip(1 - drawn[..., 0] / 150, 0, 1)[:, : SIZE // 2].sum(0)
    outer, inner = np.sort(mesh.UV[mesh.LEFT_BROW, 0] * SIZE)[[0, -1]]

    def near(place):
        at = round(inner + place * (outer - inner))
        return ink[at - 6 : at + 7].mean()

    assert near(0.35) > 1.35 * near(0.65) > 1.5 * near(0.9) > 0
    assert near(0.35) > 1.5 * near(0.05)


def test_the_mixs_band_is_gone_beside_the_brow(soft):
    drawn = draw_brows(soft, Brows(0.08, HAIR), seed=1)
    beside = (regions(SIZE).brows > 0.9) & (soft[..., 0] < 118)
    skin = np.percentile(drawn[beside][:, 0], 70)
    assert skin > 0.9 * 150


def test_hair_has_its_own_colour(soft):
    red = draw_brows(soft, Brows(0.2, np.array([0.4, 0.65, 0.7], np.float32)), seed=1)
    black = draw_brows(soft, Brows(0.2, np.full(3, 0.6, np.float32)), seed=1)
    dark = regions(SIZE).brows > 0.9
    shares = [(p[dark].min(0) / [150, 120, 105]) for p in (red, black)]
    assert shares[0][0] > 1.5 * shares[0][2]
    assert shares[1][0] < 1.1 * shares[1][2]


def test_an_overexposed_face_has_brows():
    white = np.full((SIZE, SIZE, 3), 255, np.float32)
    drawn = draw_brows(white, Brows(0.2, HAIR), seed=1)
    assert drawn.min() < 200 and np.isfinite(drawn).all()


@pytest.mark.parametrize("depth", [0.1, 0.15, 0.2])
def test_brows_are_as_dark_as_the_photos(soft, depth):
    maps = regions(SIZE)
    drawn = draw_brows(soft, Brows(depth, HAIR), seed=1)
    skin = 150 * np.array([1.0, 0.8, 0.7])
    reached = float((maps.brows[..., None] * (1 - drawn / skin)).sum() / maps.brows.sum() / 3)
    # With the shade below them.
    assert reached == pytest.approx(depth + 0.015, rel=0.25)


def test_every_seed_has_its_hairs_and_keeps_them(soft):
    first, again, other = (draw_brows(soft, Brows(0.2, HAIR), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 5


def test_brows_are_nowhere_darker_than_the_photos(soft):
    pale = draw_brows(soft, Brows(0.3, np.full(3, 0.25, np.float32)), seed=1)
    assert pale.min() > 0.7 * soft.max(axis=(0, 1)).min()
    assert draw_brows(soft, Brows(0.3, HAIR), seed=1).min() < 0.8 * pale.min()


def test_a_surrogates_brows_are_hardly_as_dark_as_the_photos():
    pale, dark = (own_brows(d, HAIR, male=1.0, seed=3).depth for d in (0.05, 0.3))
    assert 0 < dark - pale < 0.25 * (0.3 - 0.05)


def test_brows_differ_as_peoples_do():
    men, women = (
        [own_brows(0.15, HAIR, male=male, seed=seed) for seed in range(200)] for male in (1.0, 0.0)
    )
    assert 0.04 < np.std([brows.depth for brows in men]) < 0.1
    assert 0.09 < np.std([brows.hair.mean() for brows in men]) < 0.2
    assert 0.2 < np.std([brows.higher for brows in men]) < 0.4
    for trait in ("depth", "lifted"):
        means = [np.mean([getattr(brows, trait) for brows in group]) for group in (men, women)]
        assert (means[1] < means[0]) == (trait == "depth")


def test_brows_lie_as_high_and_as_arched_as_they_are_to(soft):
    def middle(brows, side):
        drawn = draw_brows(soft, brows, seed=1)
        ink = np.clip(1 - drawn[..., 0] / 150, 0, 1)[:, side]
        return float((ink.sum(1) @ np.arange(SIZE)) / ink.sum())

    temple, nose = slice(60, 130), slice(170, 225)
    plain, higher, lifted = (
        [middle(Brows(0.2, HAIR, *way), side) for side in (temple, nose)]
        for way in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    )
    assert higher[0] < plain[0] - 0.7 and higher[1] < plain[1] - 0.7
    assert lifted[0] < plain[0] - 0.7 and abs(lifted[1] - plain[1]) < 1


def test_brows_that_frames_hide_stay_unknown():
    brows = own_brows(None, HAIR, male=1.0, seed=3)
    assert brows.depth is None
    assert brows.hair.shape == (3,)

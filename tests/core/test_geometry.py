"""Similarities are recovered exactly, crops show what was asked for, weights keep texels apart."""

import cv2
import numpy as np
import pytest

from deid_desktop.core.geometry import (
    Pose3D,
    blur,
    procrustes,
    similarity_2d,
    warp_crop,
    weighted_blur,
)


def turned(yaw=0.0, pitch=0.0, roll=0.0):
    """Return a rotation: first roll, then pitch, then yaw, in degrees."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_y = [[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]]
    about_x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.array(about_y) @ about_x @ about_z


@pytest.mark.parametrize("seed", range(5))
def test_procrustes_recovers_a_similarity(seed):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(30, 3))
    known = Pose3D(rng.uniform(0.1, 40), turned(*rng.uniform(-170, 170, 3)), rng.normal(size=3))
    found = procrustes(source, known.apply(source))
    assert found.scale == pytest.approx(known.scale)
    np.testing.assert_allclose(found.rotation, known.rotation, atol=1e-9)
    np.testing.assert_allclose(found.shift, known.shift, atol=1e-8)
    np.testing.assert_allclose(
        found.turn(source), known.apply(source) - known.apply(np.zeros((1, 3))), atol=1e-8
    )


def test_procrustes_turns_but_never_mirrors():
    source = np.random.default_rng(1).normal(size=(30, 3))
    found = procrustes(source, source * [-1, 1, 1])
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_procrustes_is_the_best_of_its_neighbours():
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=(2, 30, 3))
    best = procrustes(source, target)

    def error(pose):
        return ((pose.apply(source) - target) ** 2).sum()

    for _ in range(20):
        other = Pose3D(
            best.scale + rng.normal(scale=0.02),
            turned(*rng.normal(scale=2, size=3)) @ best.rotation,
            best.shift + rng.normal(scale=0.02, size=3),
        )
        assert error(best) <= error(other)


@pytest.mark.parametrize("angles", [(30, 0, 0), (-30, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 15)])
def test_degrees_name_the_turn(angles):
    # turned() moves the nose, at −z, to the right for yaw and down for pitch.
    found = Pose3D(3.0, turned(*angles), np.zeros(3)).degrees()
    assert found == pytest.approx(angles, abs=1e-6)
    nose = turned(*angles) @ [0, 0, -1]
    assert np.sign(nose[0].round(9)) == np.sign(angles[0])
    assert np.sign(nose[1].round(9)) == np.sign(angles[1])


def test_similarity_2d_recovers_turn_scale_and_shift():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(5, 2)) * 40
    angle, scale, shift = 0.7, 2.3, np.array([11.0, -4.0])
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity_2d(points, points @ linear.T + shift)
    np.testing.assert_allclose(found, np.c_[linear, shift], atol=1e-9)


def gradient(height, width):
    """Return a picture whose red is x / 4 and whose green is y / 4."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x / 4, y / 4, np.full_like(x, 90.0)], 2).round().astype(np.uint8)


def similarity(scale, angle, centre, size):
    """Return the matrix that shows ``centre`` in the middle of a crop."""
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = size / 2 - matrix[:, :2] @ centre
    return matrix


@pytest.mark.parametrize("scale", [0.12, 0.3, 0.6, 0.9, 2.0])
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_a_crop_shows_the_place_that_was_asked_for(scale, angle):
    picture, size = gradient(900, 1000), 96
    matrix = similarity(scale, angle, (500, 450), size)
    crop = warp_crop(picture, matrix, size).astype(float)
    y, x = np.mgrid[0:size, 0:size]
    at = np.stack([x, y, np.ones_like(x)], 2) @ cv2.invertAffineTransform(matrix).T
    shown = ((at > 10) & (at < [990, 890])).all(2)
    assert shown.mean() > 0.7
    np.testing.assert_allclose(crop[shown][:, :2], at[shown] / 4, atol=1.2)


def test_a_crop_is_the_direct_warp_where_nothing_shrinks():
    picture = np.random.default_rng(4).integers(0, 255, (300, 400, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 2)
    matrix = similarity(1.3, 0.3, (200, 150), 112)
    direct = cv2.warpAffine(picture, matrix, (112, 112), borderMode=cv2.BORDER_REPLICATE)
    difference = np.abs(warp_crop(picture, matrix, 112).astype(int) - direct)
    assert difference.max() <= 2


def test_shrinking_does_not_alias():
    checks = (np.indices((800, 800)).sum(0) % 2 * 255).astype(np.uint8)
    crop = warp_crop(np.dstack([checks] * 3), similarity(0.1, 0.2, (400, 400), 60), 60)
    assert crop.std() < 12
    assert abs(crop.mean() - 127) < 4


@pytest.mark.parametrize("centre", [(-500, -500), (0, 0), (399, 299), (2000, 100)])
@pytest.mark.parametrize("scale", [0.05, 1.0, 4.0])
def test_a_crop_beyond_the_border_repeats_it(centre, scale):
    picture = np.full((300, 400, 3), 77, np.uint8)
    crop = warp_crop(picture, similarity(scale, 0.4, centre, 64), 64)
    assert crop.shape == (64, 64, 3)
    assert (crop == 77).all()


def test_blur_of_nothing_and_of_a_constant():
    picture = np.random.default_rng(5).normal(size=(40, 50)).astype(np.float32)
    assert blur(picture, 0) is picture
    for sigma in (0.5, 4, 20, 60):
        np.testing.assert_allclose(blur(np.full((128, 96), 3.0, np.float32), sigma), 3, rtol=1e-4)


@pytest.mark.parametrize("sigma", [13, 24, 60])
def test_a_wide_blur_is_that_of_the_full_size(sigma):
    rng = np.random.default_rng(6)
    picture = cv2.GaussianBlur(rng.normal(size=(512, 512)).astype(np.float32), (0, 0), 4)
    full = cv2.GaussianBlur(picture, (0, 0), sigma)
    inner = (slice(100, -100), slice(100, -100))
    error = np.abs(blur(picture, sigma) - full)[inner]
    assert error.max() < 0.2 * np.abs(full[inner]).max()


@pytest.mark.parametrize("sigma", [3, 20])
def test_weighted_blur_does_not_see_what_weighs_nothing(sigma):
    rng = np.random.default_rng(7)
    picture = rng.uniform(0, 255, (128, 128, 3)).astype(np.float32)
    weight = (rng.random((128, 128)) < 0.6).astype(np.float32)
    changed = np.where(weight[..., None] > 0, picture, 1e4).astype(np.float32)
    first, total = weighted_blur(picture, weight, sigma)
    second, same = weighted_blur(changed, weight, sigma)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(total, same)


def test_weighted_blur_keeps_a_constant_up_to_the_edge_of_the_weight():
    weight = np.zeros((96, 96), np.float32)
    weight[:, :48] = 1
    picture = np.where(weight[..., None] > 0, 120, 0).astype(np.float32)
    mixed, total = weighted_blur(picture, weight, 6)
    np.testing.assert_allclose(mixed[total > 0.01], 120, rtol=1e-3)
    assert mixed.shape == (96, 96, 1)

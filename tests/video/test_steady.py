"""Smoothing takes the noise out of what rests and does not hold back what moves."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Request, Sitting
from deid_desktop.resources import resource
from deid_desktop.video.steady import LIGHT_REACH, REACH, steady_mesh, steady_scene
from tests.video.clips import camera


def landmarks(generator):
    return generator.uniform(0, 200, (478, 3)).astype(np.float32)


def smoothed(meshes, times=None):
    times = list(range(len(meshes))) if times is None else times
    result = []
    for index in range(len(meshes)):
        start = max(0, index - REACH)
        stop = index + REACH + 1
        result.append(steady_mesh(meshes[start:stop], times[start:stop], index - start))
    return np.stack(result)


def test_noise_of_a_face_that_rests_is_more_than_halved():
    chance = np.random.default_rng(0)
    truth = landmarks(chance)
    meshes = [truth + chance.normal(0, 0.3, truth.shape).astype(np.float32) for _ in range(20)]
    before = np.std(np.stack(meshes), axis=0)[:, :2].mean()
    after = np.std(smoothed(meshes)[4:-4], axis=0)[:, :2].mean()
    assert after < 0.5 * before


def test_a_face_that_rests_is_as_still_where_its_track_begins_and_ends():
    chance = np.random.default_rng(4)
    truth = landmarks(chance)
    meshes = [truth + chance.normal(0, 0.1, truth.shape).astype(np.float32) for _ in range(24)]
    steps = np.abs(np.diff(smoothed(meshes), axis=0))[..., :2].mean((1, 2))
    middle = steps[8:-8].mean()
    assert max(steps[:4].mean(), steps[-4:].mean()) < 1.5 * middle


@pytest.mark.parametrize("times", [None, [0, 1, 2, 4, 5, 7, 8, 9, 12, 13, 14, 15]])
def test_even_motion_has_no_delay_not_even_at_the_ends(times):
    truth = landmarks(np.random.default_rng(1))
    at = list(range(12)) if times is None else times
    meshes = [truth + np.float32([3 * t, -2 * t, 0]) for t in at]
    assert np.abs(smoothed(meshes, at) - np.stack(meshes)).max() < 0.01


def test_a_blink_stays_a_blink():
    truth = landmarks(np.random.default_rng(2))
    shut = truth.copy()
    shut[100:110, 1] += 10
    meshes = [shut if index in (10, 11) else truth for index in range(22)]
    result = smoothed(meshes)
    assert np.abs(result[10, 100:110, 1] - shut[100:110, 1]).max() < 1.5
    assert np.abs(result[6] - truth).max() < 0.5
    assert np.abs(result[:, :100] - truth[:100]).max() < 0.01  # the rest does not notice


@pytest.fixture(scope="module")
def still():
    """A costume, and scenes of a portrait that rests under a camera with noise."""
    portrait = read_photo(resource("samples", "portrait.jpg"))
    pipeline = Pipeline("cpu")
    pictures, (matrix, *_) = camera(portrait.pixels, 16, size=(200, 200), zoom=0.3, start=(20, 10))
    chance = np.random.default_rng(3)
    noisy = [np.clip(p + chance.normal(0, 4, p.shape), 0, 255).astype(np.uint8) for p in pictures]
    face = max(pipeline.detect(portrait), key=lambda face: face.box[3])
    identity = pipeline.redact(portrait, face, Request(seed=3)).identity
    costume = pipeline.costume(Sitting(portrait, face), Request(seed=3), identity).scaled(256)
    mesh = pipeline.analyse(portrait, face).mesh.copy()
    mesh[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    mesh[:, 2] *= 0.3
    return costume, noisy, [costume.scene(p, mesh, work=(160.0, 300.0)) for p in noisy]


FACE = (slice(68, 78), slice(75, 97))


def shown(costume, scene, picture):
    """Return the middle of the face with its surrogate."""
    result = picture.copy()
    layer = costume.layer(scene)
    covered = np.zeros(picture.shape[:2])
    height, width = layer.alpha.shape
    covered[layer.top : layer.top + height, layer.left : layer.left + width] = layer.alpha
    assert covered[FACE].mean() > 0.8
    layer.apply(result)
    return result[FACE].astype(float)


def test_light_that_flickers_with_the_noise_is_held_still(still):
    costume, pictures, scenes = still
    middle = range(LIGHT_REACH, len(scenes) - LIGHT_REACH)
    calm = [
        steady_scene(scenes[i - LIGHT_REACH : i + LIGHT_REACH + 1], LIGHT_REACH) for i in middle
    ]
    own = [shown(costume, scenes[i], pictures[i]) for i in middle]
    steady = [shown(costume, scene, pictures[i]) for scene, i in zip(calm, middle, strict=True)]
    before, after = (
        np.mean([np.abs((a - b).mean((0, 1))).mean() for a, b in pairwise(shots)])
        for shots in (own, steady)
    )
    assert after < 0.6 * before
    original, changed = (
        np.mean([np.abs(a - b).mean() for a, b in pairwise(shots)])
        for shots in ([pictures[i][FACE].astype(float) for i in middle], steady)
    )
    assert changed < 1.3 * original


def test_glasses_do_not_come_and_go(still):
    _, _, scenes = still
    frames = np.ones((256, 256), np.float32)
    worn = [replace(scene, frames=frames) for scene in scenes[:7]]
    once = [replace(scene, frames=None) for scene in scenes[:7]]
    worn[3], once[3] = once[3], worn[3]
    assert steady_scene(once, 3).frames is None or steady_scene(once, 3).frames.max() <= 0.5
    assert steady_scene(worn, 2).frames is not None

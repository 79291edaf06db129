"""Skin, lids and lips get the bands of people: what mixes lack, and no more than people have."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file

from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose.bands import (
    BANDS,
    SIZE,
    Statistics,
    as_in_people,
    learned,
    measured,
    read_bands,
    save,
    scaled,
)
from deid_desktop.core.compose.shading import traits
from deid_desktop.core.generate import LARGE, Generator
from deid_desktop.training.bands import NOTHING, WORK, learn
from deid_desktop.training.portraits import Seen

_CHEEK = (160, 75)
"""Row and column of 256 in the middle of a cheek."""


@pytest.fixture(scope="module")
def surrogate():
    generator, attribute = Generator(), Attribute(1.0, 40.0)
    identity = generator.draw_identity(attribute, k=5, seed=3)
    return generator.generate([identity], [attribute], size=LARGE)[0]


def _texture(spot: float = 0.0) -> np.ndarray:
    """Return even skin (256, 256, 3) with a spot that is lighter by so many logarithms."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    bump = np.exp(-((y - _CHEEK[0]) ** 2 + (x - _CHEEK[1]) ** 2) / (2 * 3.0**2))
    return np.repeat(120 * np.exp(spot * bump)[..., None], 3, 2).astype(np.float32)


def test_nothing_learned_changes_nothing(surrogate):
    texture = _texture(0.3)
    np.testing.assert_allclose(as_in_people(texture, surrogate, NOTHING), texture, atol=1e-3)


def test_what_is_stronger_than_in_people_is_bent_down_and_the_rest_stays(surrogate):
    people = NOTHING._replace(spread=np.full((BANDS, SIZE, SIZE), 0.03, np.float32))
    faint, strong = _texture(0.02), _texture(0.4)
    np.testing.assert_allclose(as_in_people(faint, surrogate, people), faint, atol=0.2)
    bent = as_in_people(strong, surrogate, people)
    assert bent[_CHEEK].mean() < strong[_CHEEK].mean() - 20
    assert bent[_CHEEK].mean() > 122
    left = read_bands(bent, measured(SIZE))[:, _CHEEK[0], _CHEEK[1]]
    assert (left < read_bands(strong, measured(SIZE))[:, _CHEEK[0], _CHEEK[1]]).all()


def test_what_all_mixes_lack_is_added(surrogate):
    lack = np.zeros_like(NOTHING.lack)
    lack[:2, 1, _CHEEK[0], _CHEEK[1]] = 0.2  # to women and to men alike
    changed = as_in_people(_texture(), surrogate, NOTHING._replace(lack=lack))
    assert changed[_CHEEK].mean() == pytest.approx(120 * np.exp(0.2), rel=0.02)
    assert np.abs(changed[:100] - 120).max() < 0.01


def test_brows_eyes_and_the_mouth_are_left_to_those_who_draw_them(surrogate):
    texture = np.repeat(surrogate.texture.mean(2, keepdims=True), 3, 2) * 120
    changed = as_in_people(texture, surrogate)
    outside = cv2.resize(measured(SIZE), (LARGE, LARGE)) == 0
    outside = cv2.erode(outside.astype(np.uint8), np.ones((25, 25))) > 0
    assert outside.sum() > 1000
    np.testing.assert_allclose(changed[outside], texture[outside], rtol=0.01)


def test_the_statistics_that_are_shipped_are_those_of_faces():
    usual, lack, spread = learned()
    inside = measured(SIZE) > 0.9
    assert usual.shape == lack.shape == (5, BANDS, SIZE, SIZE)
    assert 0.01 < np.median(spread[:, inside]) < 0.2
    assert spread.min() > 0
    assert np.abs(lack[:, :, inside]).max() < 1
    assert np.abs(lack - lack[..., ::-1]).mean() < 1e-3  # the same on both sides


def test_what_is_saved_is_what_was_learned(tmp_path):
    save(learned(), tmp_path / "bands.safetensors")
    found = load_file(tmp_path / "bands.safetensors")
    for name, values in learned()._asdict().items():
        np.testing.assert_allclose(found[name], values, atol=1e-3)


def test_statistics_are_the_same_in_every_size():
    small = scaled(learned(), 128)
    assert small.lack.shape == (5, BANDS, 128, 128)
    assert small.lack.mean() == pytest.approx(float(learned().lack.mean()), abs=1e-4)


def test_finished_faces_come_nearer_to_the_portraits(pipeline, crew, crew_faces):
    studio = pipeline._studio
    seen = [
        Seen(studio.scene(crew, face, LARGE, WORK), face, studio.analyse(crew, face))
        for face in crew_faces
    ]
    first, before = learn(seen, NOTHING)
    wide = first._replace(spread=NOTHING.spread)  # three faces tell nothing of how people differ
    _, after = learn(seen, Statistics(*wide))
    assert before.portraits == len(seen)
    assert after.off < 0.8 * before.off


def test_an_older_surrogate_lacks_something_else(surrogate):
    older = replace(surrogate, age=80.0)
    assert not np.allclose(traits(older), traits(surrogate))
    texture = _texture()
    assert np.abs(as_in_people(texture, older) - as_in_people(texture, surrogate)).max() > 0.5

"""What lies in front of a face is told from the face, on a person nobody learned from."""

import cv2
import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Landmarker
from deid_desktop.core.compose.in_front import in_front
from deid_desktop.core.compose.occlusion import Occlusion, OcclusionModel
from deid_desktop.core.regions import regions

SIZE = 256


@pytest.fixture(scope="module")
def model():
    return OcclusionModel()


@pytest.fixture(scope="module")
def vertices(portrait, portrait_face):
    return Landmarker().mesh(portrait.pixels, portrait_face.points)


@pytest.fixture(scope="module")
def seen(vertices):
    return mesh.visibility(vertices, SIZE)


def looked(model, pixels, vertices, seen):
    return model.look(mesh.unwrap(pixels, vertices, SIZE), seen)


def test_a_bare_face_has_nothing_in_front(model, portrait, vertices, seen):
    found = looked(model, portrait.pixels, vertices, seen)
    maps = regions(SIZE)
    middle = maps.centre * seen > 0.8
    for layer in (found.front, found.beard, found.lenses):
        assert layer.shape == (SIZE, SIZE) and layer.min() >= 0 and layer.max() <= 1
        assert layer[middle].mean() < 0.05


def test_a_thing_before_the_mouth_is_seen_and_the_rest_is_not(model, portrait, vertices, seen):
    mouth = vertices[mesh.LIPS, :2].mean(0)
    width = float(np.ptp(vertices[mesh.LIPS, 0]))
    pixels, truth = portrait.pixels.copy(), np.zeros(portrait.pixels.shape[:2], np.float32)
    middle = np.round(mouth + np.array([0, 0.4 * width])).astype(int).tolist()
    foot = [middle[0] + 30, middle[1] + 300]
    for canvas, colour in ((pixels, (28, 28, 32)), (truth, (1.0,))):
        cv2.circle(canvas, middle, round(0.6 * width), colour, -1)
        cv2.line(canvas, middle, foot, colour, round(0.5 * width))
    found = looked(model, pixels, vertices, seen).front > 0.5
    there = mesh.unwrap(truth, vertices, SIZE) > 0.5
    shown = regions(SIZE).blend * seen > 0.5
    assert (found & there & shown).sum() > 0.8 * (there & shown).sum()
    forehead = shown & (np.arange(SIZE)[:, None] < mesh.UV[168, 1] * SIZE)
    assert (found & forehead).mean() < 0.1 * forehead.mean()


def test_a_shadow_is_no_thing(model, portrait, vertices, seen):
    pixels = portrait.pixels.astype(np.float32)
    split = round(float(vertices[4, 0]))
    pixels[:, split:] *= 0.4
    found = looked(model, pixels.astype(np.uint8), vertices, seen).front
    middle = regions(SIZE).centre * seen > 0.8
    assert found[middle].mean() < 0.1


def said(front=0.0, lenses=0.0, beard=0.0):
    """What a network may say, the same everywhere."""
    maps = (np.full((SIZE, SIZE), value, np.float32) for value in (front, beard, lenses))
    return Occlusion(*maps)


@pytest.fixture(scope="module")
def texture(portrait, vertices):
    return mesh.unwrap(portrait.pixels, vertices, SIZE)


def test_what_the_network_is_sure_of_is_in_front(texture, seen):
    front, lenses = in_front(texture, seen, said(front=0.9))
    assert front.min() == 1 and lenses is None
    front, lenses = in_front(texture, seen, said())
    assert front[regions(SIZE).centre > 0.9].max() == 0
    assert lenses is None


def test_dark_hair_counts_where_the_network_has_a_suspicion(texture, seen):
    dark = texture.copy()
    rows = slice(0, int(mesh.UV[151, 1] * SIZE))
    dark[rows] = (35, 25, 20)
    fringe = regions(SIZE).blend[rows] > 0.5
    ignored, _ = in_front(dark, seen, said(front=0.0))
    taken, _ = in_front(dark, seen, said(front=0.3))
    assert taken[rows][fringe].mean() > 0.6
    assert ignored[rows][fringe].mean() < 0.1


def test_dark_lenses_cover_both_eyes_or_are_none(texture, seen):
    _, lenses = in_front(texture, seen, said(lenses=1.0))
    assert lenses is not None and lenses.min() == 1
    left = said()
    left.lenses[:, : SIZE // 2] = 1  # an eye in deep shade
    assert in_front(texture, seen, left)[1] is None

"""The averaging attack finds what the exports share, and says when it is the subject."""

from types import SimpleNamespace

import numpy as np
import pytest

from deid_desktop.core.types import Face, Photo
from deid_desktop.evaluation import averaging
from deid_desktop.evaluation.methods import Outcome

SUBJECT = 180
FACE = Face(0, (0.0, 0.0, 8.0, 8.0), np.zeros((5, 2), np.float32), 0.9)


class Brightness:
    """A recogniser that knows people by the brightness of their picture."""

    name, model, measure, in_loop = "brightness", "test", "minus difference", False
    thresholds = {0.01: -20.0, 0.001: -10.0}  # noqa: RUF012

    def embed(self, pixels, points):
        return np.full(2, pixels.mean())

    def scores(self, probes, gallery):
        return -np.abs(probes[:, None, 0] - gallery[None, :, 0])


class Maker:
    """Exports around ``centre``; every seed is far from the subject, their mean is the centre."""

    def __init__(self, centre, blocked=()):
        self.centre = centre
        self.blocked = blocked
        self.seeds = []

    def __call__(self, pictures, seeds):
        return map(self.make, pictures, seeds)

    def make(self, picture, seed):
        self.seeds.append(seed)
        if len(self.seeds) in self.blocked:
            return Outcome(None, None, FACE, "too like")
        level = self.centre + (50 if len(self.seeds) % 2 else -50)
        return Outcome(None, np.full((8, 8, 3), level, np.uint8), FACE)


def run(maker, exports):
    photo = Photo("a", np.full((8, 8, 3), SUBJECT, np.uint8), "key")
    picture = SimpleNamespace(face=FACE, load=lambda: photo)
    gallery = SimpleNamespace(known=[picture])
    detector = SimpleNamespace(detect_near=lambda pixels, box: None)
    return averaging.attack(gallery, maker, [Brightness()], detector, exports=exports, people=3)


def test_exports_that_surround_the_subject_are_caught():
    maker = Maker(SUBJECT)
    results = run(maker, 10)
    assert [result.exports for result in results] == [1, 2, 5, 10]
    assert len(set(maker.seeds)) == 10
    one, two, _, ten = results
    assert (one.over, one.pixels_largest) == (0, -50)
    assert (two.over, two.pixels_largest, two.embeddings_largest) == (1, 0, 0)
    assert (ten.over, ten.people, ten.threshold) == (1, 1, -10)


def test_exports_that_share_another_face_are_not():
    assert [result.over for result in run(Maker(100), 6)] == [0, 0, 0, 0]


def test_blocked_exports_do_not_count():
    results = run(Maker(SUBJECT, blocked=(1, 2, 3)), 6)
    assert [result.exports for result in results] == [1, 2]


def test_the_mean_embedding_is_as_long_as_its_parts():
    mean = averaging._average(np.array([[3.0, 0.0], [0.0, 3.0]]))
    assert np.linalg.norm(mean) == pytest.approx(3)
    assert mean[0] == pytest.approx(mean[1])

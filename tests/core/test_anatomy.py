"""Opposite shapes stay those of people."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import landmarks
from deid_desktop.core.compose.anatomy import MEASURES, kept_human, value_of
from deid_desktop.core.generate import TINY, Generator

MALE = pytest.mark.parametrize("male", [0.0, 1.0])


def usual(measure, male):
    """Return mean and standard deviation of a measure."""
    return measure.men if male else measure.women


def test_what_people_have_stays_as_it_is():
    face = np.float32(mesh.XYZ * [1, -1, 1])
    change = np.zeros_like(face)
    change[:, 2] = np.linspace(-1, 1, len(face))  # of depth nothing is said
    np.testing.assert_allclose(kept_human(face, change, male=0.5), change, atol=1e-6)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("side", [-1, 1])
@MALE
def test_no_measure_leaves_its_bounds(measure, side, male):
    face = np.float32(mesh.XYZ * [1, -1, 1])
    change = np.zeros_like(face)
    change[measure.last, measure.axis] += side * 2.0
    made = face + kept_human(face, change, male=male)
    for each in MEASURES:
        mean, deviation = usual(each, male)
        own = abs(value_of(face, each) - mean) / deviation
        away = abs(value_of(made, each) - mean) / deviation
        assert away <= max(each.farthest, own) + 1e-3


def test_what_is_drawn_has_the_distances_of_people(pipeline, crew, crew_faces):
    """Nothing that is done to a shape later undoes it: brows had met, and noses had grown long."""
    generator, studio = Generator(), pipeline._studio
    gap, nose = (next(m for m in MEASURES if m.first == first) for first in ([55], [6]))
    for face in crew_faces:
        scene, analysis = studio.scene(crew, face, TINY, (112.0, 128.0)), studio.analyse(crew, face)
        attribute = Attribute(analysis.gender, analysis.age)
        drawn = [generator.draw_identity(attribute, k=5, seed=seed) for seed in range(6)]
        for surrogate in generator.generate(drawn, [attribute] * len(drawn), size=TINY):
            moved = landmarks(scene, surrogate, shape_strength=4.5)
            offsets = (moved - scene.mesh)[: mesh.VERTICES]
            change = offsets @ scene.fit.pose.rotation / scene.fit.pose.scale
            made = scene.fit.identity + change
            for measure in (gap, nose):
                mean, deviation = usual(measure, surrogate.male > 0.5)
                own = abs(value_of(scene.fit.identity, measure) - mean) / deviation
                away = abs(value_of(made, measure) - mean) / deviation
                assert away < max(own, measure.farthest) + 1.5  # a turn of the head moves them, too


def test_what_is_not_measured_makes_up_for_what_is_taken_back():
    face = np.float32(mesh.XYZ * [1, -1, 1])
    change = np.zeros_like(face)
    change[:, 0] = np.where(face[:, 0] > 0, 0.8, -0.8)  # no people's eyes are so far apart
    change[:, 2] = np.linspace(-0.3, 0.3, len(face))  # of depth nothing is said
    kept = kept_human(face, change, male=1.0)
    assert kept[MEASURES[0].last, 0].mean() < 0.6
    assert np.ptp(kept[:, 2]) > 1.2 * np.ptp(change[:, 2])


def test_a_subject_may_be_as_unusual_as_they_are():
    face = np.float32(mesh.XYZ * [1, -1, 1])
    eyes = MEASURES[0]
    face[eyes.last, 0] += 2.0
    np.testing.assert_allclose(kept_human(face, np.zeros_like(face), male=0.0), 0, atol=1e-5)


def test_neighbours_go_along_so_that_no_eye_is_torn():
    face = np.float32(mesh.XYZ * [1, -1, 1])
    eyes = MEASURES[0]
    change = np.zeros_like(face)
    change[:, 0] = np.where(face[:, 0] > 0, 0.8, -0.8)  # both halves of the face move apart
    right = kept_human(face, change, male=1.0)[list(eyes.last), 0]
    assert right.mean() < 0.8 - 0.1
    assert np.ptp(right) < 0.5 * (0.8 - right.mean())


def test_women_keep_the_proportions_of_women():
    """Men's brows lie lower and their jaws are wider: a surrogate woman had both."""
    face = np.float32(mesh.XYZ * [0.95, 1, 1])  # narrower: what the subject has is always right
    brows, jaw = (next(m for m in MEASURES if m.last == last) for last in (MEASURES[5].last, [397]))
    change = np.zeros_like(face)
    change[brows.first, 1] += 1.5
    change[[jaw.first[0], jaw.last[0]], 0] += [-1.5, 1.5]
    woman, man = (face + kept_human(face, change, male=male) for male in (0.0, 1.0))
    assert value_of(woman, brows) > value_of(man, brows) + 0.1
    assert value_of(woman, jaw) < value_of(man, jaw) - 0.2

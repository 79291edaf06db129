"""Surrogates get the shape that lies on the other side of the average, as far for everybody."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose import opposite
from deid_desktop.core.compose.opposite import AXES, Population, learned, measured, save


@pytest.fixture(scope="module")
def population():
    return learned()


def place(population: Population, shape, male=1.0):
    """Return where a shape lies in standard deviations (n,)."""
    mean = population.women + male * (population.men - population.women)
    return population.axes @ mesh.even(shape - mean).ravel() / population.deviations


def person(population: Population, coordinates):
    """Return a man's shape at coordinates along the first axes."""
    along = np.zeros(AXES)
    along[: len(coordinates)] = coordinates
    return population.men + ((along * population.deviations) @ population.axes).reshape(-1, 3)


def test_the_learned_population_is_one_of_even_faces(population):
    np.testing.assert_allclose(population.axes @ population.axes.T, np.eye(AXES), atol=1e-4)
    assert (np.diff(population.deviations) <= 0).all() and population.deviations[-1] > 0
    for shape in (population.women, population.men, *population.axes.reshape(AXES, -1, 3)):
        np.testing.assert_allclose(shape, mesh.even(shape), atol=1e-4)
    jaw = [172, 397]
    assert np.ptp(population.men[jaw, 0]) > np.ptp(population.women[jaw, 0])


def test_an_opposite_lies_on_the_other_side_of_the_average(population):
    subject = person(population, [2.0, -1.0, 0.5])
    made = subject + population.opposite(subject, population.men, male=1.0)
    direction = place(population, made)[:3] / np.array([2.0, -1.0, 0.5])
    assert (direction < 0).all()
    np.testing.assert_allclose(direction, direction[0], rtol=1e-2)


def test_all_opposites_are_as_far_from_the_average(population):
    """How far says nothing of how unusual the subject is."""
    own = person(population, [0.0, 1.0])
    far = [
        np.linalg.norm(place(population, subject + population.opposite(subject, own, male=1.0)))
        for subject in (person(population, [0.2]), person(population, [3.0, 1.0, -2.0]))
    ]
    assert far[0] == pytest.approx(far[1], rel=1e-3)
    assert far[0] > 2 * np.sqrt(AXES)


def test_one_subject_has_many_opposites(population):
    subject = person(population, [1.0, 1.0])
    made = [
        place(population, subject + population.opposite(subject, own, male=1.0))
        for own in (person(population, [0, 0, 2.0]), person(population, [0, 0, -2.0]))
    ]
    assert made[0][2] > 1 > -1 > made[1][2]


def test_what_people_do_not_differ_in_is_the_surrogates(population):
    subject = person(population, [1.0])
    own = subject.copy()
    own[1, 0] += 0.1  # the tip of the nose to one side
    change = population.opposite(subject, own, male=1.0) - population.opposite(
        subject, subject, male=1.0
    )
    assert change[1, 0] == pytest.approx(0.1, abs=0.02)


def test_a_population_is_measured_and_saved(tmp_path, monkeypatch):
    dice = np.random.default_rng(0)
    long, wide = np.zeros((2, mesh.VERTICES, 3))
    long[:, 1], wide[:, 0] = mesh.XYZ[:, 1], mesh.XYZ[:, 0]
    lengths, widths = dice.normal(0, 0.2, 200), dice.normal(0, 0.05, 200)
    people = mesh.XYZ + lengths[:, None, None] * long + widths[:, None, None] * wide
    found = measured(people[:80], people[80:] + np.array([0, 0, 1.0]))
    np.testing.assert_allclose((found.men - found.women)[:, 2], 1, atol=1e-5)
    for one, axis in zip((long, wide), found.axes, strict=False):
        assert abs(axis @ one.ravel()) == pytest.approx(np.linalg.norm(one), rel=0.01)
    assert found.deviations[0] == pytest.approx(0.2 * np.linalg.norm(long), rel=0.1)
    save(found, tmp_path / opposite.FILE)
    monkeypatch.setattr(opposite, "model_path", lambda name: tmp_path / name)
    read = learned.__wrapped__()
    np.testing.assert_allclose(read.axes, found.axes, atol=1e-5)
    np.testing.assert_allclose(read.men, found.men, atol=1e-5)


def test_a_mans_and_a_womans_opposites_differ(population):
    """An average man lies to one side of women: made a woman, he lies to the other."""
    subject = population.men
    man, woman = (subject + population.opposite(subject, subject, male=m) for m in (1.0, 0.0))
    apart = place(population, population.men, male=0.0)
    assert place(population, woman, male=0.0) @ apart < 0
    assert abs(place(population, man) @ apart) < 1e-3 * (apart @ apart)

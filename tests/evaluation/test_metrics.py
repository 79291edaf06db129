"""The figures of a report, against cases that can be counted by hand and known distributions."""

import math

import numpy as np
import pytest

from deid_desktop.evaluation import binomial, metrics
from deid_desktop.evaluation.metrics import Scores


def scores(rows, subjects=None):
    matrix = np.array(rows, float)
    return Scores(matrix, np.arange(len(matrix)) if subjects is None else np.array(subjects))


SMALL = scores([[0.9, 0.1, 0.2], [0.6, 0.5, 0.3], [0.4, 0.7, 0.8]])
"""Genuine .9 .5 .8, impostors .1 .2 .6 .3 .4 .7; the second person comes second."""


def normal(people, apart, seed=0):
    generator = np.random.default_rng(seed)
    return scores(generator.normal(size=(people, people)) + apart * np.eye(people))


def test_cmc_by_hand():
    assert metrics.cmc(SMALL).tolist() == pytest.approx([2 / 3, 1, 1])


def test_several_probes_of_one_person():
    table = scores([[0.9, 0.1], [0.2, 0.3], [0.5, 0.4]], [0, 0, 1])
    assert metrics.cmc(table).tolist() == pytest.approx([1 / 3, 1])


def test_equal_scores_are_a_guess():
    assert metrics.cmc(scores(np.ones((4, 4)))).tolist() == pytest.approx([0.25, 0.5, 0.75, 1])
    shared = scores([[0.9, 0.9, 0.1], [0.9, 0.9, 0.1], [0.1, 0.1, 0.9]])
    assert metrics.cmc(shared)[0] == pytest.approx(2 / 3)


def test_roc_by_hand():
    curve = metrics.roc(SMALL)
    assert curve.auc == pytest.approx(16 / 18)  # pairs in which the genuine score is higher
    assert curve.at_far(0) == (pytest.approx(2 / 3), 0.8)
    assert curve.at_far(0.2) == (pytest.approx(2 / 3), 0.7)
    assert curve.at_far(0.34) == (pytest.approx(1), 0.5)
    assert curve.eer == pytest.approx(1 / 3)


def test_equal_scores_are_accepted_together():
    curve = metrics.roc(scores([[0.5, 0.5], [0.5, 0.5]]))
    assert curve.auc == pytest.approx(0.5)
    assert curve.at_far(0.4) == (0, math.inf)


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.0])
def test_normal_scores_agree_with_theory(apart):
    curve = metrics.roc(normal(400, apart))
    phi = lambda x: (1 + math.erf(x / math.sqrt(2))) / 2  # noqa: E731
    assert curve.auc == pytest.approx(phi(apart / math.sqrt(2)), abs=0.03)
    assert curve.eer == pytest.approx(phi(-apart / 2), abs=0.03)
    assert curve.at_far(0.01)[0] == pytest.approx(phi(apart - 2.3263), abs=0.04)


def test_chance_is_found_to_be_chance():
    found = metrics.evaluate(normal(50, 0.0), resamples=200)
    assert found["rank-1"].low <= 1 / 50 <= found["rank-1"].high
    assert found["auc"].low < 0.5 < found["auc"].high


def test_intervals_have_the_width_of_their_sample():
    wide = metrics.evaluate(normal(30, 1.5, seed=1), resamples=300)["rank-1"]
    narrow = metrics.evaluate(normal(300, 1.5, seed=1), resamples=300)["rank-1"]
    for figure, people in ((wide, 30), (narrow, 300)):
        expected = 2 * 1.96 * math.sqrt(figure.value * (1 - figure.value) / people)
        assert figure.low < figure.value < figure.high
        assert figure.high - figure.low == pytest.approx(expected, rel=0.35)


def test_people_are_drawn_not_pictures():
    """Ten probes of each person that say the same are worth no more than one."""
    one = normal(40, 1.0, seed=2)
    ten = Scores(np.repeat(one.matrix, 10, axis=0), np.repeat(one.subjects, 10))
    first, second = (metrics.evaluate(table, resamples=300) for table in (one, ten))
    for name in ("rank-1", "auc"):
        assert second[name].value == pytest.approx(first[name].value)
        width = first[name].high - first[name].low
        assert second[name].high - second[name].low == pytest.approx(width, rel=0.2)


def test_nobody_recognised_is_not_certainty():
    matrix = np.eye(30)[:, ::-1]
    figure = metrics.evaluate(scores(matrix), resamples=50)["rank-1"]
    assert (figure.value, figure.low) == (0, 0)
    assert figure.high == pytest.approx(1 - 0.025 ** (1 / 30), abs=1e-6)


def test_a_gallery_larger_than_the_probes():
    table = scores([[0.9, 0.1, 0.2, 0.3], [0.1, 0.2, 0.8, 0.3]], [0, 2])
    found = metrics.evaluate(table, resamples=100)
    assert found["rank-1"].value == 1
    assert found["auc"].value == 1


def test_share_above():
    figure = metrics.share_above(SMALL, 0.8)
    assert figure.value == pytest.approx(2 / 3)
    assert 0 < figure.low < figure.value < figure.high < 1


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1), (1, 100, 0.00025, 0.0545)],
)
def test_exact_intervals_as_in_the_tables(successes, trials, low, high):
    assert binomial.interval(successes, trials) == pytest.approx((low, high), abs=1e-4)


def test_tail_by_hand():
    assert binomial.tail(2, 3, 0.5) == pytest.approx(0.5)
    assert binomial.tail(3, 3, 1 / 6) == pytest.approx(1 / 216)
    assert binomial.tail(0, 3, 0.2) == 1
    assert (binomial.tail(1, 3, 0), binomial.tail(3, 3, 1)) == (0, 1)

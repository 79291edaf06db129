"""The age in the generator that makes a face look as old as asked."""

import numpy as np
import pytest

from deid_desktop.core.pipeline.ageing import KNOTS, following_age, matching_age, usual_age


def curve(years):
    """Return what answers the apparent years at each of the knots."""
    return dict(zip(KNOTS, years, strict=True)).__getitem__


@pytest.mark.parametrize("gender", [-1.0, 0.0, 1.0])
def test_the_slider_never_turns_back(gender):
    ages = [usual_age(years, gender) for years in range(18, 81)]
    assert (np.diff(ages) >= 0).all() and ages[-1] - ages[0] > 60
    for seen in (
        [25, 22, 40, 35, 60],
        [33, 31, 32, 35, 34],
        [20, 20, 20, 20, 25],
        [45, 50, 60, 80, 70],
    ):
        noisy = curve(seen)
        matched = [matching_age(years, gender, noisy) for years in range(18, 81)]
        assert (np.diff(matched) >= 0).all()


def test_a_face_that_looks_as_asked_is_left_so():
    straight = curve(KNOTS)
    for years in (30.0, 45.0, 70.0):
        assert matching_age(years, 1.0, straight) == pytest.approx(years, abs=0.1)


@pytest.mark.parametrize("years", [50.0, 60.0, 75.0])
def test_a_face_of_which_the_network_sees_no_age_is_made_as_most_are(years):
    usual = min(usual_age(years, 1.0), 18 + 1.9 * (years - 18))
    assert matching_age(years, 1.0, curve([30.0] * len(KNOTS))) == pytest.approx(usual)


def test_a_small_step_of_the_slider_never_makes_an_elder():
    late = curve([20, 20, 20, 20, 60])
    assert matching_age(30.0, -1.0, late) <= 18 + 1.9 * 12


def test_a_face_that_looks_old_soon_is_made_less_old():
    soon = curve([17, 36, 71, 85, 89])
    assert matching_age(64.0, -1.0, soon) < usual_age(64.0, -1.0) - 40


def test_beyond_what_the_network_sees_the_slider_goes_on_as_usual():
    turning = curve([18, 19, 44, 38, 36])
    ages = [matching_age(years, 1.0, turning) for years in (44.0, 60.0, 75.0)]
    assert ages[0] < ages[1] < ages[2]
    assert ages[1] - ages[0] < usual_age(60.0, 1.0) - usual_age(44.0, 1.0) + 5


@pytest.mark.parametrize("gender", [-1.0, 1.0])
def test_unasked_a_face_is_as_old_as_its_head(gender):
    ages = np.array([following_age(years, gender) for years in range(18, 81)])
    assert (np.diff(ages) >= 1).all()
    assert (ages[:30] == np.arange(18, 48)).all()
    assert ages[-1] > 80  # the maps of old age are milder than old age

"""How far along gender a face must go to be taken for the side that is asked for."""

import numpy as np
import pytest

from deid_desktop.core.pipeline.siding import (
    STRENGTHS,
    holding_gender,
    least_strength,
    matching_gender,
    usual_gender,
)


@pytest.mark.parametrize("own", [-1.0, -0.4, 0.4, 1.0])
def test_the_slider_rises_and_pushes_hardest_against_the_head(own):
    made = [usual_gender(wish, own) for wish in np.linspace(-1, 1, 21).tolist()]
    assert made == sorted(made) and made[10] == 0
    assert made[0] <= -1 and made[-1] >= 1
    other = 0 if own > 0 else -1
    assert abs(made[other]) > abs(made[-1 - other])


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_the_slider_of_a_face_rises_within_what_looks_natural(side):
    for strength in np.linspace(0.75, STRENGTHS[side][-1], 9).tolist():
        made = [side * matching_gender(side * w, strength) for w in np.linspace(0, 1, 21).tolist()]
        assert made == sorted(made)
        assert made[10] == pytest.approx(strength)
        assert 1.0 <= made[-1] <= STRENGTHS[side][-1]


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_no_more_is_looked_at_and_no_more_done_than_it_takes(side):
    asked = []

    def verdicts(seen):
        for verdict in seen:
            asked.append(verdict)
            yield side * verdict

    assert least_strength(side, verdicts([0.9, 1.0, 1.0])) == STRENGTHS[side][0]
    assert asked == [0.9]
    between = least_strength(side, verdicts([-0.8, 0.9, 1.0]))
    assert STRENGTHS[side][0] < between < STRENGTHS[side][1]
    assert len(asked) == 3


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_face_that_hardly_turns_is_driven_to_the_end_and_no_farther(side):
    hardly = [-0.1 * side] * len(STRENGTHS[side])
    assert least_strength(side, hardly) == STRENGTHS[side][-1]
    assert side * matching_gender(side, least_strength(side, hardly)) == STRENGTHS[side][-1]


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_face_that_never_turns_is_no_caricature(side):
    never = [-side] * len(STRENGTHS[side])
    assert least_strength(side, never) < STRENGTHS[side][-1]


def test_a_face_stays_on_its_side_as_it_ages():
    assert holding_gender(-0.4, 0.75) == -0.75
    assert holding_gender(1.0, 0.75) == 1.0
    assert holding_gender(-1.0, 1.5) == -1.5
    assert holding_gender(-1.0, 4.0) == holding_gender(-1.0, 3.0) > -4.0
    assert holding_gender(0.0, 0.0) == 0.0

"""The plan of a run: who gets an identity together, and what each face is told."""

from itertools import pairwise

import numpy as np
import pytest

from deid_desktop.core.run import NOTHING, VIEWS, Run, Survey
from deid_desktop.core.types import Face, Identity, Request

POINTS = np.zeros((5, 2), np.float32)
CAST = Identity((1, 2), (0.5, 0.5), 0)


def photo(*people, size=100.0):
    """Return the survey of a photo in which these people (numbers) are seen."""
    faces = tuple(Face(n, (10.0 * n, 0.0, size + n, size), POINTS, 0.9) for n in range(len(people)))
    return Survey("key", faces, np.eye(128, dtype=np.float32)[list(people)])


def test_people_are_numbered_as_they_appear():
    run = Run([photo(7), photo(3, 7), photo(3)], Request(), same=True)
    assert run.people == [(0, 2), (1, 3)]
    roles = run.roles([CAST, CAST])
    assert [[role.person for role in own.values()] for own in roles] == [[0], [1, 0], [1]]


def test_only_who_is_there_more_than_once_is_cast():
    run = Run([photo(1, 2), photo(1), NOTHING], Request(), same=True)
    (casting,) = run.castings()
    assert [at for at, *_ in casting.sitters] == [0, 1]
    roles = run.roles([CAST])
    assert roles[0][0].identity == roles[1][0].identity == CAST
    assert roles[0][1].identity is None
    assert roles[2] == {}


def test_the_largest_faces_are_cast():
    run = Run([photo(1, size=float(size)) for size in (50, 90, 70, 80, 60)], Request(), same=True)
    (casting,) = run.castings()
    assert [at for at, *_ in casting.sitters] == [1, 3, 2][:VIEWS]


def test_everybody_else_is_a_bystander():
    run = Run([photo(1, 2), photo(1, 3)], Request(), same=True)
    company = run.roles([CAST])[0][0].company
    np.testing.assert_array_equal(company.same, np.eye(128)[[1, 1]])
    np.testing.assert_array_equal(company.others, np.eye(128)[[2, 3]])


@pytest.mark.parametrize("same", [True, False])
def test_seeds_follow_from_the_runs_own(same):
    surveys = [photo(1, 2), photo(1)]
    seeds = [
        [role.request.seed for own in Run(surveys, Request(seed=seed), same=same).roles(
            [CAST] if same else []) for role in own.values()]
        for seed in (4, 4, 5)
    ]  # fmt: skip
    assert seeds[0] == seeds[1]
    assert all(a != b for a, b in pairwise(map(tuple, seeds[1:])))
    first, other, again = seeds[0]
    assert first == 4 and other != first
    assert (again == first) is same


def test_each_face_is_searched_for_itself_if_asked():
    run = Run([photo(1), photo(1)], Request(), same=False)
    assert run.castings() == []
    assert all(role.identity is None for own in run.roles([]) for role in own.values())


def test_without_an_identity_for_a_person_their_faces_are_refused():
    run = Run([photo(1, 2), photo(1)], Request(), same=True)
    roles = run.roles([None])
    assert "No surrogate" in roles[0][0].refused and "No surrogate" in roles[1][0].refused
    assert roles[0][1].refused == ""

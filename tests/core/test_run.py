"""The plan of a run: who gets an identity together, and what each face is told."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from deid_desktop.core.run import NOTHING, VIEWS, Run, Survey, TooFewPeople
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


# k-Same


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_at_least_k_people_share_an_identity_and_nobody_has_two(k):
    rng = np.random.default_rng(k)
    photos = [photo(*rng.choice(23, 4, replace=False)) for _ in range(30)]
    run = Run(photos, Request(), same=True, k_same=k)
    identities = [replace(CAST, seed=number) for number in range(len(run.clusters))]
    wears = defaultdict(set)
    for survey, own in zip(photos, run.roles(identities), strict=True):
        for face, embedding in zip(survey.faces, survey.embeddings, strict=True):
            role = own[face.id]
            assert role.fixed
            wears[int(embedding.argmax())].add((role.cluster, role.identity))
    assert all(len(worn) == 1 for worn in wears.values())
    shared = Counter(next(iter(worn)) for worn in wears.values())
    assert min(shared.values()) >= k


def test_somebody_who_is_everywhere_counts_once():
    photos = [photo(1) for _ in range(9)]
    with pytest.raises(TooFewPeople, match="and 1 were found"):
        Run(photos, Request(), same=True, k_same=2)
    run = Run([*photos, photo(2), photo(3)], Request(), same=True, k_same=2)
    assert sorted(map(sorted, run.clusters)) == [[0, 1, 2]]
    (casting,) = run.castings()
    assert [at for at, *_ in casting.sitters] == [0, 9, 10]


def test_fewer_people_than_k_are_refused_with_the_reason():
    with pytest.raises(TooFewPeople, match="choose a smaller k or add photos"):
        Run([photo(1, 2), NOTHING], Request(), same=True, k_same=3)
    assert Run([photo(1, 2)], Request(), same=True, k_same=2).clusters == [[0, 1]]

"""The verdict: passes only what was measured, is a number, and lies below the threshold."""

import numpy as np
import pytest

from deid_desktop.core.types import Company, State
from deid_desktop.core.verify import BYSTANDER, TARGET, THRESHOLD, holds, judge, similarity

ORIGINAL = np.array([1.0, 0, 0], np.float32)
DONORS = np.array([[0, 1.0, 0]], np.float32)


def facing(to_original, to_donor):
    """Return one unit embedding with these cosines to the original and to the donor."""
    rest = max(0.0, 1 - to_original**2 - to_donor**2)
    return np.array([[to_original, to_donor, np.sqrt(rest)]], np.float32)


def test_the_target_leaves_room_below_the_threshold():
    assert 0 < TARGET < THRESHOLD < 1


def test_similarity_is_the_highest_cosine():
    found = np.r_[facing(0.1, 0.2), facing(0.3, 0.0)]
    assert similarity(found, ORIGINAL[None]) == pytest.approx(0.3)
    assert similarity(found, np.r_[DONORS, ORIGINAL[None]]) == pytest.approx(0.3)


@pytest.mark.parametrize("to_original", [-0.9, 0.0, TARGET, THRESHOLD - 1e-3])
def test_a_face_below_the_threshold_passes(to_original):
    verdict = judge(ORIGINAL, facing(to_original, 0.1), DONORS)
    assert verdict.state is State.VERIFIED
    assert verdict.similarity_to_original == pytest.approx(to_original, abs=1e-6)
    assert verdict.similarity_to_nearest_donor == pytest.approx(0.1, abs=1e-6)
    assert verdict.threshold == THRESHOLD
    assert verdict.detected_again


@pytest.mark.parametrize("to_original", [THRESHOLD, THRESHOLD + 1e-3, 1.0])
def test_a_face_that_is_still_the_original_does_not(to_original):
    verdict = judge(ORIGINAL, facing(to_original, 0.0), DONORS)
    assert verdict.state is State.ATTENTION
    assert "original" in verdict.reason


def test_a_face_that_is_a_donor_does_not():
    verdict = judge(ORIGINAL, facing(0.0, THRESHOLD + 1e-3), DONORS)
    assert verdict.state is State.ATTENTION
    assert "donor" in verdict.reason


@pytest.mark.parametrize(
    ("likeness", "passes"), [(BYSTANDER + 0.01, False), (BYSTANDER - 0.01, True)]
)
def test_a_face_that_is_a_bystander_does_not(likeness, passes):
    bystanders = np.array([[0, 0, -1.0], [0, 0, 1.0]], np.float32)
    found = np.array([[0, 0, likeness]], np.float32)
    verdict = judge(ORIGINAL, found, DONORS, bystanders)
    assert verdict.similarity_to_nearest_bystander == pytest.approx(likeness)
    assert (verdict.state is State.VERIFIED) is passes
    assert passes or "somebody else" in verdict.reason


def test_nobody_else_is_no_bystander():
    verdict = judge(ORIGINAL, facing(0.1, 0.1), DONORS, np.zeros((0, 3), np.float32))
    assert verdict.similarity_to_nearest_bystander is None
    assert verdict.state is State.VERIFIED


def test_every_photo_of_the_person_counts_as_an_original():
    originals = np.stack([ORIGINAL, [0, 0, 1.0]]).astype(np.float32)
    verdict = judge(originals, np.array([[0, 0, 1.0]], np.float32), DONORS)
    assert verdict.similarity_to_original == pytest.approx(1.0)
    assert verdict.state is State.ATTENTION


def test_the_worst_of_several_alignments_counts():
    found = np.r_[facing(0.0, 0.0), facing(THRESHOLD + 0.1, 0.0)]
    assert judge(ORIGINAL, found, DONORS).state is State.ATTENTION
    assert judge(ORIGINAL, found[:1], DONORS).state is State.VERIFIED


def test_no_face_is_no_proof():
    verdict = judge(ORIGINAL, None, DONORS)
    assert verdict.state is State.ATTENTION
    assert verdict.detected_again is False
    assert verdict.similarity_to_original is None


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["found", "original", "donors", "others"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_no_number_never_passes(broken, place):
    values = {"found": facing(0.0, 0.0), "original": ORIGINAL.copy(), "donors": DONORS.copy()}
    values["others"] = DONORS.copy()
    values[place].flat[0] = broken
    verdict = judge(*(values[name] for name in ("original", "found", "donors", "others")))
    assert verdict.state is State.ATTENTION


@pytest.mark.parametrize(
    ("to_same", "to_other", "passes"),
    [
        (THRESHOLD - 0.01, 0.0, True),
        (THRESHOLD + 0.01, 0.0, False),
        (0.0, BYSTANDER - 0.01, True),
        (0.0, BYSTANDER + 0.01, False),
    ],
)
def test_what_was_verified_is_held_against_originals_that_come_later(to_same, to_other, passes):
    everybody = np.eye(3, dtype=np.float32)[:2]
    company = Company(everybody, np.array([True, False]))
    assert holds(facing(to_same, to_other), company, THRESHOLD) is passes


def test_a_stricter_limit_is_stricter_with_bystanders_too():
    company = Company(np.eye(3, dtype=np.float32)[:1], np.array([False]))
    assert holds(facing(BYSTANDER - 0.05, 0.0), company, THRESHOLD)
    assert not holds(facing(BYSTANDER - 0.05, 0.0), company, THRESHOLD - 0.1)


def test_alone_everything_holds():
    alone = Company(np.zeros((0, 3), np.float32), np.zeros(0, np.bool_))
    assert holds(facing(0.9, 0.9), alone, THRESHOLD)

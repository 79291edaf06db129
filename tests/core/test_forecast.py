"""What a few sketches and the table of effects tell of the next identities."""

import numpy as np
import pytest

from deid_desktop.core.pipeline import forecast, ranking
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.types import ALONE, Company, Identity, Request, Sitting, State, Verdict
from deid_desktop.core.types import never as never_stop
from deid_desktop.core.verify import THRESHOLD

DONORS = np.eye(4, 6, dtype=np.float32)
FIRST, SECOND, DRAWN = (
    Identity(mixed, (0.5, 0.5), seed) for seed, mixed in enumerate([(0, 1), (2, 3), (1, 2)])
)
SUBJECT, BYSTANDER = np.eye(6, dtype=np.float32)[4:, None]


def draft(embedding):
    verdict = Verdict(State.VERIFIED, "So it is.", 0.1, 0.1, THRESHOLD, True)
    seen = ranking.Seen(verdict, 1.0, 0.0, np.array(embedding, np.float32))
    return ranking.Draft(DRAWN, (seen,))


def ordered(
    shifts, *, shown=(0, 0, 0, 0, 0, 0), originals=(SUBJECT,), company=(ALONE,), waiting=None
):
    return forecast.most_hoped_of(
        waiting or [FIRST, SECOND], [draft(shown)], shifts=shifts, donors=DONORS,
        originals=originals, company=company, threshold=THRESHOLD,
    )  # fmt: skip


def test_weights_stand_at_their_donors():
    weights = forecast.mixed([FIRST, DRAWN], 4)
    assert weights.tolist() == [[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0]]


def test_who_will_look_like_the_subject_comes_last():
    towards = np.vstack([SUBJECT, np.zeros((3, 6))])
    assert ordered(towards) == [SECOND, FIRST]
    assert ordered(towards, originals=None) == [FIRST, SECOND]


def test_who_will_look_like_a_donor_comes_last_and_the_photo_counts():
    shifts = np.zeros((4, 6))
    shifts[0, 0] = shifts[3, 3] = 0.5
    # The photo brings likeness to the first donor, or to the last.
    assert ordered(shifts, shown=(0.2, 0, 0, 0, 0, 0), originals=None) == [SECOND, FIRST]
    assert ordered(shifts, shown=(0, 0, 0, 0.2, 0, 0), originals=None) == [FIRST, SECOND]


def test_who_will_look_like_a_bystander_comes_last():
    shifts = np.vstack([np.zeros((3, 6)), BYSTANDER])
    company = Company(BYSTANDER, np.zeros(1, bool))
    waiting = [SECOND, FIRST]
    assert ordered(shifts, waiting=waiting) == [SECOND, FIRST]
    assert ordered(shifts, waiting=waiting, company=[company]) == [FIRST, SECOND]


def test_the_shipped_table_foretells_likeness(photo_and_face):
    photo, face = photo_and_face
    studio, request = Studio("cpu"), Request()
    sitting = Sitting(photo, face)
    drawn = studio.drawn([sitting], request, range(25))
    seen = list(studio.sketched(sitting, request, drawn, never_stop))
    hoped = forecast.most_hoped_of(
        drawn[1:], [ranking.Draft(drawn[0], (seen[0],))], shifts=forecast.effects(),
        donors=studio.donor_embeddings, originals=[studio.originals(sitting)], company=[ALONE],
        threshold=THRESHOLD,
    )  # fmt: skip
    likeness = {i: s.verdict.similarity_to_original for i, s in zip(drawn, seen, strict=True)}
    best, worst = (np.mean([likeness[i] for i in some]) for some in (hoped[:8], hoped[-8:]))
    assert best < worst - 0.02


@pytest.fixture(scope="module")
def photo_and_face():
    from deid_desktop.core.imaging import read_photo
    from deid_desktop.resources import resource

    photo = read_photo(resource("samples", "portrait.jpg"))
    (face,) = sorted(Studio("cpu").detector.detect(photo.pixels), key=lambda f: -f.box[3])[:1]
    return photo, face

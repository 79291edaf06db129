"""A surrogate is tried on where it is most likely to fail, and taken only if it does so least."""

from types import SimpleNamespace

import numpy as np
import pytest

from deid_desktop.core.types import Cancelled, Identity, Request
from deid_desktop.video import rehearsal
from deid_desktop.video.glances import LOOKS, VARIED, best_frames, pose_of, varied
from deid_desktop.video.rehearsal import PUSHES
from deid_desktop.video.tracks import Track
from tests.video.test_tracks import row


def turned(aside, score=0.9):
    """Return a face whose nose is ``aside`` distances of its eyes from their middle."""
    face = row(50, 50, size=90.0, score=score)
    face[8] += aside * (face[6] - face[4])
    return face


def test_frames_that_are_looked_at_show_every_pose():
    rows = [turned(0.01 * (i % 3)) for i in range(60)]
    rows[20], rows[41] = turned(0.35), turned(-0.35)
    rows[30] = turned(0.75)  # a profile: nothing to be learnt from it
    rows[31] = turned(0.4, score=0.0)  # only filled in
    chosen = best_frames(Track(0, 100, np.stack(rows)))
    assert {120, 141} <= set(chosen)
    assert not {130, 131} & set(chosen)
    assert len(chosen) == len(set(chosen)) == LOOKS + VARIED
    assert chosen == sorted(chosen)


def test_a_short_track_is_looked_at_wholly():
    assert best_frames(Track(0, 7, np.stack([turned(0), turned(0.1)]))) == [7, 8]
    assert best_frames(Track(0, 7, np.stack([turned(0, score=0.0)]))) == []


def test_a_pose_is_that_of_the_face_not_of_the_camera():
    face = turned(0.3)
    tilted = face.copy()
    points = face[4:14].reshape(5, 2)
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    tilted[4:14] = (points @ turn).ravel()
    assert np.allclose(pose_of(face)[:2], pose_of(tilted)[:2], atol=1e-4)
    assert pose_of(face)[0] == pytest.approx(0.3, abs=1e-4)


def test_each_pose_is_the_farthest_from_those_before():
    poses = np.array([[0.1], [0.9], [0.5], [0.89]])
    assert varied(poses, 3, beside=np.array([[0.0]])) == [1, 2, 0]
    assert varied(poses, 9, beside=np.array([[0.0]]))[-1] == 3


def rehearsed(monkeypatch, outcomes, *, should_stop=lambda: False, bounds=None):
    """Rehearse identities, named by their seed, that come to ``outcomes`` at every push."""
    tried = []
    bounds = [] if bounds is None else bounds

    def failures(audience, costume, most):
        tried.append(costume.identity)
        bounds.append((costume.identity.push, most))
        return outcomes[costume.identity.seed]

    def costume(sitting, request, identity):
        made = SimpleNamespace(identity=identity)
        made.scaled = lambda size: made
        return made

    monkeypatch.setattr(rehearsal._Audience, "failures", failures)
    identities = [Identity((0, 1), (0.5, 0.5), seed=seed) for seed in range(len(outcomes))]
    pipeline = SimpleNamespace(finalists=lambda *a, **k: iter(identities), costume=costume)
    nobody = np.zeros((0, 128), np.float32)
    taken = rehearsal.rehearse([None] * 10, Request(), nobody, nobody, pipeline, should_stop)
    return taken and taken[0].seed, [identity.seed for identity in tried]


def test_who_fails_in_no_frame_is_taken_before_who_misses_the_margin_less_often(monkeypatch):
    taken, tried = rehearsed(monkeypatch, [(1, 1), (0, 4), (2, 2), (0, 6)])
    assert taken == 1
    assert set(tried) == {0, 1, 2, 3}


def test_the_search_goes_on_as_long_as_a_frame_fails(monkeypatch):
    taken, _ = rehearsed(monkeypatch, [(1, 1)] * 5 + [(0, 1), (0, 0)])
    assert taken == 5
    taken, tried = rehearsed(monkeypatch, [(0, 4)] * 6)
    assert (taken, max(tried)) == (0, 3)


def test_who_fails_in_all_frames_is_nobody_s_surrogate(monkeypatch):
    assert rehearsed(monkeypatch, [(10, 10)] * 3)[0] is None
    with pytest.raises(Cancelled):
        rehearsed(monkeypatch, [(0, 0)], should_stop=lambda: True)


def test_only_the_last_push_is_counted_to_the_end(monkeypatch):
    bounds = []
    rehearsed(monkeypatch, [(2, 9), (1, 5)], bounds=bounds)
    early = {most for push, most in bounds if push + 1 < PUSHES}
    assert early == {(0, 1)}  # one frame of ten may miss the margin
    assert [most for push, most in bounds if push + 1 == PUSHES] == [(10, 0), (2, 9)]

"""What a person changes about tracks, applied to what was found, which stays as it was."""

import numpy as np

from deid_desktop.core.types import Method, Request
from deid_desktop.video.editing import (
    Add,
    Ask,
    Join,
    Remove,
    Split,
    edited,
    regrouped,
    requests_of,
    stretches_of,
)
from deid_desktop.video.tracks import Timeline, Track
from tests.video.test_tracks import row

TRACK = Track(0, 5, np.stack([row(10 + i, 20) for i in range(20)]))
TIMELINE = Timeline(list(range(40)), [1] * 40, [False] * 40, [0] * 40, [TRACK])


def spans(timeline):
    return [(track.id, track.first, track.last) for track in timeline.tracks]


def test_a_split_track_is_two_that_follow_each_other():
    timeline = edited(TIMELINE, [Split(0, 12)])
    assert spans(timeline) == [(0, 5, 11), (1, 12, 24)]
    assert np.array_equal(np.concatenate([t.rows for t in timeline.tracks]), TRACK.rows)
    assert spans(TIMELINE) == [(0, 5, 24)]
    assert spans(edited(TIMELINE, [Split(0, 5)])) == [(0, 5, 24)]


def test_a_drawn_track_goes_evenly_between_its_boxes_in_either_order():
    one, other = (10.0, 10.0, 20.0, 30.0), (30.0, 20.0, 40.0, 50.0)
    for add in (Add(3, one, 13, other), Add(13, other, 3, one)):
        track = edited(TIMELINE, [add]).tracks[1]
        assert (track.first, track.last, track.by_person) == (3, 13, True)
        assert track.rows[5, :4].tolist() == [20.0, 15.0, 30.0, 40.0]
        assert not track.seen(5)


def test_edits_follow_each_other():
    edits = [Split(0, 12), Add(0, (1, 1, 9, 9), 3, (1, 1, 9, 9)), Remove(0)]
    assert spans(edited(TIMELINE, edits)) == [(1, 12, 24), (2, 0, 3)]


def test_people_are_joined_and_parted():
    groups = [(0, 3), (1,), (2,)]
    assert regrouped(groups, [Join(1, 2)]) == [(0, 3), (1, 2)]
    assert regrouped(groups, [Join(0, 3, same=False)]) == [(0,), (1,), (2,), (3,)]
    assert regrouped(groups, [Join(1, 3), Join(0, 3, same=False)]) == [(0, 1), (2,), (3,)]


def test_the_latest_wish_for_any_track_of_a_person_counts():
    solid, blur = Request(Method.SOLID), Request(Method.BLUR)
    edits = [Ask(0, blur), Ask(3, solid), Ask(9, blur)]
    assert requests_of([(0, 3), (1,)], edits, Request()) == {0: solid, 1: Request()}


def test_one_track_is_treated_apart_from_its_person():
    everywhere, here = Request(), Request(Method.SOLID)
    edits = [Ask(1, everywhere), Ask(1, Request(Method.KEEP), alone=True), Ask(1, here, alone=True)]
    assert requests_of([(0, 1)], edits, Request(Method.BLUR)) == {0: everywhere}
    assert stretches_of(edits) == {1: here}

"""Faces become tracks: without holes, never from one person to another, never beyond a cut."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from deid_desktop.core.imaging import read_photo
from deid_desktop.resources import resource
from deid_desktop.video.finding import CutFinder, Finder, Stretch
from deid_desktop.video.reading import frames, read_clip
from deid_desktop.video.tracks import Timeline, Track, around, link
from tests.video.clips import camera, moving_bar, write_clip


def row(x, y, size=40.0, score=0.9):
    points = [[x + size * a, y + size * b] for a, b in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6))]
    points += [[x + 0.35 * size, y + 0.8 * size], [x + 0.65 * size, y + 0.8 * size]]
    return np.array([x, y, size, size, *np.ravel(points), score], np.float32)


def linked(rows, *, cuts=(), rate=10.0):
    stretch = Stretch(
        tuple(range(len(rows))),
        (1,) * len(rows),
        tuple(index in cuts for index in range(len(rows))),
        (False,) * len(rows),
        tuple(np.array(r, np.float32).reshape(-1, 15) for r in rows),
    )
    return link([stretch], rate=rate)


def test_a_face_that_is_lost_for_a_while_is_filled_in():
    rows = [[row(10 + 5 * i, 20)] if i not in (3, 4, 5, 6) else [] for i in range(12)]
    (track,) = linked(rows).tracks
    assert (track.first, track.last) == (0, 11)
    assert np.allclose(track.rows[:, 0], 10 + 5 * np.arange(12), atol=1)
    assert [track.seen(i) for i in (2, 3, 6, 7)] == [True, False, False, True]


def test_a_track_does_not_go_on_in_a_box_of_another_shape():
    face, wrong = row(100, 100), row(104, 90)
    face[2:4], wrong[2:4] = (50, 68), (77, 56)
    rows = [[face] for _ in range(8)] + [[wrong]] + [[]] * 11
    timeline = linked(rows, rate=10.0)
    first = min(timeline.tracks, key=lambda track: track.first)
    assert (first.first, first.last) == (0, 7)
    x, y, width, height = around(first, timeline, rate=10)[8]
    assert abs(x + width / 2 - 125) < 3 and abs(y + height / 2 - 134) < 3


def test_a_face_that_is_lost_for_long_is_another_track():
    rows = [[row(10, 20)] if not 3 <= i < 20 else [] for i in range(25)]
    assert [(t.first, t.last) for t in linked(rows).tracks] == [(0, 2), (20, 24)]


def test_two_that_pass_each_other_with_room_keep_their_tracks():
    rows = [[row(10 + 8 * i, 20), row(250 - 8 * i, 100)] for i in range(30)]
    tracks = linked(rows).tracks
    assert len(tracks) == 2
    assert {round(float(t.rows[-1, 1])) for t in tracks} == {20, 100}
    assert all(np.ptp(t.rows[:, 1]) < 1 for t in tracks)


@pytest.mark.parametrize(
    "meeting", ["pass", "turn back", "stop, then pass", "stop, then turn back"]
)
@pytest.mark.parametrize("shown", [0, 1])
def test_no_track_goes_from_one_person_to_another(meeting, shown):
    """Two walk towards each other; while they overlap, the detector shows only one of them."""
    away = np.concatenate([np.linspace(90, 0, 16), np.zeros(10 if "stop" in meeting else 0)])
    away = np.concatenate([away, np.linspace(0, 90 if "back" in meeting else -90, 16)[1:]])
    rows, people = [], []
    for distance in away:
        both = [row(100 - distance, 20), row(100 + distance, 22)]
        hidden = abs(distance) < 23
        rows.append([both[shown]] if hidden else both)
        people.append([shown] if hidden else [0, 1])
    for track in linked(rows).tracks:
        whose = {
            people[index][number]
            for index in range(track.first, track.last + 1)
            for number, found in enumerate(rows[index])
            if np.allclose(found, track.rows[index - track.first])
        }
        assert len(whose) == 1


def test_neighbours_who_stand_still_keep_their_tracks():
    shake = np.random.default_rng(0).normal(0, 1, (40, 2))
    rows = [[row(10 + a, 20), row(48 + b, 24)] for a, b in shake]
    assert [(t.first, t.last) for t in linked(rows).tracks] == [(0, 39), (0, 39)]


def test_no_track_goes_beyond_a_cut():
    timeline = linked([[row(10, 20)] for _ in range(20)], cuts=(8,))
    assert [(t.first, t.last) for t in timeline.tracks] == [(0, 7), (8, 19)]
    first, second = timeline.tracks
    assert around(first, timeline, rate=10) == around(second, timeline, rate=10) == {}


def test_a_face_is_expected_before_and_after_it_is_seen():
    rows = [[row(100 + 4 * i, 20)] if 10 <= i < 20 else [] for i in range(40)]
    timeline = linked(rows)
    boxes = around(timeline.tracks[0], timeline, rate=10)
    assert sorted(boxes) == [5, 6, 7, 8, 9, 20, 21, 22, 23, 24]
    assert boxes[9][0] + boxes[9][2] / 2 == pytest.approx(136 + 20, abs=1)
    assert boxes[8][2] > boxes[9][2] > 40


def test_half_a_second_holds_more_frames_where_the_rate_is_higher():
    ticks = [*range(0, 2000, 100), *range(2000, 3000, 20), *range(3000, 5000, 100)]
    clip = SimpleNamespace(tick=Fraction(1, 1000), rate=Fraction(18))
    timeline = Timeline(ticks, scenes=[0] * len(ticks))
    assert timeline.quickest(clip) == 50
    track = Track(0, 45, np.stack([row(100, 20)] * 5))
    boxes = around(track, timeline, rate=timeline.quickest(clip))
    first, last = ticks[min(boxes)], ticks[max(boxes)]
    assert ticks[45] - first >= 500 and last - ticks[49] >= 500
    steady = SimpleNamespace(tick=Fraction(1, 12800), rate=Fraction(25))
    assert Timeline([512 * n for n in range(99)]).quickest(steady) == 25
    assert Timeline([0, 512, 1024]).quickest(steady) == 25


def test_what_is_seen_but_once_is_masked_only_for_a_moment():
    rows = [[row(100, 20)] if i == 30 else [] for i in range(60)]
    timeline = linked(rows, rate=25.0)
    assert sorted(around(timeline.tracks[0], timeline, rate=25)) == [27, 28, 29, 31, 32, 33]


def test_two_glimpses_in_one_place_are_covered_between():
    rows = [[row(100, 20)] if i == 5 else [row(157, 20)] if i == 15 else [] for i in range(40)]
    timeline = linked(rows, rate=10.0)
    assert len(timeline.tracks) == 2
    covered = {5, 15}.union(*(around(t, timeline, rate=10) for t in timeline.tracks))
    assert set(range(5, 16)) <= covered


def test_cuts_are_seen_and_pans_are_not():
    photo = read_photo(resource("samples", "crew.jpg")).pixels
    one, _ = camera(photo, 12, zoom=0.4, step=(9, 2))
    other, _ = camera(255 - photo, 12, zoom=0.4, start=(200, 60), step=(-9, 0))
    finder = CutFinder()
    assert [i for i, p in enumerate(one + other) if finder(p)] == [12]


def test_who_is_lost_is_looked_for_again_in_the_frames_that_follow():
    from deid_desktop.core.types import Face
    from deid_desktop.video.clip import Frame
    from deid_desktop.video.finding import _Look

    face = row(40, 40)
    seen = {3, 4, 7}  # nothing else shows it, save the key frame, which is the sixth

    def detect_near(pixels, box):
        number = int(pixels[0, 0, 0])
        return Face(0, box, face[4:14].reshape(5, 2), 0.8) if number in seen else None

    finder = Finder()
    finder._detector = SimpleNamespace(detect_near=detect_near)
    looks = [
        _Look(
            Frame(number, 1, np.full((90, 90, 3), number, np.uint8), broken=number == 1),
            number == 2,
            face[None] if number == 6 else np.zeros((0, 15), np.float32),
        )
        for number in range(9)
    ]
    finder._follow(looks)
    assert [number for number, one in enumerate(looks) if len(one.rows)] == [3, 4, 6, 7]
    seen.add(0)  # beyond a cut nobody is looked for
    finder._follow(looks)
    assert not len(looks[0].rows)


def test_the_last_frame_of_a_scene_is_seen_as_closely_as_a_key_frame():
    from deid_desktop.video.clip import Frame

    hidden = row(40, 40)  # the quick pass sees it in no frame

    class Watched(Finder):
        def __init__(self):
            pass

        def _rows(self, frame, *, thorough):
            return hidden[None] if thorough else np.zeros((0, 15), np.float32)

        def _follow(self, looks):
            pass

    levels = [20] * 6 + [230] * 5  # a cut after the sixth
    shown = [Frame(n, 1, np.full((36, 64, 3), level, np.uint8)) for n, level in enumerate(levels)]
    clip = SimpleNamespace(rate=Fraction(100))
    found = [rows for stretch in Watched().stretches(shown, clip) for rows in stretch.rows]
    assert [number for number, rows in enumerate(found) if len(rows)] == [0, 5, 6, 10]


def test_every_face_is_found_in_every_frame_of_a_moving_camera(tmp_path):
    photo = read_photo(resource("samples", "crew.jpg"))
    pictures, _ = camera(photo.pixels, 15, size=(480, 320), zoom=0.3, step=(-2, 1), sway=3)
    path = write_clip(tmp_path / "a.mp4", pictures)
    clip = read_clip(path)
    timeline = link(list(Finder().stretches(frames(path, clip), clip)), rate=25)
    whole = [t for t in timeline.tracks if (t.first, t.last) == (0, 14)]
    assert len(whole) >= 3
    assert all(t.seen(i) for t in whole for i in range(15))


def test_a_clip_without_faces_has_no_tracks(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving_bar(30))
    clip = read_clip(path)
    timeline = link(list(Finder().stretches(frames(path, clip), clip)), rate=25)
    assert (len(timeline.ticks), timeline.tracks) == (30, [])

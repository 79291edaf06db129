"""From a clip to a clip: every face accounted for in every frame, whatever happens on the way."""

import json

import numpy as np
import pytest

from deid_desktop.core.detect import Detector
from deid_desktop.core.export import ExportBlocked
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Cancelled, Method, Request, State
from deid_desktop.core.verify import THRESHOLD
from deid_desktop.resources import resource
from deid_desktop.video import VideoError
from deid_desktop.video.finding import Finder
from deid_desktop.video.job import Folder, Wish, redact_clip
from deid_desktop.video.people import Person
from deid_desktop.video.reading import frames, read_clip
from deid_desktop.video.record import Count, Tally
from deid_desktop.video.rendering import BEHIND, STAY, Renderer, _part
from deid_desktop.video.sound import Sound
from deid_desktop.video.tracks import Timeline, Track, around, link
from tests.video.clips import camera, moving_bar, write_clip
from tests.video.test_tracks import row

SURROGATE = Wish(Request(), Sound.DROP)


def pixels_of(path):
    clip = read_clip(path)
    return [frame.pixels for frame in frames(path, clip)]


@pytest.fixture(scope="module")
def done(pipeline, walking, tmp_path_factory):
    target = tmp_path_factory.mktemp("out") / "walking.mp4"
    return target, redact_clip(pipeline, walking, target, SURROGATE)


def test_one_person_has_one_surrogate_verified_wherever_they_are_seen(done):
    _, record = done
    (person,) = record["people"]
    assert len(person["tracks"]) in (1, 2)
    counted = [track["frames"] for track in person["tracks"]]
    assert sum(states.get("verified", 0) for states in counted) >= 24
    assert all(t["highest_similarity_to_original"] < THRESHOLD for t in person["tracks"])
    assert person["similarity_over_all_frames"] < THRESHOLD


def test_no_frame_of_the_result_shows_the_person(done, walking):
    target, _ = done
    before, after = pixels_of(walking), pixels_of(target)
    clip = read_clip(walking)
    timeline = link(list(Finder().stretches(frames(walking, clip), clip)), rate=25)
    recogniser = Recogniser()
    person = recogniser.embed_face(before[5], timeline.tracks[0].face(5).points)
    for track in timeline.tracks:
        for index in range(track.first, track.last + 1):
            if track.seen(index):
                points = track.face(index).points
                assert recogniser.embed_face(before[index], points) @ person > 0.5
                assert recogniser.embed_face(after[index], points) @ person < 0.45  # encoded


def test_frames_times_and_what_is_beside_the_face_stay(done, walking):
    target, record = done
    before, after = pixels_of(walking), pixels_of(target)
    assert len(before) == len(after) == record["frames"] == 40
    assert np.abs(before[3][:, :40].astype(int) - after[3][:, :40]).mean() < 3
    assert b"Name Surname" not in target.read_bytes()


def test_nothing_is_left_beside_the_result(done):
    target, _ = done
    assert [path.name for path in target.parent.iterdir()] == ["walking.mp4"]


def test_a_run_that_was_stopped_goes_on_and_ends_the_same(
    pipeline, walking, done, tmp_path, monkeypatch
):
    monkeypatch.setattr("deid_desktop.video.job.PART_SECONDS", 0.4)
    target, stages = tmp_path / "walking.mp4", []

    def stop_in(doing, share):
        def progress(now, finished, total):
            stages.append((now, finished))
            seen.append(now == doing and finished >= share)

        seen = []
        return progress, lambda: any(seen)

    for doing, share in (("find", 10), ("cast", 0), ("render", 12), ("render", 22)):
        progress, should_stop = stop_in(doing, share)
        with pytest.raises(Cancelled):
            redact_clip(
                pipeline, walking, target, SURROGATE, should_stop=should_stop, progress=progress
            )
        assert not target.exists()
        (folder,) = tmp_path.iterdir()
        kept = b"".join(p.read_bytes() for p in folder.iterdir() if p.suffix != ".mp4")
        assert b"embedding" not in kept and b"pixels" not in kept
    stages.clear()
    record = redact_clip(
        pipeline, walking, target, SURROGATE,
        progress=lambda now, finished, total: stages.append((now, finished)),
    )  # fmt: skip
    assert not any(now == "find" for now, _ in stages)
    assert min(finished for now, finished in stages if now == "render") > 15
    states = [t["frames"] for p in record["people"] for t in p["tracks"]]
    assert states == [t["frames"] for p in done[1]["people"] for t in p["tracks"]]
    whole, parts = pixels_of(done[0]), pixels_of(target)
    differences = [np.abs(a.astype(int) - b).mean() for a, b in zip(whole, parts, strict=True)]
    assert max(differences) < 4  # other key frames, the same picture


def test_a_seed_that_nobody_chose_stays_that_of_the_run_which_goes_on(tmp_path):
    def kept(seed, **options):
        return Folder(tmp_path / "f").keep_wish(Wish(Request(seed=seed), Sound.DROP, **options))

    assert kept(1, any_seed=True).request.seed == 1
    Folder(tmp_path / "f").keep_identities([])
    (tmp_path / "f" / "people").write_text("begun")
    assert kept(2, any_seed=True).request.seed == 1
    assert (tmp_path / "f" / "people").exists()
    assert kept(3).request.seed == 3
    assert not (tmp_path / "f" / "people").exists()


def test_a_line_cut_short_by_a_crash_is_done_again(pipeline, walking, tmp_path):
    target, calls = tmp_path / "walking.mp4", []

    def should_stop():
        calls.append(1)
        return len(calls) > 30

    with pytest.raises(Cancelled):
        redact_clip(pipeline, walking, target, SURROGATE, should_stop=should_stop)
    (folder,) = tmp_path.iterdir()
    with (folder / "found").open("a") as file:
        file.write('{"ticks": [1, 2')
    record = redact_clip(pipeline, walking, target, SURROGATE)
    assert record["frames"] == 40


@pytest.mark.parametrize("method", [Method.SOLID, Method.KEEP])
def test_other_methods_hold_for_every_frame(pipeline, walking, tmp_path, method):
    target = tmp_path / "walking.mp4"
    record = redact_clip(pipeline, walking, target, Wish(Request(method), Sound.DROP))
    after, before = pixels_of(target), pixels_of(walking)
    track = record["people"][0]["tracks"][0]
    if method is Method.KEEP:
        assert set(track["frames"]) == {"kept"}
        assert np.abs(after[5].astype(int) - before[5]).mean() < 3
    else:
        assert set(track["frames"]) == {"masked"}
        assert (np.abs(after[5].astype(int) - 24).max(2) < 12).sum() > 1500


def test_a_clip_without_faces_is_written_all_the_same(pipeline, tmp_path):
    source = write_clip(tmp_path / "a.mkv", moving_bar(12), codec="libvpx-vp9")
    record = redact_clip(pipeline, source, tmp_path / "b.mp4", SURROGATE)
    assert (record["people"], record["frames"]) == ([], 12)


def test_a_name_that_is_taken_is_refused_before_the_work(pipeline, walking, tmp_path):
    (tmp_path / "b.mp4").write_text("mine")
    with pytest.raises(VideoError, match="taken"):
        redact_clip(pipeline, walking, tmp_path / "b.mp4", SURROGATE)
    assert [p.name for p in tmp_path.iterdir()] == ["b.mp4"]


def test_a_damaged_stretch_is_named_and_grey(pipeline, walking, tmp_path):
    data = bytearray(walking.read_bytes())
    start = data.find(b"mdat")
    middle = start + (len(data) - start) // 3
    data[middle : middle + 300] = bytes(300)
    source = tmp_path / "a.mp4"
    source.write_bytes(data)
    record = redact_clip(pipeline, source, tmp_path / "b.mp4", SURROGATE)
    assert record["frames"] == 40
    assert record["damaged"]


def person_of(tracks, request=None, colour=(10, 200, 30)):
    nobody = np.zeros((0, 128), np.float32)
    ids = tuple(track.id for track in tracks)
    return Person(0, ids, request or Request(), colour, nobody, nobody, reason="No surrogate.")


def rendered(tracks, person, *, count=30, size=(60, 200)):
    from deid_desktop.video.clip import Frame

    timeline = Timeline(list(range(count)), [1] * count, [False] * count, [0] * count, tracks)
    renderer = Renderer(timeline, [person], rate=10)
    finished = []
    for index in range(count):
        frame = Frame(index, 1, np.full((*size, 3), 128, np.uint8))
        finished += renderer.feed(index, frame)
    finished += renderer.flush(count - 1)
    return timeline, finished


def test_a_face_without_a_surrogate_is_masked_before_during_and_after():
    track = Track(0, 10, np.stack([row(60 + 3 * i, 10) for i in range(6)]))
    timeline, finished = rendered([track], person_of([track]))
    assert [f.index for f in finished] == list(range(30))
    boxes = around(track, timeline, rate=10)
    for done in finished:
        index = done.index
        masked = 10 <= index <= 15 or index in boxes
        green = (np.abs(done.pixels.astype(int) - (10, 200, 30)).max(2) < 3).sum()
        assert (green > 1000) == masked
        assert [shown.state for shown in done.shown] == [State.MASKED] * masked
        if 10 <= index <= 15:  # the whole box lies in the oval, save for its corners
            x, y, w, h = (int(v) for v in track.rows[index - 10, :4])
            inside = done.pixels[y + h // 4 : y + 3 * h // 4, x + 2 : x + w - 2]
            assert (np.abs(inside.astype(int) - (10, 200, 30)).max() < 3).all()


def test_the_renderer_keeps_only_a_few_frames():
    track = Track(0, 0, np.stack([row(60, 10) for _ in range(90)]))
    from deid_desktop.video.clip import Frame

    timeline = Timeline(list(range(90)), [1] * 90, [False] * 90, [0] * 90, [track])
    renderer = Renderer(timeline, [person_of([track])], rate=10)
    for index in range(90):
        list(renderer.feed(index, Frame(index, 1, np.zeros((60, 200, 3), np.uint8))))
        assert len(renderer._frames) <= BEHIND + 1


def test_the_landmarks_of_a_face_that_was_just_found_do_not_creep():
    from deid_desktop.video.clip import Frame

    portrait = read_photo(resource("samples", "portrait.jpg")).pixels
    (picture, *_), _ = camera(portrait, 1, size=(320, 240), zoom=0.3, start=(-60, 0))
    face = max(Detector().detect(picture), key=lambda face: face.box[3])
    own = np.array([*face.box, *face.points.ravel(), face.score], np.float32)
    track = Track(0, 0, np.stack([own] * 6))
    timeline = Timeline(list(range(6)), [1] * 6, [False] * 6, [0] * 6, [track])
    renderer = Renderer(timeline, [person_of([track])], rate=25)
    (part,) = renderer._parts
    for index in range(6):
        renderer._frames[index] = Frame(index, 1, picture)
        renderer._place(part, index)
    off = np.abs(part.meshes[0] - part.meshes[5])[:, :2].mean()
    assert off < 0.0008 * np.ptp(part.meshes[5][:, 1])


def test_a_mask_stays_where_a_surrogate_would_only_flash_up():
    track = Track(0, 0, np.stack([row(60, 10) for _ in range(60)]))
    timeline = Timeline(list(range(60)), [1] * 60, [False] * 60, [0] * 60, [track])
    part = _part(track, person_of([track]), timeline, 10)
    bare = {20, 21, 20 + STAY, 50}
    part.worn = set(range(60)) - bare
    hidden = {index for index in range(60) if part.hidden(index, STAY)}
    assert hidden == {*range(20, 21 + STAY), 50}


def test_all_frames_together_may_not_give_a_person_away():
    tally = Tally({0: Count()}, {0: 0.5})
    tally.tracks[0].states[str(State.VERIFIED)] = 40
    track = Track(0, 0, np.zeros((40, 15), np.float32))
    with pytest.raises(ExportBlocked, match="person 1"):
        tally.check("a.mp4", [person_of([track])], THRESHOLD)
    again = Tally.read(json.loads(json.dumps(tally.written())))
    assert again == tally


def test_no_mask_goes_before_a_track_where_another_of_the_person_has_the_face():
    one = Track(0, 0, np.stack([row(60, 10) for _ in range(20)]))
    two = Track(1, 20, np.stack([row(60, 10) for _ in range(20)]))
    timeline = Timeline(list(range(50)), [1] * 50, [False] * 50, [0] * 50, [one, two])
    person = person_of([one, two])
    assert set(_part(one, person, timeline, 10).around) == set()
    assert set(_part(two, person, timeline, 10).around) == set(range(40, 45))
    stranger = person_of([one])
    assert set(_part(one, stranger, timeline, 10).around) == set(range(20, 25))

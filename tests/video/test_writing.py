"""What is written has the times, colours and sound of the source, and nothing else of it."""

from fractions import Fraction

import av
import numpy as np
import pytest

from deid_desktop.video import VideoError
from deid_desktop.video.checking import check_output
from deid_desktop.video.reading import frames, read_clip, sound_blocks
from deid_desktop.video.sound import Sound
from deid_desktop.video.voice import Change
from deid_desktop.video.writing import Part, PartWriter, join
from tests.video.clips import bar_of, moving_bar, write_clip


def beeps(seconds):
    """Return a buzz in the first half of each second, for ears and for correlation."""
    time = np.arange(round(seconds * 48000)) / 48000
    return 0.3 * np.sign(np.sin(2 * np.pi * 150 * time)) * (time % 1 < 0.5)


def copy(source, target, *, sound=Sound.KEEP, length=7, overwrite=False):
    """Take a clip through reading and writing, in parts of ``length`` frames."""
    clip = read_clip(source)
    shown = list(frames(source, clip))
    parts = []
    for start in range(0, len(shown), length):
        path = target.parent / f"part{start}.mp4"
        writer = PartWriter(path, clip)
        for frame in shown[start : start + length]:
            writer.write(frame.at, frame.deep if clip.deep else frame.pixels)
        writer.close()
        parts.append(Part(path, tuple(frame.at for frame in shown[start : start + length])))
    join(parts, clip, source, target, sound=sound, last=shown[-1].length, overwrite=overwrite)
    again = read_clip(target)
    return clip, shown, again, list(frames(target, again))


def test_frames_and_times_are_those_of_the_source(tmp_path):
    ticks = [0, 40, 47, 110, 111, 300, 333, 340, 400, 500]
    source = write_clip(tmp_path / "a.mkv", moving_bar(10), codec="libvpx-vp9", ticks=ticks)
    clip, shown, again, written = copy(source, tmp_path / "b.mp4")
    assert [f.at * again.tick for f in written] == [f.at * clip.tick for f in shown]
    assert [bar_of(frame.pixels) for frame in written] == list(range(10))


def test_rate_and_length_are_those_of_the_source(tmp_path):
    source = write_clip(tmp_path / "a.mp4", moving_bar(30), rate=30)
    clip, _, again, written = copy(source, tmp_path / "b.mp4")
    assert (again.rate, again.seconds, len(written)) == (clip.rate, clip.seconds, 30)


@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("full", [False, True])
def test_colours_come_back_as_they_were_and_keep_their_meaning(tmp_path, matrix, full):
    source = write_clip(
        tmp_path / "a.mp4", moving_bar(3), codec="libsvtav1", options={"crf": "10"},
        colorspace=matrix, color_range=2 if full else 1, color_primaries=1, color_trc=1,
    )  # fmt: skip
    clip, shown, again, written = copy(source, tmp_path / "b.mp4")
    assert again.colours == clip.colours
    assert (clip.colours.matrix, clip.colours.full) == (matrix, full)
    difference = shown[1].pixels.astype(int) - written[1].pixels
    assert np.abs(difference.mean((0, 1))).max() < 2


def test_ten_bits_stay_ten_bits_and_odd_sizes_odd(tmp_path):
    pictures = [picture[:-1, :-1] for picture in moving_bar(4)]
    source = write_clip(
        tmp_path / "a.mp4", pictures, codec="libsvtav1", pix_fmt="yuv420p10le",
        options={"preset": "12"},
    )  # fmt: skip
    _, _, again, written = copy(source, tmp_path / "b.mp4")
    assert again.deep
    assert written[0].pixels.shape == (63, 111, 3)


def test_no_metadata_of_the_source_is_left(tmp_path):
    said = {"title": "Name Surname", "location": "+48.1+11.5/", "comment": "from the archive"}
    source = write_clip(tmp_path / "a.mkv", moving_bar(9), codec="libvpx-vp9", metadata=said)
    assert b"Name Surname" in source.read_bytes()
    copy(source, tmp_path / "b.mp4")
    data = (tmp_path / "b.mp4").read_bytes()
    assert not any(text.encode() in data for text in said.values())
    assert b"Lav" not in data and b"SVT" not in data


@pytest.mark.parametrize("change", ["title", "sound", "tail", "gap"])
def test_a_result_that_holds_more_than_it_should_is_refused(tmp_path, change):
    source = write_clip(tmp_path / "a.mp4", moving_bar(9))
    clip, _, _, _ = copy(source, tmp_path / "b.mp4")
    bad = tmp_path / "c.mp4"
    with av.open(str(tmp_path / "b.mp4")) as good, av.open(str(bad), "w", format="mp4") as out:
        own = good.streams.video[0]
        stream = out.add_stream_from_template(own, opaque=True)
        if change == "title":
            out.metadata["title"] = "Name"
        if change == "sound":
            out.add_stream("libopus", rate=48000)
        for packet in good.demux(own):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = (tmp_path / "b.mp4").read_bytes()
    if change == "tail":
        bad.write_bytes(data + b"\0\0\0\x10uuidleft")
    if change == "gap":
        bad.write_bytes(data + b"\0\0\0\x10free\0secret\0")
    with pytest.raises(VideoError, match="the finished clip holds"):
        check_output(bad, clip, frames=9, sound=False)


def test_a_missing_frame_is_noticed(tmp_path):
    source = write_clip(tmp_path / "a.mp4", moving_bar(9))
    clip, _, _, _ = copy(source, tmp_path / "b.mp4")
    with pytest.raises(VideoError, match="9 frames instead of 10"):
        check_output(tmp_path / "b.mp4", clip, frames=10, sound=False)


def test_a_name_that_is_taken_is_left_alone(tmp_path):
    source = write_clip(tmp_path / "a.mp4", moving_bar(9))
    (tmp_path / "b.mp4").write_text("mine")
    with pytest.raises(VideoError, match="taken"):
        copy(source, tmp_path / "b.mp4")
    assert (tmp_path / "b.mp4").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def loudness(path):
    clip = read_clip(path)
    samples = np.concatenate(list(sound_blocks(path, clip, [0])), axis=1)[0]
    return np.abs(samples[: len(samples) // 240 * 240]).reshape(-1, 240).mean(1)


@pytest.mark.parametrize(
    ("sound", "semitones"), [(Sound.KEEP, 0), (Sound.ALTER, 3.5), (Sound.ALTER, -5)]
)
def test_sound_stays_in_time_with_the_picture(tmp_path, monkeypatch, sound, semitones):
    change = Change(2 ** (semitones / 12), 1.15)
    monkeypatch.setattr("deid_desktop.video.writing.draw_change", lambda: change)
    source = write_clip(tmp_path / "a.mp4", moving_bar(75), sound=beeps(3))
    copy(source, tmp_path / "b.mp4", sound=sound)
    before, after = loudness(source), loudness(tmp_path / "b.mp4")
    length = min(len(before), len(after)) - 20
    fits = [
        np.corrcoef(before[10:length], after[10 + shift : length + shift])[0, 1]
        for shift in range(-10, 11)
    ]
    assert abs(int(np.argmax(fits)) - 10) * 5 <= 20  # milliseconds
    assert max(fits) > 0.95
    assert abs(len(before) - len(after)) * 5 <= 25


def test_an_altered_voice_has_another_pitch_and_a_dropped_one_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr("deid_desktop.video.writing.draw_change", lambda: Change(0.8, 0.87))
    source = write_clip(tmp_path / "a.mp4", moving_bar(25), sound=beeps(1))
    copy(source, tmp_path / "b.mp4", sound=Sound.ALTER)
    samples = np.concatenate(
        list(sound_blocks(tmp_path / "b.mp4", read_clip(tmp_path / "b.mp4"), [0])), axis=1
    )
    part = samples[0, 4800:14400]
    echo = np.correlate(part, part, "full")[len(part) - 1 :]
    pitch = 48000 / (200 + np.argmax(echo[200:600]))
    assert 117 < pitch < 123  # of 150 Hz
    copy(source, tmp_path / "b.mp4", sound=Sound.DROP, overwrite=True)
    assert not read_clip(tmp_path / "b.mp4").sound


def test_a_clip_whose_sound_begins_late_keeps_the_silence(tmp_path):
    sound = beeps(3)
    source = write_clip(tmp_path / "a.mkv", moving_bar(75), codec="libvpx-vp9", sound=sound)
    late = tmp_path / "late.mkv"
    with av.open(str(source)) as old, av.open(str(late), "w") as new:
        streams = {s.index: new.add_stream_from_template(s, opaque=True) for s in old.streams}
        for packet in old.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                packet.pts += round(Fraction(4, 5) / packet.time_base)
                packet.dts = packet.pts
            packet.stream = streams[packet.stream.index]
            new.mux(packet)
    copy(late, tmp_path / "b.mp4")
    first = int(np.argmax(loudness(tmp_path / "b.mp4") > 0.1)) * 5
    assert abs(first - 800) <= 20

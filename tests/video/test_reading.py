"""Whatever a file holds, its frames come out upright and complete, or a sentence says why not."""

import struct
from fractions import Fraction

import numpy as np
import pytest

from deid_desktop.core.imaging import ImageError
from deid_desktop.video import VideoError
from deid_desktop.video.colours import upright
from deid_desktop.video.reading import frames, read_clip
from tests.video.clips import bar_of, moving_bar, write_clip


def read(path):
    clip = read_clip(path)
    return clip, list(frames(path, clip))


def test_every_frame_comes_in_order_with_its_time(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving_bar(30))
    clip, shown = read(path)
    assert (clip.width, clip.height, clip.rate) == (112, 64, 25)
    assert [bar_of(frame.pixels) for frame in shown] == list(range(30))
    assert [frame.at * clip.tick for frame in shown] == [Fraction(n, 25) for n in range(30)]
    assert not any(frame.broken for frame in shown)


def test_a_variable_rate_keeps_its_time_stamps(tmp_path):
    ticks = [0, 40, 47, 110, 111, 300, 333, 340]
    path = write_clip(tmp_path / "a.mkv", moving_bar(8), codec="libvpx-vp9", ticks=ticks)
    clip, shown = read(path)
    assert [float(frame.at * clip.tick) for frame in shown] == [t / 1000 for t in ticks]


def test_reading_from_the_middle_gives_the_same_frames(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving_bar(40), gop_size=7)
    clip, shown = read(path)
    again = list(frames(path, clip, since=shown[17].at))
    assert [frame.at for frame in again] == [frame.at for frame in shown[17:]]
    assert np.array_equal(again[0].pixels, shown[17].pixels)


def test_odd_sizes_are_kept(tmp_path):
    pictures = [picture[:-1, :-1] for picture in moving_bar(5)]
    path = write_clip(tmp_path / "a.mkv", pictures, codec="libvpx-vp9")
    clip, shown = read(path)
    assert (clip.width, clip.height) == (111, 63)
    assert shown[0].pixels.shape == (63, 111, 3)


def test_ten_bits_are_read_deep(tmp_path):
    path = write_clip(
        tmp_path / "a.mp4", moving_bar(4), codec="libsvtav1", pix_fmt="yuv420p10le",
        options={"preset": "12"},
    )  # fmt: skip
    clip, shown = read(path)
    assert clip.deep
    assert shown[0].deep is not None and shown[0].deep.dtype == np.uint16
    assert abs(int(shown[0].deep[5, 60, 0]) // 257 - int(shown[0].pixels[5, 60, 0])) <= 1


@pytest.mark.parametrize(
    ("turn", "top_left"),
    [
        ((1, 0, 0, 1), "a"),
        ((-1, 0, 0, -1), "d"),  # half a turn
        ((0, 1, -1, 0), "c"),  # a quarter turn clockwise
        ((0, -1, 1, 0), "b"),
        ((-1, 0, 0, 1), "b"),  # mirrored
    ],
)
def test_a_display_matrix_turns_the_picture(turn, top_left):
    corners = np.array([["a", "b"], ["c", "d"]])
    stored = np.repeat(corners[..., None], 3, 2).repeat(2, 0).repeat(3, 1)
    shown = upright(stored, turn)
    assert shown.shape[:2] == ((4, 6) if turn[0] else (6, 4))
    assert shown[0, 0, 0] == top_left


def test_a_turned_phone_gives_an_upright_picture(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving_bar(3))
    data = path.read_bytes()
    before = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    after = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 64 << 16, 0, 1 << 30)
    place = data.find(before, data.find(b"tkhd"))
    path.write_bytes(data[:place] + after + data[place + 36 :])
    clip, shown = read(path)
    assert (clip.width, clip.height) == (64, 112)
    assert bar_of(shown[2].pixels.swapaxes(0, 1)) == 2


def test_a_damaged_stretch_keeps_its_place(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving_bar(40), gop_size=5)
    whole = read(path)[1]
    data = bytearray(path.read_bytes())
    start = data.find(b"mdat")
    middle = start + (len(data) - start) // 3
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    shown = read(path)[1]
    assert [frame.at for frame in shown] == [frame.at for frame in whole]
    assert any(frame.broken for frame in shown)
    assert bar_of(shown[-1].pixels) == 39


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
@pytest.mark.parametrize("share", [0.2, 0.35])
def test_what_builds_on_a_damaged_frame_is_broken_until_the_next_key_frame(tmp_path, codec, share):
    """Decoders guess what they could not read, and say so in their log alone."""
    chance = np.random.default_rng(0)
    wall = chance.integers(0, 255, (120, 160, 3)).astype(np.uint8)
    pictures = [np.roll(wall, 2 * number, axis=1) for number in range(60)]
    path = write_clip(tmp_path / "a.mp4", pictures, codec=codec, gop_size=20)
    whole = read(path)[1]
    data = bytearray(path.read_bytes())
    start, end = data.find(b"mdat"), data.find(b"moov")
    middle = start + round((end - start) * share)
    data[middle : middle + 90] = chance.bytes(90)
    path.write_bytes(data)
    shown = read(path)[1]
    assert [frame.at for frame in shown] == [frame.at for frame in whole]
    broken = [index for index, frame in enumerate(shown) if frame.broken]
    assert broken and len(broken) <= 24
    assert broken[-1] < 40 and not shown[-1].broken
    for one, other in zip(shown, whole, strict=True):
        assert one.broken or np.array_equal(one.pixels, other.pixels)


def test_a_clip_cut_short_gives_what_is_there(tmp_path):
    path = write_clip(tmp_path / "a.mkv", moving_bar(50), codec="libvpx-vp9")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    shown = read(path)[1]
    assert 0 < len(shown) < 50
    assert bar_of(shown[3].pixels) == 3


def test_a_codec_that_nobody_here_knows_is_named_as_the_reason(tmp_path):
    path = write_clip(tmp_path / "a.mkv", moving_bar(3), codec="libvpx-vp9")
    path.write_bytes(path.read_bytes().replace(b"V_VP9", b"V_ZZ9"))
    with pytest.raises(VideoError, match=r"a\.mkv: its codec is not known here; "):
        read_clip(path)


@pytest.mark.parametrize("kind", ["text", "cut", "sound", "no frames", "empty", "missing"])
def test_what_is_no_video_is_refused_in_one_sentence(tmp_path, kind):
    path = tmp_path / "a.mp4"
    if kind == "text":
        path.write_text("no video")
    elif kind == "cut":  # the index is at the end of such a file
        whole = write_clip(tmp_path / "b.mp4", moving_bar(20)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "sound":
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=48000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate = 48000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    elif kind == "no frames":
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            container.start_encoding()
    elif kind == "empty":
        path.touch()
    with pytest.raises((VideoError, ImageError), match=r"a\.mp4: .*; "):
        read_clip(path)

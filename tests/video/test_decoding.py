"""Clips are decoded elsewhere: a decoder that breaks costs one clip and no more."""

import os
import signal
import sys

import pytest

from deid_desktop.core import cell
from deid_desktop.video import VideoError, decoding, reading
from deid_desktop.video.reading import Decoder, frames, read_clip, sound_blocks
from tests.video.clips import moving_bar, write_clip
from tests.video.test_writing import beeps


@pytest.fixture
def clip_file(tmp_path):
    return write_clip(tmp_path / "a.mp4", moving_bar(12), sound=beeps(0.5))


@pytest.fixture(autouse=True)
def fresh():
    """Leave no process to the next test that this one has changed."""
    yield
    while reading._idle:
        reading._idle.pop().close()


def test_one_process_serves_many_wishes_and_is_left_early_without_harm(clip_file):
    clip = read_clip(clip_file)
    (decoder,) = reading._idle
    first = next(frames(clip_file, clip))
    second = next(frames(clip_file, clip, since=3 * first.length))
    assert (first.at, second.at) == (0, 3 * first.length)
    assert next(sound_blocks(clip_file, clip, [0])).shape[0] == 2
    assert len(list(frames(clip_file, clip))) == 12
    assert reading._idle == [decoder]


def test_two_clips_at_once_have_two_processes(clip_file):
    clip = read_clip(clip_file)
    pairs = list(zip(frames(clip_file, clip), frames(clip_file, clip), strict=True))
    assert all(one.at == other.at for one, other in pairs)
    assert len(pairs) == 12


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")
def test_the_process_is_confined_as_that_for_photos_is():
    decoder = Decoder()
    means = decoder.confined_by()
    decoder.close()
    assert means == cell_means()


def cell_means():
    from deid_desktop.core.sandbox import Limits, Reader

    reader = Reader(Limits())
    means = reader.confined_by()
    reader.close()
    return means


def test_a_decoder_that_dies_midway_costs_one_clip(clip_file):
    clip = read_clip(clip_file)
    flow = frames(clip_file, clip)
    next(flow)
    reading._idle.clear()
    decoder = next(d for d in _decoders(flow))
    os.kill(decoder._process.pid, signal.SIGSEGV)
    with pytest.raises(VideoError, match=r"a\.mp4: the decoder broke down on this file"):
        list(flow)
    assert len(list(frames(clip_file, clip))) == 12  # by another process


def _decoders(flow):
    """Return the process behind a flow of frames."""
    yield flow.gi_frame.f_locals["decoder"]


def hang(connection, megabytes):
    """Stand for ``serve_confined``: answer nothing."""
    connection.send_bytes(cell.READY)
    while True:
        connection.recv_bytes()


def lie(connection, megabytes):
    """Stand for ``serve_confined``: announce a picture that cannot be."""
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    cell.send_head(connection, width=10**9, height=10**9)
    connection.recv_bytes()


@pytest.mark.parametrize(
    ("fault", "reason"), [(hang, "took longer than the 1 sec"), (lie, "broke down")]
)
def test_what_answers_nothing_or_nonsense_is_ended(monkeypatch, clip_file, fault, reason):
    while reading._idle:
        reading._idle.pop().close()
    monkeypatch.setattr(decoding, "serve_confined", fault)
    monkeypatch.setattr(Decoder, "__init__", impatient(Decoder.__init__))
    with pytest.raises(VideoError, match=reason):
        read_clip(clip_file)
    assert not reading._idle


def impatient(begin):
    def init(self):
        begin(self)
        self.seconds = 1.0

    return init

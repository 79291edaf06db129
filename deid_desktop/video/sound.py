"""Sound of a clip: decoded, altered if asked, encoded anew as Opus, in time with the picture.

Never copied as it is: packets and headers of a sound stream may hold names and comments too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from deid_desktop.core.types import Array
from deid_desktop.video.clip import Clip
from deid_desktop.video.reading import open_container
from deid_desktop.video.voice import RATE, Change, Voice

_DRIFT = 0.04
"""Seconds that sound may run ahead or behind before silence is put in or samples are left out."""
_BLOCK = 960
"""Samples of an Opus packet: 20 ms."""
_LONGEST_GAP = 3600.0
"""Seconds; a longer gap in the time stamps is a fault of theirs."""


class Sound(StrEnum):
    """What becomes of a clip's sound."""

    KEEP = "keep"
    DROP = "drop"
    ALTER = "alter"


@dataclass
class Tally:
    """What happened to the sound: ``damaged`` packets were replaced by silence."""

    damaged: int = 0
    samples: int = 0


def sound_blocks(path: Path, clip: Clip, tally: Tally) -> Iterator[Array]:
    """Yield the clip's first sound stream as stereo (2, n) float32 at 48 kHz, without gaps.

    The first sample belongs to the clip's start; silence stands for what is missing.

    Raises:
        VideoError: the file is gone.
    """
    with open_container(path) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        zero = clip.start * clip.tick
        for frame in _decoded(container, stream, tally):
            time = None if frame.pts is None else frame.pts * Fraction(frame.time_base or 0) - zero
            for part in resampler.resample(frame):
                samples = np.asarray(part.to_ndarray(), np.float32)
                if time is not None:
                    samples = yield from _in_time(samples, float(time), tally)
                    time = None
                tally.samples += samples.shape[1]
                yield samples
        for part in resampler.resample(None):
            tally.samples += part.samples
            yield np.asarray(part.to_ndarray(), np.float32)


def _in_time(samples: Array, time: float, tally: Tally) -> Generator[Array, None, Array]:
    """Yield the silence before ``samples``; return them without what comes too early."""
    late = time - tally.samples / RATE
    if _DRIFT < late < _LONGEST_GAP or (tally.samples == 0 and 0 < late < _LONGEST_GAP):
        left = round(late * RATE)
        tally.samples += left
        while left:
            yield np.zeros((2, min(left, RATE)), np.float32)
            left -= min(left, RATE)
    elif late < -_DRIFT:
        samples = samples[:, round(-late * RATE) :]
    return samples


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream, tally: Tally
) -> Iterator[av.AudioFrame]:
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                tally.damaged += 1


def altered(blocks: Iterator[Array], change: Change) -> Iterator[Array]:
    """Yield blocks (2, n) with the voice changed; both channels become one."""
    voice = Voice(change)
    for block in blocks:
        yield np.tile(voice.feed(block.mean(0)), (2, 1))
    yield np.tile(voice.finish(), (2, 1))


def encoded(blocks: Iterator[Array], stream: av.AudioStream) -> Iterator[av.Packet[av.AudioStream]]:
    """Yield Opus packets of the blocks."""
    done = 0
    waiting = np.zeros((2, 0), np.float32)
    for block in blocks:
        waiting = np.concatenate([waiting, block], axis=1)
        while waiting.shape[1] >= _BLOCK:
            yield from stream.encode(_frame(waiting[:, :_BLOCK], done))
            waiting, done = waiting[:, _BLOCK:], done + _BLOCK
    if waiting.shape[1]:
        yield from stream.encode(_frame(waiting, done))
    yield from stream.encode(None)


def _frame(samples: Array, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame

"""Sound of a clip: altered if asked, encoded anew as Opus, in time with the picture.

Never copied as it is: packets and headers of a sound stream may hold names and comments too.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction

import av
import numpy as np

from deid_desktop.core.types import Array
from deid_desktop.video.voice import RATE, Change, Voice

_BLOCK = 960
"""Samples of an Opus packet: 20 ms."""


class Sound(StrEnum):
    """What becomes of a clip's sound."""

    KEEP = "keep"
    DROP = "drop"
    ALTER = "alter"


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

"""Writes clips: parts of finished frames first, then one file of all parts and the sound.

Only AV1 (SVT-AV1, BSD) and Opus (BSD) are ever written, see ``docs/decisions/0030-video.md``. A
part is a file of its own that begins with a key frame, so that a run that was killed goes on after
the last whole part.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
from numpy.typing import NDArray

from deid_desktop.core.files import new_file, publish, sweep
from deid_desktop.video import VideoError
from deid_desktop.video.checking import check_output
from deid_desktop.video.clip import Clip
from deid_desktop.video.colours import to_yuv
from deid_desktop.video.reading import sound_blocks
from deid_desktop.video.sound import Sound, altered, encoded
from deid_desktop.video.voice import RATE, draw_change

_ENCODER = "libsvtav1"
_OPTIONS = {"preset": "9", "crf": "24", "svtav1-params": "lp=2"}
_SOUND_BITS = 128_000
_MUXER = {"fflags": "+bitexact", "movflags": "+faststart"}
"""Bit-exact: no name of the writing program, no time of day."""


class PartWriter:
    """Encodes frames into one part, a file beside its final name until `close`."""

    def __init__(self, path: Path, clip: Clip) -> None:
        os.environ.setdefault("SVT_LOG", "1")  # errors only
        self._path, self._clip = path, clip
        self._partial = path.with_suffix(".partial")
        self._container = av.open(str(self._partial), "w", format="mp4", options=_MUXER)
        self._stream = cast(
            av.VideoStream,
            self._container.add_stream(_ENCODER, rate=_near(clip.rate), options=dict(_OPTIONS)),
        )
        own, context = self._stream, self._stream.codec_context
        own.width, own.height = clip.width, clip.height
        own.pix_fmt = "yuv420p10le" if clip.deep else "yuv420p"
        own.time_base = context.time_base = clip.tick
        context.sample_aspect_ratio = clip.aspect
        context.color_range = 2 if clip.colours.full else 1
        context.colorspace = clip.colours.matrix
        context.color_primaries = clip.colours.primaries
        context.color_trc = clip.colours.transfer
        self._first: int | None = None

    def write(self, at: int, pixels: NDArray[Any]) -> None:
        """Add the picture (h, w, 3), 8 or, for a deep clip, 16 bit, that is shown at tick ``at``.

        Raises:
            VideoError: the disk refuses.
        """
        if self._first is None:
            self._first = at
        frame = to_yuv(pixels, self._clip)
        frame.pts, frame.time_base = at - self._first, self._clip.tick
        self._mux(frame)

    def close(self) -> None:
        """Finish the part and give it its name.

        Raises:
            VideoError: the disk refuses.
        """
        self._mux(None)
        self._container.close()
        self._partial.replace(self._path)

    def discard(self) -> None:
        """Leave nothing of an unfinished part."""
        self._container.close()
        self._partial.unlink(missing_ok=True)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise VideoError(
                f"{self._clip.name}: the result cannot be written ({error.strerror}); "
                "check the space on the disk"
            ) from error


def _near(rate: Fraction) -> Fraction:
    """Return a rate that fits the encoder's 32 bits; it guides quality, not time."""
    return min(max(rate, Fraction(1)), Fraction(240)).limit_denominator(1001)


@dataclass(frozen=True)
class Part:
    """A finished part and the ticks of its frames."""

    path: Path
    ticks: tuple[int, ...]


def join(
    parts: Sequence[Part],
    clip: Clip,
    source: Path,
    target: Path,
    *,
    sound: Sound,
    last: int,
    overwrite: bool,
    progress: Callable[[float], None] = lambda share: None,
) -> int:
    """Make one clip of all parts and the sound, check it, and give it its name.

    Returns how many packets of the sound were damaged.

    Args:
        parts: in order.
        clip: what was read.
        source: file whose sound is taken.
        target: to write.
        sound: what becomes of it.
        last: ticks that the last frame is shown.
        overwrite: whether ``target`` may be replaced.
        progress: called with the share done, 0…1.

    Raises:
        VideoError: the disk refuses, the name is taken, or the result holds what it must not.
    """
    if overwrite and target.exists() and target.samefile(source):
        raise VideoError(f"{target.name}: this is the original; choose another folder")
    sweep(target.parent)
    damaged = [0]
    try:
        with new_file(target.parent) as temporary:
            _mux_all(temporary, parts, clip, source, sound, last, damaged, progress)
            check_output(
                temporary, clip, frames=sum(len(part.ticks) for part in parts),
                sound=clip.sound and sound is not Sound.DROP,
            )  # fmt: skip
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            publish(temporary, target, overwrite=overwrite)
    except FileExistsError as error:
        raise VideoError(
            f"{target.name}: this name is taken; choose another folder or allow overwriting"
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(
            f"{target.name}: the result cannot be written ({error.strerror}); "
            "check the space on the disk"
        ) from error
    return damaged[0]


def _mux_all(
    temporary: Path,
    parts: Sequence[Part],
    clip: Clip,
    source: Path,
    sound: Sound,
    last: int,
    damaged: list[int],
    progress: Callable[[float], None],
) -> None:
    with av.open(str(temporary), "w", format="mp4", options=_MUXER) as container:
        with av.open(str(parts[0].path)) as first:
            picture = container.add_stream_from_template(first.streams.video[0], opaque=True)
        picture.time_base = clip.tick
        flows = [_video_packets(parts, clip, picture, last)]
        if clip.sound and sound is not Sound.DROP:
            voice = container.add_stream("libopus", rate=RATE, layout="stereo")
            voice.bit_rate = _SOUND_BITS
            blocks = sound_blocks(source, clip, damaged)
            if sound is Sound.ALTER:
                blocks = altered(blocks, draw_change())
            flows.append(_timed(encoded(blocks, voice)))
        end = (parts[-1].ticks[-1] - clip.start) * clip.tick or Fraction(1)
        for time, _, packet in heapq.merge(*flows, key=lambda item: item[:2]):
            container.mux_one(packet)
            progress(min(1.0, float(time / end)))


def _timed(packets: Iterator[av.Packet[Any]]) -> Iterator[tuple[Fraction, int, av.Packet[Any]]]:
    for packet in packets:
        yield (packet.pts or 0) * Fraction(packet.time_base), 1, packet


def _video_packets(
    parts: Sequence[Part], clip: Clip, stream: av.VideoStream, last: int
) -> Iterator[tuple[Fraction, int, av.Packet[Any]]]:
    """Yield the packets of all parts, each at the tick its frame had in the original."""
    ticks = [tick for part in parts for tick in part.ticks]
    lengths = iter([*(after - before for before, after in pairwise(ticks)), max(1, last)])
    for part in parts:
        with av.open(str(part.path)) as container:
            own = container.streams.video[0]
            # A key frame more or less would shift all that follows, so the ticks come from the
            # plan and the packets only have to be as many.
            packets = (packet for packet in container.demux(own) if packet.size)
            for tick, packet in zip(part.ticks, packets, strict=True):
                packet.stream = stream
                packet.time_base = clip.tick
                packet.pts = packet.dts = tick - clip.start
                packet.duration = next(lengths)
                yield (tick - clip.start) * clip.tick, 0, packet

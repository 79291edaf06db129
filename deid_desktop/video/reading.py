"""Reads clips: whatever file comes in, upright frames come out, or one sentence why not.

No frame is skipped. What the file promises and the decoder cannot give becomes a grey frame that
says it is ``broken``; so a damaged stretch keeps its place in time.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from deid_desktop.core.imaging import open_file
from deid_desktop.video import VideoError, require
from deid_desktop.video.clip import Clip, Frame
from deid_desktop.video.colours import aspect_of, colours_of, to_rgb, turn_of

_GREY = 96
_LOOK = 400
"""Packets that are decoded at most to find the first picture of a clip."""
MEGAPIXELS = 40.0
"""Largest frame that is read, above the 33 megapixels of 8K."""
_GUARD = {"protocol_whitelist": "file"}
"""Playlists and the like may not fetch anything."""


def open_container(path: Path) -> InputContainer:
    """Open a clip.

    Raises:
        VideoError: it is missing, empty, no video or damaged.
    """
    require(path.name)
    open_file(path).close()
    try:
        return av.open(str(path.absolute()), options=_GUARD, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(
            f"{path.name}: this is no video that can be read, or its end is missing; "
            "get the file again from where it came"
        ) from error


def read_clip(path: Path) -> Clip:
    """Read what a file says of its picture, from its first frame.

    Raises:
        VideoError: as `open_container`, or it has no picture that can be decoded.
    """
    with open_container(path) as container:
        stream = _picture(container, path.name)
        with contextlib.suppress(av.error.FFmpegError):
            for number, packet in enumerate(container.demux(stream)):
                with contextlib.suppress(av.error.InvalidDataError):
                    for frame in packet.decode():
                        return _clip(path.name, container, stream, frame)
                if number > _LOOK:
                    break
    raise VideoError(
        f"{path.name}: the video holds no picture that can be decoded; "
        "get the file again from where it came"
    )


def _picture(container: InputContainer, name: str) -> av.VideoStream:
    """Return the first stream that is a video, not a cover picture."""
    for stream in container.streams.video:
        if not int(stream.disposition) & 0x0400:  # an attached picture
            if stream.codec_context is None:
                raise VideoError(f"{name}: its codec is not known here; convert it to H.264 first")
            stream.thread_type = "SLICE"  # frames in threads would blur which one is damaged
            return stream
    raise VideoError(f"{name}: the file holds no video, only sound or data; choose another file")


def _clip(
    name: str, container: InputContainer, stream: av.VideoStream, frame: av.VideoFrame
) -> Clip:
    if frame.width * frame.height > MEGAPIXELS * 1e6:
        raise VideoError(
            f"{name}: its frames have more than the {MEGAPIXELS:g} megapixels that are read; "
            "make a smaller copy of it"
        )
    turn = turn_of(frame)
    width, height = (frame.width, frame.height)[:: 1 if turn[0] else -1]
    tick = stream.time_base or Fraction(1, 1000)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    start = container.start_time or 0
    return Clip(
        name=name,
        width=width,
        height=height,
        tick=Fraction(tick),
        rate=Fraction(rate) or Fraction(25),
        seconds=float(stream.duration * tick)
        if stream.duration
        else (container.duration or 0) / av.time_base,
        start=round(Fraction(start, av.time_base) / tick),
        colours=colours_of(frame),
        aspect=aspect_of(stream, turn),
        deep=any(part.bits > 8 for part in frame.format.components),
        turn=turn,
        sound=bool(container.streams.audio),
    )


def frames(
    path: Path, clip: Clip, *, since: int | None = None, deep: bool = True
) -> Iterator[Frame]:
    """Yield the frames of a clip in the order they are shown, bounded in memory.

    Args:
        path: of the file.
        clip: what `read_clip` said of it.
        since: tick of the first frame wanted; the file is sought to it.
        deep: also give 16 bits where the clip has more than 8.

    Raises:
        VideoError: the file is gone, or is another by now.
    """
    with open_container(path) as container:
        stream = _picture(container, clip.name)
        if since is not None:
            with contextlib.suppress(av.error.FFmpegError):  # then it is read from its start
                container.seek(since, stream=stream, backward=True)
        for frame in _in_order(container, stream, clip, deep=deep):
            if since is None or frame.at >= since:
                yield frame


def _in_order(
    container: InputContainer, stream: av.VideoStream, clip: Clip, *, deep: bool
) -> Iterator[Frame]:
    """Yield decoded frames, and a broken one for every promised frame that does not come."""
    promised: list[int] = []
    usual = max(1, round(1 / (clip.rate * clip.tick)))
    last: int | None = None

    def missing(before: int | None) -> Iterator[Frame]:
        nonlocal last
        while promised and (before is None or promised[0] < before):
            at = heapq.heappop(promised)
            if last is None or at > last:
                last = at
                yield _broken(clip, at)

    for packet in _packets(container, stream):
        if packet.pts is not None and not packet.is_discard and packet.size:
            heapq.heappush(promised, packet.pts)
        try:
            decoded = packet.decode()
        except av.error.FFmpegError:
            continue  # its tick stays promised
        for picture in decoded:
            at = picture.pts
            if at is None:
                at = usual + last if last is not None else clip.start
            yield from missing(at)
            if promised and promised[0] == at:
                heapq.heappop(promised)
            if last is not None and at <= last:
                at = last + 1
            last = at
            if picture.is_corrupt:
                yield _broken(clip, at, picture.duration or 0)
            else:
                yield _frame(picture, clip, at, deep=deep and clip.deep)
    yield from missing(None)


def _packets(
    container: InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet[av.VideoStream]]:
    """Yield packets until the end, or until the file is too damaged to go on."""
    with contextlib.suppress(av.error.FFmpegError):
        yield from container.demux(stream)


def _frame(picture: av.VideoFrame, clip: Clip, at: int, *, deep: bool) -> Frame:
    pixels = to_rgb(picture, clip)
    if pixels.shape[:2] != (clip.height, clip.width):  # a clip that changes its size midway
        width, height = (clip.width, clip.height)[:: 1 if clip.turn[0] else -1]
        picture = picture.reformat(width, height)
        pixels = to_rgb(picture, clip)
    full = to_rgb(picture, clip, deep=True) if deep else None
    return Frame(at, int(picture.duration or 0), pixels, full)


def _broken(clip: Clip, at: int, length: int = 0) -> Frame:
    pixels = np.full((clip.height, clip.width, 3), _GREY, np.uint8)
    deep = pixels.astype(np.uint16) * 257 if clip.deep else None
    return Frame(at, length, pixels, deep, broken=True)

"""Decodes clips, in a process of its own: whatever file comes in, upright frames and sound go out.

No frame is skipped. What the file promises and the decoder cannot give becomes a broken frame; so a
damaged stretch keeps its place in time. Frames that build on a damaged one are broken, too: what a
decoder guesses of them may show a face where nobody would look for it. The other end is
``reading``.
"""

from __future__ import annotations

import contextlib
import heapq
import io
from collections.abc import Iterator
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from deid_desktop.core.cell import received_head, send_array, send_head, serve
from deid_desktop.core.types import Array
from deid_desktop.video import VideoError
from deid_desktop.video.clip import MEGAPIXELS, Clip
from deid_desktop.video.colours import aspect_of, colours_of, to_rgb, turn_of
from deid_desktop.video.voice import RATE

_LOOK = 400
"""Packets that are decoded at most to find the first picture of a clip."""
_GUARD = {"protocol_whitelist": "file"}
"""Playlists and the like may not fetch anything."""
_LONG_AGO = 1 << 62
_DRIFT = 0.04
"""Seconds that sound may run ahead or behind before silence is put in or samples are left out."""
_LONGEST_GAP = 3600.0
"""Seconds; a longer gap in the time stamps is a fault of theirs."""

_HARMLESS = ("SEI", "mmco", "co located")
"""Beginnings of what decoders call errors though the picture is none the worse."""

_Answer = Iterator[tuple[dict[str, Any], list[NDArray[Any]]]]
"""What is said, piece by piece, each with its arrays."""


def serve_confined(connection: Connection, megabytes: float) -> None:
    """Answer for one clip after another, cut off from files and network."""
    serve(connection, megabytes, warm_up=_warm_up, answer=_answer, confine=True)


def serve_open(connection: Connection, megabytes: float) -> None:
    """Do the same without being cut off."""
    serve(connection, megabytes, warm_up=_warm_up, answer=_answer, confine=False)


def _answer(connection: Connection, wish: dict[str, Any], file: BinaryIO) -> None:
    """Say one piece for each that is asked for, until there is none or none is wanted."""
    name = Path(wish["path"]).name
    try:
        for head, arrays in _ANSWERS[wish["wish"]](file, name, wish):
            if not received_head(connection)["more"]:
                break
            send_head(connection, **head)
            for array in arrays:
                send_array(connection, array)
        send_head(connection, end=True)
    except VideoError as error:
        send_head(connection, error=str(error))


def _clip_answer(file: BinaryIO, name: str, wish: dict[str, Any]) -> _Answer:
    yield read(file, name).written(), []


def _frames_answer(file: BinaryIO, name: str, wish: dict[str, Any]) -> _Answer:
    clip = Clip.read(wish["clip"], name)
    for at, length, picture in frames(file, clip, since=wish["since"]):
        head = {"at": at, "length": length, "broken": picture is None}
        yield head, [] if picture is None else _pictures(picture, clip, deep=wish["deep"])


def _sound_answer(file: BinaryIO, name: str, wish: dict[str, Any]) -> _Answer:
    damaged = [0]
    for samples in sound(file, Clip.read(wish["clip"], name), damaged):
        yield {"samples": samples.shape[1], "damaged": damaged[0]}, [samples]
    yield {"samples": 0, "damaged": damaged[0]}, []


_ANSWERS = {"clip": _clip_answer, "frames": _frames_answer, "sound": _sound_answer}


def _warm_up() -> None:
    """Load all that reading takes, by reading a clip made here."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        picture: Any = container.add_stream("mpeg4", rate=25)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        voice: Any = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(picture.encode(frame))
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = RATE, 1024 * number, Fraction(1, RATE)
            container.mux(voice.encode(block))
        container.mux(picture.encode(None))
        container.mux(voice.encode(None))
    file.seek(0)
    clip = read(file, "own")
    file.seek(0)
    for _, _, shown in frames(file, Clip.read(clip.written(), "own"), since=0):
        _ = shown and (to_rgb(shown, clip), to_rgb(shown, clip, deep=True))
    file.seek(0)
    _ = list(sound(file, clip, [0]))
    with contextlib.suppress(VideoError):
        read(io.BytesIO(b"no video"), "own")


def _opened(file: BinaryIO, name: str) -> InputContainer:
    try:
        return av.open(file, "r", options=_GUARD, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(
            f"{name}: this is no video that can be read, or its end is missing; "
            "get the file again from where it came"
        ) from error


def read(file: BinaryIO, name: str) -> Clip:
    """Read what a file says of its picture, from its first frame.

    Raises:
        VideoError: it is no video, damaged, or has no picture that can be decoded.
    """
    with _opened(file, name) as container:
        stream = _picture(container, name)
        with contextlib.suppress(av.error.FFmpegError):
            for number, packet in enumerate(container.demux(stream)):
                with contextlib.suppress(av.error.InvalidDataError):
                    for frame in packet.decode():
                        return _clip(name, container, stream, frame)
                if number > _LOOK:
                    break
    raise VideoError(
        f"{name}: the video holds no picture that can be decoded; "
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


_Shown = tuple[int, int, av.VideoFrame | None]
"""Tick and length of a frame, and its picture, ``None`` if it is broken."""


def frames(file: BinaryIO, clip: Clip, *, since: int | None) -> Iterator[_Shown]:
    """Yield the frames of a clip in the order they are shown, from the tick ``since`` on."""
    with _opened(file, clip.name) as container:
        stream = _picture(container, clip.name)
        if since is not None:
            with contextlib.suppress(av.error.FFmpegError):  # then it is read from its start
                container.seek(since, stream=stream, backward=True)
        for shown in _in_order(container, stream, clip):
            if since is None or shown[0] >= since:
                yield shown


def _in_order(container: InputContainer, stream: av.VideoStream, clip: Clip) -> Iterator[_Shown]:
    """Yield decoded frames, and a broken one for every promised frame that does not come."""
    promised: list[int] = []
    usual = max(1, round(1 / (clip.rate * clip.tick)))
    last: int | None = None
    doubt = _Doubt()

    def missing(before: int | None) -> Iterator[_Shown]:
        nonlocal last
        while promised and (before is None or promised[0] < before):
            at = heapq.heappop(promised)
            if last is None or at > last:
                last = at
                yield at, 0, None

    for packet in _packets(container, stream):
        if packet.pts is not None and not packet.is_discard and packet.size:
            heapq.heappush(promised, packet.pts)
        decoded, fault = _decode(packet)  # without a picture its tick stays promised
        doubt.take(packet, fault)
        for picture in decoded:
            at = picture.pts
            broken = picture.is_corrupt or doubt.of(at, packet)
            if at is None:
                at = usual + last if last is not None else clip.start
            yield from missing(at)
            if promised and promised[0] == at:
                heapq.heappop(promised)
            if last is not None and at <= last:
                at = last + 1
            last = at
            yield at, max(0, int(picture.duration or 0)), None if broken else picture
    yield from missing(None)


def _decode(packet: av.Packet[av.VideoStream]) -> tuple[list[av.VideoFrame], bool]:
    """Return the pictures that a packet completes, and whether the decoder complained.

    Many decoders hide damage as well as they can and say so nowhere but in their log.
    """
    failed, pictures = bool(packet.is_corrupt), list[av.VideoFrame]()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=False) as said:
            pictures = packet.decode()
    except av.error.FFmpegError:
        failed = True
    finally:
        av.logging.set_level(None)
    complaints = [text for _, _, text in said if not text.startswith(_HARMLESS)]
    return pictures, failed or bool(complaints) or any(p.is_corrupt for p in pictures)


class _Doubt:
    """Knows which pictures build on a damaged one: all up to the next key frame."""

    def __init__(self) -> None:
        self._damaged = False
        self._key = self._whole = -_LONG_AGO
        self._spoilt: set[int] = set()

    def take(self, packet: av.Packet[av.VideoStream], fault: bool) -> None:
        """Take the next packet as it was decoded."""
        at = packet.pts
        if packet.is_keyframe and at is not None:
            if self._damaged:
                self._whole = at  # what is shown before it still builds on the damage
            self._damaged, self._key = False, at
        # What comes after a key frame and is shown before it, no other picture builds on.
        aside = at is not None and at < self._key
        self._damaged |= fault and not aside
        if at is not None and (self._damaged or at < self._whole or (fault and aside)):
            self._spoilt.add(at)

    def of(self, at: int | None, packet: av.Packet[av.VideoStream]) -> bool:
        """Tell whether the picture of a tick is in doubt; ``packet`` completed it."""
        if at is None or packet.pts is None:
            return self._damaged or at in self._spoilt
        return at in self._spoilt


def _packets(
    container: InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet[av.VideoStream]]:
    """Yield packets until the end, or until the file is too damaged to go on."""
    with contextlib.suppress(av.error.FFmpegError):
        yield from container.demux(stream)


def _pictures(picture: av.VideoFrame, clip: Clip, *, deep: bool) -> list[NDArray[Any]]:
    """Return a frame upright at 8 bits and, if ``deep``, at 16."""
    pixels = to_rgb(picture, clip)
    if pixels.shape[:2] != (clip.height, clip.width):  # a clip that changes its size midway
        width, height = (clip.width, clip.height)[:: 1 if clip.turn[0] else -1]
        picture = picture.reformat(width, height)
        pixels = to_rgb(picture, clip)
    return [pixels, to_rgb(picture, clip, deep=True)] if deep else [pixels]


def sound(file: BinaryIO, clip: Clip, damaged: list[int]) -> Iterator[Array]:
    """Yield the clip's first sound stream as stereo (2, n) float32 at 48 kHz, without gaps.

    The first sample belongs to the clip's start; silence stands for what is missing. The only
    entry of ``damaged`` counts packets that could not be decoded.
    """
    with _opened(file, clip.name) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        zero, done = clip.start * clip.tick, 0
        for frame in _decoded(container, stream, damaged):
            time = None if frame.pts is None else frame.pts * Fraction(frame.time_base or 0) - zero
            for part in resampler.resample(frame):
                samples = np.asarray(part.to_ndarray(), np.float32)
                if time is not None:
                    silence, samples = _in_time(samples, float(time) - done / RATE, start=not done)
                    done += silence
                    yield from _silent(silence)
                    time = None
                done += samples.shape[1]
                yield samples
        for part in resampler.resample(None):
            yield np.asarray(part.to_ndarray(), np.float32)


def _in_time(samples: Array, late: float, *, start: bool) -> tuple[int, Array]:
    """Return how much silence comes before ``samples``, and these without what comes too early.

    ``late``: seconds by which they come late.
    """
    if _DRIFT < late < _LONGEST_GAP or (start and 0 < late < _LONGEST_GAP):
        return round(late * RATE), samples
    return 0, samples[:, round(-late * RATE) :] if late < -_DRIFT else samples


def _silent(left: int) -> Iterator[Array]:
    while left:
        yield np.zeros((2, min(left, RATE)), np.float32)
        left -= min(left, RATE)


def _decoded(
    container: InputContainer, stream: av.AudioStream, damaged: list[int]
) -> Iterator[av.AudioFrame]:
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                damaged[0] += 1

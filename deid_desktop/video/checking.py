"""Reads a finished clip again and refuses it if it holds anything but picture and sound.

FFmpeg answers what the streams are; a walk over the file's own boxes and over the units of its
packets makes sure that nothing lies where FFmpeg does not look.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av

from deid_desktop.video import VideoError
from deid_desktop.video.clip import Clip

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts"}
_LEAVES = {
    *(b"ftyp", b"mdat", b"free", b"mvhd", b"tkhd", b"elst", b"mdhd", b"hdlr", b"vmhd", b"smhd"),
    *(b"dref", b"stsd", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"sgpd"),
    *(b"sbgp", b"sdtp"),
}
_EMPTY_NOTES = bytes.fromhex(
    "00000035 6d657461 00000000 00000021 68646c72 00000000 00000000 6d646972 6170706c"
    "00000000 00000000 00 00000008 696c7374"
)
"""What a writer that has no notes to make puts into the box for notes (``udta``)."""
_SAMPLE_PARTS = {b"av1C", b"colr", b"pasp", b"fiel", b"btrt", b"dOps", b"chan"}
"""What may stand in the description of a stream."""
_SAID = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name"}
_HANDLERS = {"VideoHandler", "SoundHandler", None}
_UNITS = {1, 2, 3, 4, 6, 7}
"""AV1: sequence header, delimiter, frame header, tile group, frame, repeated header. Number 5 is
metadata, 15 padding."""


def check_output(path: Path, clip: Clip, *, frames: int, sound: bool) -> None:
    """Make sure that a finished clip holds its picture, its sound if any, and nothing else.

    Raises:
        VideoError: it does not.
    """
    with path.open("rb") as file:
        _check_boxes(file, clip.name, 0, path.stat().st_size)
    with av.open(str(path), metadata_errors="ignore") as container:
        kinds = sorted(stream.type for stream in container.streams)
        if kinds != (["audio", "video"] if sound else ["video"]):
            raise _refused(clip.name, f"streams {', '.join(kinds)}")
        for said in (container.metadata, *(stream.metadata for stream in container.streams)):
            if set(said) - _SAID or said.get("handler_name") not in _HANDLERS:
                raise _refused(clip.name, "metadata")
            if said.get("language", "und") != "und":
                raise _refused(clip.name, "a language")
        if container.chapters():
            raise _refused(clip.name, "chapters")
        count = 0
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                count += 1
                if not set(_units(bytes(packet))) <= _UNITS:
                    raise _refused(clip.name, "metadata within the picture")
    if count != frames:
        raise _refused(clip.name, f"{count} frames instead of {frames}")


def _refused(name: str, what: str) -> VideoError:
    return VideoError(f"{name}: the finished clip holds {what}; it was not kept, report it please")


def _check_boxes(file: BinaryIO, name: str, start: int, end: int) -> None:
    while start < end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        if size < header or start + size > end:
            raise _refused(name, "a damaged box")
        if kind in _CONTAINERS:
            _check_boxes(file, name, start + header, start + size)
        elif kind == b"udta":
            if file.read(size - header) != _EMPTY_NOTES:
                raise _refused(name, "notes")
        elif kind not in _LEAVES:
            raise _refused(name, f"a box {kind!r}")
        elif kind in (b"mvhd", b"tkhd", b"mdhd"):
            _check_times(file, name)
        elif kind == b"free" and file.read(size - header).strip(b"\0"):
            raise _refused(name, "bytes in a gap")
        elif kind == b"stsd":
            _check_description(file.read(size - header), name)
        start += size


def _check_times(file: BinaryIO, name: str) -> None:
    """Refuse a time of making or changing, which is a date."""
    version = file.read(4)[0]
    if any(file.read(16 if version else 8)):
        raise _refused(name, "a date")


def _check_description(data: bytes, name: str) -> None:
    """Refuse unknown parts of the one entry of a sample description, and a coder's name."""
    entry = data[8:]
    kind = entry[4:8]
    if kind not in (b"av01", b"Opus"):
        raise _refused(name, f"a stream {kind!r}")
    if kind == b"av01" and any(entry[50:82]):
        raise _refused(name, "the name of an encoder")
    at = 86 if kind == b"av01" else 36
    while at + 8 <= len(entry):
        size, part = struct.unpack(">I4s", entry[at : at + 8])
        if part not in _SAMPLE_PARTS or size < 8:
            raise _refused(name, f"a box {part!r}")
        at += size


def _units(data: bytes) -> Iterator[int]:
    """Yield the types of the units (OBU) of an AV1 packet; 15 for what is none."""
    at = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & 4 else 1
        if not head & 2:  # without a size it reaches to the end
            yield head >> 3 & 15
            return
        size = shift = 0
        while at < len(data):
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield head >> 3 & 15
        at += size
    if at != len(data):
        yield 15

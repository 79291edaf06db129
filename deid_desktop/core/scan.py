"""Takes a picture file apart, piece by piece, and says which pieces an export may hold.

Used by ``export`` on every file it writes. It knows the structure of JPEG, PNG, WebP, TIFF and
AVIF, not their pixels: each segment, chunk, tag or box is a `Part`, and so is every byte that
belongs to none. Whatever is not on the whitelist (the picture itself, its opacity and resolution,
our own profiles, and the one text that the person asked for) is foreign.

Sources: ITU-T T.81 and T.871 (JPEG, JFIF), ICC.1 annex B (profiles in JPEG), W3C PNG, RFC 9649
(WebP), TIFF 6.0, ISO/IEC 14496-12 and 23008-12 and the AV1 specification (AVIF).
"""

from __future__ import annotations

import contextlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from deid_desktop.core.boxes import CONTAINERS, Span, boxes, inside
from deid_desktop.core.colour import PROFILES

_PROFILES = frozenset(PROFILES.values())


class StructureError(ValueError):
    """The file is not built as its format demands."""


@dataclass(frozen=True)
class Part:
    """One piece of a file: a name for people, bytes, and whether every export may hold it.

    ``words``: the text, if it is one that an export may hold on request.
    """

    name: str
    size: int
    allowed: bool
    words: bytes = b""


def parts(data: bytes) -> list[Part]:
    """List all pieces of a JPEG, PNG, WebP, TIFF or AVIF file.

    Raises:
        StructureError: another format, or a damaged structure.
    """
    signature = b"ftyp" if data[4:8] == b"ftyp" else data
    for start, walk in _WALKS.items():
        if signature.startswith(start):
            try:
                return list(walk(data))
            except StructureError:
                raise
            except (struct.error, IndexError, ValueError, zlib.error) as error:
                raise StructureError("the file ends too early") from error
    raise StructureError("not a JPEG, PNG, WebP, TIFF or AVIF file")


def foreign_parts(data: bytes, *, words: bytes = b"") -> list[str]:
    """Name the pieces that an exported file must not hold; an empty list means clean.

    ``words``: the one text (XMP) that it must hold, to the byte; without it, it may hold none.

    Raises:
        StructureError: as `parts`.
    """
    found = parts(data)
    wanted = [part for part in found if words and part.words == words]
    foreign = [part.name for part in found if not part.allowed and part not in wanted[:1]]
    return foreign if len(wanted) == bool(words) else [*foreign, "not the text asked for, once"]


_JPEG_MARKERS = {
    **dict.fromkeys((0xC0, 0xC1, 0xC2), "frame"),
    0xC4: "Huffman tables",
    0xDA: "scan",
    0xDB: "quantisation tables",
    0xDD: "restart interval",
}
# Entropy-coded data ends at a marker that is neither a stuffed byte nor a restart.
_JPEG_NEXT = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def _jpeg(data: bytes) -> Iterator[Part]:
    position = 2
    while True:
        if data[position] != 0xFF:
            raise StructureError("a JPEG marker is missing")
        marker = data[position + 1]
        if marker == 0xD9:
            yield from _rest(data, position + 2)
            return
        (size,) = struct.unpack_from(">H", data, position + 2)
        payload = data[position + 4 : position + 2 + size]
        words = payload.removeprefix(_JPEG_XMP) if marker == 0xE1 else b""
        yield Part(_jpeg_name(marker, payload), size, _jpeg_allowed(marker, payload), words)
        position += 2 + size
        if marker == 0xDA:
            end = _JPEG_NEXT.search(data, position)
            if end is None:
                raise StructureError("the JPEG has no end")
            position = end.end() - 2


def _jpeg_allowed(marker: int, payload: bytes) -> bool:
    if marker == 0xE0:  # JFIF with a thumbnail of 0 × 0
        return payload.startswith(b"JFIF\0") and len(payload) == 14 and payload[12:] == b"\0\0"
    if marker == 0xE2:
        start = b"ICC_PROFILE\x00\x01\x01"
        return payload.startswith(start) and payload.removeprefix(start) in _PROFILES
    return marker in _JPEG_MARKERS


def _jpeg_name(marker: int, payload: bytes) -> str:
    if marker == 0xFE:
        return "comment"
    if 0xE0 <= marker <= 0xEF:
        label = payload.split(b"\0", 1)[0][:40].decode("ascii", "replace")
        return f"APP{marker - 0xE0} segment ({label})"
    return _JPEG_MARKERS.get(marker, f"segment {marker:02X}")


_PNG_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"


def _png(data: bytes) -> Iterator[Part]:
    position, name = 8, b""
    while name != b"IEND":
        size, name = struct.unpack_from(">I4s", data, position)
        payload = data[position + 8 : position + 8 + size]
        (checksum,) = struct.unpack_from(">I", data, position + 8 + size)
        if zlib.crc32(name + payload) != checksum:
            raise StructureError("a PNG chunk has a wrong checksum")
        words = payload.removeprefix(_PNG_XMP) if name == b"iTXt" else b""
        yield Part(f"{name.decode('latin-1')} chunk", size, _png_allowed(name, payload), words)
        position += 12 + size
    yield from _rest(data, position)


def _png_allowed(name: bytes, payload: bytes) -> bool:
    if name == b"iCCP":
        _, _, packed = payload.partition(b"\0")
        unpacked = zlib.decompressobj().decompress(packed[1:], max(map(len, _PROFILES)) + 1)
        return unpacked in _PROFILES
    return name in (b"IHDR", b"IDAT", b"IEND", b"pHYs")


def _webp(data: bytes) -> Iterator[Part]:
    (riff_size,) = struct.unpack_from("<I", data, 4)
    end, position = 8 + riff_size, 12
    while position < end:
        name, size = struct.unpack_from("<4sI", data, position)
        payload = data[position + 8 : position + 8 + size]
        if len(payload) < size:
            raise StructureError("the file ends too early")
        words = payload if name == b"XMP " else b""
        yield Part(f"{name.decode('latin-1')} chunk", size, _webp_allowed(name, payload), words)
        position += 8 + size + size % 2
    yield from _rest(data, position)


def _webp_allowed(name: bytes, payload: bytes) -> bool:
    if name == b"VP8X":
        return payload[0] & ~0x34 == 0  # of all extensions only profile, opacity and XMP
    if name == b"ICCP":
        return payload in _PROFILES
    return name in (b"VP8 ", b"VP8L", b"ALPH")


_TIFF_TAGS = {
    254: "kind",
    256: "width",
    257: "height",
    258: "bits",
    259: "compression",
    262: "colour space",
    273: "strip offsets",
    277: "samples",
    278: "rows per strip",
    279: "strip sizes",
    282: "resolution",
    283: "resolution",
    284: "planes",
    296: "resolution unit",
    317: "predictor",
    338: "kind of opacity",
    339: "sample format",
    34675: "profile",
}
_TIFF_NUMBERS = {3: "H", 4: "I"}
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


def _tiff(data: bytes) -> Iterator[Part]:
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    after = directory + 2 + 12 * count
    known = [(0, 8), (directory, after + 4)]
    strips: dict[int, tuple[int, ...]] = {}
    for entry in range(directory + 2, after, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", data, entry)
        size = _TIFF_SIZES.get(kind, 0) * number
        start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        payload = data[start : start + size]
        known.append((start, start + size))
        allowed = tag in _TIFF_TAGS and (tag != 34675 or payload in _PROFILES)
        words = payload if tag == 700 else b""
        yield Part(f"tag {tag} ({_TIFF_TAGS.get(tag, 'unknown')})", size, allowed, words)
        if tag in (273, 279) and kind in _TIFF_NUMBERS:
            strips[tag] = struct.unpack(f"{order}{number}{_TIFF_NUMBERS[kind]}", payload)
    for offset, size in zip(strips.get(273, ()), strips.get(279, ()), strict=False):
        known.append((offset, offset + size))
        yield Part("strip", size, allowed=True)
    if struct.unpack_from(order + "I", data, after)[0]:
        yield Part("another page", 0, allowed=False)
    yield from _gaps(data, sorted(known))


def _gaps(data: bytes, known: list[tuple[int, int]]) -> Iterator[Part]:
    """Name the bytes that no tag points at; single zero bytes only align what follows."""
    position = 0
    for start, end in [*known, (len(data), len(data))]:
        unused = data[position : max(position, start)]
        if unused.strip(b"\0") or len(unused) > 1:
            yield Part(f"{len(unused)} bytes that belong to nothing", len(unused), allowed=False)
        position = max(position, end)
    if position > len(data):
        raise StructureError("the file ends too early")


def _rest(data: bytes, position: int) -> Iterator[Part]:
    if position < len(data):
        size = len(data) - position
        yield Part(f"{size} bytes after the end of the picture", size, allowed=False)


_BOXES = {
    b"ftyp": "brands",
    b"meta": "description",
    b"hdlr": "handler",
    b"pitm": "first picture",
    b"iloc": "places",
    b"iinf": "contents",
    b"infe": "content",
    b"iprp": "properties",
    b"ipco": "properties",
    b"ispe": "size",
    b"pixi": "bits",
    b"av1C": "coding",
    b"colr": "colour",
    b"ipma": "properties",
    b"mdat": "picture",
    b"iref": "belonging",
    b"auxl": "belonging",
    b"cdsc": "belonging",
    b"auxC": "kind of opacity",
}
_AVIF_ITEMS = (b"av01Color\0", b"av01Alpha\0", b"mimeXMP\0application/rdf+xml\0")
_AV1_PICTURE = (1, 2, 3, 4, 6)
"""Units of an AV1 stream that a picture needs; among the others are metadata and padding."""


def _avif(data: bytes) -> Iterator[Part]:
    """Walk the boxes; nothing but the picture, its opacity and a text may be described and held."""
    top = []
    with contextlib.suppress(ValueError, struct.error):  # the rest is no box
        for box in boxes(data):
            top.append(box)
    items = _items(data, top)
    spans = sorted(items.values())
    joined = all(one[1] == next_[0] for one, next_ in pairwise(spans))
    held = (spans[0][0], spans[-1][1]) if spans and joined else (0, 0)
    for box in _nested(data, top):
        name = box.kind.decode("latin-1")
        content = data[box.start : box.end]
        yield Part(f"{name} box", len(content), _avif_allowed(box.kind, content, len(items)))
        if box.kind == b"mdat" and (box.start, box.end) != held:
            yield Part("data beside the picture", len(content), allowed=False)
        if box.kind == b"infe" and (span := items.get(content[4:6])):
            if content[8:12] == b"mime":
                yield Part("XMP item", span[1] - span[0], False, data[slice(*span)])
            else:
                yield from _av1(data, *span)
    yield from _rest(data, top[-1].end)


def _nested(data: bytes, level: Iterable[Span]) -> Iterator[Span]:
    for box in level:
        yield box
        if box.kind in CONTAINERS:
            yield from _nested(data, inside(data, box))


def _items(data: bytes, top: list[Span]) -> dict[bytes, tuple[int, int]]:
    """Return where each item starts and ends, by its number; none if they are kept oddly."""
    places = [box for box in _nested(data, top) if box.kind == b"iloc"]
    if len(places) != 1:
        raise StructureError("the file does not say where its picture is")
    content = data[places[0].start : places[0].end]
    # Version 0, offsets and lengths of four bytes; each with one extent, kept in the file itself.
    if content[:6] != b"\0\0\0\0\x44\0" or len(content) != 8 + 14 * int.from_bytes(content[6:8]):
        return {}
    items = {}
    for entry in range(8, len(content), 14):
        if content[entry + 2 : entry + 6] != b"\0\0\0\1":
            return {}
        start, size = struct.unpack_from(">II", content, entry + 6)
        items[content[entry : entry + 2]] = (start, start + size)
    return items


def _avif_allowed(kind: bytes, content: bytes, items: int) -> bool:
    match kind:
        case b"hdlr":
            return content[8:12] == b"pict" and not content[12:].strip(b"\0")
        case b"infe":
            return content[8:] in _AVIF_ITEMS
        case b"colr":
            return content[:4] == b"nclx" or (content[:4] == b"prof" and content[4:] in _PROFILES)
        case b"auxC":
            return content == b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
        case b"iinf":
            return content[:6] == b"\0\0\0\0" + items.to_bytes(2) and 0 < items <= len(_AVIF_ITEMS)
        case _:
            return kind in _BOXES


def _av1(data: bytes, position: int, end: int) -> Iterator[Part]:
    if end > len(data):
        raise StructureError("the file ends too early")
    while position < end:
        kind, extended, sized = data[position] >> 3 & 15, data[position] & 4, data[position] & 2
        position += 2 if extended else 1
        size = shift = 0
        while sized:
            size |= (data[position] & 127) << shift
            shift, more, position = shift + 7, data[position] & 128, position + 1
            if not more:
                break
        size = size if sized else end - position
        yield Part(f"AV1 unit {kind}", size, allowed=kind in _AV1_PICTURE)
        position += size
    if position != end:
        raise StructureError("the file ends too early")


_WALKS = {
    b"\xff\xd8": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"ftyp": _avif,
}

"""The scanner: a clean file is clean, and whatever is hidden in one is named."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deid_desktop.core.colour import SRGB_PROFILE
from deid_desktop.core.scan import StructureError, foreign_parts, parts

PIXELS = np.random.default_rng(3).integers(0, 255, (40, 60, 3), np.uint8)
KINDS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]
EXIF = Image.Exif()
EXIF[0x010E] = "a secret caption"
XMP = b"<x:xmpmeta>a secret caption</x:xmpmeta>"


def encode(kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


def text_chunk():
    info = PngInfo()
    info.add_text("Comment", "a secret caption")
    return info


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"icc_profile": SRGB_PROFILE}])
def test_a_clean_file_is_clean(kind, options):
    assert foreign_parts(encode(kind, **options)) == []


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        ("JPEG", {"exif": EXIF}, "APP1"),
        ("JPEG", {"xmp": XMP}, "APP1"),
        ("JPEG", {"comment": b"a secret caption"}, "comment"),
        ("JPEG", {"icc_profile": b"a profile of somebody's own screen"}, "APP2"),
        ("JPEG", {"extra": b"\xff\xed\x00\x0aPhotosho"}, "APP13"),
        ("JPEG", {"extra": b"\xff\xeb\x00\x0aJP\0\1jumb"}, "APP11"),
        ("PNG", {"exif": EXIF}, "eXIf"),
        ("PNG", {"pnginfo": text_chunk()}, "tEXt"),
        ("PNG", {"icc_profile": b"a profile of somebody's own screen"}, "iCCP"),
        ("WEBP", {"exif": EXIF}, "EXIF"),
        ("WEBP", {"xmp": XMP}, "XMP"),
        ("WEBP", {"icc_profile": b"a profile of somebody's own screen"}, "ICCP"),
        ("AVIF", {"exif": EXIF}, "infe box"),
        ("AVIF", {"xmp": XMP}, "XMP item"),
        ("AVIF", {"icc_profile": b"a profile of somebody's own screen"}, "colr box"),
        ("AVIF", {"save_all": True, "append_images": [Image.new("RGB", (60, 40))]}, "moov box"),
        ("TIFF", {"exif": EXIF}, "tag 270"),
        ("TIFF", {"tiffinfo": {700: XMP}}, "tag 700"),
        ("TIFF", {"tiffinfo": {306: "2024:01:01 12:00:00"}}, "tag 306"),
        ("TIFF", {"icc_profile": b"a profile of somebody's own screen"}, "tag 34675"),
        ("TIFF", {"save_all": True, "append_images": [Image.new("L", (8, 8))]}, "another page"),
    ],
)
def test_metadata_is_named(kind, options, name):
    found = foreign_parts(encode(kind, **options))
    assert any(part.startswith(name) for part in found)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_after_the_end_are_named(kind):
    (found,) = foreign_parts(encode(kind) + b"PK\3\4 an archive")
    assert found.startswith("15 bytes")


def test_units_of_an_av1_stream_that_are_no_picture_are_named():
    data = bytearray(encode("AVIF"))
    start = bytes(data).index(b"mdat") + 4
    assert data[start : start + 2] == b"\x12\0"  # a delimiter of no length
    data[start] = 5 << 3 | 2  # metadata
    assert foreign_parts(bytes(data)) == ["AV1 unit 5"]


def test_words_in_an_avif_are_named():
    data = bytearray(encode("AVIF"))
    place = bytes(data).index(b"pict") + 4
    data[place : place + 6] = b"secret"
    assert foreign_parts(bytes(data)) == ["hdlr box"]


def test_a_thumbnail_within_jfif_is_named():
    data = bytearray(encode("JPEG"))
    assert data[6:11] == b"JFIF\0"
    data[18:20] = b"\1\1"  # one pixel by one
    data[20:20] = b"\0\0\0"
    data[4:6] = struct.pack(">H", 19)
    assert foreign_parts(bytes(data)) == ["APP0 segment (JFIF)"]


def test_an_unknown_png_chunk_is_named():
    data = encode("PNG")
    body = b"prVWa thumbnail"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert foreign_parts(data[:33] + chunk + data[33:]) == ["prVW chunk"]


def test_gaps_between_the_parts_of_a_tiff_are_named():
    data = bytearray(encode("TIFF"))
    (directory,) = struct.unpack_from("<I", data, 4)
    moved = data[:8] + b"hidden!!" + data[8:]
    struct.pack_into("<I", moved, 4, directory + 8)
    found = foreign_parts(bytes(moved))
    assert any("belong to nothing" in part for part in found)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_never_passes_as_anything_but_structure_error(kind):
    data = encode(kind, icc_profile=SRGB_PROFILE)
    generator = np.random.default_rng(5)
    for cut in generator.integers(0, len(data), 100):
        with pytest.raises(StructureError):
            parts(data[: int(cut)])
    for _ in range(200):
        damaged = bytearray(data)
        damaged[generator.integers(0, len(data))] ^= 1 << int(generator.integers(0, 8))
        try:
            foreign_parts(bytes(damaged))
        except StructureError:
            continue


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"%PDF-1.7"])
def test_other_formats_are_refused(data):
    with pytest.raises(StructureError, match="not a JPEG"):
        parts(data)


@pytest.mark.shared
def test_metadata_of_real_photos_is_found(shared):
    for path in (shared / "photos" / "metadata").iterdir():
        assert any("Exif" in part for part in foreign_parts(path.read_bytes())), path.name

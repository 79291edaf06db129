"""Encodes RGB arrays: the bytes of a picture file, and whether bytes show a picture.

The part of ``export`` that knows formats. It starts from the array alone, so nothing of the
original's file can come along; the only things added are our own profile of its colour space and,
on request, the words that the person typed.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deid_desktop.core.colour import PROFILES
from deid_desktop.core.types import QUALITY, SRGB, Deep, Pixels

_ENCODERS: dict[str, dict[str, Any]] = {
    "JPEG": {"subsampling": 0},
    "PNG": {"compress_level": 4},
    "WEBP": {"method": 4},
    "TIFF": {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}},  # horizontal predictor
    "AVIF": {"subsampling": "4:4:4", "speed": 8},
}
_LOSSY = frozenset(("JPEG", "WEBP", "AVIF"))
_EXACT_WEBP = {"lossless": True, "quality": 30, "method": 2}
"""From ``QUALITY`` on: what loses something halves the colours' resolution at any quality."""
_AVIF_DRIFT = np.array([1, 0, 1], np.uint8)
"""Levels of RGB that make up for libavif (1.4, with libyuv), which cuts the fractions of chroma off
and so makes pictures greener; brightness rises by .4 of a level instead, which is not seen."""
SEE_THROUGH = frozenset(("PNG", "WEBP", "TIFF", "AVIF"))
"""Formats that hold an opacity."""
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
LARGEST_SIDE = {"JPEG": 65_535, "WEBP": 16_383}


def encode(
    pixels: Pixels | Deep,
    kind: str,
    quality: int | None = None,
    *,
    space: str = SRGB,
    words: bytes = b"",
) -> bytes:
    """Return RGB or RGBA pixels (height, width, 3 or 4) of a space as a file.

    16 bits only where ``DEEP`` knows how, opacity only where ``SEE_THROUGH`` says so. ``quality``:
    1…100, ``None`` for ``QUALITY``; PNG and TIFF have none. ``words``: XMP to go with it.
    """
    if pixels.dtype == np.uint16:
        return DEEP[kind](pixels.astype(np.uint16, copy=False), PROFILES[space], words)
    buffer = io.BytesIO()
    image = Image.fromarray(_undrifted(pixels) if kind == "AVIF" else np.ascontiguousarray(pixels))
    quality = QUALITY if quality is None else quality
    options = dict(_ENCODERS[kind])
    if kind == "WEBP" and quality >= QUALITY:
        options |= _EXACT_WEBP
    elif kind in _LOSSY:
        options["quality"] = quality
    if kind != "AVIF" or space != SRGB:  # AVIF names sRGB by its code points
        options["icc_profile"] = PROFILES[space]
    if words:
        options |= _with_words(kind, options, words)
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def _undrifted(pixels: Pixels | Deep) -> Pixels:
    """Return what libavif turns into the given pixels; with an opacity it tints less."""
    if pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels, np.uint8)
    return np.add(pixels, np.minimum(_AVIF_DRIFT, 255 - pixels), dtype=np.uint8)


def _with_words(kind: str, options: dict[str, Any], words: bytes) -> dict[str, Any]:
    match kind:
        case "PNG":
            chunks = PngInfo()
            chunks.add_itxt("XML:com.adobe.xmp", words.decode())
            return {"pnginfo": chunks}
        case "TIFF":
            return {"tiffinfo": {**options["tiffinfo"], 700: words}}
        case _:
            return {"xmp": words}


def shows(data: bytes, pixels: Pixels | Deep) -> bool:
    """Tell whether a file shows this picture; exactly, where its format loses nothing."""
    if pixels.dtype == np.uint16:
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        return read is not None and np.array_equal(_swapped(read), pixels)
    with Image.open(io.BytesIO(data), formats=tuple(_ENCODERS)) as image:
        image.load()
        if image.format in ("PNG", "TIFF"):
            return np.array_equal(np.asarray(image), pixels)
        return (image.height, image.width, len(image.getbands())) == pixels.shape


def _swapped(pixels: NDArray[Any]) -> NDArray[Any]:
    """Exchange red and blue, whose order OpenCV has the other way round."""
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def straight(pixels: Pixels | Deep) -> NDArray[Any]:
    """Take a picture (height, width, 4) off the white it lies on, as files hold it.

    What cannot be seen is white afterwards. Opaque pixels stay as they are, bit for bit.
    """
    full = np.iinfo(pixels.dtype).max
    taken = pixels.copy()
    for top in range(0, len(pixels), 256):  # in strips, so that the memory stays small
        strip = pixels[top : top + 256]
        opacity = strip[..., 3:].astype(np.float32)
        ink = strip[..., :3].astype(np.float32) - (full - opacity)
        colours = np.clip(np.rint(ink * (full / np.maximum(opacity, 1))), 0, full)
        colours = np.where(opacity == 0, full, colours).astype(pixels.dtype)
        opaque = strip[..., 3:] == full
        taken[top : top + 256, :, :3] = np.where(opaque, strip[..., :3], colours)
    return taken


def _deep_png(pixels: Deep, profile: bytes, words: bytes) -> bytes:
    """Encode with OpenCV, as Pillow writes no 16-bit colour, and add profile and text."""
    _, encoded = cv2.imencode(".png", _swapped(pixels), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    data = encoded.tobytes()
    added = [b"iCCPICC Profile\0\0" + zlib.compress(profile)]
    added += [b"iTXtXML:com.adobe.xmp" + bytes(5) + words] if words else []
    chunks = b"".join(
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in added
    )
    return data[:33] + chunks + data[33:]  # behind the signature and the header


def _deep_tiff(pixels: Deep, profile: bytes, words: bytes) -> bytes:
    """Write a baseline TIFF of one compressed strip, for which Pillow has no 16-bit colour."""
    height, width, samples = pixels.shape
    before = np.pad(pixels, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    strip = zlib.compress((pixels - before).astype("<u2").tobytes(), 4)  # modulo 65536
    values: dict[int, tuple[int, int, bytes]] = {
        256: (4, 1, struct.pack("<I", width)),
        257: (4, 1, struct.pack("<I", height)),
        258: (3, samples, struct.pack("<H", 16) * samples),
        259: (3, 1, struct.pack("<H", 8)),  # deflate
        262: (3, 1, struct.pack("<H", 2)),  # RGB
        273: (4, 1, struct.pack("<I", 8)),
        277: (3, 1, struct.pack("<H", samples)),
        278: (4, 1, struct.pack("<I", height)),
        279: (4, 1, struct.pack("<I", len(strip))),
        284: (3, 1, struct.pack("<H", 1)),
        317: (3, 1, struct.pack("<H", 2)),  # horizontal predictor
        **({338: (3, 1, struct.pack("<H", 2))} if samples == 4 else {}),  # opacity, by itself
        **({700: (1, len(words), words)} if words else {}),
        34675: (7, len(profile), profile),
    }
    start = 8 + len(strip) + len(strip) % 2
    behind = start + 2 + 12 * len(values) + 4
    directory, extra = struct.pack("<H", len(values)), b""
    for tag, (kind, count, value) in values.items():
        if len(value) > 4:
            place = struct.pack("<I", behind + len(extra))
            extra += value + b"\0" * (len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, count) + place
    head = struct.pack("<2sHI", b"II", 42, start)
    return head + strip.ljust(start - 8, b"\0") + directory + bytes(4) + extra


DEEP: dict[str, Callable[[Deep, bytes, bytes], bytes]] = {"PNG": _deep_png, "TIFF": _deep_tiff}

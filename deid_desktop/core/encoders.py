"""Encodes RGB arrays: the bytes of a picture file, and whether bytes show a picture.

The part of ``export`` that knows formats. It starts from the array alone, so nothing of the
original's file can come along; the only thing added is our own sRGB profile.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from PIL import Image

from deid_desktop.core.colour import SRGB_PROFILE
from deid_desktop.core.types import Deep, Pixels

_ENCODERS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0, "icc_profile": SRGB_PROFILE},
    "PNG": {"compress_level": 4, "icc_profile": SRGB_PROFILE},
    "WEBP": {"quality": 95, "method": 4, "icc_profile": SRGB_PROFILE},
    "TIFF": {
        "compression": "tiff_adobe_deflate",
        "tiffinfo": {317: 2},  # horizontal predictor
        "icc_profile": SRGB_PROFILE,
    },
    "AVIF": {"quality": 90, "subsampling": "4:4:4", "speed": 8},  # names sRGB by its code points
}
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


def encode(pixels: Pixels | Deep, kind: str, quality: int | None = None) -> bytes:
    """Return RGB pixels (height, width, 3) as a file; 16 bits only where ``DEEP`` knows how.

    ``quality`` (1…100) takes the place of the format's own, where it has one.
    """
    if pixels.dtype == np.uint16:
        return DEEP[kind](pixels.astype(np.uint16, copy=False))
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    options = _ENCODERS[kind]
    if quality is not None and "quality" in options:
        options = {**options, "quality": quality}
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def shows(data: bytes, pixels: Pixels | Deep) -> bool:
    """Tell whether a file shows this picture; exactly, where its format loses nothing."""
    if pixels.dtype == np.uint16:
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        return read is not None and np.array_equal(read[..., ::-1], pixels)
    with Image.open(io.BytesIO(data), formats=tuple(_ENCODERS)) as image:
        image.load()
        if image.format in ("PNG", "TIFF"):
            return np.array_equal(np.asarray(image), pixels)
        return (image.height, image.width) == pixels.shape[:2]


def _deep_png(pixels: Deep) -> bytes:
    """Encode with OpenCV, as Pillow writes no 16-bit colour, and add the profile's chunk."""
    _, encoded = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])
    data = encoded.tobytes()
    body = b"iCCPICC Profile\0\0" + zlib.compress(SRGB_PROFILE)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]  # behind the signature and the header


def _deep_tiff(pixels: Deep) -> bytes:
    """Write a baseline TIFF of one compressed strip, for which Pillow has no 16-bit colour."""
    height, width = pixels.shape[:2]
    before = np.pad(pixels, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    strip = zlib.compress((pixels - before).astype("<u2").tobytes(), 4)  # modulo 65536
    values: dict[int, tuple[int, int, bytes]] = {
        256: (4, 1, struct.pack("<I", width)),
        257: (4, 1, struct.pack("<I", height)),
        258: (3, 3, struct.pack("<3H", 16, 16, 16)),
        259: (3, 1, struct.pack("<H", 8)),  # deflate
        262: (3, 1, struct.pack("<H", 2)),  # RGB
        273: (4, 1, struct.pack("<I", 8)),
        277: (3, 1, struct.pack("<H", 3)),
        278: (4, 1, struct.pack("<I", height)),
        279: (4, 1, struct.pack("<I", len(strip))),
        284: (3, 1, struct.pack("<H", 1)),
        317: (3, 1, struct.pack("<H", 2)),  # horizontal predictor
        34675: (7, len(SRGB_PROFILE), SRGB_PROFILE),
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


DEEP: dict[str, Callable[[Deep], bytes]] = {"PNG": _deep_png, "TIFF": _deep_tiff}

"""Decodes one file: bytes of any origin in, upright sRGB pixels or an error out.

The part of ``imaging`` that touches what a file holds. Only the decoders named in ``_PILLOW`` and,
for RAW, LibRaw ever see one, because every other one is attack surface (Pillow's for EPS starts a
program). Decisions that hold for all formats:

- Orientation (EXIF, XMP, or the container's own) is applied once, here.
- Every colour space is converted to sRGB; a damaged profile is said and taken for sRGB.
- Known wide spaces are kept beside the sRGB that every stage looks at.
- Transparent parts are laid on white, so that what lies hidden under them is gone; how opaque the
  picture is stays beside it.
- PNG, TIFF and RAW keep 16 bits a channel, HEIC and AVIF their 10 or 12, spread over 16.
- Of animations and multi-page files the first picture is read, and that is said.
"""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import struct
from typing import IO, Any, BinaryIO, NamedTuple

import cv2
import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from deid_desktop.core import boxes, colour
from deid_desktop.core.types import SRGB, Deep, DeidError, Pixels

pi_heif.register_heif_opener(thumbnails=False, decode_threads=2)

RAW_SUFFIXES = frozenset(
    (".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw")
)
DEEP_PIXELS = 80_000_000
"""Largest photo that keeps 16 bits: above it, the memory would not do."""

REDUCED = "its values of more than 8 bit are reduced to 8 bit"
SEE_THROUGH = "its transparent parts are shown white; PNG, WebP, TIFF and AVIF keep them"
_PILLOW = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "BMP", "GIF")
_DNG_VERSION, _PLANES = 50706, 284
_HIGH_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


class ImageError(DeidError):
    """A file cannot be read as a photo."""


Picture = Pixels | Deep


class Raster(NamedTuple):
    """What a file holds: RGB of ``space``, on white, and what a person should know of it.

    ``pixels``: the same in 8-bit sRGB, where ``picture`` is of another space. ``alpha`` (height,
    width): how opaque it is, where it is not everywhere. ``pages``: how many pictures it holds.
    """

    picture: Picture
    notes: list[str]
    space: str = SRGB
    pixels: Pixels | None = None
    alpha: NDArray[Any] | None = None
    pages: int = 1


def decode_picture(file: IO[bytes], name: str, page: int = 0) -> Raster:
    """Decode an ordinary picture; of a file with several, that of number ``page``, from 0.

    Raises:
        Exception: whatever a decoder raises on a damaged file.
        ImageError: this kind of picture is not read, or the file has no such page.
    """
    notes: list[str] = []
    image = open_picture(file, name)
    count = _turn_to(image, page, name, notes)
    return _decoded(image, file, name, notes)._replace(pages=count)


def _turn_to(image: ImageFile, page: int, name: str, notes: list[str]) -> int:
    """Turn to a page of a file that has several; return how many it has."""
    _refuse(image, name)
    # Phones add further pictures to a JPEG (depth, gain map): the first is the photo itself.
    count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if page >= count:
        raise ImageError(f"{name}: it has no page {page + 1}, only {count}; choose one of these")
    if count > 1:
        if page or image.format != "HEIF":  # which opens at the picture its maker calls the first
            image.seek(page)
            _refuse(image, name)
        notes.append(
            f"only page {page + 1} of its {count} is used"
            if page
            else f"only the first of its {count} pictures is used"
        )
    return count


def _decoded(image: Image.Image, file: IO[bytes], name: str, notes: list[str]) -> Raster:
    """Decode the page that is turned to."""
    profile = _profile(image, file, notes)
    bits = image.tag_v2.get(258, (16,))[0] if isinstance(image, TiffImageFile) else 16
    deep = any(";16" in str(tile) for tile in getattr(image, "tile", ()))
    kind, coded = image.format, _coded_bits(image, file)
    image.load()
    orientation = image.getexif().get(0x0112, 1)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F"):
        raise ImageError(
            f"{name}: photos with 32-bit samples are not read; save it with 8 or 16 bit"
        )
    if image.mode.startswith("I;16"):
        grey = _widen(np.asarray(image), bits)
        return Raster(
            _deep_to_srgb(np.repeat(grey[..., None], 3, axis=2), profile, "L", notes), notes
        )
    flat, alpha = _on_white(image)
    if alpha is not None:
        notes.append(SEE_THROUGH)
    space = colour.space_of(profile) if profile and flat.mode == "RGB" else None
    if deep or coded > 8:
        shallow = np.asarray(flat.convert("RGB"))
        samples = _coded_deep(kind, file, coded) if coded > 8 else _stored_deep(file)
        full = _as_shown(samples, shallow, orientation, apart=8 if coded > 8 else 2)
        if full is not None:
            picture, opacity = full
            shown = None if alpha is None else opacity
            converted = _deep_to_srgb(picture, profile, "RGB", notes)
            if space:
                return Raster(picture, notes, space, to_8_bit(converted), shown)
            return Raster(converted, notes, alpha=shown)
        notes.append(REDUCED)
    pixels = np.asarray(_to_srgb(flat, profile, notes))
    if space:
        return Raster(np.asarray(flat), notes, space, pixels, alpha)
    return Raster(pixels, notes, alpha=alpha)


def open_picture(file: IO[bytes], name: str) -> ImageFile:
    """Read a picture's head; ``seek`` and ``load`` give its pixels.

    Raises:
        Exception: whatever a decoder raises on a damaged file.
    """
    return Image.open(file, formats=_PILLOW)


def decode_raw(file: BinaryIO, name: str) -> Raster:
    """Develop a RAW photo with the camera's white balance; sRGB, 16 bit.

    Raises:
        Exception: whatever LibRaw raises on a damaged file.
        ImageError: the optional library is not installed, or the photo is too large.
    """
    try:
        import rawpy
    except ImportError as error:
        raise ImageError(
            f"{name}: RAW photos are read only with the extra “raw” "
            "(pip install 'deid-desktop[raw]'); install it or export the photo as TIFF"
        ) from error
    with rawpy.imread(file) as raw:
        height, width = raw.sizes.height, raw.sizes.width
        if height * width > 2 * (Image.MAX_IMAGE_PIXELS or 0):
            raise Image.DecompressionBombError
        developed = raw.postprocess(
            use_camera_wb=True,
            output_bps=16,
            output_color=rawpy.ColorSpace.sRGB,
            gamma=(2.4, 12.92),
        )
    note = "it is a RAW photo and was developed with the settings of the camera"
    return Raster(developed, [note])


def warm_up() -> None:
    """Load whatever the decoders load late: afterwards they need no file but the photo."""
    with contextlib.suppress(ImportError):
        importlib.import_module("rawpy")
    for encoding in ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be"):
        codecs.lookup(encoding)
    importlib.import_module("PIL.MpoImagePlugin")
    grey = Image.new("RGB", (16, 16), "grey")
    for kind in _PILLOW:
        if kind != "HEIF":  # its library decodes only, and is loaded by now
            file = io.BytesIO()
            grey.save(file, kind, **({"icc_profile": _WARM} if kind in ("PNG", "TIFF") else {}))
            decode_picture(file, "")
    for suffix in (".png", ".tif"):
        deep = cv2.imencode(suffix, np.full((16, 16, 3), 9000, np.uint16))[1]
        decode_picture(io.BytesIO(deep.tobytes()), "")


_WARM = colour.described_profile(gamma=1.8)


def to_8_bit(picture: Picture) -> Pixels:
    """Round 16-bit values to 8; 257 times an 8-bit value comes back as that value."""
    if picture.dtype == np.uint8:
        return picture.astype(np.uint8, copy=False)
    return ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)


def unidentified(file: IO[bytes], name: str) -> str:
    """Say of a file that no decoder takes what it may be."""
    file.seek(0)
    head = file.read(65536)
    if head[4:8] == b"ftyp" and any(brand in head[8:32] for brand in _HIGH_BRANDS):
        return (
            f"{name}: this HEIC photo is damaged or of a kind that is not read; "
            "export it as JPEG from a photo program"
        )
    if _jpeg_bits(head) not in (None, 8):
        return f"{name}: JPEG photos with 12 bits a channel are not read; save it as 16-bit TIFF"
    return (
        f"{name}: this is no undamaged photo in a format that is read (JPEG, PNG, TIFF, WebP, "
        "AVIF, HEIC, BMP, GIF, RAW); open it in a photo program and save it as JPEG"
    )


def _jpeg_bits(head: bytes) -> int | None:
    """Return the bits a channel of a JPEG's first frame."""
    position = 2
    while head.startswith(b"\xff\xd8") and head[position : position + 1] == b"\xff":
        marker = head[position + 1 : position + 2]
        if marker in (b"\xc0", b"\xc1", b"\xc2") and len(head) > position + 4:
            return head[position + 4]
        size = head[position + 2 : position + 4]
        if len(size) < 2:
            break
        position += 2 + int.from_bytes(size)
    return None


def _refuse(image: Image.Image, name: str) -> None:
    """Refuse what Pillow would open, but not as the photo it is."""
    if isinstance(image, TiffImageFile):
        if _DNG_VERSION in image.tag_v2:
            raise ImageError(
                f"{name}: this is a RAW photo under the name of a TIFF; give it the ending .dng"
            )
        if image.tag_v2.get(_PLANES) == 2 and max(image.tag_v2.get(258, (8,))) > 8:
            raise ImageError(
                f"{name}: 16-bit TIFF photos with separate colour planes are not read; "
                "save it with interleaved channels"
            )


def _profile(image: Image.Image, file: IO[bytes], notes: list[str]) -> bytes | None:
    """Return the profile of the file's colours; ``None`` for sRGB."""
    profile: bytes | None = image.info.get("icc_profile")
    if profile:
        return profile
    if image.format == "PNG":
        return colour.png_profile(image)
    if image.format not in ("AVIF", "HEIF"):
        return None
    primaries, transfer = _code_points(image, file)
    if transfer in colour.HIGH_DYNAMIC_RANGE:
        notes.append("it is a high dynamic range photo, so its brightness may be off")
    return colour.named_profile(primaries, transfer)


def _code_points(image: Image.Image, file: IO[bytes]) -> tuple[int, int]:
    """Return colour primaries and transfer curve as code points of H.273; 2 is unknown."""
    if described := image.info.get("nclx_profile"):
        return int(described["color_primaries"]), int(described["transfer_characteristics"])
    data = _head(file)
    for box in boxes.find(data, b"meta", b"iprp", b"ipco", b"colr"):
        content = data[box.start : box.end]
        if content.startswith(b"nclx") and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return primaries, transfer
    return 2, 2


def _widen(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint16]:
    """Spread 12-bit values over 16 bits; 16-bit values stay as they are."""
    full = (1 << bits) - 1
    samples = samples.astype(np.uint16)
    if full == 65535:
        return samples
    return ((np.minimum(samples, full).astype(np.uint32) * 65535 + full // 2) // full).astype(
        np.uint16
    )


def _coded_bits(image: Image.Image, file: IO[bytes]) -> int:
    """Return the bits a channel of a HEIC or AVIF photo; 8 for every other kind."""
    if image.format == "HEIF":
        return int(image.info.get("bit_depth") or 8)
    if image.format != "AVIF":
        return 8
    for box in boxes.find(_head(file), b"meta", b"iprp", b"ipco", b"av1C"):
        flags = _head(file)[box.start + 2]
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return 8


def _head(file: IO[bytes]) -> bytes:
    """Return a file's first megabyte, where the descriptions stand."""
    position = file.tell()
    file.seek(0)
    data = file.read(1 << 20)
    file.seek(position)
    return data


def _stored_deep(file: IO[bytes]) -> NDArray[Any] | None:
    """Decode a PNG or TIFF of 16 bits with OpenCV, as Pillow knows only 8; RGB or RGBA."""
    file.seek(0)
    full = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if full is None or full.dtype != np.uint16 or full.ndim != 3:
        return None
    return full[..., [2, 1, 0, 3][: full.shape[2]]]


def _coded_deep(kind: str | None, file: IO[bytes], bits: int) -> NDArray[Any] | None:
    """Decode a HEIC or AVIF photo with all its bits, spread over 16."""
    if kind == "AVIF":
        samples = _stored_deep(file)
        return None if samples is None else _widen(samples, bits)
    file.seek(0)
    opened = pi_heif.open_heif(file, convert_hdr_to_8bit=False)
    samples = np.array(opened)  # a copy: what it shows is gone with ``opened``
    if samples.dtype != np.uint16 or samples.ndim != 3:
        return None
    return _widen((samples >> (16 - bits)).astype(np.uint16), bits)


def _as_shown(
    full: NDArray[Any] | None, shallow: Pixels, orientation: int, *, apart: int
) -> tuple[Deep, Deep | None] | None:
    """Return RGB, on white, and opacity at 16 bits; ``None`` unless they are what was shown.

    Two decoders that read one file differently, by more than ``apart`` of 255, must not lead to a
    picture other than the one that was looked at.
    """
    if full is None or shallow.shape[0] * shallow.shape[1] > DEEP_PIXELS:
        return None
    opacity: Deep | None = None
    if full.shape[2] == 4:
        opacity = np.ascontiguousarray(full[..., 3].astype(np.uint16))
        alpha = full[..., 3:].astype(np.uint32)
        full = (full[..., :3] * alpha + 65535 * (65535 - alpha) + 32767) // 65535
    deep = full.astype(np.uint16)
    for turn in (1, orientation):  # OpenCV turns some files, not others
        upright = _turned(deep, turn)
        if upright.shape == shallow.shape:
            difference = np.abs((upright >> 8).astype(np.int16) - shallow)
            if difference.max() <= apart:
                if opacity is not None:
                    opacity = np.ascontiguousarray(_turned(opacity, turn))
                return np.ascontiguousarray(upright), opacity
    return None


def _turned(pixels: Deep, orientation: int) -> Deep:
    """Apply an EXIF orientation."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _on_white(image: Image.Image) -> tuple[Image.Image, Pixels | None]:
    """Lay a picture with transparency on white; also return its opacity if any of it shows."""
    if not image.has_transparency_data:
        return image, None
    picture = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    laid = Image.alpha_composite(white, picture)
    alpha = np.asarray(picture.getchannel("A"))
    shows = alpha.min() < 255
    return laid.convert("L" if image.mode in ("L", "LA") else "RGB"), alpha if shows else None


def _deep_to_srgb(deep: Deep, profile: bytes | None, mode: str, notes: list[str]) -> Picture:
    """Convert a 16-bit picture, at 8 bits if its profile leaves no other way."""
    if not profile:
        return deep
    try:
        if mode == "RGB" and colour.is_srgb(profile):
            return deep
        converted = colour.deep_to_srgb(deep, profile) if mode == "RGB" else None
        if converted is not None:
            return converted
        image = Image.fromarray(to_8_bit(deep)).convert(mode)
        reduced = np.asarray(colour.to_srgb(image, profile))
    except (ImageCms.PyCMSError, OSError):
        notes.append("its colour profile is damaged or does not fit, so colours may be off")
        return deep
    notes.append("its 16-bit values are reduced to 8 bit, as its colour profile demands it")
    return reduced


def _to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    if image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        try:
            if image.mode == "RGB" and colour.is_srgb(profile):
                return image
            return colour.to_srgb(image, profile)
        except (ImageCms.PyCMSError, OSError):
            notes.append("its colour profile is damaged or does not fit, so colours may be off")
    elif image.mode == "CMYK":
        notes.append("it is CMYK without a colour profile, so colours may be off")
    return image.convert("RGB")

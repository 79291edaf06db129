"""Reads photos: whatever file comes in, upright sRGB pixels or one sentence why not come out.

First stage of the flow. Only the decoders named in ``_DECODERS`` ever see a file, because every
other one is attack surface (the one for EPS starts a program). Decisions that hold for all formats:

- Orientation (EXIF, XMP, or the container's own) is applied once, here.
- An embedded ICC profile is converted to sRGB; a damaged one is said and taken for sRGB.
- Transparent parts become white, so that what lies hidden under them is gone, not carried along.
- 16-bit samples are reduced to 8.
- Of animations and multi-page files the first picture is read, and that is said.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from deid_desktop.core.types import DeidError, Photo, Pixels

MAX_PIXELS = 150_000_000
"""Largest photo that is opened, in pixels: above the 100 megapixels of today's largest cameras."""

# Pillow refuses whatever exceeds twice this value, in frames and tiles as well as in headers.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_DECODERS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "GIF")
_JPEG = {".jpg", ".jpeg", ".jpe", ".jfif"}
PHOTO_SUFFIXES = frozenset(
    _JPEG | {".png", ".tif", ".tiff", ".webp", ".avif", ".bmp", ".gif", ".heic", ".heif"}
)
"""What counts as a photo inside a folder. HEIC is among them so that it is named, not left out."""


class ImageError(DeidError):
    """A file cannot be read as a photo."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A photo, and in ``notes`` what a person should know of how it was read (plain sentences)."""

    photo: Photo
    notes: tuple[str, ...]


def srgb_profile() -> bytes:
    """Return the one ICC profile that exported photos carry: sRGB, without date or platform."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The creation date, the operating system and the digest over both would tell on the machine.
    profile[24:36] = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # 2000-01-01
    profile[40:44] = bytes(4)
    profile[84:100] = bytes(16)
    return bytes(profile)


SRGB_PROFILE = srgb_profile()


def photo_from_pixels(pixels: Pixels, name: str) -> Photo:
    """Wrap RGB pixels (height, width, 3) of any origin as a photo.

    The photo's array is a read-only copy: nothing downstream can change the original.
    """
    own = np.array(pixels, dtype=np.uint8, order="C")
    own.flags.writeable = False
    digest = hashlib.blake2b(repr(own.shape).encode(), digest_size=16)
    digest.update(own.data)
    return Photo(name=name, pixels=own, key=digest.hexdigest())


def read_photo(path: Path) -> Photo:
    """Read one file as an upright sRGB photo.

    Raises:
        ImageError: the file is missing, empty, no photo, damaged or too large.
    """
    return decode(path).photo


def decode(path: Path) -> Decoded:
    """Do the work of `read_photo` and say what was decided on the way.

    Raises:
        ImageError: as `read_photo`.
    """
    with _open_file(path) as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, on metadata that is dropped anyway
                image, notes = _decode(file, path.name)
                return Decoded(photo_from_pixels(np.asarray(image), path.name), tuple(notes))
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            raise ImageError(_unidentified(file, path.name)) from error
        except Image.DecompressionBombError as error:
            raise ImageError(
                f"{path.name}: the photo has more than the {MAX_PIXELS / 1e6:.0f} megapixels "
                "that are read; make a smaller copy of it"
            ) from error
        except MemoryError as error:
            raise ImageError(
                f"{path.name}: the photo does not fit into memory; "
                "close other programs or make a smaller copy of it"
            ) from error
        except Exception as error:  # a damaged file can raise anything from within a decoder
            raise ImageError(
                f"{path.name}: the picture data is damaged or incomplete; "
                "get the file again from where it came"
            ) from error


def find_photos(inputs: Iterable[Path], *, skip: Path | None = None) -> list[Path]:
    """List the photos among files and folders, each once, in a stable order.

    Files are taken as they are. Folders are searched with all folders below them for the suffixes
    in `PHOTO_SUFFIXES`; hidden entries, links to folders and the folder ``skip`` are passed over.

    Raises:
        ImageError: a folder cannot be read or holds no photo.
    """
    found: dict[Path, None] = {}
    for path in inputs:
        if path.is_dir():
            photos = sorted(_walk(path, skip.resolve() if skip else None))
            if not photos:
                raise ImageError(
                    f"{path.name}: the folder holds no photos; choose a folder with "
                    "JPEG, PNG, TIFF, WebP, AVIF, BMP or GIF files"
                )
            found.update(dict.fromkeys(photos))
        else:
            found[path] = None
    return list(found)


def _walk(folder: Path, skip: Path | None) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ImageError(
            f"{Path(error.filename).name}: the folder cannot be read ({error.strerror}); "
            "check its permissions"
        ) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        here = Path(parent)
        folders[:] = [
            name for name in folders if not name.startswith(".") and (here / name).resolve() != skip
        ]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in PHOTO_SUFFIXES:
                yield here / name


def _open_file(path: Path) -> IO[bytes]:
    try:
        status = path.stat()
        # Opening a named pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path.name}: this is not a file; choose a photo")
        if status.st_size == 0:
            raise ImageError(f"{path.name}: the file is empty; get it again from where it came")
        return path.open("rb")
    except OSError as error:
        raise ImageError(
            f"{path.name}: the file cannot be read ({error.strerror}); "
            "check that it is there and that you may read it"
        ) from error


def _decode(file: IO[bytes], name: str) -> tuple[Image.Image, list[str]]:
    notes: list[str] = []
    image: Image.Image = Image.open(file, formats=_DECODERS)
    # Phones add further pictures to a JPEG (depth, gain map): the first is the photo itself.
    if image.format != "MPO" and (count := getattr(image, "n_frames", 1)) > 1:
        image.seek(0)
        notes.append(f"only the first of its {count} pictures is used")
    profile = image.info.get("icc_profile")
    bits = image.tag_v2.get(258, (16,))[0] if isinstance(image, TiffImageFile) else 16
    if any(";16" in str(tile) for tile in getattr(image, "tile", ())):
        notes.append("its 16-bit values are reduced to 8 bit")
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F"):
        raise ImageError(
            f"{name}: photos with 32-bit samples are not read; save it with 8 or 16 bit"
        )
    if image.mode.startswith("I;16"):
        image = _reduce(image, bits)
    if image.has_transparency_data:
        image, visible = _on_white(image)
        if visible:
            notes.append("its transparent parts are now white")
    return _to_srgb(image, profile, notes), notes


def _reduce(image: Image.Image, bits: int) -> Image.Image:
    """Scale 12- or 16-bit grey to 8 bit, rounded; Pillow's own conversion would clip it."""
    full = (1 << bits) - 1
    samples = np.asarray(image).astype(np.float32)
    return Image.fromarray(np.clip(samples * (255 / full) + 0.5, 0, 255).astype(np.uint8))


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Lay the picture on white; also say whether any of the white shows."""
    picture = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    laid = Image.alpha_composite(white, picture)
    alpha = np.asarray(picture.getchannel("A"))
    return laid.convert("L" if image.mode in ("L", "LA") else "RGB"), bool(alpha.min() < 255)


def _to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    if image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.ImageCmsProfile(io.BytesIO(SRGB_PROFILE)),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError):
            notes.append("its colour profile is damaged or does not fit, so colours may be off")
        else:
            assert converted is not None  # only None when converted in place
            return converted
    elif image.mode == "CMYK":
        notes.append("it is CMYK without a colour profile, so colours may be off")
    return image.convert("RGB")


def _unidentified(file: IO[bytes], name: str) -> str:
    file.seek(0)
    head = file.read(32)
    if head[4:8] == b"ftyp" and any(
        brand in head for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
    ):
        return f"{name}: HEIC photos are not read; export it as JPEG from a photo program first"
    return (
        f"{name}: this is no undamaged photo in a format that is read (JPEG, PNG, TIFF, WebP, "
        "AVIF, BMP, GIF); open it in a photo program and save it as JPEG"
    )

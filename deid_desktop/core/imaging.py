"""Reads photos: whatever file comes in, upright sRGB pixels or one sentence why not come out.

First stage of the flow. ``decoders`` knows what files hold; here their errors become sentences and
their pixels a `Photo`. The programs call it through ``sandbox``, in a process of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from deid_desktop.core.decoders import (
    RAW_SUFFIXES,
    ImageError,
    Picture,
    Raster,
    decode_picture,
    decode_raw,
    open_picture,
    to_8_bit,
    unidentified,
)
from deid_desktop.core.types import SRGB, Photo

__all__ = [
    "Decoded",
    "ImageError",
    "decode",
    "find_photos",
    "open_picture",
    "photo_from_pixels",
    "read_photo",
]

MEGAPIXELS = 150.0
"""Largest photo that is opened unless asked: above the 100 megapixels of the largest cameras."""

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

PHOTO_SUFFIXES = RAW_SUFFIXES | {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".avif"),
    *(".heic", ".heif", ".hif", ".bmp", ".gif"),
}
"""What counts as a photo inside a folder."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A photo, and in ``notes`` what a person should know of how it was read (plain sentences).

    ``pages``: how many pictures its file holds, of which it is one.
    """

    photo: Photo
    notes: tuple[str, ...]
    pages: int = 1


def photo_from_pixels(pixels: Picture, name: str) -> Photo:
    """Wrap RGB pixels (height, width, 3), 8 or 16 bit, of any origin as a photo.

    The photo's arrays are read-only copies: nothing downstream can change the original.
    """
    return wrap(Raster(pixels.copy(order="C"), []), name)


def wrap(raster: Raster, name: str) -> Photo:
    """Do the same without a copy, for what nobody else holds."""
    picture, _, space, pixels, alpha, _ = raster
    own = to_8_bit(picture) if pixels is None else pixels
    deep = picture if picture.dtype == np.uint16 or space != SRGB else None
    digest = hashlib.blake2b(repr(own.shape).encode(), digest_size=16)
    digest.update(picture.data)
    digest.update(b"" if space == SRGB else space.encode())
    if alpha is not None:
        digest.update(np.ascontiguousarray(alpha).data)
    for array in (picture, own, alpha):
        if array is not None:
            array.flags.writeable = False
    return Photo(name, own, digest.hexdigest(), deep, space, alpha)


def read_photo(path: Path) -> Photo:
    """Read one file as an upright sRGB photo, in this process.

    Raises:
        ImageError: the file is missing, empty, no photo, damaged or too large.
    """
    return decode(path).photo


def decode(path: Path) -> Decoded:
    """Do the work of `read_photo` and say what was decided on the way.

    Raises:
        ImageError: as `read_photo`.
    """
    raster = decode_file(path)
    pixels, alpha = (
        None if array is None else array.copy(order="C") for array in (raster.pixels, raster.alpha)
    )
    raster = raster._replace(picture=raster.picture.copy(order="C"), pixels=pixels, alpha=alpha)
    return Decoded(wrap(raster, path.name), tuple(raster.notes), raster.pages)


def decode_file(path: Path, *, megapixels: float = MEGAPIXELS) -> Raster:
    """Decode one file to RGB pixels (height, width, 3), 8 or 16 bit, and what belongs to them.

    Raises:
        ImageError: as `read_photo`.
    """
    with open_file(path) as file:
        return decode_stream(file, path.name, megapixels=megapixels)


def decode_stream(
    file: BinaryIO, name: str, *, megapixels: float = MEGAPIXELS, page: int = 0
) -> Raster:
    """Do the same for a file that is open; ``name`` is for sentences, its ending for RAW.

    ``page``: which picture of a file with several, from 0.

    Raises:
        ImageError: as `read_photo`.
    """
    with decoding(file, name, megapixels=megapixels):
        raw = Path(name).suffix.lower() in RAW_SUFFIXES
        return decode_raw(file, name) if raw else decode_picture(file, name, page)


@contextlib.contextmanager
def decoding(file: BinaryIO, name: str, *, megapixels: float) -> Iterator[None]:
    """Turn whatever goes wrong within into one sentence.

    Raises:
        ImageError: in place of every other exception.
    """
    # Pillow refuses whatever exceeds twice this value, in frames and tiles as well as in headers.
    Image.MAX_IMAGE_PIXELS = int(megapixels * 1e6 / 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on metadata that is dropped anyway
            yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(unidentified(file, name)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name}: the photo has more than the {megapixels:g} megapixels "
            "that are read; make a smaller copy of it, or raise the limit"
        ) from error
    except MemoryError as error:
        raise ImageError(
            f"{name}: the photo needs more memory than there is or than is allowed; "
            "make a smaller copy of it, or raise the limit"
        ) from error
    except Exception as error:  # a damaged file can raise anything from within a decoder
        raise ImageError(
            f"{name}: the picture data is damaged or incomplete; "
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
        if _is_folder(path):
            photos = sorted(_walk(path, skip.resolve() if skip else None))
            if not photos:
                raise ImageError(
                    f"{path.name}: the folder holds no photos; choose a folder with "
                    "JPEG, PNG, TIFF, WebP, AVIF, HEIC, RAW, BMP or GIF files"
                )
            found.update(dict.fromkeys(photos))
        else:
            found[path] = None
    return list(found)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long; opening the file will say so
        return False


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


def open_file(path: Path) -> BinaryIO:
    """Open a file that is one, and not empty.

    Raises:
        ImageError: it is not, or cannot be read.
    """
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

"""Writes photos full of metadata in every format; looks for what is left, and at the colours.

    python -m bench.cleaning [FOLDER]

For each photo and format: bytes that belong to no picture (taken apart by ``scan``), texts of the
original's EXIF, XMP and Photoshop blocks that stand in the new file, and how far its colours are
from those of the original, both turned upright and brought to sRGB by Pillow and LittleCMS alone.
That is the mean CIEDE2000 of the pixels, beside it the older CIE 1976 ΔE. The exit status is 1 when
anything is left, a picture lies wrongly, or the former is above 1.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from deid_desktop.core import scan
from deid_desktop.core.export import write_photo
from deid_desktop.core.sandbox import Limits, Reader
from deid_desktop.evaluation.utility import ciede2000

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "photos" / "metadata"
SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".avif")
_BLOCKS = ("exif", "xmp", "comment")
_TEXT = re.compile(rb"[ -~]{8,}")
LARGEST_MEAN = 1.0


def reference(path: Path) -> NDArray[np.float32]:
    """Return a file's picture as every colour-managed viewer shows it; CIE L*a*b*."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
        shown = ImageOps.exif_transpose(image).convert("RGB")
    if profile:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        ImageCms.profileToProfile(
            shown, own, ImageCms.createProfile("sRGB"), renderingIntent=intent, inPlace=True
        )
    return cv2.cvtColor(np.asarray(shown, np.float32) / 255, cv2.COLOR_RGB2Lab)


def texts(path: Path) -> set[bytes]:
    """Return what can be read in the metadata of a file, except in its colour profile."""
    with Image.open(path) as image:
        blocks = [image.info.get(name, b"") for name in _BLOCKS]
        blocks += image.info.get("photoshop", {}).values()
    found = (_TEXT.findall(block) for block in blocks if isinstance(block, bytes))
    return {text for some in found for text in some}


def judge(path: Path, original: NDArray[np.float32], secrets: set[bytes]) -> tuple[bool, str]:
    """Return whether a written file is as it should be, and its figures."""
    data = path.read_bytes()
    foreign = sum(max(part.size, 1) for part in scan.parts(data) if not part.allowed)
    leaked = sum(text in data for text in secrets)
    found = reference(path)
    if found.shape != original.shape:
        return False, f"{foreign:6} {leaked:6}  lies wrongly"
    apart = float(ciede2000(found, original).mean())
    older = float(np.linalg.norm(found - original, axis=2).mean())
    good = not foreign and not leaked and apart <= LARGEST_MEAN
    return good, f"{foreign:6} {leaked:6} {apart:8.3f} {older:8.3f} {len(data) / 1024:8.0f}"


def main() -> int:
    """Write every photo in every format and print what is left of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    options = parser.parse_args()
    reader = Reader(Limits())
    bad = count = 0
    print(f"{'photo':36} {'as':5} {'bytes':>6} {'texts':>6} {'ΔE2000':>8} {'ΔE1976':>8} {'KiB':>8}")
    with tempfile.TemporaryDirectory(prefix="cleaning-") as place:
        for path in sorted(options.folder.iterdir()):
            photo = reader.decode(path).photo
            original, secrets = reference(path), texts(path)
            for suffix in SUFFIXES:
                target = Path(place) / f"{path.stem}{suffix}"
                write_photo(photo.pixels, target, faces=[], results=[], sources=[path])
                good, figures = judge(target, original, secrets)
                bad, count = bad + (not good), count + 1
                print(f"{path.name:36} {suffix:5} {figures}{'' if good else '  WRONG'}")
    reader.close()
    print(f"{count} files: {bad} with metadata, lying wrongly or with a mean ΔE2000 above 1")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

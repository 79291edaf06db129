"""The whole flow on what ordinary photos are not: 16 bits, wide gamuts, metadata."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from deid_desktop import batch
from deid_desktop.core import scan
from deid_desktop.core.export import write_photo
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.naming import Planned
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Method, Request
from deid_desktop.resources import resource

SUFFIXES = ("png", "tif", "jpg", "webp", "avif")


@pytest.fixture
def deep_photo(tmp_path):
    """The sample with noise below 8 bits, so that every loss of depth shows."""
    with Image.open(resource("samples", "portrait.jpg")) as image:
        image.thumbnail((360, 360))
        pixels = np.asarray(image.convert("RGB")).astype(np.uint16) * 257
    noise = np.random.default_rng(3).integers(-100, 100, pixels.shape)
    return np.clip(pixels.astype(int) + noise, 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("method", [Method.SOLID, Method.SURROGATE])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_untouched_16_bit_pixels_stay_bit_for_bit(tmp_path, deep_photo, suffix, method):
    source = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(source), deep_photo[..., ::-1])
    settings = batch.Settings(Request(method=method), tmp_path / "out", (source,))
    outcome = batch.redact_file(
        Pipeline("cpu"), Planned(source, tmp_path / "out" / source.name), settings
    )
    assert outcome.record.status == "exported", outcome.record.reason
    written = cv2.imread(str(tmp_path / "out" / source.name), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert written.dtype == np.uint16
    same = (written == deep_photo).all(axis=2)
    (face,) = outcome.record.faces
    x, y, width, height = face["box"]
    rows, columns = np.nonzero(~same)
    assert len(rows) > 0.2 * width * height
    reach = 0.2 if method is Method.SOLID else 1.2
    assert rows.min() >= y - reach * height - 1
    assert rows.max() <= y + (1 + reach) * height + 1
    assert columns.min() >= x - reach * width - 1
    assert columns.max() <= x + (1 + reach) * width + 1


def reference(path):
    """Return a file's colours in L*a*b*, by LittleCMS alone."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image).convert("RGB")
    if profile:
        upright = ImageCms.profileToProfile(
            upright,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    return cv2.cvtColor(np.asarray(upright).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


@pytest.mark.shared
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colours_and_orientation_of_real_photos_survive_and_nothing_else(tmp_path, shared, suffix):
    for path in sorted((shared / "photos" / "metadata").iterdir()):
        photo = read_photo(path)
        target = tmp_path / f"{path.stem}.{suffix}"
        write_photo(photo.pixels, target, faces=[], results=[], sources=[path])
        assert scan.foreign_parts(target.read_bytes()) == []
        before, after = reference(path), reference(target)
        assert before.shape == after.shape
        apart = np.linalg.norm(before - after, axis=2)
        if suffix in ("png", "tif"):
            assert np.quantile(apart, 0.999) <= 1
        else:  # what the format itself loses comes on top, most in noise
            assert np.median(apart) <= 1.5
            assert abs((before - after).mean(axis=(0, 1))).max() <= 0.7

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from deid_desktop.core.encoders import QUALITY, encode
from deid_desktop.core.export import write_photo


def test_a_lower_quality_makes_a_smaller_file_and_png_ignores_it(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (64, 64, 3), np.uint8)
    sizes = []
    for number, quality in enumerate((None, 60)):
        target = tmp_path / f"{number}.jpg"
        write_photo(pixels, target, faces=(), results=(), sources=(), quality=quality)
        write_photo(
            pixels, target.with_suffix(".png"), faces=(), results=(), sources=(), quality=quality
        )
        sizes.append((target.stat().st_size, target.with_suffix(".png").stat().st_size))
    assert sizes[1][0] < sizes[0][0]
    assert sizes[1][1] == sizes[0][1]


def test_webp_loses_nothing_unless_a_lower_quality_is_wished():
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    assert np.array_equal(decoded(encode(pixels, "WEBP")), pixels)
    assert len(encode(pixels, "WEBP", QUALITY - 1)) < len(encode(pixels, "WEBP"))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_no_format_tints_the_picture(kind, channels):
    """AVIF came out greener by a whole level: a change of libavif shows here."""
    noise = np.random.default_rng(0).normal(0, 12, (128, 128, 3))
    pixels = np.clip(cv2.GaussianBlur(noise, (0, 0), 1) * 3 + (200, 150, 120), 0, 255)
    pixels = np.dstack([pixels, np.full((128, 128), 250)])[..., :channels].astype(np.uint8)
    if kind == "JPEG" and channels == 4:
        pytest.skip("JPEG has no opacity")
    off = decoded(encode(pixels, kind))[..., :3].astype(float) - pixels[..., :3]
    assert np.ptp(off.mean((0, 1))) < 0.6
    assert np.abs(off.mean()) < 0.6
    white = np.full((16, 16, 3), 255, np.uint8)
    assert np.array_equal(decoded(encode(white, kind)), white)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif", ".jpg"])
def test_an_opacity_that_hides_nothing_is_not_written(tmp_path, suffix):
    target = tmp_path / f"a{suffix}"
    pixels = np.full((32, 32, 4), 255, np.uint8)
    write_photo(pixels, target, faces=(), results=(), sources=())
    assert decoded(target.read_bytes()).shape == (32, 32, 3)


def decoded(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)

"""Colour: whatever space the numbers of a file are in, what comes out is sRGB."""

import io
import struct
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from deid_desktop.core import colour
from deid_desktop.core.colour import SRGB_PRIMARIES, described_profile
from deid_desktop.core.imaging import decode, read_photo
from deid_desktop.core.pipeline.finishing import finished
from deid_desktop.core.types import SRGB, Keep

P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
SPACES = {"Display P3": (P3, None), "Adobe RGB": (ADOBE, 563 / 256), "linear": (P3, 1.0)}


@pytest.fixture
def quarters():
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = (200, 30, 30)
    pixels[16:, 24:] = (220, 220, 220)
    return pixels


def save(pixels, path, **options):
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
    return path


# A reference of its own: textbook formulas in double precision, nothing of the tested module.


def to_xyz(rgb, primaries, gamma):
    points = np.array(primaries).reshape(4, 2)
    xyz = np.stack([points[:, 0] / points[:, 1], np.ones(4), (1 - points.sum(1)) / points[:, 1]])
    matrix = xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], xyz[:, 0])
    if gamma is None:
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    else:
        linear = rgb**gamma
    return linear @ matrix.T


def to_lab(xyz):
    t = xyz / np.array([0.3127 / 0.3290, 1, 0.3583 / 0.3290])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(np.maximum(t, 0)), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]),
                     200 * (f[..., 1] - f[..., 2])], -1)  # fmt: skip


def in_gamut(space):
    """Return colours of a space, 0…1, that sRGB can show."""
    primaries, gamma = SPACES[space]
    rgb = np.random.default_rng(5).random((40_000, 3))
    to_linear = np.linalg.inv(to_xyz(np.eye(3), SRGB_PRIMARIES, 1.0).T)
    linear = to_xyz(rgb, primaries, gamma) @ to_linear.T
    return rgb[((linear > 0.001) & (linear < 0.999)).all(1)][:4096].reshape(64, 64, 3)


def delta_e(pixels, numbers, space):
    """Return the largest distance (CIE 1976) between sRGB pixels and the true colours."""
    shown = pixels / np.iinfo(pixels.dtype).max
    return np.linalg.norm(
        to_lab(to_xyz(shown, SRGB_PRIMARIES, None)) - to_lab(to_xyz(numbers, *SPACES[space])),
        axis=-1,
    )


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_wide_gamuts_are_converted(tmp_path, space, suffix):
    stored = np.round(in_gamut(space) * 255).astype(np.uint8)
    primaries, gamma = SPACES[space]
    profile = described_profile(primaries, gamma=gamma)
    path = save(stored, tmp_path / f"a.{suffix}", icc_profile=profile)
    apart = delta_e(read_photo(path).pixels, stored / 255, space)
    # Beside the conversion, the rounding to 8 bit of the result: half a step in dark blue is 1.
    assert apart.mean() < 0.35
    assert np.quantile(apart, 0.99) < 1


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_wide_gamuts_are_converted_at_16_bits(tmp_path, space, suffix):
    stored = np.round(in_gamut(space) * 65535).astype(np.uint16)
    primaries, gamma = SPACES[space]
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), stored[..., ::-1])
    path.write_bytes(with_profile(path.read_bytes(), described_profile(primaries, gamma=gamma)))
    photo = read_photo(path)
    assert photo.deep is not None
    converted, named = finished(photo, [], Keep(colours=False))
    assert named == SRGB
    assert converted.dtype == np.uint16
    assert delta_e(converted, stored / 65535, space).max() < 0.1


def with_profile(data, profile):
    """Put a profile into a PNG or a little-endian TIFF."""
    if data.startswith(b"\x89PNG"):
        import zlib

        return with_chunk(data, b"iCCP", b"x\0\0" + zlib.compress(profile))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    directory = data[start + 2 : start + 2 + 12 * count]
    entry = struct.pack("<HHII", 34675, 7, len(profile), len(data))
    head = data[:4] + struct.pack("<I", len(data) + len(profile)) + data[8:]
    return head + profile + struct.pack("<H", count + 1) + directory + entry + bytes(4)


def with_chunk(data, name, body):
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc32(name + body))
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_png_gamma_and_primaries_count(tmp_path, gamma):
    space = "linear" if gamma == 1.0 else "other"
    SPACES.setdefault("other", (P3, 1.8))
    stored = np.round(in_gamut(space) * 255).astype(np.uint8)
    path = save(stored, tmp_path / "a.png")
    points = struct.pack(">8I", *(round(value * 100_000) for value in P3))
    data = with_chunk(path.read_bytes(), b"cHRM", points)
    path.write_bytes(with_chunk(data, b"gAMA", struct.pack(">I", round(100_000 / gamma))))
    apart = delta_e(read_photo(path).pixels, stored / 255, space)
    assert np.quantile(apart, 0.99) < 1


def test_the_usual_gamma_of_a_png_means_srgb(tmp_path, quarters):
    path = save(quarters, tmp_path / "a.png")
    path.write_bytes(with_chunk(path.read_bytes(), b"gAMA", struct.pack(">I", 45455)))
    assert np.array_equal(read_photo(path).pixels, quarters)


def test_code_points_of_heic_and_avif_count(tmp_path):
    expected = to_xyz(np.array([1, 128 / 255, 0]), P3, None) @ np.linalg.inv(
        to_xyz(np.eye(3), SRGB_PRIMARIES, 1.0)
    )
    green = round(255 * (1.055 * expected[1] ** (1 / 2.4) - 0.055))
    heic = read_photo(Path(__file__).parent / "data" / "wide.heic").pixels[32, 32].astype(int)
    assert np.abs(heic - (255, green, 0)).max() <= 3
    path = save(np.full((64, 64, 3), (255, 128, 0), np.uint8), tmp_path / "a.avif", quality=95)
    data = path.read_bytes()
    place = data.index(b"nclx")
    path.write_bytes(data[: place + 4] + struct.pack(">H", 12) + data[place + 6 :])
    avif = read_photo(path).pixels[32, 32].astype(int)
    assert np.abs(avif - (255, green, 0)).max() <= 4


def test_high_dynamic_range_is_said(tmp_path):
    path = save(np.full((64, 64, 3), 99, np.uint8), tmp_path / "a.avif")
    data = path.read_bytes()
    place = data.index(b"nclx")
    path.write_bytes(data[: place + 4] + struct.pack(">HH", 9, 16) + data[place + 8 :])
    assert "high dynamic range" in decode(path).notes[0]


def swapped_profile():
    """Return an RGB profile whose first primary is blue: it cannot be ignored unseen."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * count, 12):
        tag = bytes(profile[entry : entry + 4])
        profile[entry : entry + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(tag, tag)
    return bytes(profile)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_colour_profiles_are_converted(tmp_path, suffix):
    pixels = np.full((32, 32, 3), (255, 0, 0), np.uint8)
    path = save(pixels, tmp_path / f"a.{suffix}", icc_profile=swapped_profile())
    red, green, blue = read_photo(path).pixels[16, 16].astype(int)
    assert blue > 240
    assert red < 15
    assert green < 15


def test_profiles_of_srgb_change_nothing(tmp_path):
    pixels = np.random.default_rng(4).integers(0, 65536, (16, 16, 3)).astype(np.uint16)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), pixels[..., ::-1])
    for profile in (colour.SRGB_PROFILE, described_profile(SRGB_PRIMARIES)):
        assert colour.is_srgb(profile)
        path.write_bytes(with_profile(path.read_bytes(), profile))
        assert np.array_equal(read_photo(path).deep, pixels)
    assert not colour.is_srgb(described_profile(P3))
    assert not colour.is_srgb(described_profile(gamma=2.2))


def test_tables_in_a_profile_cost_the_16_bits(tmp_path):
    pixels = np.full((8, 8, 3), 40000, np.uint16)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), pixels)
    profile = swapped_profile().replace(b"rTRC", b"xTRC")
    path.write_bytes(with_profile(path.read_bytes(), profile))
    decoded = decode(path)
    assert decoded.notes != ()


def test_a_profile_that_does_not_fit_the_mode_is_said(tmp_path):
    path = tmp_path / "a.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("L", (8, 8), 77).save(path, icc_profile=profile)
    decoded = decode(path)
    assert (decoded.photo.pixels == 77).all()
    assert "colour profile" in decoded.notes[0]


def test_a_damaged_profile_is_said(tmp_path, quarters):
    decoded = decode(save(quarters, tmp_path / "a.png", icc_profile=b"no profile at all" * 20))
    assert np.array_equal(decoded.photo.pixels, quarters)
    assert "colour profile is damaged" in decoded.notes[0]


def test_our_profile_is_srgb_and_tells_nothing_of_the_machine():
    profile = colour.SRGB_PROFILE
    assert colour.srgb_profile() == profile
    assert profile[24:30] == bytes((7, 208, 0, 1, 0, 1))
    assert profile[40:44] == bytes(4)
    name = ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert "sRGB" in name


@pytest.mark.parametrize("kind", range(5))
def test_every_kind_of_curve_is_known(kind):
    count = (1, 3, 4, 5, 7)[kind]
    numbers = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0][:count]
    if kind in (1, 2):
        numbers = [2.0, 1.0, 0.0, 0.0][:count]
    tag = struct.pack(">4s4xHxx", b"para", kind)
    tag += b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)
    curve = colour._curve(tag)
    x = np.linspace(0, 1, 65536)
    expected = {0: x**2.4, 1: x**2, 2: x**2}.get(
        kind, np.where(x < 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    )
    assert np.abs(curve - expected).max() < 1e-4


def test_curves_given_by_points_are_known():
    straight = struct.pack(">4s4xI", b"curv", 0)
    assert np.allclose(colour._curve(straight), np.linspace(0, 1, 65536), atol=1e-6)
    power = struct.pack(">4s4xIH", b"curv", 1, 512)
    assert np.allclose(colour._curve(power), np.linspace(0, 1, 65536) ** 2, atol=1e-6)
    points = struct.pack(">4s4xI3H", b"curv", 3, 0, 16384, 65535)
    assert abs(colour._curve(points)[32768] - 0.25) < 1e-3

"""Reading: orientation, colour, alpha, depth, and one sentence for whatever cannot be read."""

import io
import os
import struct
from zlib import compress, crc32

import numpy as np
import pytest
from PIL import Image, ImageCms

from deid_desktop.core import imaging
from deid_desktop.core.imaging import ImageError, decode, find_photos, photo_from_pixels, read_photo

ORIENTATION = 0x0112
# What a camera stores so that each EXIF orientation shows the same upright picture.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.fixture
def quarters():
    """A picture whose four quarters differ, so that every turn and mirroring shows."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = (200, 30, 30)
    pixels[:16, 24:] = (30, 200, 30)
    pixels[16:, :24] = (30, 30, 200)
    pixels[16:, 24:] = (220, 220, 220)
    return pixels


def save(pixels, path, **options):
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_orientation_is_applied_once_in_every_container(tmp_path, quarters, suffix, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = save(STORED[orientation](quarters), tmp_path / f"a.{suffix}", exif=exif)
    photo = read_photo(path)
    assert photo.pixels.shape == quarters.shape
    inner = (slice(4, None, 8), slice(4, None, 8))
    difference = photo.pixels[inner].astype(int) - quarters[inner].astype(int)
    assert np.abs(difference).max() < 25  # lossy formats, far from any other quarter's colour


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg(tmp_path, quarters, options):
    photo = read_photo(save(quarters, tmp_path / "a.jpg", quality=95, **options))
    assert photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels[4:12, 4:20].astype(int) - (200, 30, 30)).max() < 8


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_lossless_formats_come_back_bit_for_bit(tmp_path, quarters, suffix):
    photo = read_photo(save(quarters, tmp_path / f"a.{suffix}"))
    assert np.array_equal(photo.pixels, quarters)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / "a.png"
    Image.new("L", (9, 7), 255).convert(mode).save(path)
    photo = read_photo(path)
    assert photo.pixels.shape == (7, 9, 3)
    assert (photo.pixels == 255).all()


def test_cmyk_is_not_inverted_and_said(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    decoded = decode(path)
    red, green, blue = decoded.photo.pixels[8, 8].astype(int)
    assert red > 200
    assert green < 60
    assert blue < 60
    assert "CMYK" in decoded.notes[0]


def test_what_lies_under_transparent_parts_is_gone(tmp_path):
    pixels = np.full((8, 8, 4), (200, 30, 30, 255), np.uint8)
    pixels[:, :4, 3] = 0
    decoded = decode(save(pixels, tmp_path / "a.png"))
    assert (decoded.photo.pixels[:, :4] == 255).all()
    assert (decoded.photo.pixels[:, 4:] == (200, 30, 30)).all()
    assert decoded.notes == ("its transparent parts are now white",)


def test_opaque_alpha_is_nothing_to_mention(tmp_path):
    pixels = np.full((8, 8, 4), (200, 30, 30, 255), np.uint8)
    assert decode(save(pixels, tmp_path / "a.png")).notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    decoded = decode(save(ramp, tmp_path / f"a.{suffix}"))
    assert np.array_equal(decoded.photo.pixels[..., 0].ravel(), np.arange(256))
    assert decoded.notes == ("its 16-bit values are reduced to 8 bit",)


def deep_png(pixels):
    """Return 16-bit RGB pixels as a PNG, which Pillow itself cannot write."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc32(name + body))

    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2").reshape(height, -1)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_16_bit_colour_is_reduced_and_said(tmp_path):
    ramp = np.linspace(0, 65535, 256 * 3).astype(np.uint16).reshape(16, 16, 3)
    path = tmp_path / "a.png"
    path.write_bytes(deep_png(ramp))
    decoded = decode(path)
    assert np.abs(decoded.photo.pixels - ramp / 257).max() < 1
    assert decoded.notes == ("its 16-bit values are reduced to 8 bit",)


def test_32_bit_samples_are_refused(tmp_path):
    path = save(np.zeros((4, 4), np.float32), tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"^a\.tif: .*32-bit.*; save"):
        read_photo(path)


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    decoded = decode(path)
    assert (decoded.photo.pixels[4, 4] == (255, 0, 0)).all()
    assert decoded.notes == ("only the first of its 3 pictures is used",)


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
    profile = imaging.SRGB_PROFILE
    assert imaging.srgb_profile() == profile
    assert profile[24:30] == bytes((7, 208, 0, 1, 0, 1))
    assert profile[40:44] == bytes(4)
    name = ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert "sRGB" in name


def test_pixels_are_a_read_only_copy(quarters):
    photo = photo_from_pixels(quarters, "a")
    quarters[:] = 0
    assert photo.pixels.max() == 220
    with pytest.raises(ValueError, match="read-only"):
        photo.pixels[0, 0] = 1


def test_key_is_a_digest_of_pixels_and_shape(quarters):
    key = photo_from_pixels(quarters, "a").key
    assert photo_from_pixels(quarters.copy(), "another name").key == key
    assert photo_from_pixels(quarters.reshape(48, 32, 3), "a").key != key
    quarters[0, 0, 0] += 1
    assert photo_from_pixels(quarters, "a").key != key


def jpeg(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("text.jpg", b"Dear editor, the photo follows.", "no undamaged photo"),
        ("empty.jpg", b"", "the file is empty"),
        ("random.png", bytes(range(256)) * 20, "no undamaged photo"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("script.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no undamaged photo"),
    ],
)
def test_what_is_no_photo_gets_one_sentence(tmp_path, name, content, cause):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert cause in message
    assert "; " in message
    assert "\n" not in message
    assert str(tmp_path) not in message


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_truncated_files_are_refused(tmp_path, quarters, suffix):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    path = save(noise, tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"^a\.{suffix}: .*damaged.*; "):
        read_photo(path)


def test_missing_file_folder_and_pipe(tmp_path):
    with pytest.raises(ImageError, match=r"^gone\.jpg: .*No such file"):
        read_photo(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="not a file"):
        read_photo(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(ImageError, match=r"^pipe\.jpg: this is not a file"):
            read_photo(tmp_path / "pipe.jpg")


def test_too_many_pixels_are_refused_with_the_limit(tmp_path, monkeypatch):
    path = save(np.zeros((40, 50, 3), np.uint8), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_photo(path).pixels.shape == (40, 50, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 999)
    with pytest.raises(ImageError, match=r"^a\.png: .*150 megapixels.*; make"):
        read_photo(path)


def test_bits_flipped_anywhere_open_or_raise_image_error(tmp_path, quarters):
    generator = np.random.default_rng(7)
    path = tmp_path / "a.bin"
    opened = refused = 0
    for suffix in ("jpeg", "png", "tiff", "webp", "gif", "bmp"):
        buffer = io.BytesIO()
        Image.fromarray(quarters).save(buffer, suffix)
        for _ in range(60):
            data = bytearray(buffer.getvalue())
            for place in generator.integers(0, len(data), 4):
                data[place] ^= 1 << int(generator.integers(0, 8))
            path.write_bytes(data)
            try:
                assert read_photo(path).pixels.ndim == 3
                opened += 1
            except ImageError:
                refused += 1
    assert opened > 20
    assert refused > 20


def test_find_photos_searches_folders_in_order_and_once(tmp_path):
    for place in ("b.JPG", "a.png", "note.txt", ".hidden.jpg", "sub/c.heic", ".git/d.jpg"):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    single = tmp_path / "note.txt"
    found = find_photos([tmp_path, single, tmp_path / "a.png"])
    assert found == [tmp_path / p for p in ("a.png", "b.JPG", "sub/c.heic", "note.txt")]
    assert find_photos([tmp_path], skip=tmp_path / "sub") == [
        tmp_path / "a.png",
        tmp_path / "b.JPG",
    ]


def test_a_folder_without_photos_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"^empty: the folder holds no photos; "):
        (tmp_path / "empty").mkdir()
        find_photos([tmp_path / "empty"])


def test_the_sample_opens_upright():
    from deid_desktop.resources import resource

    photo = read_photo(resource("samples", "portrait.jpg"))
    assert photo.name == "portrait.jpg"
    assert photo.pixels.shape[0] > photo.pixels.shape[1]


@pytest.mark.shared
def test_the_eight_orientations_of_one_photo_look_alike(shared):
    folder = shared / "photos" / "hostile" / "exif_orientation"
    small = [
        np.asarray(Image.fromarray(read_photo(path).pixels).resize((24, 36)), np.int16)
        for path in sorted(folder.glob("Portrait_*.jpg"))
    ]
    assert len(small) == 9
    assert all(np.abs(other - small[1]).mean() < 3 for other in small)


@pytest.mark.shared
def test_hostile_files_open_or_are_refused_in_one_sentence(shared):
    files = [path for path in (shared / "photos" / "hostile").rglob("*") if path.is_file()]
    refused = 0
    for path in files:
        try:
            pixels = read_photo(path).pixels
        except ImageError as error:
            refused += 1
            message = str(error)
            assert message.startswith(f"{path.name}: "), message
            assert "; " in message, message
            assert "\n" not in message, message
        else:
            assert pixels.dtype == np.uint8
            assert pixels.ndim == 3
    assert len(files) >= 319
    assert 50 < refused < 80

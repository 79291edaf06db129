"""Reading: orientation, colour, alpha, depth, and one sentence for whatever cannot be read."""

import io
import os
import struct
import sys
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pytest
from PIL import Image

from deid_desktop.core import decoders, imaging
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
    assert decoded.notes == (decoders.SEE_THROUGH,)


def test_opaque_alpha_is_nothing_to_mention(tmp_path):
    pixels = np.full((8, 8, 4), (200, 30, 30, 255), np.uint8)
    assert decode(save(pixels, tmp_path / "a.png")).notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    decoded = decode(save(ramp, tmp_path / f"a.{suffix}"))
    assert np.array_equal(decoded.photo.pixels[..., 0].ravel(), np.arange(256))
    assert np.array_equal(decoded.photo.deep, np.repeat(ramp[..., None], 3, axis=2))
    assert decoded.notes == ()


def test_12_bit_grey_is_spread_over_16():
    samples = np.array([[0, 1, 2048, 4095]], np.uint16)
    assert decoders._widen(samples, 12).tolist() == [[0, 16, 32776, 65535]]


def deep(shape=(40, 60, 3), seed=3):
    """Return random 16-bit samples."""
    return np.random.default_rng(seed).integers(0, 65536, shape).astype(np.uint16)


def save_deep(pixels, path):
    """Write 16-bit colour, which Pillow cannot."""
    cv2.imwrite(str(path), pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colour_stays(tmp_path, suffix):
    pixels = deep()
    decoded = decode(save_deep(pixels, tmp_path / f"a.{suffix}"))
    assert np.array_equal(decoded.photo.deep, pixels)
    assert np.abs(decoded.photo.pixels - pixels / 257).max() <= 0.5
    assert decoded.notes == ()
    with pytest.raises(ValueError, match="read-only"):
        decoded.photo.deep[0, 0] = 1


def insert_exif(data, orientation):
    """Put an eXIf chunk with an orientation into a PNG."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", crc32(body))
    return data[:33] + chunk + data[33:]


def insert_orientation(data, orientation):
    """Add the orientation to the first directory of a little-endian TIFF."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [data[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    entries.append(struct.pack("<HHIHH", ORIENTATION, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    moved = struct.pack("<H", count + 1) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + moved


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_photos_are_turned_too(tmp_path, suffix, orientation):
    pixels = deep()
    path = save_deep(np.ascontiguousarray(STORED[orientation](pixels)), tmp_path / f"a.{suffix}")
    insert = insert_exif if suffix == "png" else insert_orientation
    path.write_bytes(insert(path.read_bytes(), orientation))
    assert np.array_equal(read_photo(path).deep, pixels)


def test_16_bit_transparency_becomes_white(tmp_path):
    pixels = np.dstack([deep(), np.full((40, 60), 65535, np.uint16)])
    pixels[:20, :, 3] = 0
    decoded = decode(save_deep(pixels, tmp_path / "a.png"))
    assert (decoded.photo.deep[:20] == 65535).all()
    assert np.array_equal(decoded.photo.deep[20:], pixels[20:, :, :3])
    assert decoded.notes == (decoders.SEE_THROUGH,)


def test_decoders_that_disagree_lead_to_8_bit(tmp_path, monkeypatch):
    path = save_deep(deep(), tmp_path / "a.png")
    monkeypatch.setattr(decoders.cv2, "imdecode", lambda *_: deep(seed=4))
    decoded = decode(path)
    assert decoded.photo.deep is None
    assert decoded.notes == (decoders.REDUCED,)


def test_separate_planes_of_16_bit_are_refused(tmp_path):
    data = bytearray(save_deep(deep(), tmp_path / "a.tif").read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] == 284:
            struct.pack_into("<H", data, entry + 8, 2)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageError, match=r"^a\.tif: .*separate colour planes.*; save"):
        read_photo(tmp_path / "a.tif")


def test_rounding_to_8_bit_and_back_is_exact():
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(decoders.to_8_bit(every.astype(np.uint16) * 257), every)


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


def test_a_page_of_a_tiff_can_be_asked_for(tmp_path):
    pages = [Image.new("RGB", (8 + n, 8), colour) for n, colour in enumerate(("red", "blue"))]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    first, second = (imaging.decode_stream(path.open("rb"), path.name, page=n) for n in (0, 1))
    assert (first.picture[4, 4] == (255, 0, 0)).all()
    assert (second.picture[4, 4] == (0, 0, 255)).all()
    assert second.picture.shape == (8, 9, 3)
    assert second.notes == ["only page 2 of its 2 is used"]
    with pytest.raises(ImageError, match=r"^a\.tif: it has no page 3, only 2; choose"):
        imaging.decode_stream(path.open("rb"), path.name, page=2)


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
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC photo is damaged"),
        ("deep.jpg", b"\xff\xd8\xff\xc0\0\x11\x0c\0\x40\0\x40\3" + b"\1\x11\0" * 3, "12 bits"),
        ("photo.cr2", b"II*\0 no RAW at all", "damaged"),
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


def test_too_many_pixels_are_refused_with_the_limit(tmp_path):
    path = save(np.zeros((40, 50, 3), np.uint8), tmp_path / "a.png")
    assert imaging.decode_file(path, megapixels=0.002)[0].shape == (40, 50, 3)
    with pytest.raises(ImageError, match=r"^a\.png: .*0\.0019 megapixels.*; make"):
        imaging.decode_file(path, megapixels=0.0019)


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


HEIC = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("plain", ()),
        ("turned", ()),
        ("ten_bit", ()),
        ("two", ("only the first of its 2 pictures is used",)),
    ],
)
def test_heic_opens_upright(quarters, name, notes):
    decoded = decode(HEIC / f"{name}.heic")
    expected = quarters.repeat(2, axis=0).repeat(2, axis=1)
    assert decoded.photo.pixels.shape == expected.shape
    assert np.abs(decoded.photo.pixels[8::16, 8::16].astype(int) - expected[8::16, 8::16]).max() < 6
    assert decoded.notes == notes


def test_a_heic_keeps_its_ten_bits():
    photo = read_photo(HEIC / "ten_bit.heic")
    assert photo.deep.dtype == np.uint16
    assert np.abs((photo.deep >> 8).astype(int) - photo.pixels).max() <= 2
    assert len(np.unique(photo.deep)) <= 1024
    assert read_photo(HEIC / "plain.heic").deep is None
    keys = {read_photo(HEIC / "ten_bit.heic").key for _ in range(100)}
    assert len(keys) == 1, "memory that was freed is read"


@pytest.mark.parametrize("bits", [10, 12])
def test_an_avif_keeps_its_bits(tmp_path, bits):
    full = (1 << bits) - 1
    steps = np.linspace(0, full, 90 * 60).astype(np.uint16).reshape(60, 90)
    cv2.imwrite(
        str(tmp_path / "a.avif"),
        np.dstack([steps] * 3),
        [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100],
    )
    decoded = decode(tmp_path / "a.avif")
    assert decoded.notes == ()
    assert np.abs(decoded.photo.deep[..., 1] * (full / 65535) - steps).max() <= 3
    assert len(np.unique(decoded.photo.deep[..., 1])) > 600


def test_ten_bits_that_two_decoders_read_differently_are_reduced(monkeypatch):
    monkeypatch.setattr(decoders, "_coded_deep", lambda *_: deep((64, 96, 3)))
    decoded = decode(HEIC / "ten_bit.heic")
    assert decoded.photo.deep is None
    assert decoded.notes == (decoders.REDUCED,)


def test_heic_transparency_becomes_white():
    pixels = decode(HEIC / "transparent.heic").photo.pixels
    assert (pixels[:, :40] == 255).all()


def test_damaged_heic_opens_or_is_refused_in_one_sentence(tmp_path):
    generator = np.random.default_rng(17)
    data = (HEIC / "plain.heic").read_bytes()
    path = tmp_path / "a.heic"
    refused = 0
    for _ in range(60):
        damaged = bytearray(data)
        for place in generator.integers(0, len(data), 4):
            damaged[place] ^= 1 << int(generator.integers(0, 8))
        path.write_bytes(damaged)
        try:
            read_photo(path)
        except ImageError as error:
            refused += 1
            assert str(error).startswith("a.heic: ")
    assert refused > 5


def raw_file(path, samples):
    """Write 16-bit Bayer samples (RGGB) as a minimal DNG."""
    height, width = samples.shape
    matrix = (10000, 0, 0, 0, 10000, 0, 0, 0, 10000)
    rational = b"".join(struct.pack("<ii", value, 10000) for value in matrix)
    tags = {
        254: (4, struct.pack("<I", 0)),
        256: (4, struct.pack("<I", width)),
        257: (4, struct.pack("<I", height)),
        258: (3, struct.pack("<H", 16)),
        259: (3, struct.pack("<H", 1)),
        262: (3, struct.pack("<H", 32803)),
        271: (2, b"Maker\0"),
        272: (2, b"Model\0"),
        273: (4, None),
        277: (3, struct.pack("<H", 1)),
        278: (4, struct.pack("<I", height)),
        279: (4, struct.pack("<I", samples.nbytes)),
        33421: (3, struct.pack("<HH", 2, 2)),
        33422: (1, bytes((0, 1, 1, 2))),
        50706: (1, bytes((1, 4, 0, 0))),
        50708: (2, b"Maker Model\0"),
        50717: (4, struct.pack("<I", 65535)),
        50721: (10, rational),
        50728: (5, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        50778: (3, struct.pack("<H", 21)),
    }
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
    behind = 8 + 2 + 12 * len(tags) + 4
    extra = b""
    tags[273] = (4, struct.pack("<I", behind + 256))
    directory = struct.pack("<H", len(tags))
    for tag, (kind, value) in tags.items():
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack("<I", behind + len(extra))
            extra += value
        directory += struct.pack("<HHI", tag, kind, len(value) // sizes[kind]) + place
    head = struct.pack("<2sHI", b"II", 42, 8) + directory + bytes(4) + extra.ljust(256, b"\0")
    path.write_bytes(head + samples.astype("<u2").tobytes())
    return path


def test_raw_is_developed_at_16_bits(tmp_path):
    pytest.importorskip("rawpy", reason="the extra “raw” is not installed")
    samples = np.full((96, 128), 20000, np.uint16)
    samples[:, 64:] = 60000
    decoded = decode(raw_file(tmp_path / "a.dng", samples))
    assert decoded.photo.deep.shape == (96, 128, 3)
    dark, light = (
        decoded.photo.pixels[48, 20].astype(int),
        decoded.photo.pixels[48, 108].astype(int),
    )
    assert (light > dark + 50).all()
    assert "RAW" in decoded.notes[0]


def test_the_thumbnail_of_a_raw_photo_is_not_taken_for_the_photo(tmp_path):
    path = save(np.zeros((8, 8, 3), np.uint8), tmp_path / "a.tif", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(ImageError, match=r"^a\.tif: .*RAW.*; give it"):
        decode(path)


def test_raw_without_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "a.nef").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"^a\.nef: .*extra “raw”.*; install"):
        decode(tmp_path / "a.nef")


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
    assert 30 < refused < 60

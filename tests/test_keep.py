"""The whole flow on wide gamuts and transparency: kept by choice, and nobody hides in them."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from deid_desktop import batch
from deid_desktop.core import colour, scan
from deid_desktop.core.colour import PROFILES
from deid_desktop.core.decoders import to_8_bit
from deid_desktop.core.encoders import encode, straight
from deid_desktop.core.imaging import photo_from_pixels, read_photo
from deid_desktop.core.naming import Planned
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.pipeline.finishing import FLATTENED, finished, see_through, seen
from deid_desktop.core.types import SRGB, Face, Keep, Method, Request
from deid_desktop.core.verify import THRESHOLD
from deid_desktop.resources import resource

SEE_THROUGH = ("png", "webp", "tif", "avif")
WIDE = sorted(set(PROFILES) - {SRGB})


@pytest.fixture(scope="module")
def engine():
    return Pipeline("cpu")


@pytest.fixture(scope="module")
def portrait():
    with Image.open(resource("samples", "portrait.jpg")) as image:
        image.thumbnail((360, 360))
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def redact(engine, tmp_path):
    """Send a file through the terminal program's flow; return the outcome and what was written."""

    def run(source, suffix="", method=Method.SOLID, **keep):
        target = tmp_path / "out" / (source.stem + (suffix or source.suffix))
        settings = batch.Settings(
            Request(method=method), tmp_path / "out", (source,), keep=Keep(**keep), overwrite=True
        )
        outcome = batch.redact_file(engine, Planned(source, target), settings)
        assert outcome.record.status == "exported", outcome.record.reason
        assert scan.foreign_parts(target.read_bytes()) == []
        return outcome, target

    return run


def away_from(face, shape, reach):
    """Return which pixels no layer of the face can touch."""
    x, y, width, height = face["box"]
    far = np.ones(shape[:2], bool)
    top, left = max(0, int(y - reach * height) - 1), max(0, int(x - reach * width) - 1)
    far[top : int(y + (1 + reach) * height) + 2, left : int(x + (1 + reach) * width) + 2] = False
    return far


# Wide gamuts


@pytest.mark.parametrize("method", [Method.SOLID, Method.SURROGATE])
@pytest.mark.parametrize("space", WIDE)
@pytest.mark.parametrize(("suffix", "deep"), [("png", False), ("png", True), ("tif", True)])
def test_a_wide_gamut_is_kept_bit_for_bit(tmp_path, portrait, redact, space, suffix, deep, method):
    depth, full = (np.uint16, 65535) if deep else (np.uint8, 255)
    pixels = np.rint(colour.between(portrait / 255, SRGB, space) * full).astype(depth)
    pixels[:8, :8] = (0, full, 0)  # a green that no sRGB shows
    source = tmp_path / f"a.{suffix}"
    source.write_bytes(encode(pixels, "PNG" if suffix == "png" else "TIFF", space=space))
    outcome, target = redact(source, method=method, colours=True)
    photo = read_photo(target)
    assert photo.space == space
    assert photo.deep.dtype == pixels.dtype
    (face,) = outcome.record.faces
    far = away_from(face, pixels.shape, 0.2 if method is Method.SOLID else 1.2)
    assert far.sum() > 1000
    assert np.array_equal(photo.deep[far], pixels[far])
    with Image.open(target) as image:
        assert image.info["icc_profile"] == PROFILES[space]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_without_the_wish_every_export_is_srgb(tmp_path, portrait, redact, suffix):
    source = tmp_path / "a.png"
    source.write_bytes(encode(portrait, "PNG", space="Display P3"))
    _, target = redact(source, f".{suffix}")
    assert read_photo(target).space == SRGB
    before, after = read_photo(source).pixels, read_photo(target).pixels
    assert np.abs(before[:40].astype(int) - after[:40]).mean() < 2


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_every_format_carries_the_wide_space(tmp_path, portrait, redact, suffix):
    source = tmp_path / "a.png"
    source.write_bytes(encode(portrait, "PNG", space="Adobe RGB"))
    _, target = redact(source, f".{suffix}", colours=True)
    photo = read_photo(target)
    assert photo.space == "Adobe RGB"
    assert np.abs(photo.deep[:40].astype(int) - portrait[:40]).mean() < 2


def test_a_surrogate_has_the_same_colours_in_every_space(engine, portrait, tmp_path):
    (tmp_path / "a.png").write_bytes(encode(portrait, "PNG"))
    plain = engine.redact_photo(read_photo(tmp_path / "a.png"), Request(seed=2))
    assert plain.results[0].layer is not None
    for space in WIDE:
        wide = np.rint(colour.between(portrait / 255, SRGB, space) * 65535).astype(np.uint16)
        (tmp_path / "wide.png").write_bytes(encode(wide, "PNG", space=space))
        photo = read_photo(tmp_path / "wide.png")
        assert np.abs(photo.pixels.astype(int) - portrait).max() <= 1
        pixels, named = finished(photo, plain.results, Keep(colours=True))
        assert named == space
        apart = np.abs(seen(pixels, named).astype(int) - to_8_bit(plain.pixels))
        changed = (plain.pixels != portrait).any(axis=2).astype(np.uint8)
        changed = cv2.dilate(changed, np.ones((3, 3))) > 0  # a soft edge may hit the same level
        assert apart[~changed].max() <= 1
        assert apart[changed].mean() < 1.5, space  # soft edges mix along another curve


def test_our_profiles_mean_what_littlecms_makes_of_them():
    grid = np.stack(np.meshgrid(*[np.arange(0, 256, 15, np.uint8)] * 3), -1).reshape(-1, 18, 3)
    for space in WIDE:
        converted = np.asarray(colour.to_srgb(Image.fromarray(grid), PROFILES[space]))
        ours = np.rint(colour.between(grid / 255, space, SRGB) * 255)
        assert np.abs(converted - ours).max() <= 1, space
        back = colour.between(colour.between(grid / 255, SRGB, space), space, SRGB)
        assert np.abs(back * 255 - grid).max() < 0.5
        words = ImageCms.ImageCmsProfile(io.BytesIO(PROFILES[space])).profile
        assert words.profile_description == space


def test_spaces_are_told_apart():
    for space in WIDE:
        assert colour.space_of(PROFILES[space]) == space
    assert colour.space_of(PROFILES[SRGB]) is None
    assert colour.space_of(colour.described_profile(colour._ROMM, gamma=2.2)) is None
    assert colour.space_of(b"no profile") is None


# Transparency


@pytest.fixture
def cut_out(portrait):
    """The portrait as an oval with a soft border; what lies outside is still in the file."""
    height, width = portrait.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot((columns - width / 2) / width * 2.0, (rows - height / 2) / height * 2.0)
    alpha = np.clip((1.0 - distance) / 0.08 + 0.5, 0, 1)
    return np.dstack([portrait, np.rint(alpha * 255).astype(np.uint8)])


@pytest.mark.parametrize("suffix", SEE_THROUGH)
@pytest.mark.parametrize("method", [Method.SOLID, Method.SURROGATE])
def test_transparency_is_kept(tmp_path, cut_out, redact, suffix, method):
    source = tmp_path / "a.png"
    Image.fromarray(cut_out).save(source)
    outcome, target = redact(source, f".{suffix}", method)
    assert not any(FLATTENED in warning for warning in outcome.warnings)
    with Image.open(target) as image:
        written = np.asarray(image.convert("RGBA"))
    (face,) = outcome.record.faces
    far = away_from(face, written.shape, 0.2 if method is Method.SOLID else 1.2)
    lossless = suffix in ("png", "tif")
    assert np.abs(written[..., 3][far].astype(int) - cut_out[..., 3][far]).max() <= (
        0 if lossless else 12
    )
    assert (written[cut_out[..., 3] == 0][:, :3] == 255).all() or not lossless
    opaque = far & (cut_out[..., 3] == 255)
    if lossless and opaque.any():
        assert np.array_equal(written[opaque], cut_out[opaque])
    soft = far & (cut_out[..., 3] > 60) & (cut_out[..., 3] < 255)
    if lossless:
        assert np.abs(written[soft].astype(int) - cut_out[soft])[:, :3].max() <= 5


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_transparency_is_kept_at_16_bits(tmp_path, cut_out, redact, suffix):
    import cv2

    source = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(3).integers(0, 120, cut_out.shape).astype(np.uint16)
    deep = cut_out.astype(np.uint16) * 256 + noise
    deep[..., 3] = cut_out[..., 3].astype(np.uint16) * 257
    cv2.imwrite(str(source), deep[..., [2, 1, 0, 3]])
    outcome, target = redact(source)
    written = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]]
    far = away_from(outcome.record.faces[0], written.shape, 0.2)
    assert np.array_equal(written[..., 3][far], deep[..., 3][far])
    opaque = far & (deep[..., 3] == 65535)
    assert opaque.sum() > 500
    assert np.array_equal(written[opaque], deep[opaque])


def test_formats_without_transparency_and_those_asked_to_get_white(tmp_path, cut_out, redact):
    source = tmp_path / "a.png"
    Image.fromarray(cut_out).save(source)
    for suffix, keep in ((".jpg", {}), (".png", {"transparency": False})):
        _, target = redact(source, suffix, **keep)
        with Image.open(target) as image:
            assert image.mode == "RGB"
            assert np.asarray(image)[0, 0].min() > 250


# Somebody who hides


def hidden_colours(portrait):
    """A face that only those see who take the transparency away."""
    return np.dstack([portrait, np.full(portrait.shape[:2], 3, np.uint8)])


def hidden_in_the_shape(portrait):
    """White all over; the face is in how opaque it is, and shows on black."""
    grey = portrait.mean(axis=2).astype(np.uint8)
    return np.dstack([np.full_like(portrait, 255), grey])


def shown_by_the_shape(portrait):
    """Black all over; the face shows on white, and all of it is in the opacity."""
    grey = 255 - portrait.mean(axis=2).astype(np.uint8)
    return np.dstack([np.zeros_like(portrait), grey])


@pytest.mark.parametrize("hide", [hidden_colours, hidden_in_the_shape, shown_by_the_shape])
@pytest.mark.parametrize("method", [Method.SOLID, Method.SURROGATE])
def test_nobody_hides_in_transparency(tmp_path, portrait, redact, engine, hide, method):
    source = tmp_path / "a.png"
    Image.fromarray(hide(portrait)).save(source)
    try:
        _, target = redact(source, method=method)
    except AssertionError as error:  # blocked: nothing was written, which is as well
        assert "blocks the export" in str(error)
        assert not (tmp_path / "out" / "a.png").exists()
        return
    with Image.open(target) as image:
        written = np.asarray(image.convert("RGBA")).astype(int)
    alpha = written[..., 3:]
    original = read_photo_of(portrait, engine)
    for background in (0, 255):
        picture = ((written[..., :3] * alpha + background * (255 - alpha)) / 255).astype(np.uint8)
        assert not same_person(engine, original, picture)
    assert not same_person(engine, original, written[..., :3].astype(np.uint8))
    assert not same_person(engine, original, np.repeat(alpha, 3, 2).astype(np.uint8))
    assert not same_person(engine, original, np.repeat(255 - alpha, 3, 2).astype(np.uint8))


def read_photo_of(portrait, engine):
    photo = photo_from_pixels(portrait, "portrait")
    (face,) = engine.detect(photo)
    return photo, face, engine.analyse(photo, face).embedding


def same_person(engine, original, picture):
    """Tell whether the recogniser finds the person where the face was."""
    _, _, embedding = original
    photo = photo_from_pixels(picture, "picture")
    return any(
        float(engine.analyse(photo, face).embedding @ embedding) > THRESHOLD
        for face in engine.detect(photo)
    )


@pytest.mark.parametrize(
    ("box", "kept"),
    [((30, 30, 40, 40), True), ((-10, -10, 25, 25), False), ((15, 30, 40, 40), False)],
)
def test_only_a_face_in_see_through_parts_makes_them_white(box, kept):
    class Finder:
        def detect(self, pixels):
            return [Face(0, box, np.zeros((5, 2)), 0.7)]

    pixels = np.full((100, 100, 3), 90, np.uint8)
    alpha = np.full((100, 100), 255, np.uint8)
    alpha[:, :20] = 120
    photo = replace(photo_from_pixels(pixels, "a"), alpha=alpha)
    opacity = see_through(photo, photo.pixels, [], Finder())
    assert (opacity is not None) == kept
    assert not kept or np.array_equal(opacity, alpha)


def test_what_lies_under_full_transparency_is_gone(tmp_path, portrait, redact):
    hidden = np.dstack([portrait, np.zeros(portrait.shape[:2], np.uint8)])
    hidden[:20, :, 3] = 255
    source = tmp_path / "a.png"
    Image.fromarray(hidden).save(source)
    _, target = redact(source)
    with Image.open(target) as image:
        written = np.asarray(image)
    assert (written[20:] == (255, 255, 255, 0)).all()


def test_taking_off_the_white_is_exact_where_it_can_be():
    chance = np.random.default_rng(8)
    colours = chance.integers(0, 256, (64, 64, 3)).astype(int)
    alpha = chance.integers(1, 256, (64, 64, 1))
    laid = np.rint((colours * alpha + 255 * (255 - alpha)) / 255)
    taken = straight(np.dstack([laid, alpha]).astype(np.uint8))
    assert (np.abs(taken[..., :3] - colours) <= np.ceil(0.5 * 255 / alpha)).all()
    assert np.array_equal(taken[..., 3:], alpha)

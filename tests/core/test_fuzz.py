"""Damaged files, found by search: loaders, scanner and inspection answer in their own errors only.

The search is the same in every run; bench/fuzz.py goes on for as long as one likes.
"""

import contextlib
import io
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from deid_desktop.core import scan
from deid_desktop.core.colour import SRGB_PROFILE, deep_to_srgb, is_srgb
from deid_desktop.core.imaging import ImageError, decode_file
from deid_desktop.core.inspection import described, inspect_file
from deid_desktop.core.naming import plan_targets, printable

PIXELS = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP")
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
DATA = Path(__file__).parent / "data"


def whole(kind):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "maker", 6
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    extra = {} if kind in ("GIF", "BMP") else {"exif": exif, "icc_profile": SRGB_PROFILE}
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **extra)
    return buffer.getvalue()


CORPUS = {kind: whole(kind) for kind in FORMATS}
CORPUS |= {path.stem: path.read_bytes() for path in sorted(DATA.glob("*.heic"))}


@st.composite
def damaged(draw, corpus=tuple(CORPUS)):
    """A file of the corpus with bytes changed, put in, taken out, and perhaps cut short."""
    data = bytearray(CORPUS[draw(st.sampled_from(corpus))])
    for _ in range(draw(st.integers(1, 6))):
        # Most structure stands at the front.
        place = min(draw(st.integers(0, len(data))), draw(st.integers(0, len(data))))
        what = draw(st.binary(max_size=8))
        data[place : place + draw(st.sampled_from((0, len(what), len(what), 4)))] = what
    return bytes(data[: draw(st.one_of(st.none(), st.integers(0, len(data))))])


quick = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@quick
@given(damaged())
def test_loaders_answer_with_a_picture_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.jpg"
    path.write_bytes(data)
    try:
        picture = decode_file(path, megapixels=1).picture
    except ImageError as error:
        assert str(error).startswith("a.jpg: ")
        assert "; " in str(error)
        assert "\n" not in str(error)
    else:
        assert picture.ndim == 3
        assert picture.dtype in (np.uint8, np.uint16)


@quick
@given(damaged(tuple(CORPUS)[:5]))
def test_the_scanner_answers_with_parts_or_its_own_error(data):
    try:
        found = scan.parts(data)
    except scan.StructureError:
        return
    assert found
    assert all(part.size >= 0 for part in found)


@quick
@given(damaged())
def test_inspection_answers_with_lines_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.jpg"
    path.write_bytes(data)
    try:
        lines = described(inspect_file(path, megapixels=1))
    except ImageError as error:
        assert str(error).startswith("a.jpg: ")
    else:
        assert lines.startswith("a.jpg: ")
        assert all(line == printable(line) for line in lines.split("\n"))


@quick
@given(st.integers(0, len(SRGB_PROFILE) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_profiles_do_not_break_16_bit_colour(place, what):
    profile = bytearray(SRGB_PROFILE)
    profile[place : place + len(what)] = what
    deep = np.arange(4 * 4 * 3, dtype=np.uint16).reshape(4, 4, 3) * 1000
    converted = deep_to_srgb(deep, bytes(profile))
    assert converted is None or converted.shape == deep.shape
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        is_srgb(bytes(profile))


@quick
@given(st.text())
def test_printable_names_hold_nothing_that_moves_or_hides(text):
    shown = printable(text)
    assert not {unicodedata.category(character) for character in shown} & HIDDEN
    assert printable(shown) == shown


@pytest.mark.parametrize("seed", range(3))
def test_no_two_inputs_get_one_output(seed):
    generator = np.random.default_rng(seed)
    names = ["".join(generator.choice(list("aAéÉßſ.K\u212a"), 3)) + ".png" for _ in range(60)]
    plan = plan_targets(
        [(Path(f"{n}/{name}"), Path(name)) for n, name in enumerate(names)],
        Path("out"),
        writable={".png"},
    )
    targets = [str(item.target).casefold() for item in plan if not item.reason]
    assert len(set(targets)) == len(targets)

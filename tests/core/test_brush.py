"""The mask brush, own eyes and mouth, and skin tone: what they change, and what they must not."""

from dataclasses import replace

import numpy as np
import pytest
from samples import scaled

from deid_desktop.core.brush import extent, painted
from deid_desktop.core.compose import MaskLayer
from deid_desktop.core.compose.touch import skin_gain, toned
from deid_desktop.core.types import Attributes, Face, Method, Request, State, Stroke

BOX = (40.0, 30.0, 60.0, 80.0)
FACE = Face(0, BOX, np.zeros((5, 2), np.float32), 1.0)
MIDDLE = Stroke(into=True, radius=0.1, points=((0.0, 0.0),))
EVERYTHING = Stroke(into=False, radius=0.5, points=((-1, -1), (1, 1), (-1, 1), (1, -1), (0, 0)))


@pytest.fixture(scope="module")
def small(portrait, portrait_face):
    return scaled(portrait, replace(portrait_face, id=0), 0.5)


@pytest.fixture(scope="module")
def plain(pipeline, small):
    return pipeline.redact(*small, Request())


def again(pipeline, small, plain, **change):
    """Render the same identity with another request."""
    return pipeline.redact(*small, replace(Request(), **change), identity=plain.identity)


def test_strokes_are_drawn_where_they_are_said_to_be():
    says = painted([MIDDLE], FACE, corner=(10, 5), shape=(140, 160))
    rows, columns = np.nonzero(says)
    assert (columns.mean() + 10, rows.mean() + 5) == pytest.approx((70, 70), abs=0.6)
    assert np.ptp(columns) == pytest.approx(16, abs=2)
    assert set(np.unique(says)) == {0.0, 1.0}


def test_a_later_stroke_lies_over_an_earlier_one():
    out = replace(MIDDLE, into=False, radius=0.05)
    says = painted([MIDDLE, out], FACE, corner=(0, 0), shape=(140, 160))
    assert says[70, 70] == -1
    assert says[70, 76] == 1


def test_the_extent_holds_what_is_taken_in_and_ignores_what_is_taken_out():
    far = Stroke(into=True, radius=0.1, points=((1.0, 0.0),))
    left, top, width, height = extent([far, EVERYTHING], FACE)
    assert (left, top, height) == (40, 30, 80)
    assert left + width == pytest.approx(70 + 80 * 1.1)


def test_the_brush_adds_to_a_mask_beyond_its_box():
    photo = np.full((200, 260, 3), 200, np.uint8)
    far = Stroke(into=True, radius=0.1, points=((0.0, 0.0), (1.4, 0.0)))
    MaskLayer(FACE, Method.SOLID, (far,)).apply(photo)
    assert (photo[70, 70:180] == 24).all()
    assert (photo[150] == 200).all()


def test_the_brush_never_takes_a_mask_off_the_face():
    photo = np.full((140, 160, 3), 200, np.uint8)
    bare, brushed = photo.copy(), photo.copy()
    MaskLayer(FACE, Method.SOLID).apply(bare)
    MaskLayer(FACE, Method.SOLID, (EVERYTHING,)).apply(brushed)
    y, x = np.mgrid[:140, :160]
    core = ((x - 70) / 29) ** 2 + ((y - 70) / 39) ** 2 <= 1
    assert (brushed[core] == 24).all()
    assert (brushed == 24).sum() < (bare == 24).sum()


def test_a_region_that_was_brushed_away_whole_blocks_the_export(pipeline, small):
    photo, face = small
    region = replace(face, region=True)
    part = replace(EVERYTHING, points=((0.0, 0.0),), radius=0.1)
    masked = pipeline.redact(photo, region, Request(method=Method.SOLID, strokes=(part,)))
    assert masked.verdict.state is State.MASKED
    gone = pipeline.redact(photo, region, Request(method=Method.SOLID, strokes=(EVERYTHING,)))
    assert gone.verdict.state is State.ATTENTION
    assert gone.layer is None


def test_what_is_brushed_out_of_a_surrogate_is_the_photo_bit_for_bit(pipeline, small, plain):
    out = Stroke(into=False, radius=0.12, points=((-0.4, -0.45), (0.4, -0.4)))
    photo, face = small
    changed = pipeline.render(photo, [again(pipeline, small, plain, strokes=(out,))])
    thin = painted([replace(out, radius=0.08)], face, corner=(0, 0), shape=changed.shape[:2])
    np.testing.assert_array_equal(changed[thin < 0], photo.pixels[thin < 0])
    before = pipeline.render(photo, [plain])
    assert (before[thin < 0] != photo.pixels[thin < 0]).any()


def test_what_is_brushed_in_is_replaced(pipeline, small, plain):
    into = Stroke(into=True, radius=0.08, points=((-0.3, -0.42), (0.3, -0.42)))
    photo, face = small
    result = again(pipeline, small, plain, strokes=(into,))
    says = painted([into], face, corner=(0, 0), shape=photo.pixels.shape[:2]) > 0
    parts = [
        np.abs(pipeline.render(photo, [r]).astype(int) - photo.pixels)[says].mean()
        for r in (plain, result)
    ]
    assert parts[1] > 1.5 * parts[0]


def test_a_surrogate_brushed_off_the_face_is_not_verified(pipeline, small, plain):
    whole = Stroke(into=False, radius=0.5, points=((0.0, 0.0),))
    result = again(pipeline, small, plain, strokes=(whole,))
    assert result.verdict.state is State.ATTENTION
    assert result.verdict.similarity_to_original > 0.9


def test_own_eyes_and_mouth_come_back_and_are_verified(pipeline, small, plain):
    face = small[1]
    wish = Attributes(keep_eyes=True, keep_mouth=True)
    result = again(pipeline, small, plain, attributes=wish)
    assert result.verdict.similarity_to_original is not None
    size = int(0.07 * face.box[2])
    mouth = face.points[3:].mean(0)
    for point in (*face.points[:2], mouth):
        x, y = (point - [plain.layer.left, plain.layer.top]).astype(int)
        near = (slice(y - size, y + size), slice(x - size, x + size))
        assert result.layer.alpha[near].min() < 0.02
    assert (result.layer.alpha <= plain.layer.alpha + 1e-3).all()
    assert (result.layer.alpha < 0.1).sum() > (plain.layer.alpha < 0.1).sum()
    assert result.attributes["keep_eyes"]
    assert "keep_eyes" not in plain.attributes


def test_skin_gets_the_tone_that_was_set_and_the_neck_goes_with_it(pipeline, small, plain):
    photo, face = small
    dark, light = (
        pipeline.render(photo, [again(pipeline, small, plain, attributes=Attributes(skin_tone=t))])
        for t in (-10.0, 55.0)
    )
    x, y, width, height = face.box
    cheek = (slice(int(y + 0.55 * height), int(y + 0.65 * height)), int(x + 0.3 * width))
    neck = (slice(int(y + 1.1 * height), int(y + 1.14 * height)), int(x + 0.5 * width))
    for place in (cheek, neck):
        assert dark[place].mean() < 0.85 * light[place].mean()
    assert (dark[:5] == photo.pixels[:5]).all()


def test_the_gain_of_no_change_is_one_and_brightening_does_not_clip():
    assert skin_gain(30.0, 30.0) == pytest.approx([1, 1, 1])
    assert (skin_gain(50.0, -20.0) < skin_gain(50.0, 20.0)).all()
    ramp = np.linspace(100, 250, 50, dtype=np.float32)[:, None, None].repeat(3, 2)
    assert (np.diff(toned(ramp, np.full(3, 1.5, np.float32))[:, 0, 0]) > 0).all()

"""A region is no face: its whole box is masked, and it never gets a surrogate."""

from dataclasses import replace

import numpy as np
import pytest
from doubles import face

from deid_desktop.core.compose import MaskLayer
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Method, Photo, Request, State

REGION = replace(face(0, (20.0, 30.0, 40.0, 10.0)), score=0.0, by_person=True, region=True)


@pytest.fixture
def photo():
    pixels = np.random.default_rng(0).integers(60, 255, (80, 100, 3), np.uint8)
    return Photo("a.png", pixels, "key")


@pytest.mark.parametrize("method", [Method.SOLID, Method.BLUR, Method.PIXELATE])
def test_the_whole_box_is_covered_and_nothing_else(photo, method):
    pixels = photo.pixels.copy()
    MaskLayer(REGION, method).apply(pixels)
    same = (pixels == photo.pixels).all(2)
    outside = np.ones((80, 100), bool)
    outside[30:40, 20:60] = False
    assert same[outside].all()
    assert same[~outside].mean() < 0.05
    if method is Method.SOLID:
        corners = pixels[[30, 30, 39, 39], [20, 59, 20, 59]]
        assert (corners == pixels[35, 40]).all(), "an ellipse would leave the corners"


@pytest.mark.parametrize("box", [(-10.0, -5.0, 30.0, 20.0), (90.0, 70.0, 30.0, 30.0)])
def test_at_the_border_of_the_photo_what_is_inside_is_covered(photo, box):
    pixels = photo.pixels.copy()
    MaskLayer(replace(REGION, box=box), Method.SOLID).apply(pixels)
    x, y, w, h = (int(value) for value in box)
    inside = pixels[max(0, y) : y + h, max(0, x) : x + w]
    assert (inside == inside[0, 0]).all()


def test_a_surrogate_is_refused(photo):
    result = Pipeline("cpu").redact(photo, REGION, Request())
    assert result.verdict.state is State.ATTENTION
    assert result.layer is None

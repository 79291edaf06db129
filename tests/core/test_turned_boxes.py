"""Boxes that a person turned: what masks hide, and faces that lean too far to be seen upright."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from samples import moved_face

from deid_desktop.core.brush import corners, extent, painted
from deid_desktop.core.compose import MaskLayer
from deid_desktop.core.imaging import photo_from_pixels
from deid_desktop.core.types import Face, Method, Request, State, Stroke

BOX = (60.0, 80.0, 80.0, 30.0)


def turned_face(angle, *, region=True):
    points = np.zeros((5, 2), np.float32)
    return Face(0, BOX, points, 0.0, by_person=True, region=region, angle=angle)


def solid(face, *strokes):
    photo = np.full((200, 220, 3), 200, np.uint8)
    MaskLayer(face, Method.SOLID, strokes).apply(photo)
    return photo[..., 0] == 24


@pytest.mark.parametrize("angle", [-170.0, -45.0, 10.0, 30.0, 90.0])
def test_a_turned_region_is_hidden_whole_and_little_else(angle):
    hidden = solid(turned_face(angle))
    inside = np.zeros(hidden.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(corners(BOX, angle)).astype(np.int32), 1)
    assert hidden[inside > 0].all()
    assert hidden.sum() < 1.25 * inside.sum()


@pytest.mark.parametrize("angle", [-60.0, 25.0])
def test_the_mask_of_a_turned_face_covers_the_ellipse_of_its_box(angle):
    hidden = solid(turned_face(angle, region=False))
    y, x = np.mgrid[: hidden.shape[0], : hidden.shape[1]]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    right, down = x - 100, y - 95
    along, across = right * cos + down * sin, down * cos - right * sin
    assert hidden[(along / 39) ** 2 + (across / 14) ** 2 <= 1].all()


def test_no_angle_is_exactly_what_it_was():
    assert np.array_equal(solid(turned_face(0.0)), solid(replace(turned_face(0.0), angle=0.0)))
    assert np.ptp(np.nonzero(solid(turned_face(0.0)))[1]) == 79


def test_strokes_turn_with_the_box():
    face = turned_face(90.0)
    right = Stroke(into=True, radius=0.05, points=((0.5, 0.0),))
    rows, columns = np.nonzero(painted([right], face, corner=(0, 0), shape=(200, 220)))
    # To the right of the box is downwards in the photo.
    assert (columns.mean(), rows.mean()) == pytest.approx((100, 135), abs=1)
    left, top, width, height = extent([right], face)
    assert (left, width) == pytest.approx((85, 30))
    assert (top, top + height) == pytest.approx((55, 139))


@pytest.mark.parametrize("angle", [40.0, -135.0])
def test_a_face_that_leans_is_found_in_a_box_turned_with_it_and_verified(
    pipeline, portrait, portrait_face, angle
):
    height, width = portrait.pixels.shape[:2]
    x, y, w, h = portrait_face.box
    matrix = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), -angle, 0.6)
    pixels = cv2.warpAffine(portrait.pixels, matrix, (width, height), borderValue=(90, 90, 90))
    photo = photo_from_pixels(pixels, "leaning.png")
    expected = moved_face(portrait_face, matrix).points
    middle = matrix @ [x + w / 2, y + h / 2, 1]
    box = (middle[0] - 0.3 * w, middle[1] - 0.3 * h, 0.6 * w, 0.6 * h)
    face = pipeline.mark(photo, box, face_id=3, angle=angle)
    assert (face.id, face.angle, face.by_person) == (3, angle, True)
    assert np.linalg.norm(face.points - expected, axis=1).max() < 0.1 * h
    result = pipeline.redact(photo, replace(face, box=box), Request())
    assert result.verdict.state is State.VERIFIED
